/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of a document against each other: who is named twice, refers to nobody, or claims what
 * another has. One pass over switches, one over adapters, one over the host adapters that switches imply.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

enum { IPV6_MTU_MIN = 1280 }; /* RFC 8200, clause 5 */

/* One object under the check. */
struct subject {
	char path[48]; /* "adapters[3]" */
	char label[128]; /* "adapters[3] (vm1)", as it is called in other objects' errors */
};

struct pass {
	const struct api_document *doc;
	json_t *claims; /* "class key" -> label of the holder; hashed: 10 000 adapters must cost no time */
	struct err *e;
};

static struct subject subject_make(const char *plural, size_t i, const char *name)
{
	struct subject s;

	snprintf(s.path, sizeof(s.path), "%s[%zu]", plural, i);
	snprintf(s.label, sizeof(s.label), "%s (%s)", s.path, name);
	return s;
}

/* Gives `key` of its class to s. 0; -EEXIST: *ret_holder has it; -ENOMEM, filled in. */
static int claim(struct pass *p, const struct subject *s, const char *class, const char *key, const char **ret_holder)
{
	struct str name = {0};
	int r = 0;

	str_add(&name, "%s %s", class, key);
	json_t *held = name.failed ? NULL : json_object_get(p->claims, name.text);
	if (held) {
		*ret_holder = json_string_value(held);
		r = -EEXIST;
	} else if (name.failed ||
		   json_object_set_new_nocheck(p->claims, name.text, json_string_nocheck(s->label)) < 0) {
		r = err_set(p->e, ENOMEM, NULL, "out of memory");
	}
	str_free(&name);
	return r;
}

