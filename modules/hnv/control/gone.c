/* SPDX-License-Identifier: Apache-2.0 */
/* Guests whose adapters left this host less than GONE_MS ago: what is still on its way to them goes on. */
#include "modules/hnv/control/gone.h"

#include "modules/hnv/datapath/hnv_gone.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/runtime/rcu.h"

#define GONE_MS 30000 /* longer than any queue on the way, and than hosts are told one after the other */
#define GONE_MAX 1024 /* the one longest gone makes room */

const struct hnv_gone *_Atomic hnv_gone;

/* In order of going. */
static struct hnv_gone_guest guests[GONE_MAX];
static uint64_t until_ms[GONE_MAX];
static size_t n_guests;

static uint64_t now_ms(void) { return clock_now_ns() / 1000000; }

static void forget_first(size_t n)
{
	n_guests -= n;
	memmove(guests, guests + n, n_guests * sizeof(*guests));
	memmove(until_ms, until_ms + n, n_guests * sizeof(*until_ms));
}

void hnvc_gone_add(const struct hnvc_local *l)
{
	if (n_guests == GONE_MAX)
		forget_first(1);
	guests[n_guests] = (struct hnv_gone_guest){&l->subnet->network->pub, l->subnet->vsid, l->mac};
	until_ms[n_guests++] = now_ms() + GONE_MS;
}

void hnvc_gone_publish(void)
{
	struct hnv_gone *shown = n_guests ? malloc(sizeof(*shown) + n_guests * sizeof(*guests)) : NULL;
	if (n_guests && !shown)
		log_error("host", "out of memory: what is on its way to guests that have moved ends here");
	if (shown) {
		shown->n = n_guests;
		memcpy(shown->guest, guests, n_guests * sizeof(*guests));
	}
	void *before = (void *)atomic_exchange_explicit(&hnv_gone, shown, memory_order_acq_rel);
	if (before)
		rcu_defer(free, before);
}

void hnvc_gone_tick(void)
{
	size_t n = 0;
	while (n < n_guests && until_ms[n] <= now_ms())
		n++;
	if (!n)
		return;
	forget_first(n);
	hnvc_gone_publish();
}

void hnvc_gone_forget(void)
{
	n_guests = 0;
	hnvc_gone_publish();
}
