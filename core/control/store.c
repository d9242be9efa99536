/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: who owns it, which revision runs, what waits to be confirmed. See store.h. */
#include "core/control/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "core/control/store_private.h"

#define GUARD_WAIT_MS 5000
#define LOCK_WAIT_MS 3000 /* a killed weftd holds it until the kernel has taken its memory apart */
#define LOCK_STEP_MS 50
#define SMALL_FILE_MAX 4096

struct store store = {.lock_fd = -1, .lock_wait_ms = LOCK_WAIT_MS};

const char *store_dir(void) { return store.lock_fd >= 0 ? store.dir : NULL; }

int store_file_replace(const char *path, const char *text, struct err *e)
{
	size_t len = strlen(text);
	int r = file_replace(path, text, len, 0600);
	if (r == 0)
		return 0;

	char *there = NULL;
	size_t there_len;
	bool visible = file_read(path, len, &there, &there_len) == 0 && there_len == len && !memcmp(there, text, len);
	free(there);
	if (!visible)
		return err_set(e, -r, NULL, "%s cannot be written: %s", path, strerror(-r));
	log_warning("host", "%s is written, but the disk does not say that it will keep it: %s", path, strerror(-r));
	return 0;
}

int store_file_remove(const char *path, struct err *e)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, NULL, "%s cannot be removed: %m", path);

	char folder[STORE_PATH_SIZE];
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		log_warning("host", "%s is removed, but the disk does not say that it will stay so: %m", path);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* Removes what a file_replace left beside `base` (a pattern) when it was cut short. */
static void sweep(const char *folder, const char *base)
{
	char pattern[64];
	snprintf(pattern, sizeof(pattern), "%s.??????", base);
	DIR *d = opendir(folder);
	for (struct dirent *entry; d && (entry = readdir(d));)
		if (fnmatch(pattern, entry->d_name, 0) == 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

static int folders_make(struct err *e)
{
	static const char *const below[] = {"", "/revisions", "/facts"};
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		char path[STORE_PATH_SIZE];
		snprintf(path, sizeof(path), "%s%s", store.dir, below[i]);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, NULL, "the state folder %s cannot be made: %m", path);
	}
	return 0;
}

