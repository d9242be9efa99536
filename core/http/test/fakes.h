/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind the routes in tests and in the fuzzer: an engine that notes what it was asked, and a small
 * dataplane with a guest, the host's adapter and a wire on the switch "lab". Linked instead of the real ones.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/control/engine.h"
#include "core/runtime/counter.h"
#include "core/runtime/dataplane.h"

struct fake {
	/* Set by a test: */
	int engine_result; /* what the engine's calls return; with -errno the text is "refused by the test" */
	uint32_t unconfirmed_s;
	bool dataplane; /* false: nothing runs yet */
	const char *peer; /* what vm1's port says of its peer */
	bool capture_ready; /* the next capture_read gives a block */
	bool capture_finished;
	/* Noted for it: */
	struct engine_options options;
	int64_t rollback_revision;
	size_t applied, captures_open;
	char capture_adapter[64], capture_filter[64], explain_from[64];
	uint32_t capture_snaplen;
	uint64_t capture_count;
	size_t explain_len;
	uint8_t explain_last; /* last byte of the frame */
};
extern struct fake fake;

enum { FAKE_VM1, FAKE_HOST, FAKE_WIRE, FAKE_ADAPTERS };
extern struct counter_row fake_rows[FAKE_ADAPTERS];
extern struct counter_row fake_departed;

/* Everything as at the beginning: document, dataplane and counters of which the books balance. */
void fake_reset(void);
void fake_clear(void); /* frees */
