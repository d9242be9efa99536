/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/control/record_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/schema.h"
#include "base/err.h"
#include "base/str.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/record_json.h"
#include "modules/hnv/control/record_log.h"
#include "modules/hnv/control/records.h"
#include "modules/hnv/packet.h"

#define LINE_MAX_BYTES 4096

static struct hnvc_record *find(const struct api_lookup_record *a, struct err *e)
{
	char text[IP_TEXT_SIZE];
	const struct hnvc_network *net = hnvc_network_find(a->provider_network);
	const struct hnvc_subnet *s = net ? hnvc_subnet_find(net, a->virtual_subnet_id) : NULL;
	const struct mac *mac = a->type == API_RECORD_L2ONLY ? &a->mac_address : NULL;
	struct hnvc_record *r = s ? hnvc_held_find(s, &a->customer_address, mac) : NULL;
	if (!r)
		err_set(e, ENOENT, "customer-address",
			"there is no lookup record of %s in virtual subnet %u of provider network `%s`",
			ip_format(&a->customer_address, text), a->virtual_subnet_id, a->provider_network);
	return r;
}

static int set(const struct api_lookup_record *a, struct err *e)
{
	struct hnvc_network *net = hnvc_network_find(a->provider_network);
	struct hnv_record r;
	char *labels;
	if (!net || !net->side[RUNS].there)
		return err_set(e, ENOENT, "provider-network", "this host has no address in provider network `%s`",
			       a->provider_network);
	int rc = hnvc_record_from_api(a, net->pub.index, &r, e);
	if (rc)
		return rc;
	if (hnvc_labels_make(a->vm_name, a->customer_id, a->context, &labels))
		return err_set(e, ENOMEM, NULL, "out of memory");
	rc = hnvc_record_set(net, &r, labels, OWNER_API, e);
	free(labels);
	return rc;
}

/* "set" is what a line without `op` means. */
static int op_take(json_t *json, bool *ret_remove, struct err *e)
{
	const json_t *op = json_object_get(json, "op");
	const char *text = json_string_value(op);
	bool remove = str_equal(text, "remove");
	if (op && !remove && !str_equal(text, "set"))
		return err_set(e, EINVAL, "op", "neither `set` nor `remove`");
	json_object_del(json, "op");
	*ret_remove = remove;
	return 0;
}

int hnvc_request_record(json_t *json, struct hnvc_counts *counts, struct err *e)
{
	struct api_lookup_record a = {0};
	bool remove = false;
	if (!json_is_object(json))
		return err_set(e, EINVAL, NULL, "not an object");
	int rc = op_take(json, &remove, e);
	if (!rc)
		rc = schema_decode(&api_schema_lookup_record, json, &a, e);
	if (rc)
		return rc;
	if (remove) {
		struct hnvc_record *r = find(&a, e);
		rc = r ? hnvc_record_remove(r, OWNER_API, e) : -ENOENT;
	} else {
		rc = set(&a, e);
	}
	schema_clear(&api_schema_lookup_record, &a);
	if (!rc) {
		counts->set += !remove;
		counts->removed += remove;
	}
	return rc;
}

static int line_do(const char *line, size_t len, struct hnvc_counts *counts, struct err *e)
{
	json_error_t cause;
	if (len > LINE_MAX_BYTES)
		return err_set(e, EINVAL, NULL, "%zu bytes are too long for one record", len);
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &cause);
	if (!json)
		return err_set(e, EINVAL, NULL, "not JSON: %s", cause.text);
	int rc = hnvc_request_record(json, counts, e);
	json_decref(json);
	return rc;
}

static bool blank(const char *line, size_t len)
{
	while (len && strchr(" \t\r", line[len - 1]))
		len--;
	return !len;
}

int hnvc_request_lines(const char *text, size_t len, uint64_t first, struct hnvc_counts *counts, struct err *e)
{
	const char *end = text + len;
	int rc = 0;
	while (text < end && !rc) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		if (!blank(text, n))
			rc = line_do(text, n, counts, e);
		counts->lines += !rc;
		text += n + 1;
	}
	if (rc)
		err_prefix(e, "line %" PRIu64, first + counts->lines);
	hnvc_flush();
	int kept = hnvc_log_flush();
	if (!rc && kept)
		rc = err_set(e, -kept, NULL, "all lines are in force, but cannot be kept on disk: %s",
			     strerror(-kept));
	return rc;
}

