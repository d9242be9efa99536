/* SPDX-License-Identifier: Apache-2.0 */
/* Front ends that break the protocol: what the guard refuses, on its own and with the library behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/runtime/drop.h"
#include "modules/port-vhost/test/rig.h"

#ifndef CONNECTS /* the same program in the suite "root" has it at 10^5 */
#define CONNECTS 2000
#endif

#define PACKED_FACTS                                                                                                 \
	{                                                                                                            \
		.n_vrings = 4, .features = GUEST_PACKED                                                              \
	}
#define SPLIT_FACTS                                                                                                  \
	{                                                                                                            \
		.n_vrings = 4                                                                                        \
	}

static struct vhost_message ring_message(uint32_t request, uint32_t index, uint32_t num)
{
	struct vhost_message m = {.request = request, .flags = 1, .size = request == VU_SET_VRING_ADDR ? 40 : 8};
	m.state.index = index;
	m.state.num = num;
	return m;
}

static const char *ring(struct vhost_guard *g, const struct vhost_facts *facts, uint32_t request, uint32_t index,
			uint32_t num)
{
	struct vhost_message m = ring_message(request, index, num);
	return vhost_guard_judge(g, &m, facts);
}

static const char *number(const struct vhost_facts *facts, uint32_t request, uint64_t value, uint32_t size)
{
	struct vhost_guard g = {0};
	struct vhost_message m = {.request = request, .flags = 1, .size = size};
	m.u64 = value;
	return vhost_guard_judge(&g, &m, facts);
}

static void requests_never_offered_are_refused(void **state)
{
	struct vhost_facts facts = SPLIT_FACTS;
	const uint32_t none[] = {0,  4,	 22, 23, 24, 25, 26, 27, 28, 29,  30,
				 31, 32, 33, 34, 35, 36, 37, 38, 41, 255, UINT32_MAX};
	for (unsigned i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_non_null(number(&facts, none[i], 0, 300));
	assert_null(number(&facts, VU_GET_FEATURES, 0, 0));
	assert_null(number(&facts, VU_SET_STATUS, 15, 8));
	assert_null(number(&facts, VU_GET_STATUS, 0, 0));
}

static void messages_cut_short_are_refused(void **state)
{
	struct vhost_facts facts = SPLIT_FACTS;
	assert_non_null(number(&facts, VU_SET_FEATURES, 0, 4));
	assert_non_null(number(&facts, VU_SET_VRING_NUM, 0x10000000000ull, 4));
	assert_non_null(number(&facts, VU_SET_VRING_KICK, 0, 7));
	assert_non_null(number(&facts, VU_SET_LOG_BASE, 4096, 15));
}

static void rings_have_lengths_that_can_be(void **state)
{
	struct vhost_guard g = {0};
	struct vhost_facts split = SPLIT_FACTS, packed = PACKED_FACTS;
	assert_non_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 0));
	assert_non_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 300));
	assert_non_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 8192));
	assert_non_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 65536 + 256));
	assert_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 4096));
	assert_null(ring(&g, &packed, VU_SET_VRING_NUM, 0, 300));
	assert_non_null(ring(&g, &split, VU_SET_VRING_NUM, 4, 256)); /* more rings than the adapter has */
	assert_non_null(ring(&g, &split, VU_SET_VRING_NUM, 256, 256)); /* 256 is not 0 */
}

static void a_ring_in_use_keeps_its_length(void **state)
{
	struct vhost_guard g = {0};
	struct vhost_facts split = SPLIT_FACTS;
	assert_non_null(ring(&g, &split, VU_SET_VRING_ADDR, 0, 0)); /* no length yet */
	assert_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 256));
	assert_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 512)); /* still only said */
	assert_null(ring(&g, &split, VU_SET_VRING_ADDR, 0, 0));
	assert_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 512));
	assert_non_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 1024));
	assert_null(ring(&g, &split, VU_GET_VRING_BASE, 0, 0));
	assert_non_null(ring(&g, &split, VU_SET_VRING_ADDR, 0, 0)); /* the library forgot what goes by the length */
	assert_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 1024));
	assert_null(ring(&g, &split, VU_SET_VRING_ADDR, 0, 0));
}

