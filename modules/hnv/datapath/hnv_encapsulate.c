/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the way out of an uplink: frames of tenants are put into their tunnels. Runs of one tunnel go together; each
 * frame costs one copy of the header that the tunnel keeps ready and the few fields that differ. What a tunnel
 * cannot take whole (GSO) is cut here, as late as can be. Frames that are not a tenant's pass.
 */
#include "modules/hnv/tunnel.h"

#include <errno.h>

#include "core/runtime/flow_hash.h"
#include "core/runtime/offload.h"
#include "modules/hnv/datapath/hnv_ecn.h"

DROP(hnv, tunnel_gone, "tunnel-gone",
     "the tunnel that the frame was sent into was removed while it waited; what is sent now takes the new way")
DROP(hnv, path_narrowed, "path-narrowed",
     "longer than the path to the remote provider address takes, which narrowed while the frame waited; senders are told")
DROP(hnv, tunnel_offload, "tunnel-offload",
     "the sender left a checksum or segmentation to be done that the tenant's frame does not bear out")
DROP(hnv, tunnel_no_memory, "no-memory-to-encapsulate",
     "no frame buffer was free to encapsulate into; raise weftd --memory")

static struct node node_hnv_encapsulate; /* defined by NODE below */

#define HEADER_ROOM4 64 /* 18 of Ethernet, 20, 22 of an encapsulation: the copy of constant size, rounded up */

/* RFC 6864, 4.1: with DF set ids need not differ; they do for those who look at captures. */
static _Thread_local uint16_t ip4_id;

/* The hash's entropy is spread over all bits: encapsulations take some from the top. */
static inline struct hnv_flow flow_of(struct frame *f)
{
	return (struct hnv_flow){.vsid = f->tenant.vsid, .hash = frame_flow_hash(f) * 0x9e3779b1u};
}

/* What push needs of a tunnel, in registers: frames are written to in between. */
struct shape {
	const uint8_t *end; /* of the header */
	uint16_t header_len, l3_off;
	uint8_t vsid_back, flow_id; /* the VSID's place before the end; see hnv_encapsulation */
};

static inline struct shape shape_of(const struct hnv_tunnel *t)
{
	const struct hnv_encapsulation *e = t->encapsulation;
	return (struct shape){.end = t->header + HNV_HEADER_ROOM,
			      .header_len = t->header_len,
			      .l3_off = t->way->l3_off,
			      .vsid_back = (uint8_t)(e->header_len - e->vsid_off),
			      .flow_id = e->flow_id};
}

/* Room is there, the frame is this worker's alone. Returns the outer IP header. */
static inline uint8_t *push(struct shape s, struct frame *f, struct hnv_flow flow, size_t room)
{
	uint8_t *inner = frame_data(f);
	memcpy(inner - room, s.end - room, room);
	bytes_put_be32(inner - s.vsid_back, hnv_flow_word(flow, s.flow_id));
	f->m.data_off = (uint16_t)(f->m.data_off - s.header_len);
	f->m.data_len = (uint16_t)(f->m.data_len + s.header_len);
	f->m.pkt_len += s.header_len;
	f->m.ol_flags &= ~(FRAME_TENANT | FRAME_HOPS);
	frame_shifted(f, s.header_len);
	return inner - s.header_len + s.l3_off;
}

static void push4(const struct hnv_tunnel *t, struct frame **frames, struct hnv_flow *flows, uint16_t n)
{
	const struct shape shape = shape_of(t);
	const uint32_t constant_sum = t->sum;
	uint16_t id = ip4_id;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		flows[i] = flow_of(f);
		uint8_t ecn = hnv_ecn_of(frame_data(f));
		uint8_t *ip = push(shape, f, flows[i], HEADER_ROOM4);
		uint16_t len = htobe16((uint16_t)(frame_len(f) - shape.l3_off));
		uint16_t be_id = htobe16(id++);
		uint32_t sum = constant_sum + len + be_id + htobe16(ecn);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		uint16_t checksum = (uint16_t)~sum;
		ip[1] = (uint8_t)(ip[1] | ecn);
		memcpy(ip + 2, &len, 2);
		memcpy(ip + 4, &be_id, 2);
		memcpy(ip + 10, &checksum, 2);
	}
	ip4_id = id;
}

