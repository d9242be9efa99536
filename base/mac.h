/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet addresses: accepted as 00:15:5d:02:06:02, 00-15-5D-02-06-02 and 00155D020602, printed as the first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mac {
	uint8_t byte[6]; /* wire order */
};

#define MAC_TEXT_SIZE 18 /* with the terminating NUL */

int mac_parse(const char *text, struct mac *ret_mac); /* -EINVAL */
const char *mac_format(const struct mac *mac, char buf[static MAC_TEXT_SIZE]);

static inline uint64_t mac_to_u64(const struct mac *m) /* 0x0000_00155d020602 */
{
	uint64_t v = 0;
	for (int i = 0; i < 6; i++)
		v = v << 8 | m->byte[i];
	return v;
}

static inline struct mac mac_from_u64(uint64_t v)
{
	struct mac m;
	for (int i = 5; i >= 0; i--, v >>= 8)
		m.byte[i] = (uint8_t)v;
	return m;
}

static inline bool mac_is_multicast(const struct mac *m) { return m->byte[0] & 1; }
static inline bool mac_is_zero(const struct mac *m) { return mac_to_u64(m) == 0; }
