/* SPDX-License-Identifier: Apache-2.0 */
/* Network virtualization in documents: what is refused, by table, what changes, and many records at once. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/schema.h"
#include "api/test/api_test.h"

/* The tables stand as they read best. */
/* clang-format off */

#define SWITCHES "switches: [{name: fab, type: external, uplink: eth1}, {name: out, type: external, uplink: eth2}, " \
	"{name: lab, type: internal}]\n"
#define PA "provider-addresses: [{switch: fab, address: 198.51.100.11/24}, {switch: fab, address: '2001:db8::11/64'}]\n"
#define ID1 "'{11111111-2222-3333-4444-000000005001}'"
#define ID2 "'{11111111-2222-3333-4444-000000006001}'"
#define DOMAINS "routing-domains:\n" \
	"  - {id: " ID1 ", name: contoso, virtual-subnets: [{id: 5001, prefix: [10.0.0.0/24, '2001:db8:1::/64']}, " \
	"{id: 5002, prefix: 10.0.1.0/24}, {id: 5009, prefix: 10.0.9.0/24}]}\n" \
	"  - {id: " ID2 ", name: fabrikam, virtual-subnets: [{id: 6001, prefix: 10.0.0.0/24}]}\n" \
	"  - {id: 11111111-2222-3333-4444-000000007001, provider-network: blue, virtual-subnets: [{id: 7001, prefix: 10.0.0.0/24}]}\n"
#define DOMAIN(subnets) "routing-domains: [{id: " ID1 ", virtual-subnets: [" subnets "]}]"
#define SUBNET(keys) DOMAIN("{id: 5001, " keys "}")
#define PAS(list) SWITCHES "provider-addresses: [" list "]"
#define PROVIDER_ROUTES(list) SWITCHES PA "provider-routes: [" list "]"
#define ADAPTER(keys) "adapters: [{name: a, attach: {tap: a}, " keys "}]\n"
#define RECORDS(list) DOMAINS "lookup-records: [" list "]\n"
#define RECORD(keys) RECORDS("{virtual-subnet-id: 5001, " keys "}")
#define MAC5 "mac-address: 02:00:00:00:00:05"
#define ENCAP(vsid, ca, mac) "{virtual-subnet-id: " vsid ", customer-address: '" ca "', mac-address: 02:00:00:00:00:" mac \
	", provider-address: 198.51.100.11}"
#define ROUTES(list) DOMAINS "customer-routes: [" list "]"
#define ROUTE(keys) ROUTES("{" keys "}")

static const struct refusal provider_refusals[] = {
	{PAS("{switch: lost, address: 198.51.100.11/24}"),
	 "provider-addresses[0].switch: the document has no switch \"lost\"; name one of its switches"},
	{PAS("{switch: lab, address: 198.51.100.11/24}"),
	 "provider-addresses[0].switch: lab has no uplink; a provider address needs an external switch"},
	{PAS("{switch: fab, address: 239.0.0.1/24}"),
	 "provider-addresses[0].address: 239.0.0.1 is a multicast address; use a unicast address"},
	{PAS("{switch: fab, address: 0.0.0.0/24}"),
	 "provider-addresses[0].address: 0.0.0.0 is the unspecified address; use a unicast address"},
	{PAS("{switch: fab, address: '::/64'}"),
	 "provider-addresses[0].address: :: is the unspecified address; use a unicast address"},
	{PAS("{switch: fab, address: 198.51.100.11/24, vlan: 4095}"),
	 "provider-addresses[0].vlan: 4095 is reserved; use 0-4094"},
	{PAS("{switch: fab, address: 198.51.100.11/24, vlan: 4096}"),
	 "provider-addresses[0].vlan: 4096 is out of range; use 0-4094"},
	{PAS("{switch: fab, address: 198.51.100.11/24}, {switch: fab, address: 198.51.100.11/25}"),
	 "provider-addresses[1].address: 198.51.100.11 is already that of provider-addresses[0] (198.51.100.11); an address "
	 "stands once"},
	{PAS("{switch: fab, address: 198.51.100.11/24}, {switch: fab, address: 198.51.100.12/24, provider-network: blue}"),
	 "provider-addresses[1].provider-network: blue, but switch fab already carries default by provider-addresses[0] "
	 "(198.51.100.11); a switch carries one provider network"},
	{PAS("{switch: fab, address: 198.51.100.11/24}, {switch: out, address: 198.51.100.12/24}"),
	 "provider-addresses[1].switch: provider network default is already on another switch than out: that of "
	 "provider-addresses[0] (198.51.100.11); name another provider-network"},
	{"host: {mac-address-range: {minimum: 0200000000AA, maximum: 0200000000ff}}\n"
	 PAS("{switch: fab, address: 198.51.100.11/24, mac-address: 02:00:00:00:00:bb}"),
	 "provider-addresses[0].mac-address: 02:00:00:00:00:bb lies in host.mac-address-range (02:00:00:00:00:aa to "
	 "02:00:00:00:00:ff), the host's own pool; use one outside"},
	{PAS("{switch: fab, address: 198.51.100.11/24, " MAC5 "}") "\n" ADAPTER("switch: fab, " MAC5),
	 "adapters[0].mac-address: 02:00:00:00:00:05 of adapters[0] (a) is already that of provider-addresses[0] "
	 "(198.51.100.11) on switch fab; give each its own"},
	{PROVIDER_ROUTES("{prefix: 0.0.0.0/0, next-hop: 203.0.113.1}"),
	 "provider-routes[0].next-hop: 203.0.113.1 lies in the subnet of no provider address of provider network default; "
	 "use a router in one"},
	{PROVIDER_ROUTES("{prefix: 0.0.0.0/0, next-hop: 198.51.100.1, provider-network: blue}"),
	 "provider-routes[0].next-hop: 198.51.100.1 lies in the subnet of no provider address of provider network blue; use "
	 "a router in one"},
	{PAS("{switch: fab, address: 198.51.100.11/24}") "\nprovider-routes: [{prefix: '::/0', next-hop: 'fe80::1'}]",
	 "provider-routes[0].next-hop: fe80::1 lies in the subnet of no provider address of provider network default; use a "
	 "router in one"},
	{PROVIDER_ROUTES("{prefix: 0.0.0.0/0, next-hop: 198.51.100.11}"),
	 "provider-routes[0].next-hop: 198.51.100.11 is this host's own, provider-addresses[0] (198.51.100.11); give the "
	 "router's"},
	{PROVIDER_ROUTES("{prefix: '::/0', next-hop: 198.51.100.1}"),
	 "provider-routes[0].next-hop: 198.51.100.1 cannot lead to ::/0; use a next hop of its own family"},
	{PROVIDER_ROUTES("{prefix: 192.0.2.1/24, next-hop: 198.51.100.1}"),
	 "provider-routes[0].prefix: 192.0.2.1/24 has bits behind the prefix length; use 192.0.2.0/24"},
	{PROVIDER_ROUTES("{prefix: 192.0.2.0/24, next-hop: 198.51.100.1}, {prefix: 192.0.2.0/24, next-hop: 198.51.100.2}"),
	 "provider-routes[1].metric: 0 is already that of provider-routes[0] (192.0.2.0/24); routes with an equal prefix "
	 "have different ones"},
};

