/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/hnv_guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/control/loop.h"
#include "core/runtime/drop.h"
#include "core/runtime/inject.h"
#include "core/runtime/punt.h"
#include "core/runtime/test/test_eal.h"
#include "core/runtime/worker.h"
#include "modules/hnv/datapath/hnv_learn.h"
#include "modules/hnv/datapath/hnv_mtu.h"
#include "modules/hnv/datapath/records.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/provider/provider.h"

#define GOT_MAX 512
#define CHECK(truth)                                                                                                 \
	do {                                                                                                         \
		if (!(truth)) {                                                                                      \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #truth);                                  \
			abort();                                                                                     \
		}                                                                                                    \
	} while (0)

/* What modules/hnv/control has otherwise. */
unsigned hnv_slot;
struct hnv_next *_Atomic hnv_nexts[HNV_NEXT_MAX];

struct hnv_network guest_net;
struct hnv_subnet guest_subnet;
struct hnv_port guest_port;
struct pipe guest_pipe;
struct frame_pools guest_pools;
struct ip guest_learned;
int guest_learn_answer;

static struct {
	unsigned adapter;
	struct frame *frame;
} got[GOT_MAX];
static unsigned n_got;

static struct dp_adapter *adapters[GUEST_ADAPTERS];
static struct dataplane dp = {.adapters = adapters, .n_adapters = GUEST_ADAPTERS};
static struct hnv_subnet other_subnet;
static struct hnv_domain domain;
static struct hnv_subnet *_Atomic page[4096];
static struct hnv_next beside_next = {.kind = HNV_LOCAL, .index = 1, .adapter = GUEST_BESIDE};
static struct hnv_next peer_next = {.kind = HNV_TUNNEL, .index = 2};
static union {
	struct hnv_addresses list;
	uint8_t room[sizeof(struct hnv_addresses) + 4 * sizeof(struct ip)];
} own;
static union {
	struct hnv_locals list;
	uint8_t room[sizeof(struct hnv_locals) + 2 * sizeof(uint16_t)];
} locals;

static uint16_t fake_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		CHECK(n_got < GOT_MAX);
		got[n_got].adapter = q->adapter;
		got[n_got++].frame = frames[i];
	}
	return n;
}

static const struct port_ops fake_ops = {.kind = "fake", .tx = fake_tx};

static uint16_t pass_on(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (hnv_mtu_exceeded(frames[i], GUEST_TUNNEL_MTU))
			hnv_mtu_output(p, a, adapters[GUEST_OUT], frames[i], GUEST_TUNNEL_MTU);
		else
			pipe_output(p, a, adapters[GUEST_OUT], frames[i]);
	return 0;
}
NODE(pass_on, FORWARD, pass_on, NULL)

/* There is no provider network: nobody has a provider address. */
bool provider_is_local(const struct dp_switch *sw, const struct ip *address) { return false; }
bool provider_is_peer(const struct dp_switch *sw, const struct ip *address) { return false; }
bool provider_frame_is_ours(const struct dp_switch *sw, struct frame *f) { return false; }

int hnv_dynamic_add(uint16_t adapter, const struct ip *address, struct err *e)
{
	guest_learned = *address;
	if (guest_learn_answer)
		return err_set(e, -guest_learn_answer, NULL, "refused by the test");
	own.list.address[own.list.n++] = *address;
	return 0;
}

static struct ip ip(const char *text)
{
	struct ip ip;
	CHECK(ip_parse(text, &ip) == 0);
	return ip;
}

static void record(const char *address, uint8_t mac, uint16_t next)
{
	struct ip customer = ip(address);
	CHECK(hnv_records_set(&guest_net, 5001, &customer, &(struct mac){{0, 0x15, 0x5d, 0, 0, mac}}, next) == 0);
}

static void prefix(struct hnv_subnet *s, const char *text, const char *gateway)
{
	CHECK(ip_prefix_parse(text, &s->prefix[s->n_prefixes]) == 0);
	s->gateway[s->n_prefixes++] = ip(gateway);
}

