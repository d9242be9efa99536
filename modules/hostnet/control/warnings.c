/* SPDX-License-Identifier: Apache-2.0 */
/* See warnings.h. */
#include "modules/hostnet/control/warnings.h"

#include <jansson.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>

#include "api/document.h"
#include "modules/hostnet/control/firewall.h"
#include "modules/hostnet/control/takeover.h"

#define warn(warnings, ...)                                                                                          \
	do {                                                                                                         \
		char warn_text[512];                                                                                 \
		snprintf(warn_text, sizeof(warn_text), __VA_ARGS__);                                                 \
		json_array_append_new((warnings), json_string(warn_text));                                           \
	} while (0)

/* Does a host adapter of the document have this address? */
static bool document_has(const struct api_document *doc, const struct ip *ip)
{
	for (size_t i = 0; i < doc->n_adapters; i++)
		for (size_t k = 0; k < doc->adapters[i].n_addresses; k++)
			if (doc->adapters[i].owner == API_OWNER_HOST &&
			    ip_equal(&doc->adapters[i].addresses[k].ip, ip))
				return true;
	return false;
}

static bool document_has_gateway(const struct api_document *doc)
{
	for (size_t i = 0; i < doc->n_adapters; i++)
		if (doc->adapters[i].owner == API_OWNER_HOST && (doc->adapters[i].n_gateway || doc->adapters[i].dhcp))
			return true;
	return false;
}

/* allow-management-os is false, or an adapter's own interface is attached: nobody carries on by himself. */
static void warn_of_loss(const struct takeover *t, const struct api_document *doc, json_t *warnings)
{
	for (size_t i = 0; i < t->addresses.n; i++) {
		struct record_view v;
		char text[IP_PREFIX_TEXT_SIZE];
		if (record_view(&t->addresses.at[i], &v) < 0 || v.scope == RT_SCOPE_LINK ||
		    document_has(doc, &v.prefix.ip))
			continue;
		warn(warnings,
		     "the host loses the address %s of %s, which no host adapter carries on; it comes back with the interface",
		     ip_prefix_format(&v.prefix, text), t->ifname);
	}
	if (takeover_has_default_route(t) && !document_has_gateway(doc))
		warn(warnings,
		     "the host loses its default route through %s; give a host adapter a gateway to keep one",
		     t->ifname);
}

void warn_of_takeover(const struct takeover *t, const char *tap, const struct api_document *doc, json_t *warnings)
{
	char text[512];
	if (!warnings)
		return;
	firewall_warn(t->ifname, tap, warnings);
	if (others_warning(t->ifname, text, sizeof(text)))
		warn(warnings, "%s", text);
	if (!*tap)
		warn_of_loss(t, doc, warnings);
}
