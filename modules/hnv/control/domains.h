/* SPDX-License-Identifier: Apache-2.0 */
/* Routing domains, and what workers see of their subnets. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct err;
struct txn;

extern struct hnvc_domain *hnvc_domains[SIDES]; /* first; follow next */

int hnvc_domains_prepare(struct txn *t, struct err *e);
void hnvc_domains_commit(void);
void hnvc_domains_abort(void);
void hnvc_domains_retire(void);
