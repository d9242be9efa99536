/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that check objects against each other share: who claims what, and how one is refused. */
#pragma once

#include <jansson.h>

#include "api/document.h"
#include "api/prefix_table.h"

struct err;

/* One object under the check. */
struct subject {
	char path[64]; /* "adapters[3]" */
	char label[160]; /* "adapters[3] (vm1)", as it is called in other objects' errors */
};

/* A virtual subnet and where it stands in the document. */
struct tenant_subnet {
	const struct api_routing_domain *domain;
	const struct api_virtual_subnet *subnet;
	size_t domain_index, index;
};

struct pass {
	const struct api_document *doc;
	json_t *claims; /* key -> label of the holder; hashed: 10 000 adapters must cost no time */
	size_t *carriers; /* of each switch: 1 + the index of its first provider address; 0: it has none */
	struct tenant_subnet *subnets; /* by VSID, then provider network */
	size_t n_subnets;
	struct prefix_row *prefixes; /* theirs; the space is the routing domain's id, the owner an index of subnets */
	size_t n_prefixes;
	const struct api_lookup_record *
		*records; /* by virtual subnet and customer address; as many as the document has */
	struct err *e;
};

struct subject subject_make(const char *plural, size_t i, const char *name);

/* Gives the key, "class name" of at most 511 bytes, to s. 0; -EEXIST: *ret_holder has it; -ENOMEM, filled in. */
int pass_claim(struct pass *p, const struct subject *s, const char **ret_holder, const char *key, ...)
	__attribute__((format(printf, 4, 5)));
const char *pass_holder(const struct pass *p, const char *key, ...) /* whose it is; NULL: nobody's */
	__attribute__((format(printf, 2, 3)));

/* Refuses s.field, with the subject's path in front. */
int pass_refuse(struct pass *p, const struct subject *s, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A static address may be none that the host's pool can give to somebody else; zero is fine. */
int pass_pool_check(struct pass *p, const struct subject *s, const struct mac *mac);

/* The checks, in the order in which they run; each fills what the later ones look into. */
int pass_provider_addresses(struct pass *p);
int pass_provider_routes(struct pass *p);
int pass_routing_domains(struct pass *p);
int pass_provider_sources(struct pass *p);
int pass_tenant_adapter(struct pass *p, const struct subject *s, const struct api_adapter *a,
			const struct api_switch *sw);
int pass_lookup_records(struct pass *p);
int pass_customer_routes(struct pass *p);

/* The virtual subnet of a provider network; NULL: none. */
const struct tenant_subnet *pass_subnet_find(const struct pass *p, const char *network, uint32_t vsid);
/* The same; none: refuses `virtual-subnet-id` of s. */
int pass_subnet_get(struct pass *p, const struct subject *s, const char *network, uint32_t vsid,
		    const struct tenant_subnet **ret_subnet);
/* The record of a unicast customer address; NULL: none. */
const struct api_lookup_record *pass_record_find(const struct pass *p, const char *network, uint32_t vsid,
						 const struct ip *customer);
struct subject pass_record_subject(const struct pass *p, const struct api_lookup_record *record);
