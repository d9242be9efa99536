/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a pcapng file (draft-ietf-opsawg-pcapng), appended to a str. DPDK's rte_pcapng writes ethdev
 * ports to a file descriptor; our interfaces are adapters and our reader is a client.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

struct pcapng_packet {
	uint32_t interface; /* index of its description in the section */
	uint64_t time_ns; /* since 1970 */
	enum pcapng_direction direction;
	const void *data;
	uint32_t captured, length; /* bytes at data; bytes of the frame */
	const char *comment; /* NULL: none */
};

struct pcapng_statistics {
	uint32_t interface;
	uint64_t time_ns;
	uint64_t received; /* written as packets */
	uint64_t missed; /* for want of room between the workers and the reader */
	const char *comment; /* NULL: none */
};

void pcapng_section(struct str *out, const char *hardware, const char *os, const char *application);
/* Ethernet with nanosecond timestamps. snaplen 0: whole frames. */
void pcapng_interface(struct str *out, const char *name, const char *filter, uint32_t snaplen);
void pcapng_packet(struct str *out, const struct pcapng_packet *packet);
void pcapng_statistics(struct str *out, const struct pcapng_statistics *statistics);
