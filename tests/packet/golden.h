/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that other software made, in tests/packet/golden. What goes wrong fails the test. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pcap;

struct pcap *golden_open(const char *name); /* without ".pcap" */
/* The next frame's bytes, and how many; 0: no more. */
uint32_t golden_next(struct pcap *file, uint8_t *to, size_t room);
void golden_close(struct pcap *file);
