/* SPDX-License-Identifier: Apache-2.0 */
/* The front end: memory, messages, and bringing rings up; see guest.h. */
#include "modules/port-vhost/test/guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DRIVER_AREA 0x8000u
#define DEVICE_AREA 0xa000u
#define BUFFERS 0x10000u
#define HEADER 12 /* of a message */
#define VERSION 1u
#define PROTOCOL_FEATURES (1ULL << 30)
#define WAIT_S 2

int guest_make(struct guest *g, uint64_t features, unsigned queues)
{
	*g = (struct guest){.socket = -1, .queues = queues};
	g->features = features | 1ULL << VIRTIO_F_VERSION_1 | PROTOCOL_FEATURES;
	g->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (g->memory_fd < 0 || ftruncate(g->memory_fd, GUEST_MEMORY))
		return -errno;
	g->memory = mmap(NULL, GUEST_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, g->memory_fd, 0);
	if (g->memory == MAP_FAILED)
		return -errno;
	for (unsigned i = 0; i < 2 * GUEST_QUEUES_MAX; i++) {
		g->ring[i] = (struct guest_ring){.at = i * GUEST_RING_SPAN, .entries = GUEST_ENTRIES};
		g->ring[i].kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		g->ring[i].call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (g->ring[i].kick < 0 || g->ring[i].call < 0)
			return -errno;
	}
	return 0;
}

void guest_close(struct guest *g)
{
	if (g->socket >= 0)
		close(g->socket);
	g->socket = -1;
}

void guest_free(struct guest *g)
{
	guest_close(g);
	munmap(g->memory, GUEST_MEMORY);
	close(g->memory_fd);
	for (unsigned i = 0; i < 2 * GUEST_QUEUES_MAX; i++) {
		close(g->ring[i].kick);
		close(g->ring[i].call);
	}
}

static int with_timeout(struct guest *g, int fd)
{
	struct timeval wait = {.tv_sec = WAIT_S};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	g->socket = fd;
	return 0;
}

int guest_connect(struct guest *g, const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	for (int tries = 0; connect(fd, (struct sockaddr *)&to, sizeof(to)); tries++) {
		if (tries == WAIT_S * 100) {
			int r = -errno;
			close(fd);
			return r;
		}
		usleep(10000);
	}
	return with_timeout(g, fd);
}

int guest_accept(struct guest *g, int listener)
{
	struct timeval wait = {.tv_sec = WAIT_S};
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	int fd = accept(listener, NULL, NULL);
	return fd < 0 ? -errno : with_timeout(g, fd);
}

