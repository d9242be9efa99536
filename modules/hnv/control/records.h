/* SPDX-License-Identifier: Apache-2.0 */
/* Single records: checked, and made so. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct err;

/* Checks, and makes it so; call hnvc_flush and hnvc_log_flush after one or many. labels as of a record, or NULL. */
int hnvc_record_set(struct hnvc_network *net, const struct hnv_record *r, const char *labels, enum hnvc_owner owner,
		    struct err *e);
int hnvc_record_remove(struct hnvc_record *r, enum hnvc_owner owner, struct err *e);
/* As things run; not of l2only records. NULL: none is held. */
struct hnvc_record *hnvc_record_find(uint8_t network, uint32_t vsid, const struct ip *customer);
/* The end of a call that changed records: workers and the log have it. e says that only the disk does not. */
int hnvc_records_settle(struct err *e);
void hnvc_records_let_go(void); /* all of them; for the end */
