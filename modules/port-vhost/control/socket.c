/* SPDX-License-Identifier: Apache-2.0 */
/* The place of a socket: what may be there, and what is cleared away. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "modules/port-vhost/control/control.h"

#define PATH_LIMIT (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

int vhost_socket_check(const char *path, struct err *e)
{
	struct stat st;
	if (!path || path[0] != '/')
		return err_set(e, EINVAL, NULL, "\"%s\" is no absolute path; give one such as /run/weft/vm1.sock", path ? path : "");
	if (strlen(path) > PATH_LIMIT)
		return err_set(e, ENAMETOOLONG, NULL, "a socket's path of %zu bytes; Linux allows %zu", strlen(path), PATH_LIMIT);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(e, EEXIST, NULL, "%s is there already and is no socket; choose another path", path);
	return 0;
}

bool vhost_socket_served(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true; /* not known: leave it be */
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	/* A backlog that is full (EAGAIN) is somebody's, too. */
	bool served = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	return served;
}

static int make_folders(const char *path, struct err *e)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(folder, 0755) && errno != EEXIST)
			return err_set(e, errno, NULL, "folder %s cannot be made: %s", folder, strerror(errno));
		*slash = '/';
	}
	return 0;
}

int vhost_socket_clear(const char *path, struct err *e)
{
	int r = vhost_socket_check(path, e);
	if (r)
		return r;
	r = make_folders(path, e);
	if (r)
		return r;
	if (access(path, F_OK))
		return 0;
	if (vhost_socket_served(path))
		return err_set(e, EADDRINUSE, NULL, "another program listens on %s; choose another path or stop it", path);
	if (unlink(path) && errno != ENOENT)
		return err_set(e, errno, NULL, "the dead socket %s cannot be removed: %s", path, strerror(errno));
	return 0;
}
