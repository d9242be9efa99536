/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookup records that a packet needs and nobody gave: who may know them (modules/hnv-resolver), and what comes of it. One
 * resolver at most registers, before main(); without one such packets end as they do where no resolver is configured.
 */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/hnv.h"

struct api_lookup_record;
struct err;

struct hnv_resolver {
	/* Worker. f came from a guest's adapter a and needs the record of `address` in virtual subnet `vsid`, which there is
	 * not. True: f is taken, it waits or ended. False: nobody is asked about such an address; f is the caller's. */
	bool (*missed)(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint32_t vsid,
		       const struct ip *address);
	/* Control thread: hnv_record_refresh. */
	void (*refresh)(uint8_t network, uint32_t vsid, const struct ip *customer);
};
extern const struct hnv_resolver *hnv_resolver; /* NULL: none built in */
#define HNV_RESOLVER(ident)                                                                                          \
	__attribute__((constructor)) static void hnv_resolver_register_##ident(void) { hnv_resolver = &(ident); }

static inline bool hnv_missed(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint32_t vsid,
			      const struct ip *address)
{
	return hnv_resolver && hnv_resolver->missed(p, a, f, vsid, address);
}

/* The resolver's own records. A document's and the API's take their place at any time. Control thread. */

/* The record that `from` says of a provider network, and its labels (free() them; NULL: none). -EINVAL: its encapsulation is
 * not built in; -ENOMEM. */
int hnv_resolved_read(const struct api_lookup_record *from, uint8_t network, struct hnv_record *ret,
		      char **ret_labels, struct err *e);
/* Does it lead to another host, as things run? */
bool hnv_resolved_leaves(const struct hnv_record *r);
/* In force when it returns, labels (NULL ok) copied. As hnv_record_set; -EEXIST: a document's or the API's is held. */
int hnv_resolved_set(const struct hnv_record *r, const char *labels, struct err *e);
/* If it is the resolver's. In force with the next hnv_resolved_flush, of one or of many. */
void hnv_resolved_remove(uint8_t network, uint32_t vsid, const struct ip *customer);
void hnv_resolved_flush(void);
