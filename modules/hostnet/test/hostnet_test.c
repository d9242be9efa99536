/* SPDX-License-Identifier: Apache-2.0 */
/* What hostnet decides without asking the kernel: differences, leases, texts, frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "modules/hostnet/control/address.h"
#include "modules/hostnet/control/announce.h"
#include "modules/hostnet/control/client.h"
#include "modules/hostnet/control/dns.h"
#include "modules/hostnet/control/firewall.h"
#include "modules/hostnet/control/lease.h"
#include "modules/hostnet/control/record.h"
#include "modules/hostnet/control/route.h"
#include "modules/hostnet/control/strong_host.h"
#include "modules/hostnet/control/takeover.h"

/* ---- what a kernel would say --------------------------------------------------------------------------- */

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static struct ip ip(const char *text)
{
	struct ip i;
	assert_int_equal(ip_parse(text, &i), 0);
	return i;
}

static void add_address(struct records *to, const char *text, uint8_t protocol, const char *label, uint32_t valid_s)
{
	uint8_t buf[512];
	struct ip_prefix p = prefix(text);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_NEWADDR;
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	*ifa = (struct ifaddrmsg){.ifa_family = p.ip.family, .ifa_prefixlen = p.len, .ifa_index = 7};
	mnl_attr_put(nlh, IFA_ADDRESS, ip_bytes(&p.ip), p.ip.byte);
	mnl_attr_put(nlh, IFA_LOCAL, ip_bytes(&p.ip), p.ip.byte);
	if (label)
		mnl_attr_put_strz(nlh, IFA_LABEL, label);
	if (protocol)
		mnl_attr_put_u8(nlh, IFA_PROTO, protocol);
	mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_PERMANENT);
	struct ifa_cacheinfo life = {.ifa_valid = valid_s, .ifa_prefered = valid_s};
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
	assert_int_equal(records_add(to, nlh), 0);
}

static void add_route(struct records *to, const char *dst, const char *via, uint8_t protocol, uint32_t metric)
{
	uint8_t buf[512];
	struct ip_prefix p = prefix(dst);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_NEWROUTE;
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	*rtm = (struct rtmsg){.rtm_family = p.ip.family,
			      .rtm_dst_len = p.len,
			      .rtm_protocol = protocol,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_type = RTN_UNICAST,
			      .rtm_flags = RTNH_F_LINKDOWN};
	if (p.len)
		mnl_attr_put(nlh, RTA_DST, ip_bytes(&p.ip), p.ip.byte);
	if (via)
		mnl_attr_put(nlh, RTA_GATEWAY, ip_bytes(&(struct ip){.family = p.ip.family}), ip(via).byte);
	mnl_attr_put_u32(nlh, RTA_TABLE, RT_TABLE_MAIN);
	mnl_attr_put_u32(nlh, RTA_OIF, 7);
	if (metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, metric);
	assert_int_equal(records_add(to, nlh), 0);
}

/* ---- records ------------------------------------------------------------------------------------------- */

static const char *label_of(const struct nlmsghdr *nlh)
{
	const struct nlattr *a;
	mnl_attr_for_each(a, nlh, sizeof(struct ifaddrmsg))
		if (mnl_attr_get_type(a) == IFA_LABEL)
			return mnl_attr_get_str(a);
	return NULL;
}

