/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces a document takes: the uplinks of its switches, and what guests are attached to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct api_document;

struct uplink {
	const char *ifname; /* NULL: none */
	char path[48]; /* "switches[0].uplink" */
};

/* The i-th object that may name one, switches first; false: there are no more. */
bool uplink_at(const struct api_document *doc, size_t i, struct uplink *ret);
bool uplinks_name(const struct api_document *doc, const char *ifname);
