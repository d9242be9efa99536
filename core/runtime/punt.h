/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways between workers and the control thread for frames: up, what a node cannot settle by its tables
 * (a neighbour's answer, an address never seen, a control message), and down, what the control thread made.
 * Both are bounded; up, also for each adapter, so that one guest cannot crowd out the others.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/runtime/dataplane.h"
#include "core/runtime/frame.h"

struct pipe;

struct punt_kind {
	const char *name; /* "provider_neighbour", as explain tells it */
	/* Control thread. adapter: the id that the frame came in by (it may be gone by now); f is handle's to free. */
	void (*handle)(uint16_t adapter, struct frame *f);
};

#define PUNT(ident, handle_fn) static const struct punt_kind punt_##ident = {.name = #ident, .handle = (handle_fn)}

int punt_init(void); /* after loop_init and EAL; -errno */
void punt_fini(void);

/* Worker: hands f to the control thread, counted as consumed; f's tenant metadata goes with it. When the way is
 * full for this adapter, f ends as "punt-full". Under explain it is told and freed. */
void punt(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct punt_kind *kind);

/* Control thread: frames made here leave by adapter `to`, through its egress nodes; counted as originated on its
 * behalf. Takes them all; what has no room is freed and counted as dropped ("handover-full"). */
void inject(uint16_t to, struct frame **frames, uint16_t n);
/* Control thread: frames that were punted by adapter `from` and held go on from where they were received, through
 * its ingress nodes; they are not counted as received again. */
void inject_resume(uint16_t from, struct frame **frames, uint16_t n);
