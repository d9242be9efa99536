/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected, and for how long they may take. libmicrohttpd's own timeout starts again with every byte,
 * so a client that sends one a second would stay for ever; here a whole request has a deadline. While others
 * wait for room, whoever has not got a request across within a moment gives way to them.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/control/loop.h"
#include "core/http/private.h"

#define LOOK_MS 250
#define READING_MS 30000 /* to get a request across, or to begin the next one */
#define ANSWERING_MS 60000 /* to take the answer */
#define GRACE_MS 500 /* to get a request across while others wait */

struct client {
	struct MHD_Connection *connection; /* NULL: a free place */
	int fd; /* libmicrohttpd's; cut by shutdown, closed by it */
	enum client_state state;
	uint64_t since_ms; /* in this state */
};

static struct {
	struct MHD_Daemon *daemon;
	int listen_fd;
	struct loop_source *listen; /* NULL while there is no room: others wait in the backlog */
	struct loop_source *look; /* timer; NULL while nobody is connected */
	struct client client[CLIENTS_MAX];
	unsigned connected, streaming;
} clients;

static uint64_t now_ms(void) { return clock_now_ns() / 1000000; }

static void clients_accept(int fd, uint32_t events, void *arg);

static void listen_resume(void)
{
	if (!clients.listen && clients.daemon)
		clients.listen = loop_add_fd(clients.listen_fd, EPOLLIN, clients_accept, NULL);
}

static void listen_pause(void)
{
	loop_remove(clients.listen);
	clients.listen = NULL;
}

static bool others_wait(void)
{
	struct pollfd backlog = {.fd = clients.listen_fd, .events = POLLIN};
	return !clients.listen && poll(&backlog, 1, 0) > 0;
}

static bool client_overdue(const struct client *c, uint64_t now, bool waiting)
{
	uint64_t age = now - c->since_ms;
	switch (c->state) {
	case CLIENT_READING:
		return age > (waiting ? GRACE_MS : READING_MS);
	case CLIENT_ANSWERING:
		return age > ANSWERING_MS;
	case CLIENT_STREAMING:
		break;
	}
	return false;
}

static void clients_look(void *arg)
{
	uint64_t now = now_ms();
	bool waiting = others_wait();
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &clients.client[i];
		if (c->connection && client_overdue(c, now, waiting))
			shutdown(c->fd, SHUT_RDWR);
	}
	http_run();
	if (clients.connected < CLIENTS_MAX)
		listen_resume();
	if (!clients.connected) {
		loop_remove(clients.look);
		clients.look = NULL;
	}
}

static void clients_accept(int fd, uint32_t events, void *arg)
{
	while (clients.connected < CLIENTS_MAX) {
		struct sockaddr_storage address = {0};
		socklen_t len = sizeof(address);
		int client_fd = accept4(fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client_fd < 0) {
			/* Out of descriptors: trying again at once would spin. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				break;
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			goto out;
		}
		/* Closes client_fd if it fails. */
		if (MHD_add_connection(clients.daemon, client_fd, (struct sockaddr *)&address, len) != MHD_YES)
			break;
	}
	listen_pause();
out:
	if (!clients.look)
		clients.look = loop_add_timer(LOOK_MS, LOOK_MS, clients_look, NULL);
	http_run();
}

void clients_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
		    enum MHD_ConnectionNotificationCode code)
{
	struct client *c = *socket_context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!c)
			return;
		clients.connected--;
		clients.streaming -= c->state == CLIENT_STREAMING;
		c->connection = NULL;
		listen_resume();
		return;
	}
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (c = clients.client; c < clients.client + CLIENTS_MAX; c++)
		if (!c->connection)
			break;
	if (!fd || c == clients.client + CLIENTS_MAX)
		return;
	*c = (struct client){
		.connection = connection, .fd = fd->connect_fd, .state = CLIENT_READING, .since_ms = now_ms()};
	clients.connected++;
	*socket_context = c;
}

void client_set(struct MHD_Connection *connection, enum client_state state)
{
	const union MHD_ConnectionInfo *context =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *c = context ? context->socket_context : NULL;
	if (!c)
		return;
	clients.streaming += (state == CLIENT_STREAMING) - (c->state == CLIENT_STREAMING);
	c->state = state;
	c->since_ms = now_ms();
}

unsigned clients_streaming(void) { return clients.streaming; }

int clients_start(struct MHD_Daemon *daemon, int listen_fd)
{
	clients.daemon = daemon;
	clients.listen_fd = listen_fd;
	listen_resume();
	return clients.listen ? 0 : -errno;
}

void clients_stop(void)
{
	listen_pause();
	loop_remove(clients.look);
	clients.look = NULL;
	clients.daemon = NULL; /* nobody is let in while the daemon says goodbye */
}