static const struct refusal domain_refusals[] = {
	{"routing-domains: [{id: x}]",
	 "routing-domains[0].id: expected a GUID such as {11111111-2222-3333-4444-000000005001}, got \"x\""},
	{"routing-domains: [{id: '{11111111-2222-3333-4444-000000005001'}]",
	 "routing-domains[0].id: expected a GUID such as {11111111-2222-3333-4444-000000005001}, got "
	 "\"{11111111-2222-3333-4444-000000005001\""},
	{"routing-domains: [{id: " ID1 ", name: a}, {id: 11111111-2222-3333-4444-000000005001}]",
	 "routing-domains[1].id: {11111111-2222-3333-4444-000000005001} is already that of routing-domains[0] (a); give each "
	 "its own"},
	{DOMAIN("{id: 16777215, prefix: 10.0.0.0/24}"),
	 "routing-domains[0].virtual-subnets[0].id: 16777215 is reserved; use 4096-16777214"},
	{DOMAIN("{id: 4095, prefix: 10.0.0.0/24}"),
	 "routing-domains[0].virtual-subnets[0].id: 4095 is reserved; use 4096-16777214"},
	{DOMAIN("{id: 16777216, prefix: 10.0.0.0/24}"),
	 "routing-domains[0].virtual-subnets[0].id: 16777216 is out of range; use 4096-16777214"},
	{DOMAIN("{id: 5001, prefix: 10.0.0.0/24}, {id: 5001, prefix: 10.0.1.0/24}"),
	 "routing-domains[0].virtual-subnets[1].id: 5001 of {11111111-2222-3333-4444-000000005001} is already that of "
	 "routing-domains[0].virtual-subnets[0] ({11111111-2222-3333-4444-000000005001}); virtual subnets are unique in a "
	 "provider network"},
	{"routing-domains: [{id: " ID1 ", name: a, virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}]}, "
	 "{id: " ID2 ", name: b, virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}]}]",
	 "routing-domains[1].virtual-subnets[0].id: 5001 of b is already that of routing-domains[0].virtual-subnets[0] (a); "
	 "virtual subnets are unique in a provider network"},
	{SUBNET("prefix: []"),
	 "routing-domains[0].virtual-subnets[0].prefix: empty; give the subnet's prefix such as 10.0.0.0/24"},
	{SUBNET("prefix: [10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24, 10.0.4.0/24]"),
	 "routing-domains[0].virtual-subnets[0].prefix: 5 prefixes; a virtual subnet has at most 4"},
	{SUBNET("prefix: 10.0.0.1/24"), "routing-domains[0].virtual-subnets[0].prefix: 10.0.0.1/24 has bits behind the "
	 "prefix length; use 10.0.0.0/24"},
	{SUBNET("prefix: 10.0.0.0/31"), "routing-domains[0].virtual-subnets[0].prefix: 10.0.0.0/31 has no room for a gateway "
	 "address and guests; use a prefix length up to 30"},
	{SUBNET("prefix: 10.0.0.0/32"), "routing-domains[0].virtual-subnets[0].prefix: 10.0.0.0/32 has no room for a gateway "
	 "address and guests; use a prefix length up to 30"},
	{SUBNET("prefix: ['2001:db8::/127']"), "routing-domains[0].virtual-subnets[0].prefix[0]: 2001:db8::/127 has no room "
	 "for a gateway address and guests; use a prefix length up to 126"},
	{SUBNET("prefix: '2001:db8::1/128'"), "routing-domains[0].virtual-subnets[0].prefix: 2001:db8::1/128 has no room for "
	 "a gateway address and guests; use a prefix length up to 126"},
	{SUBNET("prefix: 0.0.0.0/0"), "routing-domains[0].virtual-subnets[0].prefix: 0.0.0.0/0 is the whole world; give the "
	 "subnet's prefix length"},
	{SUBNET("prefix: 224.0.0.0/24"), "routing-domains[0].virtual-subnets[0].prefix: 224.0.0.0/24 begins with a multicast "
	 "address; use a unicast prefix"},
	{SUBNET("prefix: 127.0.0.0/24"), "routing-domains[0].virtual-subnets[0].prefix: 127.0.0.0/24 begins with a loopback "
	 "address; use a unicast prefix"},
	{SUBNET("prefix: 'fe80::/64'"), "routing-domains[0].virtual-subnets[0].prefix: fe80::/64 is link-local, which every "
	 "IPv6 subnet has anyway; give its own prefix"},
	{DOMAIN("{id: 5002, prefix: [10.1.0.0/24, '2001:db8::/48']}, {id: 5001, prefix: ['2001:db8:0:5::/64', 10.0.0.0/24]}"),
	 "routing-domains[0].virtual-subnets[1].prefix: 2001:db8:0:5::/64 of virtual subnet 5001 overlaps 2001:db8::/48 of "
	 "routing-domains[0].virtual-subnets[0] (5002); the prefixes of routing domain {11111111-2222-3333-4444-000000005001} "
	 "must be apart"},
	{DOMAIN("{id: 5001, prefix: 10.0.1.0/24}, {id: 5002, prefix: 10.0.0.0/16}"),
	 "routing-domains[0].virtual-subnets[1].prefix: 10.0.0.0/16 of virtual subnet 5002 overlaps 10.0.1.0/24 of "
	 "routing-domains[0].virtual-subnets[0] (5001); the prefixes of routing domain {11111111-2222-3333-4444-000000005001} "
	 "must be apart"},
	{SUBNET("prefix: [10.0.0.0/24, 10.0.0.0/24]"),
	 "routing-domains[0].virtual-subnets[0].prefix: 10.0.0.0/24 of virtual subnet 5001 overlaps 10.0.0.0/24 of "
	 "routing-domains[0].virtual-subnets[0] (5001); the prefixes of routing domain {11111111-2222-3333-4444-000000005001} "
	 "must be apart"},
};

