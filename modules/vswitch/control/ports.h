/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, keeping and closing the ports of a plan. */
#pragma once

#include "modules/vswitch/control/plan.h"

/* Fills in pub.port and pub.mtu: kept from `before` where kind and target are the same, else opened and placed.
 * Undoes itself on failure; the err's path names the adapter or switch. */
int vs_ports_open(struct txn *t, struct vs_plan *plan, struct err *e);
void vs_ports_undo(struct vs_plan *plan, bool restarting); /* the transaction was aborted */
void vs_ports_close(struct port **ports, size_t n, bool remove); /* all at once; reorders the list */
void vs_ports_retire(struct vs_plan *old, const struct vs_plan *now); /* closes what only old had */
void vs_ports_stop(struct vs_plan *plan, bool restore); /* weftd stops */
