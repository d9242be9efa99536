/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into weftd, this kills it at a chosen moment: before the Nth thing that it says to rtnetlink or does to a
 * file, counted from when the file $WEFT_CRASH holds a number N. Whatever weftd leaves behind on a host it makes in
 * one of these. 0 only counts; how far is in $WEFT_CRASH.count.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct mnl_socket;
ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len);

static char armed[256]; /* empty: not weftd */

/* `ip netns exec` and the like pass it on to weftd; weftd must not pass it on to what it starts. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("WEFT_CRASH");
	if (!path || strcmp(program_invocation_short_name, "weftd") != 0)
		return;
	snprintf(armed, sizeof(armed), "%s", path);
	unsetenv("LD_PRELOAD");
	unsetenv("WEFT_CRASH");
}

static void moment(void)
{
	static unsigned seen;
	char path[sizeof(armed) + 8];
	unsigned at;
	FILE *f = *armed ? fopen(armed, "r") : NULL;
	if (!f)
		return;
	if (fscanf(f, "%u", &at) != 1)
		at = 0;
	fclose(f);
	if (++seen == at)
		raise(SIGKILL);
	snprintf(path, sizeof(path), "%s.count", armed);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	dprintf(fd, "%8u", seen); /* over the last one, so that there is a whole number at any time but the first */
	close(fd);
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len)
{
	moment();
	return REAL(mnl_socket_sendto)(nl, buf, len);
}

int rename(const char *from, const char *to)
{
	moment();
	return REAL(rename)(from, to);
}

int unlink(const char *path)
{
	moment();
	return REAL(unlink)(path);
}
