/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses over rtnetlink; see address.h. */
#include "modules/hostnet/control/address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "core/control/netlink.h"

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(&a->ip, &b->ip);
}

static bool is_wanted(const struct ip_prefix *p, const struct ip_prefix *want, size_t n_want)
{
	for (size_t i = 0; i < n_want; i++)
		if (same_prefix(p, &want[i]))
			return true;
	return false;
}

static bool is_there(const struct ip_prefix *p, const struct records *have)
{
	struct record_view v;
	for (size_t i = 0; i < have->n; i++)
		if (record_view(&have->at[i], &v) == 0 && same_prefix(p, &v.prefix))
			return true;
	return false;
}

size_t address_diff(const struct ip_prefix *want, size_t n_want, const struct records *have,
		    struct address_change *changes)
{
	size_t n = 0;
	for (size_t i = 0; i < n_want; i++)
		if (!is_there(&want[i], have))
			changes[n++] = (struct address_change){.prefix = want[i], .add = true};
	for (size_t i = 0; i < have->n; i++) {
		struct record_view v;
		if (record_view(&have->at[i], &v) == 0 && v.protocol == HOSTNET_PROTOCOL &&
		    !is_wanted(&v.prefix, want, n_want))
			changes[n++] = (struct address_change){.prefix = v.prefix};
	}
	return n;
}

struct dump {
	uint32_t ifindex;
	struct records records;
};

static int keep_address(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *d = arg;
	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ifaddrmsg))
		return 0;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	return ifa->ifa_index == d->ifindex ? records_add(&d->records, nlh) : 0;
}

int address_dump(struct netlink *nl, uint32_t ifindex, struct records *ret_records)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc;
	for (int attempt = 0; attempt < 5; attempt++) { /* -EINTR: changed while the kernel listed it */
		struct dump d = {.ifindex = ifindex};
		struct nlmsghdr *nlh = netlink_message(buf, RTM_GETADDR, NLM_F_DUMP);
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
		ifa->ifa_family = AF_UNSPEC;
		rc = netlink_request(nl, nlh, keep_address, &d);
		if (rc == 0) {
			*ret_records = d.records;
			return 0;
		}
		records_clear(&d.records);
		if (rc != -EINTR)
			break;
	}
	return rc;
}

static struct nlmsghdr *address_message(void *buf, uint16_t type, uint16_t flags, uint32_t ifindex,
					const struct ip_prefix *p)
{
	struct nlmsghdr *nlh = netlink_message(buf, type, flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = p->ip.family;
	ifa->ifa_prefixlen = p->len;
	ifa->ifa_index = ifindex;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	mnl_attr_put(nlh, IFA_LOCAL, ip_bytes(&p->ip), p->ip.byte);
	mnl_attr_put(nlh, IFA_ADDRESS, ip_bytes(&p->ip), p->ip.byte);
	return nlh;
}

/* The subnet's broadcast address, as `ip address add ... brd +` sets it; none for /31 and /32. */
static void put_broadcast(struct nlmsghdr *nlh, const struct ip_prefix *p)
{
	if (p->ip.family != AF_INET || p->len > 30)
		return;
	uint8_t broadcast[4];
	for (unsigned i = 0; i < 4; i++) {
		unsigned net_bits = p->len <= 8 * i ? 0 : p->len - 8 * i > 8 ? 8 : p->len - 8 * i;
		broadcast[i] = (uint8_t)(p->ip.byte[i] | 0xff >> net_bits);
	}
	mnl_attr_put(nlh, IFA_BROADCAST, sizeof(broadcast), broadcast);
}

int address_add(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *p)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct nlmsghdr *nlh = address_message(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, p);
	put_broadcast(nlh, p);
	mnl_attr_put_u8(nlh, IFA_PROTO, HOSTNET_PROTOCOL);
	if (p->ip.family == AF_INET6) /* a listener that starts now must not find it tentative */
		mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	int rc = netlink_request(nl, nlh, NULL, NULL);
	return rc == -EEXIST ? 0 : rc;
}

int address_lease(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *p, uint32_t valid_s)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct ifa_cacheinfo life = {.ifa_valid = valid_s, .ifa_prefered = valid_s};
	struct nlmsghdr *nlh = address_message(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, p);
	put_broadcast(nlh, p);
	mnl_attr_put_u8(nlh, IFA_PROTO, HOSTNET_PROTOCOL);
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
	return netlink_request(nl, nlh, NULL, NULL);
}

int address_remove(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *p)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc = netlink_request(nl, address_message(buf, RTM_DELADDR, 0, ifindex, p), NULL, NULL);
	return rc == -EADDRNOTAVAIL || rc == -ENODEV ? 0 : rc;
}

int address_sync(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *want, size_t n_want,
		 enum sync_half half, address_told_fn *told, void *arg)
{
	struct records have = {0};
	int first = address_dump(nl, ifindex, &have);
	if (first < 0)
		return first;
	struct address_change *changes = calloc(n_want + have.n + 1, sizeof(*changes));
	size_t n = changes ? address_diff(want, n_want, &have, changes) : 0;
	if (!changes)
		first = -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!(half & (changes[i].add ? SYNC_ADD : SYNC_REMOVE)))
			continue;
		int rc = changes[i].add ? address_add(nl, ifindex, &changes[i].prefix)
					: address_remove(nl, ifindex, &changes[i].prefix);
		if (told)
			told(&changes[i], rc, netlink_error(nl), arg);
		first = first ? first : rc;
	}
	free(changes);
	records_clear(&have);
	return first;
}
