/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See client.h. A server tells hosts apart by option 61 (client identifier) when they send one and by their MAC
 * when not, so who carries a lease on must send the same as who got it: dhclient sends none by itself and a DUID as
 * Debian's ifupdown starts it (-i), networkd a DUID, NetworkManager and udhcpc type 1 and the MAC.
 */
#include "modules/hostnet/control/client.h"

#include <ctype.h>
#include <jansson.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mac.h"
#include "core/control/interface.h"
#include "core/control/process.h"

bool client_is_on(const struct process *p, const char *ifname)
{
	static const char *const names[] = {"dhclient", "udhcpc", "dhcpcd", "dhcp6c", "udhcpc6"};
	bool client = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		client = client || !strcmp(p->name, names[i]);
	for (size_t i = 1; client && i < p->n_args; i++)
		if (!strcmp(p->args[i], ifname) || (!strncmp(p->args[i], "-i", 2) && !strcmp(p->args[i] + 2, ifname)))
			return true;
	return false;
}

/* KEY=VALUE in a lease file of systemd's making. */
static bool lease_value(const char *text, const char *key, char *to, size_t size)
{
	size_t key_len = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, key_len) != 0 || line[key_len] != '=')
			continue;
		size_t len = strcspn(line + key_len + 1, "\n");
		if (!len || len >= size)
			return false;
		memcpy(to, line + key_len + 1, len);
		to[len] = '\0';
		return true;
	}
	return false;
}

static bool is_hex(const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return n >= 4 && n % 2 == 0;
}

static bool look_at_networkd(int ifindex, struct others *o)
{
	char path[64], *text, ip[IP_TEXT_SIZE], id[OTHERS_CLIENT_ID_SIZE];
	size_t len;
	snprintf(path, sizeof(path), "/run/systemd/netif/leases/%d", ifindex);
	if (file_read(path, 64u << 10, &text, &len) < 0)
		return false;
	bool found = lease_value(text, "ADDRESS", ip, sizeof(ip)) && ip_parse(ip, &o->dhcp_address) == 0;
	if (found && lease_value(text, "CLIENTID", id, sizeof(id)) && is_hex(id))
		snprintf(o->client_id, sizeof(o->client_id), "%s", id);
	free(text);
	return found;
}

static void use_mac_as_id(const char *ifname, struct others *o)
{
	struct netlink_interface facts;
	if (netlink_interface_facts(ifname, &facts) < 0)
		return;
	snprintf(o->client_id, sizeof(o->client_id), "01%012llx", (unsigned long long)mac_to_u64(&facts.mac));
}

struct look {
	const char *ifname;
	struct others *o;
	bool network_manager;
};

/* -x 0x3d:HEX and -C of udhcpc; without either it sends its MAC. */
static void udhcpc_id(const struct process *p, const struct look *l)
{
	use_mac_as_id(l->ifname, l->o);
	for (size_t i = 1; i < p->n_args; i++) {
		const char *id = strstr(p->args[i], "0x3d:");
		if (!strcmp(p->args[i], "-C"))
			l->o->client_id[0] = '\0';
		else if (id && is_hex(id + 5) && strlen(id + 5) < sizeof(l->o->client_id))
			snprintf(l->o->client_id, sizeof(l->o->client_id), "%s", id + 5);
	}
}

