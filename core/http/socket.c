/* SPDX-License-Identifier: Apache-2.0 */
/* The unix socket that weftd listens on: replaces one whose owner died, never one that somebody answers. */
#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "core/http/private.h"

#define SOCKET_GROUP "weft"
#define SOCKET_BACKLOG 256

static_assert(SOCKET_PATH_SIZE == sizeof(((struct sockaddr_un *)0)->sun_path), "what the kernel takes");

static int parents_make(const char *path)
{
	char folder[SOCKET_PATH_SIZE];
	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* 0: nothing is in the way any more. */
static int dead_socket_remove(const struct sockaddr_un *address, struct err *e)
{
	const char *path = address->sun_path;
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, NULL, "socket %s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, EEXIST, NULL, "%s exists and is not a socket; choose another --socket", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, NULL, "socket: %s", strerror(errno));
	int r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(fd);
	if (r == ENOENT)
		return 0;
	if (r == 0 || r == EAGAIN || r == EPROTOTYPE)
		return err_set(e, EADDRINUSE, NULL,
			       "another program answers on %s; stop it, or choose another --socket", path);
	if (r != ECONNREFUSED || unlink(path) < 0)
		return err_set(e, r == ECONNREFUSED ? errno : r, NULL, "cannot replace socket %s: %s", path,
			       strerror(r == ECONNREFUSED ? errno : r));
	return 0;
}

/* Until owner and mode are right nobody else may connect: root:weft 0660 where that group exists. */
static int socket_bind(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	umask(before);
	if (r < 0)
		return r;
	const struct group *group = getgrnam(SOCKET_GROUP);
	if (group && chown(address->sun_path, (uid_t)-1, group->gr_gid) < 0 && errno != EPERM)
		return -errno;
	if (chmod(address->sun_path, 0660) < 0 || listen(fd, SOCKET_BACKLOG) < 0)
		return -errno;
	return 0;
}

int http_socket_open(const char *path, struct http_socket *ret_socket, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return err_set(e, EINVAL, NULL, "a socket path has 1 to %zu bytes, not %zu",
			       sizeof(address.sun_path) - 1, strlen(path));
	memcpy(address.sun_path, path, strlen(path));
	int r = parents_make(path);
	if (r < 0)
		return err_set(e, -r, NULL, "cannot make the folder of socket %s: %s", path, strerror(-r));
	r = dead_socket_remove(&address, e);
	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, NULL, "socket: %s", strerror(errno));
	struct stat st;
	r = socket_bind(fd, &address);
	if (r == 0 && lstat(path, &st) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return err_set(e, -r, NULL, "cannot listen on %s: %s", path, strerror(-r));
	}
	*ret_socket = (struct http_socket){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
	memcpy(ret_socket->path, address.sun_path, sizeof(ret_socket->path));
	return 0;
}

void http_socket_close(struct http_socket *s)
{
	struct stat st;
	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	close(s->fd);
	s->fd = -1;
}
