/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies for the guests of one virtual subnet. On this host they share one frame; into each tunnel goes a copy of its
 * own, for a frame knows one tunnel. What came by the wire never leaves by it again: its sender has sent to all.
 */
#include "modules/hnv/datapath/hnv_replicate.h"

#include <string.h>

#include "modules/hnv/datapath/hnv_error.h"
#include "modules/hnv/datapath/hnv_mtu.h"
#include "modules/hnv/tunnel.h"

DROP(hnv, nobody_in_subnet, "nobody-in-subnet",
     "a broadcast, multicast or unknown address, and nobody else is in the virtual subnet, as far as lookup records say")

const struct dp_adapter *hnv_local_by_mac(const struct pipe *p, const struct hnv_subnet *s, const uint8_t *mac)
{
	const struct hnv_locals *locals = atomic_load_explicit(&s->locals, memory_order_acquire);
	for (uint16_t i = 0; locals && i < locals->n; i++) {
		const struct dp_adapter *to = hnv_adapter(p, locals->adapter[i]);
		if (to && to->vsid == s->vsid && !memcmp(to->mac.byte, mac, sizeof(to->mac.byte)))
			return to;
	}
	return NULL;
}

/* To all but a, sharing f, which stays the caller's. */
static unsigned to_locals(struct pipe *p, const struct dp_adapter *a, const struct hnv_subnet *s, struct frame *f)
{
	const struct hnv_locals *locals = atomic_load_explicit(&s->locals, memory_order_acquire);
	unsigned sent = 0;
	for (uint16_t i = 0; locals && i < locals->n; i++) {
		const struct dp_adapter *to = hnv_adapter(p, locals->adapter[i]);
		if (!to || to == a || to->vsid != s->vsid)
			continue;
		frame_hold(f);
		pipe_output(p, a, to, f);
		sent++;
	}
	return sent;
}

/* The copies of one frame on their way to the wire. */
struct copies {
	unsigned sent;
	uint16_t narrowest; /* of the tunnels that the frame was too long for, L3 bytes; UINT16_MAX: it fitted all */
};

/* One copy of f into the tunnel, if it is one. Whatever becomes of the copy is counted. */
static void to_tunnel(struct pipe *p, const struct dp_adapter *a, const struct hnv_subnet *s, const struct frame *f,
		      const struct hnv_next *next, struct copies *c)
{
	struct frame *copy = next && next->kind == HNV_TUNNEL ? frame_copy(f, p->pools, UINT32_MAX) : NULL;
	if (!copy)
		return;
	const struct hnv_tunnel *t = hnv_next_tunnel(next);
	const struct dp_adapter *uplink = t ? hnv_tunnel_uplink(p, t) : NULL;
	c->sent++;
	hnv_tenant_set(copy, s->vsid, next);
	if (!uplink) {
		pipe_drop(p, a, copy, &drop_no_provider_path);
	} else if (!hnv_mtu_exceeded(copy, t->inner_mtu)) {
		pipe_output(p, a, uplink, copy);
	} else if (!hnv_mtu_fit(p, a, uplink, copy, t->inner_mtu)) {
		c->narrowest = RTE_MIN(c->narrowest, t->inner_mtu);
		pipe_drop(p, a, copy, &drop_tunnel_too_long);
	}
}

/* How many copies were made. The sender is told once of all tunnels that f is too long for. */
static unsigned to_tunnels(struct pipe *p, const struct dp_adapter *a, const struct hnv_subnet *s, struct frame *f,
			   const struct hnv_next *group)
{
	struct copies c = {.narrowest = UINT16_MAX};
	const struct hnv_replicas *replicas = atomic_load_explicit(&s->replicas, memory_order_acquire);
	if (group && group->kind == HNV_TUNNEL)
		to_tunnel(p, a, s, f, group, &c);
	else
		for (uint16_t i = 0; replicas && i < replicas->n; i++)
			to_tunnel(p, a, s, f, hnv_next_at(replicas->next[i]), &c);
	if (c.narrowest < UINT16_MAX)
		hnv_error_too_long(p, a, f, c.narrowest);
	return c.sent;
}

void hnv_replicate(struct pipe *p, const struct dp_adapter *a, const struct hnv_subnet *s, struct frame *f,
		   const struct hnv_next *group)
{
	/* Tunnels first: the copies are made before f is shared, and are counted before anything else can be. */
	unsigned remote = a->role == PORT_UPLINK ? 0 : to_tunnels(p, a, s, f, group);
	hnv_tenant_set(f, s->vsid, NULL);
	unsigned local = to_locals(p, a, s, f);
	PIPE_TRACE(p, a, "replicate", "to %u on this host and %u provider addresses, virtual subnet %u", local,
		   remote, s->vsid);
	if (!local && !remote) {
		pipe_drop(p, a, f, &drop_nobody_in_subnet);
		return;
	}
	pipe_copied(p, a, local + remote - 1);
	frame_free(f); /* each has its own hold or copy */
}