static void a_label_follows_the_interface(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {{"eth0", "LAN"}, {"eth0:1", "LAN:1"}, {"eth01", "eth01"}, {"vip", "vip"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct records r = {0};
		uint8_t buf[RECORD_MESSAGE_MAX];
		struct nlmsghdr *nlh;
		add_address(&r, "192.0.2.1/24", 0, cases[i].before, UINT32_MAX);
		struct record_target to = {.ifindex = 9, .from_name = "eth0", .to_name = "LAN"};
		assert_int_equal(record_message(&r.at[0], RTM_NEWADDR, NLM_F_CREATE, &to, buf, &nlh), 0);
		assert_string_equal(label_of(nlh), cases[i].after);
		assert_int_equal(((struct ifaddrmsg *)mnl_nlmsg_get_payload(nlh))->ifa_index, 9);
		records_clear(&r);
	}
}

static uint32_t valid_of(const struct nlmsghdr *nlh)
{
	const struct nlattr *a;
	mnl_attr_for_each(a, nlh, sizeof(struct ifaddrmsg))
		if (mnl_attr_get_type(a) == IFA_CACHEINFO)
			return ((const struct ifa_cacheinfo *)mnl_attr_get_payload(a))->ifa_valid;
	return 0;
}

static void lifetimes_run_while_recorded(void **state)
{
	struct records r = {0};
	uint8_t buf[RECORD_MESSAGE_MAX];
	struct nlmsghdr *nlh;
	struct record_target to = {.ifindex = 9, .elapsed_s = 100};
	add_address(&r, "192.0.2.1/24", 0, NULL, 3600);
	add_address(&r, "192.0.2.2/24", 0, NULL, 99);
	add_address(&r, "192.0.2.3/24", 0, NULL, UINT32_MAX);
	assert_int_equal(record_message(&r.at[0], RTM_NEWADDR, 0, &to, buf, &nlh), 0);
	assert_int_equal(valid_of(nlh), 3500);
	assert_int_equal(record_message(&r.at[1], RTM_NEWADDR, 0, &to, buf, &nlh), -ENODATA);
	assert_int_equal(record_message(&r.at[1], RTM_DELADDR, 0, &to, buf, &nlh), 0);
	assert_int_equal(record_message(&r.at[2], RTM_NEWADDR, 0, &to, buf, &nlh), 0);
	assert_int_equal(valid_of(nlh), UINT32_MAX);
	record_set_lifetime(&r.at[1], 700, 700);
	assert_int_equal(record_message(&r.at[1], RTM_NEWADDR, 0, &to, buf, &nlh), 0);
	assert_int_equal(valid_of(nlh), 600);
	records_clear(&r);
}

static void records_survive_the_disk(void **state)
{
	struct records r = {0}, back = {0};
	add_address(&r, "192.0.2.1/24", 77, "eth0", 3600);
	add_address(&r, "2001:db8::1/64", 0, NULL, UINT32_MAX);
	json_t *json = records_encode(&r);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 1), "is")), "2001:db8::1/64");
	assert_int_equal(records_decode(json, RTM_NEWADDR, &back), 0);
	assert_int_equal(back.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(back.at[i].len, r.at[i].len);
		assert_memory_equal(back.at[i].body, r.at[i].body, r.at[i].len);
	}
	json_decref(json);
	records_clear(&r);
	records_clear(&back);
}

static void spoilt_records_are_refused(void **state)
{
	static const char *const spoilt[] = {"[{\"message\": \"0\"}]",
					     "[{\"message\": \"zz\"}]",
					     "[{\"message\": \"0218\"}]",
					     "[{}]",
					     "{}",
					     "[3]"};
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++) {
		struct records r = {0};
		json_t *json = json_loads(spoilt[i], 0, NULL);
		assert_int_equal(records_decode(json, RTM_NEWADDR, &r), -EINVAL);
		assert_null(r.at);
		json_decref(json);
	}
	/* An attribute that says it is longer than the message ends the reading, not the process. */
	struct records r = {0};
	json_t *json = json_loads("[{\"message\": \"0218000007000000ffff0100\"}]", 0, NULL);
	struct record_view v;
	assert_int_equal(records_decode(json, RTM_NEWADDR, &r), 0);
	assert_int_equal(record_view(&r.at[0], &v), 0);
	assert_int_equal(v.ifindex, 7);
	json_decref(json);
	records_clear(&r);
}

