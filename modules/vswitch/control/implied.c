/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/implied.h"

#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "api/document.h"
#include "base/str.h"
#include "core/control/engine.h"
#include "modules/vswitch/control/plan.h"

#define FACT "host-adapters"

static json_t *known; /* {switch: {"interface": ..., "mac-address": ...}} */

static bool is_host_address(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return true;
	return sa->sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/* The interface's MAC, and whether it carries an address of the host. */
static bool interface_read(const char *name, struct mac *ret_mac)
{
	struct ifaddrs *list;
	bool address = false;
	if (getifaddrs(&list))
		return false;
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || strcmp(i->ifa_name, name) != 0)
			continue;
		if (i->ifa_addr->sa_family == AF_PACKET)
			memcpy(ret_mac->byte, ((struct sockaddr_ll *)(void *)i->ifa_addr)->sll_addr, 6);
		else if (is_host_address(i->ifa_addr))
			address = true;
	}
	freeifaddrs(list);
	return address;
}

/* What was decided when the switch was made on this interface. */
static bool remembered(const struct api_switch *sw, struct implied *ret)
{
	const json_t *o = json_object_get(known, sw->name);
	const char *interface = json_string_value(json_object_get(o, "interface"));
	const char *mac = json_string_value(json_object_get(o, "mac-address"));
	if (!o || !interface || (*interface && !str_equal(interface, sw->uplink.interface)))
		return false;
	snprintf(ret->interface, sizeof(ret->interface), "%s", interface);
	if (mac)
		mac_parse(mac, &ret->mac);
	return true;
}

bool implied_find(const struct api_switch *sw, struct implied *ret)
{
	struct implied found = {0};
	if (sw->type == API_SWITCH_PRIVATE || sw->allow_management_os == API_FALSE)
		return false;
	if (sw->type == API_SWITCH_INTERNAL || !sw->uplink.interface) {
		*ret = found;
		return sw->allow_management_os == API_TRUE;
	}
	if (!remembered(sw, &found)) {
		bool address = interface_read(sw->uplink.interface, &found.mac);
		if (!address && sw->allow_management_os != API_TRUE)
			return false;
		if (address)
			snprintf(found.interface, sizeof(found.interface), "%s", sw->uplink.interface);
	}
	*ret = found;
	return true;
}

void implied_load(void)
{
	json_decref(known);
	known = engine_fact_get(FACT);
	if (!json_is_object(known)) {
		json_decref(known);
		known = json_object();
	}
}

/* What the plan made of the switch; false: it has no host adapter of its own making. */
static bool decided(const struct vs_plan *plan, const struct api_switch *sw, struct implied *ret)
{
	const struct vs_adapter *a = vs_plan_find(plan, sw->name);
	if (!sw->uplink.interface || !a || (!a->pub.implied && !a->pub.takes_over[0]))
		return false;
	*ret = (struct implied){.mac = a->pub.mac};
	snprintf(ret->interface, sizeof(ret->interface), "%s", a->pub.takes_over);
	return true;
}

void implied_store(const struct api_document *doc, const struct vs_plan *plan)
{
	json_t *next = json_object();
	for (size_t i = 0; i < doc->n_switches; i++) {
		struct implied im;
		char mac[MAC_TEXT_SIZE];
		if (!decided(plan, &doc->switches[i], &im))
			continue;
		json_t *o = json_pack("{s:s}", "interface", im.interface);
		if (im.interface[0])
			json_object_set_new(o, "mac-address", json_string(mac_format(&im.mac, mac)));
		json_object_set_new(next, doc->switches[i].name, o);
	}
	if (!json_equal(known, next))
		engine_fact_set(FACT, next);
	json_decref(known);
	known = next;
}
