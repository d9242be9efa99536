/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP for IPv6 (RFC 8415), answered by the router's link-local address from the adapter's own addresses. */
#include <netinet/in.h>

#include <rte_ether.h>

#include "modules/hnv-answers/datapath/hnv_answer.h"
#include "modules/hnv-answers/datapath/hnv_asked.h"
#include "modules/hnv-answers/datapath/hnv_dhcp.h"
#include "modules/hnv/reply.h"

#define SERVER_PORT 547
#define CLIENT_PORT 546
#define CLIENT_ID_MAX 130 /* RFC 8415, 11.1 */
#define IAS_MAX 4 /* of one message that are answered */
#define REPLY_MAX 1280u /* bytes of a whole frame; what is told is bounded above, and is less */

enum {
	SOLICIT = 1,
	ADVERTISE = 2,
	REQUEST = 3,
	CONFIRM = 4,
	RENEW = 5,
	REBIND = 6,
	REPLY = 7,
	RELEASE = 8,
	DECLINE = 9,
	INFORMATION = 11,
};
enum {
	OPT_CLIENT_ID = 1,
	OPT_SERVER_ID = 2,
	OPT_IA_NA = 3,
	OPT_IA_TA = 4,
	OPT_ADDRESS = 5,
	OPT_STATUS = 13,
	OPT_RAPID_COMMIT = 14,
	OPT_DNS = 23,
	OPT_IA_PD = 25,
};
enum { STATUS_SUCCESS = 0, STATUS_NO_ADDRESSES = 2, STATUS_NOT_ON_LINK = 4, STATUS_NO_PREFIX = 6 };

/* DUID-LL of the router's MAC address (RFC 8415, 11.4): the same server on every host. */
static const uint8_t server_id[] = {0, 3, 0, 1, 0x00, 0x15, 0x5d, 0xff, 0xff, 0x01};

/* An identity association that was asked about. */
struct ia {
	uint16_t kind; /* OPT_IA_* */
	uint8_t id[4];
	uint8_t n;
	struct ip address[HNV_DHCP_ADDRESSES_MAX]; /* that the client believes to have */
};

struct question {
	uint8_t type;
	uint8_t xid[3];
	bool to_us, to_other; /* names a server: us, another */
	bool rapid;
	uint8_t client_id_len;
	uint8_t client_id[CLIENT_ID_MAX];
	uint8_t n;
	struct ia ia[IAS_MAX];
};

static void ia_read(struct cursor c, uint16_t kind, struct question *q)
{
	if (q->n == IAS_MAX)
		return;
	struct ia ia = {.kind = kind};
	cursor_copy(&c, ia.id, 4);
	if (kind != OPT_IA_TA)
		cursor_skip(&c, 8); /* T1 and T2: wishes */
	while (cursor_left(&c)) {
		uint16_t sub = cursor_be16(&c), len = cursor_be16(&c);
		const uint8_t *data = cursor_take(&c, len);
		if (!data)
			return;
		if (sub == OPT_ADDRESS && len >= 24 && ia.n < HNV_DHCP_ADDRESSES_MAX) {
			ia.address[ia.n].family = AF_INET6;
			memcpy(ia.address[ia.n++].byte, data, 16);
		}
	}
	if (!c.bad)
		q->ia[q->n++] = ia;
}

static bool option_read(uint16_t kind, const uint8_t *data, uint16_t len, struct question *q)
{
	switch (kind) {
	case OPT_CLIENT_ID:
		if (!len || len > CLIENT_ID_MAX)
			return false;
		q->client_id_len = (uint8_t)len;
		memcpy(q->client_id, data, len);
		break;
	case OPT_SERVER_ID:
		q->to_us = len == sizeof(server_id) && !memcmp(data, server_id, len);
		q->to_other = !q->to_us;
		break;
	case OPT_IA_NA:
	case OPT_IA_TA:
	case OPT_IA_PD:
		ia_read(cursor_over(data, len), kind, q);
		break;
	case OPT_RAPID_COMMIT:
		q->rapid = true;
		break;
	default:
		break;
	}
	return true;
}

