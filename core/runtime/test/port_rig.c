/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of port drivers stand on; see port_rig.h. */
#include "core/runtime/test/port_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "core/control/netns.h"
#include "core/runtime/test/test_eal.h"
#include "core/runtime/worker.h"

#define WAIT_MS 2000

static struct frame_pools pools;
static struct counter_row row;
static struct counter_row *rows[] = {&row};
static struct worker worker;
static int descriptors; /* that were open at the start */

static int open_descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int port_rig_start(bool drivers)
{
	if (!test_eal_start(256, drivers))
		return -EIO;
	drop_init();
	int rc = frame_init();
	if (!rc)
		rc = frame_pools_create(&pools, 4096, 256);
	if (rc)
		return rc;
	port_pools_set(&pools);
	worker.pipe.rows = rows;
	descriptors = open_descriptors();
	return 0;
}

void port_rig_nothing_left(void **state)
{
	assert_int_equal(rte_mempool_in_use_count(pools.small), 0);
	assert_int_equal(rte_mempool_in_use_count(pools.big), 0);
	assert_int_equal(open_descriptors(), descriptors);
}

int port_rig_isolate(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	if (mkdir("/run/netns", 0755) && errno != EEXIST)
		return -errno;
	return mount("weft-test", "/run/netns", "tmpfs", 0, NULL) ? -errno : 0;
}

void port_rig_run(const char *fmt, ...)
{
	char command[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	int rc = system(command);
	if (rc)
		fail_msg("%s: exit %d", command, rc);
}

static int open_and_place(const struct port_spec *spec, struct port **ret_port, struct err *e)
{
	int rc = port_driver_find(spec->kind)->open(spec, ret_port, e);
	if (rc)
		return rc;
	for (uint16_t i = 0; i < (*ret_port)->n_queues; i++)
		(*ret_port)->queue[i].worker = &worker;
	rc = (*ret_port)->ops->place(*ret_port, e);
	if (rc)
		(*ret_port)->ops->close(*ret_port, true);
	return rc;
}

struct port *port_rig_open(const struct port_spec *spec)
{
	struct port *p = NULL;
	struct err e = {0};
	int rc = open_and_place(spec, &p, &e);
	if (rc)
		fail_msg("%s %s: %d %s", spec->kind, spec->target, rc, e.text);
	return p;
}

void port_rig_refused(const struct port_spec *spec, int code, const char *words)
{
	struct port *p;
	struct err e = {0};
	int rc = open_and_place(spec, &p, &e);
	if (rc != code || !strstr(e.text, words))
		fail_msg("%s %s: %d instead of %d, \"%s\" has no \"%s\"", spec->kind, spec->target, rc, code, e.text,
			 words);
}

static uint16_t ether_type_of(const uint8_t *frame) { return (uint16_t)(frame[12] << 8 | frame[13]); }

struct frame *port_rig_receive(struct port *p, uint16_t ether_type)
{
	struct port_queue *q = &p->queue[0];
	struct frame *f;
	struct pollfd fd = {.fd = q->fd, .events = POLLIN};
	for (int waited = 0; waited < WAIT_MS; waited += 10) {
		while (p->ops->rx(q, &f, 1)) {
			if (ether_type_of(frame_data(f)) == ether_type)
				return f;
			frame_free(f);
		}
		poll(&fd, q->fd >= 0 ? 1 : 0, 10);
	}
	return NULL;
}

uint32_t port_rig_peer_receive(int fd, uint16_t ether_type, struct virtio_net_hdr *ret_h, void *frame, uint32_t room)
{
	struct iovec iov[] = {{ret_h, sizeof(*ret_h)}, {frame, room}};
	for (int tries = 0; tries < 100; tries++) {
		ssize_t n = readv(fd, iov, 2);
		if (n < 0)
			return 0;
		if (n >= (ssize_t)sizeof(*ret_h) + 14 && ether_type_of(frame) == ether_type)
			return (uint32_t)n - (uint32_t)sizeof(*ret_h);
	}
	return 0;
}

void port_rig_peer_send(int fd, const struct virtio_net_hdr *h, const void *frame, uint32_t len)
{
	struct iovec iov[] = {{(void *)(uintptr_t)h, sizeof(*h)}, {(void *)(uintptr_t)frame, len}};
	ssize_t n = writev(fd, iov, 2);
	if (n != (ssize_t)(sizeof(*h) + len))
		fail_msg("peer sent %zd of %u: %s", n, len, strerror(errno));
}

uint32_t port_rig_probe(uint8_t *frame, uint32_t len)
{
	static const uint8_t header[] = {0xff,
					 0xff,
					 0xff,
					 0xff,
					 0xff,
					 0xff,
					 2,
					 0x15,
					 0x5d,
					 0,
					 0,
					 1,
					 PORT_RIG_PROBE >> 8,
					 PORT_RIG_PROBE & 0xff};
	memcpy(frame, header, sizeof(header));
	for (uint32_t i = sizeof(header); i < len; i++)
		frame[i] = (uint8_t)(i * 7);
	return len;
}

uint32_t port_rig_tcp_segment(uint8_t *frame, const void *tag, uint16_t tag_len, uint16_t payload,
			      struct virtio_net_hdr *ret_h)
{
	uint16_t total = 40 + payload;
	uint32_t len = port_rig_probe(frame, 54u + payload + tag_len);
	const uint8_t length[] = {(uint8_t)(total >> 8), (uint8_t)total};
	/* IPv4 192.0.2.2 to 192.0.2.3, its length left out; TCP 5000 to 5001, ACK. */
	const uint8_t headers[] = {8,	0, 0x45, 0, 0,	 0, 0,	  1,	0x40, 0,    64,	  6,	0, 0,
				   192, 0, 2,	 2, 192, 0, 2,	  3,	0x13, 0x88, 0x13, 0x89, 0, 0,
				   0,	1, 0,	 0, 0,	 1, 0x50, 0x10, 0xff, 0xff, 0,	  0,	0, 0};
	memcpy(frame + 12, tag, tag_len);
	memcpy(frame + 12 + tag_len, headers, sizeof(headers));
	memcpy(frame + 16 + tag_len, length, sizeof(length));
	*ret_h = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					 .hdr_len = 54 + tag_len,
					 .gso_size = 1460,
					 .csum_start = 34 + tag_len,
					 .csum_offset = 16};
	return len;
}

