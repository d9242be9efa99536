/* SPDX-License-Identifier: Apache-2.0 */
/* This host's adapters in virtual subnets, and what each may send from. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct err;
struct txn;

/* This host's adapters, in order of subnet and MAC address. */
struct hnvc_locals {
	struct hnvc_local **list;
	size_t n;
};
extern struct hnvc_locals hnvc_locals[SIDES];

int hnvc_locals_prepare(struct txn *t, struct err *e);
void hnvc_locals_commit(void);
void hnvc_locals_abort(void);
void hnvc_locals_retire(void);
/* The adapter of a subnet with that MAC address; NULL: none. */
struct hnvc_local *hnvc_local_find(int side, const struct hnvc_subnet *s, const struct mac *mac);
struct hnvc_local *hnvc_local_by_id(uint16_t adapter); /* as runs */
struct hnvc_local *hnvc_local_by_name(const char *name); /* as runs; NULL: none */
/* A record came to or left (subnet, MAC address): what its adapter may send from changes with the next flush. */
void hnvc_own_add(const struct hnvc_record *r);
void hnvc_own_remove(const struct hnvc_record *r);
/* It leads elsewhere than before: whether its guest is here is looked at with the next flush. */
void hnvc_own_led(const struct hnvc_record *r);
void hnvc_own_flush(void);
