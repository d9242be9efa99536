/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a move, as this host takes its part in them. Each is one change of the document at most, so that it is
 * done or not when a host dies, and says so when it is repeated. Answers are the engine's, with the guest's state.
 */
#pragma once

#include <stdbool.h>

#include "modules/hnv/hnv.h"

struct api_adapter;
struct err;
typedef struct json_t json_t;

/* `there`: the document, or a part of one, of the host that the guest leaves. */
int move_prepare(const char *adapter, const json_t *there, bool dry_run, json_t **ret_answer, struct err *e);
/* adapter NULL: the guest has none here. */
int move_activate(const char *adapter, const struct hnv_guest *g, const struct ip *to, json_t **ret_answer,
		  struct err *e);
int move_retire(const char *adapter, json_t **ret_answer, struct err *e);
int move_cancel(const char *adapter, json_t **ret_answer, struct err *e);
/* Row B9: {"accepted": bool, "errors": [{"path", "detail"}], "warnings": [...]}; nothing is changed. */
int move_validate(const json_t *adapter, json_t **ret_answer, struct err *e);

/* state.c */

enum move_state {
	MOVE_NO_RECORDS, /* nobody finds it */
	MOVE_PREPARED, /* its adapter is here, its records lead elsewhere and have not led here since */
	MOVE_ACTIVE,
	MOVE_PARTLY, /* some records lead here, others elsewhere */
	MOVE_AWAY, /* its adapter is here, its records lead elsewhere */
};
/* adapter NULL: none here. */
enum move_state move_state_of(const char *adapter, const struct hnv_guest *g);
/* Puts what is known of the guest into an answer: adapter, virtual-subnet-id, mac-address, state, customer-addresses,
 * leads-to. */
void move_state_add(json_t *answer, const char *adapter, const struct hnv_guest *g);
/* {"adapters": [...]} of all adapters in virtual subnets. New reference. */
json_t *move_state_list(void);
/* "prepared: its records lead to 198.51.100.11"; for those who neither come nor go nothing is added. */
void move_status_adapter(const struct api_adapter *ad, json_t *object);
/* "10.0.0.5 is still here (198.51.100.11)": a record that leads here; false: none does. */
#define MOVE_STILL_SIZE 112
bool move_still_here(const struct hnv_guest *g, char buf[static MOVE_STILL_SIZE]);
/* Where its records lead, "198.51.100.11, 198.51.100.12"; the caller frees. */
char *move_leads_to(const struct hnv_guest *g);
