/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/mac_pool.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "api/document.h"
#include "base/err.h"
#include "core/control/engine.h"

#define FACT "mac-addresses"
#define OUI 0x00155dULL /* Hyper-V's */

static json_t *known; /* {adapter: "00:15:5d:..."} */

void mac_pool_load(void)
{
	json_decref(known);
	known = engine_fact_get(FACT);
	if (!json_is_object(known)) {
		json_decref(known);
		known = json_object();
	}
}

/* FNV-1a over the host's name: 256 addresses under 00:15:5d, the same after every restart. */
static void range_of(const struct api_host *host, uint64_t *ret_first, uint64_t *ret_last)
{
	if (!mac_is_zero(&host->mac_address_range.maximum)) {
		*ret_first = mac_to_u64(&host->mac_address_range.minimum);
		*ret_last = mac_to_u64(&host->mac_address_range.maximum);
		return;
	}
	uint32_t hash = 2166136261u;
	for (const char *c = host->name ? host->name : ""; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	*ret_first = OUI << 24 | (uint64_t)((hash ^ hash >> 16) & 0xffff) << 8;
	*ret_last = *ret_first + 255;
}

/* The index of the adapter that has it; -1: nobody. */
static long owner_of(const struct vs_plan *plan, uint64_t mac)
{
	for (size_t i = 0; i < plan->n; i++)
		if (mac_to_u64(&plan->list[i]->pub.mac) == mac)
			return (long)i;
	return -1;
}

static int restore_known(struct vs_plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct vs_adapter *a = plan->list[i];
		struct mac mac;
		const char *text = json_string_value(json_object_get(known, a->pub.name));
		if (a->pub.role == PORT_UPLINK || !mac_is_zero(&a->pub.mac) || !text || mac_parse(text, &mac))
			continue;
		long other = owner_of(plan, mac_to_u64(&mac));
		if (other >= 0)
			return err_set(
				e, EEXIST, "adapters",
				"mac-address %s is written for `%s` but the host's pool gave it to `%s` already; "
				"choose one outside host.mac-address-range",
				text, plan->list[other]->pub.name, a->pub.name);
		a->pub.mac = mac;
		a->from_pool = true;
	}
	return 0;
}

int mac_pool_assign(const struct api_host *host, struct vs_plan *plan, struct err *e)
{
	uint64_t first, last;
	range_of(host, &first, &last);
	int rc = restore_known(plan, e);
	uint64_t at = first;
	for (size_t i = 0; i < plan->n && !rc; i++) {
		struct vs_adapter *a = plan->list[i];
		if (a->pub.role == PORT_UPLINK || !mac_is_zero(&a->pub.mac))
			continue;
		while (at <= last && owner_of(plan, at) >= 0)
			at++;
		if (at > last)
			return err_set(e, ENOSPC, "host.mac-address-range",
				       "all %llu addresses of the range are given out and adapter `%s` needs one; "
				       "widen the range or write a mac-address",
				       (unsigned long long)last - first + 1, a->pub.name);
		a->pub.mac = mac_from_u64(at++);
		a->from_pool = true;
	}
	return rc;
}

void mac_pool_store(const struct vs_plan *plan)
{
	json_t *next = json_object();
	for (size_t i = 0; i < plan->n; i++) {
		char mac[MAC_TEXT_SIZE];
		if (plan->list[i]->from_pool)
			json_object_set_new(next, plan->list[i]->pub.name,
					    json_string(mac_format(&plan->list[i]->pub.mac, mac)));
	}
	if (!json_equal(known, next))
		engine_fact_set(FACT, next);
	json_decref(known);
	known = next;
}
