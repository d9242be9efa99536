/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network managers; see others.h. What they are told lies in /run: after a boot the interface is theirs until
 * weftd takes it again, so a host whose weftd does not start can still be reached.
 */
#include "modules/hostnet/control/others.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "modules/hostnet/control/client.h"
#include "core/control/process.h"

#define TOOL_TIMEOUT_MS 3000

void others_look(const char *ifname, int ifindex, const struct records *addresses, struct others *ret_others)
{
	struct others o = {0};
	client_look(ifname, ifindex, addresses, &o);
	*ret_others = o;
}

void others_clear(struct others *o)
{
	json_decref(o->clients);
	*o = (struct others){0};
}

/* ---- NetworkManager and systemd-networkd --------------------------------------------------------------- */

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int match_name(const struct process *p, void *arg) { return !strcmp(p->name, arg); }

static bool runs(const char *name) /* the kernel's 15 characters of it */
{
	return process_each(match_name, (void *)name) == 1;
}

static void networkmanager_file(const char *ifname, char path[static 128])
{
	snprintf(path, 128, "/run/NetworkManager/conf.d/95-weft-%s.conf", ifname);
}

static void networkd_file(const char *ifname, char path[static 128])
{
	snprintf(path, 128, "/run/systemd/network/00-weft-%s.network", ifname);
}

/* Writes the file; false: it says so already. */
static bool tell(const char *path, const char *text)
{
	char folder[128], *old = NULL;
	size_t len;
	bool same = file_read(path, 4096, &old, &len) == 0 && !strcmp(old, text);
	free(old);
	if (same)
		return false;
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	(void)mkdir(folder, 0755);
	int rc = file_replace(path, text, strlen(text), 0644);
	if (rc < 0)
		log_warning("host", "%s cannot be written: %s", path, strerror(-rc));
	return rc == 0;
}

static void networkmanager_reload(const char *ifname, const char *managed)
{
	if (!runs("NetworkManager"))
		return;
	(void)process_run((const char *const[]){"nmcli", "general", "reload", "conf", NULL}, NULL, TOOL_TIMEOUT_MS);
	(void)process_run((const char *const[]){"nmcli", "device", "set", ifname, "managed", managed, NULL}, NULL,
			  TOOL_TIMEOUT_MS);
}

static void networkd_reload(void)
{
	if (runs("systemd-network"))
		(void)process_run((const char *const[]){"networkctl", "reload", NULL}, NULL, TOOL_TIMEOUT_MS);
}

/* ---- ifupdown: to be made to believe that it never brought the interface up ----------------------------- */

/* ifdown, and with it `systemctl restart networking`, would have dhclient give back the lease that weft carries on.
 * What ifupdown remembers of the interface is kept beside; like that it is gone after a boot. */
static bool ifupdown_forget(const char *ifname)
{
	char state[128], beside[128], *text;
	size_t len;
	snprintf(state, sizeof(state), "/run/network/ifstate.%s", ifname);
	snprintf(beside, sizeof(beside), "/run/network/weft.%s", ifname);
	if (file_read(state, 4096, &text, &len) < 0)
		return false;
	bool told = len && file_replace(beside, text, len, 0644) == 0 && truncate(state, 0) == 0;
	free(text);
	return told;
}

static void ifupdown_remember(const char *ifname)
{
	char state[128], beside[128], *text;
	size_t len;
	snprintf(state, sizeof(state), "/run/network/ifstate.%s", ifname);
	snprintf(beside, sizeof(beside), "/run/network/weft.%s", ifname);
	if (file_read(beside, 4096, &text, &len) < 0)
		return;
	(void)file_write(state, text);
	(void)unlink(beside);
	free(text);
}

bool others_keep_off(const char *ifname)
{
	char path[128], text[256];
	bool told = ifupdown_forget(ifname);
	if (is_folder("/run/NetworkManager")) {
		networkmanager_file(ifname, path);
		snprintf(
			text, sizeof(text),
			"# written by weftd, whose interface %s is\n[keyfile]\nunmanaged-devices+=interface-name:=%s\n",
			ifname, ifname);
		if (tell(path, text)) {
			networkmanager_reload(ifname, "no");
			told = true;
		}
	}
	if (is_folder("/run/systemd/netif")) {
		networkd_file(ifname, path);
		snprintf(text, sizeof(text),
			 "# written by weftd, whose interface %s is\n[Match]\nName=%s\n\n[Link]\nUnmanaged=yes\n",
			 ifname, ifname);
		if (tell(path, text)) {
			networkd_reload();
			told = true;
		}
	}
	return told;
}

