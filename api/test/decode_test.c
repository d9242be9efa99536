/* SPDX-License-Identifier: Apache-2.0 */
/* Documents by table: text in, one exact error or the canonical JSON out. */
#include <stdlib.h>
#include <string.h>

#include "api/schema.h"
#include "api/test/api_test.h"

#define DOCUMENT_KNOWS                                                                                               \
	"document knows host, switches, adapters, network-virtualization, provider-addresses, provider-routes, "     \
	"routing-domains, lookup-records, customer-routes"

/* The tables stand as they read best. */
/* clang-format off */

/* A document of one switch or one adapter with the given keys. */
#define SWITCH(keys) "switches: [{name: sw, " keys "}]"
#define VM(keys) "switches: [{name: sw, type: internal}]\nadapters: [{name: a, switch: sw, " keys "}]"
#define TAP(keys) VM("attach: {tap: t}, " keys)
#define HOST(keys) VM("owner: host, " keys)
#define TWO(first, second) \
	"switches: [{name: sw, type: internal}, {name: sw2, type: internal}]\n" \
	"adapters: [{name: a, " first "}, {name: b, " second "}]"

static const struct refusal shape_refusals[] = {
	{"[]", "expected the keys of a document, got a list"},
	{"~", "expected the keys of a document, got nothing"},
	{"hello", "expected the keys of a document, got \"hello\""},
	{"teams: []", "teams: unknown key; " DOCUMENT_KNOWS},
	{"adaptors: []", "adaptors: unknown key; did you mean `adapters`?"},
	{"switch: []", "switch: unknown key; did you mean `switches`?"},
	{"\"a\\nb\": 1", "a?b: unknown key; " DOCUMENT_KNOWS},
	{"switches: {name: a}", "switches: expected a list, got keys with values"},
	{"switches: lab", "switches: expected a list, got \"lab\""},
	{"switches:", "switches: expected a list, got nothing; leave the key out for its default"},
	{"switches: [lab]", "switches[0]: expected keys with values, got \"lab\""},
	{"host: node1", "host: expected keys with values, got \"node1\""},
	{"host: {name: 7}", "host.name: expected text, got the number 7; put it in quotes if it is meant as text"},
	{"host: {name: true}", "host.name: expected text, got true; put it in quotes if it is meant as text"},
	{"host: {name: ''}", "host.name: empty; give it a value or leave the key out"},
	{"host: {name: \"a\\tb\"}", "host.name: has a control character (code 9) at position 2; use plain text"},
	{"host: {name: -a}", "host.name: \"-a\" does not begin with a letter or digit"},
	{"host: {name: a b}", "host.name: \"a b\" has more than letters, digits, '.', '_' and '-' in it"},
	{"host: {name: caf\xc3\xa9}", "host.name: \"caf\xc3\xa9\" has more than letters, digits, '.', '_' and '-' in it"},
	{"host: {name: a123456789b123456789c123456789d123456789e123456789f123456789g123}",
	 "host.name: 64 characters long; use 1-63"},
	{"host: {mac-address-range: {minimum: 02:00:00:00:00:00}}",
	 "host.mac-address-range.maximum: missing; every mac-address-range needs it"},
	{"host: {mac-address-range: {minimum: 02:00:00:00:00:02, maximum: 02:00:00:00:00:01}}",
	 "host.mac-address-range.minimum: 02:00:00:00:00:02 is above the maximum 02:00:00:00:00:01"},
	{"host: {mac-address-range: {minimum: 02:00:00:00:00:02, maximum: 02:00:01:00:00:01}}",
	 "host.mac-address-range.maximum: 02:00:01:00:00:01 has another vendor part (first three bytes) than the minimum "
	 "02:00:00:00:00:02"},
	{"host: {mac-address-range: {minimum: 01:00:00:00:00:02, maximum: 02:00:01:00:00:01}}",
	 "host.mac-address-range.minimum: 01:00:00:00:00:02 is a multicast address; the first byte must be even"},
};

