/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/encapsulation (row H11, Test-EncapOverheadSettings): what tunnels take from the uplinks, and what guests have. */
#include <string.h>

#include <jansson.h>

#include "core/http/server.h"
#include "modules/hnv/view.h"

struct sums {
	json_t *networks, *adapters;
	uint32_t largest[256]; /* of the adapters in each provider network, by index */
};

/* Adapters in virtual subnets; those on uplinks carry none. */
static void adapters_add(struct sums *all)
{
	const struct dataplane *dp = dataplane_current();
	for (uint16_t i = 0; dp && i < dp->n_adapters; i++) {
		const struct dp_adapter *a = dp->adapters[i];
		const struct hnv_port *port = a && a->vsid ? hnv_port_of(a) : NULL;
		if (!port || !port->subnet)
			continue;
		uint32_t inner = atomic_load(&port->net->inner_mtu), *largest = &all->largest[port->net->index];
		*largest = a->mtu > *largest ? a->mtu : *largest;
		json_array_append_new(all->adapters, json_pack("{s:o, s:i, s:i, s:b}", "name", http_text(a->name),
							       "virtual-subnet-id", (int)a->vsid, "mtu", (int)a->mtu,
							       "fits", !inner || a->mtu <= inner));
	}
}

static int network_add(const struct hnv_network_view *net, void *sums)
{
	struct sums *all = sums;
	uint32_t inner = atomic_load(&net->tables->inner_mtu), largest = all->largest[net->tables->index];
	json_t *o = json_pack("{s:o, s:o, s:i}", "provider-network", http_text(net->name), "switch",
			      http_text(net->switch_name), "uplink-mtu", (int)net->uplink_mtu);
	if (inner) { /* a tunnel leads somewhere */
		uint32_t overhead = net->uplink_mtu - inner;
		json_object_set_new(o, "overhead", json_integer(overhead));
		json_object_set_new(o, "inner-mtu", json_integer(inner));
		json_object_set_new(o, "needed-mtu", json_integer(largest ? largest + overhead : net->uplink_mtu));
	}
	json_array_append_new(all->networks, o);
	return 0;
}

static void encapsulation_get(const struct http_request *r, struct http_response *ret)
{
	struct sums all = {.networks = json_array(), .adapters = json_array()};
	adapters_add(&all);
	hnv_networks_each(network_add, &all);
	ret->json = json_pack("{s:o, s:o}", "networks", all.networks, "adapters", all.adapters);
}

ROUTE(encapsulation, "GET", "/v1/encapsulation", encapsulation_get,
      "What tunnels take from each provider network's uplink, and which adapters have a larger MTU than fits.", NULL)
