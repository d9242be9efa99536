/* SPDX-License-Identifier: Apache-2.0 */
/* What a probe of test-adapter looks like: an ICMP echo with a mark, a nonce and, coming back, a verdict. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"
#include "core/runtime/frame.h"

#define PROBE_NONCE 8
#define PROBE_TEXT 160 /* bytes of a verdict, NUL included */
#define PROBE_PAYLOAD_MIN 16u /* the mark and the nonce */

struct probe_message {
	struct ip from, to; /* customer addresses of one family */
	bool reply;
	uint16_t sequence;
	uint8_t nonce[PROBE_NONCE];
	/* Of a reply. */
	bool reached;
	char text[PROBE_TEXT]; /* reached: "HOST ADAPTER"; else why not */
};

/* A frame to `mac` with `payload` bytes behind the ICMP header (more, if the verdict needs more). NULL: no memory. */
struct frame *probe_message_make(const struct probe_message *m, const struct mac *mac, uint32_t payload);
/* f was sent by somebody else. false: it is no probe. *ret_payload: bytes behind the ICMP header. */
bool probe_message_parse(struct frame *f, struct probe_message *ret, uint32_t *ret_payload);
