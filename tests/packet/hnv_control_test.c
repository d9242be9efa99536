/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages on a whole host: what is told, byte for byte as scapy has it (golden/generate_control.py); what is believed;
 * and that every lie changes nothing and has its name.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "base/log.h"
#include "core/runtime/offload.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/message.h"
#include "modules/hnv/control/networks.h"
#include "tests/packet/hnv_rig.h"

#define THIRD4 "198.51.100.13"
#define THIRD6 "2001:db8:ee::13"
#define IN_MAX 16

static uint8_t in[IN_MAX][512];
static uint32_t in_len[IN_MAX];

static pcap_t *open_golden(const char *name)
{
	char path[512], error[PCAP_ERRBUF_SIZE];
	snprintf(path, sizeof(path), GOLDEN "/%s.pcap", name);
	pcap_t *file = pcap_open_offline(path, error);
	if (!file)
		fail_msg("%s", error);
	return file;
}

static uint32_t next_golden(pcap_t *file, uint8_t *to, size_t room)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	if (pcap_next_ex(file, &h, &data) != 1)
		return 0;
	assert_true(h->caplen <= room);
	memcpy(to, data, h->caplen);
	return h->caplen;
}

/* Is it what came out of the wire last? */
static void check_told(unsigned pair, const uint8_t *want, uint32_t len)
{
	uint8_t got[1024] = {0};
	struct frame *f = host_got(WIRE, host_got_count(WIRE) - 1);
	assert_non_null(f);
	assert_true(frame_len(f) <= sizeof(got) && frame_read(f, 0, got, frame_len(f)));
	for (uint32_t i = 0; i < len && i < frame_len(f); i++)
		if (got[i] != want[i])
			fail_msg("pair %u, byte %u: %02x instead of %02x", pair, i, got[i], want[i]);
	if (frame_len(f) != len)
		fail_msg("pair %u: %u bytes instead of %u", pair, frame_len(f), len);
}

static void wait_a_second(void)
{
	host_pass(1000);
	rig_answer_neighbours();
}

static void test_told(void **state)
{
	uint8_t given[1024], want[1024];
	pcap_t *file = open_golden("control-out");
	uint32_t len;
	unsigned pair = 0;
	while ((len = next_golden(file, given, sizeof(given)))) {
		uint32_t want_len = next_golden(file, want, sizeof(want));
		bool ip6 = given[12] == 0x86;
		wait_a_second();
		rig_move("10.0.0.5", ip6 ? THIRD6 : THIRD4);
		rig_move("fd00:1::5", ip6 ? THIRD6 : THIRD4);
		uint64_t sent = hnvc_messages_sent[0] + hnvc_messages_sent[1];
		host_send(WIRE, given, len);
		host_turn();
		assert_int_equal(hnvc_messages_sent[0] + hnvc_messages_sent[1], sent + 1);
		check_told(pair++, want, want_len);
		host_clear();
		host_check_books();
	}
	assert_int_equal(pair, 13);
	pcap_close(file);
}

static unsigned told_by(const struct rig_outer *o, const char *to_mac, const char *to, unsigned n)
{
	uint8_t inner[128], frame[256];
	uint64_t sent = hnvc_messages_sent[0] + hnvc_messages_sent[1];
	size_t len = rig_udp(inner, to_mac, AWAY, "10.0.0.6", to, NULL, 20);
	len = rig_wrap(frame, o, inner, len);
	while (n--) {
		host_send(WIRE, frame, len);
		host_turn();
	}
	host_clear();
	host_check_books();
	return (unsigned)(hnvc_messages_sent[0] + hnvc_messages_sent[1] - sent);
}

/* Of n guests that nobody knows. */
static unsigned told_of_many(const struct rig_outer *o, unsigned n)
{
	char mac[24], to[24];
	unsigned told = 0;
	for (unsigned i = 0; i < n; i++) {
		snprintf(mac, sizeof(mac), "00:15:5d:01:%02x:%02x", i >> 8, i & 255);
		snprintf(to, sizeof(to), "10.0.0.%u", 100 + i % 100);
		told += told_by(o, mac, to, 1);
	}
	return told;
}

