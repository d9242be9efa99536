/* SPDX-License-Identifier: Apache-2.0 */
/* What is: the document's objects and those that came along, with what ports and modules say of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "core/control/engine.h"
#include "core/control/module.h"
#include "core/http/inventory.h"
#include "core/http/server.h"
#include "core/http/version.h"

static const char *const switch_types[] = {
	[API_SWITCH_EXTERNAL] = "external",
	[API_SWITCH_INTERNAL] = "internal",
	[API_SWITCH_PRIVATE] = "private",
};

/* The port's own words behind what is in the object, `link` first, nothing overwritten. */
static void port_status(struct port *port, json_t *object)
{
	json_t *said = json_object();
	if (port && port->ops->status)
		port->ops->status(port, said);
	json_t *link = json_object_get(said, "link");
	json_object_set_new(object, "link", link ? json_incref(link) : json_string("unknown"));
	json_object_update_missing(object, said);
	json_decref(said);
}

static json_t *host_status(const struct inventory *inv)
{
	json_t *host = json_pack("{s:o, s:I, s:s, s:I}", "name", http_text(inventory_host_name(inv->doc)), "revision",
				 (json_int_t)engine_revision(), "version", WEFT_VERSION, "uptime",
				 (json_int_t)inventory_uptime_s());
	if (engine_unconfirmed_s())
		json_object_set_new(host, "unconfirmed-seconds", json_integer(engine_unconfirmed_s()));
	return host;
}

struct said {
	const struct api_switch *sw;
	const struct api_adapter *ad;
	json_t *object;
};

static int ask_module(struct module *m, void *arg)
{
	const struct said *s = arg;
	if (s->sw && m->status_switch)
		m->status_switch(s->sw, s->object);
	if (s->ad && m->status_adapter)
		m->status_adapter(s->ad, s->object);
	return 0;
}

static json_t *switch_status(const struct inventory *inv, const struct api_switch *sw)
{
	json_t *object = json_pack("{s:o, s:s}", "name", http_text(sw->name), "type", switch_types[sw->type]);
	const char *uplink;
	if (api_attach_way(&sw->uplink, &uplink)) {
		const struct dp_switch *dp = inventory_switch(inv, sw->name);
		json_object_set_new(object, "uplink", http_text(uplink));
		port_status(dp && dp->uplink ? dp->uplink->port : NULL, object);
	}
	modules_each(ask_module, &(struct said){.sw = sw, .object = object});
	return object;
}

static const char *owner_of(const struct inventory_item *item)
{
	if (item->doc)
		return item->doc->owner == API_OWNER_VM ? "vm" : "host";
	return item->dp->role == PORT_UPLINK ? "wire" : "host";
}

static json_t *adapter_status(const struct inventory_item *item)
{
	char mac[MAC_TEXT_SIZE];
	struct port *port = item->dp ? item->dp->port : NULL;
	struct mac address = item->dp ? item->dp->mac : item->doc->mac_address;
	json_t *object = json_pack("{s:o, s:o, s:s}", "name", http_text(item->name), "switch",
				   http_text(inventory_switch_name(item)), "owner", owner_of(item));
	if (mac_is_zero(&address) && port)
		address = port->mac;
	if (!mac_is_zero(&address))
		json_object_set_new(object, "mac-address", json_string(mac_format(&address, mac)));
	if (port)
		json_object_set_new(object, "kind", json_string(port->ops->kind));
	port_status(port, object);
	if (!json_object_get(object, "not-enforced"))
		json_object_set_new(object, "not-enforced", json_array());
	/* A host's adapter that allow-management-os made is in no document; to the modules it looks as if it were. */
	struct api_adapter made = {.name = (char *)item->name, .owner = API_OWNER_HOST};
	bool implied = !item->doc && item->dp->role == PORT_HOST;
	modules_each(ask_module, &(struct said){.ad = implied ? &made : item->doc, .object = object});
	return object;
}

static json_t *switches_status(const struct inventory *inv)
{
	json_t *list = json_array();
	for (size_t i = 0; inv->doc && i < inv->doc->n_switches; i++)
		json_array_append_new(list, switch_status(inv, &inv->doc->switches[i]));
	return list;
}

static json_t *adapters_status(const struct inventory *inv)
{
	json_t *list = json_array();
	for (size_t i = 0; i < inv->n; i++)
		json_array_append_new(list, adapter_status(&inv->list[i]));
	return list;
}

static int ask_kinds(struct module *m, void *object)
{
	if (m->status)
		m->status(object);
	return 0;
}

/* A list that modules know, by either spelling; of it the object called name. */
static int kind_status(const char *kind, const char *name, json_t **ret_json, struct err *e)
{
	json_t *all = json_object(), *list, *object, *found = NULL;
	const char *key;
	size_t i;
	modules_each(ask_kinds, all);
	json_object_foreach(all, key, list) {
		size_t len = strlen(key) - 1; /* without the s */
		if (strncmp(kind, key, len) != 0 || (kind[len] && strcmp(kind + len, "s") != 0))
			continue;
		found = name ? NULL : json_incref(list);
		json_array_foreach(list, i, object)
			if (name && !found && !strcmp(json_string_value(json_object_get(object, "name")), name))
				found = json_incref(object);
		if (!found)
			err_set(e, ENOENT, NULL, "there is no %.*s %.64s", (int)len, key, name);
		break;
	}
	if (!found && !*e->text)
		err_set(e, ENOENT, NULL,
			"%.64s has no status; use host, switch, adapter or a kind that `status` lists", kind);
	json_decref(all);
	*ret_json = found;
	return found ? 0 : -ENOENT;
}

static int status_of(const struct inventory *inv, const char *kind, const char *name, json_t **ret_json,
		     struct err *e)
{
	if (!kind) {
		*ret_json = json_pack("{s:o, s:o, s:o}", "host", host_status(inv), "switches", switches_status(inv),
				      "adapters", adapters_status(inv));
		modules_each(ask_kinds, *ret_json);
	} else if (!strcmp(kind, "host")) {
		if (name && strcmp(name, inventory_host_name(inv->doc)) != 0)
			return err_set(e, ENOENT, NULL, "this host is %s, not %.64s", inventory_host_name(inv->doc),
				       name);
		*ret_json = host_status(inv);
	} else if (inventory_kind(kind, "switch")) {
		const struct api_switch *sw = name && inv->doc ? api_document_switch(inv->doc, name) : NULL;
		if (name && !sw)
			return err_set(e, ENOENT, NULL, "there is no switch %.64s", name);
		*ret_json = sw ? switch_status(inv, sw) : switches_status(inv);
	} else if (inventory_kind(kind, "adapter")) {
		const struct inventory_item *item = name ? inventory_find(inv, name) : NULL;
		if (name && !item)
			return err_set(e, ENOENT, NULL, "there is no adapter %.64s", name);
		*ret_json = item ? adapter_status(item) : adapters_status(inv);
	} else {
		return kind_status(kind, name, ret_json, e);
	}
	return 0;
}

static void status_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct inventory inv = {0};
	int code = inventory_collect(&inv);
	if (code == 0)
		code = status_of(&inv, r->arg[0], r->arg[1], &ret->json, &e);
	if (code < 0)
		http_problem(ret, code, &e);
	inventory_free(&inv);
}
ROUTE(status_all, "GET", "/v1/status", status_get, "What is, of the host and all its objects.", NULL)
ROUTE(status_kind, "GET", "/v1/status/*", status_get,
      "What is, of one kind: host, switch, adapter, or one that a module adds.", NULL)
ROUTE(status_one, "GET", "/v1/status/*/*", status_get, "What is, of one object.", NULL)
