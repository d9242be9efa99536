/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/test/fake_weftd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 65536

static struct {
	pthread_t thread;
	const struct fake_answer *answers;
	int fd;
	char folder[64], socket[96];
	char request[1024], body[REQUEST_MAX];
} fake;

const char *fake_weftd_socket(void) { return fake.socket; }
const char *fake_weftd_last_request(void) { return fake.request; }
const char *fake_weftd_last_body(void) { return fake.body; }

/* One whole request: head, and as much body as its Content-Length says. */
static void read_request(int fd)
{
	char buf[REQUEST_MAX];
	size_t len = 0, want = 0;
	char *end = NULL;
	while (!end || len < want) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		buf[len] = '\0';
		end = strstr(buf, "\r\n\r\n");
		const char *length = strcasestr(buf, "\r\nContent-Length: ");
		if (end)
			want = (size_t)(end + 4 - buf) + (length ? strtoul(length + 18, NULL, 10) : 0);
	}
	if (!end)
		return;
	snprintf(fake.body, sizeof(fake.body), "%s", end + 4);
	char *line = strstr(buf, " HTTP/");
	snprintf(fake.request, sizeof(fake.request), "%.*s", line ? (int)(line - buf) : 0, buf);
}

static void answer(int fd)
{
	static const struct fake_answer unknown = {
		.status = 404, .body = "{\"title\": \"Not Found\", \"status\": 404, \"detail\": \"nothing there\"}"};
	const struct fake_answer *a = fake.answers;
	while (a->request && strcmp(a->request, fake.request) != 0)
		a++;
	if (!a->request)
		a = &unknown;
	size_t len = strlen(a->body);
	dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%.*s", a->status, len,
		a->cut ? (int)a->cut : (int)len, a->body);
}

static void *serve(void *arg)
{
	int fd;
	while ((fd = accept(fake.fd, NULL, NULL)) >= 0) {
		read_request(fd);
		answer(fd);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
	return NULL;
}

void fake_weftd_start(const struct fake_answer *answers)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memset(&fake, 0, sizeof(fake));
	fake.answers = answers;
	strcpy(fake.folder, "/tmp/weft-cli-test-XXXXXX");
	if (!mkdtemp(fake.folder))
		abort();
	snprintf(fake.socket, sizeof(fake.socket), "%s/weftd.sock", fake.folder);
	strcpy(address.sun_path, fake.socket);
	fake.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fake.fd < 0 || bind(fake.fd, (struct sockaddr *)&address, sizeof(address)) || listen(fake.fd, 4) ||
	    pthread_create(&fake.thread, NULL, serve, NULL))
		abort();
}

void fake_weftd_stop(void)
{
	shutdown(fake.fd, SHUT_RDWR); /* accept returns */
	pthread_join(fake.thread, NULL);
	close(fake.fd);
	unlink(fake.socket);
	rmdir(fake.folder);
}
