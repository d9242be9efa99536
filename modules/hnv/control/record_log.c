/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/control/record_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_hash_crc.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/log.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"

#define MAGIC "WEFTREC1"
#define MAGIC_SIZE 8
#define HEAD_SIZE 8 /* length and checksum */
#define PAYLOAD_MAX 2048
#define SLACK 4096 /* entries that a log may have too many, however short it is */
#define PIECE_CHANGE 64 /* places looked at with every flush while the log is written anew */
#define PIECE_TICK 65536
#define PATH_SIZE 4096

struct file {
	int fd; /* -1: none */
	uint64_t size; /* bytes that are good */
	uint64_t entries;
	struct str pending; /* not written yet */
	uint64_t pending_entries;
};

static struct file log_file = {.fd = -1};
static struct file anew = {.fd = -1}; /* the next log; holds what was set since, and places before `cursor` */
static uint64_t cursor;
static bool copied; /* all places are in `anew` */
static char path[PATH_SIZE], path_anew[PATH_SIZE];

/* The thread that waits for the disk: at most one. */
static enum { SYNC_IDLE, SYNC_RUNS, SYNC_DONE } _Atomic sync_state;
static int sync_fd, sync_errno;
static bool sync_wanted, sync_anew;
static pthread_t sync_thread;

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* len is at most PAYLOAD_MAX. The function wants its bytes aligned. */
static uint32_t checksum(const void *payload, size_t len)
{
	uint64_t aligned[PAYLOAD_MAX / sizeof(uint64_t)];
	memcpy(aligned, payload, len);
	return rte_hash_crc(aligned, (uint32_t)len, UINT32_MAX);
}

static void entry_add(struct file *f, const void *payload, size_t len)
{
	uint32_t head[2] = {htobe32((uint32_t)len), htobe32(checksum(payload, len))};
	str_add_bytes(&f->pending, head, sizeof(head));
	str_add_bytes(&f->pending, payload, len);
	f->pending_entries++;
}

/* Half a write is taken back, so that what comes next is read after what came before. */
static int file_flush(struct file *f)
{
	if (f->pending.failed) {
		str_free(&f->pending);
		f->pending_entries = 0;
		return -ENOMEM;
	}
	int rc = write_all(f->fd, f->pending.text, f->pending.len);
	if (rc) {
		if (ftruncate(f->fd, (off_t)f->size) || lseek(f->fd, (off_t)f->size, SEEK_SET) < 0)
			log_error("host", "the record log cannot be cut: %s", strerror(errno));
		return rc;
	}
	f->size += f->pending.len;
	f->entries += f->pending_entries;
	f->pending.len = f->pending_entries = 0;
	if (f->pending.cap > 1u << 20)
		str_free(&f->pending);
	return 0;
}

static void file_close(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	str_free(&f->pending);
	*f = (struct file){.fd = -1};
}

static void note(const struct hnvc_record *r, bool remove)
{
	struct str payload = {0};
	if (log_file.fd < 0)
		return;
	hnvc_entry_encode(&payload, r, remove);
	if (payload.failed) {
		log_file.pending.failed = true;
	} else {
		entry_add(&log_file, payload.text, payload.len);
		if (anew.fd >= 0)
			entry_add(&anew, payload.text, payload.len);
	}
	str_free(&payload);
}

void hnvc_log_set(const struct hnvc_record *r) { note(r, false); }

void hnvc_log_remove(const struct hnvc_record *r) { note(r, true); }

uint64_t hnvc_log_bytes(void) { return log_file.size; }

static void anew_give_up(void)
{
	file_close(&anew);
	unlink(path_anew);
}

/* The next places in memory go into the new log. */
static void anew_copy(uint64_t places)
{
	struct str payload = {0};
	for (bool end = false; places && !copied; places--) {
		const struct hnvc_record *r = hnvc_held_at(cursor++, &end);
		copied = end;
		if (!r || r->owner != OWNER_API)
			continue;
		payload.len = 0;
		hnvc_entry_encode(&payload, r, false);
		if (payload.failed) {
			anew.pending.failed = true;
			break;
		}
		entry_add(&anew, payload.text, payload.len);
	}
	str_free(&payload);
	if (file_flush(&anew))
		anew_give_up();
}

