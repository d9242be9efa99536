/* SPDX-License-Identifier: Apache-2.0 */
/* See dns.h. */
#include "modules/hostnet/control/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "core/control/process.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLVED_SOCKET "/run/systemd/resolve/io.systemd.Resolve"
#define TOOL_TIMEOUT_MS 3000
#define SERVERS_MAX 8

static void add_block(struct str *s, const struct dns *d)
{
	char ip[IP_TEXT_SIZE];
	if (!d->n)
		return;
	str_add(s, "# weftd %s begin\n", d->ifname);
	if (d->domain && *d->domain)
		str_add(s, "search %s\n", d->domain);
	for (size_t i = 0; i < d->n; i++)
		str_add(s, "nameserver %s\n", ip_format(&d->servers[i], ip));
	str_add(s, "# weftd %s end\n", d->ifname);
}

char *dns_edit(const char *text, const struct dns *d)
{
	struct str s = {0};
	char begin[48], end[48];
	snprintf(begin, sizeof(begin), "# weftd %s begin\n", d->ifname);
	snprintf(end, sizeof(end), "# weftd %s end\n", d->ifname);
	const char *from = strstr(text, begin);
	const char *to = from ? strstr(from, end) : NULL;
	bool at_line = from && (from == text || from[-1] == '\n');
	if (!to || !at_line) { /* the first three name servers count: ours stand in front */
		add_block(&s, d);
		str_add(&s, "%s", text);
	} else {
		str_add_bytes(&s, text, (size_t)(from - text));
		add_block(&s, d);
		str_add(&s, "%s", to + strlen(end));
	}
	return str_take(&s);
}

static int write_in_place(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	size_t len = strlen(text);
	if (fd < 0)
		return -errno;
	int rc = write(fd, text, len) == (ssize_t)len ? 0 : -EIO;
	close(fd);
	return rc;
}

static int set_in_file(const struct dns *d)
{
	char path[PATH_MAX], *text = NULL;
	size_t len;
	if (!realpath(RESOLV_CONF, path)) /* through a link, so that the link stays one */
		snprintf(path, sizeof(path), RESOLV_CONF);
	int rc = file_read(path, 1u << 20, &text, &len);
	if (rc == -ENOENT)
		text = str_dup("");
	else if (rc < 0)
		return rc;
	char *edited = text ? dns_edit(text, d) : NULL;
	if (!edited)
		rc = -ENOMEM;
	else if (!strcmp(edited, text))
		rc = 0;
	else
		rc = file_replace(path, edited, strlen(edited), 0644);
	if (rc == -EBUSY || rc == -EXDEV) /* a container's: mounted, not to be renamed over */
		rc = write_in_place(path, edited);
	free(edited);
	free(text);
	return rc;
}

static int set_in_resolved(const struct dns *d)
{
	char ip[SERVERS_MAX][IP_TEXT_SIZE];
	const char *argv[SERVERS_MAX + 4] = {"resolvectl", "dns", d->ifname};
	if (!d->n) {
		const char *const revert[] = {"resolvectl", "revert", d->ifname, NULL};
		(void)process_run(revert, NULL, TOOL_TIMEOUT_MS); /* the link may be gone, and its servers with it */
		return 0;
	}
	for (size_t i = 0; i < d->n && i < SERVERS_MAX; i++)
		argv[3 + i] = ip_format(&d->servers[i], ip[i]);
	int rc = process_run(argv, NULL, TOOL_TIMEOUT_MS);
	if (rc == 0 && d->domain && *d->domain) {
		const char *const domain[] = {"resolvectl", "domain", d->ifname, d->domain, NULL};
		rc = process_run(domain, NULL, TOOL_TIMEOUT_MS);
	}
	return rc > 0 ? -EIO : rc;
}

static int set_in_resolvconf(const char *program, const struct dns *d)
{
	char name[IFNAMSIZ + 8];
	struct str s = {0};
	snprintf(name, sizeof(name), "%s.weft", d->ifname);
	const char *const argv[] = {program, d->n ? "-a" : "-d", name, NULL};
	add_block(&s, d);
	char *text = str_take(&s);
	int rc = text ? process_run(argv, text, TOOL_TIMEOUT_MS) : -ENOMEM;
	free(text);
	return rc > 0 ? -EIO : rc;
}

int dns_set(const struct dns *d)
{
	if (access(RESOLVED_SOCKET, F_OK) == 0)
		return set_in_resolved(d);
	if (access("/sbin/resolvconf", X_OK) == 0)
		return set_in_resolvconf("/sbin/resolvconf", d);
	return set_in_file(d);
}