static int match_client(const struct process *p, void *ifname) { return client_is_on(p, ifname); }

static void clients_start_again(const char *ifname, const json_t *clients)
{
	size_t i, k;
	json_t *args, *arg;
	if (process_each(match_client, (void *)ifname) == 1)
		return; /* weftd was killed before it ended them */
	json_array_foreach((json_t *)clients, i, args) {
		const char *argv[PROCESS_ARGS_MAX + 1] = {0};
		json_array_foreach(args, k, arg) {
			if (k < PROCESS_ARGS_MAX)
				argv[k] = json_string_value(arg);
		}
		int rc = argv[0] ? process_detach(argv) : 0;
		if (rc < 0)
			log_warning("host", "%s was not started again: %s", argv[0], strerror(-rc));
	}
}

void others_let_in(const char *ifname, const struct others *o)
{
	char path[128];
	networkmanager_file(ifname, path);
	if (unlink(path) == 0)
		networkmanager_reload(ifname, "yes");
	networkd_file(ifname, path);
	if (unlink(path) == 0)
		networkd_reload();
	ifupdown_remember(ifname);
	if (o->clients)
		clients_start_again(ifname, o->clients);
}

/* ---- ifupdown, and who did it -------------------------------------------------------------------------- */

/* Is there an `iface NAME` stanza, or `auto NAME`? */
static bool stanza_names(const char *text, const char *ifname)
{
	char word[16], name[32];
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, " %15s %31s", word, name) == 2 && !strcmp(name, ifname) &&
		    (!strcmp(word, "iface") || !strcmp(word, "auto") || !strcmp(word, "allow-hotplug")))
			return true;
	}
	return false;
}

static bool file_names(const char *path, const char *ifname)
{
	char *text;
	size_t len;
	if (file_read(path, 1u << 20, &text, &len) < 0)
		return false;
	bool found = stanza_names(text, ifname);
	free(text);
	return found;
}

/* The file of ifupdown's configuration that names the interface; false: none does. */
static bool ifupdown_file(const char *ifname, char *path, size_t size)
{
	snprintf(path, size, "/etc/network/interfaces");
	if (file_names(path, ifname))
		return true;
	DIR *folder = opendir("/etc/network/interfaces.d");
	bool found = false;
	for (struct dirent *d; folder && !found && (d = readdir(folder));) {
		snprintf(path, size, "/etc/network/interfaces.d/%s", d->d_name);
		found = d->d_name[0] != '.' && file_names(path, ifname);
	}
	if (folder)
		closedir(folder);
	return found;
}

bool others_warning(const char *ifname, char *buf, size_t size)
{
	char path[300];
	if (!ifupdown_file(ifname, path, sizeof(path)))
		return false;
	snprintf(
		buf, size,
		"%s configures %s, which is a switch's uplink now; weftd takes off what it sets, but `iface %s inet manual` "
		"there says it better",
		path, ifname, ifname);
	return true;
}

struct culprit {
	const char *ifname;
	char *buf;
	size_t size;
};

static int find_client(const struct process *p, void *arg)
{
	struct culprit *c = arg;
	if (!client_is_on(p, c->ifname))
		return 0;
	snprintf(c->buf, c->size, "%s (pid %d)", p->name, (int)p->pid);
	return 1;
}

const char *others_culprit(const char *ifname, char *buf, size_t size)
{
	char path[300];
	struct culprit c = {ifname, buf, size};
	if (process_each(find_client, &c) == 1)
		return buf;
	const char *who = "somebody";
	if (runs("NetworkManager"))
		who = "NetworkManager";
	else if (runs("systemd-network"))
		who = "systemd-networkd";
	else if (ifupdown_file(ifname, path, sizeof(path)))
		who = "ifupdown";
	snprintf(buf, size, "%s", who);
	return buf;
}