static void tables_fill(void)
{
	struct hnv_route_entry routes[3] = {{.route.vsid = 5001}, {.route.vsid = 5001}, {.route.vsid = 5002}};
	guest_net.records4 = hnv_records4_create();
	guest_net.records6 = hnv_records6_create();
	CHECK(guest_net.records4 && guest_net.records6);
	guest_net.inner_mtu = GUEST_TUNNEL_MTU;
	guest_net.subnets[5001 >> 12] = page;
	page[5001 & 0xfff] = &guest_subnet;
	page[5002 & 0xfff] = &other_subnet;
	prefix(&guest_subnet, "10.0.0.0/24", "10.0.0.1");
	prefix(&guest_subnet, "fd00:1::/64", "fd00:1::1");
	prefix(&other_subnet, "10.0.1.0/24", "10.0.1.1");
	guest_subnet.vsid = 5001;
	other_subnet.vsid = 5002;
	guest_subnet.domain = other_subnet.domain = &domain;
	routes[0].prefix = guest_subnet.prefix[0];
	routes[1].prefix = guest_subnet.prefix[1];
	routes[2].prefix = other_subnet.prefix[0];
	domain.routes = hnv_routes_create(routes, 3);
	CHECK(domain.routes);
	hnv_nexts[1] = &beside_next;
	hnv_nexts[2] = &peer_next;
	record("10.0.0.5", 5, 1);
	record("10.0.0.6", 6, 2);
	record("10.0.0.7", 7, 1);
	record("fd00:1::6", 6, 2);
	record("fd00:1::7", 7, 1);
	locals.list.n = 2;
	locals.list.adapter[0] = GUEST_VM;
	locals.list.adapter[1] = GUEST_BESIDE;
	guest_subnet.locals = &locals.list;
	guest_port.net = &guest_net;
	guest_port.subnet = &guest_subnet;
}

static void adapter_make(uint16_t id, const char *name, uint32_t mtu)
{
	struct dp_adapter *a = calloc(1, sizeof(*a));
	struct port *port = calloc(1, sizeof(*port));
	CHECK(a && port);
	port->ops = &fake_ops;
	port->capabilities = PORT_CAN_CSUM | PORT_CAN_TSO4 | PORT_CAN_TSO6 | PORT_CAN_USO | PORT_CAN_ECN;
	port->n_queues = 1;
	port->queue[0].port = port;
	port->queue[0].adapter = id;
	a->id = id;
	a->mtu = mtu;
	a->port = port;
	snprintf(a->name, sizeof(a->name), "%s", name);
	adapters[id] = a;
	guest_pipe.rows[id] = calloc(1, sizeof(struct counter_row));
	guest_pipe.outs[id] = calloc(1, sizeof(struct pipe_out));
	CHECK(guest_pipe.rows[id] && guest_pipe.outs[id]);
}

