/* SPDX-License-Identifier: Apache-2.0 */
/* Giving the host back without a weftd: what the guard process and `weftd --restore` do. */
#pragma once

struct err;
struct host_adapters;

int hostnet_rollback(const char *state_dir, struct err *e); /* module.h: guard_rollback */

/* Remembers whose taps are the host's adapters, for that: those that run and those about to be. NULL: none. */
void host_taps_store(const struct host_adapters *running, const struct host_adapters *preparing);
