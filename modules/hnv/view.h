/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host has of tenants' networks, for who shows it (modules/hnv-diagnosis). As things run, and theirs until the
 * next transaction. Control thread.
 */
#pragma once

#include "modules/hnv/tables.h"

/* A provider network that the host has addresses in. */
struct hnv_network_view {
	const char *name, *switch_name; /* and of the switch that carries it */
	uint16_t uplink_mtu; /* L3 bytes */
	const struct hnv_network *tables;
};
/* fn returning non-zero stops and is returned, as in the next. */
int hnv_networks_each(int (*fn)(const struct hnv_network_view *n, void *arg), void *arg);
const struct hnv_network *hnv_network_find(const char *name); /* NULL: never heard of */

/* A routing domain's routes, its virtual subnets' own included, in no order. */
struct hnv_domain_view {
	const struct hnv_domain *domain;
	const struct hnv_route_entry *routes;
	size_t n_routes;
};
int hnv_domains_each(int (*fn)(const struct hnv_domain_view *d, void *arg), void *arg);

/* The provider address that another host said to send to instead of the record's own; NULL: none did. Of a record that
 * hnv_record_find found. */
const struct ip *hnv_record_redirected_to(const struct hnv_record *r);
