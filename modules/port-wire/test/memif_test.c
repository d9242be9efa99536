/* SPDX-License-Identifier: Apache-2.0 */
/* memif devices whose peers come, go and lie while a worker is in them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_rcu_qsbr.h>

#include "core/control/loop.h"
#include "core/runtime/rcu.h"
#include "core/runtime/test/port_rig.h"
#include "core/runtime/worker.h"
#include "modules/port-wire/control/dpdk.h"
#include "modules/port-wire/control/memif.h"
#include "modules/port-wire/test/memif_peer.h"

#define KILLS 200
#define WORKER 1 /* its place in the quiescent-state variable */

static char name[40]; /* of the sockets */
static struct peer peer;

static struct port *memif_open(unsigned device, const char *role, unsigned id)
{
	char args[120];
	snprintf(args, sizeof(args), "net_memif%u,role=%s,id=%u,socket=%s", device, role, id, name);
	struct port_spec spec = {
		.name = "wire:lab", .role = PORT_UPLINK, .kind = "dpdk", .target = args, .queues = 1};
	return port_rig_open(&spec);
}

static void memif_close(struct port *p) { p->ops->close(p, true); }

static void wait_link(struct port *p, const char *state)
{
	for (unsigned ms = 0; ms < 2000; ms++) {
		loop_turn();
		const char *link = port_rig_status(p, "link");
		if (link && !strcmp(link, state))
			return;
		usleep(1000);
	}
	fail_msg("the link is not %s", state);
}

static bool turns(struct port *p)
{
	uint8_t frame[60];
	struct frame *f;
	peer_rings_turn(&peer);
	if (port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))))
		return false;
	if (!p->ops->rx(&p->queue[0], &f, 1))
		return false;
	assert_int_equal(frame_len(f), 60);
	frame_free(f);
	return true;
}

static void a_peer_comes_and_goes(void **state)
{
	uint8_t frame[60];
	struct port *p = memif_open(0, "server", 0);
	assert_string_equal(port_rig_status(p, "link"), "down");
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "dpdk-down");
		peer_rings_reset(&peer);
		peer_join(&peer, name, 0);
		assert_string_equal(port_rig_status(p, "link"), "up");
		assert_true(turns(p));
		assert_memory_equal((uint8_t *)peer.ring[1] + peer.ring[0]->desc[0].offset,
				    "\xff\xff\xff\xff\xff\xff", 6);
		peer_leave(&peer);
		wait_link(p, "down");
	}
	memif_close(p);
}

static void several_devices_share_a_socket(void **state)
{
	struct peer other;
	struct port *a = memif_open(0, "server", 7), *b = memif_open(1, "server", 8);
	struct port_spec spec = {.name = "wire:x", .role = PORT_UPLINK, .kind = "dpdk", .queues = 1};
	char args[120];
	snprintf(args, sizeof(args), "net_memif2,role=server,id=8,socket=%s", name);
	spec.target = args;
	port_rig_refused(&spec, -EEXIST, "another one has this id");
	peer_make(&other);
	peer_join(&peer, name, 8);
	peer_join(&other, name, 7);
	assert_true(turns(b));
	peer_leave(&other);
	wait_link(a, "down");
	assert_true(turns(b));
	memif_close(a);
	assert_true(turns(b));
	peer_connect(&other, name);
	struct memif_message init = peer_init(8);
	peer_say(&other, &init, -1);
	peer_refused(&other, "Already connected");
	peer_connect(&other, name);
	init = peer_init(7);
	peer_say(&other, &init, -1);
	peer_refused(&other, "ID not found");
	peer_free(&other);
	memif_close(b);
	peer_leave(&peer);
	assert_true(memif_socket_connect(name, true) < 0);
}