/* RFC 6438: routers that balance by addresses and flow label see the inner flow. */
static void push6(const struct hnv_tunnel *t, struct frame **frames, struct hnv_flow *flows, uint16_t n)
{
	const struct shape shape = shape_of(t);
	const uint32_t constant = bytes_raw32(shape.end - shape.header_len + shape.l3_off);
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		flows[i] = flow_of(f);
		uint32_t ecn = hnv_ecn_of(frame_data(f));
		uint8_t *ip = push(shape, f, flows[i], HNV_HEADER_ROOM);
		uint32_t word = constant | rte_cpu_to_be_32(ecn << 20 | flows[i].hash >> 12);
		memcpy(ip, &word, sizeof(word));
		bytes_put_be16(ip + 4, frame_len(f) - shape.l3_off - 40u);
	}
}

static void encapsulate(struct pipe *p, const struct dp_adapter *a, const struct hnv_tunnel *t, struct frame **frames,
			uint16_t n)
{
	struct hnv_flow flows[PIPE_OUT_MAX];
	if (unlikely(p->trace != NULL)) {
		char remote[IP_TEXT_SIZE];
		PIPE_TRACE(p, a, "encapsulate", "%s to provider address %s, virtual subnet %u",
			   t->encapsulation->name, ip_format(&t->way->remote, remote), frames[0]->tenant.vsid);
	}
	if (t->way->ip6)
		push6(t, frames, flows, n);
	else
		push4(t, frames, flows, n);
	if (t->encapsulation->finish)
		t->encapsulation->finish(t, frames, flows, n);
}

/* Segments that fit the tunnel, encapsulated and on their way before this returns. Takes f. */
static void send_segments(struct pipe *p, const struct dp_adapter *a, const struct hnv_tunnel *t, struct frame *f)
{
	struct frame *segment[OFFLOAD_SEGMENTS_MAX];
	struct frame_offload *o = &f->offload;
	uint32_t headers = o->header_len - HNV_ETHER, tenant_vsid = f->tenant.vsid;
	if (headers + o->gso_size > t->inner_mtu) {
		/* A UDP segment is a datagram: its size is the sender's to choose. */
		if (o->gso == FRAME_GSO_UDP || headers >= t->inner_mtu) {
			pipe_drop(p, a, f, &drop_path_narrowed);
			return;
		}
		o->gso_size = (uint16_t)(t->inner_mtu - headers);
	}
	int n = offload_segment(f, p->pools, segment, OFFLOAD_SEGMENTS_MAX);
	if (n <= 0) {
		pipe_drop(p, a, f, n == -ENOMEM ? &drop_tunnel_no_memory : &drop_tunnel_offload);
		return;
	}
	PIPE_TRACE(p, a, "note", "cut into %d segments of at most %u bytes", n, headers + o->gso_size);
	pipe_row(p, a)->egress_copies += (unsigned)n - 1;
	frame_free(f);
	for (int i = 0; i < n; i += PIPE_OUT_MAX) {
		uint16_t k = (uint16_t)RTE_MIN(n - i, PIPE_OUT_MAX);
		for (int s = i; s < i + k; s++)
			segment[s]->tenant.vsid = tenant_vsid;
		encapsulate(p, a, t, segment + i, k);
		pipe_egress_rest(p, a, &node_hnv_encapsulate, segment + i, k);
	}
}

static inline bool is_gso(const struct frame *f)
{
	return f->m.ol_flags & FRAME_OFFLOAD && f->offload.gso != FRAME_GSO_NONE;
}

/* As most are: nobody else holds it, nothing is left to be done to it, there is room in front. */
static inline bool is_simple(const struct frame *f)
{
	return !(f->m.ol_flags & (FRAME_OFFLOAD | FRAME_HOPS)) && rte_mbuf_refcnt_read(&f->m) == 1 &&
	       f->m.data_off >= HNV_HEADER_ROOM;
}

/* f, or a copy that may be written to and has room in front, its checksum filled in unless the port does it behind
 * an outer header too. NULL: f was dropped. */
static struct frame *made_simple(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	if (rte_mbuf_refcnt_read(&f->m) > 1 || f->m.data_off < HNV_HEADER_ROOM) {
		struct frame *own = frame_copy(f, p->pools, UINT32_MAX);
		if (!own) {
			pipe_drop(p, a, f, &drop_tunnel_no_memory);
			return NULL;
		}
		frame_free(f);
		f = own;
	}
	if (a->port->capabilities & PORT_CAN_CSUM_INNER || !(f->m.ol_flags & FRAME_OFFLOAD) || !f->offload.csum)
		return f;
	if (!offload_checksum(f))
		return f;
	pipe_drop(p, a, f, &drop_tunnel_offload);
	return NULL;
}

