/* SPDX-License-Identifier: Apache-2.0 */
/* Policy rules over rtnetlink; see route.h. */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "core/control/netlink.h"
#include "modules/hostnet/control/route.h"

static struct nlmsghdr *rule_message(void *buf, uint16_t type, uint16_t flags, const struct rule *r)
{
	struct nlmsghdr *nlh = netlink_message(buf, type, flags);
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(nlh, sizeof(*h));
	h->family = r->from.family;
	h->src_len = (uint8_t)(8 * ip_bytes(&r->from));
	h->action = FR_ACT_TO_TBL;
	h->table = RT_TABLE_UNSPEC;
	mnl_attr_put(nlh, FRA_SRC, ip_bytes(&r->from), r->from.byte);
	mnl_attr_put_u32(nlh, FRA_TABLE, r->table);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, r->preference);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, HOSTNET_PROTOCOL);
	if (r->specific_only)
		mnl_attr_put_u32(nlh, FRA_SUPPRESS_PREFIXLEN, 0);
	return nlh;
}

struct rules {
	struct rule *at;
	size_t n;
};

static void read_rule_attr(const struct nlattr *a, struct rule *r, uint8_t *protocol)
{
	size_t len = mnl_attr_get_payload_len(a);
	switch (mnl_attr_get_type(a)) {
	case FRA_SRC:
		if (len == ip_bytes(&r->from))
			memcpy(r->from.byte, mnl_attr_get_payload(a), len);
		break;
	case FRA_TABLE:
		r->table = len >= 4 ? mnl_attr_get_u32(a) : 0;
		break;
	case FRA_PRIORITY:
		r->preference = len >= 4 ? mnl_attr_get_u32(a) : 0;
		break;
	case FRA_SUPPRESS_PREFIXLEN:
		r->specific_only = len >= 4 && mnl_attr_get_u32(a) == 0;
		break;
	case FRA_PROTOCOL:
		*protocol = len ? mnl_attr_get_u8(a) : 0;
		break;
	}
}

static int keep_rule(const struct nlmsghdr *nlh, void *arg)
{
	struct rules *rules = arg;
	if (nlh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct fib_rule_hdr))
		return 0;
	const struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
	if (h->family != AF_INET && h->family != AF_INET6)
		return 0;
	struct rule r = {.from.family = h->family, .table = h->table};
	uint8_t protocol = 0;
	const struct nlattr *a;
	mnl_attr_for_each(a, nlh, sizeof(*h))
		read_rule_attr(a, &r, &protocol);
	if (protocol != HOSTNET_PROTOCOL)
		return 0;
	struct rule *grown = realloc(rules->at, (rules->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rules->at = grown;
	grown[rules->n++] = r;
	return 0;
}

int rule_dump(struct netlink *nl, struct rule **ret_rules, size_t *ret_n)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct rules rules = {0};
	struct nlmsghdr *nlh = netlink_message(buf, RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(nlh, sizeof(*h));
	h->family = AF_UNSPEC;
	int rc = netlink_request(nl, nlh, keep_rule, &rules);
	if (rc < 0) {
		free(rules.at);
		return rc;
	}
	*ret_rules = rules.at;
	*ret_n = rules.n;
	return 0;
}

int rule_add(struct netlink *nl, const struct rule *r)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc = netlink_request(nl, rule_message(buf, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r), NULL, NULL);
	return rc == -EEXIST ? 0 : rc;
}

int rule_remove(struct netlink *nl, const struct rule *r)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc = netlink_request(nl, rule_message(buf, RTM_DELRULE, 0, r), NULL, NULL);
	return rc == -ENOENT ? 0 : rc;
}
