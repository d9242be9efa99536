/* SPDX-License-Identifier: Apache-2.0 */
/* The API described by itself: paths from the routes that registered, objects from the schema tables. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/schema.h"
#include "base/str.h"
#include "core/http/server.h"
#include "core/http/version.h"

static json_t *schema_ref(const char *name) { return json_pack("{s:s+}", "$ref", "#/components/schemas/", name); }

static json_t *parameter(const char *name, const char *in)
{
	return json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", in, "required", !strcmp(in, "path"),
			 "schema", "type", "string");
}

/* "/v1/status/<any>/<any>" to "/v1/status/{kind}/{name}"; the parameters are added to the list. */
static char *path_of(const char *pattern, json_t *parameters)
{
	static const char *const names[] = {"name", "kind", "group", "scope"};
	unsigned left = 0;
	struct str path = {0};
	for (const char *p = pattern; *p; p++)
		left += *p == '*';
	for (const char *p = pattern; *p; p++) {
		if (*p != '*') {
			str_add_bytes(&path, p, 1);
			continue;
		}
		const char *name = names[--left % HTTP_ARGS_MAX];
		str_add(&path, "{%s}", name);
		json_array_append_new(parameters, parameter(name, "path"));
	}
	return str_take(&path);
}

static void query_parameters(const char *keys, json_t *parameters)
{
	char name[64];
	for (const char *p = keys; p && *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");
		if (n < sizeof(name)) {
			memcpy(name, p, n);
			name[n] = '\0';
			json_array_append_new(parameters, parameter(name, "query"));
		}
		p += n;
	}
}

static json_t *request_body(const char *schema)
{
	json_t *of = json_pack("{s:o}", "schema", schema_ref(schema));
	json_t *content = json_pack("{s:O}", "application/json", of);
	if (!strcmp(schema, "document"))
		json_object_set(content, "application/yaml", of);
	json_decref(of);
	return json_pack("{s:b, s:o}", "required", 1, "content", content);
}

static json_t *operation(const struct http_route *route, json_t *parameters)
{
	json_t *o = json_pack("{s:s}", "summary", route->summary);
	if (json_array_size(parameters))
		json_object_set(o, "parameters", parameters);
	if (route->body)
		json_object_set_new(o, "requestBody", request_body(route->body));
	json_object_set_new(o, "responses",
			    json_pack("{s:{s:s}, s:{s:s, s:{s:{s:o}}}}", "200", "description", "as asked", "default",
				      "description", "what was wrong; nothing has changed", "content",
				      "application/problem+json", "schema", schema_ref("problem")));
	return o;
}

static void path_add(json_t *paths, const struct http_route *route)
{
	json_t *parameters = json_array();
	char *path = path_of(route->pattern, parameters);
	char method[16];
	size_t n = 0;
	for (; route->method[n] && n < sizeof(method) - 1; n++)
		method[n] = (char)tolower((unsigned char)route->method[n]);
	method[n] = '\0';
	query_parameters(route->query_help, parameters);
	if (path) {
		json_t *item = json_object_get(paths, path);
		if (!item) {
			item = json_object();
			json_object_set_new(paths, path, item);
		}
		json_object_set_new(item, method, operation(route, parameters));
	}
	free(path);
	json_decref(parameters);
}

static void openapi_get(const struct http_request *r, struct http_response *ret)
{
	json_t *paths = json_object(), *schemas = schema_openapi();
	for (const struct http_route *route = http_routes(); route; route = route->next)
		path_add(paths, route);
	json_object_set_new(schemas, "problem",
			    json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s, s:s}, s:{s:s, s:s}}}", "type", "object",
				      "properties", "title", "type", "string", "status", "type", "integer", "detail",
				      "type", "string", "description",
				      "one sentence: what was wrong, what would be right", "path", "type", "string",
				      "description", "the field's path, or empty"));
	json_object_set_new(schemas, "explain",
			    json_pack("{s:s, s:[s,s], s:{s:{s:s, s:s}, s:{s:s, s:s}}}", "type", "object", "required",
				      "from", "frame", "properties", "from", "type", "string", "description",
				      "an adapter's name, or wire:SWITCH", "frame", "type", "string", "description",
				      "the frame in hex; spaces and colons are skipped"));
	ret->json = json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:o}}", "openapi", "3.0.3", "info", "title", "weftd",
			      "version", WEFT_VERSION, "paths", paths, "components", "schemas", schemas);
}
ROUTE(openapi_get, "GET", "/openapi.json", openapi_get, "This description.", NULL)
