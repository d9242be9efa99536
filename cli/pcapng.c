/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng blocks: type, length, body padded to 4, length again (draft-ietf-opsawg-pcapng, section 3.1). */
#include "cli/pcapng.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_PACKET 6u /* enhanced packet block */
#define SECTION_MAGIC 0x1a2b3c4du /* in the writer's byte order: weftd is on this machine */
#define BLOCK_MIN 12u

static uint32_t word_at(const uint8_t *block, size_t off)
{
	uint32_t v;
	memcpy(&v, block + off, sizeof(v));
	return v;
}

static int room_for(struct pcapng_writer *w, size_t len)
{
	if (len <= w->cap)
		return 0;
	uint8_t *block = realloc(w->block, len);
	if (!block)
		return -ENOMEM;
	w->block = block;
	w->cap = len;
	return 0;
}

/* How long the block under way must be before more can be said about it: its header, then all of it. */
static int length_wanted(const struct pcapng_writer *w, size_t *ret_wanted)
{
	if (w->len < BLOCK_MIN) {
		*ret_wanted = BLOCK_MIN;
		return 0;
	}
	uint32_t type = word_at(w->block, 0), len = word_at(w->block, 4);
	bool first = w->bytes == 0;
	if (len < BLOCK_MIN || len % 4 || len > PCAPNG_BLOCK_MAX || (first && type != BLOCK_SECTION))
		return -EBADMSG;
	if (type == BLOCK_SECTION && word_at(w->block, 8) != SECTION_MAGIC)
		return -EBADMSG;
	*ret_wanted = len;
	return 0;
}

static int block_done(struct pcapng_writer *w)
{
	if (word_at(w->block, w->len - 4) != w->len)
		return -EBADMSG;
	if (fwrite(w->block, 1, w->len, w->file) != w->len)
		return -EIO;
	w->packets += word_at(w->block, 0) == BLOCK_PACKET;
	w->bytes += w->len;
	w->len = 0;
	return 0;
}

int pcapng_write(struct pcapng_writer *w, const char *data, size_t len)
{
	while (len) {
		size_t wanted;
		int r = length_wanted(w, &wanted);
		if (!r)
			r = room_for(w, wanted);
		if (r)
			return r;
		size_t n = wanted - w->len < len ? wanted - w->len : len;
		memcpy(w->block + w->len, data, n);
		w->len += n;
		data += n;
		len -= n;
		if (w->len < BLOCK_MIN)
			break;
		r = length_wanted(w, &wanted);
		if (!r && w->len == wanted)
			r = block_done(w);
		if (r)
			return r;
	}
	return fflush(w->file) ? -EIO : 0;
}

void pcapng_writer_clear(struct pcapng_writer *w)
{
	free(w->block);
	w->block = NULL;
	w->len = w->cap = 0;
}
