/* SPDX-License-Identifier: Apache-2.0 */
/* Where a record leads, as nodes ask for it: the next of an index, the tunnel behind it, the adapter beside it. */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/packet.h"
#include "modules/hnv/tables.h"
#include "modules/provider/provider.h"

extern struct drop_reason drop_no_provider_path; /* "no-provider-path" */

static inline const struct hnv_next *hnv_next_at(uint16_t index)
{
	return atomic_load_explicit(&hnv_nexts[index], memory_order_acquire);
}

/* The tunnel with a way, or NULL: it cannot be used at the moment. */
static inline const struct hnv_tunnel *hnv_next_tunnel(const struct hnv_next *next)
{
	const struct hnv_tunnel *t = atomic_load_explicit(&next->tunnel, memory_order_acquire);
	return likely(t && t->way) ? t : NULL;
}

static inline const struct dp_adapter *hnv_adapter(const struct pipe *p, uint16_t id)
{
	return id < p->dp->n_adapters ? p->dp->adapters[id] : NULL;
}

/* The uplink of a way, or NULL: the snapshot does not have it any more. */
static inline const struct dp_adapter *hnv_way_uplink(const struct pipe *p, const struct provider_way *way)
{
	const struct dp_adapter *to = hnv_adapter(p, way->uplink);
	return likely(to && to->role == PORT_UPLINK) ? to : NULL;
}

/* The uplink by which t leaves, or NULL: the snapshot does not have it any more. */
static inline const struct dp_adapter *hnv_tunnel_uplink(const struct pipe *p, const struct hnv_tunnel *t)
{
	return hnv_way_uplink(p, t->way);
}

/* f is of vsid; to the wire it goes into `next` (NULL: stays on this host). Touches the metadata line. */
static inline void hnv_tenant_set(struct frame *f, uint32_t vsid, const struct hnv_next *next)
{
	f->tenant = (struct frame_tenant){
		.vsid = vsid, .next = next ? next->index : 0, .generation = next ? next->generation : 0};
	f->m.ol_flags |= FRAME_TENANT;
}
