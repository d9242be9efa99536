/* SPDX-License-Identifier: Apache-2.0 */
/* Lookup records over HTTP: listed, set, removed, and a stream of many. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "core/http/server.h"
#include "modules/hnv/control/record_json.h"
#include "modules/hnv/control/record_request.h"
#include "modules/hnv/control/records.h"

#define LIST_DEFAULT 1000
#define LIST_MAX 200000

static void list_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	uint64_t limit;
	int rc = http_query_uint(r, "limit", LIST_MAX, LIST_DEFAULT, &limit, &e);
	if (!rc)
		rc = hnvc_request_list(r->query(r, "provider-network"), r->query(r, "virtual-subnet-id"),
				       r->query(r, "customer-address"), limit, &ret->json, &e);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE(records_get, "GET", "/v1/lookup-records", list_get,
      "The lookup records that this host holds; `total` counts those beyond `limit`, too.",
      "provider-network, virtual-subnet-id, customer-address, limit")

/* A line refused: what came before it is in force, and how much that was. */
static void lines_problem(struct http_response *ret, int rc, struct err *e, const struct hnvc_counts *counts,
			  uint64_t first)
{
	size_t len = strlen(e->text);
	uint64_t at = first + counts->lines;
	snprintf(e->text + len, sizeof(e->text) - len, "; the %" PRIu64 " lines before it are in force", at - 1);
	http_problem(ret, rc, e);
	json_object_set_new(ret->json, "set", json_integer((json_int_t)counts->set));
	json_object_set_new(ret->json, "removed", json_integer((json_int_t)counts->removed));
	json_object_set_new(ret->json, "line", json_integer((json_int_t)at));
}

static void lines_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct hnvc_counts counts = {0};
	uint64_t first;
	int rc = http_query_uint(r, "first-line", UINT32_MAX, 1, &first, &e);
	if (rc) {
		http_problem(ret, rc, &e);
		return;
	}
	rc = hnvc_request_lines(r->body, r->body_len, first, &counts, &e);
	if (rc)
		lines_problem(ret, rc, &e, &counts, first);
	else
		ret->json =
			json_pack("{s:I, s:I}", "set", (json_int_t)counts.set, "removed", (json_int_t)counts.removed);
}
ROUTE_BODY(
	records_post, "POST", "/v1/lookup-records", lines_post,
	"Sets a record for each line of the body (NDJSON); a line with \"op\": \"remove\" removes one. Lines before "
	"one that is refused stay in force. At most 16 MiB at once; first-line is the first one's number in a longer "
	"stream.",
	"first-line", "lookup-record")

/* The key is the path's; the body may say it again, but nothing else. */
static int key_put(json_t *json, const char *key, json_t *value, struct err *e)
{
	json_t *said = json_object_get(json, key);
	bool same = !said || json_equal(said, value);
	const char *one = json_string_value(said), *other = json_string_value(value);
	struct ip a, b;
	if (!same && one && other && !ip_parse(one, &a) && !ip_parse(other, &b))
		same = ip_equal(&a, &b);
	int rc = same ? json_object_set(json, key, value) : 0;
	json_decref(value);
	if (!same)
		return err_set(e, EINVAL, key, "is another one than in the path");
	return rc ? err_set(e, ENOMEM, NULL, "out of memory") : 0;
}

static int keys_put(const struct http_request *r, json_t *json, struct err *e)
{
	char *end;
	if (!json_is_object(json))
		return err_set(e, EINVAL, NULL, "the body is no object");
	if (json_object_get(json, "op"))
		return err_set(e, EINVAL, "op", "the method says it");
	unsigned long vsid = strtoul(r->arg[1], &end, 10);
	if (*end || end == r->arg[1] || vsid > HNV_VSID_MAX)
		return err_set(e, EINVAL, "virtual-subnet-id", "%.32s is no virtual subnet ID", r->arg[1]);
	int rc = key_put(json, "provider-network", http_text(r->arg[0]), e);
	if (!rc)
		rc = key_put(json, "virtual-subnet-id", json_integer((json_int_t)vsid), e);
	return rc ? rc : key_put(json, "customer-address", http_text(r->arg[2]), e);
}

static void one_put(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct hnvc_counts counts = {0};
	json_t *json = NULL;
	int rc = api_text_parse(r->body, r->body_len, &json, &e);
	if (!rc)
		rc = keys_put(r, json, &e);
	if (!rc)
		rc = hnvc_request_record(json, &counts, &e);
	if (!rc)
		rc = hnvc_records_settle(&e);
	json_decref(json);
	if (rc)
		http_problem(ret, rc, &e);
	else
		ret->json = json_pack("{s:i}", "set", 1);
}
ROUTE_BODY(record_put, "PUT", "/v1/lookup-records/*/*/*", one_put,
	   "Sets the record of a provider network, virtual subnet ID and customer address. In force when it answers.",
	   NULL, "lookup-record")

static void one_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct hnvc_record *record = NULL;
	int rc = hnvc_request_find(r->arg[0], r->arg[1], r->arg[2], r->query(r, "mac-address"), &record, &e);
	if (rc)
		http_problem(ret, rc, &e);
	else
		ret->json = hnvc_record_json(record);
}
ROUTE(record_get, "GET", "/v1/lookup-records/*/*/*", one_get,
      "The record of a provider network, virtual subnet ID and customer address.", "mac-address")

static void one_delete(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct hnvc_record *record = NULL;
	int rc = hnvc_request_find(r->arg[0], r->arg[1], r->arg[2], r->query(r, "mac-address"), &record, &e);
	if (!rc)
		rc = hnvc_record_remove(record, OWNER_API, &e);
	if (!rc)
		rc = hnvc_records_settle(&e);
	if (rc)
		http_problem(ret, rc, &e);
	else
		ret->json = json_pack("{s:i}", "removed", 1);
}
ROUTE(record_delete, "DELETE", "/v1/lookup-records/*/*/*", one_delete,
      "Removes the record of a provider network, virtual subnet ID and customer address; of l2only ones by "
      "mac-address.",
      "mac-address")
