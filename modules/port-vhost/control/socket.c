/* SPDX-License-Identifier: Apache-2.0 */
/* The place of a socket: what may be there, what is cleared away, and how long its other end is waited for. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "modules/port-vhost/control/control.h"

#define PATH_LIMIT (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
/* Front ends send a message whole, and read what they asked for, so that there is always room for an answer. */
#define RECEIVE_US 20000
#define SEND_US 1

int vhost_socket_check(const char *path, struct err *e)
{
	struct stat st;
	if (!path || path[0] != '/')
		return err_set(e, EINVAL, NULL, "\"%s\" is no absolute path; give one such as /run/weft/vm1.sock",
			       path ? path : "");
	if (strlen(path) > PATH_LIMIT)
		return err_set(e, ENAMETOOLONG, NULL, "a socket's path of %zu bytes; Linux allows %zu", strlen(path),
			       PATH_LIMIT);
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
	bool served =
		connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || (errno != ECONNREFUSED && errno != ENOENT);
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

/* What hinders a socket there. Tried by us: the library, when it fails at that, closes its descriptor twice, and the
 * second time it may be somebody else's. */
static int try_place(const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	int r = 0, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || unlink(path))
		r = errno;
	if (fd >= 0)
		close(fd);
	return r ? err_set(e, r, NULL, "socket %s cannot be made: %s", path, strerror(r)) : 0;
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
		return try_place(path, e);
	if (vhost_socket_served(path))
		return err_set(e, EADDRINUSE, NULL, "another program listens on %s; choose another path or stop it",
			       path);
	if (unlink(path) && errno != ENOENT)
		return err_set(e, errno, NULL, "the dead socket %s cannot be removed: %s", path, strerror(errno));
	return try_place(path, e);
}

static bool listens(int fd)
{
	int is = 0;
	socklen_t len = sizeof(is);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &len) == 0 && is;
}

/* A socket has the path where its listening end is: here, or at the peer's. */
static bool is_socket_of(int fd, const char *path, bool peer_listens)
{
	struct sockaddr_un at = {0};
	socklen_t len = sizeof(at);
	if (peer_listens ? getpeername(fd, (struct sockaddr *)&at, &len)
			 : getsockname(fd, (struct sockaddr *)&at, &len))
		return false;
	return at.sun_family == AF_UNIX && !strncmp(at.sun_path, path, sizeof(at.sun_path));
}

/* Bounds the waiting on fd if it is a connection of this path and new. */
static bool hurry_one(int fd, const char *path, bool peer_listens)
{
	const struct timeval receive = {.tv_usec = RECEIVE_US}, send = {.tv_usec = SEND_US};
	struct timeval had = {0};
	socklen_t len = sizeof(had);
	if (!is_socket_of(fd, path, peer_listens) || listens(fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &had, &len) || had.tv_usec)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof(send));
	return true;
}

void vhost_socket_hurry(const char *path, bool peer_listens)
{
	/* The newest descriptor stands right below the lowest free one, unless one below it was closed meanwhile. */
	int free_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (free_fd >= 0)
		close(free_fd);
	for (int fd = free_fd - 1; fd >= 0 && fd > free_fd - 8; fd--)
		if (hurry_one(fd, path, peer_listens))
			return;
	DIR *all = opendir("/proc/self/fd");
	if (!all)
		return;
	for (struct dirent *one = readdir(all); one; one = readdir(all))
		hurry_one(atoi(one->d_name), path, peer_listens);
	closedir(all);
}

/* By a descriptor of our own, so that its number cannot become another file's meanwhile. */
static void hang_up_one(int fd, const char *path, bool peer_listens)
{
	int held = is_socket_of(fd, path, peer_listens) ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (held < 0)
		return;
	if (is_socket_of(held, path, peer_listens))
		shutdown(held, SHUT_RDWR);
	close(held);
}

void vhost_socket_hang_up(const char *path, bool peer_listens)
{
	DIR *all = opendir("/proc/self/fd");
	if (!all)
		return;
	for (struct dirent *one = readdir(all); one; one = readdir(all))
		hang_up_one(atoi(one->d_name), path, peer_listens);
	closedir(all);
}
