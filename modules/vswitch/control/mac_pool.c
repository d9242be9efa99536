/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/mac_pool.h"

#include <errno.h>
#include <search.h>
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

/* Who has which address: a tree for tsearch(3). */
static int address_compare(const void *a, const void *b)
{
	const struct vs_adapter *x = a, *y = b;
	return memcmp(&x->pub.mac, &y->pub.mac, sizeof(x->pub.mac));
}

static void nothing_to_free(void *node) {}

/* The adapter that has it; NULL: nobody. */
static const struct vs_adapter *owner_of(void *const *owners, const struct mac *mac)
{
	struct vs_adapter key = {.pub.mac = *mac};
	struct vs_adapter *const *found = tfind(&key, owners, address_compare);
	return found ? *found : NULL;
}

static int give(void **owners, struct vs_adapter *a, const struct mac *mac, struct err *e)
{
	a->pub.mac = *mac;
	a->from_pool = true;
	return tsearch(a, owners, address_compare) ? 0 : err_set(e, ENOMEM, NULL, "out of memory");
}

static bool is_wanting(const struct vs_adapter *a) { return a->pub.role != PORT_UPLINK && mac_is_zero(&a->pub.mac); }

static int owners_enter(void **owners, const struct vs_plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!mac_is_zero(&plan->list[i]->pub.mac) && !tsearch(plan->list[i], owners, address_compare))
			return err_set(e, ENOMEM, NULL, "out of memory");
	return 0;
}

static int restore_known(void **owners, struct vs_plan *plan, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < plan->n && !rc; i++) {
		struct vs_adapter *a = plan->list[i];
		struct mac mac;
		const char *text = json_string_value(json_object_get(known, a->pub.name));
		if (!is_wanting(a) || !text || mac_parse(text, &mac))
			continue;
		const struct vs_adapter *other = owner_of(owners, &mac);
		if (other)
			return err_set(
				e, EEXIST, "adapters",
				"mac-address %s is written for `%s` but the host's pool gave it to `%s` already; "
				"choose one outside host.mac-address-range",
				text, other->pub.name, a->pub.name);
		rc = give(owners, a, &mac, e);
	}
	return rc;
}

static int give_new(void **owners, const struct api_host *host, struct vs_plan *plan, struct err *e)
{
	uint64_t first, last;
	int rc = 0;
	range_of(host, &first, &last);
	uint64_t at = first;
	for (size_t i = 0; i < plan->n && !rc; i++) {
		struct vs_adapter *a = plan->list[i];
		struct mac mac = mac_from_u64(at);
		if (!is_wanting(a))
			continue;
		while (at <= last && owner_of(owners, &mac))
			mac = mac_from_u64(++at);
		if (at > last)
			return err_set(e, ENOSPC, "host.mac-address-range",
				       "all %llu addresses of the range are given out and adapter `%s` needs one; "
				       "widen the range or write a mac-address",
				       (unsigned long long)last - first + 1, a->pub.name);
		rc = give(owners, a, &mac, e);
	}
	return rc;
}

int mac_pool_assign(const struct api_host *host, struct vs_plan *plan, struct err *e)
{
	void *owners = NULL;
	int rc = owners_enter(&owners, plan, e);
	if (!rc)
		rc = restore_known(&owners, plan, e);
	if (!rc)
		rc = give_new(&owners, host, plan, e);
	tdestroy(owners, nothing_to_free);
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
