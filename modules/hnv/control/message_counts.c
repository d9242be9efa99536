/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages by what became of them, apart from the bytes so that status needs no packets. */
#include "modules/hnv/control/message.h"

uint64_t hnvc_messages_sent[2], hnvc_messages_believed[2], hnvc_messages_refused[HNVC_MESSAGE_REASONS];

const char *const hnvc_message_reasons[HNVC_MESSAGE_REASONS] = {
	[HNVC_MESSAGE_GOOD] = "good",
	[HNVC_MESSAGE_TRUNCATED] = "truncated",
	[HNVC_MESSAGE_OTHER] = "not-a-message",
	[HNVC_MESSAGE_CHECKSUM] = "checksum",
	[HNVC_MESSAGE_ADDRESSES] = "addresses-differ",
	[HNVC_MESSAGE_QUOTE_WRONG] = "wrong-quote",
	[HNVC_MESSAGE_UNKNOWN_HOST] = "not-its-host",
	[HNVC_MESSAGE_UNKNOWN_SUBNET] = "unknown-virtual-subnet",
	[HNVC_MESSAGE_NO_RECORD] = "no-record",
	[HNVC_MESSAGE_NOT_SENDER] = "not-our-sender",
	[HNVC_MESSAGE_TARGET] = "bad-target",
};