static int say(struct guest *g, uint32_t request, uint32_t flags, const void *payload, uint32_t len, int fd)
{
	struct vhost_message m = {.request = request, .flags = VERSION | flags, .size = len};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {&m, HEADER + len};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	if (len)
		memcpy(&m.u64, payload, len < sizeof(m) - HEADER ? len : sizeof(m) - HEADER);
	if (iov.iov_len > sizeof(m))
		iov.iov_len = sizeof(m);
	if (fd >= 0) {
		h.msg_control = &control;
		h.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(g->socket, &h, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int guest_say(struct guest *g, uint32_t request, const void *payload, uint32_t len, int fd)
{
	return say(g, request, 0, payload, len, fd);
}

/* All of it, or false: it did not come within two seconds. Timed reads are not restarted after a signal. */
static bool hear(struct guest *g, void *to, size_t len)
{
	size_t got = 0;
	while (got < len) {
		ssize_t n = recv(g->socket, (uint8_t *)to + got, len - got, 0);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

int guest_ask(struct guest *g, uint32_t request, const void *payload, uint32_t len, uint64_t *ret_answer)
{
	struct vhost_message m;
	int r = say(g, request, 0, payload, len, -1);
	if (r)
		return r;
	if (!hear(g, &m, HEADER) || m.size > sizeof(m) - HEADER || m.request != request || !hear(g, &m.u64, m.size))
		return -EPROTO;
	*ret_answer = m.u64;
	return 0;
}

bool guest_gone(struct guest *g)
{
	uint8_t byte;
	return recv(g->socket, &byte, 1, 0) == 0 || errno == ECONNRESET;
}

int guest_share_memory(struct guest *g)
{
	struct vhost_message m = {.memory = {.n = 1}};
	m.memory.region[0].guest = GUEST_PHYSICAL;
	m.memory.region[0].user = GUEST_USER;
	m.memory.region[0].size = GUEST_MEMORY;
	return guest_say(g, VU_SET_MEM_TABLE, &m.memory, 8 + sizeof(m.memory.region[0]), g->memory_fd);
}

static void ring_reset(struct guest *g, unsigned ring)
{
	struct guest_ring *r = &g->ring[ring];
	r->next = r->seen = 0;
	r->free = r->entries;
	r->wrap = r->seen_wrap = true;
	memset(g->memory + r->at, 0, BUFFERS);
	if (g->features & GUEST_PACKED)
		return;
	for (unsigned i = 0; i < r->entries; i++)
		guest_desc(g, ring)[i].addr = guest_physical(g, ring, i);
}

int guest_ring_address(struct guest *g, unsigned ring)
{
	struct vhost_message m = {.addr = {.index = ring}};
	m.addr.desc = GUEST_USER + g->ring[ring].at;
	m.addr.avail = m.addr.desc + DRIVER_AREA;
	m.addr.used = m.addr.desc + DEVICE_AREA;
	return guest_say(g, VU_SET_VRING_ADDR, &m.addr, sizeof(m.addr), -1);
}

int guest_ring_start(struct guest *g, unsigned ring)
{
	struct guest_ring *r = &g->ring[ring];
	uint64_t index = ring;
	uint32_t base = g->features & GUEST_PACKED ? 1u << 15 : 0;
	ring_reset(g, ring);
	struct {
		uint32_t index, num;
	} size = {ring, r->entries}, at = {ring, base}, enable = {ring, 1};
	int rc = guest_say(g, VU_SET_VRING_NUM, &size, sizeof(size), -1);
	rc = rc ? rc : guest_say(g, VU_SET_VRING_BASE, &at, sizeof(at), -1);
	rc = rc ? rc : guest_ring_address(g, ring);
	rc = rc ? rc : guest_say(g, VU_SET_VRING_CALL, &index, sizeof(index), r->call);
	rc = rc ? rc : guest_say(g, VU_SET_VRING_KICK, &index, sizeof(index), r->kick);
	return rc ? rc : guest_say(g, VU_SET_VRING_ENABLE, &enable, sizeof(enable), -1);
}

int guest_ring_stop(struct guest *g, unsigned ring)
{
	struct {
		uint32_t index, num;
	} which = {ring, 0};
	uint64_t base;
	return guest_ask(g, VU_GET_VRING_BASE, &which, sizeof(which), &base);
}

int guest_start(struct guest *g)
{
	uint64_t offered = 0, protocol = 0;
	int r = guest_ask(g, VU_GET_FEATURES, NULL, 0, &offered);
	if (r)
		return r;
	if (g->features & ~offered)
		return -EPROTO;
	r = guest_ask(g, VU_GET_PROTOCOL_FEATURES, NULL, 0, &protocol);
	protocol &= 1; /* several queues */
	r = r ? r : guest_say(g, VU_SET_PROTOCOL_FEATURES, &protocol, sizeof(protocol), -1);
	r = r ? r : guest_say(g, VU_SET_OWNER, NULL, 0, -1);
	r = r ? r : guest_say(g, VU_SET_FEATURES, &g->features, sizeof(g->features), -1);
	r = r ? r : guest_share_memory(g);
	for (unsigned i = 0; !r && i < 2 * g->queues; i++)
		r = guest_ring_start(g, i);
	/* Answered after all that went before it was done. */
	return r ? r : guest_ask(g, VU_GET_FEATURES, NULL, 0, &offered);
}

struct vring_desc *guest_desc(struct guest *g, unsigned ring)
{
	return (struct vring_desc *)(g->memory + g->ring[ring].at);
}

struct vring_packed_desc *guest_packed(struct guest *g, unsigned ring)
{
	return (struct vring_packed_desc *)(g->memory + g->ring[ring].at);
}

struct vring_avail *guest_avail(struct guest *g, unsigned ring)
{
	return (struct vring_avail *)(g->memory + g->ring[ring].at + DRIVER_AREA);
}

struct vring_used *guest_used(struct guest *g, unsigned ring)
{
	return (struct vring_used *)(g->memory + g->ring[ring].at + DEVICE_AREA);
}

uint64_t guest_physical(const struct guest *g, unsigned ring, unsigned buffer)
{
	return GUEST_PHYSICAL + g->ring[ring].at + BUFFERS + buffer * GUEST_BUFFER;
}

void guest_kick(struct guest *g, unsigned ring)
{
	uint64_t one = 1;
	if (write(g->ring[ring].kick, &one, sizeof(one)) < 0)
		return; /* it is full of kicks */
}
