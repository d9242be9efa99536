/* SPDX-License-Identifier: Apache-2.0 */
/* The driver against an honest guest, with every kind of ring: traffic, offloads, sleeping, coming and going. */
#include <poll.h>
#include <pthread.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "modules/port-vhost/test/rig.h"

static const uint64_t layouts[] = {0, GUEST_PACKED, GUEST_MERGEABLE, GUEST_PACKED | GUEST_MERGEABLE};

static void from_guest(struct guest *g, struct port *p, unsigned queue, uint32_t frames)
{
	uint8_t sent[1514], got[1514];
	for (uint32_t i = 0; i < frames; i++) {
		uint32_t len = 60 + i * 7 % 1455;
		rig_frame(sent, len, i);
		assert_true(guest_send(g, queue, NULL, sent, len, i % 3 ? GUEST_BUFFER : 700));
		struct frame *f = rig_receive(p, queue);
		assert_non_null(f);
		assert_int_equal(frame_len(f), len);
		assert_true(frame_read(f, 0, got, len));
		assert_memory_equal(got, sent, len);
		assert_int_equal(f->m.ol_flags, 0);
		frame_free(f);
	}
}

static void to_guest(struct guest *g, struct port *p, unsigned queue, uint32_t frames)
{
	uint8_t sent[1514], got[1514];
	struct virtio_net_hdr h;
	for (uint32_t i = 0; i < frames; i++) {
		uint32_t len = 60 + i * 7 % 1455;
		rig_frame(sent, len, i);
		struct frame *f = port_rig_frame(sent, len);
		assert_int_equal(rig_tx(p, queue, &f, 1), 1);
		assert_int_equal(guest_receive(g, queue, &h, got, sizeof(got)), len);
		assert_memory_equal(got, sent, len);
		assert_int_equal(h.flags | h.gso_type, 0);
		guest_put_up(g, queue);
	}
}

static void frames_pass_both_ways_over_every_ring(void **state)
{
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct port *p = rig_port(1, false);
		struct guest g;
		rig_guest(&g, layouts[i], 1);
		assert_string_equal(port_rig_status(p, "peer"), "connected");
		assert_string_equal(port_rig_status(p, "queues"), "1");
		assert_int_equal(p->capabilities, 0);
		from_guest(&g, p, 0, 700);
		to_guest(&g, p, 0, 700);
		rig_close(p);
		guest_free(&g);
	}
}

static void bursts_fill_a_ring_and_the_rest_is_refused(void **state)
{
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct port *p = rig_port(1, false);
		struct guest g;
		uint8_t data[60], got[60];
		struct virtio_net_hdr h;
		uint32_t sent = 0, received = 0;
		struct frame *frames[64];
		rig_guest(&g, layouts[i], 1);
		rig_frame(data, sizeof(data), 1);
		for (int burst = 0; burst < 6; burst++) {
			for (int k = 0; k < 64; k++)
				frames[k] = port_rig_frame(data, sizeof(data));
			sent += rig_tx(p, 0, frames, 64);
		}
		assert_int_equal(sent, GUEST_ENTRIES);
		assert_string_equal(p->queue[0].tx_drop->name, "vhost-ring-full");
		while (guest_receive(&g, 0, &h, got, sizeof(got)) == sizeof(got))
			received++;
		assert_int_equal(received, GUEST_ENTRIES);
		rig_close(p);
		guest_free(&g);
	}
}

static void queues_are_apart(void **state)
{
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct port *p = rig_port(2, false);
		struct guest g;
		rig_guest(&g, layouts[i] | GUEST_MULTIQUEUE, 2);
		assert_string_equal(port_rig_status(p, "queues"), "2");
		assert_true(p->queue[0].enabled && p->queue[1].enabled);
		from_guest(&g, p, 1, 50);
		to_guest(&g, p, 1, 50);
		from_guest(&g, p, 0, 50);
		to_guest(&g, p, 0, 50);
		rig_close(p);
		guest_free(&g);
	}
}

