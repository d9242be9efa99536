/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver not written here: DPDK's virtio-user, in a testpmd that sends back what it gets. Every kind of ring,
 * either side listening, either side restarting. Not among the unit tests for its seconds of starting.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "modules/port-vhost/test/rig.h"

#define FRAMES 5000

static pid_t peer_start(const char *arguments)
{
	char vdev[160];
	int in[2];
	snprintf(vdev, sizeof(vdev), "--vdev=net_virtio_user0,path=%s,%s", rig_path(), arguments);
	assert_int_equal(pipe(in), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no peer spinning */
		dup2(in[0], STDIN_FILENO); /* its end would stop it */
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(1);
		close_range(3, ~0U, 0); /* the library's sockets, held open by it, would outlive us */
		const char *queues = strstr(arguments, "queues=2") ? "2" : "1";
		execlp("dpdk-testpmd", "dpdk-testpmd", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m",
		       "128", "-l", "0,1", "--file-prefix=weft-peers", vdev, "--", "--auto-start", "--no-flush-rx",
		       "--forward-mode=io", "--port-topology=loop", "--total-num-mbufs=8192", "--rxq", queues,
		       "--txq", queues, NULL);
		_exit(127);
	}
	close(in[0]);
	return pid; /* the other end stays open until we end */
}

static void peer_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool comes_up(struct port *p, const char *queues)
{
	for (int tries = 0; tries < 500; tries++) {
		if (tries % 100 == 0)
			p->ops->tick(p); /* once a second */
		p->ops->arm(&p->queue[0]);
		p->ops->disarm(&p->queue[0]);
		const char *now = port_rig_status(p, "queues");
		if (now && !strcmp(now, queues))
			return true;
		usleep(10000);
	}
	return false;
}

static void wait_up(struct port *p, const char *queues)
{
	if (!comes_up(p, queues))
		fail_msg("%s", port_rig_status(p, "waiting-for"));
}

/* The driver is up before testpmd forwards: it throws the first frames away. One that comes back says that it does. */
static void wait_forwarding(struct port *p, unsigned queue)
{
	struct frame *back[PORT_BURST];
	uint8_t probe[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
	unsigned quiet = 0;
	bool seen = false;
	for (int tries = 0; tries < 500 && (!seen || quiet < 5); tries++) {
		struct frame *f = port_rig_frame(probe, sizeof(probe));
		if (seen)
			frame_free(f);
		else
			rig_tx(p, queue, &f, 1);
		usleep(10000);
		uint16_t n = p->ops->rx(&p->queue[queue], back, PORT_BURST);
		for (uint16_t i = 0; i < n; i++)
			frame_free(back[i]);
		seen |= n > 0;
		quiet = n ? 0 : quiet + 1;
	}
	assert_true(seen);
}

/* Frames in bursts to the peer, until as many came back; each as it was sent. */
static void echo(struct port *p, unsigned queue, uint32_t total)
{
	uint8_t want[1514], got[1514];
	uint32_t sent = 0, back = 0;
	wait_forwarding(p, queue);
	for (uint32_t idle = 0; back < total && idle < 3000;) {
		struct frame *frames[PORT_BURST];
		uint16_t n = 0;
		for (; n < PORT_BURST && sent + n < total && sent + n - back < 100; n++) {
			uint32_t len = 60 + (sent + n) * 13 % 1455;
			rig_frame(want, len, sent + n);
			frames[n] = port_rig_frame(want, len);
		}
		sent += rig_tx(p, queue, frames, n);
		n = p->ops->rx(&p->queue[queue], frames, PORT_BURST);
		for (uint16_t i = 0; i < n; i++, back++) {
			uint32_t len = 60 + back * 13 % 1455;
			rig_frame(want, len, back);
			assert_int_equal(frame_len(frames[i]), len);
			assert_true(frame_read(frames[i], 0, got, len));
			assert_memory_equal(got, want, len);
			frame_free(frames[i]);
		}
		idle = n ? 0 : idle + 1;
		if (!n)
			usleep(1000);
	}
	assert_int_equal(back, total);
}

static void every_kind_of_ring(void **state)
{
	static const char *const kinds[] = {"packed_vq=0,mrg_rxbuf=0,in_order=0",
					    "packed_vq=0,mrg_rxbuf=1,in_order=1",
					    "packed_vq=1,mrg_rxbuf=0,in_order=0",
					    "packed_vq=1,mrg_rxbuf=1,in_order=1",
					    "packed_vq=1,mrg_rxbuf=1,in_order=0,queue_size=1000",
					    "packed_vq=1,vectorized=1,mrg_rxbuf=0"};
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct port *p = rig_port(1, false);
		pid_t peer = peer_start(kinds[i]);
		wait_up(p, "1");
		echo(p, 0, FRAMES);
		peer_kill(peer);
		rig_close(p);
	}
}

static void two_queues(void **state)
{
	struct port *p = rig_port(2, false);
	pid_t peer = peer_start("queues=2,packed_vq=1");
	wait_up(p, "2");
	echo(p, 0, FRAMES);
	echo(p, 1, FRAMES);
	peer_kill(peer);
	rig_close(p);
}

/* testpmd does not always listen again after its peer went (QEMU does: tests/e2e/test_guest.py), so it has a few
 * lives for that. */
static bool we_restart(void)
{
	struct port *p = rig_port(1, true);
	pid_t peer = peer_start("server=1,packed_vq=0");
	wait_up(p, "1");
	echo(p, 0, FRAMES);
	rig_close(p);
	p = rig_port(1, true);
	bool again = comes_up(p, "1");
	if (again)
		echo(p, 0, FRAMES);
	peer_kill(peer);
	rig_close(p);
	unlink(rig_path());
	return again;
}

static void the_peer_listens_and_we_restart(void **state)
{
	bool again = false;
	for (int lives = 0; lives < 4 && !again; lives++)
		again = we_restart();
	assert_true(again);
}

static void the_peer_listens_and_restarts(void **state)
{
	struct port *p = rig_port(1, true);
	pid_t peer = peer_start("server=1,packed_vq=0");
	wait_up(p, "1");
	echo(p, 0, FRAMES);
	peer_kill(peer);
	rig_wait_status(p, "peer", "waiting");
	unlink(rig_path());
	peer = peer_start("server=1,packed_vq=1");
	wait_up(p, "1");
	echo(p, 0, FRAMES);
	peer_kill(peer);
	rig_close(p);
	unlink(rig_path());
}

static void the_peer_restarts(void **state)
{
	struct port *p = rig_port(1, false);
	for (int i = 0; i < 3; i++) {
		pid_t peer = peer_start(i % 2 ? "packed_vq=1" : "packed_vq=0");
		wait_up(p, "1");
		echo(p, 0, FRAMES);
		peer_kill(peer);
		rig_wait_status(p, "peer", "waiting");
	}
	rig_close(p);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_ring),
		cmocka_unit_test(two_queues),
		cmocka_unit_test(the_peer_listens_and_we_restart),
		cmocka_unit_test(the_peer_listens_and_restarts),
		cmocka_unit_test(the_peer_restarts),
	};
	return cmocka_run_group_tests_name("vhost-peers", tests, rig_setup, rig_teardown);
}
