/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of a document against each other: who is named twice, refers to nobody, or claims what
 * another has. Here: switches, adapters, the host adapters that switches imply; the rest is in schema_check_*.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_pass.h"
#include "api/schema_private.h"
#include "base/err.h"

enum { IPV6_MTU_MIN = 1280 }; /* RFC 8200, clause 5 */

/* An interface is one thing whoever asks for it: a switch, an attachment, a tap that is made. */
static int interface_claim(struct pass *p, const struct subject *s, const char *field, const char *netns,
			   const char *name)
{
	const char *holder = "";

	int r = pass_claim(p, s, &holder, "interface %s/%s", netns ? netns : "", name);
	if (r != -EEXIST)
		return r;
	return pass_refuse(p, s, field, "interface %s%s%s is already that of %s; give each its own", name,
			   netns ? " in namespace " : "", netns ? netns : "", holder);
}

/* Two strings of arguments name one device if they begin with the same name. */
static int dpdk_claim(struct pass *p, const struct subject *s, const char *field, const char *arguments)
{
	int device = (int)strcspn(arguments, ",");
	const char *holder = "";

	device = device > 127 ? 127 : device;
	int r = pass_claim(p, s, &holder, "dpdk %.*s", device, arguments);
	if (r != -EEXIST)
		return r;
	return pass_refuse(p, s, field, "DPDK device %.*s is already that of %s; give each its own", device,
			   arguments, holder);
}

static int socket_claim(struct pass *p, const struct subject *s, const char *field, const char *path)
{
	const char *holder = "";

	int r = pass_claim(p, s, &holder, "vhost-user %s", path);
	if (r != -EEXIST)
		return r;
	return pass_refuse(p, s, field, "socket %s is already that of %s; give each its own", path, holder);
}

/* What an adapter or an uplink is attached to is its alone. */
static int attach_claim(struct pass *p, const struct subject *s, const struct api_attach *at, bool uplink)
{
	if (at->tap)
		return interface_claim(p, s, "attach.tap", at->netns, at->tap);
	if (at->interface)
		return interface_claim(p, s, uplink ? "uplink" : "attach.interface", NULL, at->interface);
	if (at->dpdk)
		return dpdk_claim(p, s, uplink ? "uplink" : "attach.dpdk", at->dpdk);
	if (at->vhost_user)
		return socket_claim(p, s, uplink ? "uplink" : "attach.vhost-user", at->vhost_user);
	return 0;
}

static int name_claim(struct pass *p, const struct subject *s, const char *class, const char *name)
{
	const char *holder = "";

	int r = pass_claim(p, s, &holder, "%s %s", class, name);
	if (r != -EEXIST)
		return r;
	return pass_refuse(p, s, "name", "another %s is named so: %s; names are unique", class, holder);
}

static int switch_validate(struct pass *p, size_t i)
{
	const struct api_switch *sw = &p->doc->switches[i];
	struct subject s = subject_make("switches", i, sw->name);

	int r = name_claim(p, &s, "switch", sw->name);
	return r == 0 ? attach_claim(p, &s, &sw->uplink, true) : r;
}

/* Tenants may use the same addresses: those of one virtual subnet, or of none, are unique on a switch. */
static int mac_claim(struct pass *p, const struct subject *s, const struct api_adapter *a, uint32_t vsid)
{
	const char *holder = "";
	char text[MAC_TEXT_SIZE];

	mac_format(&a->mac_address, text);
	int r = pass_claim(p, s, &holder, "mac %s %s %u", text, a->switch_name, vsid);
	if (r != -EEXIST)
		return r;
	return pass_refuse(p, s, "mac-address", "%s of %s is already that of %s on switch %s; give each its own",
			   text, s->label, holder, a->switch_name);
}

static int mac_validate(struct pass *p, const struct subject *s, const struct api_adapter *a)
{
	bool shared = a->isolation.multi_tenant_stack;
	uint32_t untagged = api_adapter_untagged(a);
	int r = pass_pool_check(p, s, &a->mac_address);

	if (r < 0 || mac_is_zero(&a->mac_address))
		return r;
	if (untagged || !shared)
		r = mac_claim(p, s, a, untagged);
	for (size_t m = 0; shared && m < a->n_routing_domain_mappings && r == 0; m++)
		for (size_t n = 0; n < a->routing_domain_mappings[m].n_isolation_ids && r == 0; n++)
			if (a->routing_domain_mappings[m].isolation_ids[n].id != untagged)
				r = mac_claim(p, s, a, a->routing_domain_mappings[m].isolation_ids[n].id);
	return r;
}

