/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv-resolver/control/resolver_known.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/hash.h"
#include "modules/hnv-resolver/datapath/hnv_resolve.h"

#define LISTS 4096u
#define HASH_ODD 0x9e3779b97f4a7c15ULL

struct known {
	uint8_t network;
	uint32_t vsid;
	struct ip customer;
	bool found;
	uint64_t since_ms, until_ms;
	LIST_ENTRY(known) link;
};

static LIST_HEAD(known_list, known) lists[LISTS]; /* by hash */

static uint64_t now_ms(void) { return clock_now_ns() / 1000000; }

static void forget(struct known *k)
{
	if (!k->found)
		hnv_resolve_none(k->network, k->vsid, &k->customer, false);
	LIST_REMOVE(k, link);
	free(k);
}

static struct known_list *list_of(uint32_t vsid, const struct ip *customer)
{
	uint64_t half[2];
	memcpy(half, customer->byte, sizeof(half));
	return &lists[hash_u64(half[0] ^ half[1] ^ (uint64_t)vsid << 32, HASH_ODD) & (LISTS - 1)];
}

static struct known *find(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	struct known *k;
	LIST_FOREACH(k, list_of(vsid, customer), link)
		if (k->network == network && k->vsid == vsid && ip_equal(&k->customer, customer))
			return k;
	return NULL;
}

void known_set(uint8_t network, uint32_t vsid, const struct ip *customer, bool found, uint32_t for_s)
{
	struct known *k = find(network, vsid, customer);
	if (k)
		forget(k);
	k = calloc(1, sizeof(*k));
	if (!k)
		return;
	*k = (struct known){.network = network, .vsid = vsid, .customer = *customer, .found = found};
	k->since_ms = now_ms();
	k->until_ms = k->since_ms + 1000ull * for_s;
	LIST_INSERT_HEAD(list_of(vsid, customer), k, link);
	if (!found)
		hnv_resolve_none(network, vsid, customer, true);
}

bool known_lately(uint8_t network, uint32_t vsid, const struct ip *customer, uint32_t ms)
{
	const struct known *k = find(network, vsid, customer);
	return k && now_ms() < k->since_ms + ms;
}

/* fn says which are forgotten. */
static void sweep(bool (*fn)(const struct known *k, void *arg), void *arg)
{
	for (unsigned i = 0; i < LISTS; i++)
		for (struct known *k = LIST_FIRST(&lists[i]), *next; k; k = next) {
			next = LIST_NEXT(k, link);
			if (fn(k, arg))
				forget(k);
		}
}

struct expiry {
	uint64_t now;
	void (*gone)(uint8_t network, uint32_t vsid, const struct ip *customer);
};

static bool is_over(const struct known *k, void *arg)
{
	const struct expiry *e = arg;
	if (e->now < k->until_ms)
		return false;
	if (k->found)
		e->gone(k->network, k->vsid, &k->customer);
	return true;
}

static bool is_none(const struct known *k, void *arg) { return !k->found; }
static bool is_any(const struct known *k, void *arg) { return true; }

void known_expire(void (*gone)(uint8_t network, uint32_t vsid, const struct ip *customer))
{
	struct expiry e = {now_ms(), gone};
	sweep(is_over, &e);
}

void known_forget_none(void) { sweep(is_none, NULL); }
void known_forget_all(void) { sweep(is_any, NULL); }
