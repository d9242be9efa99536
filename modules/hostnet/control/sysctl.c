/* SPDX-License-Identifier: Apache-2.0 */
/* See sysctl.h. Interface names cannot hold a '/', so the path needs no escaping. */
#include "modules/hostnet/control/sysctl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

static void path_of(const char *family, const char *ifname, const char *key, char buf[static 128])
{
	snprintf(buf, 128, "/proc/sys/net/%s/conf/%s/%s", family, ifname, key);
}

int sysctl_read(const char *family, const char *ifname, const char *key, int fallback)
{
	char path[128], *text = NULL;
	size_t len;
	path_of(family, ifname, key, path);
	if (file_read(path, 64, &text, &len) < 0)
		return fallback;
	int value = atoi(text);
	free(text);
	return value;
}

int sysctl_write(const char *family, const char *ifname, const char *key, int value)
{
	char path[128], text[16];
	path_of(family, ifname, key, path);
	snprintf(text, sizeof(text), "%d", value);
	return file_write(path, text);
}