void guest_start(void)
{
	CHECK(test_eal_start(128, false));
	CHECK(frame_init() == 0 && frame_pools_create(&guest_pools, 2048, 16) == 0);
	port_pools_set(&guest_pools);
	drop_init();
	CHECK(loop_init() == 0 && punt_init() == 0);
	worker_get(0)->inbox = rte_ring_create("inbox", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	CHECK(worker_get(0)->inbox);
	guest_pipe.rows = calloc(GUEST_ADAPTERS, sizeof(*guest_pipe.rows));
	guest_pipe.outs = calloc(GUEST_ADAPTERS, sizeof(*guest_pipe.outs));
	guest_pipe.listed = calloc(GUEST_ADAPTERS, sizeof(*guest_pipe.listed));
	CHECK(guest_pipe.rows && guest_pipe.outs && guest_pipe.listed);
	guest_pipe.pools = &guest_pools;
	guest_pipe.dp = &dp;
	tables_fill();
	adapter_make(GUEST_VM, "vm", 1500);
	adapter_make(GUEST_BESIDE, "beside", 1500);
	adapter_make(GUEST_OUT, "out", 9000);
	adapters[GUEST_VM]->vsid = adapters[GUEST_BESIDE]->vsid = 5001;
	adapters[GUEST_VM]->mac = (struct mac){{0, 0x15, 0x5d, 0, 0, 5}};
	adapters[GUEST_VM]->module_data[hnv_slot] = &guest_port;
	guest_mode("");
	dataplane_publish(&dp);
}

void guest_mode(const char *mode)
{
	bool dhcp = strstr(mode, "dhcp") != NULL;
	guest_net.forwarding = strstr(mode, "2012") ? HNV_FORWARDING_2012 : HNV_FORWARDING_R2;
	guest_net.inner_mtu = GUEST_TUNNEL_MTU;
	guest_subnet.l2only = strstr(mode, "l2only") != NULL;
	guest_subnet.mss_clamp = strstr(mode, "clamp") != NULL;
	guest_subnet.dhcp = dhcp;
	guest_subnet.n_dns = dhcp ? 4 : 0;
	guest_subnet.dns[0] = ip("192.0.2.53");
	guest_subnet.dns[1] = ip("fd00:53::1");
	guest_subnet.dns[2] = ip("192.0.2.54");
	guest_subnet.dns[3] = ip("fd00:53::2");
	guest_port.dynamic_limit = strstr(mode, "learn") ? 4 : 0;
	own.list.n = strstr(mode, "bare") ? 0 : 2;
	own.list.address[0] = ip("10.0.0.5");
	own.list.address[1] = ip("fd00:1::5");
	guest_port.own = &own.list;
	guest_pipe.now_ms += 3600 * 1000;
	guest_learned = (struct ip){0};
	guest_learn_answer = 0;
	for (unsigned i = 0; i < GUEST_ADAPTERS; i++) {
		adapters[i]->n_ingress = adapters[i]->n_egress = 0;
		adapters[i]->forward = NULL;
	}
	dataplane_wire(&dp);
}

void guest_send_frame(struct frame *f)
{
	pipe_input(&guest_pipe, adapters[GUEST_VM], &f, 1);
	pipe_flush(&guest_pipe);
}

void guest_send(const void *frame, size_t len)
{
	struct frame *f = frame_alloc(len <= FRAME_SMALL_ROOM ? guest_pools.small : guest_pools.big);
	CHECK(f);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)len), frame, len);
	guest_send_frame(f);
}

void guest_turn(void)
{
	void *f;
	bool came;
	do { /* a frame may go up once for each address that it claims */
		CHECK(loop_turn() == 0);
		came = false;
		while (!rte_ring_sc_dequeue(worker_get(0)->inbox, &f)) {
			inject_enter(&guest_pipe, f);
			came = true;
		}
	} while (came);
	pipe_flush(&guest_pipe);
}

struct frame *guest_got(unsigned adapter, unsigned index)
{
	for (unsigned i = 0; i < n_got; i++)
		if (got[i].adapter == adapter && !index--)
			return got[i].frame;
	return NULL;
}

unsigned guest_got_total(void) { return n_got; }

void guest_clear(void)
{
	for (unsigned i = 0; i < n_got; i++)
		frame_free(got[i].frame);
	n_got = 0;
}

uint64_t guest_dropped(const char *reason)
{
	const struct drop_reason *r = drop_by_name(reason);
	CHECK(r);
	uint64_t n = 0;
	for (unsigned i = 0; i < GUEST_ADAPTERS; i++)
		n += guest_pipe.rows[i]->drop_in[r->id] + guest_pipe.rows[i]->drop_out[r->id];
	return n;
}

bool guest_books_balance(void)
{
	uint64_t forwarded = 0, offered = 0;
	for (unsigned i = 0; i < GUEST_ADAPTERS; i++) {
		const struct counter_row *r = guest_pipe.rows[i];
		uint64_t in = 0, out = 0;
		for (uint16_t d = 0; d < drop_count(); d++) {
			in += r->drop_in[d];
			out += r->drop_out[d];
		}
		if (r->received + r->ingress_copies + r->originated != r->forwarded + r->consumed + in ||
		    r->offered + r->egress_copies != r->delivered + out + r->handed - r->taken)
			return false;
		forwarded += r->forwarded;
		offered += r->offered;
	}
	return forwarded == offered;
}
