/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver as an HTTP endpoint: the question is POSTed, by libcurl on the event loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <curl/curl.h>

#include "core/control/loop.h"
#include "modules/hnv-resolver/control/resolver_ask.h"

struct ask {
	struct resolver_ask base; /* first */
	CURL *curl;
	struct curl_slist *headers;
	char answer[RESOLVER_ANSWER_MAX + 1];
	size_t len;
	resolver_done *done;
	void *arg;
};

static CURLM *multi; /* made with the first question, kept */
static struct loop_source *timer;

static void ask_free(struct ask *ask)
{
	if (ask->curl) {
		curl_multi_remove_handle(multi, ask->curl);
		curl_easy_cleanup(ask->curl);
	}
	curl_slist_free_all(ask->headers);
	free(ask);
}

static void ask_cancel(struct resolver_ask *base) { ask_free((struct ask *)base); }

static void ask_end(struct ask *ask, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(ask->curl, CURLINFO_RESPONSE_CODE, &status);
	ask->answer[ask->len] = 0;
	if (code == CURLE_WRITE_ERROR)
		ask->done(ask->arg, NULL, "its answer is too long");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		ask->done(ask->arg, NULL, "it did not answer in time");
	else if (code != CURLE_OK)
		ask->done(ask->arg, NULL, curl_easy_strerror(code));
	else if (status == 204 || status == 404)
		ask->done(ask->arg, "", NULL);
	else if (status != 200)
		ask->done(ask->arg, NULL, "its answer is neither 200 with a record nor 204 or 404");
	else
		ask->done(ask->arg, ask->answer, NULL);
	ask_free(ask);
}

static void end_all(void)
{
	CURLMsg *m;
	int left;
	while (multi && (m = curl_multi_info_read(multi, &left))) {
		char *ask = NULL;
		CURLcode code = m->data.result;
		if (m->msg == CURLMSG_DONE && !curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &ask))
			ask_end((struct ask *)ask, code);
	}
}

static void on_ready(int fd, uint32_t events, void *arg)
{
	int running, what = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
			    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) | (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
	curl_multi_socket_action(multi, fd, what, &running);
	end_all();
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *source)
{
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	loop_remove(source);
	curl_multi_assign(multi, fd, what == CURL_POLL_REMOVE ? NULL : loop_add_fd(fd, events, on_ready, NULL));
	return 0;
}

static void on_due(void *arg)
{
	int running;
	timer = NULL;
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	end_all();
}

static int on_timer(CURLM *m, long ms, void *arg)
{
	loop_remove(timer);
	timer = ms < 0 ? NULL : loop_add_timer(ms ? (uint64_t)ms : 1, 0, on_due, NULL);
	return 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct ask *ask = arg;
	if (n > RESOLVER_ANSWER_MAX - ask->len)
		return 0;
	memcpy(ask->answer + ask->len, data, n);
	ask->len += n;
	return n;
}

static int multi_make(void)
{
	if (multi)
		return 0;
	multi = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_multi_init();
	if (!multi)
		return -ENOMEM;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	return 0;
}

static void prepare(struct ask *ask, const char *url, const struct resolver_question *q, uint32_t timeout_ms)
{
	CURL *c = ask->curl;
	if (*url == '/') {
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, url);
		url = "http://resolver/";
	}
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, q->json);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, ask->headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, ask);
	curl_easy_setopt(c, CURLOPT_PRIVATE, ask);
}

struct resolver_ask *resolver_http(const char *url, const struct resolver_question *q, uint32_t timeout_ms,
				   resolver_done *done, void *arg)
{
	struct ask *ask = multi_make() ? NULL : calloc(1, sizeof(*ask));
	if (!ask) {
		errno = ENOMEM;
		return NULL;
	}
	ask->base.cancel = ask_cancel;
	ask->done = done;
	ask->arg = arg;
	ask->headers = curl_slist_append(NULL, "Content-Type: application/json");
	ask->curl = curl_easy_init();
	if (ask->curl && ask->headers) {
		prepare(ask, url, q, timeout_ms);
		if (!curl_multi_add_handle(multi, ask->curl))
			return &ask->base;
	}
	ask_free(ask);
	errno = ENOMEM;
	return NULL;
}

void resolver_http_fini(void)
{
	loop_remove(timer);
	timer = NULL;
	if (multi)
		curl_multi_cleanup(multi);
	multi = NULL;
}
