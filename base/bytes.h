/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers at any address, of which the caller knows that they are there (base/cursor.h checks): in network byte order,
 * or as they lie there, to be compared and hashed.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_raw16(const uint8_t *at)
{
	uint16_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint32_t bytes_raw32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint64_t bytes_raw64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint16_t bytes_be16(const uint8_t *at) { return be16toh(bytes_raw16(at)); }
static inline uint32_t bytes_be32(const uint8_t *at) { return be32toh(bytes_raw32(at)); }

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
