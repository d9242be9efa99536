/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this driver share: a port of the usual kind and frames to send. */
#pragma once

#include "core/runtime/test/port_rig.h"
#include "modules/port-vhost/test/guest.h"

#define TEST_ETHER_TYPE 0x88b5 /* IEEE 802 local experimental */

int rig_setup(void **state); /* EAL and a folder of its own, once for the process */
int rig_teardown(void **state);
const char *rig_path(void); /* of the socket */

struct port *rig_port(uint16_t queues, bool peer_listens);
struct port_spec rig_spec(uint16_t queues, bool peer_listens);
/* A connected guest whose rings run and whose buffers are up; fails the running test otherwise. */
void rig_guest(struct guest *g, uint64_t features, unsigned queues);
void rig_close(struct port *p);

/* A frame of len bytes that says which it is; its content follows from len and number. */
void rig_frame(uint8_t *frame, uint32_t len, uint32_t number);
/* An IPv4 TCP segment to be cut or summed by others: Ethernet, 20 + 20 bytes of headers, payload. */
uint32_t rig_segment(uint8_t *frame, uint32_t payload, uint16_t mss, struct virtio_net_hdr *ret_h);

/* One frame from the port, polling up to two seconds; NULL: none. */
struct frame *rig_receive(struct port *p, unsigned queue);
/* Up to n frames at once. */
uint16_t rig_tx(struct port *p, unsigned queue, struct frame **frames, uint16_t n);
void rig_wait_status(struct port *p, const char *key, const char *value); /* two seconds at most */
unsigned rig_fds(void); /* open descriptors of this process */
