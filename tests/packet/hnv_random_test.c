/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random tenants and random frames through all nodes, beside a model that says where each has to go: nothing may
 * arrive that must not (a leak), and nothing be missing that must arrive. WEFT_SEED=N repeats a run.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "modules/hnv/hnv.h"
#include "modules/provider/provider.h"
#include "tests/packet/hnv_model.h"
#include "tests/packet/hnv_packet_random.h"
#include "tests/packet/hnv_rig.h"

enum { WORLDS = 100, BURSTS = 400, BURST_MAX = 6, ARRIVED_MAX = 512, BYTES_MAX = 256 };

/* One frame of a burst, and what the model says of it. */
struct sent {
	uint8_t frame[BYTES_MAX];
	size_t len;
	const struct packet *packet;
	int sender; /* an adapter of a virtual subnet, or MODEL_WIRE */
	struct outcome outcome;
	unsigned answers;
};

struct arrived {
	int adapter, provider; /* as in struct delivery */
	uint32_t vsid;
	int vxlan;
	bool nat;
	const uint8_t *frame;
	uint8_t room[BYTES_MAX];
	size_t len;
};

static uint64_t seed;
static unsigned world_number;
static struct world world;
static struct packet packets[BURST_MAX];
static struct sent sent[BURST_MAX];
static unsigned n_sent;
static struct arrived arrived[ARRIVED_MAX];
static unsigned n_arrived;
static uint64_t n_packets, n_delivered, n_answered, n_rewritten;

static void describe_frame(const char *what, const uint8_t *frame, size_t len)
{
	fprintf(stderr, "  %s: ", what);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", frame[i]);
	fprintf(stderr, "\n");
}

static void describe_place(const char *what, int adapter, int provider, uint32_t vsid)
{
	if (adapter == MODEL_WIRE)
		fprintf(stderr, "  %s tunnel to %s, VSID %u\n", what,
			provider < 0 ? "nobody" : world_provider[provider], vsid);
	else
		fprintf(stderr, "  %s adapter %s\n", what, world.adapter[adapter].name);
}

/* Everything that somebody needs who wants to know why; ends the test. */
static void disagree(const char *why, const char *from, const uint8_t *frame, size_t len)
{
	char *document = world_document(&world);
	fprintf(stderr, "%s\nfrom %s:\n", document, from);
	free(document);
	for (unsigned i = 0; i < n_sent; i++) {
		describe_frame("sent", sent[i].frame, sent[i].len);
		fprintf(stderr, "  the model: %s, answer %d\n", sent[i].outcome.why, sent[i].outcome.answer);
		for (unsigned k = 0; k < sent[i].outcome.n; k++) {
			const struct delivery *d = &sent[i].outcome.delivery[k];
			describe_place("  still expected by", d->adapter, d->provider, d->vsid);
		}
	}
	describe_frame("about", frame, len);
	fail_msg("%s; WEFT_SEED=%llu, world %u", why, (unsigned long long)seed, world_number);
}

/* To the provider address of a guest elsewhere, and in no tunnel? */
static bool is_plain(const struct arrived *a)
{
	bool ip6 = a->room[12] == 0x86;
	struct ip to = {.family = ip6 ? AF_INET6 : AF_INET};
	memcpy(to.byte, a->room + (ip6 ? 38 : 30), ip6 ? 16 : 4);
	for (unsigned i = 0; i < world.n_records; i++)
		if (world.record[i].nat && ip_equal(&world.record[i].own_provider, &to))
			return true;
	return false;
}

