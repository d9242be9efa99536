/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a host's stack out of an interface that is a port: a filter at its ingress hook takes every frame away
 * after packet sockets have seen it, and IPv6 is off. The filter is a classic BPF program, which every kernel
 * since 4.5 takes without bpf(2). Its first instructions load what was there before, to no effect but that
 * the kernel shows them to whoever asks: so the interface itself remembers, and nothing about it is to be stored,
 * or to be found stale, anywhere else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "core/control/interface.h"
#include "core/control/netlink.h"
#include "modules/port-wire/control/interface.h"

#define FILTER_PRIORITY 1
#define FILTER_HANDLE 0x77656674 /* "weft" */
#define NO_IPV6 2 /* disable_ipv6 of a kernel without IPv6 */
#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

struct silence_before {
	uint32_t mtu;
	uint32_t up;
	uint32_t disable_ipv6; /* 0, 1 or NO_IPV6 */
};

enum filter_instruction { FILTER_MARK, FILTER_MTU, FILTER_UP, FILTER_IPV6, FILTER_TAKE, FILTER_LENGTH };

struct filter_search {
	bool ours, others;
	struct silence_before before;
};

static struct nlmsghdr *tc_message(void *buf, uint16_t type, uint16_t flags, int index, uint32_t parent)
{
	struct nlmsghdr *nlh = netlink_message(buf, type, flags);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = index;
	tc->tcm_parent = parent;
	return nlh;
}

static bool read_before(const struct nlattr *options, struct silence_before *ret_before)
{
	struct sock_filter program[FILTER_LENGTH];
	const struct nlattr *attr;
	mnl_attr_for_each_nested(attr, options) {
		if (mnl_attr_get_type(attr) != TCA_BPF_OPS || mnl_attr_get_payload_len(attr) != sizeof(program))
			continue;
		memcpy(program, mnl_attr_get_payload(attr), sizeof(program));
		*ret_before =
			(struct silence_before){program[FILTER_MTU].k, program[FILTER_UP].k, program[FILTER_IPV6].k};
		return program[FILTER_MARK].k == FILTER_HANDLE;
	}
	return false;
}

static int look_at_filter(const struct nlmsghdr *nlh, void *arg)
{
	struct filter_search *s = arg;
	struct silence_before before;
	if (nlh->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct tcmsg))
		return 0;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	if (!tc->tcm_handle)
		return 0; /* the heading of a priority */
	bool ours = false;
	const struct nlattr *attr;
	mnl_attr_for_each(attr, nlh, sizeof(*tc))
		if (mnl_attr_get_type(attr) == TCA_OPTIONS && tc->tcm_handle == FILTER_HANDLE)
			ours = read_before(attr, &before);
	if (ours)
		s->before = before;
	s->ours |= ours;
	s->others |= !ours;
	return 0;
}

static int find_filters(struct netlink *nl, int index, uint32_t parent, struct filter_search *s)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc = netlink_request(nl, tc_message(buf, RTM_GETTFILTER, NLM_F_DUMP, index, parent), look_at_filter, s);
	return rc == -EINVAL ? 0 : rc; /* there is no such hook yet */
}

static int add_hook(struct netlink *nl, int index)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct nlmsghdr *nlh = tc_message(buf, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, TC_H_CLSACT);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(nlh, TCA_KIND, "clsact");
	int rc = netlink_request(nl, nlh, NULL, NULL);
	return rc == -EEXIST ? 0 : rc;
}

static void remove_hook(struct netlink *nl, int index)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct nlmsghdr *nlh = tc_message(buf, RTM_DELQDISC, 0, index, TC_H_CLSACT);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(nlh, TCA_KIND, "clsact");
	netlink_request(nl, nlh, NULL, NULL);
}

static struct nlmsghdr *filter_message(void *buf, uint16_t type, uint16_t flags, int index)
{
	struct nlmsghdr *nlh = tc_message(buf, type, flags, index, INGRESS);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	tc->tcm_handle = FILTER_HANDLE;
	tc->tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
	return nlh;
}

