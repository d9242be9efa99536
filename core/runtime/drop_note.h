/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule refused a guest or the host is told as it happens (DROP_POLICY): an event when a frame of an adapter ends
 * under a reason, and then, while more do, one a second that says how many, later one a minute. Every frame is in one
 * event and no more; who floods the switch does not flood the events, of which there are NOTE_EVENTS a second for all.
 */
#pragma once

#include "core/runtime/dataplane.h"
#include "core/runtime/drop.h"

#define NOTE_SILENCE_MS 1000 /* between two events of one adapter and reason; doubles while it goes on */
#define NOTE_SILENCE_MAX_MS 64000
#define NOTE_EVENTS 50

int drop_notes_init(void); /* after loop_init and EAL; -errno */
void drop_notes_fini(void);

/* Any thread: a frame at adapter a ended under r, which is one of policy. What comes by an uplink is nobody's here. */
void drop_note(const struct dp_adapter *a, const struct drop_reason *r);