static const struct refusal adapter_refusals[] = {
	{SWITCHES PA DOMAINS ADAPTER("switch: fab, virtual-subnet-id: 16777215"),
	 "adapters[0].virtual-subnet-id: 16777215 is reserved; use 4096-16777214"},
	{SWITCHES PA DOMAINS ADAPTER("switch: fab, virtual-subnet-id: 4095"),
	 "adapters[0].virtual-subnet-id: 4095 is reserved; use 4096-16777214"},
	{SWITCHES PA DOMAINS "adapters: [{name: a, owner: host, switch: fab, virtual-subnet-id: 5001}]",
	 "adapters[0].virtual-subnet-id: only for adapters with `owner: vm`; the host is in no tenant's network"},
	{SWITCHES "adapters: [{name: a, owner: host, switch: fab, dynamic-ip-address-limit: 1}]",
	 "adapters[0].dynamic-ip-address-limit: only for adapters with `owner: vm`; the host is in no tenant's network"},
	{SWITCHES ADAPTER("switch: fab, dynamic-ip-address-limit: 1"), "adapters[0].dynamic-ip-address-limit: only for "
	 "adapters with `virtual-subnet-id`; customer addresses are learned for nobody else"},
	{SWITCHES PA DOMAINS ADAPTER("switch: out, virtual-subnet-id: 5001"),
	 "adapters[0].virtual-subnet-id: 5001 needs a provider address on switch out and there is none; add one to "
	 "provider-addresses or leave virtual-subnet-id out"},
	{SWITCHES PA DOMAINS ADAPTER("switch: fab, virtual-subnet-id: 5003"),
	 "adapters[0].virtual-subnet-id: no routing domain of provider network default has virtual subnet 5003; add it there "
	 "or use another"},
	{SWITCHES PA DOMAINS ADAPTER("switch: fab, virtual-subnet-id: 7001"),
	 "adapters[0].virtual-subnet-id: no routing domain of provider network default has virtual subnet 7001, only "
	 "routing-domains[2].virtual-subnets[0] (7001) of provider network blue"},
	{SWITCHES PA DOMAINS "adapters: [{name: a, switch: fab, attach: {tap: a}, virtual-subnet-id: 5001, " MAC5 "}, "
	 "{name: b, switch: fab, attach: {tap: b}, virtual-subnet-id: 5001, " MAC5 "}]",
	 "adapters[1].mac-address: 02:00:00:00:00:05 of adapters[1] (b) is already that of adapters[0] (a) on switch fab; "
	 "give each its own"},
};

