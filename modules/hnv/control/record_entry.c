/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the record log: a record as bytes, and back into what is held. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/record_log.h"

#define VERSION 1
#define NAME_SIZE 64

enum { ENTRY_SET = 1, ENTRY_REMOVE = 2 };
enum { FLAG_USE_VM_MAC = 1, FLAG_UNUSABLE = 2 };

static void add_u8(struct str *s, unsigned value) { str_add_bytes(s, &(uint8_t){(uint8_t)value}, 1); }

static void add_text(struct str *s, const char *text, size_t len)
{
	add_u8(s, (unsigned)len);
	str_add_bytes(s, text, len);
}

static void add_ip(struct str *s, const struct ip *ip)
{
	add_u8(s, ip_bytes(ip));
	str_add_bytes(s, ip->byte, ip_bytes(ip));
}

static void add_u32(struct str *s, uint32_t value)
{
	uint8_t be[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
	str_add_bytes(s, be, sizeof(be));
}

void hnvc_entry_encode(struct str *s, const struct hnvc_record *r, bool remove)
{
	const char *network = r->subnet->network->name, *label = r->labels;
	add_u8(s, VERSION);
	add_u8(s, remove ? ENTRY_REMOVE : ENTRY_SET);
	add_text(s, network, strlen(network));
	add_u32(s, r->subnet->vsid);
	add_ip(s, &r->pub.customer);
	add_u8(s, r->pub.type);
	str_add_bytes(s, r->pub.mac.byte, sizeof(r->pub.mac.byte));
	if (remove)
		return;
	add_ip(s, &r->pub.provider);
	add_u8(s, r->pub.rule);
	add_text(s, r->pub.encapsulation->name, strlen(r->pub.encapsulation->name));
	add_u8(s, (r->pub.use_vm_mac_address ? FLAG_USE_VM_MAC : 0) | (r->pub.unusable ? FLAG_UNUSABLE : 0));
	add_u8(s, label != NULL);
	for (unsigned i = 0; label && i < 3; i++) {
		size_t len = strlen(label);
		add_text(s, label, len);
		label += len + 1;
	}
}

static void take_text(struct cursor *c, char *text, size_t size)
{
	size_t len = cursor_u8(c);
	const uint8_t *bytes = cursor_take(c, len);
	c->bad |= len >= size || (bytes && memchr(bytes, 0, len));
	if (bytes && !c->bad)
		memcpy(text, bytes, len);
	text[c->bad ? 0 : len] = '\0';
}

static struct ip take_ip(struct cursor *c)
{
	unsigned len = cursor_u8(c);
	struct ip ip = {.family = len == 4 ? AF_INET : len == 16 ? AF_INET6 : 0};
	c->bad |= len && !ip.family;
	if (ip.family)
		cursor_copy(c, ip.byte, len);
	return ip;
}

static int take_labels(struct cursor *c, char **ret_labels)
{
	struct str s = {0};
	char text[256];
	*ret_labels = NULL;
	if (!cursor_u8(c))
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		take_text(c, text, sizeof(text));
		str_add_bytes(&s, text, strlen(text) + 1);
	}
	*ret_labels = str_take(&s);
	return *ret_labels ? 0 : -ENOMEM;
}

static void take_key(struct cursor *c, char network[static NAME_SIZE], struct hnv_record *ret)
{
	take_text(c, network, NAME_SIZE);
	ret->vsid = cursor_be32(c);
	ret->customer = take_ip(c);
	ret->type = cursor_u8(c);
	cursor_copy(c, ret->mac.byte, sizeof(ret->mac.byte));
	c->bad |= !ret->customer.family || ret->type > HNV_GATEWAY_WILDCARD || ret->vsid < HNV_VSID_MIN ||
		  ret->vsid > HNV_VSID_MAX || !network[0];
}

static void take_rest(struct cursor *c, struct hnv_record *ret)
{
	char encapsulation[NAME_SIZE];
	ret->provider = take_ip(c);
	ret->rule = cursor_u8(c);
	take_text(c, encapsulation, sizeof(encapsulation));
	unsigned flags = cursor_u8(c);
	ret->encapsulation = hnv_encapsulation_find(encapsulation);
	ret->use_vm_mac_address = flags & FLAG_USE_VM_MAC;
	ret->unusable = flags & FLAG_UNUSABLE;
	c->bad |= ret->rule > HNV_NAT || !ret->encapsulation;
}

/* Held, without a document that says where its subnet is: it leads nowhere yet. */
static int hold(struct hnvc_subnet *s, const struct hnv_record *r, char *labels)
{
	const struct mac *mac = r->type == HNV_L2ONLY ? &r->mac : NULL;
	struct hnvc_record *held = hnvc_held_find(s, &r->customer, mac);
	if (held)
		hnvc_record_leave(held);
	held = hnvc_held_alloc();
	if (!held) {
		free(labels);
		return -ENOMEM;
	}
	held->pub = *r;
	held->labels = labels;
	held->subnet = s;
	held->owner = OWNER_API;
	hnvc_record_enter(held);
	return 0;
}

static int replay_set(struct cursor *c, const char *network, struct hnv_record *r)
{
	char *labels;
	take_rest(c, r);
	int rc = take_labels(c, &labels);
	if (!rc && c->bad)
		rc = -EINVAL;
	struct hnvc_network *net = rc ? NULL : hnvc_network_make(network);
	struct hnvc_subnet *s = net ? hnvc_subnet_make(net, r->vsid) : NULL;
	if (s)
		return hold(s, r, labels);
	free(labels);
	return rc ? rc : -ENOMEM;
}

int hnvc_entry_replay(const void *payload, size_t len)
{
	struct cursor c = cursor_over(payload, len);
	struct hnv_record r = {0};
	char network[NAME_SIZE];
	unsigned version = cursor_u8(&c), what = cursor_u8(&c);
	if (version != VERSION || (what != ENTRY_SET && what != ENTRY_REMOVE))
		return -EINVAL;
	take_key(&c, network, &r);
	if (c.bad)
		return -EINVAL;
	if (what == ENTRY_SET)
		return replay_set(&c, network, &r);
	const struct hnvc_network *net = hnvc_network_find(network);
	const struct hnvc_subnet *s = net ? hnvc_subnet_find(net, r.vsid) : NULL;
	const struct mac *mac = r.type == HNV_L2ONLY ? &r.mac : NULL;
	struct hnvc_record *held = s ? hnvc_held_find(s, &r.customer, mac) : NULL;
	if (held)
		hnvc_record_leave(held);
	return 0;
}
