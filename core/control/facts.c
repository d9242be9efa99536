/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: small durable values of modules, a file each, beside the revisions. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "core/control/engine.h"
#include "core/control/store_private.h"

#define FACT_MAX (16u << 20)
#define FACT_NAME_MAX 64

/* -EINVAL: not a name, -ESHUTDOWN: no state folder is open. */
static int fact_path(const char *name, char path[static STORE_PATH_SIZE])
{
	size_t len = strlen(name);
	if (len == 0 || len > FACT_NAME_MAX)
		return -EINVAL;
	for (const char *c = name; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-')
			return -EINVAL;
	if (!store_dir())
		return -ESHUTDOWN;
	snprintf(path, STORE_PATH_SIZE, "%s/facts/%s.json", store.dir, name);
	return 0;
}

json_t *engine_fact_get(const char *name)
{
	char path[STORE_PATH_SIZE], *text = NULL;
	size_t len;
	if (fact_path(name, path) < 0)
		return NULL;
	int r = file_read(path, FACT_MAX, &text, &len);
	if (r == -ENOENT)
		return NULL;
	json_error_t cause = {0};
	json_t *value = r == 0 ? json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &cause) : NULL;
	if (!value)
		log_error("host", "%s cannot be used: %s", path, r < 0 ? strerror(-r) : cause.text);
	free(text);
	return value;
}

int engine_fact_set(const char *name, json_t *value)
{
	char path[STORE_PATH_SIZE];
	struct err e = {0};
	int r = fact_path(name, path);
	if (r < 0)
		return r;
	if (!value) {
		r = store_file_remove(path, &e);
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(1));
		if (!text)
			return -ENOMEM;
		r = store_file_replace(path, text, &e);
		free(text);
	}
	if (r < 0)
		log_error("host", "%s", e.text);
	return r;
}