static const struct refusal record_refusals[] = {
	{RECORD("customer-address: 10.0.0.5, " MAC5),
	 "lookup-records[0].provider-address: missing; say behind which the guest is"},
	{RECORD("customer-address: 10.0.0.5, provider-address: 198.51.100.11"),
	 "lookup-records[0].mac-address: missing; only records of multicast and broadcast addresses have none"},
	{RECORD("customer-address: 10.0.0.5, mac-address: 01:00:5e:00:00:01, provider-address: 198.51.100.11"),
	 "lookup-records[0].mac-address: 01:00:5e:00:00:01 is a multicast address; the first byte must be even"},
	{RECORD("customer-address: 10.0.0.5, " MAC5 ", provider-address: 239.1.1.1"),
	 "lookup-records[0].provider-address: 239.1.1.1 is a multicast address; use a unicast address"},
	{RECORD("customer-address: 0.0.0.0, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].customer-address: 0.0.0.0 is nobody's address; only records of type l2only and gateway-wildcard "
	 "have it"},
	{RECORD("customer-address: 10.0.0.5, type: l2only, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].customer-address: 10.0.0.5 in a record of type l2only; use 0.0.0.0 or ::"},
	{RECORD("customer-address: 10.0.0.5, type: gateway-wildcard, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].customer-address: 10.0.0.5 in a record of type gateway-wildcard; use 0.0.0.0 or ::"},
	{RECORD("customer-address: '::', type: l2only, provider-address: 198.51.100.11"),
	 "lookup-records[0].mac-address: missing; only records of multicast and broadcast addresses have none"},
	{RECORD("customer-address: 10.0.0.5, " MAC5 ", provider-address: 198.51.100.11, use-vm-mac-address: true"),
	 "lookup-records[0].use-vm-mac-address: only with `rule: nat`; encapsulated frames bear the guest's MAC address "
	 "inside anyway"},
	{RECORDS("{virtual-subnet-id: 5003, customer-address: 10.0.0.5, " MAC5 ", provider-address: 198.51.100.11}"),
	 "lookup-records[0].virtual-subnet-id: no routing domain of provider network default has virtual subnet 5003; add it "
	 "there or use another"},
	{RECORD("customer-address: 10.0.0.5, " MAC5 ", provider-address: 198.51.100.11, provider-network: blue"),
	 "lookup-records[0].virtual-subnet-id: no routing domain of provider network blue has virtual subnet 5001, only "
	 "routing-domains[0].virtual-subnets[0] (5001) of provider network default"},
	{RECORD("customer-address: 10.0.1.5, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].customer-address: 10.0.1.5 lies outside virtual subnet 5001 (10.0.0.0/24, 2001:db8:1::/64); use "
	 "an address inside"},
	{RECORDS("{virtual-subnet-id: 5002, customer-address: 'fe80::1', " MAC5 ", provider-address: 198.51.100.11}"),
	 "lookup-records[0].customer-address: fe80::1 lies outside virtual subnet 5002 (10.0.1.0/24); use an address inside"},
	{RECORD("customer-address: 10.0.0.1, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].customer-address: 10.0.0.1 is the gateway of virtual subnet 5001, on every host; it has no "
	 "record"},
	{RECORD("customer-address: '2001:db8:1::1', " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].customer-address: 2001:db8:1::1 is the gateway of virtual subnet 5001, on every host; it has no "
	 "record"},
	{RECORD("customer-address: 10.0.0.0, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].customer-address: 10.0.0.0 is the own address of virtual subnet 5001; no guest has it"},
	{RECORD("customer-address: 224.0.0.251, provider-address: 198.51.100.11"),
	 "lookup-records[0].provider-address: 198.51.100.11 is no multicast group, but 224.0.0.251 goes to many; give a "
	 "group, or leave it out for a copy to each host"},
	{RECORD("customer-address: 10.0.0.255, provider-address: 198.51.100.11"),
	 "lookup-records[0].provider-address: 198.51.100.11 is no multicast group, but 10.0.0.255 goes to many; give a "
	 "group, or leave it out for a copy to each host"},
	{RECORD("customer-address: 'ff02::fb', rule: nat"),
	 "lookup-records[0].rule: ff02::fb goes to many; nat is for the address of one guest"},
	{RECORD("customer-address: '::', type: l2only, rule: nat, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].rule: nat rewrites one customer address, and this record has none; use encap"},
	{RECORD("customer-address: '2001:db8:1::5', rule: nat, " MAC5 ", provider-address: 198.51.100.11"),
	 "lookup-records[0].provider-address: 198.51.100.11 cannot stand for 2001:db8:1::5 by nat; use one of its own "
	 "family"},
	{RECORDS("{virtual-subnet-id: 5001, customer-address: 10.0.0.5, " MAC5 ", provider-address: 198.51.100.5, rule: nat}, "
		 "{virtual-subnet-id: 6001, customer-address: 10.0.0.5, " MAC5 ", provider-address: 198.51.100.5, rule: nat}"),
	 "lookup-records[1].provider-address: 198.51.100.5 is already that of lookup-records[0] (5001 10.0.0.5); nat needs "
	 "one provider address for each customer address"},
	{RECORDS(ENCAP("5001", "10.0.0.6", "06") ", "
		 "{virtual-subnet-id: 6001, customer-address: 10.0.0.5, " MAC5 ", provider-address: 198.51.100.11, rule: nat}"),
	 "lookup-records[1].provider-address: 198.51.100.11 of lookup-records[1] (6001 10.0.0.5) (nat) is already that of "
	 "lookup-records[0] (5001 10.0.0.6) (encap); nat needs one provider address for each customer address"},
	{RECORDS(ENCAP("5001", "10.0.0.6", "06") ", " ENCAP("6001", "10.0.0.6", "06") ", " ENCAP("5001", "10.0.0.6", "07")),
	 "lookup-records[2].customer-address: 10.0.0.6 in virtual subnet 5001 has a record already, lookup-records[0] (5001 "
	 "10.0.0.6); leave one of them out"},
	{RECORDS("{virtual-subnet-id: 5001, customer-address: '::', " MAC5 ", provider-address: 198.51.100.5, type: l2only}, "
		 "{virtual-subnet-id: 5001, customer-address: '::', " MAC5 ", provider-address: 198.51.100.6, type: l2only}"),
	 "lookup-records[1].mac-address: 02:00:00:00:00:05 in virtual subnet 5001 has a record already, lookup-records[0] "
	 "(5001 ::); leave one of them out"},
};

static const struct refusal route_refusals[] = {
	{ROUTE("virtual-subnet-id: 5003, prefix: 0.0.0.0/0, next-hop: 10.0.9.2"),
	 "customer-routes[0].virtual-subnet-id: no routing domain of provider network default has virtual subnet 5003; add it "
	 "there or use another"},
	{ROUTE("virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.1.2"),
	 "customer-routes[0].next-hop: 10.0.1.2 lies outside virtual subnet 5009 (10.0.9.0/24); use an address inside"},
	{ROUTE("virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.1"),
	 "customer-routes[0].next-hop: 10.0.9.1 is the gateway of virtual subnet 5009 itself, which knows no more; give a "
	 "guest's address"},
	{ROUTE("virtual-subnet-id: 5009, prefix: '::/0', next-hop: 10.0.9.2"),
	 "customer-routes[0].next-hop: 10.0.9.2 cannot lead to ::/0; use a next hop of its own family"},
	{ROUTE("virtual-subnet-id: 5009, prefix: 10.0.0.0/24, next-hop: 10.0.9.2"),
	 "customer-routes[0].prefix: 10.0.0.0/24 is routing-domains[0].virtual-subnets[0] (5001) itself and always in reach"},
	{ROUTE("virtual-subnet-id: 5009, prefix: 10.0.0.0/24, next-hop: 0.0.0.0"),
	 "customer-routes[0].prefix: 10.0.0.0/24 is routing-domains[0].virtual-subnets[0] (5001) itself and always in reach"},
	{RECORDS(ENCAP("5009", "10.0.9.2", "09") ", " ENCAP("5009", "10.0.9.7", "07"))
	 "customer-routes: [{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2}]",
	 "customer-routes[0].next-hop: 10.0.9.2 shares virtual subnet 5009 with lookup-records[1] (5009 10.0.9.7); a gateway "
	 "out of the routing domain needs a virtual subnet of its own"},
	{RECORDS(ENCAP("5009", "10.0.9.7", "07"))
	 "customer-routes: [{virtual-subnet-id: 5009, prefix: 192.0.2.0/24, next-hop: 10.0.9.2}]",
	 "customer-routes[0].next-hop: 10.0.9.2 shares virtual subnet 5009 with lookup-records[0] (5009 10.0.9.7); a gateway "
	 "out of the routing domain needs a virtual subnet of its own"},
	{SWITCHES PA RECORDS(ENCAP("5009", "10.0.9.2", "09")) ADAPTER("switch: fab, virtual-subnet-id: 5009, " MAC5)
	 "customer-routes: [{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2}]",
	 "customer-routes[0].next-hop: 10.0.9.2 shares virtual subnet 5009 with adapters[0] (a); a gateway out of the routing "
	 "domain needs a virtual subnet of its own"},
	{ROUTES("{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2, metric: 3}, "
		"{virtual-subnet-id: 5002, prefix: 0.0.0.0/0, next-hop: 10.0.1.2, metric: 3}"),
	 "customer-routes[1].metric: 3 is already that of customer-routes[0] (0.0.0.0/0) in the same routing domain; routes "
	 "with an equal prefix have different ones"},
	{ROUTES("{virtual-subnet-id: 5002, prefix: 10.0.9.2/32, next-hop: 10.0.1.2}, "
		"{virtual-subnet-id: 5009, prefix: 10.0.1.0/28, next-hop: 10.0.9.2}"),
	 "customer-routes[0].next-hop: 10.0.1.2 is reached by customer-routes[1] (10.0.1.0/28), which leads back to it; break "
	 "the loop in one of them"},
	{ROUTES("{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.9}, "
		"{virtual-subnet-id: 5002, prefix: 10.0.9.8/30, next-hop: 10.0.1.2}, "
		"{virtual-subnet-id: 5001, prefix: 10.0.1.0/30, next-hop: 10.0.0.2}, "
		"{virtual-subnet-id: 5002, prefix: 10.0.0.0/30, next-hop: 10.0.1.3}"),
	 "customer-routes[2].next-hop: 10.0.0.2 is reached by customer-routes[3] (10.0.0.0/30), which leads back to it; break "
	 "the loop in one of them"},
	{ROUTE("virtual-subnet-id: 5002, prefix: 10.0.1.0/25, next-hop: 10.0.1.7"),
	 "customer-routes[0].next-hop: 10.0.1.7 lies in the prefix of customer-routes[0] (10.0.1.0/25) itself, a loop; use a "
	 "next hop outside"},
};

static const struct refusal global_refusals[] = {
	{"network-virtualization: {forwarding: r1}",
	 "network-virtualization.forwarding: expected r2 or 2012, got \"r1\""},
	{"network-virtualization: {forwarding: 2016}",
	 "network-virtualization.forwarding: expected r2 or 2012, got the number 2016"},
	{"network-virtualization: {resolver: {command: /bin/a, url: /run/a}}",
	 "network-virtualization.resolver: has both `command` and `url`; one of them is asked"},
	{"network-virtualization: {resolver: {timeout-ms: 5}}",
	 "network-virtualization.resolver.timeout-ms: there is nobody to wait for; give `command` or `url`, too"},
	{"network-virtualization: {resolver: {command: ask}}",
	 "network-virtualization.resolver.command: \"ask\" is no absolute path; begin with '/'"},
	{"network-virtualization: {resolver: {url: 'https://a/b'}}",
	 "network-virtualization.resolver.url: \"https://a/b\" is neither http://HOST[:PORT]/PATH nor the absolute path of a "
	 "unix socket"},
	{"network-virtualization: {resolver: {url: 'http:///b'}}",
	 "network-virtualization.resolver.url: \"http:///b\" is neither http://HOST[:PORT]/PATH nor the absolute path of a "
	 "unix socket"},
};

/* Documents that look like one of the refused and are fine. */
static const char *const good[] = {
	/* Provider addresses may share a MAC address; two networks may have the same addresses. */
	PAS("{switch: fab, address: 198.51.100.11/24, " MAC5 "}, {switch: fab, address: 198.51.100.12/24, " MAC5 "}, "
	    "{switch: out, address: 198.51.100.11/24, " MAC5 ", provider-network: blue}"),
	/* VSIDs are unique within a provider network only, prefixes are apart within a routing domain only. */
	"routing-domains: [{id: " ID1 ", virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}]}, "
	"{id: " ID2 ", provider-network: blue, virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}]}]",
	DOMAIN("{id: 4096, prefix: 10.0.0.0/30}, {id: 16777214, prefix: ['2001:db8::/126', 10.0.0.4/30]}"),
	/* The last next hop is in its subnet's reach, so nothing leads back. */
	ROUTES("{virtual-subnet-id: 5002, prefix: 10.0.9.2/32, next-hop: 10.0.1.2}, "
	       "{virtual-subnet-id: 5009, prefix: 10.0.1.128/28, next-hop: 10.0.9.2}"),
	/* A gateway may have several addresses and its own subnet's guests elsewhere. */
	SWITCHES PA RECORDS(ENCAP("5009", "10.0.9.2", "09") ", " ENCAP("5009", "10.0.9.3", "09") ", "
			    ENCAP("5001", "10.0.0.7", "07"))
	"adapters: [{name: gw, switch: fab, attach: {tap: gw}, virtual-subnet-id: 5009, mac-address: 02:00:00:00:00:09}]\n"
	"customer-routes: [{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2}]",
	/* A gateway for everything is the gateway, whether its address has a record or not; l2only guests are others. */
	RECORDS("{virtual-subnet-id: 5009, customer-address: 0.0.0.0, " MAC5 ", provider-address: 198.51.100.11, "
		"type: gateway-wildcard}")
	"customer-routes: [{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2}]",
	RECORDS("{virtual-subnet-id: 5009, customer-address: 0.0.0.0, " MAC5 ", provider-address: 198.51.100.11, "
		"type: gateway-wildcard}, "
		"{virtual-subnet-id: 5009, customer-address: 0.0.0.0, " MAC5 ", provider-address: 198.51.100.11, type: l2only}"),
	/* A route inside the domain may lead by a guest among others. */
	RECORDS(ENCAP("5002", "10.0.1.2", "02") ", " ENCAP("5002", "10.0.1.3", "03"))
	"customer-routes: [{virtual-subnet-id: 5002, prefix: 10.0.9.128/25, next-hop: 10.0.1.2}]",
};

#define FIELD(name, from, to) "{\"field\": \"" name "\", \"from\": " from ", \"to\": " to "}"
#define CHANGE(op, kind, name, fields) \
	"{\"op\": \"" op "\", \"kind\": \"" kind "\", \"name\": \"" name "\", \"fields\": [" fields "]}"

static const struct {
	const char *prev, *next, *changes;
} changes[] = {
	{"network-virtualization: {forwarding: r2}", "network-virtualization: {forwarding: 2012, resolver: {command: /a}}",
	 "[{\"op\": \"change\", \"kind\": \"network-virtualization\", \"fields\": ["
	 FIELD("forwarding", "null", "\"2012\"") ", " FIELD("resolver.command", "null", "\"/a\"") "]}]"},
	/* The order means nothing, nor does the case of an id. */
	{RECORDS(ENCAP("5001", "10.0.0.5", "05") ", " ENCAP("6001", "10.0.0.5", "05")),
	 RECORDS(ENCAP("6001", "10.0.0.5", "05") ", " ENCAP("5001", "10.0.0.5", "05")), "[]"},
	{RECORDS(ENCAP("5001", "10.0.0.5", "05") ", " ENCAP("6001", "10.0.0.5", "05")),
	 RECORDS(ENCAP("6001", "10.0.0.5", "06")),
	 "[" CHANGE("remove", "lookup-record", "5001 10.0.0.5", FIELD("virtual-subnet-id", "5001", "null") ", "
		    FIELD("customer-address", "\"10.0.0.5\"", "null") ", "
		    FIELD("mac-address", "\"02:00:00:00:00:05\"", "null") ", "
		    FIELD("provider-address", "\"198.51.100.11\"", "null")) ", "
	 CHANGE("change", "lookup-record", "6001 10.0.0.5",
		FIELD("mac-address", "\"02:00:00:00:00:05\"", "\"02:00:00:00:00:06\"")) "]"},
	{PAS("{switch: fab, address: 198.51.100.11/24}"), PAS("{switch: fab, address: 198.51.100.11/25, vlan: 7}"),
	 "[" CHANGE("change", "provider-address", "198.51.100.11",
		    FIELD("address", "\"198.51.100.11/24\"", "\"198.51.100.11/25\"") ", " FIELD("vlan", "null", "7")) "]"},
	{PROVIDER_ROUTES("{prefix: 0.0.0.0/0, next-hop: 198.51.100.1, metric: 4}"),
	 PROVIDER_ROUTES("{prefix: 0.0.0.0/0, next-hop: 198.51.100.2, metric: 4}"),
	 "[" CHANGE("change", "provider-route", "0.0.0.0/0 metric 4",
		    FIELD("next-hop", "\"198.51.100.1\"", "\"198.51.100.2\"")) "]"},
	{ROUTE("virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2, metric: 1"),
	 ROUTE("virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.3, metric: 1"),
	 "[" CHANGE("change", "customer-route", "5009 0.0.0.0/0 metric 1",
		    FIELD("next-hop", "\"10.0.9.2\"", "\"10.0.9.3\"")) "]"},
	{"routing-domains: [{id: " ID1 ", name: a, virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}, "
	 "{id: 5002, prefix: 10.0.1.0/24}]}]",
	 "routing-domains: [{id: " ID1 ", name: b, virtual-subnets: [{id: 5003, prefix: 10.0.3.0/24}, "
	 "{id: 5002, prefix: 10.0.1.0/24, dhcp: true}]}, {id: " ID2 "}]",
	 "[" CHANGE("change", "routing-domain", "b", FIELD("name", "\"a\"", "\"b\"") ", "
		    FIELD("virtual-subnets[5001]", "{\"id\": 5001, \"prefix\": [\"10.0.0.0/24\"]}", "null") ", "
		    FIELD("virtual-subnets[5003]", "null", "{\"id\": 5003, \"prefix\": [\"10.0.3.0/24\"]}") ", "
		    FIELD("virtual-subnets[5002].dhcp", "null", "true")) ", "
	 CHANGE("add", "routing-domain", "{11111111-2222-3333-4444-000000006001}",
		FIELD("id", "null", "\"{11111111-2222-3333-4444-000000006001}\"")) "]"},
};

/* clang-format on */

static void test_provider(void **state) { test_refusals(provider_refusals, COUNT(provider_refusals)); }
static void test_domains(void **state) { test_refusals(domain_refusals, COUNT(domain_refusals)); }
static void test_adapters(void **state) { test_refusals(adapter_refusals, COUNT(adapter_refusals)); }
static void test_records(void **state) { test_refusals(record_refusals, COUNT(record_refusals)); }
static void test_routes(void **state) { test_refusals(route_refusals, COUNT(route_refusals)); }
static void test_global(void **state) { test_refusals(global_refusals, COUNT(global_refusals)); }

static void test_good(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++)
		api_document_free(test_document_good(good[i]));
}

static void test_changes(void **state)
{
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct api_document *prev = test_document_good(changes[i].prev),
				    *next = test_document_good(changes[i].next);
		json_t *json = api_document_diff(prev, next);
		assert_json_equal(json, changes[i].changes);
		json_decref(json);
		api_document_free(prev);
		api_document_free(next);
	}
}

static void test_sample(void **state)
{
	char *text = test_data("tenants-node1.yaml"), gateway[IP_TEXT_SIZE];
	struct api_document *doc = test_document_good(text);

	assert_string_equal(doc->provider_addresses[0].provider_network, "default");
	assert_string_equal(doc->routing_domains[0].id, "{11111111-2222-3333-4444-000000005001}");
	assert_int_equal(doc->routing_domains[0].n_virtual_subnets, 2);
	const struct api_virtual_subnet *subnet = &doc->routing_domains[0].virtual_subnets[1];
	struct ip ip = api_virtual_subnet_gateway(&subnet->prefixes[0]);
	assert_string_equal(ip_format(&ip, gateway), "10.0.1.1");
	assert_int_equal(api_document_adapter(doc, "f-web")->virtual_subnet_id, 6001);
	assert_int_equal(doc->n_lookup_records, 5);
	assert_int_equal(doc->network_virtualization.resolver.timeout_ms, 1000);
	api_document_free(doc);
	free(text);

	/* Ids are stored in one spelling. */
	doc = test_document_good("routing-domains: [{id: ABCDEF01-2222-3333-4444-00000000500F}]");
	assert_string_equal(doc->routing_domains[0].id, "{abcdef01-2222-3333-4444-00000000500f}");
	api_document_free(doc);
}

enum { MANY = 10000, SUBNETS = 100 };

/* Records over many subnets, a route by each subnet's first guest, half of the records by nat. */
static json_t *many(void)
{
	json_t *subnets = json_array(), *records = json_array(), *routes = json_array();

	for (int i = 0; i < SUBNETS; i++)
		json_array_append_new(
			subnets, json_pack("{s:i, s:o}", "id", 5000 + i, "prefix", json_sprintf("10.%d.0.0/16", i)));
	for (int i = 0; i < MANY; i++) {
		int subnet = i % SUBNETS, guest = 2 + i / SUBNETS;
		json_array_append_new(
			records,
			json_pack("{s:i, s:o, s:o, s:o, s:s}", "virtual-subnet-id", 5000 + subnet, "customer-address",
				  json_sprintf("10.%d.1.%d", subnet, guest), "mac-address",
				  json_sprintf("02:00:00:00:%02x:%02x", i >> 8, i & 255), "provider-address",
				  json_sprintf("198.%d.%d.1", 18 + i % 2, i / 2 % 256), "rule", "encap"));
		json_array_append_new(
			routes, json_pack("{s:i, s:o, s:o}", "virtual-subnet-id", 5000 + subnet, "prefix",
					  json_sprintf("10.%d.%d.%d/32", (subnet + 1) % SUBNETS, 2 + guest, subnet),
					  "next-hop", json_sprintf("10.%d.1.2", subnet)));
	}
	return json_pack("{s:[{s:s, s:o}], s:o, s:o}", "routing-domains", "id",
			 "11111111-2222-3333-4444-000000005001", "virtual-subnets", subnets, "lookup-records",
			 records, "customer-routes", routes);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 10 000 records and as many routes: anything quadratic takes seconds, the rest a tenth of one. */
static void test_many(void **state)
{
	json_t *json = many();
	struct api_document *doc = NULL, *empty = api_document_empty();
	struct err e = {0};
	double start = seconds();

	if (api_document_decode(json, &doc, &e) < 0)
		fail_msg("%s: %s", e.path, e.text);
	json_t *added = api_document_diff(empty, doc), *none = api_document_diff(doc, doc);
	assert_in_range((uint64_t)((seconds() - start) * 1000), 0, 2000);
	assert_int_equal(json_array_size(added), 2 * MANY + 1);
	assert_int_equal(json_array_size(none), 0);
	json_decref(none);
	json_decref(added);
	api_document_free(doc);
	api_document_free(empty);
	json_decref(json);
}

const struct CMUnitTest tenants_tests[] = {
	cmocka_unit_test(test_provider), cmocka_unit_test(test_domains), cmocka_unit_test(test_adapters),
	cmocka_unit_test(test_records),	 cmocka_unit_test(test_routes),	 cmocka_unit_test(test_global),
	cmocka_unit_test(test_good),	 cmocka_unit_test(test_changes), cmocka_unit_test(test_sample),
	cmocka_unit_test(test_many),
};
const size_t n_tenants_tests = COUNT(tenants_tests);
