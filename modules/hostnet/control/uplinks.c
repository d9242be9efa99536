/* SPDX-License-Identifier: Apache-2.0 */
/* See uplinks.h. */
#include "modules/hostnet/control/uplinks.h"

#include <stdio.h>
#include <string.h>

#include "api/document.h"

bool uplink_at(const struct api_document *doc, size_t i, struct uplink *ret)
{
	*ret = (struct uplink){0};
	if (i < doc->n_switches) {
		const struct api_switch *sw = &doc->switches[i];
		snprintf(ret->path, sizeof(ret->path), "switches[%zu].uplink", i);
		ret->ifname = sw->type == API_SWITCH_EXTERNAL ? sw->uplink.interface : NULL;
		return true;
	}
	i -= doc->n_switches;
	if (i >= doc->n_adapters)
		return false;
	snprintf(ret->path, sizeof(ret->path), "adapters[%zu].attach.interface", i);
	ret->ifname = doc->adapters[i].attach.interface;
	return true;
}

bool uplinks_name(const struct api_document *doc, const char *ifname)
{
	struct uplink u;
	for (size_t i = 0; uplink_at(doc, i, &u); i++)
		if (u.ifname && !strcmp(u.ifname, ifname))
			return true;
	return false;
}