static const struct refusal switch_refusals[] = {
	{"switches: [{type: internal}]", "switches[0].name: missing; every switch needs it"},
	{SWITCH("mtu: 1500"), "switches[0].type: missing; every switch needs it"},
	{SWITCH("type: intern"), "switches[0].type: expected external, internal or private, got \"intern\""},
	{SWITCH("type: 1"), "switches[0].type: expected external, internal or private, got the number 1"},
	{SWITCH("type: external"), "switches[0].uplink: missing; an external switch needs an interface or a device (or "
	 "is it `type: internal`?)"},
	{SWITCH("type: internal, uplink: eth1"),
	 "switches[0].uplink: a switch of type internal has none; leave it out or say `type: external`"},
	{SWITCH("type: external, uplink: 1"), "switches[0].uplink: expected keys with values or the name of an interface, "
	 "got the number 1"},
	{SWITCH("type: external, uplink: {}"), "switches[0].uplink: empty; give it `interface`, `dpdk` or `vhost-user`"},
	{SWITCH("type: external, uplink: {listen: host}"),
	 "switches[0].uplink: empty; give it `interface`, `dpdk` or `vhost-user`"},
	{SWITCH("type: external, uplink: {dpdk: b, listen: host}"), "switches[0].uplink.listen: only a vhost-user socket is "
	 "listened on; leave it out or give `vhost-user`"},
	{SWITCH("type: external, uplink: {interface: a, queues: 2}"), "switches[0].uplink.queues: only tap and vhost-user "
	 "have queues to choose; leave it out beside interface"},
	{SWITCH("type: external, uplink: {vhost-user: wire}"),
	 "switches[0].uplink.vhost-user: \"wire\" is no absolute path; begin with '/'"},
	{SWITCH("type: external, uplink: {interface: a, dpdk: b}"),
	 "switches[0].uplink: has both `interface` and `dpdk`; a switch has one uplink"},
	{SWITCH("type: external, uplink: interface-of-16b"), "switches[0].uplink: \"interface-of-16b\" is 16 characters "
	 "long; Linux interface names have at most 15"},
	{SWITCH("type: external, uplink: {interface: a/b}"),
	 "switches[0].uplink.interface: \"a/b\" has '/' in it, which no Linux interface name may have"},
	{SWITCH("type: external, uplink: ..,"), "switches[0].uplink: \"..\" cannot name a Linux interface"},
	{SWITCH("type: private, allow-management-os: true"), "switches[0].allow-management-os: a private switch is for "
	 "guests only; leave it out or say `type: internal`"},
	{SWITCH("type: internal, allow-management-os: yes"),
	 "switches[0].allow-management-os: expected true or false, got \"yes\""},
	{SWITCH("type: internal, mtu: 67"), "switches[0].mtu: 67 is out of range; use 68-65535"},
	{SWITCH("type: internal, mtu: -1"), "switches[0].mtu: -1 is out of range; use 68-65535"},
	{SWITCH("type: internal, mtu: 4294968796"), "switches[0].mtu: 4294968796 is out of range; use 68-65535"},
	{SWITCH("type: internal, mtu: 1500.0"),
	 "switches[0].mtu: expected a whole number 68-65535, got the number 1500"},
	{SWITCH("type: internal, mtu: '1500'"), "switches[0].mtu: expected a whole number 68-65535, got \"1500\""},
	{SWITCH("type: internal, vlan-transparent: true"), "switches[0].vlan-transparent: unknown key; switch knows name, "
	 "type, uplink, allow-management-os, mtu, purpose"},
	{"switches: [{name: a, type: private}, {name: b, type: private}, {name: a, type: internal}]",
	 "switches[2].name: another switch is named so: switches[0] (a); names are unique"},
	{"switches: [{name: a, type: external, uplink: eth1}, {name: b, type: external, uplink: eth1}]",
	 "switches[1].uplink: interface eth1 is already that of switches[0] (a); give each its own"},
	{"switches: [{name: a, type: external, uplink: {dpdk: net_null0}},"
	 " {name: b, type: external, uplink: {dpdk: 'net_null0,size=64'}}]",
	 "switches[1].uplink: DPDK device net_null0 is already that of switches[0] (a); give each its own"},
	{"switches: [{name: a, type: external, uplink: {vhost-user: /s}}]\n"
	 "adapters: [{name: b, switch: a, attach: {vhost-user: /s}}]",
	 "adapters[0].attach.vhost-user: socket /s is already that of switches[0] (a); give each its own"},
	{"switches: [{name: switch-of-16-byt, type: internal, allow-management-os: true}]",
	 "switches[0].allow-management-os: \"switch-of-16-byt\" is 16 characters long; Linux interface names have at most "
	 "15; the host adapter that this makes is named like the switch"},
	{"switches: [{name: sw, type: internal, allow-management-os: true}, {name: o, type: internal}]\n"
	 "adapters: [{name: sw, switch: sw, attach: {interface: e}}]",
	 "adapters[0].name: sw is the name of the host adapter that switches[0] (sw) makes (allow-management-os); rename one "
	 "of them"},
	{"switches: [{name: sw, type: internal, allow-management-os: true}, {name: o, type: internal}]\n"
	 "adapters: [{name: sw, owner: host, switch: o}]",
	 "adapters[0].name: sw is the name of the host adapter that switches[0] (sw) makes (allow-management-os); rename one "
	 "of them"},
	{"switches: [{name: sw, type: internal, allow-management-os: true}]\n"
	 "adapters: [{name: a, switch: sw, attach: {tap: sw}}]",
	 "switches[0].allow-management-os: interface sw is already that of adapters[0] (a); give each its own"},
};

