/* SPDX-License-Identifier: Apache-2.0 */
/* See interface.h. */
#include "core/control/interface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "core/control/netlink.h"

struct search {
	uint32_t ifindex;
	bool found;
};

static int look_at_address(const struct nlmsghdr *nlh, void *arg)
{
	struct search *s = arg;
	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ifaddrmsg))
		return 0;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	bool link_local = ifa->ifa_family == AF_INET6 && ifa->ifa_scope == RT_SCOPE_LINK;
	if (ifa->ifa_index == s->ifindex && !link_local)
		s->found = true;
	return 0;
}

static int has_address(struct netlink *nl, uint32_t ifindex, bool *ret_has)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct search s = {.ifindex = ifindex};
	int rc;
	do { /* -EINTR: an address came or went while the kernel listed them */
		struct nlmsghdr *nlh = netlink_message(buf, RTM_GETADDR, NLM_F_DUMP);
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
		ifa->ifa_family = AF_UNSPEC;
		rc = netlink_request(nl, nlh, look_at_address, &s);
	} while (rc == -EINTR && !s.found);
	if (rc < 0 && !s.found)
		return rc;
	*ret_has = s.found;
	return 0;
}

int netlink_interface_facts(const char *ifname, struct netlink_interface *ret_facts)
{
	struct netlink *nl;
	struct netlink_link link;
	bool has = false;
	int rc = netlink_open(-1, &nl);
	if (rc < 0)
		return rc;
	rc = netlink_link_get(nl, ifname, &link);
	if (rc == 0)
		rc = has_address(nl, (uint32_t)link.index, &has);
	netlink_close(nl);
	if (rc < 0)
		return rc;
	*ret_facts = (struct netlink_interface){.ifindex = link.index,
						.mac = link.mac,
						.mtu = link.mtu,
						.up = (link.flags & IFF_UP) != 0,
						.has_address = has};
	return 0;
}

static const struct interface_listener *listener;

void interface_listen(const struct interface_listener *l) { listener = l; }

int interface_before_silence(const char *ifname, struct err *e)
{
	return listener ? listener->before_silence(ifname, e) : 0;
}

void interface_after_silence(const char *ifname)
{
	if (listener)
		listener->after_silence(ifname);
}
