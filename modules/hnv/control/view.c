/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/view.h"

#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/domains.h"
#include "modules/hnv/control/networks.h"

int hnv_networks_each(int (*fn)(const struct hnv_network_view *n, void *arg), void *arg)
{
	int rc = 0;
	for (const struct hnvc_network *net = hnvc_networks(); net && !rc; net = net->next) {
		const struct hnvc_presence *p = &net->side[RUNS];
		struct hnv_network_view view = {.name = net->name,
						.switch_name = p->switch_name,
						.uplink_mtu = p->uplink_mtu,
						.tables = &net->pub};
		rc = p->there ? fn(&view, arg) : 0;
	}
	return rc;
}

const struct hnv_network *hnv_network_find(const char *name)
{
	const struct hnvc_network *net = hnvc_network_find(name);
	return net ? &net->pub : NULL;
}

int hnv_domains_each(int (*fn)(const struct hnv_domain_view *d, void *arg), void *arg)
{
	int rc = 0;
	for (const struct hnvc_domain *d = hnvc_domains[RUNS]; d && !rc; d = d->next) {
		struct hnv_domain_view view = {.domain = d->pub, .routes = d->entries, .n_routes = d->n_entries};
		rc = fn(&view, arg);
	}
	return rc;
}

const struct ip *hnv_record_redirected_to(const struct hnv_record *r)
{
	return hnvc_redirected_to(container_of(r, struct hnvc_record, pub));
}
