/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashing of 64-bit keys for tables on the packet path, in which a key lives in one of two buckets. `odd` is the
 * table's own random odd number: whoever does not know it cannot choose keys that fall together.
 *
 * One multiplication, in which the upper bits of the product depend on all bits of the key; the checksum brings
 * those down to the lower ones, evenly for keys that count up in any of their bytes.
 */
#pragma once

#include <stdint.h>

static inline uint64_t hash_u64(uint64_t key, uint64_t odd)
{
	uint64_t product = key * odd;
#if defined(__SSE4_2__)
	return (product & ~(uint64_t)UINT32_MAX) | (uint32_t)__builtin_ia32_crc32di(0, product);
#elif defined(__ARM_FEATURE_CRC32)
	return (product & ~(uint64_t)UINT32_MAX) | __builtin_aarch64_crc32cx(0, product);
#else
	unsigned __int128 wide = (unsigned __int128)(product ^ product >> 32) * 0x9e3779b97f4a7c15ULL;
	return (product & ~(uint64_t)UINT32_MAX) | (uint32_t)(wide ^ wide >> 64);
#endif
}

/* For the first bucket take the lower bits of the hash, for the second those of this, in which all bits of it meet. */
static inline uint64_t hash_second(uint64_t hash) { return hash * 0x9e3779b97f4a7c15ULL >> 32; }
