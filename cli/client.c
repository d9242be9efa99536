/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over weftd's unix socket, by libcurl. */
#include "cli/client.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cli/output.h"

#define ANSWER_MAX (64u << 20) /* bytes; longer is no answer of weftd's */
#define LINE_MAX_BYTES (1u << 20) /* of an answer of JSON lines */
#define AGAIN_EVERY_MS 4u
#define ANSWER_WITHIN_S 120L /* an apply may wait for DHCP; nothing takes longer than this */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig) { interrupted = 1; }

void client_catch_interrupt(void)
{
	struct sigaction sa = {.sa_handler = on_interrupt}; /* no SA_RESTART: sleeps end */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool client_interrupted(void) { return interrupted; }

void client_escape(struct str *s, const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;
		bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
			     strchr("-._~", ch);
		str_add(s, plain ? "%c" : "%%%02X", ch);
	}
}

/* One request under way. */
struct exchange {
	CURL *curl;
	struct str answer;
	client_sink_fn *sink; /* NULL: the whole answer is kept */
	void *arg;
	bool enough; /* the sink said so */
	bool too_long;
};

static long exchange_status(const struct exchange *x)
{
	long status = 0;
	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * n;
	if (x->sink && exchange_status(x) < 400) {
		x->enough = x->sink(x->arg, data, len) != 0;
		return x->enough ? 0 : len;
	}
	x->too_long = len > ANSWER_MAX - x->answer.len;
	if (x->too_long)
		return 0;
	str_add_bytes(&x->answer, data, len);
	return x->answer.failed ? 0 : len;
}

/* curl asks about once a second and after every piece: the way a stream ends on Ctrl-C. */
static int on_progress(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	return client_interrupted();
}

/* What connect() says, for the message: curl tells only that it failed. 0: it works now. */
static int connect_errno(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	memcpy(address.sun_path, path, len);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	int r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	close(fd);
	return r;
}

static int say_unreachable(struct cli *c, CURLcode code)
{
	int e = connect_errno(c->socket);
	switch (e) {
	case ENOENT:
	case ECONNREFUSED:
		fprintf(c->err,
			"error: weftd does not run: %s %s\n"
			"start it with 'systemctl start weftd'; a weftd elsewhere is named by --socket or WEFT_SOCKET\n",
			e == ENOENT ? "there is no socket" : "nobody listens at", c->socket);
		break;
	case EACCES:
	case EPERM:
		fprintf(c->err,
			"error: no permission for %s\n"
			"members of the group weft may use it: 'sudo usermod -aG weft %s', then log in again\n",
			c->socket, getenv("USER") ? getenv("USER") : "USER");
		break;
	case ENAMETOOLONG:
		fprintf(c->err, "error: %s: too long for a socket; use at most 107 bytes\n", c->socket);
		break;
	default:
		fprintf(c->err, "error: weftd at %s: %s\n", c->socket, e ? strerror(e) : curl_easy_strerror(code));
	}
	return CLI_UNREACHABLE;
}

