/* SPDX-License-Identifier: Apache-2.0 */
/* Where records lead: from a held record to what workers find. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct err;

struct hnvc_target {
	uint16_t next; /* held, if a peer's */
	bool shown;
};
/* By what runs or comes. Checked records only. -ENOMEM, -ENOSPC with e filled in. */
int hnvc_target_find(int side, const struct hnvc_subnet *s, const struct hnv_record *r, struct hnvc_target *ret,
		     struct err *e);
void hnvc_target_release(const struct hnvc_target *t);
/* Makes it so at once (detours.h has what everybody else calls); takes over the target's hold. -ENOMEM: as before, the hold is
 * still the caller's. */
int hnvc_record_lead_now(struct hnvc_record *r, const struct hnvc_target *t);
extern uint64_t hnvc_owned[OWNERS]; /* records held, by owner */
/* Among the others, by its pub, subnet, owner; it leads nowhere yet. */
void hnvc_record_enter(struct hnvc_record *r);
void hnvc_record_free(struct hnvc_record *r); /* undoes it, and frees; it leads nowhere (hnvc_record_leave) */
void hnvc_flush(void); /* workers see what changed in `own` and in replicas */
