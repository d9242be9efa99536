/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages of other hosts (golden/generate_control.py), taken by a whole host: what is believed, and that every lie
 * changes nothing and has its name. What is told: hnv_tell_test.c.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include "base/log.h"
#include "core/runtime/offload.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/message.h"
#include "modules/hnv/control/networks.h"
#include "tests/packet/golden.h"
#include "tests/packet/hnv_rig.h"

#define IN_MAX 16

static uint8_t in[IN_MAX][512];
static uint32_t in_len[IN_MAX];

/* To which provider address c-web's packets to somebody go, as the last byte of it; 0: none. */
static unsigned sent_to(const char *to)
{
	uint8_t frame[256], got[256];
	bool ip6 = strchr(to, ':');
	size_t len = rig_udp(frame, AWAY, WEB, ip6 ? "fd00:1::5" : "10.0.0.5", to, NULL, 20);
	host_clear();
	host_send("c-web", frame, len);
	struct frame *f = host_got(WIRE, 0);
	unsigned last = 0;
	if (f && frame_read(f, 0, got, 58))
		last = got[12] == 0x86 ? got[53] : got[33];
	host_clear();
	return last;
}

static struct hnvc_record *record(uint32_t vsid, const char *customer)
{
	struct ip ip;
	assert_int_equal(ip_parse(customer, &ip), 0);
	return hnvc_held_find(hnvc_subnet_find(hnvc_network_find("default"), vsid), &ip, NULL);
}

static const struct ip *redirected(uint32_t vsid, const char *customer)
{
	return hnvc_redirected_to(record(vsid, customer));
}

/* As the document says; it leaves what was redirected. */
static void begin(void)
{
	host_apply(rig_moved_document(NULL, NULL));
	hnvc_redirect_end(record(5001, "10.0.0.6"));
	hnvc_redirect_end(record(5001, "fd00:1::7"));
	hnvc_redirect_end(record(5002, "10.0.1.23"));
	hnvc_flush();
	rig_answer_neighbours();
	rig_wait_a_second();
	assert_int_equal(hnvc_redirects(), 0);
}

static void hear(const uint8_t *frame, uint32_t len)
{
	host_send(WIRE, frame, len);
	host_turn();
	rig_answer_neighbours();
}

static void test_believed(void **state)
{
	static const struct {
		uint32_t vsid;
		const char *customer, *to;
	} rows[] = {
		{5001, "10.0.0.6", THIRD4}, {5001, "10.0.0.6", NULL},	 {5001, "10.0.0.6", THIRD4},
		{5001, "10.0.0.6", THIRD4}, {5002, "10.0.1.23", THIRD4}, {5001, "fd00:1::7", THIRD6},
		{5001, "fd00:1::7", NULL},  {5001, "fd00:1::7", THIRD6}, {5001, "fd00:1::7", THIRD6},
		{5001, "10.0.0.6", THIRD6}, {5001, "10.0.0.6", THIRD6},	 {5001, "fd00:1::7", THIRD4},
	};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct ip want = {0};
		begin();
		uint64_t believed = hnvc_messages_believed[0] + hnvc_messages_believed[1];
		hear(in[i], in_len[i]);
		assert_int_equal(hnvc_messages_believed[0] + hnvc_messages_believed[1], believed + 1);
		const struct ip *to = redirected(rows[i].vsid, rows[i].customer);
		if (!rows[i].to) {
			assert_null(to);
			continue;
		}
		assert_int_equal(ip_parse(rows[i].to, &want), 0);
		assert_non_null(to);
		assert_true(ip_equal(to, &want));
		assert_int_equal(sent_to(rows[i].customer), 0x13 - (want.family == AF_INET ? 6 : 0));
		host_check_books();
	}
}

