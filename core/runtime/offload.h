/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-net header at the edge (vhost, tap and packet sockets all speak it), and the software that does
 * what a receiving port cannot: checksums and segmentation. Everything from a guest is checked here before
 * it is believed.
 */
#pragma once

#include <stdint.h>

#include <linux/virtio_net.h>

#include "core/runtime/frame.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* virtio 1.2, younger than Debian 12's header */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Believes a sender's virtio header (fields in host order), after checking it against the frame: offsets
 * inside the head and its first FRAME_SMALL_ROOM bytes (more a copy's head may not hold), GSO only with NEEDS_CSUM,
 * on an unfragmented packet of the named protocol, with a segment size that is not 0 and cuts it into at most
 * OFFLOAD_SEGMENTS_MAX. hdr_len is not believed but worked out. A GSO frame that is no longer than one segment
 * becomes a plain one. Legacy UFO is refused: it is never offered.
 * DATA_VALID is taken as said: a port whose peer has no business saying so (a guest) clears it first.
 * 0, or -EINVAL: the header lies (drop the frame). */
int offload_from_virtio(struct frame *f, const struct virtio_net_hdr *h);
/* The same of what a DPDK driver says in m.ol_flags, which is no more than this afterwards: an open TCP or UDP checksum
 * whose field has the sum of the pseudo header (RX_L4_CKSUM_NONE), and a segment to be cut (RX_LRO, m.tso_segsz). A checksum
 * that is said to be good is not believed. */
int offload_from_mbuf(struct frame *f);
/* The header for a receiver that takes offloads; zero when the frame has none. Flags DATA_VALID where known. */
void offload_to_virtio(const struct frame *f, struct virtio_net_hdr *ret_h);

/* Fills in the checksum that FRAME_OFFLOAD left open, in place (the frame must not be shared). -EINVAL. */
int offload_checksum(struct frame *f);

/* Cuts a GSO frame into finished segments with checksums filled in, IPv4 ids counted up, TCP flags right.
 * Returns how many were written to ret_segments (at most max), or -errno with nothing allocated: -EINVAL:
 * the frame is not what its offload says, -E2BIG: more than max, -ENOMEM. f stays the caller's. Segments are
 * small-pool frames, chained where one is longer than FRAME_SMALL_ROOM. */
int offload_segment(struct frame *f, const struct frame_pools *pools, struct frame **ret_segments, unsigned max);
/* A whole 64 KiB segment at the smallest path MTU that Linux goes down to by itself: 552, payload 500. */
#define OFFLOAD_SEGMENTS_MAX 136

/* Joins TCP segments that follow one another into GSO frames, in place and in order; the number of frames that
 * are left (the joined ones have become pieces of those). Only whole segments with a right checksum, each flow's in
 * order; cut again they are what they were. For a receiver that takes such frames whole. */
uint16_t offload_join(struct frame **frames, uint16_t n);

/* The Internet checksum (RFC 1071) of bytes in wire order. A sum carries over to the next piece if the
 * pieces before it have even lengths. Fold gives 16 bits, in wire order, not complemented yet: the sum of
 * good bytes is 0xffff. */
uint64_t offload_sum(const void *data, uint32_t len, uint64_t sum);
uint16_t offload_sum_fold(uint64_t sum);
/* Fills in the checksum of an IPv4 header of so many bytes. */
void offload_ip4_checksum(uint8_t *ip, uint32_t header_len);
/* The folded sum over bytes off..end of the whole frame, wherever they lie. */
uint16_t offload_frame_sum(const struct frame *f, uint32_t off);