/* The tunnel that a frame on the wire is in, or none if it was rewritten; false: none that it may be in. */
static bool unwrap(struct arrived *a)
{
	const uint8_t *f = a->room, *ip = f + 14;
	bool ip6 = f[12] == 0x86;
	struct ip to = {.family = ip6 ? AF_INET6 : AF_INET};
	a->nat = is_plain(a);
	if (a->nat) {
		n_rewritten++;
		return true;
	}
	const uint8_t *l4 = ip + (ip6 ? 40 : 20);
	unsigned protocol = ip[ip6 ? 6 : 9];
	memcpy(to.byte, ip + (ip6 ? 24 : 16), ip6 ? 16 : 4);
	for (a->provider = WORLD_PROVIDERS + WORLD_GROUPS - 1; a->provider >= 0; a->provider--) {
		struct ip provider = world_ip(world_provider[a->provider]);
		if (ip_equal(&provider, &to))
			break;
	}
	a->vxlan = protocol == IPPROTO_UDP;
	const uint8_t *key = l4 + (a->vxlan ? 12 : 4);
	a->vsid = (uint32_t)(key[0] << 16 | key[1] << 8 | key[2]);
	a->frame = key + 4;
	a->len -= (size_t)(a->frame - a->room);
	return a->provider >= WORLD_OWN && (a->vxlan ? l4[2] == 0x12 && l4[3] == 0xb5 : protocol == IPPROTO_GRE);
}

static void collect_of(int adapter, const char *name)
{
	struct frame *f;
	for (unsigned i = 0; (f = host_got(name, i)); i++) {
		struct arrived *a = &arrived[n_arrived++];
		assert_true(n_arrived <= ARRIVED_MAX && frame_len(f) <= BYTES_MAX);
		*a = (struct arrived){.adapter = adapter, .provider = -1, .frame = a->room, .len = frame_len(f)};
		assert_true(frame_read(f, 0, a->room, frame_len(f)));
	}
}

/* A frame of the shared port is one of whoever has its tag, without it. */
static void tag_read(struct arrived *a)
{
	unsigned vlan = (unsigned)(a->room[14] << 8 | a->room[15]);
	a->adapter = 0;
	while (a->adapter < WORLD_SHARED && world.adapter[a->adapter].vlan != vlan)
		a->adapter++;
	if (a->adapter == WORLD_SHARED || a->room[12] != 0x81)
		disagree("a leak: this tag is nobody's", "the shared port", a->room, a->len);
	memmove(a->room + 4, a->room, 12);
	a->frame = a->room + 4;
	a->len -= 4;
}

static void collect(void)
{
	n_arrived = 0;
	if (world.shared)
		collect_of(0, "gw");
	for (unsigned i = 0; i < n_arrived; i++)
		tag_read(&arrived[i]);
	for (int i = 0; i < WORLD_ADAPTERS; i++)
		if (!world.adapter[i].vlan)
			collect_of(i, world.adapter[i].name);
	collect_of(MODEL_WIRE, WIRE);
}

/* The frame as it is on the adapter's port. */
static struct frame *on_port(const struct world_adapter *a, const uint8_t *frame, size_t len)
{
	uint8_t tagged[BYTES_MAX];
	if (!a->vlan)
		return host_frame(frame, len);
	memcpy(tagged, frame, 12);
	memcpy(tagged + 12, (const uint8_t[]){0x81, 0, (uint8_t)(a->vlan >> 8), (uint8_t)a->vlan}, 4);
	memcpy(tagged + 16, frame + 12, len - 12);
	return host_frame(tagged, len + 4);
}

static bool is_delivery(const struct delivery *d, const struct arrived *a)
{
	uint8_t frame[BYTES_MAX];
	if (d->adapter != a->adapter || d->nat != a->nat)
		return false;
	if (d->adapter == MODEL_WIRE && !d->nat &&
	    ((d->provider != a->provider && d->provider != MODEL_SOME) || d->vsid != a->vsid ||
	     (d->vxlan >= 0 && d->vxlan != a->vxlan)))
		return false;
	size_t len = packet_make(&d->packet, frame);
	if (world.nat && d->packet.kind == PACKET_IP6 && d->packet.echo && len == a->len)
		memcpy(frame + 56, a->frame + 56, 2); /* goes by the addresses: rewrite_packet_test is about it */
	return len == a->len && !memcmp(frame, a->frame, len);
}

