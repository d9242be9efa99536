/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a move over HTTP. */
#include <errno.h>

#include <jansson.h>

#include "api/document.h"
#include "base/err.h"
#include "core/http/server.h"
#include "modules/move/control/moves.h"

static void prepare_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	bool dry_run;
	json_t *there = NULL;
	int rc = http_query_bool(r, "dry-run", false, &dry_run, &e);
	if (!rc)
		rc = api_text_parse(r->body, r->body_len, &there, &e);
	if (!rc)
		rc = move_prepare(r->arg[0], there, dry_run, &ret->json, &e);
	json_decref(there);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE_BODY(
	move_prepare, "POST", "/v1/moves/*/prepare", prepare_post,
	"An adapter is to come here, with its lookup records, out of the body: the document, or a part of one, of the "
	"host that it leaves. Its records lead there until `activate`.",
	"dry-run", "document")

static int ip_query(const struct http_request *r, const char *key, struct ip *ret, struct err *e)
{
	const char *text = r->query(r, key);
	if (!text)
		return err_set(e, EINVAL, key, "missing; give the provider address of the host that the guest is on");
	return ip_parse(text, ret) ? err_set(e, EINVAL, key, "%.64s is no IP address", text) : 0;
}

/* The guest of an adapter that is here. */
static void activate_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct ip to;
	struct hnv_guest g;
	int rc = ip_query(r, "to", &to, &e);
	if (!rc && hnv_guest_find(r->arg[0], &g))
		rc = err_set(&e, ENOENT, NULL,
			     "no adapter of this host's virtual subnets is called %.64s; give virtual-subnet-id and "
			     "mac-address instead",
			     r->arg[0]);
	if (!rc)
		rc = move_activate(r->arg[0], &g, &to, &ret->json, &e);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE(move_activate, "POST", "/v1/moves/*/activate", activate_post,
      "All lookup records of an adapter's guest lead to the provider address `to` from now on. On the host that it came "
      "to first. 503 while the way to that host is being found: ask again.",
      "to")

/* The same on a host that only has its records. */
static void activate_guest_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct ip to;
	uint64_t vsid = 0;
	const char *mac = r->query(r, "mac-address"), *network = r->query(r, "provider-network");
	struct hnv_guest g = {.network = network ? network : "default"};
	int rc = ip_query(r, "to", &to, &e);
	if (!rc)
		rc = http_query_uint(r, "virtual-subnet-id", HNV_VSID_MAX, 0, &vsid, &e);
	if (!rc && (!vsid || !mac))
		rc = err_set(&e, EINVAL, vsid ? "mac-address" : "virtual-subnet-id", "missing; both name the guest");
	if (!rc && mac_parse(mac, &g.mac))
		rc = err_set(&e, EINVAL, "mac-address", "%.32s is no MAC address", mac);
	g.vsid = (uint32_t)vsid;
	if (!rc)
		rc = move_activate(NULL, &g, &to, &ret->json, &e);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE(move_activate_guest, "POST", "/v1/moves/activate", activate_guest_post,
      "The same on a host without the guest's adapter: all its lookup records lead to `to`.",
      "to, virtual-subnet-id, mac-address, provider-network")

static void retire_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	int rc = move_retire(r->arg[0], &ret->json, &e);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE(move_retire, "POST", "/v1/moves/*/retire", retire_post,
      "Removes an adapter whose guest is on another host, by all its lookup records.", NULL)

static void cancel_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	int rc = move_cancel(r->arg[0], &ret->json, &e);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE(move_cancel, "POST", "/v1/moves/*/cancel", cancel_post,
      "Takes away what `prepare` brought, as long as the guest has not been active here.", NULL)

static void moves_get(const struct http_request *r, struct http_response *ret) { ret->json = move_state_list(); }
ROUTE(moves_get, "GET", "/v1/moves", moves_get,
      "This host's adapters in virtual subnets: prepared, active, or moved away, and where their lookup records lead.",
      NULL)

static void validate_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	json_t *adapter = NULL;
	int rc = api_text_parse(r->body, r->body_len, &adapter, &e);
	if (!rc)
		rc = move_validate(adapter, &ret->json, &e);
	json_decref(adapter);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE_BODY(validate_port, "POST", "/v1/validate-port", validate_post,
	   "Would this host take the adapter in the body, with all its policy? Nothing is changed.", NULL, "adapter")