/* Who has the lock, as text for people: "1234 weftd". */
static void lock_holder(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* How long `owner` waits for `holder` to end, in ms. A guard waits for nobody: whoever has the folder takes care of it. */
static unsigned lock_patience(const char *owner, const char *holder)
{
	if (!strcmp(owner, STORE_OWNER_GUARD))
		return 0;
	return strstr(holder, STORE_OWNER_GUARD) ? GUARD_WAIT_MS : store.lock_wait_ms;
}

/* The lock goes with the descriptor, so it ends with the process however that ends. */
static int lock_take(const char *owner, int *ret_fd, struct err *e)
{
	char path[STORE_PATH_SIZE], holder[64];
	snprintf(path, sizeof(path), "%s/lock", store.dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, NULL, "%s cannot be opened: %m", path);

	for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
		int r = errno == EWOULDBLOCK ? EBUSY : errno;
		lock_holder(fd, holder, sizeof(holder));
		if (r == EBUSY && waited < lock_patience(owner, holder)) {
			usleep(LOCK_STEP_MS * 1000);
			continue;
		}
		close(fd);
		if (r == EBUSY)
			return err_set(
				e, EBUSY, NULL,
				"the state folder %s is in use by process %s, which does not end; stop it, or give --state another folder",
				store.dir, holder);
		return err_set(e, r, NULL, "%s cannot be locked: %s", path, strerror(r));
	}

	int len = snprintf(holder, sizeof(holder), "%d %s\n", (int)getpid(), owner);
	/* Only for people to read: a full disk must not keep weftd from starting. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, holder, (size_t)len, 0) < 0)
		log_warning("host", "%s cannot be written: %m", path);
	*ret_fd = fd;
	return 0;
}

int store_open(const char *dir, const char *owner, struct err *e)
{
	if (strlen(dir) >= STORE_DIR_SIZE)
		return err_set(e, ENAMETOOLONG, NULL, "the state folder's path is longer than %d bytes",
			       STORE_DIR_SIZE - 1);
	snprintf(store.dir, sizeof(store.dir), "%s", dir);
	int r = folders_make(e);
	if (r < 0)
		return r;
	r = lock_take(owner, &store.lock_fd, e);
	if (r < 0)
		return r;

	char path[STORE_PATH_SIZE];
	sweep(store.dir, "current");
	sweep(store.dir, "pending.json");
	snprintf(path, sizeof(path), "%s/revisions", store.dir);
	sweep(path, "*.json");
	snprintf(path, sizeof(path), "%s/facts", store.dir);
	sweep(path, "*.json");
	r = store_scan(e);
	if (r < 0)
		store_close();
	return r;
}

void store_close(void)
{
	if (store.lock_fd < 0)
		return;
	close(store.lock_fd);
	store.lock_fd = -1;
	free(store.numbers);
	store.numbers = NULL;
	store.n_numbers = 0;
	store.current = 0;
}

int store_current_read(uint64_t *ret_number, struct err *e)
{
	char path[STORE_PATH_SIZE], *text = NULL, *end;
	size_t len;
	snprintf(path, sizeof(path), "%s/current", store.dir);
	int r = file_read(path, SMALL_FILE_MAX, &text, &len);
	if (r == -ENOENT) {
		*ret_number = 0;
		return 0;
	}
	if (r < 0)
		return err_set(e, -r, NULL, "%s cannot be read: %s", path, strerror(-r));

	errno = 0;
	uint64_t number = strtoull(text, &end, 10);
	bool good = text[0] >= '0' && text[0] <= '9' && errno == 0 && (!*end || !strcmp(end, "\n")) &&
		    (size_t)(end - text) + (*end == '\n') == len && number <= STORE_REVISION_MAX;
	free(text);
	if (!good)
		return err_set(e, EBADMSG, NULL, "%s does not hold a revision's number", path);
	*ret_number = number;
	return 0;
}

int store_current_load(uint64_t *ret_number, json_t **ret_document, struct err *e)
{
	uint64_t number = 0;
	struct err cause = {0};
	json_t *document = NULL;
	int r = store_current_read(&number, &cause);
	if (r == 0)
		r = store_document_load(number, &document, &cause);
	if (r < 0) {
		char kept[64];
		store_kept(kept, sizeof(kept));
		return err_set(
			e, -r, NULL,
			"%s; to recover, write the number of a revision that is whole into %s/current (kept: %s), or "
			"remove that file to start with an empty document",
			cause.text, store.dir, kept);
	}
	store.current = number;
	*ret_number = number;
	*ret_document = document;
	return 0;
}

int store_current_set(uint64_t number, struct err *e)
{
	char path[STORE_PATH_SIZE], text[32];
	snprintf(path, sizeof(path), "%s/current", store.dir);
	snprintf(text, sizeof(text), "%" PRIu64 "\n", number);
	int r = store_file_replace(path, text, e);
	if (r < 0)
		return r;
	store.current = number;
	return 0;
}

static void pending_path(const char *dir, char path[static STORE_PATH_SIZE])
{
	snprintf(path, STORE_PATH_SIZE, "%s/pending.json", dir ? dir : store.dir);
}

bool store_pending_get(const char *dir, struct store_pending *ret)
{
	char path[STORE_PATH_SIZE], *text = NULL;
	size_t len;
	pending_path(dir, path);
	if (file_read(path, SMALL_FILE_MAX, &text, &len) < 0)
		return false;

	json_int_t previous, deadline, within;
	json_t *json = json_loadb(text, len, 0, NULL);
	bool good = json_unpack(json, "{s:I, s:I, s:I}", "previous", &previous, "deadline", &deadline,
				"confirm-within", &within) == 0 &&
		    previous >= 0 && deadline >= 0 && within >= 0 && within <= UINT32_MAX;
	if (good)
		*ret = (struct store_pending){.previous = (uint64_t)previous,
					      .deadline_ms = (uint64_t)deadline,
					      .within_s = (uint32_t)within};
	else
		log_error("host", "%s is damaged: the change that it speaks of counts as confirmed", path);
	json_decref(json);
	free(text);
	return good;
}

int store_pending_set(const struct store_pending *p, struct err *e)
{
	char path[STORE_PATH_SIZE], text[160];
	pending_path(NULL, path);
	if (!p)
		return store_file_remove(path, e);
	snprintf(text, sizeof(text),
		 "{\"previous\": %" PRIu64 ", \"deadline\": %" PRIu64 ", \"confirm-within\": %u}\n", p->previous,
		 p->deadline_ms, p->within_s);
	return store_file_replace(path, text, e);
}
