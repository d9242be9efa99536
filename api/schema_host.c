/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the host itself. */
#include <errno.h>

#include "api/schema_private.h"
#include "base/err.h"

static int mac_range_check(const void *object, struct err *e)
{
	const struct api_mac_range *range = object;
	uint64_t low = mac_to_u64(&range->minimum), high = mac_to_u64(&range->maximum);
	char low_text[MAC_TEXT_SIZE], high_text[MAC_TEXT_SIZE];

	mac_format(&range->minimum, low_text);
	mac_format(&range->maximum, high_text);
	if (low > high)
		return err_set(e, EINVAL, "minimum", "%s is above the maximum %s", low_text, high_text);
	if (low >> 24 != high >> 24)
		return err_set(e, EINVAL, "maximum",
			       "%s has another vendor part (first three bytes) than the minimum %s", high_text,
			       low_text);
	return 0;
}

static const struct field mac_range_fields[] = {
	{"minimum", FIELD_MAC, offsetof(struct api_mac_range, minimum), "The first address handed out.",
	 .required = true, .check = schema_check_mac},
	{"maximum", FIELD_MAC, offsetof(struct api_mac_range, maximum),
	 "The last address handed out; its first three bytes are those of the minimum.", .required = true,
	 .check = schema_check_mac},
	{0},
};

const struct schema schema_mac_range = {
	.kind = "mac-address-range",
	.help = "The dynamic MAC addresses of a host. Adapters without a `mac-address` get theirs from here and keep it.",
	.size = sizeof(struct api_mac_range),
	.fields = mac_range_fields,
	.check = mac_range_check,
};

static const struct field host_fields[] = {
	{"name", FIELD_STRING, offsetof(struct api_host, name),
	 "What the host is called; letters, digits, '.', '_' and '-'. Default: the machine's host name.", .max = 63,
	 .check = schema_check_name},
	{"mac-address-range", FIELD_OBJECT, offsetof(struct api_host, mac_address_range),
	 "The pool of dynamic MAC addresses. Default: 256 addresses under 00:15:5d, chosen by the host's name.",
	 .object = &schema_mac_range},
	{0},
};

const struct schema api_schema_host = {
	.kind = "host",
	.help = "The machine that the document describes.",
	.size = sizeof(struct api_host),
	.fields = host_fields,
};
