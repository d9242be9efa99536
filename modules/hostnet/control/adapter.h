/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own adapters: what each is to have, and making it so. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"
#include "modules/hostnet/control/address.h"

struct api_document;
struct dhcp_client;
struct err;
struct netlink;
typedef struct json_t json_t;

#define ADAPTER_PROBLEMS_MAX 8

struct adapter_problem {
	const char *field; /* "addresses", "gateway", "dns" */
	char reason[200];
};

struct host_adapter {
	char name[64], ifname[IFNAMSIZ]; /* the adapter's, and its tap's */
	char takes_over[IFNAMSIZ]; /* "": nothing */
	struct mac mac;
	size_t order; /* place among the host's adapters: earlier ones have the better default route */

	struct ip_prefix *addresses; /* as written */
	size_t n_addresses;
	struct ip *gateway;
	size_t n_gateway;
	struct ip *dns;
	size_t n_dns;
	bool wants_dhcp;

	struct dhcp_client *dhcp; /* NULL: none; moves on from list to list with the adapter */
	uint32_t ifindex; /* of the tap when last made right; another one: a new tap */
	bool dns_set, dns_failed; /* failed: to be tried again */
	bool repairing; /* what adapter_sync sets now had been there and was taken away by somebody */
	struct adapter_problem problems[ADAPTER_PROBLEMS_MAX];
	size_t n_problems;
};

struct host_adapters {
	struct host_adapter *at;
	size_t n;
};

/* The document's host adapters on taps in weftd's namespace, and those that vswitch implies. -ENOMEM. */
int adapters_build(const struct api_document *doc, struct host_adapters *ret_adapters, struct err *e);
void adapters_free(struct host_adapters *list); /* not their DHCP clients */
struct host_adapter *adapters_find(const struct host_adapters *list, const char *name);

/* Refuses what can be seen to be wrong without touching anything. */
int adapters_check(const struct api_document *doc, struct err *e);

/* Addresses and routes as wanted, DHCP's among them; failures become the adapter's problems. 0, or the first
 * failure in e (NULL ok). A tap that is not there: -ENODEV. */
int adapter_sync(struct netlink *nl, struct host_adapter *a, enum sync_half half, struct err *e);
void adapter_sync_dns(struct host_adapter *a);
/* Takes all back that adapter_sync_dns set, for an adapter that leaves. */
void adapter_forget_dns(const struct host_adapter *a);
/* All of them strong hosts against each other. */
int adapters_sync_strong(struct netlink *nl, const struct host_adapters *list, enum sync_half half);

int adapters_clear_strong(struct netlink *nl, const struct host_adapters *list);
int adapter_clear_strong(struct netlink *nl, const struct host_adapter *a);

/* Tells the neighbours of every address written out. */
void adapter_announce(const struct host_adapter *a);

/* "addresses", "gateway", "dhcp", "not-enforced" of the adapter's status. */
void adapter_status(struct netlink *nl, const struct host_adapter *a, json_t *object);