static void a_packed_ring_is_entered_within_it(void **state)
{
	struct vhost_guard g = {0};
	struct vhost_facts packed = PACKED_FACTS;
	assert_null(ring(&g, &packed, VU_SET_VRING_BASE, 0, 0x8000 + 5000)); /* its length may come later */
	assert_null(ring(&g, &packed, VU_SET_VRING_NUM, 0, 256));
	packed.base = 5000;
	assert_non_null(ring(&g, &packed, VU_SET_VRING_ADDR, 0, 0));
	packed.base = 255;
	assert_null(ring(&g, &packed, VU_SET_VRING_ADDR, 0, 0));
	assert_non_null(ring(&g, &packed, VU_SET_VRING_BASE, 0, 0x8000 + 256));
	assert_null(ring(&g, &packed, VU_SET_VRING_BASE, 0, 0x8000 + 255));
}

static void the_layout_does_not_change_under_rings(void **state)
{
	struct vhost_guard g = {0};
	struct vhost_facts split = SPLIT_FACTS;
	struct vhost_message m = {.request = VU_SET_FEATURES, .flags = 1, .size = 8};
	m.u64 = GUEST_PACKED | GUEST_MULTIQUEUE;
	assert_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 256));
	assert_null(vhost_guard_judge(&g, &m, &split));
	assert_non_null(ring(&g, &split, VU_SET_VRING_ADDR, 0, 0)); /* the length was a split ring's */
	assert_null(ring(&g, &split, VU_SET_VRING_NUM, 0, 256));
	assert_null(ring(&g, &split, VU_SET_VRING_ADDR, 0, 0));
	assert_non_null(vhost_guard_judge(&g, &m, &split));
}

static void memory_regions_can_be(void **state)
{
	struct vhost_facts facts = SPLIT_FACTS;
	struct vhost_guard g = {0};
	struct vhost_message good = {.request = VU_SET_MEM_TABLE, .flags = 1, .size = 8 + 32, .memory = {.n = 1}}, m;
	good.memory.region[0].user = GUEST_USER;
	good.memory.region[0].size = 4096;
	assert_null(vhost_guard_judge(&g, &good, &facts));
	m = good;
	m.memory.n = 2;
	assert_non_null(vhost_guard_judge(&g, &m, &facts));
	m.memory.n = UINT32_MAX;
	assert_non_null(vhost_guard_judge(&g, &m, &facts));
	m = good;
	m.memory.region[0].size = 0;
	assert_non_null(vhost_guard_judge(&g, &m, &facts));
	m = good;
	m.memory.region[0].user = 0;
	assert_non_null(vhost_guard_judge(&g, &m, &facts));
	m = good;
	m.memory.region[0].guest = UINT64_MAX - 4000;
	assert_non_null(vhost_guard_judge(&g, &m, &facts));
}

/* What has crashed or corrupted the library when nobody stood before it. */
static void break_rules(struct guest *g, unsigned how)
{
	struct {
		uint32_t index, num;
	} ring = {1, 4096}, first = {0, 4096};
	uint64_t one = 1, features = g->features ^ GUEST_PACKED;
	uint8_t inflight[24] = {[16] = 64};
	switch (how) {
	case 0: /* longer while it runs */
		guest_say(g, VU_SET_VRING_NUM, &ring, sizeof(ring), -1);
		break;
	case 1: /* longer while it is disabled */
		ring.num = 0;
		guest_say(g, VU_SET_VRING_ENABLE, &ring, sizeof(ring), -1);
		ring.num = 4096;
		guest_say(g, VU_SET_VRING_NUM, &ring, sizeof(ring), -1);
		break;
	case 2: /* again without its length */
		guest_ring_stop(g, 1);
		guest_ring_address(g, 1);
		guest_say(g, VU_SET_VRING_KICK, &one, sizeof(one), g->ring[1].kick);
		break;
	case 3: /* the other layout, after the length */
		guest_ring_stop(g, 0);
		guest_ring_stop(g, 1);
		guest_say(g, VU_SET_VRING_NUM, &ring, sizeof(ring), -1);
		guest_say(g, VU_SET_VRING_NUM, &first, sizeof(first), -1);
		guest_say(g, VU_SET_FEATURES, &features, sizeof(features), -1);
		guest_ring_address(g, 1);
		break;
	case 4: /* a log that begins elsewhere */
		guest_say(g, VU_SET_LOG_BASE, (uint64_t[]){8192, 4096}, 16, g->memory_fd);
		break;
	case 5: /* one queue more */
		ring.index = 2;
		guest_say(g, VU_SET_VRING_NUM, &ring, sizeof(ring), -1);
		break;
	case 6: /* a request of other back ends, its descriptor not what it should be */
		guest_say(g, 32, inflight, sizeof(inflight), g->ring[0].kick);
		break;
	default: /* an address translation that was not offered */
		guest_say(g, 22, inflight, sizeof(inflight), -1);
		break;
	}
}