/* weftd's reason, from a problem object (RFC 9457). */
static int say_problem(struct cli *c, const struct exchange *x, const char *about)
{
	json_t *problem = x->answer.text ? json_loadb(x->answer.text, x->answer.len, 0, NULL) : NULL;
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *path = json_string_value(json_object_get(problem, "path"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	struct str s = {0};
	if (path && *path) {
		text_add(&s, path);
		str_add(&s, ": ");
	} else if (about) {
		text_add(&s, about);
		str_add(&s, ": ");
	}
	if (detail || title)
		text_add(&s, detail ? detail : title);
	else
		str_add(&s, "weftd answered with status %ld", exchange_status(x));
	char *text = cli_take(&s);
	fprintf(c->err, "error: %s\n", text);
	free(text);
	json_decref(problem);
	return CLI_REFUSED;
}

/* What cannot be done yet is asked for again, if the request says so. */
static CURLcode perform(struct exchange *x, unsigned again_ms)
{
	for (unsigned waited_ms = 0;; waited_ms += AGAIN_EVERY_MS) {
		CURLcode code = curl_easy_perform(x->curl);
		if (code != CURLE_OK || exchange_status(x) != 503 || waited_ms >= again_ms || client_interrupted())
			return code;
		str_free(&x->answer);
		usleep(AGAIN_EVERY_MS * 1000);
	}
}

static int exchange_run(struct cli *c, struct exchange *x, const struct client_request *r)
{
	x->curl = curl_easy_init();
	if (!x->curl)
		return cli_refuse(c, "out of memory");
	struct str url = {0};
	str_add(&url, "http://weftd%s", r->path);
	char *url_text = cli_take(&url);
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	if (r->content_type) {
		char line[128];
		snprintf(line, sizeof(line), "Content-Type: %s", r->content_type);
		headers = curl_slist_append(headers, line);
	}
	curl_easy_setopt(x->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(x->curl, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(x->curl, CURLOPT_URL, url_text);
	curl_easy_setopt(x->curl, CURLOPT_CUSTOMREQUEST, r->method ? r->method : "GET");
	curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, headers);
	if (r->body || (r->method && strcmp(r->method, "GET") != 0)) {
		curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, r->body ? r->body : "");
		curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	}
	curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(x->curl, CURLOPT_TIMEOUT, x->sink ? 0L : ANSWER_WITHIN_S);
	curl_easy_setopt(x->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(x->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	CURLcode code = perform(x, r->again_ms);

	int result = CLI_OK;
	if (code == CURLE_OK || exchange_status(x) >= 400)
		result = exchange_status(x) >= 400 ? say_problem(c, x, r->refused_about) : CLI_OK;
	else if (x->sink && (x->enough || code == CURLE_ABORTED_BY_CALLBACK))
		result = CLI_OK;
	else if (x->too_long || x->answer.failed)
		result = cli_refuse(c, "weftd's answer is too long to be one");
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		result = cli_refuse(c, "interrupted; whether weftd carried it out is not known");
	else if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) /* latter: path too long */
		result = say_unreachable(c, code);
	else {
		fprintf(c->err, "error: weftd went away while it was asked: %s\n", curl_easy_strerror(code));
		result = CLI_UNREACHABLE;
	}
	curl_slist_free_all(headers);
	free(url_text);
	return result;
}

int client_call(struct cli *c, const struct client_request *r, json_t **ret_json)
{
	struct exchange x = {0};
	int result = exchange_run(c, &x, r);
	if (result == CLI_OK) {
		json_error_t e;
		json_t *json = json_loadb(x.answer.text ? x.answer.text : "", x.answer.len, JSON_DECODE_ANY, &e);
		if (json)
			*ret_json = json;
		else
			result = cli_refuse(c, "weftd's answer is not JSON: %s", e.text);
	}
	curl_easy_cleanup(x.curl);
	str_free(&x.answer);
	return result;
}

int client_get(struct cli *c, const char *path, json_t **ret_json)
{
	return client_call(c, &(struct client_request){.path = path}, ret_json);
}

int client_stream(struct cli *c, const char *path, client_sink_fn *sink, void *arg)
{
	struct exchange x = {.sink = sink, .arg = arg};
	int result = exchange_run(c, &x, &(struct client_request){.path = path});
	curl_easy_cleanup(x.curl);
	str_free(&x.answer);
	return result;
}

/* Lines of JSON as they come, cut anywhere. */
struct lines {
	client_line_fn *fn;
	void *arg;
	struct str part; /* a line without its end */
};

static int take_lines(void *arg, const char *data, size_t len)
{
	struct lines *l = arg;
	int enough = 0;
	while (len && !enough) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;
		if (l->part.len + n > LINE_MAX_BYTES)
			return 1; /* no line of weftd's is that long */
		str_add_bytes(&l->part, data, n);
		data += n + (end != NULL);
		len -= n + (end != NULL);
		if (!end)
			break;
		json_t *line = l->part.text ? json_loadb(l->part.text, l->part.len, 0, NULL) : NULL;
		if (line)
			enough = l->fn(l->arg, line);
		json_decref(line);
		str_free(&l->part);
	}
	return enough;
}

int client_lines(struct cli *c, const char *path, client_line_fn *fn, void *arg)
{
	struct lines l = {.fn = fn, .arg = arg};
	int result = client_stream(c, path, take_lines, &l);
	str_free(&l.part);
	return result;
}
