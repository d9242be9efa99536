/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames as they pass, in pcapng, for `weft capture`. A worker looks at one pointer when nobody captures.
 * When somebody does, it copies what the filter lets through into memory of the capture's own, so that a
 * slow reader costs the capture frames (counted, and told in the file) and the traffic nothing.
 *
 * In the file, inbound means that the frame entered the switch from the adapter, outbound that it went out
 * to it. A dropped frame bears the reason in its comment; one that was dropped after it entered is there
 * twice, as it came and as it was dropped.
 */
#pragma once

#include "core/runtime/pipe.h"

struct capture;
struct err;

#define CAPTURE_MAX 8 /* at a time */
#define CAPTURE_FILTER_MAX 4096 /* bytes */

enum capture_point { CAPTURE_IN, CAPTURE_OUT };

/* Control thread. */
struct capture_options {
	const char *adapter; /* only frames from and to it; NULL: everyone's */
	const char *filter; /* as tcpdump takes it; NULL or "": everything. Sees at least the first 256 bytes. */
	uint32_t snaplen; /* bytes kept of a frame; 0: all */
	uint64_t count; /* frames after which the capture is finished; 0: no limit */
};

/* Frames are taken from here on. -ENOENT: no such adapter, -EINVAL: the filter, -EBUSY: CAPTURE_MAX run,
 * -ENOMEM. */
int capture_open(const struct capture_options *options, struct capture **ret_capture, struct err *e);
/* The next bytes of the file: how many, 0: nothing now, -1: finished. */
long capture_read(struct capture *c, char *buf, size_t max);
void capture_close(struct capture *c); /* NULL ok */

/* Worker threads. What to take frames for, or NULL; good until the worker's next quiescent state. */
struct capture_set *capture_current(void);
void capture_take(struct pipe *p, const struct dp_adapter *a, struct frame *const *frames, uint16_t n,
		  enum capture_point point, const struct drop_reason *reason);

/* Frames pass adapter a at this point. reason: they were dropped; NULL: they were not. */
static inline void capture_tap(struct pipe *p, const struct dp_adapter *a, struct frame *const *frames, uint16_t n,
			       enum capture_point point, const struct drop_reason *reason)
{
	if (unlikely(p->capture != NULL))
		capture_take(p, a, frames, n, point, reason);
}
