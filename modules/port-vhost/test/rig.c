/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this driver share; see rig.h. */
#include "modules/port-vhost/test/rig.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static char folder[] = "/tmp/weft-vhost-XXXXXX";
static char path[64];

int rig_setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/vm1.sock", folder);
	return port_rig_start(false);
}

int rig_teardown(void **state)
{
	unlink(path);
	rmdir(folder);
	return 0;
}

const char *rig_path(void) { return path; }

struct port_spec rig_spec(uint16_t queues, bool peer_listens)
{
	return (struct port_spec){.name = "vm1",
				  .role = PORT_GUEST,
				  .kind = "vhost-user",
				  .target = path,
				  .peer_listens = peer_listens,
				  .queues = queues,
				  .mtu = 1500};
}

struct port *rig_port(uint16_t queues, bool peer_listens)
{
	struct port_spec spec = rig_spec(queues, peer_listens);
	return port_rig_open(&spec);
}

void rig_guest(struct guest *g, uint64_t features, unsigned queues)
{
	assert_int_equal(guest_make(g, features, queues), 0);
	assert_int_equal(guest_connect(g, path), 0);
	assert_int_equal(guest_start(g), 0);
	for (unsigned q = 0; q < queues; q++)
		guest_put_up(g, q);
}

void rig_close(struct port *p) { p->ops->close(p, true); }

void rig_frame(uint8_t *frame, uint32_t len, uint32_t number)
{
	memset(frame, 2, 12);
	frame[12] = TEST_ETHER_TYPE >> 8;
	frame[13] = TEST_ETHER_TYPE & 0xff;
	for (uint32_t i = 14; i < len; i++)
		frame[i] = (uint8_t)(number * 31 + i);
}

uint32_t rig_segment(uint8_t *frame, uint32_t payload, uint16_t mss, struct virtio_net_hdr *ret_h)
{
	static const uint8_t headers[] = {
		8, 0,	 0x45, 0,    0,	   0, 0, 1, 0x40, 0, 64, 6, 0, 0,    192,  0,	 2,    1,    192,  0, 2,
		2, 0x13, 0x88, 0x13, 0x89, 0, 0, 0, 1,	  0, 0,	 0, 1, 0x50, 0x10, 0xff, 0xff, 0xab, 0xcd, 0, 0,
	};
	rig_frame(frame, 54 + payload, 7);
	memcpy(frame + 12, headers, sizeof(headers));
	frame[16] = (uint8_t)((40 + payload) >> 8);
	frame[17] = (uint8_t)(40 + payload);
	/* The pseudo header's sum, length included, as a sender leaves it. */
	uint32_t sum = 0xc000 + 0x0201 + 0xc000 + 0x0202 + 6 + 20 + payload;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	frame[50] = (uint8_t)(sum >> 8);
	frame[51] = (uint8_t)sum;
	*ret_h = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	if (mss) {
		ret_h->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		ret_h->gso_size = mss;
		ret_h->hdr_len = 54;
	}
	return 54 + payload;
}

struct frame *rig_receive(struct port *p, unsigned queue)
{
	struct frame *f;
	for (int tries = 0; tries < 20000; tries++) {
		if (p->ops->rx(&p->queue[queue], &f, 1))
			return f;
		usleep(100);
	}
	return NULL;
}

uint16_t rig_tx(struct port *p, unsigned queue, struct frame **frames, uint16_t n)
{
	uint16_t sent = p->ops->tx(&p->queue[queue], frames, n);
	for (uint16_t i = sent; i < n; i++)
		frame_free(frames[i]);
	return sent;
}

void rig_wait_status(struct port *p, const char *key, const char *value)
{
	const char *is = NULL;
	for (int tries = 0; tries < 200; tries++) {
		is = port_rig_status(p, key);
		if (is && strstr(is, value))
			return;
		usleep(10000);
	}
	fail_msg("%s is \"%s\", not \"%s\"", key, is ? is : "", value);
}

unsigned rig_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}
