/* SPDX-License-Identifier: Apache-2.0 */
/* Records in requests: what a line or a body asks for, done. Apart from HTTP, so that tests need none. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct hnvc_record;
typedef struct json_t json_t;

struct hnvc_counts {
	size_t lines; /* read and done */
	size_t set, removed;
};

/* {"virtual-subnet-id": ..., ...} sets, {"op": "remove", KEY...} removes. `json` is changed. Not flushed. */
int hnvc_request_record(json_t *json, struct hnvc_counts *counts, struct err *e);
/* NDJSON; stops at the first line that is refused, those before it stay. Flushed. e's path begins with the line's
 * number, counted from `first`. */
int hnvc_request_lines(const char *text, size_t len, uint64_t first, struct hnvc_counts *counts, struct err *e);
/* The record of a key as text; mac NULL: not l2only. -EINVAL, -ENOENT. */
int hnvc_request_find(const char *network, const char *vsid, const char *customer, const char *mac,
		      struct hnvc_record **ret_record, struct err *e);
/* {"records": [...], "total": N}: those of a subnet (vsid NULL: all) or with a customer address (NULL: any). */
int hnvc_request_list(const char *network, const char *vsid, const char *customer, size_t limit, json_t **ret_json,
		      struct err *e);
