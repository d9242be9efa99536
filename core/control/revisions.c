/* SPDX-License-Identifier: Apache-2.0 */
/* The revisions in the state folder: one file each, named by number, never changed once written. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "api/document.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "core/control/store_private.h"

/* Canonical JSON of what API_TEXT_MAX lets in can be longer than the YAML that it came from. */
#define REVISION_FILE_MAX (4u * API_TEXT_MAX)

static void revision_path(uint64_t number, char path[static STORE_PATH_SIZE])
{
	snprintf(path, STORE_PATH_SIZE, "%s/revisions/%03" PRIu64 ".json", store.dir, number);
}

/* The file's object, checked to be the revision that its name says. */
static int revision_read(uint64_t number, json_t **ret_json, struct err *e)
{
	char path[STORE_PATH_SIZE], *text = NULL;
	size_t len;
	revision_path(number, path);
	int r = file_read(path, REVISION_FILE_MAX, &text, &len);
	if (r < 0)
		return err_set(e, -r, NULL, "revision %" PRIu64 " (%s) cannot be read: %s", number, path,
			       strerror(-r));

	json_error_t cause;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &cause);
	free(text);
	if (!json)
		return err_set(e, EBADMSG, NULL, "revision %" PRIu64 " (%s) is damaged: line %d: %s", number, path,
			       cause.line, cause.text);
	if ((uint64_t)json_integer_value(json_object_get(json, "revision")) != number ||
	    !json_is_integer(json_object_get(json, "previous")) ||
	    !json_is_object(json_object_get(json, "document"))) {
		json_decref(json);
		return err_set(e, EBADMSG, NULL, "revision %" PRIu64 " (%s) is damaged: it is not revision %" PRIu64,
			       number, path, number);
	}
	*ret_json = json;
	return 0;
}

static bool is_kept(uint64_t number)
{
	for (size_t i = 0; i < store.n_numbers; i++)
		if (store.numbers[i] == number)
			return true;
	return false;
}

void store_kept(char *buf, size_t size)
{
	if (store.n_numbers == 0)
		snprintf(buf, size, "none");
	else if (store.n_numbers == 1)
		snprintf(buf, size, "%" PRIu64, store.numbers[0]);
	else
		snprintf(buf, size, "%" PRIu64 " to %" PRIu64, store.numbers[0], store.numbers[store.n_numbers - 1]);
}

static int kept_check(uint64_t number, struct err *e)
{
	char kept[64];
	if (is_kept(number))
		return 0;
	store_kept(kept, sizeof(kept));
	return err_set(e, ENOENT, NULL, "revision %" PRIu64 " is not kept; kept are: %s", number, kept);
}

int store_document_load(uint64_t number, json_t **ret_document, struct err *e)
{
	json_t *json = NULL, *document;
	if (number == 0) {
		document = json_object();
		if (!document)
			return err_set(e, ENOMEM, NULL, "out of memory");
		*ret_document = document;
		return 0;
	}
	int r = kept_check(number, e);
	if (r == 0)
		r = revision_read(number, &json, e);
	if (r < 0)
		return r;
	*ret_document = json_incref(json_object_get(json, "document"));
	json_decref(json);
	return 0;
}

int store_previous(uint64_t number, uint64_t *ret_previous, struct err *e)
{
	json_t *json = NULL;
	if (number == 0)
		return err_set(e, ENOENT, NULL, "nothing was applied before: there is no revision to go back to");
	int r = revision_read(number, &json, e);
	if (r < 0)
		return r;
	*ret_previous = (uint64_t)json_integer_value(json_object_get(json, "previous"));
	json_decref(json);
	return 0;
}