/* RFC 8415, 16: who may say what to whom. */
static bool is_valid(const struct question *q)
{
	bool named = q->to_us || q->to_other;
	switch (q->type) {
	case SOLICIT:
	case CONFIRM:
	case REBIND:
		return q->client_id_len && !named;
	case REQUEST:
	case RENEW:
	case RELEASE:
	case DECLINE:
		return q->client_id_len && named;
	case INFORMATION:
		return !q->n;
	default:
		return false;
	}
}

static bool question_read(struct cursor c, struct question *ret)
{
	struct question q = {.type = cursor_u8(&c)};
	cursor_copy(&c, q.xid, 3);
	while (cursor_left(&c)) {
		uint16_t kind = cursor_be16(&c), len = cursor_be16(&c);
		const uint8_t *data = cursor_take(&c, len);
		if (!data || !option_read(kind, data, len, &q))
			return false;
	}
	if (c.bad || !is_valid(&q))
		return false;
	*ret = q;
	return true;
}

static void write_option(struct hnv_writer *w, uint16_t kind, const void *data, uint16_t len)
{
	hnv_write_be16(w, kind);
	hnv_write_be16(w, len);
	hnv_write(w, data, len);
}

static void write_status(struct hnv_writer *w, uint16_t status)
{
	hnv_write_be16(w, OPT_STATUS);
	hnv_write_be16(w, 2);
	hnv_write_be16(w, status);
}

static void write_address(struct hnv_writer *w, const struct ip *address, bool its)
{
	hnv_write_be16(w, OPT_ADDRESS);
	hnv_write_be16(w, 24);
	hnv_write(w, address->byte, 16);
	hnv_write_be32(w, its ? HNV_DHCP_LEASE : 0);
	hnv_write_be32(w, its ? HNV_DHCP_LEASE * 2 : 0);
}

static bool is_one_of(const struct ip *list, unsigned n, const struct ip *address)
{
	for (unsigned i = 0; i < n; i++)
		if (ip_equal(&list[i], address))
			return true;
	return false;
}

/* give: this association gets the adapter's addresses; others that the client believes to have are taken back (RFC
 * 8415, 18.3.4: with lifetimes of 0). */
static void write_ia(struct hnv_writer *w, const struct ia *ia, const struct ip *own, unsigned n, bool give)
{
	hnv_write_be16(w, ia->kind);
	uint8_t *len = w->at;
	hnv_write_be16(w, 0);
	uint8_t *start = w->at;
	hnv_write(w, ia->id, 4);
	if (ia->kind != OPT_IA_TA) {
		hnv_write_be32(w, give ? HNV_DHCP_LEASE / 2 : 0);
		hnv_write_be32(w, give ? HNV_DHCP_LEASE / 5 * 4 : 0);
	}
	for (unsigned i = 0; give && i < n; i++)
		write_address(w, &own[i], true);
	for (unsigned i = 0; ia->kind == OPT_IA_NA && i < ia->n; i++)
		if (!give || !is_one_of(own, n, &ia->address[i]))
			write_address(w, &ia->address[i], false);
	if (!give)
		write_status(w, ia->kind == OPT_IA_PD ? STATUS_NO_PREFIX : STATUS_NO_ADDRESSES);
	if (!w->full)
		hnv_put_be16(len, (uint16_t)(w->at - start));
}

/* All addresses go into the first association for addresses: it is the only one of nearly every client. */
static void write_ias(struct hnv_writer *w, const struct question *q, const struct ip *own, unsigned n)
{
	bool given = false;
	for (uint8_t i = 0; i < q->n; i++) {
		bool give = !given && q->ia[i].kind == OPT_IA_NA;
		write_ia(w, &q->ia[i], own, n, give);
		given |= give;
	}
}

static void write_dns(struct hnv_writer *w, const struct hnv_subnet *s)
{
	uint8_t list[16 * HNV_DNS_MAX], n = 0;
	for (uint8_t i = 0; i < s->n_dns; i++)
		if (s->dns[i].family == AF_INET6) {
			memcpy(list + n, s->dns[i].byte, 16);
			n = (uint8_t)(n + 16);
		}
	if (n)
		write_option(w, OPT_DNS, list, n);
}