/* Two hosts, neither of which has the virtual subnet, do not tell each other so for ever. */
static void test_nobody_is_told_of_being_told(void **state)
{
	uint8_t frame[512];
	begin();
	for (unsigned i = 0; i < 2; i++) {
		uint64_t sent = hnvc_messages_sent[0] + hnvc_messages_sent[1], refused = 0, after = 0;
		memcpy(frame, in[i], in_len[i]);
		memcpy(frame + 38, (const uint8_t[]){0, 0x1e, 0x61}, 3); /* the VSID of the tunnel: 7777 */
		for (unsigned k = 0; k < HNVC_MESSAGE_REASONS; k++)
			refused += hnvc_messages_refused[k];
		hear(frame, in_len[i]);
		for (unsigned k = 0; k < HNVC_MESSAGE_REASONS; k++)
			after += hnvc_messages_refused[k];
		assert_int_equal(after, refused + 1);
		assert_int_equal(hnvc_messages_sent[0] + hnvc_messages_sent[1], sent);
		assert_null(redirected(5001, "10.0.0.6"));
		host_check_books();
	}
}

/* Where things are in in[0], and in others of its form. */
#define INNER 42
#define IP (INNER + 14)
#define ICMP (IP + 20)
#define QUOTE (ICMP + 8)
#define QGRE (QUOTE + 20)
#define QETHER (QGRE + 8)
#define QIP (QETHER + 14)

/* And in in[MIXED], an IPv6 message between IPv4 addresses. */
#define MIXED 9
#define ICMP6 (IP + 40)
#define TARGET6 (ICMP6 + 8)
#define QUOTE6 (TARGET6 + 32 + 8)

/* The checksums of the message in a tunnel over IPv4, and of the tunnel. */
static void mend(uint8_t *frame, uint32_t len)
{
	bool ip6 = frame[IP] >> 4 == 6;
	uint32_t icmp = ip6 ? ICMP6 : ICMP;
	const uint8_t tail[4] = {(uint8_t)((len - icmp) >> 8), (uint8_t)(len - icmp), 0, 58};
	rig_ip4_sum(frame + 14);
	if (!ip6)
		rig_ip4_sum(frame + IP);
	memset(frame + icmp + 2, 0, 2);
	uint64_t pseudo = ip6 ? offload_sum(tail, 4, offload_sum(frame + IP + 8, 32, 0)) : 0;
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(frame + icmp, len - icmp, pseudo));
	memcpy(frame + icmp + 2, &sum, 2);
}

/* A router that the sender sends by: the inner MAC address is the router's. Then it is known by its addresses. */
static void test_believed_through_a_router(void **state)
{
	static const unsigned which[] = {0, MIXED};
	uint8_t frame[512];
	for (unsigned i = 0; i < RTE_DIM(which); i++) {
		begin();
		memcpy(frame, in[which[i]], in_len[which[i]]);
		frame[INNER + 5] ^= 0x55;
		hear(frame, in_len[which[i]]);
		assert_int_equal(hnvc_redirects(), 1);
	}
}

/* An IPv4 target in an IPv6 message between IPv4 addresses is the same target; ours and the sender's are none. */
static void test_mapped_target(void **state)
{
	static const struct {
		uint8_t last;
		enum hnvc_message_reason reason;
	} rows[] = {{11, HNVC_MESSAGE_TARGET}, {12, HNVC_MESSAGE_TARGET}, {13, HNVC_MESSAGE_GOOD}};
	uint8_t frame[512];
	begin();
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		uint64_t refused = hnvc_messages_refused[HNVC_MESSAGE_TARGET];
		const uint8_t target[16] = {[10] = 0xff, 0xff, 198, 51, 100, rows[i].last};
		memcpy(frame, in[MIXED], in_len[MIXED]);
		memcpy(frame + TARGET6, target, sizeof(target));
		mend(frame, in_len[MIXED]);
		hear(frame, in_len[MIXED]);
		assert_int_equal(hnvc_messages_refused[HNVC_MESSAGE_TARGET], refused + (rows[i].reason ? 1 : 0));
		assert_int_equal(hnvc_redirects(), rows[i].reason ? 0 : 1);
	}
	assert_int_equal(sent_to("10.0.0.6"), 13);
}

