/* SPDX-License-Identifier: Apache-2.0 */
/* Which messages of a peer DPDK's memif driver may see. Pure bookkeeping, no I/O. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MEMIF_VERSION 0x0200
#define MEMIF_RINGS 1 /* each way: a port has one queue */
#define MEMIF_LOG2_RING_MAX 14
#define MEMIF_REGIONS_MAX 256
#define MEMIF_RING_HEADER 128 /* bytes; two cache lines */
#define MEMIF_DESCRIPTOR 16

enum memif_type {
	MEMIF_NONE,
	MEMIF_ACK,
	MEMIF_HELLO,
	MEMIF_INIT,
	MEMIF_ADD_REGION,
	MEMIF_ADD_RING,
	MEMIF_CONNECT,
	MEMIF_CONNECTED,
	MEMIF_DISCONNECT,
};

/* A message as it stands on the socket, in the host's byte order. */
struct memif_message {
	uint16_t type;
	union {
		struct {
			uint8_t name[32];
			uint16_t min_version, max_version, max_region, max_s2c_ring, max_c2s_ring;
			uint8_t max_log2_ring_size;
		} __attribute__((packed)) hello;
		struct {
			uint16_t version;
			uint32_t id;
			uint8_t mode, secret[24], name[32];
		} __attribute__((packed)) init;
		struct {
			uint16_t index;
			uint64_t size;
		} __attribute__((packed)) region;
		struct {
			uint16_t flags, index, region;
			uint32_t offset;
			uint8_t log2_ring_size;
			uint16_t private_header;
		} __attribute__((packed)) ring;
		struct {
			uint32_t code;
			char why[96];
		} __attribute__((packed)) disconnect;
		uint8_t bytes[126];
	};
} __attribute__((packed));

#define MEMIF_RING_C2S 1 /* ring.flags: from the client to the server */

/* How far a connection is; zeroed at its beginning. */
struct memif_progress {
	bool greeted, connected;
	unsigned regions;
	uint64_t region_size[MEMIF_REGIONS_MAX];
	bool ring[2][MEMIF_RINGS]; /* told; [1]: client to server */
};

/* NULL: hand it on (then p has taken note of it), or what is wrong. with_fd: a descriptor came with it, of a file of
 * file_size bytes. A client's messages behind INIT, and a server's. */
const char *memif_judge_client(struct memif_progress *p, const struct memif_message *m, bool with_fd,
			       uint64_t file_size);
const char *memif_judge_server(struct memif_progress *p, const struct memif_message *m);