static int number_parse(const char *text, const char *key, uint32_t *ret, struct err *e)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value > 0xffffff)
		return err_set(e, EINVAL, key, "%.32s is no virtual subnet ID", text);
	*ret = (uint32_t)value;
	return 0;
}

static int ip_or_refuse(const char *text, struct ip *ret, struct err *e)
{
	if (!ip_parse(text, ret))
		return 0;
	return err_set(e, EINVAL, "customer-address", "%.64s is no IP address", text);
}

int hnvc_request_find(const char *network, const char *vsid, const char *customer, const char *mac,
		      struct hnvc_record **ret_record, struct err *e)
{
	struct api_lookup_record a = {.provider_network = (char *)network};
	int rc = number_parse(vsid, "virtual-subnet-id", &a.virtual_subnet_id, e);
	if (!rc)
		rc = ip_or_refuse(customer, &a.customer_address, e);
	if (!rc && mac) {
		a.type = API_RECORD_L2ONLY;
		if (mac_parse(mac, &a.mac_address))
			rc = err_set(e, EINVAL, "mac-address", "%.32s is no MAC address", mac);
	}
	struct hnvc_record *r = rc ? NULL : find(&a, e);
	if (r)
		*ret_record = r;
	return rc ? rc : r ? 0 : -ENOENT;
}

struct query {
	const char *network; /* NULL: all */
	bool by_vsid, by_customer;
	uint32_t vsid;
	struct ip customer;
	size_t limit, total;
	const struct hnvc_record **found;
	size_t n;
};

static int found_add(struct query *q, const struct hnvc_record *r)
{
	q->total++;
	if (q->n == q->limit)
		return 0;
	if (!(q->n & (q->n - 1))) { /* full: 0 and powers of two */
		const struct hnvc_record **more =
			realloc(q->found, (q->n ? q->n * 2 : 1) * sizeof(struct hnvc_record *));
		if (!more)
			return -ENOMEM;
		q->found = more;
	}
	q->found[q->n++] = r;
	return 0;
}

static int subnet_collect(struct query *q, const struct hnvc_subnet *s)
{
	int rc = 0;
	if ((q->by_vsid && s->vsid != q->vsid) || (q->network && strcmp(q->network, s->network->name) != 0))
		return 0;
	if (q->by_customer && !hnv_is_unspecified(&q->customer)) {
		const struct hnvc_record *r = hnvc_held_find(s, &q->customer, NULL);
		return r ? found_add(q, r) : 0;
	}
	for (const struct hnvc_record *r = s->records; r && !rc; r = r->after)
		if (!q->by_customer || ip_equal(&r->pub.customer, &q->customer))
			rc = found_add(q, r);
	return rc;
}

static int record_compare(const void *x, const void *y)
{
	const struct hnvc_record *a = *(const struct hnvc_record *const *)x,
				 *b = *(const struct hnvc_record *const *)y;
	int c = strcmp(a->subnet->network->name, b->subnet->network->name);
	if (!c && a->subnet->vsid != b->subnet->vsid)
		c = a->subnet->vsid < b->subnet->vsid ? -1 : 1;
	if (!c)
		c = a->pub.customer.family - b->pub.customer.family;
	if (!c)
		c = memcmp(a->pub.customer.byte, b->pub.customer.byte, sizeof(a->pub.customer.byte));
	return c ? c : memcmp(&a->pub.mac, &b->pub.mac, sizeof(a->pub.mac));
}

static json_t *list_json(const struct query *q)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < q->n; i++)
		if (json_array_append_new(list, hnvc_record_json(q->found[i]))) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:o, s:I}", "records", list, "total", (json_int_t)q->total);
}

int hnvc_request_list(const char *network, const char *vsid, const char *customer, size_t limit, json_t **ret_json,
		      struct err *e)
{
	struct query q = {.network = network, .by_vsid = vsid, .by_customer = customer, .limit = limit};
	int rc = vsid ? number_parse(vsid, "virtual-subnet-id", &q.vsid, e) : 0;
	if (!rc && customer)
		rc = ip_or_refuse(customer, &q.customer, e);
	for (const struct hnvc_subnet *s = hnvc_subnets(); s && !rc; s = s->next)
		rc = subnet_collect(&q, s);
	if (!rc && q.n)
		qsort(q.found, q.n, sizeof(*q.found), record_compare);
	json_t *json = rc ? NULL : list_json(&q);
	free(q.found);
	if (!json)
		return rc ? rc : err_set(e, ENOMEM, NULL, "out of memory");
	*ret_json = json;
	return 0;
}