static void a_takeover_survives_the_disk(void **state)
{
	struct takeover t = {.ifname = "eth0",
			     .tap = "LAN",
			     .tap_ifindex = 4,
			     .boot = "b",
			     .noted_ms = 123456,
			     .flags = 0x1043,
			     .ipv6 = true,
			     .mac = mac_from_u64(0x020000000001)};
	t.others = (struct others){.dhcp = true, .dhcp_address = ip("192.0.2.1"), .client_id = "01aa"};
	t.others.clients = json_loads("[[\"dhclient\", \"eth0\"]]", 0, NULL);
	add_address(&t.addresses, "192.0.2.1/24", 0, "eth0", 60);
	json_t *json = takeover_encode(&t);
	struct takeover *back;
	assert_int_equal(takeover_decode("eth0", json, &back), 0);
	assert_string_equal(back->tap, "LAN");
	assert_int_equal(back->noted_ms, 123456);
	assert_true(back->ipv6 && back->others.dhcp && back->others_off);
	assert_true(ip_equal(&back->others.dhcp_address, &t.others.dhcp_address));
	assert_true(json_equal(back->others.clients, t.others.clients));
	assert_int_equal(back->addresses.n, 1);
	takeover_free(back);
	json_object_set_new(json, "mac-address", json_string("nonsense"));
	assert_int_equal(takeover_decode("eth0", json, &back), -EINVAL);
	json_decref(json);
	json_decref(t.others.clients);
	records_clear(&t.addresses);
}

/* ---- differences --------------------------------------------------------------------------------------- */

static void addresses_come_before_they_go(void **state)
{
	struct records have = {0};
	struct address_change c[8];
	add_address(&have, "192.0.2.1/24", HOSTNET_PROTOCOL, NULL, UINT32_MAX);
	add_address(&have, "192.0.2.9/24", 0, NULL, UINT32_MAX); /* somebody's */
	const struct ip_prefix want[] = {prefix("192.0.2.2/24"), prefix("192.0.2.9/24")};
	assert_int_equal(address_diff(want, 2, &have, c), 2);
	assert_true(c[0].add && ip_equal(&c[0].prefix.ip, &want[0].ip));
	assert_true(!c[1].add && c[1].prefix.ip.byte[3] == 1);
	const struct ip_prefix same[] = {prefix("192.0.2.1/24")};
	assert_int_equal(address_diff(same, 1, &have, c), 0);
	const struct ip_prefix wider[] = {prefix("192.0.2.1/16")};
	assert_int_equal(address_diff(wider, 1, &have, c), 2);
	records_clear(&have);
}

static void a_route_that_does_the_same_is_enough(void **state)
{
	struct records have = {0};
	struct route_change c[8];
	add_route(&have, "0.0.0.0/0", "192.0.2.1", RTPROT_DHCP, 100); /* moved from the interface */
	add_route(&have, "10.0.0.0/8", "192.0.2.2", HOSTNET_PROTOCOL, 64);
	struct route want[] = {
		{.to = prefix("0.0.0.0/0"), .via = ip("192.0.2.1"), .table = RT_TABLE_MAIN, .metric = 64},
		{.to = prefix("10.0.0.0/8"), .via = ip("192.0.2.2"), .table = RT_TABLE_MAIN, .metric = 64}};
	assert_int_equal(route_diff(want, 2, &have, c), 0);
	want[0].via = ip("192.0.2.3");
	assert_int_equal(route_diff(want, 2, &have, c), 1);
	assert_true(c[0].add);
	assert_int_equal(route_diff(want, 0, &have, c), 1); /* ours goes, the other's stays */
	assert_true(!c[0].add && c[0].route.to.len == 8);
	records_clear(&have);
}