/* Not told: who is no peer, who is where the guest is, about what is nobody's; and nobody too often. */
static void test_not_told(void **state)
{
	struct rig_outer o = {RIG_PA4, RIG_NVGRE, 5001 << 8};
	rig_move("10.0.0.5", THIRD4);
	wait_a_second();
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 1), 1);
	assert_int_equal(told_by(&o, TWO, "10.0.0.21", 1), 0); /* it is here */
	assert_int_equal(told_by(&o, TWO, "10.0.0.5", 1), 0); /* another's MAC address */
	assert_int_equal(told_by(&o, ALL, "10.0.0.255", 1), 0);
	o.from = THIRD4;
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 1), 0);
	o.from = "198.51.100.99";
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 1), 0);
	rig_move("10.0.0.5", THIRD6); /* of another family than the message's */
	o.from = "198.51.100.12";
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 1), 0);
	rig_move("10.0.0.5", THIRD4);
	wait_a_second();
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 300), 3); /* of one guest */
	assert_in_range(told_of_many(&o, 300), 45, 47); /* of all */
	o.from = THIRD4; /* one that storms takes nothing from the others */
	assert_int_equal(told_by(&o, WEB, "10.0.0.77", 1), 1);
	host_pass(500);
	host_clear();
	o.from = "198.51.100.12";
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 300), 3);
	assert_in_range(told_of_many(&o, 300), 45, 47);
}

/* As `control-message-vsid` says. */
static void test_reserved_vsid(void **state)
{
	static char text[8192];
	uint8_t inner[128], frame[256], got[256];
	struct rig_outer o = {RIG_PA4, RIG_NVGRE, 5001 << 8};
	wait_a_second();
	snprintf(text, sizeof(text), "%snetwork-virtualization: {control-message-vsid: reserved}\n",
		 rig_moved_document("10.0.0.5", THIRD4));
	host_apply(text);
	rig_answer_neighbours();
	size_t len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	host_send(WIRE, frame, rig_wrap(frame, &o, inner, len));
	host_turn();
	assert_true(frame_read(host_got(WIRE, host_got_count(WIRE) - 1), 0, got, 42));
	assert_memory_equal(got + 34, "\x20\x00\x65\x58\xff\xff\xff\x00", 8);
	host_clear();
	rig_move("10.0.0.5", THIRD4);
}

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
	wait_a_second();
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
	rig_ip4_sum(frame + 14);
	frame[56 + 15] = 13; /* inner source */
	rig_ip4_sum(frame + 56);
	uint8_t *icmp = frame + 76;
	uint32_t icmp_len = in_len[1] - 76;
	icmp[8 + 19] = 13; /* quoted destination */
	rig_ip4_sum(icmp + 8);
	memset(icmp + 2, 0, 2);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, icmp_len, 0));
	memcpy(icmp + 2, &sum, 2);
	hear(frame, in_len[1]);
	assert_null(redirected(5001, "10.0.0.6"));
	assert_int_equal(sent_to("10.0.0.6"), 12);
	hear(in[0], in_len[0]);
	assert_int_equal(sent_to("10.0.0.6"), 13);
	host_check_books();
}

/* What may be wrong with in[0], a REDIRECT about 10.0.0.5 -> 10.0.0.6, 42 bytes of outer headers in front. */
struct lie {
	const char *about;
	uint16_t at; /* this byte ... */
	uint8_t value; /* ... is that */
	bool sums; /* checksums are made right again */
	uint32_t len; /* cut off, lengths made right; 0: whole */
	enum hnvc_message_reason reason; /* HNVC_MESSAGE_GOOD: a drop, see below */
	const char *drop;
};

#define INNER 42
#define IP (INNER + 14)
#define ICMP (IP + 20)
#define QUOTE (ICMP + 8)
#define QGRE (QUOTE + 20)
#define QETHER (QGRE + 8)
#define QIP (QETHER + 14)

