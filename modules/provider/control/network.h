/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider network on this host: what the document says of it (replaced as a whole by each document), and what
 * was found out while it runs (kept as long as it is used). Private to modules/provider/control.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "modules/provider/control/routes.h"
#include "modules/provider/datapath/provider_data.h"
#include "modules/provider/provider.h"

#define NETWORK_NAME_SIZE 64

struct frame;
struct neighbour;
struct path;
struct group;
struct lent;

struct network_address { /* a PA */
	struct ip_prefix prefix; /* its own address, with the length of the subnet that it is in */
	uint16_t vlan;
	struct mac mac;
	bool fresh; /* not announced yet */
	struct mac duplicate; /* who claims it too; zero: nobody */
};

/* From one document; never changed but for what is found out about an address. */
struct network_config {
	char switch_name[64]; /* "": no PA, so no way out */
	uint16_t uplink; /* adapter id */
	uint16_t mtu; /* the uplink's, L3 bytes */
	struct network_address *address;
	uint32_t n_addresses;
	struct routes *routes;
};

LIST_HEAD(path_list, path);
LIST_HEAD(neighbour_list, neighbour);
LIST_HEAD(group_list, group);
LIST_HEAD(lent_list, lent);

struct network {
	char name[NETWORK_NAME_SIZE];
	uint8_t index;
	struct network_config *config; /* what runs; NULL: not yet, or not any more */
	struct network_config *next; /* of the transaction under way */
	struct provider_switch *data; /* what the workers see */
	struct path_list paths;
	struct neighbour_list neighbours;
	struct group_list groups;
	struct lent_list lents;
	bool lents_changed; /* the workers do not know yet */
};

extern struct network *networks[PROVIDER_NETWORKS_MAX]; /* by index; NULL: none */

/* By name, made if there is none. NULL: no memory, or PROVIDER_NETWORKS_MAX are in use. */
struct network *network_get(const char *name);
struct network *network_find(const char *name); /* NULL: none */
struct network *network_by_uplink(uint16_t adapter); /* of what runs */
/* Frees those that no document names and nobody uses. */
void network_sweep(void);
void network_free_all(void); /* workers have stopped */

void network_config_free(struct network_config *c); /* NULL ok */
/* The PA from whose subnet `ip` can be reached directly, the longest prefix first; NULL: none. */
struct network_address *network_on_link(const struct network_config *c, const struct ip *ip);
struct network_address *network_address_find(const struct network_config *c, const struct ip *ip);
struct network_address *network_address_of_family(const struct network_config *c, uint8_t family); /* the first */

/* The workers' view of the PAs and groups, made new. -ENOMEM: the old one stays. */
int network_locals_update(struct network *net);
/* No frame may be sent for the moment: the snapshot that its uplink is in has not been published. */
extern bool network_quiet;
void network_send(const struct network *net, struct frame *f); /* out of the uplink; NULL ok: no memory */
uint64_t network_now_ms(void);
