/* SPDX-License-Identifier: Apache-2.0 */
/* Records as the document and the API say them, and as they are held. Control thread. */
#pragma once

#include <stdbool.h>

#include "api/document.h"
#include "modules/hnv/hnv.h"

struct err;
struct hnvc_record;
typedef struct json_t json_t;

/* -EINVAL: its encapsulation is not built in. */
int hnvc_record_from_api(const struct api_lookup_record *from, uint8_t network, struct hnv_record *ret,
			 struct err *e);
/* The same the other way; strings stay the caller's. */
struct api_lookup_record hnvc_record_view(const struct hnv_record *r, const char *network, const char *labels);
/* As the API shows it: the document's keys, and `origin`, `leads-to`. New reference; NULL: out of memory. */
json_t *hnvc_record_json(const struct hnvc_record *r);
bool hnvc_record_same(const struct hnv_record *a, const struct hnv_record *b);

/* "vm-name\0customer-id\0context" with a NUL behind; *ret_labels NULL when there is none. -ENOMEM. */
int hnvc_labels_make(const char *vm_name, const char *customer_id, const char *context, char **ret_labels);
bool hnvc_labels_same(const char *a, const char *b);
size_t hnvc_labels_size(const char *labels); /* bytes, all NULs included; 0 for NULL */