/* The next byte of a quoted string, with dhclient's escapes: \001, \" and \\. -1: it ends or is cut off. */
static int quoted_byte(const char **at)
{
	const char *c = *at;
	bool escaped = *c == '\\';
	if (!*c || *c == '"' || (escaped && !c[1]))
		return -1;
	bool octal = escaped && strspn(c + 1, "01234567") >= 3;
	*at += octal ? 4 : escaped ? 2 : 1;
	if (octal)
		return ((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0')) & 0xff;
	return (unsigned char)c[escaped];
}

bool client_duid(const char *quoted, char *to, size_t size)
{
	size_t n = 0;
	for (int byte; n + 3 <= size && (byte = quoted_byte(&quoted)) >= 0; n += 2)
		snprintf(to + n, size - n, "%02x", (unsigned)byte);
	return n > 0 && *quoted == '"';
}

/* With -i the id is 255, four bytes of the MAC and the DUID in the file of leases (RFC 4361, 6.1). */
static void dhclient_id(const struct process *p, const struct look *l)
{
	const char *leases = "/var/lib/dhcp/dhclient.leases", *duid;
	struct netlink_interface facts;
	bool wanted = false;
	char *text;
	size_t len;
	for (size_t i = 1; i < p->n_args; i++) {
		if (!strcmp(p->args[i], "-6"))
			return;
		wanted = wanted || !strcmp(p->args[i], "-i");
		if (!strcmp(p->args[i], "-lf") && i + 1 < p->n_args)
			leases = p->args[i + 1];
	}
	if (!wanted || netlink_interface_facts(l->ifname, &facts) < 0 || file_read(leases, 1u << 20, &text, &len) < 0)
		return;
	const char *mark = "default-duid \"", *at = strstr(text, mark);
	while (at && (duid = strstr(at + 1, mark))) /* the last one counts */
		at = duid;
	char *id = l->o->client_id;
	snprintf(id, OTHERS_CLIENT_ID_SIZE, "ff%08x", (unsigned)(mac_to_u64(&facts.mac) & 0xffffffff));
	if (!at || !client_duid(at + strlen(mark), id + 10, OTHERS_CLIENT_ID_SIZE - 10))
		id[0] = '\0';
	free(text);
}

static int look_at_process(const struct process *p, void *arg)
{
	struct look *l = arg;
	l->network_manager = l->network_manager || !strcmp(p->name, "NetworkManager");
	if (!client_is_on(p, l->ifname))
		return 0;
	json_t *argv = json_array();
	for (size_t i = 0; argv && i < p->n_args; i++)
		if (json_array_append_new(argv, json_string(p->args[i])) < 0) { /* not UTF-8: cannot be kept */
			json_decref(argv);
			argv = NULL;
		}
	if (argv && !l->o->clients)
		l->o->clients = json_array();
	if (argv)
		json_array_append_new(l->o->clients, argv);
	if (!strchr(p->name, '6'))
		l->o->dhcp = true;
	if (!strcmp(p->name, "udhcpc"))
		udhcpc_id(p, l);
	else if (!strcmp(p->name, "dhclient"))
		dhclient_id(p, l);
	return 0;
}

void client_look(const char *ifname, int ifindex, const struct records *addresses, struct others *o)
{
	struct look l = {.ifname = ifname, .o = o};
	struct record_view v;
	(void)process_each(look_at_process, &l);
	for (size_t i = 0; i < addresses->n; i++) {
		if (record_view(&addresses->at[i], &v) < 0 || v.family != AF_INET || v.scope == RT_SCOPE_LINK)
			continue;
		if (v.valid_s != UINT32_MAX)
			o->dhcp = true;
		if (v.valid_s != UINT32_MAX || (o->dhcp && !o->dhcp_address.family))
			o->dhcp_address = v.prefix.ip;
	}
	if (look_at_networkd(ifindex, o))
		o->dhcp = true;
	else if (o->dhcp && !o->clients && l.network_manager)
		use_mac_as_id(ifname, o);
}

struct stop {
	const char *ifname;
	bool patient;
};

/* It has gone into the background: init is its parent. */
static bool is_detached(const struct process *p)
{
	char path[64], *text;
	size_t len;
	int parent = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	if (file_read(path, 4096, &text, &len) < 0)
		return false;
	const char *behind = strrchr(text, ')'); /* "PID (NAME) STATE PARENT ..."; the name may hold anything */
	bool read = behind && sscanf(behind, ") %*c %d", &parent) == 1;
	free(text);
	return read && parent == 1;
}

static int stop_one(const struct process *p, void *arg)
{
	const struct stop *s = arg;
	const char *ifname = s->ifname;
	if (!client_is_on(p, ifname) || (s->patient && !is_detached(p)))
		return 0;
	/* SIGTERM would make dhclient give its lease back to the server, and some take the address along. */
	if (kill(p->pid, SIGKILL) == 0)
		log_info("host", "%s (pid %d) on %s was ended; weftd carries its lease on", p->name, (int)p->pid,
			 ifname);
	return 0;
}

void others_stop_clients(const char *ifname, bool patient)
{
	struct stop s = {ifname, patient};
	(void)process_each(stop_one, &s);
}
