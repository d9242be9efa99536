/* SPDX-License-Identifier: Apache-2.0 */
/* Provider addresses and routes against each other, the switches and the host. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_pass.h"
#include "api/schema_private.h"
#include "base/err.h"

static struct subject address_subject(const struct pass *p, size_t i)
{
	char text[IP_TEXT_SIZE];

	return subject_make("provider-addresses", i, ip_format(&p->doc->provider_addresses[i].address.ip, text));
}

/* A switch carries one provider network, and a provider network is on one switch. */
static int carrier_validate(struct pass *p, const struct subject *s, size_t i)
{
	const struct api_provider_address *pa = &p->doc->provider_addresses[i];
	const struct api_switch *sw = api_document_switch(p->doc, pa->switch_name);
	const char *network = pa->provider_network, *holder = "";

	if (!sw)
		return pass_refuse(p, s, "switch", "the document has no switch \"%s\"; name one of its switches",
				   pa->switch_name);
	if (sw->type != API_SWITCH_EXTERNAL)
		return pass_refuse(p, s, "switch", "%s has no uplink; a provider address needs an external switch",
				   sw->name);

	size_t *carrier = &p->carriers[sw - p->doc->switches];
	if (*carrier == 0) {
		int r = pass_claim(p, s, &holder, "carrier %s", network);
		if (r == -EEXIST)
			return pass_refuse(p, s, "switch",
					   "provider network %s is already on another switch than %s: that of %s; "
					   "name another provider-network",
					   network, sw->name, holder);
		if (r == 0)
			*carrier = i + 1;
		return r;
	}
	const struct api_provider_address *first = &p->doc->provider_addresses[*carrier - 1];
	if (strcmp(first->provider_network, network) == 0)
		return 0;
	struct subject other = address_subject(p, *carrier - 1);
	return pass_refuse(p, s, "provider-network",
			   "%s, but switch %s already carries %s by %s; a switch carries one provider network",
			   network, sw->name, first->provider_network, other.label);
}

static int address_validate(struct pass *p, size_t i)
{
	const struct api_provider_address *pa = &p->doc->provider_addresses[i];
	struct subject s = address_subject(p, i);
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	const char *holder = "";

	int r = carrier_validate(p, &s, i);
	if (r < 0)
		return r;
	ip_format(&pa->address.ip, text);
	r = pass_claim(p, &s, &holder, "provider-address %s %s", pa->provider_network, text);
	if (r == -EEXIST)
		return pass_refuse(p, &s, "address", "%s is already that of %s; an address stands once", text,
				   holder);
	if (r == 0 && pa->address.ip.family == AF_INET6)
		r = pass_claim(p, &s, &holder, "provider-ipv6 %s", pa->provider_network);
	if (r < 0 && r != -EEXIST)
		return r;

	/* Provider addresses may share a MAC address, but with no adapter; those come later. */
	r = pass_pool_check(p, &s, &pa->mac_address);
	if (r < 0 || mac_is_zero(&pa->mac_address))
		return r;
	r = pass_claim(p, &s, &holder, "mac %s %s 0", mac_format(&pa->mac_address, mac), pa->switch_name);
	return r == -EEXIST ? 0 : r;
}

int pass_provider_addresses(struct pass *p)
{
	p->carriers = calloc(p->doc->n_switches + 1, sizeof(*p->carriers));
	if (!p->carriers)
		return err_set(p->e, ENOMEM, NULL, "out of memory");
	int r = 0;
	for (size_t i = 0; i < p->doc->n_provider_addresses && r == 0; i++)
		r = address_validate(p, i);
	return r;
}

/* Virtual subnets that are there, each of one address of a family. */
static int sources_validate(struct pass *p, size_t i)
{
	const struct api_provider_address *pa = &p->doc->provider_addresses[i];
	struct subject s = address_subject(p, i);
	const char *holder = "";
	char field[48];
	int r = 0;

	for (size_t k = 0; k < pa->n_virtual_subnet_ids && r == 0; k++) {
		uint32_t id = pa->virtual_subnet_ids[k];
		snprintf(field, sizeof(field), "virtual-subnet-ids[%zu]", k);
		if (!pass_subnet_find(p, pa->provider_network, id))
			return pass_refuse(
				p, &s, field,
				"no routing domain of provider network %s has virtual subnet %u; add it there or use another",
				pa->provider_network, id);
		r = pass_claim(p, &s, &holder, "source %s %u %d", pa->provider_network, id, pa->address.ip.family);
		if (r == -EEXIST)
			return pass_refuse(p, &s, field,
					   "virtual subnet %u is already sent from %s; leave it out of one of them",
					   id, holder);
	}
	return r;
}

int pass_provider_sources(struct pass *p)
{
	int r = 0;

	for (size_t i = 0; i < p->doc->n_provider_addresses && r == 0; i++)
		r = sources_validate(p, i);
	return r;
}

/* The next hop is a neighbour of one of the host's addresses on the network, and none of them. */
static int next_hop_validate(struct pass *p, const struct subject *s, const struct api_provider_route *route,
			     const struct prefix_row *links)
{
	const char *network = route->provider_network, *holder;
	char text[IP_TEXT_SIZE], prefix[IP_PREFIX_TEXT_SIZE];

	ip_format(&route->next_hop, text);
	if (route->next_hop.family != route->prefix.ip.family)
		return pass_refuse(p, s, "next-hop", "%s cannot lead to %s; use a next hop of its own family", text,
				   ip_prefix_format(&route->prefix, prefix));
	holder = pass_holder(p, "provider-address %s %s", network, text);
	if (holder)
		return pass_refuse(p, s, "next-hop", "%s is this host's own, %s; give the router's", text, holder);
	if (prefix_table_find(links, p->doc->n_provider_addresses, network, &route->next_hop))
		return 0;
	if (schema_ip_is_link_local(&route->next_hop) && pass_holder(p, "provider-ipv6 %s", network))
		return 0;
	return pass_refuse(p, s, "next-hop",
			   "%s lies in the subnet of no provider address of provider network %s; use a router in one",
			   text, network);
}

static int route_validate(struct pass *p, size_t i, const struct prefix_row *links)
{
	const struct api_provider_route *route = &p->doc->provider_routes[i];
	char prefix[IP_PREFIX_TEXT_SIZE];
	const char *holder = "";

	struct subject s = subject_make("provider-routes", i, ip_prefix_format(&route->prefix, prefix));
	int r = next_hop_validate(p, &s, route, links);
	if (r < 0)
		return r;
	r = pass_claim(p, &s, &holder, "provider-route %s %s %u", route->provider_network, prefix, route->metric);
	if (r != -EEXIST)
		return r;
	return pass_refuse(p, &s, "metric",
			   "%u is already that of %s; routes with an equal prefix have different ones", route->metric,
			   holder);
}

int pass_provider_routes(struct pass *p)
{
	size_t n = p->doc->n_provider_addresses;
	struct prefix_row *links = calloc(n + 1, sizeof(*links));
	int r = links ? 0 : err_set(p->e, ENOMEM, NULL, "out of memory");

	for (size_t i = 0; i < n && links; i++)
		links[i] = (struct prefix_row){.space = p->doc->provider_addresses[i].provider_network,
					       .prefix = p->doc->provider_addresses[i].address,
					       .owner = i};
	if (links)
		prefix_table_build(links, n);
	for (size_t i = 0; i < p->doc->n_provider_routes && r == 0; i++)
		r = route_validate(p, i, links);
	free(links);
	return r;
}
