/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink messages kept, read and said again; see record.h. */
#include "modules/hostnet/control/record.h"

#include <errno.h>
#include <jansson.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Of the family header at the front of a message of this type; 0: not a type kept here. */
static uint32_t header_size(uint16_t type)
{
	switch (type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return sizeof(struct rtmsg);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return sizeof(struct ndmsg);
	}
	return 0;
}

static int records_append(struct records *r, uint16_t type, const void *body, uint32_t len)
{
	struct record *grown = realloc(r->at, (r->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->at = grown;
	uint8_t *copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, body, len);
	r->at[r->n++] = (struct record){.type = type, .len = len, .body = copy};
	return 0;
}

int records_add(struct records *r, const struct nlmsghdr *nlh)
{
	uint32_t header = header_size(nlh->nlmsg_type);
	uint32_t len = (uint32_t)mnl_nlmsg_get_payload_len(nlh);
	if (!header || len < header || len > RECORD_MESSAGE_MAX / 2)
		return -EINVAL;
	return records_append(r, nlh->nlmsg_type, mnl_nlmsg_get_payload(nlh), len);
}

int record_copy(const struct record *r, struct records *into)
{
	return records_append(into, r->type, r->body, r->len);
}

void records_clear(struct records *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->at[i].body);
	free(r->at);
	*r = (struct records){0};
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static struct ip ip_from(uint8_t family, const void *bytes)
{
	struct ip ip = {.family = family};
	memcpy(ip.byte, bytes, family == AF_INET ? 4 : 16);
	return ip;
}

/* An attribute that is to hold an address of this family; false: it does not. */
static bool attr_ip(const struct nlattr *a, uint8_t family, struct ip *ret_ip)
{
	if ((family != AF_INET && family != AF_INET6) || mnl_attr_get_payload_len(a) < (family == AF_INET ? 4 : 16))
		return false;
	*ret_ip = ip_from(family, mnl_attr_get_payload(a));
	return true;
}

static uint32_t attr_u32(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a) >= 4 ? mnl_attr_get_u32(a) : 0;
}

static void view_lifetime(const struct ifa_cacheinfo *life, struct record_view *v)
{
	v->valid_s = life->ifa_valid;
	v->preferred_s = life->ifa_prefered;
}

static void view_address_attr(const struct nlattr *a, struct record_view *v, bool *have_local)
{
	struct ip ip;
	switch (mnl_attr_get_type(a)) {
	case IFA_LOCAL:
		*have_local = attr_ip(a, v->family, &v->prefix.ip) || *have_local;
		break;
	case IFA_ADDRESS: /* the peer's on a point-to-point link, where IFA_LOCAL is ours */
		if (!*have_local && attr_ip(a, v->family, &ip))
			v->prefix.ip = ip;
		break;
	case IFA_FLAGS:
		v->flags = attr_u32(a);
		break;
	case IFA_CACHEINFO:
		if (mnl_attr_get_payload_len(a) >= sizeof(struct ifa_cacheinfo))
			view_lifetime(mnl_attr_get_payload(a), v);
		break;
	case IFA_PROTO:
		v->protocol = mnl_attr_get_payload_len(a) ? mnl_attr_get_u8(a) : 0;
		break;
	}
}

static void view_route_attr(const struct nlattr *a, struct record_view *v)
{
	switch (mnl_attr_get_type(a)) {
	case RTA_DST:
		(void)attr_ip(a, v->family, &v->prefix.ip);
		break;
	case RTA_GATEWAY:
		(void)attr_ip(a, v->family, &v->gateway);
		break;
	case RTA_PREFSRC:
		(void)attr_ip(a, v->family, &v->source);
		break;
	case RTA_OIF:
		v->ifindex = attr_u32(a);
		break;
	case RTA_TABLE:
		v->table = attr_u32(a);
		break;
	case RTA_PRIORITY:
		v->metric = attr_u32(a);
		break;
	case RTA_MULTIPATH:
		v->multipath = true;
		break;
	case RTA_NH_ID:
		v->nexthop_object = true;
		break;
	}
}