static const struct refusal adapter_refusals[] = {
	{"adapters: [{name: a}]", "adapters[0].switch: missing; every adapter needs it"},
	{"adapters: [{name: a, switch: lab, attach: {tap: t}}]",
	 "adapters[0].switch: the document has no switch \"lab\"; name one of its switches"},
	{TAP("address: 1"), "adapters[0].address: unknown key; did you mean `addresses`?"},
	{TAP("mac-adress: 1"), "adapters[0].mac-adress: unknown key; did you mean `mac-address`?"},
	{TAP("mv: x"), "adapters[0].mv: unknown key; did you mean `vm`?"},
	{TAP("ownre: vm"), "adapters[0].ownre: unknown key; did you mean `owner`?"},
	{VM("vm: x"), "adapters[0].attach: missing; a guest's adapter needs tap, vhost-user, interface or dpdk"},
	{VM("attach: {}"), "adapters[0].attach: missing; a guest's adapter needs tap, vhost-user, interface or dpdk"},
	{VM("attach: {tap: a, interface: b}"),
	 "adapters[0].attach: has both `tap` and `interface`; an adapter is attached to one thing"},
	{VM("attach: {tap: this-is-too-long}"), "adapters[0].attach.tap: \"this-is-too-long\" is 16 characters long; Linux "
	 "interface names have at most 15"},
	{VM("attach: {tap: 'a b'}"),
	 "adapters[0].attach.tap: \"a b\" has ' ' in it, which no Linux interface name may have"},
	{VM("attach: {tap: 'tap%d'}"),
	 "adapters[0].attach.tap: \"tap%d\" has '%' in it, which no Linux interface name may have"},
	{VM("attach: {tap: .}"), "adapters[0].attach.tap: \".\" cannot name a Linux interface"},
	{VM("attach: {tap: t, netns: /run/netns/x}"), "adapters[0].attach.netns: \"/run/netns/x\" is no namespace name; "
	 "give the name that `ip netns` shows, no path"},
	{VM("attach: {interface: t, netns: x}"),
	 "adapters[0].attach.netns: only a tap is put into a namespace; leave it out or give `tap`"},
	{VM("attach: {tap: t, listen: guest}"), "adapters[0].attach.listen: only a vhost-user socket is listened on; leave "
	 "it out or give `vhost-user`"},
	{VM("attach: {vhost-user: /s, listen: no}"), "adapters[0].attach.listen: expected guest or host, got \"no\""},
	{VM("attach: {vhost-user: s}"), "adapters[0].attach.vhost-user: \"s\" is no absolute path; begin with '/'"},
	{VM("attach: {vhost-user: /s/}"), "adapters[0].attach.vhost-user: \"/s/\" is a folder; name the socket in it"},
	{VM("attach: {vhost-user: /23456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	    "1234567890123456789}"),
	 "adapters[0].attach.vhost-user: \"/234567890123456789012345678901234567890123456789012...\" is 109 characters long; "
	 "a socket's path has at most 107"},
	{VM("attach: {tap: t, queues: 17}"), "adapters[0].attach.queues: 17 is out of range; use 1-16"},
	{VM("attach: {interface: e, queues: 2}"), "adapters[0].attach.queues: only tap and vhost-user have queues to choose; "
	 "leave it out beside interface"},
	{VM("attach: {dpdk: e}, queues: 2"),
	 "adapters[0].queues: only tap and vhost-user have queues to choose; leave it out beside dpdk"},
	{VM("attach: {tap: t, queues: 1}, queues: 2"), "adapters[0].queues: differs from attach.queues; give one of the two"},
	{TAP("queues: 0"), "adapters[0].queues: 0 is out of range; use 1-16"},
	{TAP("addresses: 192.0.2.1/24"),
	 "adapters[0].addresses: only for adapters with `owner: host`; a guest configures its own"},
	{TAP("addresses: dhcp"), "adapters[0].addresses: only for adapters with `owner: host`; a guest configures its own"},
	{TAP("gateway: 192.0.2.1"), "adapters[0].gateway: only for adapters with `owner: host`; a guest configures its own"},
	{TAP("dns: 192.0.2.1"), "adapters[0].dns: only for adapters with `owner: host`; a guest configures its own"},
	{TAP("mac-address: 01:00:5e:00:00:01"),
	 "adapters[0].mac-address: 01:00:5e:00:00:01 is a multicast address; the first byte must be even"},
	{TAP("mac-address: 00:00:00:00:00:00"), "adapters[0].mac-address: 00:00:00:00:00:00 is nobody's address; leave the "
	 "key out for one from the host's pool"},
	{TAP("mac-address: 00:15:5d:02:06"),
	 "adapters[0].mac-address: expected a MAC address such as 00:15:5d:02:06:02, got \"00:15:5d:02:06\""},
	{TAP("mac-address: 001550020602"), "adapters[0].mac-address: expected a MAC address such as 00:15:5d:02:06:02, got "
	 "the number 1550020602; put it in quotes if it is meant as text"},
	{TAP("mac-address-limit: 0"), "adapters[0].mac-address-limit: 0 is out of range; use 1-1048576"},
	{"host: {mac-address-range: {minimum: 00155D020600, maximum: 00155D0206FF}}\n" TAP("mac-address: 00:15:5d:02:06:02"),
	 "adapters[0].mac-address: 00:15:5d:02:06:02 lies in host.mac-address-range (00:15:5d:02:06:00 to "
	 "00:15:5d:02:06:ff), the host's own pool; use one outside"},
	{"switches: [{name: sw, type: internal, mtu: 1500}]\n"
	 "adapters: [{name: a, switch: sw, attach: {tap: t}, mtu: 9000}]",
	 "adapters[0].mtu: 9000 is above the 1500 of switch sw; use 1500 or less"},
};

