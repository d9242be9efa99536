/* SPDX-License-Identifier: Apache-2.0 */
/* See dhcp.h. */
#include "modules/hostnet/control/dhcp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/loop.h"
#include "modules/hostnet/control/others.h"
#include "core/control/process.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000
#define LONG_LIFE_NS                                                                                                 \
	(300ull * 1000000000) /* a program that ran so long was healthy: start over with BACKOFF_FIRST_MS */
#define LEASE_FILE_MAX 16384
#define PATH_SIZE 512

struct dhcp_client {
	char ifname[IFNAMSIZ];
	char *client_id; /* NULL: udhcpc's own */
	struct ip wanted;
	char lease_path[PATH_SIZE], hook_path[PATH_SIZE];
	dhcp_changed_fn *changed;
	void *arg;

	bool has_lease;
	struct lease lease;
	char trouble[128]; /* why the program does not run; "" if it does */

	pid_t pid; /* 0: not running */
	int pidfd, watch; /* -1: none. watch: inotify on the lease's folder */
	struct loop_source *exit_source, *watch_source, *retry;
	uint64_t started_ns, backoff_ms;
};

/* deconfig comes at start, too, and says nothing that the lease's own end or a nak would not. Values are the
 * server's words: quoted, one a line, read with suspicion by lease.c. */
static const char hook[] =
	"#!/bin/sh\n"
	"# written by weftd, run by udhcpc: hands the lease over as a file\n"
	"case $1 in bound|renew|nak) ;; *) exit 0 ;; esac\n"
	"umask 077\n"
	"for key in ip mask serverid lease router staticroutes dns domain; do\n"
	"\teval \"value=\\$$key\"\n"
	"\tset -- \"$@\" \"$key=$value\"\n"
	"done\n"
	"event=$1\n"
	"shift\n"
	"printf '%s\\n' \"event=$event\" \"$@\" >\"$WEFT_LEASE.new\" && mv \"$WEFT_LEASE.new\" \"$WEFT_LEASE\"\n";

/* ---- the lease ----------------------------------------------------------------------------------------- */

static void set_lease(struct dhcp_client *c, const struct lease *l)
{
	char text[IP_PREFIX_TEXT_SIZE];
	if (l && (!c->has_lease || !ip_equal(&l->address.ip, &c->lease.address.ip)))
		log_info(c->ifname, "DHCP: %s", ip_prefix_format(&l->address, text));
	else if (!l && c->has_lease)
		log_warning(c->ifname, "DHCP: %s is not ours any more", ip_prefix_format(&c->lease.address, text));
	c->has_lease = l != NULL;
	if (l) {
		c->lease = *l;
		c->wanted = l->address.ip;
	}
}

/* What the file says now, if it is good and has not run out. */
static int read_lease(const struct dhcp_client *c, struct lease *ret_lease)
{
	char *text;
	size_t len;
	struct stat st;
	if (stat(c->lease_path, &st) < 0)
		return -errno;
	int rc = file_read(c->lease_path, LEASE_FILE_MAX, &text, &len);
	if (rc < 0)
		return rc;
	struct lease l;
	rc = lease_parse(text, (uint64_t)st.st_mtim.tv_sec * 1000, &l);
	free(text);
	if (rc == 0 && l.expires_ms <= clock_wall_ms())
		rc = -ENOENT;
	if (rc == 0)
		*ret_lease = l;
	return rc;
}

static void lease_file_changed(struct dhcp_client *c)
{
	struct lease l;
	int rc = read_lease(c, &l);
	if (rc == -EINVAL)
		log_warning(c->ifname, "DHCP: the server's answer makes no sense");
	if (rc < 0 && (rc == -EINVAL || !c->has_lease))
		return;
	set_lease(c, rc == 0 ? &l : NULL);
	c->changed(c, c->arg);
}

static void watch_ready(int fd, uint32_t events, void *arg)
{
	struct dhcp_client *c = arg;
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const char *name = strrchr(c->lease_path, '/') + 1;
	bool ours = false;
	ssize_t n;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		const struct inotify_event *e;
		for (char *at = buf; at < buf + n; at += sizeof(*e) + e->len) {
			e = (const void *)at;
			ours = ours || (e->len && !strcmp(e->name, name));
		}
	}
	if (ours)
		lease_file_changed(c);
}

void dhcp_tick(struct dhcp_client *c)
{
	if (c->has_lease && c->lease.expires_ms <= clock_wall_ms()) {
		set_lease(c, NULL);
		c->changed(c, c->arg);
	}
}

/* ---- the program --------------------------------------------------------------------------------------- */

static void start_again(void *arg)
{
	struct dhcp_client *c = arg;
	c->retry = NULL;
	dhcp_start(c);
}