static void a_segment_of_64_kib_comes_in_two_pieces_and_leaves_whole(void **state)
{
	static uint8_t sent[65549], got[70000];
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct port *p = rig_port(1, false);
		struct guest g;
		struct virtio_net_hdr h;
		rig_guest(&g, layouts[i] | GUEST_OFFLOADS, 1);
		assert_int_equal(p->capabilities, PORT_CAN_CSUM | PORT_CAN_TSO4 | PORT_CAN_TSO6);
		uint32_t len = rig_segment(sent, 65495, 1448, &h);
		assert_int_equal(len, sizeof(sent));
		assert_true(guest_send(&g, 0, &h, sent, len, GUEST_BUFFER));
		struct frame *f = rig_receive(p, 0);
		assert_non_null(f);
		assert_int_equal(frame_len(f), len);
		assert_int_equal(f->m.nb_segs, 2);
		assert_true(f->m.ol_flags & FRAME_OFFLOAD);
		assert_int_equal(f->offload.gso, FRAME_GSO_TCP4);
		assert_int_equal(f->offload.gso_size, 1448);
		assert_int_equal(f->offload.header_len, 54);
		assert_true(frame_read(f, 0, got, len));
		assert_memory_equal(got, sent, len);

		/* Back to the same guest; only with mergeable buffers has it room for that. */
		memset(&h, 0, sizeof(h));
		uint16_t took = rig_tx(p, 0, &f, 1);
		assert_int_equal(took, layouts[i] & GUEST_MERGEABLE ? 1 : 0);
		if (took) {
			assert_int_equal(guest_receive(&g, 0, &h, got, sizeof(got)), len);
			assert_memory_equal(got, sent, len); /* the pseudo header's sum too */
			assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
			assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
			assert_int_equal(h.gso_size, 1448);
			assert_int_equal(h.hdr_len, 54);
			assert_int_equal(h.csum_start, 34);
			assert_int_equal(h.csum_offset, 16);
		}
		rig_close(p);
		guest_free(&g);
	}
}

static void an_open_checksum_passes_and_is_not_made_twice(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	struct virtio_net_hdr h;
	uint8_t sent[200], got[200];
	rig_guest(&g, GUEST_OFFLOADS, 1);
	uint32_t len = rig_segment(sent, 100, 0, &h);
	assert_true(guest_send(&g, 0, &h, sent, len, GUEST_BUFFER));
	struct frame *f = rig_receive(p, 0);
	assert_non_null(f);
	assert_true(f->m.ol_flags & FRAME_OFFLOAD);
	assert_int_equal(f->offload.gso, FRAME_GSO_NONE);
	/* Somebody else holds it, too, and must not see it change. */
	frame_hold(f);
	struct frame *sending = f;
	uint64_t flags = f->m.ol_flags;
	assert_int_equal(rig_tx(p, 0, &sending, 1), 1);
	assert_int_equal(f->m.ol_flags, flags);
	assert_int_equal(rte_mbuf_refcnt_read(&f->m), 1);
	frame_free(f);
	assert_int_equal(guest_receive(&g, 0, &h, got, sizeof(got)), len);
	assert_memory_equal(got, sent, len);
	assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	rig_close(p);
	guest_free(&g);
}

static void a_frame_longer_than_the_buffers_does_not_stop_the_others(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	struct virtio_net_hdr h;
	uint8_t small[60], big[3000], got[3000];
	struct frame *frames[9];
	rig_guest(&g, 0, 1);
	rig_frame(small, sizeof(small), 1);
	rig_frame(big, sizeof(big), 2);
	for (int i = 0; i < 9; i++)
		frames[i] = i == 0 || i == 4 || i == 5 ? port_rig_frame(big, sizeof(big))
						       : port_rig_frame(small, sizeof(small));
	assert_int_equal(rig_tx(p, 0, frames, 9), 6);
	assert_string_equal(p->queue[0].tx_drop->name, "vhost-too-long");
	for (int i = 0; i < 6; i++)
		assert_int_equal(guest_receive(&g, 0, &h, got, sizeof(got)), sizeof(small));
	rig_close(p);
	guest_free(&g);
}

/* Asleep means: armed, and the descriptor not readable. A frame makes it readable; so does nothing else. */
static void sleep_is_broken_by_a_frame(void **state)
{
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct port *p = rig_port(1, false);
		struct port_queue *q = &p->queue[0];
		struct pollfd fd = {.fd = q->fd, .events = POLLIN};
		struct guest g;
		uint8_t data[60];
		rig_guest(&g, layouts[i], 1);
		rig_frame(data, sizeof(data), 1);
		for (int times = 0; times < 3; times++) {
			assert_false(p->ops->arm(q));
			assert_int_equal(poll(&fd, 1, 0), 0);
			assert_true(guest_send(&g, 0, NULL, data, sizeof(data), GUEST_BUFFER));
			assert_int_equal(poll(&fd, 1, 1000), 1);
			p->ops->disarm(q);
			frame_free(rig_receive(p, 0));
		}
		/* Work that came before arming is not slept over. */
		assert_true(guest_send(&g, 0, NULL, data, sizeof(data), GUEST_BUFFER));
		assert_true(p->ops->arm(q));
		frame_free(rig_receive(p, 0));
		assert_false(p->ops->arm(q));
		rig_close(p);
		guest_free(&g);
	}
}