static int addresses_validate(struct pass *p, const struct subject *s, const struct api_adapter *a)
{
	char text[IP_TEXT_SIZE];
	const char *holder = "";

	for (size_t i = 0; i < a->n_addresses; i++) {
		if (schema_ip_is_link_local(&a->addresses[i].ip))
			continue;
		int r = pass_claim(p, s, &holder, "address %s", ip_format(&a->addresses[i].ip, text));
		if (r == -EEXIST)
			return pass_refuse(p, s, "addresses", "%s is already that of %s; an address stands once",
					   text, holder);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mtu_validate(struct pass *p, const struct subject *s, const struct api_adapter *a,
			const struct api_switch *sw)
{
	uint32_t mtu = a->mtu ? a->mtu : sw->mtu;
	bool ipv6 = false;

	for (size_t i = 0; i < a->n_addresses; i++)
		ipv6 = ipv6 || a->addresses[i].ip.family == AF_INET6;
	if (a->mtu && sw->mtu && a->mtu > sw->mtu)
		return pass_refuse(p, s, "mtu", "%u is above the %u of switch %s; use %u or less", a->mtu, sw->mtu,
				   sw->name, sw->mtu);
	if (ipv6 && mtu && mtu < IPV6_MTU_MIN)
		return pass_refuse(p, s, "mtu", "%u%s%s is too small for the adapter's IPv6 address; use %d or more",
				   mtu, a->mtu ? "" : " of switch ", a->mtu ? "" : sw->name, IPV6_MTU_MIN);
	return 0;
}

static int adapter_validate(struct pass *p, size_t i)
{
	const struct api_adapter *a = &p->doc->adapters[i];
	const struct api_switch *sw = api_document_switch(p->doc, a->switch_name);
	struct subject s = subject_make("adapters", i, a->name);

	int r = name_claim(p, &s, "adapter", a->name);
	if (r < 0)
		return r;
	if (!sw)
		return pass_refuse(p, &s, "switch", "the document has no switch \"%s\"; name one of its switches",
				   a->switch_name);
	if (sw->type == API_SWITCH_PRIVATE && a->owner == API_OWNER_HOST)
		return pass_refuse(p, &s, "switch",
				   "%s is private, for guests only; a host adapter needs an internal or external "
				   "switch",
				   sw->name);
	r = mac_validate(p, &s, a);
	if (r == 0)
		r = api_attach_way(&a->attach, NULL) ? attach_claim(p, &s, &a->attach, false)
						     : interface_claim(p, &s, "name", NULL, a->name); /* its tap's */
	if (r == 0)
		r = addresses_validate(p, &s, a);
	if (r == 0)
		r = mtu_validate(p, &s, a, sw);
	return r == 0 && (a->virtual_subnet_id || a->isolation.mode) ? pass_tenant_adapter(p, &s, a, sw) : r;
}

/* allow-management-os makes a host adapter named like the switch, unless the document spells it out. */
static int implied_validate(struct pass *p, size_t i)
{
	const struct api_switch *sw = &p->doc->switches[i];
	struct subject s = subject_make("switches", i, sw->name);

	if (sw->allow_management_os != API_TRUE)
		return 0;
	const struct api_adapter *a = api_document_adapter(p->doc, sw->name);
	if (!a) {
		int r = schema_check_interface(&sw->name, p->e);
		if (r == 0)
			return interface_claim(p, &s, "allow-management-os", NULL, sw->name);
		return pass_refuse(p, &s, "allow-management-os",
				   "%s; the host adapter that this makes is named like the switch",
				   p->e ? p->e->text : "");
	}
	if (a->owner == API_OWNER_HOST && strcmp(a->switch_name, sw->name) == 0)
		return 0;
	struct subject taker = subject_make("adapters", (size_t)(a - p->doc->adapters), a->name);
	return pass_refuse(p, &taker, "name",
			   "%s is the name of the host adapter that %s makes (allow-management-os); rename one "
			   "of them",
			   a->name, s.label);
}

int schema_check_document(const void *object, struct err *e)
{
	const struct api_document *doc = object;
	struct pass p = {.doc = doc, .e = e, .claims = json_object()};
	int r = p.claims ? 0 : err_set(e, ENOMEM, NULL, "out of memory");

	for (size_t i = 0; i < doc->n_switches && r == 0; i++)
		r = switch_validate(&p, i);
	if (r == 0)
		r = pass_provider_addresses(&p);
	if (r == 0)
		r = pass_provider_routes(&p);
	if (r == 0)
		r = pass_routing_domains(&p);
	if (r == 0)
		r = pass_provider_sources(&p);
	for (size_t i = 0; i < doc->n_adapters && r == 0; i++)
		r = adapter_validate(&p, i);
	for (size_t i = 0; i < doc->n_switches && r == 0; i++)
		r = implied_validate(&p, i);
	if (r == 0)
		r = pass_lookup_records(&p);
	if (r == 0)
		r = pass_customer_routes(&p);
	free(p.records);
	free(p.prefixes);
	free(p.subnets);
	free(p.carriers);
	json_decref(p.claims);
	return r;
}
