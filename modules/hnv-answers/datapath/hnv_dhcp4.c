/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP for IPv4 (RFC 2131, options RFC 2132), answered by the gateway address from the adapter's own addresses. */
#include <netinet/in.h>

#include <rte_ether.h>

#include "modules/hnv-answers/datapath/hnv_answer.h"
#include "modules/hnv-answers/datapath/hnv_asked.h"
#include "modules/hnv-answers/datapath/hnv_dhcp.h"
#include "modules/hnv/reply.h"

#define SERVER_PORT 67
#define CLIENT_PORT 68
#define COOKIE 0x63825363u
#define BOOTP 236u /* bytes in front of the cookie */
#define BOOTP_MIN 300u /* RFC 1542, 2.1: shorter messages are padded */
#define REPLY_MAX 960u /* bytes of a whole frame: fixed parts, a client id, HNV_DNS_MAX resolvers */
#define BROADCAST_FLAG 0x8000

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_MTU = 26,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLIENT_ID = 61,
	OPT_END = 255,
};

struct question {
	uint8_t type;
	uint8_t overload; /* options go on in 1: file, 2: sname (RFC 2132, 9.3) */
	uint16_t flags;
	uint8_t xid[4], mac[16];
	struct ip mine; /* ciaddr */
	struct ip wanted, server; /* family 0: not said */
	uint8_t client_id_len;
	uint8_t client_id[255];
};

static void address_read(struct cursor *c, struct ip *ret)
{
	*ret = (struct ip){.family = AF_INET};
	cursor_copy(c, ret->byte, 4);
}

static void options_read(struct cursor c, struct question *q)
{
	while (cursor_left(&c)) {
		uint8_t kind = cursor_u8(&c);
		if (kind == OPT_PAD)
			continue;
		uint8_t len = kind == OPT_END ? 0 : cursor_u8(&c);
		const uint8_t *data = kind == OPT_END ? NULL : cursor_take(&c, len);
		if (!data)
			return;
		struct cursor o = cursor_over(data, len);
		if (kind == OPT_TYPE && len == 1)
			q->type = cursor_u8(&o);
		else if (kind == OPT_OVERLOAD && len == 1)
			q->overload = cursor_u8(&o);
		else if (kind == OPT_REQUESTED && len == 4)
			address_read(&o, &q->wanted);
		else if (kind == OPT_SERVER && len == 4)
			address_read(&o, &q->server);
		else if (kind == OPT_CLIENT_ID && len) {
			q->client_id_len = len;
			cursor_copy(&o, q->client_id, len);
		}
	}
}

static bool question_read(struct cursor c, struct question *ret)
{
	struct question q = {0};
	uint8_t op = cursor_u8(&c), hardware = cursor_u8(&c), len = cursor_u8(&c);
	cursor_skip(&c, 1);
	cursor_copy(&c, q.xid, 4);
	cursor_skip(&c, 2);
	q.flags = cursor_be16(&c);
	address_read(&c, &q.mine);
	cursor_skip(&c, 8);
	uint32_t relay = cursor_be32(&c);
	cursor_copy(&c, q.mac, 16);
	const uint8_t *sname = cursor_take(&c, 64), *file = cursor_take(&c, 128);
	uint32_t cookie = cursor_be32(&c);
	if (c.bad || op != 1 || hardware != 1 || len != 6 || relay || cookie != COOKIE)
		return false;
	options_read(c, &q);
	if (q.overload & 1)
		options_read(cursor_over(file, 128), &q);
	if (q.overload & 2)
		options_read(cursor_over(sname, 64), &q);
	*ret = q;
	return true;
}

/* What the answer says. */
struct lease {
	uint8_t type; /* 0: nothing is said */
	struct ip address; /* family 0: none (INFORM) */
	const struct ip *gateway;
	const struct ip_prefix *prefix;
};

static bool is_one_of(const struct ip *list, unsigned n, const struct ip *address)
{
	for (unsigned i = 0; i < n; i++)
		if (ip_equal(&list[i], address))
			return true;
	return false;
}

