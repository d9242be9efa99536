/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The isolation ids that a guest with a multi-tenant stack is shown: adapters of their own in the data plane, named
 * NAME:ID, that share the port of the adapter NAME (core/runtime/compartment.h).
 */
#pragma once

#include <jansson.h>

#include "modules/vswitch/control/plan.h"

struct api_adapter;
struct dataplane;
struct dp_adapter;

int vs_compartments_make(struct vs_adapter *a, const struct api_adapter *from); /* -ENOMEM */
/* Those of the running adapter for isolation ids that stay, new ones for others. -ENOSPC, -ENOMEM. */
int vs_compartments_ids_take(struct vs_adapter *a);
void vs_compartments_ids_give_back(struct vs_adapter *a); /* the new ones, after a refusal */
void vs_compartments_ids_retire(const struct vs_adapter *before,
				const struct vs_adapter *after); /* after may be NULL */
void vs_compartments_settle(struct vs_adapter *a); /* the transaction is over */
uint16_t vs_compartments_last_id(const struct vs_adapter *a); /* the highest id, its own among them */
/* a, made from `from`, and its compartments in the snapshot. -ENOMEM. */
int vs_compartments_fill(struct dataplane *dp, struct dp_adapter *a, const struct vs_adapter *from);
json_t *vs_compartments_json(const struct vs_adapter *a); /* for status: [{isolation-id, vlan}]; NULL: no memory */