/* The tunnel that f was sent into, or NULL with f dropped. */
static const struct hnv_tunnel *tunnel_of(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct hnv_next *next = hnv_next_at(f->tenant.next);
	if (unlikely(!next || next->kind != HNV_TUNNEL || next->generation != f->tenant.generation)) {
		pipe_drop(p, a, f, &drop_tunnel_gone);
		return NULL;
	}
	const struct hnv_tunnel *t = hnv_next_tunnel(next);
	if (unlikely(!t || t->way->uplink != a->id)) {
		pipe_drop(p, a, f, t ? &drop_tunnel_gone : &drop_no_provider_path);
		return NULL;
	}
	return t;
}

static inline uint32_t tunnel_key(const struct frame *f)
{
	return (uint32_t)f->tenant.next << 16 | f->tenant.generation;
}

/* What is ready stands at the front of frames[], the last `run` of it waiting for tunnel t. */
struct ready {
	struct frame **frames;
	uint16_t n, run;
	const struct hnv_tunnel *t;
	uint32_t key;
};

static void run_end(struct pipe *p, const struct dp_adapter *a, struct ready *r)
{
	if (r->run)
		encapsulate(p, a, r->t, r->frames + r->n - r->run, r->run);
	r->run = 0;
}

/* f came by a tunnel itself and goes on (hnv_stray.c): its hop limit goes on as well, so that hosts whose records point
 * in a circle do not send it round for ever. */
static void send_on(struct pipe *p, const struct dp_adapter *a, struct ready *r, struct frame *f)
{
	uint8_t hops = f->hops;
	run_end(p, a, r);
	r->frames[r->n++] = f;
	encapsulate(p, a, r->t, &f, 1);
	uint8_t *ip = frame_data(f) + r->t->way->l3_off;
	if (r->t->way->ip6) {
		ip[7] = hops;
		return;
	}
	ip[8] = hops;
	offload_ip4_checksum(ip, 20);
}

/* One tenant frame, into the run of its tunnel. */
static inline void add(struct pipe *p, const struct dp_adapter *a, struct ready *r, struct frame *f)
{
	if (!r->t || tunnel_key(f) != r->key) {
		run_end(p, a, r);
		r->key = tunnel_key(f);
		r->t = NULL;
		const struct provider_way *way;
		if (unlikely(hnv_rewrite_wanted(f, &way))) { /* no tunnel's: rule nat */
			r->frames[r->n++] = f;
			return;
		}
		r->t = tunnel_of(p, a, f);
		if (!r->t)
			return;
	}
	if (unlikely(is_gso(f))) {
		run_end(p, a, r);
		pipe_egress_rest(p, a, &node_hnv_encapsulate, r->frames, r->n);
		r->n = 0;
		send_segments(p, a, r->t, f);
		return;
	}
	if (unlikely(frame_len(f) > r->t->inner_mtu + HNV_ETHER)) {
		pipe_drop(p, a, f, &drop_path_narrowed);
		return;
	}
	if (unlikely(!is_simple(f))) {
		f = made_simple(p, a, f);
		if (!f)
			return;
		if (f->m.ol_flags & FRAME_HOPS) {
			send_on(p, a, r, f);
			return;
		}
	}
	r->frames[r->n++] = f;
	r->run++;
}

static uint16_t hnv_encapsulate(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	struct ready r = {.frames = frames};
	uint16_t i = 0;
	while (i < n && !(frames[i]->m.ol_flags & FRAME_TENANT))
		i++;
	r.n = i; /* on an uplink that is not a tenant's at the moment this is all */
	for (; i < n; i++) {
		struct frame *f = frames[i];
		if (likely(f->m.ol_flags & FRAME_TENANT)) {
			add(p, a, &r, f);
			continue;
		}
		run_end(p, a, &r);
		frames[r.n++] = f;
	}
	run_end(p, a, &r);
	return r.n;
}

static bool wanted(const struct dp_adapter *a) { return a->role == PORT_UPLINK && hnv_port_of(a); }

NODE(hnv_encapsulate, ENCAPSULATE, hnv_encapsulate, wanted)