static const struct refusal host_refusals[] = {
	{"switches: [{name: sw, type: private}]\nadapters: [{name: a, owner: host, switch: sw}]",
	 "adapters[0].switch: sw is private, for guests only; a host adapter needs an internal or external switch"},
	{HOST("vm: x"), "adapters[0].vm: the adapter is the host's own (`owner: host`); leave it out"},
	{HOST("attach: {interface: e}"),
	 "adapters[0].attach: a host adapter is a tap of weftd's own; leave attach out or give `tap`"},
	{HOST("attach: {tap: e, netns: n}"),
	 "adapters[0].attach.netns: a host adapter stays in the host's own namespace; leave it out"},
	{"switches: [{name: sw, type: internal}]\nadapters: [{name: adapter-of-16byt, owner: host, switch: sw}]",
	 "adapters[0].name: \"adapter-of-16byt\" is 16 characters long; Linux interface names have at most 15; a host "
	 "adapter's interface is named like it, or by attach.tap"},
	{HOST("addresses: 192.0.2.1"), "adapters[0].addresses: expected an IP address with its prefix length such as "
	 "192.0.2.1/24 or the word dhcp, got \"192.0.2.1\"; the /length is missing"},
	{HOST("addresses: [192.0.2.1/24, 192.0.2.2/33]"), "adapters[0].addresses[1]: the prefix length of 192.0.2.2/33 is "
	 "too large; IPv4 has 0-32, IPv6 0-128"},
	{HOST("addresses: {a: b}"), "adapters[0].addresses: expected a list or the word dhcp, got keys with values"},
	{HOST("addresses: [[]]"), "adapters[0].addresses[0]: expected an IP address with its prefix length such as "
	 "192.0.2.1/24 or the word dhcp, got a list"},
	{HOST("addresses: [dhcp, dhcp]"), "adapters[0].addresses[1]: dhcp stands here twice; once is enough"},
	{HOST("addresses: 224.0.0.1/4"), "adapters[0].addresses: 224.0.0.1 is a multicast address; use a unicast address"},
	{HOST("addresses: ['ff02::1/64']"), "adapters[0].addresses[0]: ff02::1 is a multicast address; use a unicast address"},
	{HOST("addresses: 127.0.0.1/8"), "adapters[0].addresses: 127.0.0.1 is a loopback address; use a unicast address"},
	{HOST("addresses: '::1/128'"), "adapters[0].addresses: ::1 is a loopback address; use a unicast address"},
	{HOST("addresses: 0.0.0.0/0"), "adapters[0].addresses: 0.0.0.0 is the unspecified address; use a unicast address"},
	{HOST("addresses: '::/64'"), "adapters[0].addresses: :: is the unspecified address; use a unicast address"},
	{HOST("addresses: 0.1.2.3/8"),
	 "adapters[0].addresses: 0.1.2.3 is in 0.0.0.0/8, which means \"this network\"; use a unicast address"},
	{HOST("addresses: 255.255.255.255/32"),
	 "adapters[0].addresses: 255.255.255.255 is the broadcast address; use a unicast address"},
	{HOST("addresses: 250.0.0.1/32"),
	 "adapters[0].addresses: 250.0.0.1 is a reserved address (240.0.0.0/4); use a unicast address"},
	{HOST("addresses: 192.0.2.255/24"),
	 "adapters[0].addresses: 192.0.2.255/24 is the subnet's own broadcast address; use one between"},
	{HOST("addresses: 192.0.2.4/30"),
	 "adapters[0].addresses: 192.0.2.4/30 is the subnet's own network address; use one between"},
	{HOST("addresses: 192.0.2.4/0"), "adapters[0].addresses: 192.0.2.4/0 puts the whole world on this link; give the "
	 "subnet's prefix length"},
	{HOST("addresses: [192.0.2.4/24, 192.0.2.4/25]"),
	 "adapters[0].addresses: 192.0.2.4 is already that of adapters[0] (a); an address stands once"},
	{HOST("addresses: 192.0.2.4/24, gateway: 192.0.3.1"), "adapters[0].gateway: 192.0.3.1 lies in none of the adapter's "
	 "subnets (192.0.2.4/24); use an address inside"},
	{HOST("addresses: 192.0.2.4/24, gateway: 192.0.2.4"),
	 "adapters[0].gateway: 192.0.2.4 is the adapter's own address; give the router's"},
	{HOST("addresses: 192.0.2.4/24, gateway: [192.0.2.5, 192.0.2.6]"),
	 "adapters[0].gateway[1]: the second IPv4 gateway; give one of each family"},
	{HOST("gateway: 127.0.0.1"), "adapters[0].gateway: 127.0.0.1 is a loopback address; use a unicast address"},
	{HOST("gateway: 192.0.2.1/24"),
	 "adapters[0].gateway: expected an IP address such as 192.0.2.1, got \"192.0.2.1/24\""},
	{HOST("dns: 0.0.0.0"), "adapters[0].dns: 0.0.0.0 is the unspecified address; use a unicast address"},
	{HOST("addresses: '2001:db8::1/64', mtu: 1279"),
	 "adapters[0].mtu: 1279 is too small for the adapter's IPv6 address; use 1280 or more"},
	{"switches: [{name: sw, type: internal, mtu: 1000}]\n"
	 "adapters: [{name: a, owner: host, switch: sw, addresses: '2001:db8::1/64'}]",
	 "adapters[0].mtu: 1000 of switch sw is too small for the adapter's IPv6 address; use 1280 or more"},
};