/* RFC 2131, 4.3.2: by which fields are there a client says what state it is in. */
static uint8_t judge_request(const struct hnv_subnet *s, const struct question *q, const struct ip *own, unsigned n)
{
	static const struct ip none = {.family = AF_INET};
	const struct ip *asked = q->wanted.family ? &q->wanted : &q->mine;
	if (q->server.family) { /* SELECTING: meant for whoever offered */
		const struct ip *gateway = hnv_gateway_for(s, &q->server);
		if (!gateway || !ip_equal(gateway, &q->server))
			return 0;
	}
	if (ip_equal(asked, &none))
		return 0;
	return is_one_of(own, n, asked) ? ACK : NAK;
}

static struct lease decide(const struct hnv_subnet *s, const struct question *q, const struct ip *own, unsigned n)
{
	struct lease l = {.address = own[0]};
	const struct ip *asked = q->wanted.family ? &q->wanted : &q->mine;
	if (is_one_of(own, n, asked))
		l.address = *asked;
	l.gateway = hnv_gateway_for(s, &l.address);
	l.prefix = hnv_dhcp_prefix(s, &l.address);
	if (q->type == DISCOVER)
		l.type = OFFER;
	else if (q->type == REQUEST)
		l.type = judge_request(s, q, own, n);
	else if (q->type == INFORM)
		l.type = ACK;
	if (q->type == INFORM || l.type == NAK)
		l.address.family = 0;
	return l;
}

static void write_option(struct hnv_writer *w, uint8_t kind, const void *data, uint8_t len)
{
	hnv_write_u8(w, kind);
	hnv_write_u8(w, len);
	hnv_write(w, data, len);
}

static void write_seconds(struct hnv_writer *w, uint8_t kind, uint32_t seconds)
{
	hnv_write_u8(w, kind);
	hnv_write_u8(w, 4);
	hnv_write_be32(w, seconds);
}

static void write_dns(struct hnv_writer *w, const struct hnv_subnet *s)
{
	uint8_t list[4 * HNV_DNS_MAX], n = 0;
	for (uint8_t i = 0; i < s->n_dns; i++)
		if (s->dns[i].family == AF_INET) {
			memcpy(list + n, s->dns[i].byte, 4);
			n = (uint8_t)(n + 4);
		}
	if (n)
		write_option(w, OPT_DNS, list, n);
}

/* What a client needs to know beside its address. */
static void write_configuration(struct hnv_writer *w, const struct dp_adapter *a, const struct lease *l)
{
	const struct hnv_port *port = hnv_port_of(a);
	uint32_t mtu = atomic_load_explicit(&port->net->inner_mtu, memory_order_relaxed);
	hnv_write_u8(w, OPT_MASK);
	hnv_write_u8(w, 4);
	hnv_write_be32(w, l->prefix->len ? UINT32_MAX << (32 - l->prefix->len) : 0);
	write_option(w, OPT_ROUTER, l->gateway->byte, 4);
	write_dns(w, port->subnet);
	if (mtu) {
		hnv_write_u8(w, OPT_MTU);
		hnv_write_u8(w, 2);
		hnv_write_be16(w, (uint16_t)RTE_MIN(mtu, a->mtu));
	}
}

static void write_message(struct hnv_writer *w, const struct dp_adapter *a, const struct question *q,
			  const struct lease *l)
{
	static const uint8_t none[4];
	const uint8_t *start = w->at;
	hnv_write(w, (const uint8_t[]){2, 1, 6, 0}, 4); /* BOOTREPLY, Ethernet */
	hnv_write(w, q->xid, 4);
	hnv_write_be16(w, 0);
	hnv_write_be16(w, q->flags);
	hnv_write(w, l->type == ACK ? q->mine.byte : none, 4);
	hnv_write(w, l->address.family ? l->address.byte : none, 4);
	hnv_write_zero(w, 8);
	hnv_write(w, q->mac, 16);
	hnv_write_zero(w, 64 + 128);
	hnv_write_be32(w, COOKIE);
	write_option(w, OPT_TYPE, &l->type, 1);
	write_option(w, OPT_SERVER, l->gateway->byte, 4);
	if (l->address.family) {
		write_seconds(w, OPT_LEASE, HNV_DHCP_LEASE);
		write_seconds(w, OPT_T1, HNV_DHCP_LEASE / 2);
		write_seconds(w, OPT_T2, HNV_DHCP_LEASE / 8 * 7);
	}
	if (l->type != NAK)
		write_configuration(w, a, l);
	if (q->client_id_len)
		write_option(w, OPT_CLIENT_ID, q->client_id, q->client_id_len); /* RFC 6842, 3 */
	hnv_write_u8(w, OPT_END);
	if (w->at - start < BOOTP_MIN)
		hnv_write_zero(w, BOOTP_MIN - (size_t)(w->at - start));
}