static void two_of_ours_meet(void **state)
{
	uint8_t frame[1514];
	struct port_spec spec = {.name = "wire:x", .role = PORT_UPLINK, .kind = "dpdk", .queues = 1};
	char args[120];
	snprintf(args, sizeof(args), "net_memif1,socket=%s", name);
	spec.target = args;
	port_rig_refused(&spec, -ENODEV, "nobody serves its socket");
	spec.target = "bus=vdev,name=net_memif1";
	port_rig_refused(&spec, -EINVAL, "write it as");
	struct port *server = memif_open(0, "server", 0), *client = memif_open(1, "client", 0);
	wait_link(client, "up");
	wait_link(server, "up");
	struct port *const way[] = {server, client, server};
	struct frame *none;
	assert_int_equal(client->ops->rx(&client->queue[0], &none, 1), 0); /* and has put up its buffers */
	for (unsigned i = 0; i < 2; i++) {
		assert_null(port_rig_send(way[i], frame, port_rig_probe(frame, sizeof(frame))));
		struct frame *f = port_rig_receive(way[i + 1], PORT_RIG_PROBE);
		assert_non_null(f);
		assert_int_equal(frame_len(f), sizeof(frame));
		assert_memory_equal(frame_data(f), frame, sizeof(frame));
		frame_free(f);
	}
	memif_close(server);
	wait_link(client, "down");
	for (unsigned i = 0; i < 3; i++)
		client->ops->tick(client);
	assert_non_null(strstr(port_rig_status(client, "waiting-for"), "nobody serves its socket"));
	server = memif_open(0, "server", 0);
	for (unsigned i = 0; i < 6 && port_rig_status(client, "waiting-for"); i++)
		client->ops->tick(client);
	wait_link(client, "up");
	memif_close(client);
	wait_link(server, "down");
	memif_close(server);
}

/* What a client may say wrong when all before it was right; `at` messages of peer_introduce were said. */
struct lie {
	const char *why;
	unsigned at;
	bool without_fd;
	struct memif_message m;
};

static void lies(struct lie *ret_lies, unsigned *ret_n)
{
	unsigned n = 0;
	struct memif_message region = peer_region(), in = peer_ring_message(true), out = peer_ring_message(false);
	const struct memif_message connect = {.type = MEMIF_CONNECT}, hello = {.type = MEMIF_HELLO};
#define LIE(why_, at_, fd_, from, change)                                                                            \
	do {                                                                                                         \
		struct memif_message m = from;                                                                       \
		change;                                                                                              \
		ret_lies[n++] = (struct lie){why_, at_, !(fd_), m};                                                  \
	} while (0)
	LIE("Missing region fd", 1, false, region, (void)0);
	LIE("Region larger than its file", 1, true, region, m.region.size = PEER_REGION + 1);
	LIE("Region larger than its file", 1, true, region, m.region.size = 0);
	LIE("Region larger than its file", 1, true, region, m.region.size = UINT64_MAX);
	LIE("Invalid region index", 1, true, region, m.region.index = 1);
	LIE("Invalid region index", 1, true, in, (void)0);
	LIE("Invalid region index", 2, true, region, (void)0);
	LIE("Missing interrupt fd", 2, false, in, (void)0);
	LIE("Invalid ring index", 2, true, in, m.ring.index = 1);
	LIE("Invalid ring index", 2, true, out, m.ring.index = UINT16_MAX);
	LIE("Invalid ring index", 3, true, in, (void)0);
	LIE("Invalid region index", 2, true, in, m.ring.region = 1);
	LIE("Invalid region index", 2, true, in, m.ring.region = UINT16_MAX);
	LIE("Ring too long", 2, true, in, m.ring.log2_ring_size = 15);
	LIE("Ring too long", 2, true, in, m.ring.log2_ring_size = 255);
	LIE("Ring outside of its region", 2, true, in, m.ring.offset = PEER_REGION - PEER_RING_BYTES + 1);
	LIE("Ring outside of its region", 2, true, in, m.ring.offset = UINT32_MAX);
	LIE("Missing ring", 2, false, connect, (void)0);
	LIE("Missing ring", 3, false, connect, (void)0);
	LIE("Unexpected message", 0, false, region, (void)0);
	LIE("Unexpected message", 1, false, hello, (void)0);
	LIE("Unexpected message", 4, false, hello, m.type = 99);
	LIE("Unexpected message", 5, true, region, m.region.index = 1);
	LIE("Unexpected message", 5, true, in, (void)0);
	LIE("Unexpected message", 5, false, connect, (void)0);
#undef LIE
	*ret_n = n;
}