static const struct refusal pair_refusals[] = {
	{"switches: [{name: sw, type: internal}]\n"
	 "adapters: [{name: a, switch: sw, attach: {tap: t}}, {name: a, switch: sw, attach: {tap: u}}]",
	 "adapters[1].name: another adapter is named so: adapters[0] (a); names are unique"},
	{TWO("switch: sw, attach: {tap: t}", "switch: sw2, attach: {tap: t}"),
	 "adapters[1].attach.tap: interface t is already that of adapters[0] (a); give each its own"},
	{TWO("switch: sw, attach: {tap: t, netns: n}", "switch: sw2, attach: {tap: t, netns: n}"),
	 "adapters[1].attach.tap: interface t in namespace n is already that of adapters[0] (a); give each its own"},
	{TWO("switch: sw, attach: {interface: t}", "switch: sw2, attach: {interface: t}"),
	 "adapters[1].attach.interface: interface t is already that of adapters[0] (a); give each its own"},
	{TWO("switch: sw, owner: host", "switch: sw2, attach: {tap: a}"),
	 "adapters[1].attach.tap: interface a is already that of adapters[0] (a); give each its own"},
	{TWO("switch: sw, attach: {tap: b}", "switch: sw2, owner: host"),
	 "adapters[1].name: interface b is already that of adapters[0] (a); give each its own"},
	{TWO("switch: sw, attach: {vhost-user: /s}", "switch: sw2, attach: {vhost-user: /s}"),
	 "adapters[1].attach.vhost-user: socket /s is already that of adapters[0] (a); give each its own"},
	{TWO("switch: sw, attach: {dpdk: 'net_tap0,a=b'}", "switch: sw2, attach: {dpdk: net_tap0}"),
	 "adapters[1].attach.dpdk: DPDK device net_tap0 is already that of adapters[0] (a); give each its own"},
	{TWO("switch: sw, attach: {tap: t}, mac-address: 02-00-00-00-00-01",
	     "switch: sw, attach: {tap: u}, mac-address: '020000000001'"),
	 "adapters[1].mac-address: 02:00:00:00:00:01 of adapters[1] (b) is already that of adapters[0] (a) on switch sw; give "
	 "each its own"},
	{TWO("switch: sw, owner: host, addresses: 192.0.2.1/24", "switch: sw2, owner: host, addresses: 192.0.2.1/25"),
	 "adapters[1].addresses: 192.0.2.1 is already that of adapters[0] (a); an address stands once"},
	{"switches: [{name: sw, type: external, uplink: eth1}]\n"
	 "adapters: [{name: a, switch: sw, attach: {interface: eth1}}]",
	 "adapters[0].attach.interface: interface eth1 is already that of switches[0] (sw); give each its own"},
};