static const struct lie lies[] = {
	{"ICMP checksum", ICMP + 2, 0xee, false, 0, HNVC_MESSAGE_CHECKSUM, NULL},
	{"inner IP checksum", IP + 10, 0xee, false, 0, HNVC_MESSAGE_CHECKSUM, NULL},
	{"another kind of redirect", ICMP + 1, 1, true, 0, HNVC_MESSAGE_GOOD, "not-here"},
	{"another ICMP", ICMP, 8, true, 0, HNVC_MESSAGE_GOOD, "not-here"},
	{"inner source is another", IP + 15, 13, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"inner destination is another", IP + 19, 99, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"a fragment", IP + 6, 0x20, true, 0, HNVC_MESSAGE_OTHER, NULL},
	{"IP options", IP, 0x46, true, 0, HNVC_MESSAGE_OTHER, NULL},
	{"from a host that the record does not lead to", 29, 13, true, 0, HNVC_MESSAGE_ADDRESSES, NULL},
	{"quotes another host's packet", QUOTE + 15, 99, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes a packet to another host", QUOTE + 19, 99, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes no tunnel", QUOTE + 9, 6, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes nothing known", QUOTE, 0x95, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes other GRE", QGRE, 0xa0, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes another virtual subnet", QGRE + 6, 0x8a, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes another MAC address", QETHER + 5, 0x99, true, 0, HNVC_MESSAGE_NO_RECORD, NULL},
	{"quotes no IP", QETHER + 12, 0x99, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes another version", QIP, 0x65, true, 0, HNVC_MESSAGE_QUOTE_WRONG, NULL},
	{"quotes a guest that is not here", QIP + 15, 9, true, 0, HNVC_MESSAGE_NOT_SENDER, NULL},
	{"quotes the other tenant's guest", QIP + 15, 6, true, 0, HNVC_MESSAGE_NOT_SENDER, NULL},
	{"quotes what has no record", QIP + 19, 99, true, 0, HNVC_MESSAGE_NO_RECORD, NULL},
	{"about a guest that is here", QIP + 19, 21, true, 0, HNVC_MESSAGE_NO_RECORD, NULL},
	{"to ourselves", ICMP + 7, 11, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to who says so", ICMP + 7, 12, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to nowhere", ICMP + 4, 203, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"to a group", ICMP + 4, 239, true, 0, HNVC_MESSAGE_TARGET, NULL},
	{"ends in the quote's IP header", 0, 0x02, true, QIP + 19, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in the quote's GRE", 0, 0x02, true, QGRE + 7, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in the quote's outer header", 0, 0x02, true, QUOTE + 19, HNVC_MESSAGE_TRUNCATED, NULL},
	{"quotes nothing", 0, 0x02, true, QUOTE, HNVC_MESSAGE_TRUNCATED, NULL},
	{"ends in the ICMP header", 0, 0x02, true, ICMP + 7, HNVC_MESSAGE_GOOD, "not-here"},
	{"longer than it is", IP + 2, 0x03, true, 0, HNVC_MESSAGE_TRUNCATED, NULL},
};

static uint32_t lie_make(const struct lie *l, uint8_t *frame)
{
	uint32_t len = l->len ? l->len : in_len[0];
	memcpy(frame, in[0], in_len[0]);
	if (l->len) {
		frame[16] = (uint8_t)((len - 14) >> 8);
		frame[17] = (uint8_t)(len - 14);
		frame[IP + 2] = (uint8_t)((len - IP) >> 8);
		frame[IP + 3] = (uint8_t)(len - IP);
	}
	frame[l->at] = l->value;
	rig_ip4_sum(frame + 14);
	if (!l->sums)
		return len;
	rig_ip4_sum(frame + IP);
	memset(frame + ICMP + 2, 0, 2);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(frame + ICMP, len - ICMP, 0));
	memcpy(frame + ICMP + 2, &sum, 2);
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
	static const char *const pas[] = {"198.51.100.11", "198.51.100.12", "2001:db8:ee::11", "2001:db8:ee::12"};
	static const uint8_t kinds[2][2][2] = {{{5, 10}, {3, 10}}, {{137, 1}, {1, 1}}};
	uint8_t frame[512];
	begin();
	log_set_sink(on_log);
	for (unsigned i = 0; i < 8; i++) {
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
	pcap_t *file = open_golden("control-in");
	for (unsigned i = 0; i < IN_MAX; i++)
		in_len[i] = next_golden(file, in[i], sizeof(in[i]));
	pcap_close(file);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_not_told),
		cmocka_unit_test(test_reserved_vsid),
		cmocka_unit_test(test_believed),
		cmocka_unit_test(test_nobody_is_told_of_being_told),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_storm),
	};
	return cmocka_run_group_tests_name("hnv control messages", tests, NULL, NULL);
}
