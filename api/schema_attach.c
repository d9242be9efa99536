/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of what an adapter is attached to, and of a switch's uplink: both name one thing outside. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

static const char *const listen_names[] = {"guest", "host", NULL};

/* The key of the one way that is given, NULL without any; *ret_second: one that stands beside it. */
static const char *attach_way(const json_t *attach, const char **ret_second)
{
	static const char *const ways[] = {"tap", "vhost-user", "interface", "dpdk"};
	const char *first = NULL;

	*ret_second = NULL;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!json_object_get(attach, ways[i]))
			continue;
		if (first)
			*ret_second = ways[i];
		else
			first = ways[i];
	}
	return first;
}

int schema_attach_queues(const json_t *attach, struct err *e)
{
	const char *second, *way = attach_way(attach, &second);

	if (way && strcmp(way, "tap") != 0 && strcmp(way, "vhost-user") != 0)
		return err_set(e, EINVAL, "queues",
			       "only tap and vhost-user have queues to choose; leave it out beside %s", way);
	return 0;
}

/* Keys that only one of the ways has. */
static int ways_check(const json_t *json, const char *whose, struct err *e)
{
	const char *second, *way = attach_way(json, &second);

	if (second)
		return err_set(e, EINVAL, NULL, "has both `%s` and `%s`; %s", way, second, whose);
	if (json_object_get(json, "netns") && !str_equal(way, "tap"))
		return err_set(e, EINVAL, "netns", "only a tap is put into a namespace; leave it out or give `tap`");
	if (json_object_get(json, "listen") && !str_equal(way, "vhost-user"))
		return err_set(e, EINVAL, "listen",
			       "only a vhost-user socket is listened on; leave it out or give `vhost-user`");
	return json_object_get(json, "queues") ? schema_attach_queues(json, e) : 0;
}

static int attach_check_keys(const json_t *json, struct err *e)
{
	return ways_check(json, "an adapter is attached to one thing", e);
}

static int uplink_check_keys(const json_t *json, struct err *e)
{
	const char *second;

	if (!attach_way(json, &second))
		return err_set(e, EINVAL, NULL, "empty; give it `interface`, `dpdk` or `vhost-user`");
	return ways_check(json, "a switch has one uplink", e);
}

const char *api_attach_way(const struct api_attach *at, const char **ret_target)
{
	const struct {
		const char *way, *target;
	} ways[] = {
		{"tap", at->tap}, {"vhost-user", at->vhost_user}, {"interface", at->interface}, {"dpdk", at->dpdk}};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!ways[i].target)
			continue;
		if (ret_target)
			*ret_target = ways[i].target;
		return ways[i].way;
	}
	return NULL;
}

static const struct field attach_fields[] = {
	{"tap", FIELD_STRING, offsetof(struct api_attach, tap),
	 "Name of a tap interface that weftd makes, at most 15 characters.", .check = schema_check_interface},
	{"netns", FIELD_STRING, offsetof(struct api_attach, netns),
	 "Network namespace, by name, that the tap is put into. Default: weftd's own.", .check = schema_check_netns},
	{"vhost-user", FIELD_STRING, offsetof(struct api_attach, vhost_user),
	 "Absolute path of the vhost-user socket shared with the virtual machine monitor.",
	 .check = schema_check_socket},
	{"listen", FIELD_ENUM, offsetof(struct api_attach, listen),
	 "Who listens on the vhost-user socket: `guest` QEMU does and weftd connects, `host` weftd does.",
	 .fallback = API_LISTEN_GUEST, .names = listen_names},
	{"interface", FIELD_STRING, offsetof(struct api_attach, interface),
	 "An existing Linux interface, such as a libvirt tap or a container's veth.",
	 .check = schema_check_interface},
	{"dpdk", FIELD_STRING, offsetof(struct api_attach, dpdk), "DPDK device arguments.", .max = 1023},
	{"queues", FIELD_UINT, offsetof(struct api_attach, queues), "Queue pairs of a tap or vhost-user device.",
	 .min = 1, .max = 16, .fallback = 1},
	{0},
};

const struct schema schema_attach = {
	.kind = "attach",
	.help = "What an adapter is attached to: exactly one of `tap`, `vhost-user`, `interface` and `dpdk`.",
	.size = sizeof(struct api_attach),
	.fields = attach_fields,
	.check_keys = attach_check_keys,
};

static const struct field uplink_fields[] = {
	{"interface", FIELD_STRING, offsetof(struct api_attach, interface),
	 "A Linux interface, taken as it is; its own addresses move to the host's adapter or go.",
	 .check = schema_check_interface},
	{"dpdk", FIELD_STRING, offsetof(struct api_attach, dpdk),
	 "DPDK device arguments: a PCI address, or a virtual device such as `net_null0`.", .max = 1023},
	{"vhost-user", FIELD_STRING, offsetof(struct api_attach, vhost_user),
	 "Absolute path of a vhost-user socket whose other side is the wire: a firewall in a virtual machine, a traffic "
	 "generator, another switch.",
	 .check = schema_check_socket},
	{"listen", FIELD_ENUM, offsetof(struct api_attach, listen),
	 "Who listens on the vhost-user socket: `guest` the other side does and weftd connects, `host` weftd does.",
	 .fallback = API_LISTEN_GUEST, .names = listen_names},
	{"queues", FIELD_UINT, offsetof(struct api_attach, queues), "Queue pairs of the vhost-user socket.", .min = 1,
	 .max = 16, .fallback = 1},
	{0},
};

const struct schema schema_uplink = {
	.kind = "uplink",
	.help = "The one way from an external switch to the wire: exactly one of `interface`, `dpdk` and `vhost-user`. "
		"Text alone in its place names an interface.",
	.size = sizeof(struct api_attach),
	.fields = uplink_fields,
	.check_keys = uplink_check_keys,
};
