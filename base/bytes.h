/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in network byte order at any address, of which the caller knows that they are there (base/cursor.h checks). */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_be16(const uint8_t *at)
{
	uint16_t v;
	memcpy(&v, at, sizeof(v));
	return be16toh(v);
}

static inline uint32_t bytes_be32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return be32toh(v);
}

/* The lower bits of v. */
static inline void bytes_put_be16(uint8_t *at, uint32_t v)
{
	uint16_t be = htobe16((uint16_t)v);
	memcpy(at, &be, sizeof(be));
}

static inline void bytes_put_be32(uint8_t *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, sizeof(v));
}
