/* SPDX-License-Identifier: Apache-2.0 */
/* The host's document over HTTP: read, replace, compare, confirm, go back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/document.h"
#include "base/err.h"
#include "core/control/engine.h"
#include "core/http/server.h"
#include "core/http/version.h"

static bool wants_yaml(const struct http_request *r) { return strstr(r->accept, "yaml") != NULL; }

static void document_get(const struct http_request *r, struct http_response *ret)
{
	json_t *json = api_document_encode(engine_document());
	if (!json || !wants_yaml(r)) {
		ret->json = json;
		return;
	}
	ret->text = api_yaml_format(json);
	ret->content_type = "application/yaml";
	json_decref(json);
}
ROUTE(document_get, "GET", "/v1/document", document_get, "The host's document; YAML if Accept asks for it.", NULL)

static void answer(struct http_response *ret, int code, json_t *json, const struct err *e)
{
	if (code < 0)
		http_problem(ret, code, e);
	else
		ret->json = json;
}

static int apply_options(const struct http_request *r, struct engine_options *ret_options, struct err *e)
{
	uint64_t within, revision;
	bool dry_run;
	int code = http_query_bool(r, "dry-run", false, &dry_run, e);
	if (code == 0)
		code = http_query_uint(r, "confirm-within", ENGINE_CONFIRM_MAX_S, 0, &within, e);
	if (code == 0)
		code = http_query_uint(r, "if-revision", INT64_MAX, UINT64_MAX, &revision, e);
	if (code == 0)
		*ret_options = (struct engine_options){.dry_run = dry_run,
						       .confirm_within_s = (uint32_t)within,
						       .if_revision = (int64_t)revision}; /* absent: -1 */
	return code;
}

static void document_put(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct engine_options options;
	json_t *json = NULL, *applied = NULL;
	int code = apply_options(r, &options, &e);
	if (code == 0)
		code = api_text_parse(r->body, r->body_len, &json, &e);
	if (code == 0)
		code = engine_apply(json, &options, &applied, &e);
	json_decref(json);
	if (code == 0 && !json_object_get(applied, "dry-run"))
		json_object_set_new(applied, "dry-run", json_boolean(options.dry_run));
	answer(ret, code, applied, &e);
}
ROUTE_BODY(document_put, "PUT", "/v1/document", document_put, "Makes the body (YAML or JSON) the host's document.",
	   "dry-run, confirm-within, if-revision", "document")

static void diff_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	json_t *json = NULL, *changes = NULL;
	int code = api_text_parse(r->body, r->body_len, &json, &e);
	if (code == 0)
		code = engine_diff(json, &changes, &e);
	json_decref(json);
	answer(ret, code, changes, &e);
}
ROUTE_BODY(diff_post, "POST", "/v1/diff", diff_post, "What applying the body would change.", NULL, "document")

static void confirm_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	json_t *json = NULL;
	int code = engine_confirm(&json, &e);
	if (code == -ENOENT) /* there is the route, but nothing that it could confirm */
		code = -EEXIST;
	answer(ret, code, json, &e);
}
ROUTE(confirm_post, "POST", "/v1/confirm", confirm_post, "Keeps what was applied with confirm-within.", NULL)

static void rollback_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	uint64_t revision;
	json_t *json = NULL;
	int code = http_query_uint(r, "revision", INT64_MAX, UINT64_MAX, &revision, &e);
	if (code == 0)
		code = engine_rollback((int64_t)revision, &json, &e); /* absent: -1 */
	answer(ret, code, json, &e);
}
ROUTE(rollback_post, "POST", "/v1/rollback", rollback_post, "Goes back to the revision before, or to the one named.",
      "revision")

static void revisions_get(const struct http_request *r, struct http_response *ret) { ret->json = engine_revisions(); }
ROUTE(revisions_get, "GET", "/v1/revisions", revisions_get, "The revisions that are kept.", NULL)

static void version_get(const struct http_request *r, struct http_response *ret)
{
	ret->json = json_pack("{s:s}", "version", WEFT_VERSION);
}
ROUTE(version_get, "GET", "/v1/version", version_get, "The version of weftd.", NULL)
