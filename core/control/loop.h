/* SPDX-License-Identifier: Apache-2.0 */
/* The control thread's event loop: descriptors, timers, and calls posted from other threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop_source;

int loop_init(void);
void loop_fini(void);
int loop_run(void); /* until loop_stop, even one that came before */
int loop_turn(void); /* handles what is ready at this moment, waits for nothing (tests) */
void loop_stop(void); /* any thread, signal handlers too */

typedef void loop_fd_fn(int fd, uint32_t events, void *arg); /* events: EPOLLIN ... */
struct loop_source *loop_add_fd(int fd, uint32_t events, loop_fd_fn *fn, void *arg); /* NULL: errno */
/* interval_ms 0: once, and the source is gone when fn returns. Fires first after first_ms. */
struct loop_source *loop_add_timer(uint64_t first_ms, uint64_t interval_ms, void (*fn)(void *arg), void *arg);
void loop_remove(struct loop_source *s); /* NULL ok; does not close the fd; allowed inside its own callback */

/* Runs fn on the control thread soon. Any thread; -ENOMEM. */
int loop_post(void (*fn)(void *arg), void *arg);
