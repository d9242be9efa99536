/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host without a kernel: the real modules take a document through a real transaction, but every port is a fake
 * that remembers what it was given. Frames are put in by adapter name and come out by adapter name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/runtime/pipe.h"

/* EAL without hugepages, pools, modules. Once a process. */
void host_start(void);
/* The document becomes the host's; a failure ends the test with its message. */
void host_apply(const char *yaml);
/* The same, expecting a refusal: its "path: text" in a static buffer; NULL: it was accepted. */
const char *host_apply_refused(const char *yaml);

/* One frame from the owner of `adapter` ("wire:SWITCH": from the wire), through the whole graph. */
void host_send(const char *adapter, const void *frame, size_t len);
/* The same for a frame that was made by the caller (chains, offloads); it is taken. */
void host_send_frame(const char *adapter, struct frame *f);
/* The same for up to PORT_BURST frames that came at once. */
void host_send_burst(const char *adapter, struct frame **frames, uint16_t n);
struct frame *host_frame(const void *frame, size_t len); /* with these bytes; the caller's */

/* What came out since the last host_clear, in order. NULL: no such frame. Owned by the host. */
struct frame *host_got(const char *adapter, unsigned index);
unsigned host_got_count(const char *adapter);
unsigned host_got_total(void);
void host_clear(void);

/* Drops under the reason, of all adapters, since the start. */
uint64_t host_dropped(const char *reason);
const struct counter_row *host_row(const char *adapter);
/* Fails the test unless every row and the whole balance. */
void host_check_books(void);

/* The control thread does what waits for it: punted frames are handled, and what it injected comes out. */
void host_turn(void);
/* The turned clock goes on, the control thread and its modules ticking once a second. */
void host_pass(uint64_t ms);

struct port *host_port(const char *adapter); /* to take capabilities away from it */
unsigned host_ports_open(void); /* opened and not closed */
struct pipe *host_pipe(void); /* its now_ms is the turned clock, as clock_now_ns is */