/* clang-format on */

static void test_shape_refusals(void **state) { test_refusals(shape_refusals, COUNT(shape_refusals)); }
static void test_switch_refusals(void **state) { test_refusals(switch_refusals, COUNT(switch_refusals)); }
static void test_adapter_refusals(void **state) { test_refusals(adapter_refusals, COUNT(adapter_refusals)); }
static void test_host_refusals(void **state) { test_refusals(host_refusals, COUNT(host_refusals)); }
static void test_pair_refusals(void **state) { test_refusals(pair_refusals, COUNT(pair_refusals)); }

/* clang-format off */
/* Text -> canonical JSON. */
static const struct {
	const char *text, *json;
} good[] = {
	{"{}", "{}"},
	{"host: {}\nswitches: []\nadapters: []", "{}"},
	{"host: {name: n}", "{\"host\": {\"name\": \"n\"}}"},
	{SWITCH("type: external, uplink: {interface: eth1}"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"external\", \"uplink\": \"eth1\"}]}"},
	{SWITCH("mtu: 1500, type: external, uplink: {dpdk: net_null0}"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"external\", \"uplink\": {\"dpdk\": \"net_null0\"}, \"mtu\": 1500}]}"},
	{SWITCH("type: external, uplink: {listen: host, queues: 2, vhost-user: /s}"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"external\", \"uplink\": {\"vhost-user\": \"/s\", "
	 "\"listen\": \"host\", \"queues\": 2}}]}"},
	{SWITCH("type: private, allow-management-os: false"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"private\", \"allow-management-os\": false}]}"},
	{"switches: [{name: sw, type: internal, allow-management-os: true}]\n"
	 "adapters: [{name: sw, owner: host, switch: sw}]",
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\", \"allow-management-os\": true}],"
	 " \"adapters\": [{\"name\": \"sw\", \"owner\": \"host\", \"switch\": \"sw\"}]}"},
	{VM("owner: vm, attach: {queues: 1, vhost-user: /s, listen: guest}"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"switch\": \"sw\", \"attach\": {\"vhost-user\": \"/s\"}}]}"},
	{TAP("queues: 4"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"switch\": \"sw\", \"attach\": {\"tap\": \"t\", \"queues\": 4}}]}"},
	{HOST("queues: 4"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"owner\": \"host\", \"switch\": \"sw\", \"attach\": {\"queues\": 4}}]}"},
	{HOST("addresses: [dhcp, 192.0.2.1/24], gateway: '192.0.2.254', dns: []"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"owner\": \"host\", \"switch\": \"sw\","
	 " \"addresses\": [\"192.0.2.1/24\", \"dhcp\"], \"gateway\": [\"192.0.2.254\"]}]}"},
	{HOST("addresses: ['2001:DB8::1/64'], gateway: 'fe80::1'"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"owner\": \"host\", \"switch\": \"sw\","
	 " \"addresses\": [\"2001:db8::1/64\"], \"gateway\": [\"fe80::1\"]}]}"},
	{HOST("addresses: [192.0.2.0/31], gateway: 192.0.2.1, attach: {}"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"owner\": \"host\", \"switch\": \"sw\","
	 " \"addresses\": [\"192.0.2.0/31\"], \"gateway\": [\"192.0.2.1\"]}]}"},
	{TWO("switch: sw, owner: host, addresses: 'fe80::1/64'", "switch: sw2, owner: host, addresses: 'fe80::1/64'"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}, {\"name\": \"sw2\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"owner\": \"host\", \"switch\": \"sw\", \"addresses\": [\"fe80::1/64\"]},"
	 " {\"name\": \"b\", \"owner\": \"host\", \"switch\": \"sw2\", \"addresses\": [\"fe80::1/64\"]}]}"},
	/* The same tap name in two namespaces, and the same MAC address on two switches, are two things. */
	{TWO("switch: sw, attach: {tap: t, netns: n}, mac-address: 00155D020602",
	     "switch: sw2, attach: {tap: t}, mac-address: 00-15-5D-02-06-02"),
	 "{\"switches\": [{\"name\": \"sw\", \"type\": \"internal\"}, {\"name\": \"sw2\", \"type\": \"internal\"}],"
	 " \"adapters\": [{\"name\": \"a\", \"switch\": \"sw\", \"mac-address\": \"00:15:5d:02:06:02\","
	 " \"attach\": {\"tap\": \"t\", \"netns\": \"n\"}},"
	 " {\"name\": \"b\", \"switch\": \"sw2\", \"mac-address\": \"00:15:5d:02:06:02\", \"attach\": {\"tap\": \"t\"}}]}"},
};

/* clang-format on */

static void test_good(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct api_document *doc = test_document_good(good[i].text);
		json_t *json = api_document_encode(doc);
		assert_json_equal(json, good[i].json);
		json_decref(json);
		api_document_free(doc);
	}
}

static void test_fields(void **state)
{
	struct api_document *doc = test_document_good(test_good_documents[1]);

	assert_int_equal(doc->n_switches, 4);
	assert_int_equal(doc->n_adapters, 6);
	assert_string_equal(doc->host.name, "node1");
	assert_int_equal(mac_to_u64(&doc->host.mac_address_range.maximum), 0x00155d0206ff);
	const struct api_switch *out = api_document_switch(doc, "out"), *lab = api_document_switch(doc, "lab");
	assert_string_equal(out->uplink.interface, "eth1");
	assert_int_equal(out->allow_management_os, API_TRUE);
	assert_int_equal(lab->allow_management_os, API_UNSET);
	assert_int_equal(lab->mtu, 0);
	const struct api_adapter *h = api_document_adapter(doc, "h");
	assert_int_equal(h->owner, API_OWNER_HOST);
	assert_true(h->dhcp);
	assert_int_equal(h->n_addresses, 2);
	assert_int_equal(h->addresses[0].len, 24);
	assert_int_equal(h->n_gateway, 2);
	assert_int_equal(api_document_adapter(doc, "h2")->attach.queues, 4);
	assert_int_equal(api_document_adapter(doc, "a")->owner, API_OWNER_VM);
	assert_int_equal(api_document_adapter(doc, "b")->attach.listen, API_LISTEN_HOST);
	assert_int_equal(api_document_adapter(doc, "c")->attach.queues, 1);
	assert_null(api_document_adapter(doc, "nobody"));
	assert_null(api_document_switch(doc, "nobody"));
	api_document_free(doc);

	doc = api_document_empty();
	json_t *json = api_document_encode(doc);
	assert_json_equal(json, "{}");
	json_decref(json);
	api_document_free(doc);
	api_document_free(NULL);
}

static void test_samples(void **state)
{
	static const struct refusal samples[] = {
		{"first-switch.yaml", ""},
		{"smb-basic.yaml", ""},
		{"smb-converged.yaml", "teams: unknown key; " DOCUMENT_KNOWS},
		{"port-policy.yaml",
		 "switches[0].minimum-bandwidth-mode: unknown key; switch knows name, type, uplink, "
		 "allow-management-os, mtu, purpose"},
		{"tenants-node1.yaml", ""},
		{"tenants-node2.yaml", ""},
	};
	char shown[ERR_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(samples); i++) {
		char *text = test_data(samples[i].text);
		struct api_document *doc = test_document(text, shown);
		assert_string_equal(shown, samples[i].error);
		api_document_free(doc);
		free(text);
	}
}

/* Both descriptions know every key; the manual tells a default wherever a table has one. */
static void test_described(void **state)
{
	json_t *openapi = schema_openapi();
	char *manual = schema_manual();

	for (const struct field *f = api_schema_adapter.fields; f->key; f++) {
		json_t *property =
			json_object_get(json_object_get(json_object_get(openapi, "adapter"), "properties"), f->key);
		assert_string_equal(json_string_value(json_object_get(property, "description")), f->help);
		assert_non_null(strstr(manual, f->help));
	}
	assert_non_null(strstr(manual, "- **owner** (host or vm; default vm): "));
	assert_non_null(strstr(manual, "- **queues** (a whole number 1-16; default 1): "));
	assert_non_null(strstr(manual, "- **uplink** (see *uplink*; or the name of an interface): "));
	assert_non_null(strstr(manual,
			       "- **addresses** (list of an IP address with its prefix length such as 192.0.2.1/24 "
			       "or the word dhcp): "));
	json_t *uplink = json_object_get(json_object_get(json_object_get(openapi, "switch"), "properties"), "uplink");
	json_object_del(uplink, "description");
	assert_json_equal(uplink, "{\"anyOf\": [{\"$ref\": \"#/components/schemas/uplink\"},"
				  " {\"type\": \"string\", \"description\": \"the name of an interface\"}]}");
	assert_json_equal(json_object_get(json_object_get(openapi, "switch"), "required"), "[\"name\", \"type\"]");
	json_decref(openapi);
	free(manual);
}

const struct CMUnitTest decode_tests[] = {
	cmocka_unit_test(test_shape_refusals),	 cmocka_unit_test(test_switch_refusals),
	cmocka_unit_test(test_adapter_refusals), cmocka_unit_test(test_host_refusals),
	cmocka_unit_test(test_pair_refusals),	 cmocka_unit_test(test_good),
	cmocka_unit_test(test_fields),		 cmocka_unit_test(test_samples),
	cmocka_unit_test(test_described),
};
const size_t n_decode_tests = COUNT(decode_tests);