static void who_breaks_rules_is_put_out(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	uint8_t data[60];
	rig_frame(data, sizeof(data), 1);
	for (unsigned how = 0; how < 8; how++) {
		rig_guest(&g, how & 1 ? GUEST_PACKED : 0, 1);
		break_rules(&g, how);
		for (int i = 0; i < 100; i++) {
			struct frame *f;
			if (p->ops->rx(&p->queue[0], &f, 1))
				frame_free(f);
			port_rig_send(p, data, sizeof(data));
		}
		if (!guest_gone(&g))
			fail_msg("rule %u may be broken", how);
		guest_free(&g);
		rig_wait_status(p, "peer", "waiting");
	}
	rig_wait_status(p, "fault", "refused 8 times");
	rig_close(p);
}

static void who_does_it_again_and_again_stays_out(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	unsigned before = rig_fds();
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(guest_make(&g, 0, 1), 0);
		assert_int_equal(guest_connect(&g, rig_path()), 0);
		break_rules(&g, 6);
		assert_true(guest_gone(&g));
		guest_free(&g);
	}
	assert_true(rig_fds() <= before + 16); /* the library loses the descriptor of a refused message */
	rig_wait_status(p, "fault", "refused 16 times");
	struct port_spec spec = rig_spec(2, false);
	assert_int_equal(p->ops->configure(p, &spec, NULL), 0); /* the document changed: let in again */
	rig_guest(&g, 0, 1);
	guest_free(&g);
	rig_close(p);
}

static void memory_changes_under_a_running_guest(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	uint8_t data[60];
	uint64_t answer;
	struct vhost_message m = {.memory = {.n = 1}};
	rig_guest(&g, 0, 1);
	rig_frame(data, sizeof(data), 1);
	for (unsigned i = 0; i < 20; i++) { /* as when memory is plugged in: the same, and a little more or less */
		m.memory.region[0].guest = GUEST_PHYSICAL;
		m.memory.region[0].user = GUEST_USER;
		m.memory.region[0].size = GUEST_MEMORY - 4096 * (i % 2);
		assert_int_equal(guest_say(&g, VU_SET_MEM_TABLE, &m.memory, 40, g.memory_fd), 0);
		assert_int_equal(guest_ask(&g, VU_GET_FEATURES, NULL, 0, &answer), 0);
		assert_true(guest_send(&g, 0, NULL, data, sizeof(data), GUEST_BUFFER));
		struct frame *f = rig_receive(p, 0);
		assert_non_null(f);
		frame_free(f);
		assert_null(port_rig_send(p, data, sizeof(data)));
	}
	/* A table that cannot be mapped ends the connection. */
	m.memory.region[0].size -= 8192;
	assert_int_equal(guest_say(&g, VU_SET_MEM_TABLE, &m.memory, 40, g.ring[0].kick), 0);
	assert_true(guest_gone(&g));
	assert_string_equal(port_rig_send(p, data, sizeof(data)), "vhost-not-connected");
	guest_free(&g);
	rig_close(p);
}

