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
#define FACT_OTHERS "mac-addresses-others"
#define OUI 0x00155dULL /* Hyper-V's */

static json_t *known; /* {adapter: "00:15:5d:..."} */
static json_t *others; /* the same for what is no adapter, by the names that its modules gave */
static json_t *others_taken; /* those of the transaction under way */

static json_t *fact_object(const char *name)
{
	json_t *fact = engine_fact_get(name);
	if (json_is_object(fact))
		return fact;
	json_decref(fact);
	return json_object();
}

void mac_pool_load(void)
{
	json_decref(known);
	json_decref(others);
	known = fact_object(FACT);
	others = fact_object(FACT_OTHERS);
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

/* Who among them has it; NULL: nobody. */
static const char *other_owner(json_t *list, uint64_t mac)
{
	const char *name;
	json_t *text;
	struct mac m;
	json_object_foreach(list, name, text)
		if (!mac_parse(json_string_value(text), &m) && mac_to_u64(&m) == mac)
			return name;
	return NULL;
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
		while (at <= last && (owner_of(owners, &mac) || other_owner(others, at)))
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
	json_decref(others_taken);
	others_taken = json_object();
	int rc = owners_enter(&owners, plan, e);
	if (!rc)
		rc = restore_known(&owners, plan, e);
	if (!rc)
		rc = give_new(&owners, host, plan, e);
	tdestroy(owners, nothing_to_free);
	return rc;
}

/* The adapter that has it, as long as there is no tree; NULL: nobody. */
static const struct vs_adapter *adapter_with(const struct vs_plan *plan, uint64_t mac)
{
	for (size_t i = 0; i < plan->n; i++)
		if (mac_to_u64(&plan->list[i]->pub.mac) == mac)
			return plan->list[i];
	return NULL;
}

static bool is_free(const struct vs_plan *plan, uint64_t mac)
{
	return !adapter_with(plan, mac) && !other_owner(others_taken, mac);
}

/* What it had before, or else the first that nobody has. */
static int other_from_pool(const struct api_host *host, const struct vs_plan *plan, const char *name,
			   struct mac *ret_mac, struct err *e)
{
	uint64_t first, last;
	struct mac mac;
	const char *text = json_string_value(json_object_get(others, name));
	if (text && !mac_parse(text, &mac) && is_free(plan, mac_to_u64(&mac))) {
		*ret_mac = mac;
		return 0;
	}
	range_of(host, &first, &last);
	for (uint64_t at = first; at <= last; at++) {
		if (!is_free(plan, at) || other_owner(others, at))
			continue;
		*ret_mac = mac_from_u64(at);
		return 0;
	}
	return err_set(
		e, ENOSPC, NULL,
		"all %llu addresses of the host's range are given out; widen host.mac-address-range or write a "
		"mac-address",
		(unsigned long long)last - first + 1);
}

int mac_pool_take(const struct api_host *host, const struct vs_plan *plan, const char *name, const struct mac *wanted,
		  struct mac *ret_mac, struct err *e)
{
	struct mac mac = *wanted;
	char text[MAC_TEXT_SIZE];
	if (mac_is_zero(wanted)) {
		int rc = other_from_pool(host, plan, name, &mac, e);
		if (rc)
			return rc;
	} else if (!is_free(plan, mac_to_u64(wanted))) {
		const struct vs_adapter *owner = adapter_with(plan, mac_to_u64(wanted));
		return err_set(e, EEXIST, NULL, "mac-address %s belongs to %s already; choose another",
			       mac_format(wanted, text),
			       owner ? owner->pub.name : other_owner(others_taken, mac_to_u64(wanted)));
	}
	if (json_object_set_new(others_taken, name, json_string(mac_format(&mac, text))))
		return err_set(e, ENOMEM, NULL, "out of memory");
	*ret_mac = mac;
	return 0;
}

static void others_store(void)
{
	if (!json_equal(others, others_taken))
		engine_fact_set(FACT_OTHERS, others_taken);
	json_decref(others);
	others = json_incref(others_taken);
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
	others_store();
}
