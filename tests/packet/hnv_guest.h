/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest in one virtual subnet, without a control side: the real nodes over tables that the test fills in. What
 * passes them comes out at "out", as if forwarded into a tunnel of 1458 bytes; "beside" is a neighbour on this host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/runtime/pipe.h"
#include "modules/hnv/tables.h"

#define GUEST_TUNNEL_MTU 1458
enum { GUEST_VM, GUEST_BESIDE, GUEST_OUT, GUEST_ADAPTERS };

extern struct hnv_network guest_net;
extern struct hnv_subnet guest_subnet; /* VSID 5001: 10.0.0.0/24, fd00:1::/64 */
extern struct hnv_port guest_port; /* of "vm": 00:15:5d:00:00:05, 10.0.0.5, fd00:1::5 */
extern struct pipe guest_pipe;
extern struct frame_pools guest_pools;

void guest_start(void); /* once a process; fails the test or aborts */
/* "2012", "l2only", "dhcp", "learn", "clamp", "bare" (no addresses), several or none; the buckets are full again. */
void guest_mode(const char *mode);
/* The dynamic address that the control side was asked for last; family 0: none. What it is to answer. */
extern struct ip guest_learned;
extern int guest_learn_answer;

void guest_send(const void *frame, size_t len); /* from vm */
void guest_send_frame(struct frame *f); /* taken */
void guest_turn(void); /* the control thread looks at what was punted, and it goes on */

struct frame *guest_got(unsigned adapter, unsigned index); /* NULL: none */
unsigned guest_got_total(void);
void guest_clear(void);
uint64_t guest_dropped(const char *reason);
bool guest_books_balance(void);