/* Was it expected? Then it is no more. */
static bool is_expected(const struct arrived *a)
{
	for (unsigned i = 0; i < n_sent; i++) {
		struct outcome *o = &sent[i].outcome;
		for (unsigned k = 0; k < o->n; k++)
			if (is_delivery(&o->delivery[k], a)) {
				o->delivery[k] = o->delivery[--o->n];
				return true;
			}
	}
	return false;
}

static bool is_answer(const struct sent *s, const struct arrived *a)
{
	const struct packet *p = s->packet;
	const uint8_t *ip = a->frame + 14;
	bool ip6 = a->frame[12] == 0x86;
	if (s->answers || memcmp(a->frame, p->from.byte, 6) != 0)
		return false;
	if (s->outcome.answer == ANSWER_ARP)
		return a->len == 42 && a->frame[13] == 6 && a->frame[21] == 2 &&
		       !memcmp(a->frame + 22, s->outcome.answer_mac.byte, 6) &&
		       !memcmp(a->frame + 28, p->destination.byte, 4) && !memcmp(a->frame + 38, p->source.byte, 4);
	if (s->outcome.answer == ANSWER_ECHO)
		return a->frame[a->len - 1] == p->mark && ip[ip6 ? 40 : 20] == (ip6 ? 129 : 0) &&
		       !memcmp(ip + (ip6 ? 8 : 12), p->destination.byte, ip6 ? 16 : 4);
	const uint8_t *icmp = ip + (ip6 ? 40 : 20);
	if (a->frame[a->len - 1] != p->mark)
		return false;
	if (s->outcome.answer == ANSWER_NO_PORT)
		return icmp[0] == (ip6 ? 1 : 3) && icmp[1] == (ip6 ? 4 : 3);
	return s->outcome.answer == ANSWER_ERROR && icmp[0] == (ip6 ? 3 : 11);
}

static bool is_answered(const struct arrived *a)
{
	for (unsigned i = 0; i < n_sent; i++)
		if (a->adapter == sent[i].sender && is_answer(&sent[i], a)) {
			sent[i].answers++;
			n_answered++;
			return true;
		}
	return false;
}

static void check_burst(const char *from)
{
	collect();
	for (unsigned i = 0; i < n_arrived; i++) {
		struct arrived *a = &arrived[i];
		bool tunnelled = a->adapter != MODEL_WIRE || unwrap(a);
		n_delivered++;
		if (tunnelled && (is_expected(a) || is_answered(a)))
			continue;
		describe_place("got by", a->adapter, a->provider, a->vsid);
		disagree("a leak: this must not be there", from, a->room, (size_t)(a->frame - a->room) + a->len);
	}
	for (unsigned i = 0; i < n_sent; i++) {
		const struct sent *s = &sent[i];
		unsigned missing = s->outcome.n;
		for (unsigned k = 0; k < s->outcome.n; k++)
			missing -= s->outcome.delivery[k].maybe;
		if (missing)
			disagree("a wrong drop: this did not arrive", from, s->frame, s->len);
		if (!s->answers && (s->outcome.answer == ANSWER_ARP || s->outcome.answer == ANSWER_ECHO))
			disagree("a wrong drop: this was not answered", from, s->frame, s->len);
	}
}

/* From one port; if several share it, from all of these. */
static void burst_from_guest(unsigned adapter)
{
	struct frame *frames[BURST_MAX];
	const char *from = world.adapter[adapter].vlan ? "gw" : world.adapter[adapter].name;
	n_sent = 1 + world_pick(BURST_MAX);
	for (unsigned i = 0; i < n_sent; i++) {
		if (i && world_chance(40)) { /* like the one before it, as flows are */
			packets[i] = packets[i - 1];
			packets[i].mark = (uint8_t)i;
		} else {
			if (world.adapter[adapter].vlan)
				adapter = world_pick(WORLD_SHARED);
			packet_from_guest(&world, adapter, (uint8_t)i, &packets[i]);
		}
		sent[i] = (struct sent){.packet = &packets[i], .sender = (int)adapter};
		sent[i].len = packet_make(&packets[i], sent[i].frame);
		model_guest(&world, adapter, &packets[i], &sent[i].outcome);
		frames[i] = on_port(&world.adapter[adapter], sent[i].frame, sent[i].len);
	}
	host_send_burst(from, frames, (uint16_t)n_sent);
	check_burst(from);
}