static void either_side_may_restart(void **state)
{
	struct port *p = rig_port(1, false);
	int fd = p->queue[0].fd;
	struct guest g;
	uint8_t data[60];
	rig_frame(data, sizeof(data), 1);
	assert_string_equal(port_rig_send(p, data, sizeof(data)), "vhost-not-connected");
	for (unsigned i = 0; i < 8; i++) {
		rig_guest(&g, layouts[i % 4], 1);
		from_guest(&g, p, 0, 5);
		to_guest(&g, p, 0, 5);
		if (i % 2) { /* the guest's driver resets the device and comes up again */
			assert_int_equal(guest_ring_stop(&g, 0), 0);
			assert_int_equal(guest_ring_stop(&g, 1), 0);
			assert_string_equal(port_rig_send(p, data, sizeof(data)), "vhost-not-connected");
			assert_int_equal(guest_start(&g), 0);
			guest_put_up(&g, 0);
			from_guest(&g, p, 0, 5);
			to_guest(&g, p, 0, 5);
		}
		guest_free(&g);
		rig_wait_status(p, "peer", "waiting");
		assert_string_equal(port_rig_send(p, data, sizeof(data)), "vhost-not-connected");
		assert_int_equal(p->queue[0].fd, fd);
	}
	rig_close(p);
}

struct worker_thread {
	struct port *p;
	atomic_bool stop;
	uint64_t rounds;
};

/* What a worker does, without pause: whatever comes goes back, and now and then it thinks of sleeping. */
static void *work(void *arg)
{
	struct worker_thread *w = arg;
	struct port_queue *q = &w->p->queue[0];
	uint8_t data[300];
	rig_frame(data, sizeof(data), 1);
	for (; !atomic_load(&w->stop); w->rounds++) {
		struct frame *frames[PORT_BURST];
		uint16_t n = w->p->ops->rx(q, frames, PORT_BURST);
		for (; n < 8; n++)
			frames[n] = port_rig_frame(data, sizeof(data));
		rig_tx(w->p, 0, frames, n);
		if (w->rounds % 16 == 0) {
			w->p->ops->arm(q);
			w->p->ops->disarm(q);
		}
	}
	return NULL;
}

