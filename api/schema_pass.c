/* SPDX-License-Identifier: Apache-2.0 */
/* Claims and refusals of the checks of objects against each other. */
#include "api/schema_pass.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

enum { KEY_SIZE = 512 };

struct subject subject_make(const char *plural, size_t i, const char *name)
{
	struct subject s;

	snprintf(s.path, sizeof(s.path), "%s[%zu]", plural, i);
	snprintf(s.label, sizeof(s.label), "%s (%s)", s.path, name);
	return s;
}

int pass_claim(struct pass *p, const struct subject *s, const char **ret_holder, const char *key, ...)
{
	char text[KEY_SIZE];
	va_list args;

	va_start(args, key);
	vsnprintf(text, sizeof(text), key, args);
	va_end(args);
	const json_t *held = json_object_get(p->claims, text);
	if (held) {
		*ret_holder = json_string_value(held);
		return -EEXIST;
	}
	if (json_object_set_new_nocheck(p->claims, text, json_string_nocheck(s->label)) < 0)
		return err_set(p->e, ENOMEM, NULL, "out of memory");
	return 0;
}

const char *pass_holder(const struct pass *p, const char *key, ...)
{
	char text[KEY_SIZE];
	va_list args;

	va_start(args, key);
	vsnprintf(text, sizeof(text), key, args);
	va_end(args);
	return json_string_value(json_object_get(p->claims, text));
}

int pass_refuse(struct pass *p, const struct subject *s, const char *field, const char *fmt, ...)
{
	char text[sizeof(p->e->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_set(p->e, EINVAL, field, "%s", text);
	err_prefix(p->e, "%s", s->path);
	return -EINVAL;
}

int pass_pool_check(struct pass *p, const struct subject *s, const struct mac *mac)
{
	const struct api_mac_range *range = &p->doc->host.mac_address_range;
	char text[MAC_TEXT_SIZE], low[MAC_TEXT_SIZE], high[MAC_TEXT_SIZE];
	uint64_t value = mac_to_u64(mac);

	if (value == 0 || value < mac_to_u64(&range->minimum) || value > mac_to_u64(&range->maximum))
		return 0;
	return pass_refuse(p, s, "mac-address",
			   "%s lies in host.mac-address-range (%s to %s), the host's own pool; use one outside",
			   mac_format(mac, text), mac_format(&range->minimum, low),
			   mac_format(&range->maximum, high));
}