static void view_header(const struct record *r, struct record_view *v)
{
	if (r->type == RTM_NEWADDR) {
		const struct ifaddrmsg *ifa = (const void *)r->body;
		*v = (struct record_view){.family = ifa->ifa_family,
					  .prefix.len = ifa->ifa_prefixlen,
					  .ifindex = ifa->ifa_index,
					  .valid_s = UINT32_MAX,
					  .preferred_s = UINT32_MAX,
					  .flags = ifa->ifa_flags,
					  .scope = ifa->ifa_scope};
	} else if (r->type == RTM_NEWROUTE) {
		const struct rtmsg *rtm = (const void *)r->body;
		*v = (struct record_view){.family = rtm->rtm_family,
					  .prefix.len = rtm->rtm_dst_len,
					  .table = rtm->rtm_table,
					  .flags = rtm->rtm_flags,
					  .scope = rtm->rtm_scope,
					  .protocol = rtm->rtm_protocol,
					  .kind = rtm->rtm_type};
		v->prefix.ip.family = rtm->rtm_family; /* a default route has no RTA_DST */
	} else {
		const struct ndmsg *ndm = (const void *)r->body;
		*v = (struct record_view){.family = ndm->ndm_family,
					  .ifindex = (uint32_t)ndm->ndm_ifindex,
					  .flags = ndm->ndm_flags,
					  .state = ndm->ndm_state};
	}
}

/* The attributes lie behind the family header, which netlink pads to 4 bytes. */
#define record_for_each_attr(a, r, header)                                                                           \
	mnl_attr_for_each_payload_(a, (r)->body + MNL_ALIGN(header), (r)->len - MNL_ALIGN(header))
#define mnl_attr_for_each_payload_(a, payload, size)                                                                 \
	for ((a) = (const struct nlattr *)(payload);                                                                 \
	     mnl_attr_ok((a), (int)((const uint8_t *)(payload) + (size) - (const uint8_t *)(a)));                    \
	     (a) = mnl_attr_next(a))

int record_view(const struct record *r, struct record_view *ret_view)
{
	uint32_t header = header_size(r->type);
	if (!header || r->len < MNL_ALIGN(header))
		return -EINVAL;

	struct record_view v;
	view_header(r, &v);
	bool have_local = false;
	const struct nlattr *a;
	record_for_each_attr(a, r, header) {
		if (r->type == RTM_NEWADDR)
			view_address_attr(a, &v, &have_local);
		else if (r->type == RTM_NEWROUTE)
			view_route_attr(a, &v);
		else if (mnl_attr_get_type(a) == NDA_DST && attr_ip(a, v.family, &v.prefix.ip))
			v.prefix.len = v.family == AF_INET ? 32 : 128;
	}
	*ret_view = v;
	return 0;
}

void record_set_lifetime(struct record *r, uint32_t valid_s, uint32_t preferred_s)
{
	if (r->type != RTM_NEWADDR || r->len < MNL_ALIGN(sizeof(struct ifaddrmsg)))
		return;
	const struct nlattr *a;
	record_for_each_attr(a, r, sizeof(struct ifaddrmsg)) {
		struct ifa_cacheinfo *life = mnl_attr_get_payload(a);
		if (mnl_attr_get_type(a) == IFA_CACHEINFO && mnl_attr_get_payload_len(a) >= sizeof(*life)) {
			life->ifa_valid = valid_s;
			life->ifa_prefered = preferred_s;
		}
	}
}

void record_set_protocol(struct record *r, uint8_t address_protocol, uint8_t route_protocol)
{
	const struct nlattr *a;
	if (r->type == RTM_NEWROUTE && r->len >= sizeof(struct rtmsg))
		((struct rtmsg *)(void *)r->body)->rtm_protocol = route_protocol;
	if (r->type != RTM_NEWADDR || r->len < MNL_ALIGN(sizeof(struct ifaddrmsg)))
		return;
	record_for_each_attr(a, r, sizeof(struct ifaddrmsg))
		if (mnl_attr_get_type(a) == IFA_PROTO && mnl_attr_get_payload_len(a) >= 1)
			*(uint8_t *)mnl_attr_get_payload(a) = address_protocol;
}

/* ---- on disk ------------------------------------------------------------------------------------------ */