struct frame *port_rig_frame(const void *data, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(len > FRAME_SMALL_ROOM ? pools.big : pools.small);
	assert_non_null(m);
	uint16_t room = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
	memcpy(rte_pktmbuf_append(m, room), data, room);
	for (uint32_t off = room; off < len;) {
		struct rte_mbuf *next = rte_pktmbuf_alloc(pools.small);
		assert_non_null(next);
		uint16_t part = RTE_MIN(len - off, (uint32_t)rte_pktmbuf_tailroom(next));
		memcpy(rte_pktmbuf_append(next, part), (const uint8_t *)data + off, part);
		assert_int_equal(rte_pktmbuf_chain(m, next), 0);
		off += part;
	}
	return frame_of(m);
}

const char *port_rig_send(struct port *p, const void *data, uint32_t len)
{
	struct port_queue *q = &p->queue[0];
	struct frame *f = port_rig_frame(data, len);
	if (p->ops->tx(q, &f, 1) == 1)
		return NULL;
	frame_free(f);
	return q->tx_drop->name;
}

uint64_t port_rig_rx_drops(const char *reason) { return row.drop_in[drop_by_name(reason)->id]; }

const char *port_rig_status(struct port *p, const char *key)
{
	static char text[512];
	json_t *object = json_object();
	p->ops->status(p, object);
	const json_t *value = json_object_get(object, key);
	if (json_is_integer(value))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		snprintf(text, sizeof(text), "%s", value ? json_string_value(value) : "");
	json_decref(object);
	return *text ? text : NULL;
}

int port_rig_netns(const char *name)
{
	int fd = -1;
	assert_int_equal(netns_open(name, &fd, NULL), 0);
	return fd;
}

static int open_peer(void *arg)
{
	const char *interface = arg;
	int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex(interface)};
	struct timeval timeout = {.tv_sec = WAIT_MS / 1000};
	if (fd < 0 || !at.sll_ifindex || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return fd;
}

int port_rig_peer(const char *netns, const char *interface)
{
	int home = netns ? port_rig_netns(netns) : -1;
	int fd = netns_run(home, open_peer, (void *)(uintptr_t)interface);
	if (home >= 0)
		close(home);
	if (fd < 0)
		fail_msg("no packet socket on %s: %s", interface, strerror(-fd));
	return fd;
}