/* Takes the number into the list, in order. */
static int number_add(uint64_t number)
{
	uint64_t *grown = reallocarray(store.numbers, store.n_numbers + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	store.numbers = grown;
	size_t at = store.n_numbers++;
	for (; at > 0 && grown[at - 1] > number; at--)
		grown[at] = grown[at - 1];
	grown[at] = number;
	return 0;
}

int store_revision_add(uint64_t previous, json_t *document, const char *summary, uint64_t *ret_number, struct err *e)
{
	char path[STORE_PATH_SIZE];
	uint64_t newest = store.n_numbers ? store.numbers[store.n_numbers - 1] : 0;
	uint64_t number = (newest > store.current ? newest : store.current) + 1;
	json_t *json = json_pack("{s:I, s:I, s:I, s:s, s:O}", "revision", (json_int_t)number, "previous",
				 (json_int_t)previous, "time", (json_int_t)clock_wall_ms(), "summary", summary,
				 "document", document);
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	json_decref(json);
	if (!text)
		return err_set(e, ENOMEM, NULL, "out of memory");

	revision_path(number, path);
	int r = store_file_replace(path, text, e);
	free(text);
	if (r < 0)
		return r;
	r = number_add(number);
	if (r < 0) {
		unlink(path);
		return err_set(e, -r, NULL, "out of memory");
	}
	*ret_number = number;
	return 0;
}

void store_revision_forget(uint64_t number)
{
	char path[STORE_PATH_SIZE];
	struct err e;
	revision_path(number, path);
	if (store_file_remove(path, &e) < 0) {
		log_warning("host", "%s", e.text);
		return;
	}
	size_t kept = 0;
	for (size_t i = 0; i < store.n_numbers; i++)
		if (store.numbers[i] != number)
			store.numbers[kept++] = store.numbers[i];
	store.n_numbers = kept;
}

void store_prune(void)
{
	if (store.n_numbers <= STORE_REVISIONS_KEPT)
		return;
	struct store_pending pending = {.previous = store.current};
	uint64_t previous = store.current;
	store_pending_get(NULL, &pending);
	if (store.current != 0)
		store_previous(store.current, &previous, NULL);
	for (size_t i = 0; i < store.n_numbers && store.n_numbers > STORE_REVISIONS_KEPT;) {
		uint64_t number = store.numbers[i];
		size_t before = store.n_numbers;
		if (number != store.current && number != previous && number != pending.previous)
			store_revision_forget(number);
		if (store.n_numbers == before)
			i++;
	}
}

json_t *store_revisions(void)
{
	json_t *list = json_array();
	for (size_t i = 0; i < store.n_numbers; i++) {
		uint64_t number = store.numbers[i];
		struct err e = {0};
		json_t *json = NULL;
		if (revision_read(number, &json, &e) < 0)
			json_array_append_new(list, json_pack("{s:I, s:s, s:b}", "revision", (json_int_t)number,
							      "summary", e.text, "current", number == store.current));
		else
			json_array_append_new(list,
					      json_pack("{s:I, s:O?, s:O?, s:b}", "revision", (json_int_t)number,
							"time", json_object_get(json, "time"), "summary",
							json_object_get(json, "summary"), "current",
							number == store.current));
		json_decref(json);
	}
	return list;
}

/* "007.json" -> 7; 0: not one of ours. */
static uint64_t number_of_name(const char *name)
{
	char *end, again[40];
	errno = 0;
	uint64_t number = strtoull(name, &end, 10);
	if (errno || number > STORE_REVISION_MAX)
		return 0;
	snprintf(again, sizeof(again), "%03" PRIu64 ".json", number);
	return strcmp(name, again) == 0 ? number : 0;
}

int store_scan(struct err *e)
{
	char path[STORE_PATH_SIZE];
	uint64_t current;
	snprintf(path, sizeof(path), "%s/revisions", store.dir);
	DIR *d = opendir(path);
	if (!d)
		return err_set(e, errno, NULL, "%s cannot be read: %m", path);

	bool known = store_current_read(&current, NULL) == 0; /* what is newer than it and torn never ran */
	int r = 0;
	for (struct dirent *entry; r == 0 && (entry = readdir(d));) {
		uint64_t number = number_of_name(entry->d_name);
		struct err cause;
		json_t *json = NULL;
		if (number == 0)
			continue;
		if (known && number > current) {
			if (revision_read(number, &json, &cause) < 0) {
				log_warning("host", "%s; it never ran and is removed", cause.text);
				unlinkat(dirfd(d), entry->d_name, 0);
				continue;
			}
			json_decref(json);
		}
		r = number_add(number);
	}
	closedir(d);
	return r < 0 ? err_set(e, -r, NULL, "out of memory") : 0;
}