static void what_cannot_be_does_not_reach_the_driver(void **state)
{
	struct lie all[32];
	unsigned n;
	struct port *p = memif_open(0, "server", 0);
	lies(all, &n);
	for (unsigned i = 0; i < n; i++) {
		peer_connect(&peer, name);
		peer_introduce(&peer, 0, all[i].at);
		peer_say(&peer, &all[i].m, all[i].without_fd ? -1 : peer.memory);
		peer_refused(&peer, all[i].why);
		wait_link(p, "down");
	}
	peer_connect(&peer, name);
	assert_int_equal(send(peer.fd, "?", 1, 0), 1);
	assert_true(peer_hung_up(&peer));
	peer_rings_reset(&peer);
	peer_join(&peer, name, 0); /* who tells the truth is let in */
	assert_true(turns(p));
	assert_int_equal(send(peer.fd, "?", 1, 0), 1);
	assert_true(peer_hung_up(&peer));
	wait_link(p, "down");
	memif_close(p);
}

static void is_put_out(struct port *p)
{
	uint8_t frame[60];
	assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "dpdk-down");
	p->ops->tick(p);
	peer_refused(&peer, "Shared memory is not there");
	wait_link(p, "down");
}

/* What a worker does in it, and nothing more: the peer's memory is not to be touched by this test either. */
static void both_ways(struct port *p)
{
	uint8_t bytes[1000];
	struct frame *f, *got[PORT_BURST];
	f = port_rig_frame(bytes, port_rig_probe(bytes, sizeof(bytes)));
	if (!p->ops->tx(&p->queue[0], &f, 1))
		frame_free(f);
	uint16_t n = p->ops->rx(&p->queue[0], got, PORT_BURST);
	while (n)
		frame_free(got[--n]);
}

static void memory_is_taken_back(void **state)
{
	const struct memif_message connect = {.type = MEMIF_CONNECT};
	struct port *p = memif_open(0, "server", 0);
	for (unsigned i = 0; i < 5; i++) {
		peer_rings_reset(&peer);
		peer_join(&peer, name, 0);
		assert_true(turns(p));
		peer_rings_turn(&peer);
		assert_int_equal(ftruncate(peer.memory, i % 2 ? 4096 : 0), 0);
		for (unsigned k = 0; k < 3; k++)
			both_ways(p);
		is_put_out(p);
		assert_int_equal(ftruncate(peer.memory, PEER_REGION), 0);

		/* Before the driver has looked at it. */
		peer_connect(&peer, name);
		peer_introduce(&peer, 0, 4);
		assert_int_equal(ftruncate(peer.memory, 0), 0);
		peer_say(&peer, &connect, -1);
		assert_true(peer_hung_up(&peer));
		assert_int_equal(ftruncate(peer.memory, PEER_REGION), 0);
	}
	peer_rings_reset(&peer);
	peer_join(&peer, name, 0);
	assert_true(turns(p));
	peer_leave(&peer);
	memif_close(p);
}

static void buffers_beyond_the_memory(void **state)
{
	/* The last page of a file is there to its end. */
	static const uint32_t offsets[] = {(PEER_REGION | 4095) - 10, PEER_REGION + 4096, 1u << 31, UINT32_MAX};
	struct port *p = memif_open(0, "server", 0);
	for (unsigned i = 0; i < 8; i++) {
		peer_rings_reset(&peer);
		peer_join(&peer, name, 0);
		for (unsigned k = 0; k < PEER_ENTRIES; k++) {
			peer.ring[i % 2]->desc[k].offset = offsets[i / 2];
			peer.ring[i % 2]->desc[k].length = UINT16_MAX;
		}
		peer_rings_turn(&peer);
		both_ways(p);
		is_put_out(p);
	}
	memif_close(p);
}