/* RFC 2131, 4.1: where an answer goes. */
static struct ip destination(const struct question *q, const struct lease *l)
{
	static const struct ip none = {.family = AF_INET}, all = {.family = AF_INET, .byte = {255, 255, 255, 255}};
	if (l->type == NAK)
		return all;
	if (!ip_equal(&q->mine, &none))
		return q->mine;
	return q->flags & BROADCAST_FLAG || !l->address.family ? all : l->address;
}

static void reply(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct question *q,
		  const struct lease *l)
{
	uint8_t made[REPLY_MAX], *ip = made + HNV_ETHER, *udp = ip + HNV_IP4;
	struct hnv_writer w = hnv_writer_over(udp + HNV_UDP, sizeof(made) - HNV_ETHER - HNV_IP4 - HNV_UDP);
	write_message(&w, a, q, l);
	if (w.full) {
		pipe_drop(p, a, f, &drop_dhcp_refused);
		return;
	}
	uint16_t len = (uint16_t)(w.at - udp);
	struct ip to = destination(q, l);
	hnv_put_ether(made, to.byte[0] == 255 ? (const uint8_t[]){255, 255, 255, 255, 255, 255} : a->mac.byte,
		      RTE_ETHER_TYPE_IPV4);
	hnv_put_ip4(ip, l->gateway->byte, to.byte, IPPROTO_UDP, (uint16_t)(HNV_IP4 + len));
	hnv_put_be16(udp, SERVER_PORT);
	hnv_put_be16(udp + 2, CLIENT_PORT);
	hnv_put_be16(udp + 4, len);
	memset(udp + 6, 0, 2);
	uint16_t sum = hnv_sum4(ip, IPPROTO_UDP, udp, len);
	memcpy(udp + 6, &sum, 2);
	uint8_t *at = hnv_reply_room(p, a, f, (uint16_t)(w.at - made));
	if (!at)
		return;
	memcpy(at, made, (size_t)(w.at - made));
	pipe_answer(p, a, f);
}

bool hnv_dhcp4(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	static const char *const said[] = {[OFFER] = "offer", [ACK] = "acknowledgement", [NAK] = "refusal"};
	const struct hnv_port *port = hnv_port_of(a);
	uint8_t bytes[HNV_DHCP_BYTES_MAX];
	struct ip own[HNV_DHCP_ADDRESSES_MAX];
	char text[IP_TEXT_SIZE];
	struct cursor c;
	struct question q;
	uint16_t to_port;
	if (!hnv_dhcp_read(f, bytes, &c, &to_port) || to_port != SERVER_PORT || !question_read(c, &q) ||
	    memcmp(q.mac, a->mac.byte, 6) != 0) {
		pipe_drop(p, a, f, &drop_dhcp_refused);
		return false;
	}
	unsigned n = hnv_dhcp_addresses(port, AF_INET, own);
	if (!n) {
		PIPE_TRACE(p, a, "note", "no lookup record gives adapter %s an IPv4 address of virtual subnet %u",
			   a->name, a->vsid);
		pipe_drop(p, a, f, &drop_dhcp_no_address);
		return false;
	}
	struct lease l = decide(port->subnet, &q, own, n);
	if (!l.type) { /* a release, a decline, or meant for another server */
		PIPE_TRACE(p, a, "consume", "DHCP message of type %u: nothing is kept that would change", q.type);
		pipe_consume(p, a, f);
		return false;
	}
	if (!hnv_answer_may(p, a, f))
		return false;
	PIPE_TRACE(p, a, "answer", "DHCP %s, %s", said[l.type], ip_format(&l.address, text));
	reply(p, a, f, &q, &l);
	return false;
}