static void a_network_has_no_host_bits(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {{"192.0.2.77/24", "192.0.2.0/24"},
		     {"192.0.2.77/26", "192.0.2.64/26"},
		     {"10.1.2.3/0", "0.0.0.0/0"},
		     {"10.1.2.3/32", "10.1.2.3/32"},
		     {"2001:db8:0:ff::1/57", "2001:db8:0:80::/57"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ip_prefix p = prefix(cases[i].from), net = ip_network(&p);
		char text[IP_PREFIX_TEXT_SIZE];
		assert_string_equal(ip_prefix_format(&net, text), cases[i].to);
	}
}

static void a_strong_table_has_subnets_and_gateway(void **state)
{
	struct records addresses = {0}, routes = {0};
	struct route table[8];
	struct ip sources[4];
	size_t n, n_sources;
	add_address(&addresses, "10.10.6.210/16", HOSTNET_PROTOCOL, NULL, UINT32_MAX);
	add_address(&addresses, "10.10.6.211/16", HOSTNET_PROTOCOL, NULL, UINT32_MAX);
	add_route(&routes, "0.0.0.0/0", "10.10.0.1", HOSTNET_PROTOCOL, 65);
	add_route(&routes, "172.16.0.0/12", "10.10.0.2", RTPROT_STATIC, 0);
	strong_host_table(7, &addresses, &routes, table, &n, sources, &n_sources);
	assert_int_equal(n_sources, 2);
	assert_int_equal(n, 2); /* one subnet, one default route; other routes are main's */
	assert_int_equal(table[0].to.len, 16);
	assert_true(ip_equal(&table[0].source, &sources[0]));
	assert_true(table[1].to.len == 0 && table[1].via.byte[3] == 1);
	assert_int_equal(table[1].table, 0x77660007);
	records_clear(&addresses);
	records_clear(&routes);
}

/* ---- leases -------------------------------------------------------------------------------------------- */

static void a_lease_is_read(void **state)
{
	struct lease l;
	assert_int_equal(
		lease_parse(
			"event=bound\nip=192.0.2.7\nmask=24\nserverid=192.0.2.1\nlease=3600\nrouter=192.0.2.1 192.0.2.2\n"
			"staticroutes=\ndns=192.0.2.53 junk 192.0.2.54\ndomain=example.org\n",
			1000, &l),
		0);
	assert_int_equal(l.address.len, 24);
	assert_int_equal(l.expires_ms, 1000 + 3600000);
	assert_int_equal(l.n_routes, 1);
	assert_int_equal(l.routes[0].via.byte[3], 1);
	assert_int_equal(l.n_dns, 2);
	assert_string_equal(l.domain, "example.org");
}

static void option_121_outranks_the_router(void **state)
{
	struct lease l;
	assert_int_equal(lease_parse("event=renew\nip=192.0.2.7\nmask=255.255.255.128\nrouter=192.0.2.1\n"
				     "staticroutes=10.0.0.0/8 192.0.2.9 169.254.0.0/16 0.0.0.0 0.0.0.0/0 192.0.2.3\n",
				     0, &l),
			 0);
	assert_int_equal(l.address.len, 25);
	assert_int_equal(l.n_routes, 3);
	assert_int_equal(l.routes[1].via.family, 0);
	assert_int_equal(l.routes[2].via.byte[3], 3);
	assert_true(l.expires_ms == UINT64_MAX);
}

static void a_hostile_lease_is_refused(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{"", -EINVAL},
		{"event=nak\n", -ENOENT},
		{"event=bound\n", -EINVAL},
		{"event=bound\nip=127.0.0.1\n", -EINVAL},
		{"event=bound\nip=224.0.0.5\n", -EINVAL},
		{"event=bound\nip=0.0.0.0\n", -EINVAL},
		{"event=bound\nip=2001:db8::1\n", -EINVAL},
		{"event=bound\nip=192.0.2.7\nmask=33\n", -EINVAL},
		{"event=bound\nip=192.0.2.7\nmask=255.0.255.0\n", -EINVAL},
		{"event=bound\nip=192.0.2.7;reboot\n", -EINVAL},
		{"event=bound\nip=192.0.2.7\nlease=99999999999999999999\n", 0},
	};
	struct lease l;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(lease_parse(cases[i].text, 0, &l), cases[i].rc);
	assert_int_equal(
		lease_parse("event=bound\nip=192.0.2.7\nip=192.0.2.8\ndomain=a b\nrouter=224.0.0.1\n", 0, &l), 0);
	assert_int_equal(l.address.ip.byte[3], 7);
	assert_string_equal(l.domain, "");
	assert_int_equal(l.n_routes, 0);
}

