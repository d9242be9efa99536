/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Is that a packet of a tunnel of this host's, from behind its outer IP header (provider_quoted_by)? Control thread. */
bool hnvc_quoted_is_ours(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t len);
