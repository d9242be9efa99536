/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/probe.h"

#include "core/runtime/punt.h"
#include "modules/hnv/tables.h"

DROP(hnv, probe_limit, "probe-limit",
     "more probes of test-adapter came through tunnels than are answered (200 a second); look at who sends them")

#define PROBES_A_SECOND 200 /* from the wire, for each uplink; what this host sends itself is limited by who asks */
#define PROBES_BURST 100

static void (*handler)(uint16_t adapter, struct frame *f);

void hnv_probe_set(void (*arrived)(uint16_t adapter, struct frame *f)) { handler = arrived; }

static void take(uint16_t adapter, struct frame *f)
{
	if (handler)
		handler(adapter, f);
	else
		frame_free(f);
}

PUNT(hnv_probe, take);

void hnv_probe(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	PIPE_TRACE(p, a, "note", "a probe of test-adapter: no guest gets it");
	if (a->role == PORT_UPLINK && !p->trace &&
	    !hnv_limit_take(&hnv_port_of(a)->answers, p->now_ms, PROBES_A_SECOND, PROBES_BURST))
		pipe_drop(p, a, f, &drop_probe_limit);
	else
		punt(p, a, f, &punt_hnv_probe);
}
