/* SPDX-License-Identifier: Apache-2.0 */
/* The one quiescent-state variable of the process: workers report to it, the control thread waits on it. */
#pragma once

struct rte_rcu_qsbr;

struct rte_rcu_qsbr *rcu_variable(void); /* lives as long as the process; sized for WORKERS_MAX */

void rcu_wait(void); /* control thread: until no worker can be using what it could reach before this call */
/* Control thread: fn(arg) is called there once no worker can be using what it could reach before this call. Nobody waits
 * for it: those whose time has come are called by the next of these two. */
void rcu_defer(void (*fn)(void *arg), void *arg);
void rcu_reclaim(void); /* about once a second */
/* Waits, and calls all that are left. When workers stop, or a test wants to see the end. */
void rcu_drain(void);