/* Refuses s.field, with the subject's path in front. */
static int refuse(struct pass *p, const struct subject *s, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int refuse(struct pass *p, const struct subject *s, const char *field, const char *fmt, ...)
{
	char text[sizeof(p->e->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_set(p->e, EINVAL, field, "%s", text);
	err_prefix(p->e, "%s", s->path);
	return -EINVAL;
}

/* An interface is one thing whoever asks for it: a switch, an attachment, a tap that is made. */
static int interface_claim(struct pass *p, const struct subject *s, const char *field, const char *netns,
			   const char *name)
{
	const char *holder = "";
	struct str key = {0};

	str_add(&key, "%s/%s", netns ? netns : "", name);
	if (key.failed) {
		str_free(&key);
		return err_set(p->e, ENOMEM, NULL, "out of memory");
	}
	int r = claim(p, s, "interface", key.text, &holder);
	str_free(&key);
	if (r != -EEXIST)
		return r;
	return refuse(p, s, field, "interface %s%s%s is already that of %s; give each its own", name,
		      netns ? " in namespace " : "", netns ? netns : "", holder);
}

/* Two strings of arguments name one device if they begin with the same name. */
static int dpdk_claim(struct pass *p, const struct subject *s, const char *field, const char *arguments)
{
	char device[128];
	const char *holder = "";

	snprintf(device, sizeof(device), "%.*s", (int)strcspn(arguments, ","), arguments);
	int r = claim(p, s, "dpdk", device, &holder);
	if (r != -EEXIST)
		return r;
	return refuse(p, s, field, "DPDK device %s is already that of %s; give each its own", device, holder);
}

static int name_claim(struct pass *p, const struct subject *s, const char *class, const char *name)
{
	const char *holder = "";

	int r = claim(p, s, class, name, &holder);
	if (r != -EEXIST)
		return r;
	return refuse(p, s, "name", "another %s is named so: %s; names are unique", class, holder);
}

static int switch_validate(struct pass *p, size_t i)
{
	const struct api_switch *sw = &p->doc->switches[i];
	struct subject s = subject_make("switches", i, sw->name);

	int r = name_claim(p, &s, "switch", sw->name);
	if (r == 0 && sw->uplink.interface)
		r = interface_claim(p, &s, "uplink", NULL, sw->uplink.interface);
	if (r == 0 && sw->uplink.dpdk)
		r = dpdk_claim(p, &s, "uplink", sw->uplink.dpdk);
	return r;
}

static int mac_validate(struct pass *p, const struct subject *s, const struct api_adapter *a)
{
	const struct api_mac_range *range = &p->doc->host.mac_address_range;
	uint64_t mac = mac_to_u64(&a->mac_address);
	char text[MAC_TEXT_SIZE], low[MAC_TEXT_SIZE], high[MAC_TEXT_SIZE], key[MAC_TEXT_SIZE + 64];
	const char *holder = "";

	if (mac == 0)
		return 0;
	mac_format(&a->mac_address, text);
	if (mac >= mac_to_u64(&range->minimum) && mac <= mac_to_u64(&range->maximum))
		return refuse(p, s, "mac-address",
			      "%s lies in host.mac-address-range (%s to %s), the host's own pool; use one outside",
			      text, mac_format(&range->minimum, low), mac_format(&range->maximum, high));
	snprintf(key, sizeof(key), "%s %s", text, a->switch_name);
	int r = claim(p, s, "mac", key, &holder);
	if (r != -EEXIST)
		return r;
	return refuse(p, s, "mac-address", "%s of %s is already that of %s on switch %s; give each its own", text,
		      s->label, holder, a->switch_name);
}

static int attach_validate(struct pass *p, const struct subject *s, const struct api_adapter *a)
{
	const struct api_attach *at = &a->attach;
	const char *holder = "";

	if (at->tap)
		return interface_claim(p, s, "attach.tap", at->netns, at->tap);
	if (at->interface)
		return interface_claim(p, s, "attach.interface", NULL, at->interface);
	if (at->dpdk)
		return dpdk_claim(p, s, "attach.dpdk", at->dpdk);
	if (!at->vhost_user)
		return interface_claim(p, s, "name", NULL, a->name); /* a host adapter's tap is named like it */
	int r = claim(p, s, "vhost-user", at->vhost_user, &holder);
	if (r != -EEXIST)
		return r;
	return refuse(p, s, "attach.vhost-user", "socket %s is already that of %s; give each its own", at->vhost_user,
		      holder);
}

static int addresses_validate(struct pass *p, const struct subject *s, const struct api_adapter *a)
{
	char text[IP_TEXT_SIZE];
	const char *holder = "";

	for (size_t i = 0; i < a->n_addresses; i++) {
		if (schema_ip_is_link_local(&a->addresses[i].ip))
			continue;
		int r = claim(p, s, "address", ip_format(&a->addresses[i].ip, text), &holder);
		if (r == -EEXIST)
			return refuse(p, s, "addresses", "%s is already that of %s; an address stands once", text,
				      holder);
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
		return refuse(p, s, "mtu", "%u is above the %u of switch %s; use %u or less", a->mtu, sw->mtu,
			      sw->name, sw->mtu);
	if (ipv6 && mtu && mtu < IPV6_MTU_MIN)
		return refuse(p, s, "mtu", "%u%s%s is too small for the adapter's IPv6 address; use %d or more", mtu,
			      a->mtu ? "" : " of switch ", a->mtu ? "" : sw->name, IPV6_MTU_MIN);
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
		return refuse(p, &s, "switch", "the document has no switch \"%s\"; name one of its switches",
			      a->switch_name);
	if (sw->type == API_SWITCH_PRIVATE && a->owner == API_OWNER_HOST)
		return refuse(p, &s, "switch",
			      "%s is private, for guests only; a host adapter needs an internal or external "
			      "switch",
			      sw->name);
	r = mac_validate(p, &s, a);
	if (r == 0)
		r = attach_validate(p, &s, a);
	if (r == 0)
		r = addresses_validate(p, &s, a);
	return r == 0 ? mtu_validate(p, &s, a, sw) : r;
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
		return refuse(p, &s, "allow-management-os",
			      "%s; the host adapter that this makes is named like the switch",
			      p->e ? p->e->text : "");
	}
	if (a->owner == API_OWNER_HOST && strcmp(a->switch_name, sw->name) == 0)
		return 0;
	struct subject taker = subject_make("adapters", (size_t)(a - p->doc->adapters), a->name);
	return refuse(p, &taker, "name",
		      "%s is the name of the host adapter that %s makes (allow-management-os); rename one "
		      "of them",
		      a->name, s.label);
}

int schema_check_document(const void *object, struct err *e)
{
	const struct api_document *doc = object;
	struct pass p = {.doc = doc, .claims = json_object(), .e = e};
	int r = p.claims ? 0 : err_set(e, ENOMEM, NULL, "out of memory");

	for (size_t i = 0; i < doc->n_switches && r == 0; i++)
		r = switch_validate(&p, i);
	for (size_t i = 0; i < doc->n_adapters && r == 0; i++)
		r = adapter_validate(&p, i);
	for (size_t i = 0; i < doc->n_switches && r == 0; i++)
		r = implied_validate(&p, i);
	json_decref(p.claims);
	return r;
}