static void try_later(struct dhcp_client *c)
{
	if (!c->retry)
		c->retry = loop_add_timer(c->backoff_ms, 0, start_again, c);
	c->backoff_ms = c->backoff_ms * 2 < BACKOFF_MAX_MS ? c->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void program_reap(struct dhcp_client *c)
{
	loop_remove(c->exit_source);
	c->exit_source = NULL;
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
}

static void program_ended(int fd, uint32_t events, void *arg)
{
	struct dhcp_client *c = arg;
	if (clock_now_ns() - c->started_ns > LONG_LIFE_NS)
		c->backoff_ms = BACKOFF_FIRST_MS;
	program_reap(c);
	snprintf(c->trouble, sizeof(c->trouble), "udhcpc ended; it is started again");
	log_warning(c->ifname, "DHCP: %s", c->trouble);
	try_later(c);
}

static size_t make_command(struct dhcp_client *c, const char *argv[static 32], char lease[static PATH_SIZE + 16],
			   char id[static OTHERS_CLIENT_ID_SIZE + 8], char name[static 96],
			   char ip[static IP_TEXT_SIZE])
{
	char host[65] = "";
	size_t n = 0;
	snprintf(lease, PATH_SIZE + 16, "WEFT_LEASE=%s", c->lease_path);
	const char *const fixed[] = {"env", lease, "udhcpc", "-f", "-i", c->ifname, "-s", c->hook_path,
				     "-t",  "3",   "-T",     "2",  "-A", "5",	    "-O", "staticroutes"};
	for (; n < sizeof(fixed) / sizeof(*fixed); n++)
		argv[n] = fixed[n];
	if (c->wanted.family) {
		argv[n++] = "-r";
		argv[n++] = ip_format(&c->wanted, ip);
	}
	if (c->client_id)
		argv[n++] = "-C";
	if (c->client_id && *c->client_id) {
		snprintf(id, OTHERS_CLIENT_ID_SIZE + 8, "0x3d:%s", c->client_id);
		argv[n++] = "-x";
		argv[n++] = id;
	}
	if (gethostname(host, sizeof(host) - 1) == 0 && *host) {
		snprintf(name, 96, "hostname:%s", host);
		argv[n++] = "-x";
		argv[n++] = name;
	}
	argv[n] = NULL;
	return n;
}

void dhcp_start(struct dhcp_client *c)
{
	const char *argv[32];
	char lease[PATH_SIZE + 16], id[OTHERS_CLIENT_ID_SIZE + 8], name[96], ip[IP_TEXT_SIZE];
	if (c->pid)
		return;
	loop_remove(c->retry);
	c->retry = NULL;
	others_stop_clients(c->ifname, false); /* one that an earlier weftd left */
	make_command(c, argv, lease, id, name, ip);
	int rc = access("/usr/sbin/udhcpc", X_OK) == 0 || access("/sbin/udhcpc", X_OK) == 0
			 ? process_start(argv, &c->pid)
			 : -ENOENT;
	if (rc < 0) {
		c->pid = 0;
		snprintf(c->trouble, sizeof(c->trouble), "udhcpc cannot be started: %s",
			 rc == -ENOENT ? "install the package udhcpc" : strerror(-rc));
		log_error(c->ifname, "DHCP: %s", c->trouble);
		try_later(c);
		return;
	}
	c->trouble[0] = '\0';
	c->started_ns = clock_now_ns();
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd >= 0)
		c->exit_source = loop_add_fd(c->pidfd, EPOLLIN, program_ended, c);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

/* STATE/dhcp with the hook in it, and a watch on that folder. */
static int prepare_folder(struct dhcp_client *c, const char *state_dir)
{
	char folder[PATH_SIZE];
	if (snprintf(folder, sizeof(folder), "%s/dhcp", state_dir) > (int)sizeof(folder) - 40)
		return -ENAMETOOLONG;
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	snprintf(c->lease_path, sizeof(c->lease_path), "%.480s/%s.lease", folder, c->ifname);
	snprintf(c->hook_path, sizeof(c->hook_path), "%.480s/hook", folder);
	int rc = file_replace(c->hook_path, hook, sizeof(hook) - 1, 0700);
	if (rc < 0)
		return rc;
	c->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (c->watch < 0 || inotify_add_watch(c->watch, folder, IN_MOVED_TO) < 0)
		return -errno;
	c->watch_source = loop_add_fd(c->watch, EPOLLIN, watch_ready, c);
	return c->watch_source ? 0 : -ENOMEM;
}

struct dhcp_client *dhcp_new(const struct dhcp_options *o, const char *state_dir, dhcp_changed_fn *changed, void *arg)
{
	struct dhcp_client *c = calloc(1, sizeof(*c));
	struct lease l;
	if (!c)
		return NULL;
	snprintf(c->ifname, sizeof(c->ifname), "%s", o->ifname);
	c->client_id = str_dup(o->client_id);
	c->wanted = o->wanted;
	c->changed = changed;
	c->arg = arg;
	c->pidfd = c->watch = -1;
	c->backoff_ms = BACKOFF_FIRST_MS;
	int rc = o->client_id && !c->client_id ? -ENOMEM : prepare_folder(c, state_dir);
	if (rc < 0) {
		log_error(c->ifname, "DHCP: %s/dhcp cannot be used: %s", state_dir, strerror(-rc));
		dhcp_free(c, false);
		return NULL;
	}
	if (read_lease(c, &l) == 0)
		set_lease(c, &l);
	return c;
}

void dhcp_free(struct dhcp_client *c, bool forget)
{
	if (!c)
		return;
	if (c->pid) {
		kill(c->pid, SIGKILL);
		program_reap(c);
	}
	loop_remove(c->retry);
	loop_remove(c->watch_source);
	if (c->watch >= 0)
		close(c->watch);
	if (forget && *c->lease_path)
		(void)unlink(c->lease_path);
	free(c->client_id);
	free(c);
}

const struct lease *dhcp_lease(const struct dhcp_client *c) { return c->has_lease ? &c->lease : NULL; }

const char *dhcp_state(const struct dhcp_client *c)
{
	if (*c->trouble)
		return c->trouble;
	return c->has_lease ? "bound" : "asking";
}