static void anew_begin(void)
{
	anew.fd = open(path_anew, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cursor = 0;
	copied = false;
	if (anew.fd < 0)
		return;
	if (write_all(anew.fd, MAGIC, MAGIC_SIZE))
		anew_give_up();
	else
		anew.size = MAGIC_SIZE;
}

int hnvc_log_flush(void)
{
	if (log_file.fd < 0 || (!log_file.pending.len && !log_file.pending.failed))
		return 0;
	int rc = file_flush(&log_file);
	sync_wanted = true;
	if (anew.fd >= 0 && !copied)
		anew_copy(PIECE_CHANGE);
	else if (anew.fd >= 0 && file_flush(&anew))
		anew_give_up();
	if (rc)
		log_error("host", "lookup records cannot be kept in %s: %s", path, strerror(-rc));
	return rc;
}

static void *sync_run(void *arg)
{
	sync_errno = fdatasync(sync_fd) ? errno : 0;
	close(sync_fd);
	atomic_store(&sync_state, SYNC_DONE);
	return NULL;
}

static void sync_begin(int fd, bool is_anew)
{
	sync_fd = dup(fd);
	if (sync_fd < 0)
		return;
	sync_anew = is_anew;
	atomic_store(&sync_state, SYNC_RUNS);
	if (pthread_create(&sync_thread, NULL, sync_run, NULL)) {
		close(sync_fd);
		atomic_store(&sync_state, SYNC_IDLE);
	} else if (!is_anew) {
		sync_wanted = false;
	}
}

/* The new log is on the disk as far as it goes; what came meanwhile is in both. */
static void anew_take_over(void)
{
	int rc = file_flush(&anew);
	if (!rc && rename(path_anew, path))
		rc = -errno;
	if (rc) {
		log_error("host", "the record log cannot be written anew: %s", strerror(-rc));
		anew_give_up();
		return;
	}
	file_close(&log_file);
	log_file = anew;
	anew = (struct file){.fd = -1};
	sync_wanted = true;
}

static void sync_end(void)
{
	if (atomic_load(&sync_state) != SYNC_DONE)
		return;
	pthread_join(sync_thread, NULL);
	atomic_store(&sync_state, SYNC_IDLE);
	if (sync_errno)
		log_error("host", "%s is not safely on the disk: %s", path, strerror(sync_errno));
	if (sync_anew && anew.fd >= 0 && !sync_errno)
		anew_take_over();
	else if (sync_anew && anew.fd >= 0)
		anew_give_up();
}

void hnvc_log_tick(void)
{
	if (log_file.fd < 0)
		return;
	(void)hnvc_log_flush();
	sync_end();
	if (anew.fd < 0 && log_file.entries > 2 * hnvc_owned[OWNER_API] + SLACK)
		anew_begin();
	if (anew.fd >= 0 && !copied)
		anew_copy(PIECE_TICK);
	if (atomic_load(&sync_state) != SYNC_IDLE)
		return;
	if (anew.fd >= 0 && copied)
		sync_begin(anew.fd, true);
	else if (sync_wanted)
		sync_begin(log_file.fd, false);
}

/* How many bytes of the file are good; their entries are replayed. -EBADMSG: no such file at all, -ENOMEM. */
static int64_t replay(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_over(data, size);
	size_t good = MAGIC_SIZE;
	if (memcmp(data, MAGIC, size < MAGIC_SIZE ? size : MAGIC_SIZE) != 0)
		return -EBADMSG;
	if (size < MAGIC_SIZE)
		return 0;
	cursor_skip(&c, MAGIC_SIZE);
	for (;;) {
		uint32_t len = cursor_be32(&c), sum = cursor_be32(&c);
		const uint8_t *payload = len <= PAYLOAD_MAX ? cursor_take(&c, len) : NULL;
		if (!payload || checksum(payload, len) != sum)
			break;
		int rc = hnvc_entry_replay(payload, len);
		if (rc == -ENOMEM)
			return rc;
		if (rc)
			log_warning("host", "%s: an entry of another weftd is left out", path);
		log_file.entries++;
		good += HEAD_SIZE + len;
	}
	return (int64_t)good;
}

/* What cannot be read any more is cut off, so that new entries follow good ones. */
static int load(void)
{
	struct stat st;
	if (fstat(log_file.fd, &st))
		return -errno;
	int64_t good = 0;
	if (st.st_size > 0) {
		void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, log_file.fd, 0);
		if (data == MAP_FAILED)
			return -errno;
		good = replay(data, (size_t)st.st_size);
		munmap(data, (size_t)st.st_size);
	}
	if (good < 0)
		return (int)good;
	if (good < st.st_size)
		log_warning("host", "%s: the last %lld bytes were not written in full and are left out", path,
			    (long long)(st.st_size - good));
	if (ftruncate(log_file.fd, good) || lseek(log_file.fd, good, SEEK_SET) < 0)
		return -errno;
	log_file.size = (uint64_t)good;
	if (good)
		return 0;
	log_file.size = MAGIC_SIZE;
	return write_all(log_file.fd, MAGIC, MAGIC_SIZE);
}

int hnvc_log_open(const char *folder, struct err *e)
{
	snprintf(path, sizeof(path), "%s/lookup-records", folder);
	snprintf(path_anew, sizeof(path_anew), "%s/lookup-records.new", folder);
	unlink(path_anew); /* of a weftd that ended while it was writing */
	log_file.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = log_file.fd < 0 ? -errno : load();
	if (!rc)
		return 0;
	file_close(&log_file);
	if (rc == -EBADMSG)
		return err_set(e, EBADMSG, NULL, "%s is not a log of lookup records; move it away", path);
	return err_set(e, -rc, NULL, "%s: %s", path, strerror(-rc));
}

void hnvc_log_close(void)
{
	if (log_file.fd < 0)
		return;
	(void)hnvc_log_flush();
	if (atomic_load(&sync_state) != SYNC_IDLE) {
		pthread_join(sync_thread, NULL);
		atomic_store(&sync_state, SYNC_IDLE);
	}
	if (fdatasync(log_file.fd))
		log_error("host", "%s is not safely on the disk: %s", path, strerror(errno));
	if (anew.fd >= 0)
		anew_give_up();
	file_close(&log_file);
}