static void burst_from_wire(void)
{
	struct frame *frames[BURST_MAX];
	uint8_t outer[BYTES_MAX];
	n_sent = 1 + world_pick(BURST_MAX);
	for (unsigned i = 0; i < n_sent; i++) {
		unsigned subnet = world_pick(WORLD_SUBNETS), own = world_pick(WORLD_OWN);
		uint32_t vsid = packet_wire_vsid(&world, subnet);
		struct rig_outer o = {.to = world_provider[own],
				      .from = world_provider[WORLD_OWN + 3 * own],
				      .gre = world_chance(60) ? RIG_NVGRE : 0,
				      .key = vsid << 8 | world_pick(256)};
		packet_from_wire(&world, subnet, (uint8_t)i, &packets[i]);
		if (!o.gre)
			o.key &= ~255u;
		sent[i] = (struct sent){.packet = &packets[i], .sender = MODEL_WIRE};
		sent[i].len = packet_make(&packets[i], sent[i].frame);
		model_wire(&world, vsid, (int)(WORLD_OWN + 3 * own), &packets[i], &sent[i].outcome);
		frames[i] = host_frame(outer, rig_wrap(outer, &o, sent[i].frame, sent[i].len));
	}
	host_send_burst(WIRE, frames, (uint16_t)n_sent);
	check_burst(WIRE);
}

static const struct world_record *nat_some(void)
{
	unsigned first = world_pick(world.n_records);
	for (unsigned i = 0; i < world.n_records; i++)
		if (world.record[(first + i) % world.n_records].nat)
			return &world.record[(first + i) % world.n_records];
	return NULL;
}

/* Plain packets to a guest's provider address: from a peer's, another tenant's, or a stranger's. */
static void burst_rewritten(void)
{
	struct frame *frames[BURST_MAX];
	n_sent = 0;
	for (unsigned i = 0; i < 1 + world_pick(BURST_MAX); i++) {
		const struct world_record *to = nat_some(), *from = world_chance(85) ? nat_some() : NULL;
		if (!to || (from && from->customer.family != to->customer.family))
			continue;
		struct packet *p = &packets[n_sent];
		bool ip6 = to->customer.family == AF_INET6;
		*p = (struct packet){.kind = ip6 ? PACKET_IP6 : PACKET_IP4, .ttl = 60, .mark = (uint8_t)i};
		p->to = world_mac_of(ip6 ? "02:00:00:00:aa:06" : "02:00:00:00:aa:04");
		p->from = world_mac_of("02:00:00:00:bb:05");
		p->destination = to->own_provider;
		p->source = from ? from->own_provider : world_ip(ip6 ? "2001:db8:ee::77" : "198.51.100.30");
		p->echo = from && world_chance(20); /* strangers' pings are answered by the host */
		struct sent *s = &sent[n_sent];
		*s = (struct sent){.packet = p, .sender = MODEL_WIRE};
		s->len = packet_make(p, s->frame);
		if (p->echo && to->provider == 0 &&
		    world.subnet[from->subnet].domain != world.subnet[to->subnet].domain)
			continue; /* a stranger, too */
		model_nat(&world, from, to, p, &s->outcome);
		frames[n_sent++] = host_frame(s->frame, s->len);
	}
	if (n_sent)
		host_send_burst(WIRE, frames, (uint16_t)n_sent);
	check_burst(WIRE);
}

