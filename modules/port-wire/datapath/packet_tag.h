/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel takes the outer VLAN tag out of a received frame and tells it beside; a switch wants the frame
 * as it was on the wire.
 */
#pragma once

#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "core/runtime/frame.h"

/* Puts the tag that the kernel tells of, if any, back behind the addresses, and moves the offsets of the virtio
 * header with it. false: the frame is too short to have had one. */
bool packet_tag_restore(struct frame *f, const struct tpacket_auxdata *aux, struct virtio_net_hdr *h);