static int add_filter(struct netlink *nl, int index, const struct silence_before *before)
{
	const struct sock_filter program[FILTER_LENGTH] = {
		[FILTER_MARK] = BPF_STMT(BPF_LD | BPF_IMM, FILTER_HANDLE),
		[FILTER_MTU] = BPF_STMT(BPF_LD | BPF_IMM, before->mtu),
		[FILTER_UP] = BPF_STMT(BPF_LD | BPF_IMM, before->up),
		[FILTER_IPV6] = BPF_STMT(BPF_LD | BPF_IMM, before->disable_ipv6),
		[FILTER_TAKE] = BPF_STMT(BPF_RET | BPF_K, TC_ACT_STOLEN), /* taken, which is not counted as dropped */
	};
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct nlmsghdr *nlh = filter_message(buf, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, index);
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put_u16(nlh, TCA_BPF_OPS_LEN, FILTER_LENGTH);
	mnl_attr_put(nlh, TCA_BPF_OPS, sizeof(program), program);
	mnl_attr_put_u32(nlh, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(nlh, options);
	return netlink_request(nl, nlh, NULL, NULL);
}

static void ipv6_path(const char *interface, char *path, size_t size)
{
	snprintf(path, size, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", interface);
}

static uint32_t read_disable_ipv6(const char *interface)
{
	char path[96];
	char *text;
	size_t len;
	ipv6_path(interface, path, sizeof(path));
	if (file_read(path, 16, &text, &len))
		return NO_IPV6;
	uint32_t value = atoi(text) != 0;
	free(text);
	return value;
}

static void write_disable_ipv6(const char *interface, uint32_t value)
{
	char path[96];
	ipv6_path(interface, path, sizeof(path));
	if (value != NO_IPV6 && read_disable_ipv6(interface) != value)
		file_write(path, value ? "1" : "0");
}

/* The MTU and the up flag; nothing is asked of the kernel where they are right already. */
static int set_link(struct netlink *nl, const struct netlink_link *link, uint32_t mtu, bool up)
{
	struct netlink_link now;
	int rc = netlink_link_by_index(nl, link->index, &now);
	if (rc)
		return rc;
	struct netlink_link_change change = {.mtu = mtu == now.mtu ? 0 : mtu};
	if (up != !!(now.flags & IFF_UP)) {
		change.flags_mask = IFF_UP;
		change.flags = up ? IFF_UP : 0;
	}
	return change.mtu || change.flags_mask ? netlink_link_change(nl, link->index, &change) : 0;
}

/* Takes the silence away, or what there is of it when it was interrupted. false: it was not silent. */
static bool speak(struct netlink *nl, const struct netlink_link *link)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct filter_search in = {0}, out = {0};
	if (find_filters(nl, link->index, INGRESS, &in))
		return false;
	if (in.ours) {
		set_link(nl, link, in.before.mtu, in.before.up);
		write_disable_ipv6(link->name, in.before.disable_ipv6);
		netlink_request(nl, filter_message(buf, RTM_DELTFILTER, 0, link->index), NULL, NULL);
	}
	/* The hook stays if somebody else filters there too. */
	if (!in.others && !find_filters(nl, link->index, EGRESS, &out) && !out.others)
		remove_hook(nl, link->index);
	return in.ours;
}

/* One that was silent before stays so. */
static int begin_fails(struct netlink *nl, const struct netlink_link *link, bool undo, int rc, const char *what,
		       struct err *e)
{
	const char *why = netlink_error(nl);
	err_set(e, -rc, NULL, "interface %s: %s: %s", link->name, what, *why ? why : strerror(-rc));
	if (!undo)
		return rc;
	(void)speak(nl, link);
	interface_after_silence(link->name);
	return rc;
}

int silence_begin(struct netlink *nl, const struct netlink_link *link, uint32_t mtu, uint32_t *ret_mtu, struct err *e)
{
	struct filter_search s = {0};
	int rc = find_filters(nl, link->index, INGRESS, &s);
	if (rc)
		return begin_fails(nl, link, !s.ours, rc, "its filters cannot be read", e);
	if (!s.ours) {
		s.before = (struct silence_before){.mtu = link->mtu,
						   .up = !!(link->flags & IFF_UP),
						   .disable_ipv6 = read_disable_ipv6(link->name)};
		rc = interface_before_silence(link->name, e);
		if (rc)
			return rc;
		rc = add_hook(nl, link->index);
		if (!rc)
			rc = add_filter(nl, link->index, &s.before);
		if (rc)
			return begin_fails(nl, link, !s.ours, rc, "the host's own stack cannot be kept out of it", e);
	}
	if (s.before.disable_ipv6 != NO_IPV6)
		write_disable_ipv6(link->name, 1);
	uint32_t want = mtu > s.before.mtu ? mtu : s.before.mtu;
	rc = set_link(nl, link, want, true);
	if (rc) {
		char what[64];
		snprintf(what, sizeof(what), "it cannot be up with MTU %u", want);
		return begin_fails(nl, link, !s.ours, rc, what, e);
	}
	*ret_mtu = want;
	return 0;
}

void silence_hold(struct netlink *nl, const struct netlink_link *link)
{
	struct filter_search s = {0};
	if (find_filters(nl, link->index, INGRESS, &s) || !s.ours)
		return;
	if (s.before.disable_ipv6 != NO_IPV6)
		write_disable_ipv6(link->name, 1);
	set_link(nl, link, link->mtu, true);
}

void silence_end(struct netlink *nl, const struct netlink_link *link)
{
	if (speak(nl, link))
		interface_after_silence(link->name);
}