/* Until it is told otherwise by the host that it was sent to, or set. */
static void test_ended(void **state)
{
	uint8_t frame[512];
	begin();
	hear(in[0], in_len[0]);
	assert_int_equal(sent_to("10.0.0.6"), 13);
	hear(in[1], in_len[1]); /* UNREACHABLE from the first host: not its record any more */
	assert_int_equal(sent_to("10.0.0.6"), 13);
	uint64_t refused = hnvc_messages_refused[HNVC_MESSAGE_UNKNOWN_HOST];
	hear(in[0], in_len[0]);
	assert_int_equal(hnvc_messages_refused[HNVC_MESSAGE_UNKNOWN_HOST], refused + 1);
	/* The same from the third host. */
	memcpy(frame, in[1], in_len[1]);
	frame[29] = 13; /* outer source */
	frame[IP + 15] = 13; /* inner source */
	frame[QUOTE + 19] = 13; /* quoted destination */
	rig_ip4_sum(frame + QUOTE);
	mend(frame, in_len[1]);
	hear(frame, in_len[1]);
	assert_null(redirected(5001, "10.0.0.6"));
	assert_int_equal(sent_to("10.0.0.6"), 12);
	hear(in[0], in_len[0]);
	assert_int_equal(sent_to("10.0.0.6"), 13);
	host_check_books();
}

/* What may be wrong with in[0], a REDIRECT about 10.0.0.5 -> 10.0.0.6, 42 bytes of outer headers in front, or with
 * in[MIXED], which names an IPv6 target. */
struct lie {
	const char *about;
	unsigned of; /* in[] */
	uint16_t at; /* this byte ... */
	uint8_t value; /* ... is that */
	bool sums; /* checksums are made right again */
	uint32_t len; /* cut off, lengths made right; 0: whole */
	enum hnvc_message_reason reason; /* HNVC_MESSAGE_GOOD: a drop, see below */
	const char *drop;
};

