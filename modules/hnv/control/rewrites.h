/* SPDX-License-Identifier: Apache-2.0 */
/* Records of rule nat, by either address. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct err;

/* May the record have its provider address, as things run? -EEXIST, with the field's name in e. */
int hnvc_rewrite_check(const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e);
/* Of rule nat: it is none of the host's own addresses. -EINVAL, as above. */
int hnvc_rewrite_own_check(int side, const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e);
void hnvc_rewrite_follow(const struct hnvc_record *r); /* it leads elsewhere, or has other values */