/* Rings and memory are taken away and given back under a worker's feet. */
static void guests_come_and_go_under_a_busy_worker(void **state)
{
	struct port *p = rig_port(1, false);
	struct worker_thread w = {.p = p};
	struct guest g;
	pthread_t thread;
	uint8_t data[60], got[3000];
	uint64_t answer;
	struct virtio_net_hdr h;
	struct vhost_message m = {.memory = {.n = 1}};
	rig_frame(data, sizeof(data), 1);
	assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
	for (unsigned i = 0; i < 40; i++) {
		rig_guest(&g, layouts[i % 4], 1);
		for (unsigned k = 0; k < 100; k++) {
			guest_send(&g, 0, NULL, data, sizeof(data), GUEST_BUFFER);
			while (guest_receive(&g, 0, &h, got, sizeof(got)))
				guest_put_up(&g, 0);
			m.memory.region[0].guest = GUEST_PHYSICAL;
			m.memory.region[0].user = GUEST_USER;
			m.memory.region[0].size = GUEST_MEMORY - 4096 * (k % 2);
			if (k % 10 == 0)
				guest_say(&g, VU_SET_MEM_TABLE, &m.memory, 40, g.memory_fd);
		}
		if (i % 3 == 0) {
			assert_int_equal(guest_ring_stop(&g, i / 3 % 2), 0);
			assert_int_equal(guest_start(&g), 0);
		}
		assert_int_equal(guest_ask(&g, VU_GET_FEATURES, NULL, 0, &answer), 0);
		guest_free(&g); /* without a word, as when it is killed */
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	assert_true(w.rounds > 1000);
	rig_close(p);
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void the_guest_may_listen(void **state)
{
	struct guest g;
	int listener = listen_at(rig_path());
	struct port *p = rig_port(1, true);
	assert_int_equal(guest_make(&g, GUEST_PACKED, 1), 0);
	assert_int_equal(guest_accept(&g, listener), 0); /* at once */
	assert_int_equal(guest_start(&g), 0);
	guest_put_up(&g, 0);
	from_guest(&g, p, 0, 20);
	to_guest(&g, p, 0, 20);
	/* It goes, and its socket with it; comes again; is found again. */
	guest_close(&g);
	close(listener);
	unlink(rig_path());
	rig_wait_status(p, "waiting-for", "a virtual machine that listens on ");
	p->ops->tick(p);
	listener = listen_at(rig_path());
	p->ops->tick(p);
	assert_int_equal(guest_accept(&g, listener), 0);
	assert_int_equal(guest_start(&g), 0);
	guest_put_up(&g, 0);
	from_guest(&g, p, 0, 20);
	to_guest(&g, p, 0, 20);
	rig_close(p);
	guest_free(&g);
	close(listener);
	assert_int_equal(access(rig_path(), F_OK), 0); /* its socket is its own */
	unlink(rig_path());
}

static void queues_and_listener_change_in_place(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	struct err e;
	struct port_spec more = rig_spec(2, false);
	more.mtu = 9000;
	assert_int_equal(p->ops->configure(p, &more, &e), 0);
	assert_int_equal(p->n_queues, 2);
	assert_int_equal(p->mtu, 9000);
	for (unsigned i = 0; i < 2; i++)
		p->queue[i].worker = p->queue[0].worker;
	rig_guest(&g, GUEST_MULTIQUEUE, 2);
	from_guest(&g, p, 1, 5);
	struct port_spec same = rig_spec(2, false);
	assert_int_equal(p->ops->configure(p, &same, &e), 0);
	to_guest(&g, p, 1, 5); /* still there */
	guest_free(&g);
	rig_close(p);
}

static void an_announcement_after_a_migration_comes_from_a_quiet_ring(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	uint64_t mac = 0x0602025d1500ull, answer; /* 00:15:5d:02:02:06, first byte lowest */
	uint8_t from[6];
	rig_guest(&g, GUEST_PACKED, 1);
	assert_int_equal(guest_say(&g, VU_SEND_RARP, &mac, sizeof(mac), -1), 0);
	assert_int_equal(guest_ask(&g, VU_GET_FEATURES, NULL, 0, &answer), 0);
	assert_true(p->ops->arm(&p->queue[0]));
	struct frame *f = rig_receive(p, 0);
	assert_non_null(f);
	assert_true(frame_read(f, 6, from, 6));
	assert_memory_equal(from, &mac, 6);
	frame_free(f);
	assert_false(p->ops->arm(&p->queue[0]));
	rig_close(p);
	guest_free(&g);
}

/* The library's table of descriptors must never be full (device.c). */
static void there_is_room_for_so_many_and_no_more(void **state)
{
	enum { MOST = 450 };
	static struct port *ports[MOST + 1];
	struct port_spec spec = rig_spec(1, false);
	const struct port_ops *ops = port_driver_find("vhost-user");
	for (unsigned i = 0; i <= MOST; i++) {
		char path[108];
		struct err e = {0};
		snprintf(path, sizeof(path), "%.90s.%u", rig_path(), i);
		spec.target = path;
		assert_int_equal(ops->open(&spec, &ports[i], &e), 0);
		assert_int_equal(ops->place(ports[i], &e), i < MOST ? 0 : -ENOSPC);
		if (i == MOST)
			assert_string_equal(e.text, "no room for another vhost-user socket; 450 is the most");
	}
	for (unsigned i = 0; i <= MOST; i++)
		ops->close(ports[i], true);
	rig_close(rig_port(1, false)); /* there is room again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_pass_both_ways_over_every_ring),
		cmocka_unit_test(bursts_fill_a_ring_and_the_rest_is_refused),
		cmocka_unit_test(queues_are_apart),
		cmocka_unit_test(a_segment_of_64_kib_comes_in_two_pieces_and_leaves_whole),
		cmocka_unit_test(an_open_checksum_passes_and_is_not_made_twice),
		cmocka_unit_test(a_frame_longer_than_the_buffers_does_not_stop_the_others),
		cmocka_unit_test(sleep_is_broken_by_a_frame),
		cmocka_unit_test(either_side_may_restart),
		cmocka_unit_test(guests_come_and_go_under_a_busy_worker),
		cmocka_unit_test(the_guest_may_listen),
		cmocka_unit_test(queues_and_listener_change_in_place),
		cmocka_unit_test(there_is_room_for_so_many_and_no_more),
		cmocka_unit_test(an_announcement_after_a_migration_comes_from_a_quiet_ring),
	};
	return cmocka_run_group_tests_name("vhost", tests, rig_setup, rig_teardown);
}
