/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the guest of hnv_guest.h: written, and compared with what came out. A difference fails the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/runtime/frame.h"

extern const uint8_t packet_vm[6], packet_peer[6]; /* MAC addresses: the guest's, and that of 10.0.0.6 */

size_t packet_hex(const char *text, uint8_t *to); /* returns how many bytes */
void packet_check(const char *about, struct frame *f, const uint8_t *want, size_t len);
/* From the guest to 10.0.0.6: UDP of len L3 bytes, with IPv4 options in multiples of 4 bytes. Returns the frame's length. */
size_t packet_datagram4(uint8_t *to, size_t len, bool dont_fragment, const uint8_t *options, size_t n_options);
