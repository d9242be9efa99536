/* SPDX-License-Identifier: Apache-2.0 */
/* Where frames of a guest go that no lookup record decides about. Each takes f. */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/datapath/hnv_lookup.h"

extern struct drop_reason drop_no_record; /* "no-record" */

/* To all of the sender's subnet; a record of the group itself says by which provider group (row I8). */
void hnv_to_group(struct pipe *p, const struct dp_adapter *a, struct frame *f);

/* Is f sent to the broadcast address of the subnet that was asked, though perhaps to one MAC address only? */
bool hnv_is_directed(const struct hnv_network *net, struct frame *f, const struct hnv_ask *ask);
/* Such a frame: to all of the sender's own subnet; into others broadcasts are not routed (RFC 2644, 4). */
void hnv_broadcast(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_ask *ask);

/* What was asked has no record: an address of the link, or one that only flooding finds. */
void hnv_unrecorded(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_ask *ask);

/* The 2012 model: guests of one host find each other by MAC address; true: f ended so, false: it is not taken. */
bool hnv_beside(struct pipe *p, const struct dp_adapter *a, struct frame *f);