/* One that stops in the middle of a message, or never reads an answer, does not keep others out. */
static void who_stalls_is_not_waited_for(void **state)
{
	struct port *p = rig_port(1, false);
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct guest g;
	const uint32_t half[] = {VU_SET_FEATURES, 1, 8}, question[] = {VU_GET_FEATURES, 1, 0};
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", rig_path());
	for (unsigned i = 0; i < 2; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
		if (i == 0)
			send(fd, half, sizeof(half), MSG_NOSIGNAL);
		for (unsigned k = 0; i && k < 100000; k++)
			if (send(fd, question, sizeof(question), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
				break;
		rig_guest(&g, 0, 1);
		guest_free(&g);
		close(fd);
		rig_wait_status(p, "peer", "waiting");
	}
	rig_close(p);
}

/* The library serves one connection after the other; each is accepted, looked at and closed. */
static void many_connects_leave_nothing_behind(void **state)
{
	struct port *p = rig_port(1, false);
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct guest g;
	uint8_t data[60];
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", rig_path());
	rig_guest(&g, 0, 1);
	rig_frame(data, sizeof(data), 1);
	unsigned before = rig_fds();
	for (unsigned i = 0; i < CONNECTS; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
		if (i % 3 == 0)
			send(fd, "\1\0\0\0\1\0\0\0", i % 9, MSG_NOSIGNAL);
		close(fd);
	}
	/* The one that was there first never noticed. */
	assert_true(guest_send(&g, 0, NULL, data, sizeof(data), GUEST_BUFFER));
	struct frame *f = rig_receive(p, 0);
	assert_non_null(f);
	frame_free(f);
	/* Connections are taken in their order: when a last one is answered, all before it were. */
	struct guest last;
	uint64_t answer;
	assert_int_equal(guest_make(&last, 0, 1), 0);
	assert_int_equal(guest_connect(&last, rig_path()), 0);
	assert_int_equal(guest_ask(&last, VU_GET_FEATURES, NULL, 0, &answer), 0);
	guest_free(&last);
	unsigned left = rig_fds();
	for (int tries = 0; tries < 200 && left > before; tries++, left = rig_fds())
		usleep(10000);
	assert_int_equal(left, before);

	/* Connections that are held: a few, and the rest is turned away. */
	int held[20];
	for (unsigned i = 0; i < 20; i++) {
		held[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(held[i], (struct sockaddr *)&to, sizeof(to)), 0);
	}
	for (int tries = 0; tries < 200 && rig_fds() > before + 20 + 3; tries++)
		usleep(10000);
	assert_true(rig_fds() <= before + 20 + 3);
	for (unsigned i = 0; i < 20; i++)
		close(held[i]);
	guest_free(&g);
	rig_close(p);
}

static void sockets_are_left_and_cleared_as_they_should(void **state)
{
	struct port_spec spec = rig_spec(1, false);
	struct stat st;
	char long_path[200];
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	struct port *p = rig_port(1, false);
	assert_int_equal(stat(rig_path(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	port_rig_refused(&spec, -98, "another adapter has");
	rig_close(p);
	assert_int_equal(access(rig_path(), F_OK), -1);

	/* Left by one that was killed: nobody answers. */
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", rig_path());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	rig_close(rig_port(1, false));

	/* Somebody's who lives. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	port_rig_refused(&spec, -98, "another program listens");
	close(fd);
	unlink(rig_path());

	/* No socket at all. */
	FILE *file = fopen(rig_path(), "w");
	fclose(file);
	port_rig_refused(&spec, -17, "is no socket");
	unlink(rig_path());

	/* Its folders are made. */
	snprintf(long_path, sizeof(long_path), "%s.d/guests/vm1", rig_path());
	spec.target = long_path;
	p = port_rig_open(&spec);
	assert_int_equal(access(long_path, F_OK), 0);
	rig_close(p);
	*strrchr(long_path, '/') = '\0';
	rmdir(long_path);
	*strrchr(long_path, '/') = '\0';
	rmdir(long_path);

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	spec.target = long_path;
	port_rig_refused(&spec, -36, "Linux allows 107");
	spec.target = "vm1.sock";
	port_rig_refused(&spec, -22, "no absolute path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_never_offered_are_refused),
		cmocka_unit_test(messages_cut_short_are_refused),
		cmocka_unit_test(rings_have_lengths_that_can_be),
		cmocka_unit_test(a_ring_in_use_keeps_its_length),
		cmocka_unit_test(a_packed_ring_is_entered_within_it),
		cmocka_unit_test(the_layout_does_not_change_under_rings),
		cmocka_unit_test(memory_regions_can_be),
		cmocka_unit_test(who_breaks_rules_is_put_out),
		cmocka_unit_test(who_does_it_again_and_again_stays_out),
		cmocka_unit_test(memory_changes_under_a_running_guest),
		cmocka_unit_test(who_stalls_is_not_waited_for),
		cmocka_unit_test(many_connects_leave_nothing_behind),
		cmocka_unit_test(sockets_are_left_and_cleared_as_they_should),
	};
	return cmocka_run_group_tests_name("vhost-guard", tests, rig_setup, rig_teardown);
}