json_t *records_encode(const struct records *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->n && list; i++) {
		struct record_view v;
		char text[IP_PREFIX_TEXT_SIZE] = "";
		if (record_view(&r->at[i], &v) == 0 && v.prefix.ip.family)
			ip_prefix_format(&v.prefix, text);
		struct str hex = {0};
		for (uint32_t b = 0; b < r->at[i].len; b++)
			str_add(&hex, "%02x", r->at[i].body[b]);
		char *hex_text = str_take(&hex);
		json_t *one = hex_text ? json_pack("{s:s, s:s}", "is", text, "message", hex_text) : NULL;
		free(hex_text);
		if (!one || json_array_append_new(list, one) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static int record_decode(const char *hex, uint16_t type, struct records *into)
{
	uint8_t body[RECORD_MESSAGE_MAX / 2];
	size_t digits = hex ? strlen(hex) : 0;
	if (digits % 2 || digits / 2 < MNL_ALIGN(header_size(type)) || digits / 2 > sizeof(body))
		return -EINVAL;
	for (size_t i = 0; i < digits / 2; i++) {
		int high = str_hex_digit(hex[2 * i]), low = str_hex_digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		body[i] = (uint8_t)(high << 4 | low);
	}
	return records_append(into, type, body, (uint32_t)digits / 2);
}

int records_decode(const json_t *json, uint16_t type, struct records *ret_records)
{
	struct records r = {0};
	size_t i;
	json_t *one;
	if (!header_size(type) || (json && !json_is_array(json)))
		return -EINVAL;
	json_array_foreach((json_t *)json, i, one) {
		int rc = record_decode(json_string_value(json_object_get(one, "message")), type, &r);
		if (rc < 0) {
			records_clear(&r);
			return rc;
		}
	}
	*ret_records = r;
	return 0;
}

/* ---- saying it again ----------------------------------------------------------------------------------- */

/* "eth0" -> "LAN", "eth0:1" -> "LAN:1"; a label that is not after the interface stays. */
static void put_label(struct nlmsghdr *nlh, const struct nlattr *a, const struct record_target *to)
{
	char old[16] = "", label[32];
	size_t len = mnl_attr_get_payload_len(a);
	memcpy(old, mnl_attr_get_payload(a), len < sizeof(old) - 1 ? len : sizeof(old) - 1);
	size_t stem = to->from_name ? strlen(to->from_name) : 0;
	if (stem && to->to_name && !strncmp(old, to->from_name, stem) && (!old[stem] || old[stem] == ':'))
		snprintf(label, sizeof(label), "%s%s", to->to_name, old + stem);
	else
		snprintf(label, sizeof(label), "%s", old);
	label[15] = 0; /* IFNAMSIZ; the kernel cuts there too */
	mnl_attr_put_strz(nlh, IFA_LABEL, label);
}

static uint32_t lifetime_left(uint32_t seconds, uint32_t elapsed)
{
	if (seconds == UINT32_MAX)
		return seconds;
	return seconds > elapsed ? seconds - elapsed : 0;
}

/* 0 or -ENODATA: the lifetime is over. */
static int put_address_attr(struct nlmsghdr *nlh, const struct nlattr *a, const struct record_target *to)
{
	switch (mnl_attr_get_type(a)) {
	case IFA_LABEL:
		put_label(nlh, a, to);
		return 0;
	case IFA_FLAGS: {
		uint32_t flags = attr_u32(a) & ~(uint32_t)(IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED |
							   IFA_F_SECONDARY | IFA_F_STABLE_PRIVACY | IFA_F_OPTIMISTIC);
		if (((struct ifaddrmsg *)mnl_nlmsg_get_payload(nlh))->ifa_family == AF_INET)
			flags = attr_u32(a) & ~(uint32_t)IFA_F_SECONDARY;
		else if (to->no_dad)
			flags |= IFA_F_NODAD;
		mnl_attr_put_u32(nlh, IFA_FLAGS, flags);
		return 0;
	}
	case IFA_CACHEINFO: {
		struct ifa_cacheinfo life;
		if (mnl_attr_get_payload_len(a) < sizeof(life))
			return 0;
		memcpy(&life, mnl_attr_get_payload(a), sizeof(life));
		life.ifa_valid = lifetime_left(life.ifa_valid, to->elapsed_s);
		life.ifa_prefered = lifetime_left(life.ifa_prefered, to->elapsed_s);
		if (!life.ifa_valid)
			return -ENODATA;
		mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
		return 0;
	}
	case IFA_MULTICAST:
	case IFA_ANYCAST: /* other lists, not ours to set */
		return 0;
	}
	mnl_attr_put(nlh, mnl_attr_get_type(a), mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
	return 0;
}

/* What tells an address from others; its label may have been another where it is removed. */
static void put_address_key(struct nlmsghdr *nlh, const struct nlattr *a)
{
	uint16_t type = mnl_attr_get_type(a);
	if (type == IFA_LOCAL || type == IFA_ADDRESS)
		mnl_attr_put(nlh, type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
}

static int put_route_attr(struct nlmsghdr *nlh, const struct nlattr *a, const struct record_target *to)
{
	switch (mnl_attr_get_type(a)) {
	case RTA_OIF:
		mnl_attr_put_u32(nlh, RTA_OIF, to->ifindex);
		return 0;
	case RTA_CACHEINFO: { /* rta_expires counts in 1/100 s; zero: never */
		struct rta_cacheinfo life;
		if (mnl_attr_get_payload_len(a) < sizeof(life))
			return 0;
		memcpy(&life, mnl_attr_get_payload(a), sizeof(life));
		if (!life.rta_expires)
			return 0;
		uint32_t left =
			life.rta_expires < 0 ? 0 : lifetime_left((uint32_t)life.rta_expires / 100, to->elapsed_s);
		if (!left)
			return -ENODATA;
		mnl_attr_put_u32(nlh, RTA_EXPIRES, left);
		return 0;
	}
	}
	mnl_attr_put(nlh, (uint16_t)(mnl_attr_get_type(a) | (a->nla_type & NLA_F_NESTED)),
		     mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
	return 0;
}

static void put_neighbour_attr(struct nlmsghdr *nlh, const struct nlattr *a)
{
	uint16_t type = mnl_attr_get_type(a);
	if (type == NDA_DST || type == NDA_LLADDR || type == NDA_PROTOCOL)
		mnl_attr_put(nlh, type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
}

static void put_header(struct nlmsghdr *nlh, const struct record *r, const struct record_target *to)
{
	void *header = mnl_nlmsg_put_extra_header(nlh, header_size(r->type));
	memcpy(header, r->body, header_size(r->type));
	if (r->type == RTM_NEWADDR) {
		struct ifaddrmsg *ifa = header;
		ifa->ifa_index = to->ifindex;
	} else if (r->type == RTM_NEWROUTE) {
		struct rtmsg *rtm = header;
		rtm->rtm_flags &= RTNH_F_ONLINK | RTNH_F_PERVASIVE;
		if (to->on_link)
			rtm->rtm_flags |= RTNH_F_ONLINK;
	} else {
		struct ndmsg *ndm = header;
		ndm->ndm_ifindex = (int)to->ifindex;
		if (to->stale && !(ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP)))
			ndm->ndm_state = NUD_STALE;
	}
}

int record_message(const struct record *r, uint16_t type, uint16_t flags, const struct record_target *to,
		   uint8_t buf[static RECORD_MESSAGE_MAX], struct nlmsghdr **ret_nlh)
{
	uint32_t header = header_size(r->type);
	if (!header || r->len < MNL_ALIGN(header) || r->len > RECORD_MESSAGE_MAX / 2)
		return -EMSGSIZE;
	memset(buf, 0, RECORD_MESSAGE_MAX);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	put_header(nlh, r, to);

	bool remove = type == RTM_DELADDR || type == RTM_DELROUTE || type == RTM_DELNEIGH;
	const struct nlattr *a;
	record_for_each_attr(a, r, header) {
		int rc = 0;
		if (type == RTM_DELADDR)
			put_address_key(nlh, a);
		else if (r->type == RTM_NEWADDR)
			rc = put_address_attr(nlh, a, to);
		else if (r->type == RTM_NEWROUTE)
			rc = put_route_attr(nlh, a, to);
		else
			put_neighbour_attr(nlh, a);
		if (rc < 0 && !remove) /* what has run out can still be removed */
			return rc;
	}
	*ret_nlh = nlh;
	return 0;
}
