/* SPDX-License-Identifier: Apache-2.0 */
/* A request target ("/v1/fdb/lab%201?since=3") taken apart and decoded, once. */
#pragma once

struct err;

#define URL_SIZE_MAX 4096 /* bytes of a target, NUL included */
#define URL_SEGMENTS_MAX 8
#define URL_QUERY_MAX 8

struct url {
	unsigned n_segments, n_query;
	const char *segment[URL_SEGMENTS_MAX]; /* between the slashes, decoded: may hold a '/' itself */
	struct {
		const char *key, *value; /* "key" alone: value "" */
	} query[URL_QUERY_MAX];
	char text[URL_SIZE_MAX]; /* what the pointers point into */
};

/* Fills u, on failure in part. -EINVAL: not a path, a broken or forbidden escape (NUL, control characters), a
 * key twice; -E2BIG: too long. */
int url_parse(const char *target, struct url *u, struct err *e);
const char *url_query(const struct url *u, const char *key); /* NULL: absent */