/* ---- resolv.conf --------------------------------------------------------------------------------------- */

static void a_duid_of_dhclient_is_read(void **state)
{
	static const char *const bad[] = {"", "\"", "\\000", "\\000\\", "ab", "\\00"};
	char hex[64], small[5];
	assert_true(client_duid("\\000\\001\\000\\0012\\224syRT\\000\\\"\\\\\\001\";\nlease {", hex, sizeof(hex)));
	assert_string_equal(hex, "0001000132947379525400225c01");
	assert_false(client_duid("abc\"", small, sizeof(small)));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(client_duid(bad[i], hex, sizeof(hex)));
}

static void only_our_block_of_resolv_conf_changes(void **state)
{
	const struct ip one[] = {ip("192.0.2.53")}, two[] = {ip("192.0.2.54"), ip("2001:db8::53")};
	struct dns d = {.ifname = "LAN", .servers = one, .n = 1, .domain = "example.org"};
	char *a = dns_edit("nameserver 9.9.9.9\n", &d);
	assert_string_equal(
		a,
		"# weftd LAN begin\nsearch example.org\nnameserver 192.0.2.53\n# weftd LAN end\nnameserver 9.9.9.9\n");
	d = (struct dns){.ifname = "LAN", .servers = two, .n = 2};
	char *b = dns_edit(a, &d);
	assert_string_equal(
		b,
		"# weftd LAN begin\nnameserver 192.0.2.54\nnameserver 2001:db8::53\n# weftd LAN end\nnameserver 9.9.9.9\n");
	d = (struct dns){.ifname = "LAN2", .servers = one, .n = 1};
	char *c = dns_edit(b, &d);
	d = (struct dns){.ifname = "LAN2"};
	char *back = dns_edit(c, &d);
	assert_string_equal(back, b);
	d = (struct dns){.ifname = "LAN"};
	char *none = dns_edit(b, &d);
	assert_string_equal(none, "nameserver 9.9.9.9\n");
	free(a), free(b), free(c), free(back), free(none);
}

/* ---- firewalls ----------------------------------------------------------------------------------------- */

static size_t nft_warnings(const char *rule)
{
	char text[1024];
	snprintf(text, sizeof(text),
		 "{'nftables': [{'set': {'family': 'inet', 'table': 't', 'name': 'wan', 'elem': ['eth0', 'eth7']}},"
		 "{'rule': {'family': 'inet', 'table': 't', 'chain': 'c', 'handle': 5, 'expr': [%s]}}]}",
		 rule);
	for (char *q = text; (q = strchr(q, '\''));)
		*q = '"';
	json_t *ruleset = json_loads(text, 0, NULL), *warnings = json_array();
	assert_non_null(ruleset);
	firewall_read_nft(ruleset, "eth0", "LAN", warnings);
	size_t n = json_array_size(warnings);
	if (n) {
		assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "chain c of table inet t"));
		assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "write LAN instead"));
	}
	json_decref(ruleset);
	json_decref(warnings);
	return n;
}

