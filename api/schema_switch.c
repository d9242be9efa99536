/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a switch. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

/* `uplink: eth1` for `uplink: {interface: eth1}`. */
static int uplink_special(const json_t *value, void *object, struct err *e)
{
	struct api_switch *sw = object;

	if (!json_is_string(value))
		return 0;
	json_t *spelled = json_pack("{s:O}", "interface", value);
	if (!spelled)
		return err_set(e, ENOMEM, NULL, "out of memory");
	int r = schema_decode(&schema_uplink, spelled, &sw->uplink, e);
	json_decref(spelled);
	if (r < 0 && e && strcmp(e->path, "interface") == 0)
		e->path[0] = '\0'; /* the document has no such key */
	return r < 0 ? r : 1;
}

static int uplink_unspecial(const void *object, json_t **value)
{
	const struct api_switch *sw = object;

	if (!sw->uplink.interface)
		return 0;
	json_decref(*value);
	*value = json_string(sw->uplink.interface);
	return *value ? 0 : -ENOMEM;
}

static const char *const type_names[] = {"external", "internal", "private", NULL};

static int switch_check(const void *object, struct err *e)
{
	const struct api_switch *sw = object;
	bool uplink = api_attach_way(&sw->uplink, NULL) != NULL;

	if (sw->type == API_SWITCH_EXTERNAL && !uplink)
		return err_set(e, EINVAL, "uplink",
			       "missing; an external switch needs an interface or a device "
			       "(or is it `type: internal`?)");
	if (sw->type != API_SWITCH_EXTERNAL && uplink)
		return err_set(e, EINVAL, "uplink",
			       "a switch of type %s has none; leave it out or say `type: external`",
			       type_names[sw->type]);
	if (sw->type == API_SWITCH_PRIVATE && sw->allow_management_os == API_TRUE)
		return err_set(e, EINVAL, "allow-management-os",
			       "a private switch is for guests only; leave it out or say `type: internal`");
	return 0;
}

static const struct field switch_fields[] = {
	{"name", FIELD_STRING, offsetof(struct api_switch, name),
	 "What the switch is called; letters, digits, '.', '_' and '-'.", .required = true, .max = 63,
	 .check = schema_check_name},
	{"type", FIELD_ENUM, offsetof(struct api_switch, type),
	 "Whom it joins: `external` guests, host and wire, `internal` guests and host, `private` guests only.",
	 .required = true, .names = type_names},
	{"uplink", FIELD_OBJECT, offsetof(struct api_switch, uplink),
	 "The way to the wire; an external switch has it, no other may.", .object = &schema_uplink,
	 .special = uplink_special, .unspecial = uplink_unspecial, .also = "the name of an interface"},
	{"allow-management-os", FIELD_TRISTATE, offsetof(struct api_switch, allow_management_os),
	 "Whether the switch makes a host adapter named like itself. Default: true for an external switch whose uplink "
	 "carries the host's address, else false."},
	{"mtu", FIELD_UINT, offsetof(struct api_switch, mtu),
	 "Largest IP packet in bytes. Default: the uplink's; 1500 without an uplink.", .min = 68, .max = 65535},
	{"purpose", FIELD_STRING, offsetof(struct api_switch, purpose),
	 "Free text for people, such as `iscsi`. Default: none."},
	{0},
};

const struct schema api_schema_switch = {
	.kind = "switch",
	.plural = "switches",
	.help = "A virtual Ethernet switch.",
	.size = sizeof(struct api_switch),
	.fields = switch_fields,
	.check = switch_check,
};
