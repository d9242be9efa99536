/* SPDX-License-Identifier: Apache-2.0 */
/* What a document says of each provider network, made ready to run. */
#pragma once

#include "modules/provider/control/network.h"

struct err;
struct txn;

/* Fills in `next` of every network that the document names. On failure none is left. */
int config_prepare(const struct txn *t, struct err *e);
void config_forget(void); /* the `next`s */
