/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends one frame through the nodes that run, on the control thread, and tells what each decided. Nothing is
 * learned, counted or sent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
typedef struct json_t json_t;

/* from: an adapter's name or "wire:SWITCH". *ret_answer: {from, frame, steps [{stage, node, adapter, verdict,
 * text; frame: in hex, of one that is delivered}], outcome}; new reference. -ENOENT: no such adapter; -EINVAL: the
 * frame has more than FRAME_MAX bytes. */
int explain_run(const char *from, const uint8_t *frame, size_t len, json_t **ret_answer, struct err *e);
