/* SPDX-License-Identifier: Apache-2.0 */
/* What a document changes in the records: found in prepare, done in commit and retire. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct err;
struct txn;

int hnvc_staged_prepare(struct txn *t, struct err *e);
void hnvc_staged_commit(void);
void hnvc_staged_retire(void);
void hnvc_staged_abort(void);
