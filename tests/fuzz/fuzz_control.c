/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages of other hosts: read as bytes, and taken by a whole host. Whatever comes, no byte beyond it is read, the
 * books balance, no buffer is lost, and nothing is redirected but by whom the record leads to, to a provider address that the
 * network has a route to; the sender of the quoted frame is a guest here.
 *
 * Input: struct shape, then the message from its inner Ethernet header on.
 */
#include <netinet/in.h>

#include "core/runtime/offload.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/message.h"
#include "modules/hnv/control/networks.h"
#include "modules/provider/provider.h"
#include "tests/fuzz/fuzz.h"
#include "tests/packet/hnv_rig.h"

struct shape {
	uint8_t how; /* 1: over IPv6, 2: in the reserved VSID, 4: lengths are made right, 8: checksums too, 16: from a stranger,
		      32: an IPv6 message whatever it goes by */
};

static unsigned in_use;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rig_start();
	in_use = rte_mempool_in_use_count(port_pools()->small);
	return 0;
}

/* So that the search gets past what lengths and sums guard. */
static void mend(uint8_t *bytes, size_t len, uint8_t how)
{
	uint8_t *ip = bytes + 14;
	bool ip6 = how & (1 | 32);
	size_t header = ip6 ? 40 : 20;
	if (len < 14 + header + 8)
		return;
	uint8_t *icmp = ip + header;
	uint16_t rest = (uint16_t)(len - 14 - header), sum = 0;
	if (how & 4) {
		uint16_t says = (uint16_t)(ip6 ? rest : rest + header);
		ip[ip6 ? 4 : 2] = (uint8_t)(says >> 8);
		ip[ip6 ? 5 : 3] = (uint8_t)says;
	}
	if (!(how & 8))
		return;
	if (!ip6)
		rig_ip4_sum(ip);
	const uint8_t tail[4] = {(uint8_t)(rest >> 8), (uint8_t)rest, 0, 58};
	uint64_t pseudo = ip6 ? offload_sum(tail, 4, offload_sum(ip + 8, 32, 0)) : 0;
	memcpy(icmp + 2, &sum, 2);
	sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, rest, pseudo));
	memcpy(icmp + 2, &sum, 2);
}

/* The bytes alone, in a block of exactly their size. */
static bool read_alone(const uint8_t *bytes, size_t len, uint8_t how, const struct rig_outer *o)
{
	struct hnvc_message m;
	struct ip from, to;
	uint8_t *block = malloc(len ? len : 1);
	CHECK(block && !ip_parse(o->from, &from) && !ip_parse(o->to, &to));
	memcpy(block, bytes, len);
	bool good = !hnvc_message_read(block, len, &from, &to, how & 2 ? HNV_VSID_CONTROL : 5001, &m);
	CHECK(!good || (ip_equal(&m.from, &from) && ip_equal(&m.to, &to) && (how & 2 || m.vsid == 5001)));
	CHECK(!good || m.kind == HNVC_UNREACHABLE || m.target.family == AF_INET || m.target.family == AF_INET6);
	free(block);
	return good;
}

/* Every record that was redirected: by right, and back to where it says. */
static void check_redirects(const struct rig_outer *o, bool good)
{
	struct ip from;
	CHECK(!ip_parse(o->from, &from));
	for (const struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next)
		for (struct hnvc_record *r = s->records; r; r = r->after) {
			const struct ip *to = hnvc_redirected_to(r);
			if (!to)
				continue;
			CHECK(good && ip_equal(&r->pub.provider, &from) && !ip_equal(to, &from));
			CHECK(provider_reaches(s->network->pub.index, to));
			hnvc_redirect_end(r);
		}
	hnvc_flush();
	CHECK(hnvc_redirects() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[1600], frame[FRAME_SMALL_ROOM];
	struct shape s;
	if (size < sizeof(s) + 14)
		return 0;
	memcpy(&s, data, sizeof(s));
	size_t len = RTE_MIN(size - sizeof(s), (size_t)1400);
	memcpy(bytes, data + sizeof(s), len);
	mend(bytes, len, s.how);
	struct rig_outer four = {RIG_PA4, RIG_NVGRE, 0}, six = {RIG_PA6, RIG_NVGRE, 0};
	struct rig_outer *o = s.how & 1 ? &six : &four;
	if (s.how & 16)
		o->from = s.how & 1 ? "2001:db8:ee::99" : "198.51.100.99";
	o->key = s.how & 2 ? 0xffffff00 : 5001 << 8;
	bool good = read_alone(bytes, len, s.how, o);
	host_send(WIRE, frame, rig_wrap(frame, o, bytes, len));
	host_turn();
	host_clear();
	check_redirects(o, good);
	host_pass(1000); /* limits are full again, what waited does not */
	host_clear();
	host_check_books();
	CHECK(rte_mempool_in_use_count(port_pools()->small) == in_use);
	return 0;
}
