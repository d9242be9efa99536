/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the HTTP server only. All of it runs on the control thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <microhttpd.h>

struct err;
struct http_response;
struct http_stream;

/* socket.c: a listening unix socket at path, non-blocking; the folder is made, a dead socket replaced. */
#define SOCKET_PATH_SIZE 108
struct http_socket {
	int fd;
	dev_t dev; /* which file it made */
	ino_t ino;
	char path[SOCKET_PATH_SIZE];
};
int http_socket_open(const char *path, struct http_socket *ret_socket, struct err *e);
void http_socket_close(struct http_socket *s); /* unlinks the file it made, no other */

/*
 * clients.c: who is connected. Connections are bounded, and none keeps the others out for long: one that does
 * not get its request across in time, or does not take its answer, is cut, and sooner while others wait.
 */
#define CLIENTS_MAX 64
int clients_start(struct MHD_Daemon *daemon, int listen_fd);
void clients_stop(void);
/* Streams may last; so no more than this many, and there is always room for requests. */
#define CLIENTS_STREAMING_MAX 32
unsigned clients_streaming(void);
enum client_state { CLIENT_READING, CLIENT_ANSWERING, CLIENT_STREAMING };
void client_set(struct MHD_Connection *connection, enum client_state state);
void clients_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
		    enum MHD_ConnectionNotificationCode code);

/* request.c: libmicrohttpd's side of a request. */
void *request_begin(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result request_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
			       const char *version, const char *upload, size_t *upload_len, void **con_cls);
void request_end(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode why);

/* stream.c: an answer that goes on. Takes over ret->stream; NULL: no memory, ret->stream is still the caller's. */
struct MHD_Response *stream_response(struct MHD_Connection *connection, const struct http_response *ret);
void streams_end_all(void); /* before the daemon stops */

/* server.c: lets libmicrohttpd do what there is to do, now or in this round of the loop's. */
void http_run(void);
void http_run_soon(void);