static void nftables_rules_that_name_the_interface_are_found(void **state)
{
#define LEFT(key) "{'match': {'op': '==', 'left': {'meta': {'key': '" key "'}}, 'right': "
	static const struct {
		const char *rule;
		size_t warnings;
	} cases[] = {
		{LEFT("iifname") "'eth0'}}", 1},
		{LEFT("oif") "'eth0'}}", 1},
		{LEFT("iifname") "'eth*'}}", 1},
		{LEFT("iifname") "{'set': ['lo', 'eth0']}}}", 1},
		{LEFT("iifname") "'@wan'}}", 1},
		{LEFT("iifname") "'eth1'}}", 0},
		{LEFT("iifname") "'eth01'}}", 0},
		{LEFT("skuid") "'eth0'}}", 0},
		{"{'vmap': {'key': {'meta': {'key': 'iifname'}}, 'data': {'set': [['eth0', {'accept': null}]]}}}", 1},
		{"{'counter': {'packets': 1, 'bytes': 2}}", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(nft_warnings(cases[i].rule), cases[i].warnings);
}

static void iptables_rules_that_name_the_interface_are_found(void **state)
{
	json_t *w = json_array();
	firewall_read_iptables(
		"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth0 -p tcp -j ACCEPT\n-A INPUT -i eth1 -j DROP\n"
		"-A FORWARD -o eth+ -j DROP\n-A INPUT -s eth0 -j LOG\nCOMMIT\n",
		"iptables", "eth0", "", w);
	assert_int_equal(json_array_size(w), 2);
	assert_non_null(strstr(json_string_value(json_array_get(w, 0)),
			       "-A INPUT -i eth0 -p tcp -j ACCEPT` of table filter"));
	json_decref(w);
}

/* ---- announcements ------------------------------------------------------------------------------------- */

static void announcements_are_well_formed(void **state)
{
	uint8_t f[ANNOUNCE_FRAME_MAX];
	struct mac mac = mac_from_u64(0x00155d020602);
	struct ip v4 = ip("192.0.2.1"), v6 = ip("2001:db8::1");
	assert_int_equal(announce_frame(&mac, &v4, f), 42);
	static const uint8_t arp[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x15, 0x5d, 0x02, 0x06,
				      0x02, 0x08, 0x06, 0,    1,    8,	  0,	6,    4,    0,	  1,
				      0x00, 0x15, 0x5d, 0x02, 0x06, 0x02, 192,	0,    2,    1,	  0,
				      0,    0,	  0,	0,    0,    192,  0,	2,    1};
	assert_memory_equal(f, arp, sizeof(arp));
	assert_int_equal(announce_frame(&mac, &v6, f), 86);
	static const uint8_t advertisement[] = {136, 0}, override[] = {0x20, 0, 0, 0};
	assert_memory_equal(f + 54, advertisement, 2);
	assert_memory_equal(f + 58, override, 4);
	uint32_t sum = 32 + 58; /* over pseudo header and payload a right checksum sums up to ~0 */
	for (unsigned i = 14 + 8; i < 86; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_int_equal(announce_frame(&mac, &(struct ip){0}, f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_label_follows_the_interface),
		cmocka_unit_test(lifetimes_run_while_recorded),
		cmocka_unit_test(records_survive_the_disk),
		cmocka_unit_test(spoilt_records_are_refused),
		cmocka_unit_test(a_takeover_survives_the_disk),
		cmocka_unit_test(addresses_come_before_they_go),
		cmocka_unit_test(a_route_that_does_the_same_is_enough),
		cmocka_unit_test(a_network_has_no_host_bits),
		cmocka_unit_test(a_strong_table_has_subnets_and_gateway),
		cmocka_unit_test(a_lease_is_read),
		cmocka_unit_test(option_121_outranks_the_router),
		cmocka_unit_test(a_hostile_lease_is_refused),
		cmocka_unit_test(a_duid_of_dhclient_is_read),
		cmocka_unit_test(only_our_block_of_resolv_conf_changes),
		cmocka_unit_test(nftables_rules_that_name_the_interface_are_found),
		cmocka_unit_test(iptables_rules_that_name_the_interface_are_found),
		cmocka_unit_test(announcements_are_well_formed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
