/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One address, route or neighbour of an interface, kept in the kernel's own words (the body of its netlink
 * message), so that it can be said again for another interface, or after a crash for the same one, without
 * losing an attribute that nobody here knows of.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

struct nlmsghdr;
typedef struct json_t json_t;

#define RECORD_MESSAGE_MAX 4096u /* bytes of one message, header included; the kernel's are far smaller */

struct record {
	uint16_t type; /* RTM_NEWADDR, RTM_NEWROUTE or RTM_NEWNEIGH */
	uint32_t len;
	uint8_t *body; /* family header and attributes, as dumped */
};

struct records {
	struct record *at;
	size_t n;
};

int records_add(struct records *r, const struct nlmsghdr *nlh); /* copies; -EINVAL: not one of the three, -ENOMEM */
void records_clear(struct records *r);

/* [{"is": "192.0.2.1/24", "message": hex}...]; "is" is for people and ignored by decode. New reference. */
json_t *records_encode(const struct records *r);
int records_decode(const json_t *json, uint16_t type, struct records *ret_records); /* -EINVAL, -ENOMEM */

/* What a record says, as far as anyone here asks. Absent parts are zero. */
struct record_view {
	uint8_t family;
	struct ip_prefix prefix; /* the address, or the route's destination */
	struct ip gateway, source; /* routes: next hop and preferred source */
	uint32_t ifindex, table, metric;
	uint32_t valid_s, preferred_s; /* addresses: seconds left, UINT32_MAX for ever */
	uint32_t flags; /* IFA_F_*, or rtm_flags */
	uint8_t scope, protocol, kind; /* kind: rtm_type; neighbours: nothing */
	uint16_t state; /* neighbours: NUD_* */
	bool multipath, nexthop_object;
};

int record_view(const struct record *r, struct record_view *ret_view); /* -EINVAL: malformed */

/* An address record's seconds left, as of when it was recorded. */
void record_set_lifetime(struct record *r, uint32_t valid_s, uint32_t preferred_s);
/* Whose it is from now on: IFA_PROTO if it has one, RTPROT_*. */
void record_set_protocol(struct record *r, uint8_t address_protocol, uint8_t route_protocol);
int record_copy(const struct record *r, struct records *into); /* -ENOMEM */

/* How a record is said anew. */
struct record_target {
	uint32_t ifindex;
	const char *from_name, *to_name; /* labels of IPv4 addresses follow the interface's name */
	uint32_t elapsed_s; /* since it was recorded: off every finite lifetime */
	bool no_dad; /* IPv6: the address was ours until now, use it at once */
	bool stale; /* neighbours: what is not permanent becomes stale */
	bool on_link; /* routes: the next hop is there, although no subnet says so */
};

/*
 * Builds in buf the message that makes (type RTM_NEW*) or removes (RTM_DEL*) the record at the target; flags
 * are NLM_F_*. -ENODATA: nothing to say (the lifetime is over). -EMSGSIZE.
 */
int record_message(const struct record *r, uint16_t type, uint16_t flags, const struct record_target *to,
		   uint8_t buf[static RECORD_MESSAGE_MAX], struct nlmsghdr **ret_nlh);
