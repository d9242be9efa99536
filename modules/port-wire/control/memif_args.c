/* SPDX-License-Identifier: Apache-2.0 */
/* A memif device's arguments: "net_memif0,role=server,socket=/run/x.sock,socket-abstract=no,id=3,...". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "modules/port-wire/control/memif.h"

#define DRIVER "net_memif"
#define SOCKET_DEFAULT "/run/memif.sock" /* the driver's; it is abstract unless told otherwise */

static const char *without_bus(const char *device) { return strncmp(device, "vdev:", 5) ? device : device + 5; }

/* The value's length if the argument at `text` has this key, its place in *ret_value. -1: another key. */
static int value_of(const char *text, const char *key, const char **ret_value)
{
	size_t len = strlen(key);
	if (strncmp(text, key, len) != 0 || text[len] != '=')
		return -1;
	*ret_value = text + len + 1;
	return (int)strcspn(*ret_value, ",");
}

/* The driver looks for these words anywhere in the value, in this order. */
static bool has_word(const char *value, int len, const char *word)
{
	return memmem(value, (size_t)len, word, strlen(word));
}

static void argument_read(const char *text, struct memif_args *a)
{
	const char *value;
	int len = value_of(text, "role", &value);
	if (len >= 0)
		a->serves = has_word(value, len, "server") ||
			    (!has_word(value, len, "client") && has_word(value, len, "master"));
	len = value_of(text, "socket-abstract", &value);
	if (len >= 0)
		a->abstract = has_word(value, len, "yes");
	len = value_of(text, "id", &value);
	if (len >= 0)
		a->id = (uint32_t)strtoul(value, NULL, 10);
	len = value_of(text, "socket", &value);
	if (len >= 0)
		snprintf(a->path, sizeof(a->path), "%.*s", (size_t)len < sizeof(a->path) - 1 ? len : 0, value);
}

bool memif_args_read(const char *device, struct memif_args *ret_args)
{
	struct memif_args a = {.device = device, .abstract = true, .path = SOCKET_DEFAULT};
	if (strncmp(without_bus(device), DRIVER, strlen(DRIVER)) != 0)
		return false;
	for (const char *at = strchr(device, ','); at; at = strchr(at + 1, ','))
		argument_read(at + 1, &a);
	*ret_args = a;
	return true;
}

char *memif_args_move(const char *device, const char *path)
{
	struct str s = {0};
	const char *value;
	str_add(&s, "%.*s", (int)strcspn(device, ","), device);
	for (const char *at = strchr(device, ','); at; at = strchr(at + 1, ',')) {
		if (value_of(at + 1, "socket", &value) < 0 && value_of(at + 1, "socket-abstract", &value) < 0)
			str_add(&s, "%.*s", 1 + (int)strcspn(at + 1, ","), at);
	}
	str_add(&s, ",socket=%s,socket-abstract=no", path);
	return str_take(&s);
}
