/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a pcapng stream that comes in pieces into its blocks, so that only whole ones are written and a capture
 * that ends anywhere is a valid file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PCAPNG_BLOCK_MAX (1u << 20) /* bytes; the longest frame with its comment is a tenth of it */

struct pcapng_writer {
	FILE *file;
	uint8_t *block; /* the one under way */
	size_t len, cap;
	uint64_t packets, bytes; /* written: packet blocks, all bytes */
};

/* Takes the next bytes and writes the blocks they complete. 0, -EBADMSG: no pcapng of this machine's byte
 * order, -EIO: the file takes no more, -ENOMEM. */
int pcapng_write(struct pcapng_writer *w, const char *data, size_t len);
void pcapng_writer_clear(struct pcapng_writer *w); /* frees what is under way, leaves the file open */
