/* SPDX-License-Identifier: Apache-2.0 */
/* The records that are held, by key. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct hnvc_record *hnvc_held_find(const struct hnvc_subnet *s, const struct ip *customer,
				   const struct mac *l2only_mac);
struct hnvc_record *hnvc_held_alloc(void); /* not yet among the others; NULL: no memory */
void hnvc_held_free(struct hnvc_record *r); /* one that is not among the others */
void hnvc_held_link(struct hnvc_record *r); /* into the hash and its subnet's list, by pub and subnet */
void hnvc_held_unlink(struct hnvc_record *r);
uint64_t hnvc_held_count(void);
/* The i-th place in memory, so that all can be gone through in pieces; NULL and *ret_end: beyond the last. */
struct hnvc_record *hnvc_held_at(uint64_t i, bool *ret_end);
void hnvc_held_fini(void);
uint64_t hnvc_held_bytes(void);
/* "record 5001 10.0.0.5" */
#define HNVC_RECORD_TEXT 96
const char *hnvc_record_text(uint32_t vsid, const struct ip *customer, char buf[static HNVC_RECORD_TEXT]);