static const struct lie lies[] = {
	{"ICMP checksum", 0, ICMP + 2, 0xee, false, 0, HNVC_MESSAGE_CHECKSUM, NULL},
	{"inner IP checksum", 0, IP + 10, 0xee, false, 0, HNVC_MESSAGE_CHECKSUM, NULL},
	{"another kind of redirect", 0, ICMP + 1, 1, true, 0, HNVC_MESSAGE_GOOD, "not-here"},
	{"another ICMP", 0, ICMP, 8, true, 0, HNVC_MESSAGE_GOOD, "not-here"},
	{"inner source is another", 0, IP + 15, 13, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"inner destination is another", 0, IP + 19, 99, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"a fragment", 0, IP + 6, 0x20, true, 0, HNVC_MESSAGE_OTHER, NULL},
	{"IP options", 0, IP, 0x46, true, 0, HNVC_MESSAGE_OTHER, NULL},
	{"from a host that the record does not lead to", 0, 29, 13, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"quotes another host's packet", 0, QUOTE + 15, 99, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes a packet to another host", 0, QUOTE + 19, 99, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes no tunnel", 0, QUOTE + 9, 6, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes nothing known", 0, QUOTE, 0x95, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes other GRE", 0, QGRE, 0xa0, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes another virtual subnet", 0, QGRE + 6, 0x8a, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes another MAC address", 0, QETHER + 5, 0x99, true, 0, HNVC_MESSAGE_NO_RECORD, NULL},
	{"quotes no IP", 0, QETHER + 12, 0x99, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes another version", 0, QIP, 0x65, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes a guest that is not here", 0, QIP + 15, 9, true, 0, HNVC_MESSAGE_NOT_SENDER, NULL},
	{"quotes the other tenant's guest", 0, QIP + 15, 6, true, 0, HNVC_MESSAGE_NOT_SENDER, NULL},
	{"quotes what has no record", 0, QIP + 19, 99, true, 0, HNVC_MESSAGE_NO_RECORD, NULL},
	{"about a guest that is here", 0, QIP + 19, 21, true, 0, HNVC_MESSAGE_NO_RECORD, NULL},
	{"to ourselves", 0, ICMP + 7, 11, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to who says so", 0, ICMP + 7, 12, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to nowhere", 0, ICMP + 4, 203, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to a group", 0, ICMP + 4, 239, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"ends in the quote's IP header", 0, 0, 0x02, true, QIP + 19, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in the quote's GRE", 0, 0, 0x02, true, QGRE + 7, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in the quote's outer header", 0, 0, 0x02, true, QUOTE + 19, HNVC_MESSAGE_TRUNCATED, NULL},
	{"quotes nothing", 0, 0, 0x02, true, QUOTE, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in the ICMP header", 0, 0, 0x02, true, ICMP + 7, HNVC_MESSAGE_GOOD, "not-here"},
	{"longer than it is", 0, IP + 2, 0x03, true, 0, HNVC_MESSAGE_TRUNCATED, NULL},
	{"IPv4 written in another way", MIXED, IP + 8 + 10, 0xfe, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"inner source is another, mapped", MIXED, IP + 8 + 15, 13, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"inner destination is another, mapped", MIXED, IP + 24 + 15, 99, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"ICMPv6 checksum", MIXED, ICMP6 + 2, 0xee, false, 0, HNVC_MESSAGE_CHECKSUM, NULL},
	{"to ourselves by IPv6", MIXED, TARGET6 + 15, 0x11, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to nowhere by IPv6", MIXED, TARGET6, 0x30, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to a group by IPv6", MIXED, TARGET6, 0xff, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"quotes an IPv4 packet of another host", MIXED, QUOTE6 + 15, 99, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"ends in the IPv6 target", MIXED, 0, 0x02, true, TARGET6 + 15, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in the option", MIXED, 0, 0x02, true, QUOTE6 - 1, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in what it quotes", MIXED, 0, 0x02, true, QUOTE6 + 20 + 8 + 14 + 19, HNVC_MESSAGE_TRUNCATED, NULL},
};

static uint32_t lie_make(const struct lie *l, uint8_t *frame)
{
	uint32_t len = l->len ? l->len : in_len[l->of];
	memcpy(frame, in[l->of], in_len[l->of]);
	if (l->len) {
		bool ip6 = frame[IP] >> 4 == 6;
		uint32_t says = len - (ip6 ? ICMP6 : IP);
		frame[16] = (uint8_t)((len - 14) >> 8);
		frame[17] = (uint8_t)(len - 14);
		frame[IP + (ip6 ? 4 : 2)] = (uint8_t)(says >> 8);
		frame[IP + (ip6 ? 5 : 3)] = (uint8_t)says;
	}
	frame[l->at] = l->value;
	if (l->sums)
		mend(frame, len);
	else
		rig_ip4_sum(frame + 14);
	return len;
}

static void test_lies(void **state)
{
	uint8_t frame[512];
	begin();
	for (unsigned i = 0; i < RTE_DIM(lies); i++) {
		const struct lie *l = &lies[i];
		uint64_t refused = hnvc_messages_refused[l->reason], dropped = l->drop ? host_dropped(l->drop) : 0;
		uint32_t len = lie_make(l, frame);
		hear(frame, len);
		if (l->reason && hnvc_messages_refused[l->reason] != refused + 1) {
			for (unsigned k = 1; k < HNVC_MESSAGE_REASONS; k++)
				if (hnvc_messages_refused[k])
					print_message("%s: %llu\n", hnvc_message_reasons[k],
						      (unsigned long long)hnvc_messages_refused[k]);
			fail_msg("%s: not refused as %s", l->about, hnvc_message_reasons[l->reason]);
		}
		if (l->drop && host_dropped(l->drop) != dropped + 1)
			fail_msg("%s: not dropped as %s", l->about, l->drop);
		if (hnvc_redirects() || sent_to("10.0.0.6") != 12)
			fail_msg("%s: believed", l->about);
		host_check_books();
	}
	hear(in[0], in_len[0]); /* the truth */
	assert_int_equal(hnvc_redirects(), 1);
}

static unsigned alarms;
static char alarm_text[256];

static void on_log(enum log_level level, const char *object, const char *text)
{
	if (!strstr(text, "ALARM"))
		return;
	alarms++;
	snprintf(alarm_text, sizeof(alarm_text), "%s: %s", object, text);
}

/* A guest that speaks as a host does, to every provider address that is known, gets nowhere (row D4). */
static void test_forged(void **state)
{
	static const char *const pas[] = {"198.51.100.11", "198.51.100.12", "2001:db8:ee::11", "2001:db8:ee::12",
					  "::ffff:198.51.100.12"};
	static const uint8_t kinds[2][2][2] = {{{5, 10}, {3, 10}}, {{137, 1}, {1, 1}}};
	uint8_t frame[512];
	begin();
	log_set_sink(on_log);
	for (unsigned i = 0; i < 2 * RTE_DIM(pas); i++) {
		bool ip6 = strchr(pas[i / 2], ':');
		const uint8_t *kind = kinds[ip6][i & 1];
		uint8_t *at = rig_ether(frame, ROUTER, WEB, ip6 ? 0x86dd : 0x0800);
		at = rig_ip(at, ip6 ? "fd00:1::5" : "10.0.0.5", pas[i / 2], ip6 ? 58 : 1, 0, 100);
		memset(at, 0, 100);
		memcpy(at, kind, 2);
		rig_expect(pas[i / 2], "c-web", frame, (size_t)(at + 100 - frame), "", "control-forged");
	}
	host_turn();
	log_set_sink(NULL);
	assert_int_equal(alarms, 5); /* an event for each, but no storm of them */
	assert_non_null(strstr(alarm_text, "adapter c-web: "));
	assert_non_null(strstr(alarm_text, pas[2]));
	host_check_books();
	/* The whole message of a host, between guests: it is an ICMP message like any other, and nobody acts on it. */
	uint8_t *at = rig_ether(frame, AWAY, WEB, 0x0800);
	at = rig_ip(at, "10.0.0.5", "10.0.0.6", 1, 0, (uint16_t)(in_len[0] - ICMP));
	memcpy(at, in[0] + ICMP, in_len[0] - ICMP);
	rig_expect("between guests", "c-web", frame, (size_t)(at + in_len[0] - ICMP - frame), "wire", NULL);
	host_clear();
	/* From elsewhere by the wire, for a guest here, by its MAC address: the guest's. */
	uint8_t wrapped[512];
	struct rig_outer o = {RIG_PA4, RIG_NVGRE, 5001 << 8};
	at = rig_ether(frame, WEB, AWAY, 0x0800);
	at = rig_ip(at, "10.0.0.6", "10.0.0.5", 1, 0, (uint16_t)(in_len[0] - ICMP));
	memcpy(at, in[0] + ICMP, in_len[0] - ICMP);
	size_t len = rig_wrap(wrapped, &o, frame, (size_t)(at + in_len[0] - ICMP - frame));
	rig_expect("a guest's own", WIRE, wrapped, len, "c-web", NULL);
	host_clear();
	assert_int_equal(hnvc_redirects(), 0);
}

/* A storm of messages: so many of each host are looked at. */
static void test_storm(void **state)
{
	uint8_t frame[512];
	begin();
	uint32_t len = lie_make(&lies[0], frame);
	uint64_t limited = host_dropped("control-limit"), refused = hnvc_messages_refused[HNVC_MESSAGE_CHECKSUM];
	for (unsigned i = 0; i < 300; i++)
		hear(frame, len);
	assert_in_range(hnvc_messages_refused[HNVC_MESSAGE_CHECKSUM] - refused, 45, 55);
	assert_in_range(host_dropped("control-limit") - limited, 245, 255);
	host_check_books();
}

int main(void)
{
	rig_start();
	struct pcap *file = golden_open("control-in");
	for (unsigned i = 0; i < IN_MAX; i++)
		in_len[i] = golden_next(file, in[i], sizeof(in[i]));
	golden_close(file);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_believed),
		cmocka_unit_test(test_nobody_is_told_of_being_told),
		cmocka_unit_test(test_believed_through_a_router),
		cmocka_unit_test(test_mapped_target),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_storm),
	};
	return cmocka_run_group_tests_name("hnv control messages heard", tests, NULL, NULL);
}
