/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's life: libmicrohttpd without threads, its epoll descriptor hung into the control thread's loop.
 * It never listens itself; clients.c hands it connections.
 */
#include "core/http/server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/log.h"
#include "core/control/loop.h"
#include "core/http/private.h"

#define IDLE_S 30 /* without a byte either way, streams that wait for news excepted */
#define CONNECTION_MEMORY (32u << 10) /* headers have to fit into it, too */

static struct {
	struct MHD_Daemon *daemon;
	struct http_socket socket;
	struct loop_source *source; /* of libmicrohttpd's epoll descriptor */
	bool running, posted;
} server;

static void run_posted(void *arg)
{
	server.posted = false;
	http_run();
}

void http_run_soon(void)
{
	if (!server.posted)
		server.posted = loop_post(run_posted, NULL) == 0;
}

/* Deadlines are looked after by clients.c; of libmicrohttpd's timeout only "at once" matters. */
void http_run(void)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	if (!server.daemon || server.running)
		return;
	server.running = true;
	MHD_run(server.daemon);
	server.running = false;
	if (MHD_get_timeout(server.daemon, &timeout_ms) == MHD_YES && timeout_ms == 0)
		http_run_soon();
}

static void daemon_ready(int fd, uint32_t events, void *arg) { http_run(); }

static struct MHD_Daemon *daemon_create(void)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
				request_access, NULL, MHD_OPTION_URI_LOG_CALLBACK, request_begin, NULL,
				MHD_OPTION_NOTIFY_COMPLETED, request_end, NULL, MHD_OPTION_NOTIFY_CONNECTION,
				clients_notify, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS_MAX,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)CONNECTION_MEMORY, MHD_OPTION_END);
}

int http_start(const char *socket_path, struct err *e)
{
	int r = http_socket_open(socket_path, &server.socket, e);
	if (r < 0)
		return r;
	server.daemon = daemon_create();
	if (!server.daemon) {
		r = err_set(e, ENOMEM, NULL, "the HTTP server cannot be set up");
		goto close_socket;
	}
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server.daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server.source = info ? loop_add_fd(info->epoll_fd, EPOLLIN, daemon_ready, NULL) : NULL;
	if (!server.source || clients_start(server.daemon, server.socket.fd) < 0) {
		r = err_set(e, ENOMEM, NULL, "the HTTP server cannot be set up: %s", strerror(errno));
		goto stop_daemon;
	}
	log_debug("host", "listening on %s", socket_path);
	return 0;

stop_daemon:
	loop_remove(server.source);
	server.source = NULL;
	MHD_stop_daemon(server.daemon);
	server.daemon = NULL;
close_socket:
	http_socket_close(&server.socket);
	return r;
}

void http_stop(void)
{
	if (!server.daemon)
		return;
	clients_stop();
	streams_end_all();
	http_run();
	loop_remove(server.source);
	server.source = NULL;
	MHD_stop_daemon(server.daemon);
	server.daemon = NULL;
	server.posted = false; /* the loop may end before it comes to it */
	http_socket_close(&server.socket);
}
