/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to read bytes that somebody else wrote (guests, the wire, netlink, files). A cursor never
 * leaves its range: a read past the end gives zeroes and sets `bad`, which is checked once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool bad; /* a read went past the end */
};

static inline struct cursor cursor_over(const void *data, size_t len)
{
	return (struct cursor){.at = data, .end = (const uint8_t *)data + len};
}

static inline size_t cursor_left(const struct cursor *c) { return (size_t)(c->end - c->at); }

/* The next len bytes, or NULL (and bad) when there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t len)
{
	if (c->bad || cursor_left(c) < len) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	const uint8_t *p = c->at;
	c->at += len;
	return p;
}

static inline void cursor_skip(struct cursor *c, size_t len) { (void)cursor_take(c, len); }

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);
	return p ? *p : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);
	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline void cursor_copy(struct cursor *c, void *to, size_t len)
{
	const uint8_t *p = cursor_take(c, len);
	if (p)
		memcpy(to, p, len);
	else
		memset(to, 0, len);
}