/* Those who say nothing keep nobody out. */
static void who_stalls_is_not_waited_for(void **state)
{
	int fd[50];
	struct port *p = memif_open(0, "server", 0);
	for (unsigned i = 0; i < 50; i++) {
		fd[i] = memif_socket_connect(name, true);
		loop_turn();
	}
	peer_rings_reset(&peer);
	peer_join(&peer, name, 0);
	assert_true(turns(p));
	for (unsigned i = 0; i < 50; i++)
		close(fd[i]);
	peer_leave(&peer);
	memif_close(p);
}

struct worker_thread {
	struct port *p;
	atomic_bool stop;
	_Atomic uint64_t moved;
};

/* What a worker does, without pause, and the peer's rings never run dry. */
static void *work(void *arg)
{
	struct worker_thread *w = arg;
	struct port_queue *q = &w->p->queue[0];
	uint8_t data[1500];
	port_rig_probe(data, sizeof(data));
	rte_rcu_qsbr_thread_register(rcu_variable(), WORKER);
	rte_rcu_qsbr_thread_online(rcu_variable(), WORKER);
	while (!atomic_load(&w->stop)) {
		struct frame *frames[PORT_BURST];
		uint16_t n = w->p->ops->rx(q, frames, PORT_BURST);
		uint16_t moved = n;
		for (; n < PORT_BURST; n++)
			frames[n] = port_rig_frame(data, sizeof(data));
		uint16_t sent = w->p->ops->tx(q, frames, n);
		moved = (uint16_t)(moved + sent);
		for (; sent < n; sent++)
			frame_free(frames[sent]);
		peer_rings_turn(&peer);
		atomic_fetch_add(&w->moved, moved);
		rte_rcu_qsbr_quiescent(rcu_variable(), WORKER);
	}
	rte_rcu_qsbr_thread_offline(rcu_variable(), WORKER);
	rte_rcu_qsbr_thread_unregister(rcu_variable(), WORKER);
	return NULL;
}

static void peers_die_under_a_busy_worker(void **state)
{
	struct worker_thread w = {.p = memif_open(0, "server", 0)};
	pthread_t thread;
	peer_rings_reset(&peer);
	assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
	for (unsigned i = 0; i < KILLS; i++) {
		peer_join(&peer, name, 0);
		uint64_t before = atomic_load(&w.moved);
		for (unsigned waits = 0; atomic_load(&w.moved) < before + 1000; waits++) {
			assert_true(waits < 100000);
			usleep(50);
		}
		peer_leave(&peer);
	}
	wait_link(w.p, "down");
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	memif_close(w.p);
}

/* No frame. (Descriptors: the driver never closes the socket that a server listened on.) */
static void nothing_left(void **state)
{
	assert_int_equal(rte_mempool_in_use_count(port_pools()->small), 0);
	assert_int_equal(rte_mempool_in_use_count(port_pools()->big), 0);
}

static int start(void **state)
{
	snprintf(name, sizeof(name), "weft-memif-test-%d", (int)getpid());
	if (loop_init() || port_rig_start(true))
		return -1;
	peer_make(&peer);
	return 0;
}

static int stop(void **state)
{
	peer_free(&peer);
	loop_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_comes_and_goes),
		cmocka_unit_test(several_devices_share_a_socket),
		cmocka_unit_test(two_of_ours_meet),
		cmocka_unit_test(what_cannot_be_does_not_reach_the_driver),
		cmocka_unit_test(memory_is_taken_back),
		cmocka_unit_test(buffers_beyond_the_memory),
		cmocka_unit_test(who_stalls_is_not_waited_for),
		cmocka_unit_test(peers_die_under_a_busy_worker),
		cmocka_unit_test(nothing_left),
	};
	return cmocka_run_group_tests_name("port-wire memif", tests, start, stop);
}