/* Are all addresses of a CONFIRM the adapter's? */
static uint16_t confirm(const struct question *q, const struct ip *own, unsigned n)
{
	for (uint8_t i = 0; i < q->n; i++)
		for (uint8_t k = 0; k < q->ia[i].n; k++)
			if (!is_one_of(own, n, &q->ia[i].address[k]))
				return STATUS_NOT_ON_LINK;
	return STATUS_SUCCESS;
}

static void write_message(struct hnv_writer *w, const struct dp_adapter *a, const struct question *q,
			  const struct ip *own, unsigned n)
{
	bool commit = q->type == SOLICIT && q->rapid;
	hnv_write_u8(w, q->type == SOLICIT && !commit ? ADVERTISE : REPLY);
	hnv_write(w, q->xid, 3);
	if (q->client_id_len)
		write_option(w, OPT_CLIENT_ID, q->client_id, q->client_id_len);
	write_option(w, OPT_SERVER_ID, server_id, sizeof(server_id));
	if (commit)
		write_option(w, OPT_RAPID_COMMIT, NULL, 0);
	if (q->type == CONFIRM)
		write_status(w, confirm(q, own, n));
	else if (q->type == RELEASE || q->type == DECLINE)
		write_status(w, STATUS_SUCCESS);
	else
		write_ias(w, q, own, n);
	write_dns(w, hnv_port_of(a)->subnet);
}

static void reply(struct pipe *p, const struct dp_adapter *a, struct frame *f, const uint8_t *to,
		  const struct question *q, const struct ip *own, unsigned n)
{
	uint8_t made[REPLY_MAX], *ip = made + HNV_ETHER, *udp = ip + HNV_IP6;
	struct hnv_writer w = hnv_writer_over(udp + HNV_UDP, sizeof(made) - HNV_ETHER - HNV_IP6 - HNV_UDP);
	write_message(&w, a, q, own, n);
	if (w.full) {
		pipe_drop(p, a, f, &drop_dhcp_refused);
		return;
	}
	uint16_t len = (uint16_t)(w.at - udp);
	hnv_put_ether(made, a->mac.byte, RTE_ETHER_TYPE_IPV6);
	hnv_put_ip6(ip, hnv_router_ip6, to, IPPROTO_UDP, len, 64);
	hnv_put_be16(udp, SERVER_PORT);
	hnv_put_be16(udp + 2, CLIENT_PORT);
	hnv_put_be16(udp + 4, len);
	memset(udp + 6, 0, 2);
	uint16_t sum = hnv_sum6(ip, IPPROTO_UDP, udp, len);
	memcpy(udp + 6, &sum, 2);
	uint8_t *at = hnv_reply_room(p, a, f, (uint16_t)(w.at - made));
	if (!at)
		return;
	memcpy(at, made, (size_t)(w.at - made));
	pipe_answer(p, a, f);
}

bool hnv_dhcp6(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	uint8_t bytes[HNV_DHCP_BYTES_MAX], from[16];
	struct ip own[HNV_DHCP_ADDRESSES_MAX];
	struct cursor c;
	struct question q;
	uint16_t to_port;
	if (!hnv_dhcp_read(f, bytes, &c, &to_port) || to_port != SERVER_PORT || !question_read(c, &q)) {
		pipe_drop(p, a, f, &drop_dhcp_refused);
		return false;
	}
	unsigned n = hnv_dhcp_addresses(hnv_port_of(a), AF_INET6, own);
	if (!n && q.type != INFORMATION) {
		PIPE_TRACE(p, a, "note", "no lookup record gives adapter %s an IPv6 address of virtual subnet %u",
			   a->name, a->vsid);
		pipe_drop(p, a, f, &drop_dhcp_no_address);
		return false;
	}
	if (q.to_other) {
		PIPE_TRACE(p, a, "consume", "DHCPv6 message of type %u for another server", q.type);
		pipe_consume(p, a, f);
		return false;
	}
	if (!hnv_answer_may(p, a, f))
		return false;
	PIPE_TRACE(p, a, "answer", "DHCPv6 reply to a message of type %u with %u addresses", q.type, n);
	memcpy(from, bytes + HNV_ETHER + 8, 16);
	reply(p, a, f, from, &q, own, n);
	return false;
}
