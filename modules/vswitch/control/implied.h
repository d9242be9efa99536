/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a switch have a host adapter of its own making? With allow-management-os left out, an external switch
 * has one if its uplink carries an address of the host when it is made; that is remembered on disk, because
 * afterwards the address is the adapter's and the interface has none.
 */
#pragma once

#include <stdbool.h>

#include "base/mac.h"

struct api_document;
struct api_switch;
struct vs_plan;
typedef struct json_t json_t;

struct implied {
	struct mac mac; /* the interface's; zero: from the pool */
	char interface[16]; /* taken over; "" if the uplink carried no address */
};

bool implied_find(const struct api_switch *sw, struct implied *ret_implied);
void implied_load(void); /* from the state folder */
/* Remembers for the document's switches what the plan made of them; forgets all others. In prepare already: as
 * soon as addresses move, the interface does not tell any more. */
void implied_store(const struct api_document *doc, const struct vs_plan *plan);
