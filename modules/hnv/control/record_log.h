/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records that were set by the API, on disk beside the document: a log of what was set and removed, written
 * behind the last entry, and written anew, a piece at a time, when it is more than twice as long as it need be.
 *
 *     "WEFTREC1"  then entries: length (4 bytes, of the payload), CRC-32C of the payload (4), payload
 *     payload: version and operation (1 byte each), then for both: network, VSID, customer address, type, MAC
 *     address, and for a set: provider address, rule, encapsulation, flags, labels
 *
 * What is written survives weftd's end at once and the machine's within about a second: the disk is waited for by a
 * thread of its own. A torn end is cut off when it is read. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;
struct hnvc_record;

/* Opens the log in the folder, made if it is not there, and holds its records. */
int hnvc_log_open(const char *folder, struct err *e);
void hnvc_log_close(void);

/* Noted in memory, written by the next flush. The log need not be open: then nothing is kept. */
void hnvc_log_set(const struct hnvc_record *r);
void hnvc_log_remove(const struct hnvc_record *r);
int hnvc_log_flush(void); /* -errno: not written; tried again with the next */
void hnvc_log_tick(void); /* about once a second: the disk, and writing anew */
uint64_t hnvc_log_bytes(void);

/* record_entry.c: one payload. */
void hnvc_entry_encode(struct str *s, const struct hnvc_record *r, bool remove);
/* Holds or lets go what the payload says. -EINVAL: not a payload, -ENOMEM. */
int hnvc_entry_replay(const void *payload, size_t len);
