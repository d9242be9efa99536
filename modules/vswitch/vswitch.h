/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches, adapters and their ports: what the document names, made real. Other modules ask here what an
 * adapter came to be. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mac.h"
#include "core/runtime/port.h"

struct api_adapter;
struct api_document;

/* One adapter as it runs (or, inside a transaction, as it will run): written out in the document, or made by
 * allow-management-os, or a switch's uplink. */
struct vswitch_adapter {
	char name[64]; /* "wire:SWITCH" for an uplink */
	char switch_name[64];
	enum port_role role;
	struct mac mac; /* from the document, the pool or the interface taken over; zero for an uplink */
	uint32_t mtu; /* L3 bytes */
	uint32_t vsid; /* virtual-subnet-id; 0: none */
	bool tags_are_ids; /* it has isolation: see struct dp_adapter */
	uint32_t mac_limit; /* learned addresses at most; 0: the default of its role */
	bool implied; /* made by allow-management-os */
	char takes_over[16]; /* the interface whose addresses it carries on with; "" if none */
	uint16_t id; /* data plane id */
	struct port *port; /* NULL in a dry run that could not open it */
};

/* The adapters under way in the current transaction (between vswitch's prepare and retire), else those that
 * run. In document order, uplinks first. */
const struct vswitch_adapter *const *vswitch_adapters(size_t *ret_n);
const struct vswitch_adapter *vswitch_adapter_find(const char *name); /* among the same; NULL: none */

struct err;
struct txn;

/* A MAC address for something that is no adapter, under a name of the caller's ("provider-address default/198.51.100.11").
 * `wanted` if that is not zero, else of the host's pool, the same under that name for as long as each transaction asks
 * for it again, restarts included. After vswitch's prepare, those that want one first. -ENOSPC: the pool is used up;
 * -EEXIST: an adapter or another name has `wanted`. e's path is the caller's to fill in. */
int vswitch_mac_take(const struct txn *t, const char *name, const struct mac *wanted, struct mac *ret_mac,
		     struct err *e);
