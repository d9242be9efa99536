/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each step of a move makes of a host's document: from documents to the next document, without asking weftd, so
 * that every refusal has a unit test. Errors name the field as the document that came in has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/document.h"

struct err;

/* What a host holds under a record's key, by its document or set by the API. */
struct move_held {
	struct mac mac;
	struct ip provider;
};
typedef bool move_held_fn(const struct api_lookup_record *key, struct move_held *ret);

struct move_edit {
	json_t *document; /* the host's next one */
	json_t *added; /* what identifies the lookup records that it adds: array of strings */
	size_t adapter, first_added; /* their indices in it */
	bool is_here; /* the adapter was there before, just the same */
	/* The guest; of move_edit_prepare only. */
	char network[64]; /* "": the adapter's switch carries none */
	uint32_t *vsids; /* where it is */
	size_t n_vsids;
	struct mac mac;
	bool learns; /* has a dynamic-ip-address-limit */
	size_t n_records; /* that it has there */
};
void move_edit_clear(struct move_edit *m);

/* An adapter as documents have it, for this host. -EEXIST: another is called so, and differs. */
int move_edit_port(const struct api_document *here, const json_t *adapter, struct move_edit *ret, struct err *e);
/* The adapter of `there`, a document or part of one, with those of its lookup records that are not held here.
 * -ENOENT: there is none of that name. */
int move_edit_prepare(const struct api_document *here, const json_t *there, const char *name, move_held_fn *held,
		      struct move_edit *ret, struct err *e);
/* All of the document's records of a guest, in vsid or (not NULL) in all virtual subnets of its adapter, lead to `provider`,
 * but those of rule nat. *ret_document: a new reference, NULL when they do already. */
int move_edit_activate(const struct api_document *here, const char *network, uint32_t vsid, const char *adapter,
		       const struct mac *mac, const struct ip *provider, json_t **ret_document, struct err *e);
/* Without the adapter and the records in `added` (NULL: none). *ret_document NULL: it is not there. */
int move_edit_remove(const struct api_document *here, const char *name, const json_t *added, json_t **ret_document,
		     struct err *e);

/* Is the adapter in that virtual subnet, as its only one or as one of several? */
bool move_is_in(const struct api_adapter *ad, uint32_t vsid);
/* The provider network of a switch, as the document says; NULL: it carries none. */
const char *move_network_of(const struct api_document *doc, const char *switch_name);
/* This host's own provider address there: that of the virtual subnet (0: no matter), else the first of that family, else
 * of the other; NULL: none. */
const struct ip *move_provider_of(const struct api_document *doc, const char *network, uint32_t vsid, uint8_t family);
bool move_is_own(const struct api_document *doc, const char *network, const struct ip *provider);
/* Can it be an address of one host? reached: the provider network has a route there. -EINVAL, with what would be one. */
int move_provider_check(const struct api_document *doc, const char *network, const struct ip *provider, bool reached,
			struct err *e);
