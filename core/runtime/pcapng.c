/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng blocks in the byte order of this machine, as the section's magic number tells the reader. */
#include "core/runtime/pcapng.h"

#include <string.h>

enum { BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6, BLOCK_SECTION = 0x0a0d0d0a };
enum { OPT_END = 0, OPT_COMMENT = 1 };
enum { SHB_HARDWARE = 2, SHB_OS = 3, SHB_USERAPPL = 4 };
enum { IF_NAME = 2, IF_TSRESOL = 9, IF_FILTER = 11 };
enum { EPB_FLAGS = 2 };
enum { ISB_IFRECV = 4, ISB_OSDROP = 7 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_ETHERNET 1
#define FILTER_IS_TEXT 0 /* first byte of if_filter: a libpcap filter string follows */
#define TSRESOL_NANOSECONDS 9
#define OPTION_MAX 32000 /* bytes: lengths are 16 bits; nothing of ours is near that */

static void put_u16(struct str *s, uint16_t v) { str_add_bytes(s, &v, sizeof(v)); }
static void put_u32(struct str *s, uint32_t v) { str_add_bytes(s, &v, sizeof(v)); }

static void put_padded(struct str *s, const void *data, size_t len)
{
	str_add_bytes(s, data, len);
	str_add_bytes(s, "\0\0\0", -len & 3);
}

/* High word first, whatever the byte order: so the format wants timestamps. */
static void put_time(struct str *s, uint64_t ns)
{
	put_u32(s, (uint32_t)(ns >> 32));
	put_u32(s, (uint32_t)ns);
}

static void put_option(struct str *s, uint16_t code, const void *value, size_t len)
{
	put_u16(s, code);
	put_u16(s, (uint16_t)len);
	put_padded(s, value, len);
}

static void put_text(struct str *s, uint16_t code, const char *text)
{
	if (text && *text)
		put_option(s, code, text, strnlen(text, OPTION_MAX));
}

/* A block starts with its type and length, which is known, and written again, at the end. */
static size_t block_begin(struct str *s, uint32_t type)
{
	size_t start = s->len;
	put_u32(s, type);
	put_u32(s, 0);
	return start;
}

static void block_end(struct str *s, size_t start)
{
	put_u32(s, OPT_END);
	uint32_t len = (uint32_t)(s->len - start + 4);
	put_u32(s, len);
	if (!s->failed)
		memcpy(s->text + start + 4, &len, 4);
}

void pcapng_section(struct str *out, const char *hardware, const char *os, const char *application)
{
	size_t start = block_begin(out, BLOCK_SECTION);
	put_u32(out, BYTE_ORDER_MAGIC);
	put_u16(out, 1); /* version 1.0 */
	put_u16(out, 0);
	put_u32(out, UINT32_MAX); /* a section of unknown length */
	put_u32(out, UINT32_MAX);
	put_text(out, SHB_HARDWARE, hardware);
	put_text(out, SHB_OS, os);
	put_text(out, SHB_USERAPPL, application);
	block_end(out, start);
}

static void put_filter(struct str *out, const char *filter)
{
	size_t len = filter ? strnlen(filter, OPTION_MAX) : 0;
	if (!len)
		return;
	put_u16(out, IF_FILTER);
	put_u16(out, (uint16_t)(len + 1));
	str_add_bytes(out, &(uint8_t){FILTER_IS_TEXT}, 1);
	str_add_bytes(out, filter, len);
	str_add_bytes(out, "\0\0\0", -(len + 1) & 3);
}

void pcapng_interface(struct str *out, const char *name, const char *filter, uint32_t snaplen)
{
	size_t start = block_begin(out, BLOCK_INTERFACE);
	put_u16(out, LINKTYPE_ETHERNET);
	put_u16(out, 0);
	put_u32(out, snaplen);
	put_text(out, IF_NAME, name);
	put_option(out, IF_TSRESOL, &(uint8_t){TSRESOL_NANOSECONDS}, 1);
	put_filter(out, filter);
	block_end(out, start);
}

void pcapng_packet(struct str *out, const struct pcapng_packet *packet)
{
	size_t start = block_begin(out, BLOCK_PACKET);
	put_u32(out, packet->interface);
	put_time(out, packet->time_ns);
	put_u32(out, packet->captured);
	put_u32(out, packet->length);
	put_padded(out, packet->data, packet->captured);
	put_option(out, EPB_FLAGS, &(uint32_t){packet->direction}, 4);
	put_text(out, OPT_COMMENT, packet->comment);
	block_end(out, start);
}

void pcapng_statistics(struct str *out, const struct pcapng_statistics *statistics)
{
	size_t start = block_begin(out, BLOCK_STATISTICS);
	put_u32(out, statistics->interface);
	put_time(out, statistics->time_ns);
	put_option(out, ISB_IFRECV, &statistics->received, 8);
	put_option(out, ISB_OSDROP, &statistics->missed, 8);
	put_text(out, OPT_COMMENT, statistics->comment);
	block_end(out, start);
}