/* What no tenant sent reaches no tenant, whatever it bears. */
static void plain_frame(bool from_wire)
{
	struct packet p;
	uint8_t frame[BYTES_MAX];
	const char *from = from_wire ? WIRE : world.adapter[WORLD_ADAPTERS - 1].name;
	const struct world_adapter stray = {.vlan = 4001 + world_pick(90)}; /* nobody's tag on the shared port */
	packet_from_guest(&world, world_pick(WORLD_ADAPTERS - 1), 0, &p);
	size_t len = packet_make(&p, frame);
	n_sent = 0;
	host_send(from, frame, len);
	if (world.shared)
		host_send_frame("gw", on_port(&stray, frame, len));
	collect();
	for (unsigned i = 0; i < n_arrived; i++)
		if (arrived[i].adapter != MODEL_WIRE && arrived[i].adapter != WORLD_ADAPTERS - 1)
			disagree("a leak: a tenant got what no tenant sent", from, frame, len);
}

/* Records that are set one by one, as a controller does while packets pass. */
static void record_set(struct world_record *r)
{
	struct err e = {0};
	char text[700];
	struct hnv_record record = {.network = (uint8_t)provider_network_find("default"),
				    .vsid = world.subnet[r->subnet].vsid,
				    .customer = r->customer,
				    .mac = r->mac,
				    .provider = world_ip(world_provider[r->provider]),
				    .encapsulation = hnv_encapsulation_find(r->vxlan ? "vxlan" : "nvgre")};
	world_led(&world, r);
	if (hnv_record_set(&record, &e))
		fail_msg("%s; WEFT_SEED=%llu", err_format(&e, text, sizeof(text)), (unsigned long long)seed);
}

static void record_move(void)
{
	struct world_record *r = &world.record[world_pick(world.n_records)];
	if (!r->single)
		return;
	if (!world.subnet[r->subnet].gateway_only)
		r->mac = world_mac(world_pick(WORLD_MACS));
	r->provider = (int)world_pick(WORLD_PROVIDERS);
	r->vxlan = world_chance(50);
	record_set(r);
}

static void singles(bool set)
{
	for (unsigned i = 0; i < world.n_records; i++) {
		struct world_record *r = &world.record[i];
		if (r->single && set)
			record_set(r);
		else if (r->single)
			assert_int_equal(hnv_record_remove((uint8_t)provider_network_find("default"),
							   world.subnet[r->subnet].vsid, &r->customer),
					 0);
	}
}

static void run_world(void)
{
	world_make(&world);
	char *document = world_document(&world);
	assert_non_null(document);
	host_apply(document);
	free(document);
	clock_test_advance(31 * 1000000000ULL); /* nobody remembers the guests of the world before (hnv_gone.h) */
	host_pass(1);
	singles(true);
	rig_answer_neighbours();
	for (unsigned i = 0; i < BURSTS; i++) {
		if (world_chance(65))
			burst_from_guest(world_pick(WORLD_ADAPTERS - 1));
		else if (world.nat && world_chance(40))
			burst_rewritten();
		else if (world_chance(90))
			burst_from_wire();
		else
			plain_frame(world_chance(50));
		n_packets += n_sent;
		host_clear();
		if (world_chance(10)) {
			record_move();
			rig_answer_neighbours();
		}
		host_pipe()->now_ms += BURST_MAX; /* the limits of answers are another test's */
	}
	host_check_books();
	singles(false);
	host_apply("host: {name: node1}\n");
	host_pass(62000); /* what is kept for a while, guests that have just left above all, is forgotten */
	host_clear();
}

static void test_random(void **unused)
{
	const char *given = getenv("WEFT_SEED");
	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	print_message("WEFT_SEED=%llu\n", (unsigned long long)seed);
	for (world_number = 0; world_number < WORLDS; world_number++) {
		world_seed(seed * WORLDS + world_number);
		run_world();
	}
	print_message("%llu frames sent, %llu arrived, %llu of them answers, %llu rewritten\n",
		      (unsigned long long)n_packets, (unsigned long long)n_delivered, (unsigned long long)n_answered,
		      (unsigned long long)n_rewritten);
	assert_true(n_rewritten > 100);
}

int main(void)
{
	host_start();
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
	return cmocka_run_group_tests_name("hnv random", tests, NULL, NULL);
}
