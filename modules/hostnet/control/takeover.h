/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface that became a switch's uplink: what the host had on it, who carries that on, and the way back.
 * The way back is a fact on disk before anything moves, so that a crash, a rollback or an uninstall at any
 * moment finds it.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "modules/hostnet/control/others.h"
#include "modules/hostnet/control/record.h"

struct err;
struct lease;
struct netlink;
typedef struct json_t json_t;

#define TAKEOVER_ROUTES_MAX 4096 /* through one interface; each is moved by a system call of its own */

struct takeover {
	struct takeover *next;
	char ifname[IFNAMSIZ];
	char tap[IFNAMSIZ]; /* the host adapter that carries the addresses on; "": none */
	uint32_t tap_ifindex; /* of that tap when they were moved; another one: a new tap that lacks them */
	char boot[40]; /* boot_id when noted; another one: the interface started afresh */
	uint64_t noted_ms; /* wall clock */

	unsigned flags; /* IFF_* before it was silenced */
	struct mac mac;
	bool ipv6; /* its IPv6 was not disabled */
	struct records addresses, routes, neighbours;
	struct others others; /* who kept addresses on it: a DHCP client's lease and command line */

	/* Not on disk. */
	bool others_off; /* clients were ended and managers told: let them in when it is given back */
	uint64_t contested_until_ns; /* see contest.h; 0: nobody contests it */
	bool settled; /* it was contested, so far as this weftd knows */
	bool fresh; /* taken in the transaction under way */
	bool silencing; /* only noted, but on disk with those that are taken: silence costs it what IPv6 it had */
	char before_tap[IFNAMSIZ]; /* in the transaction under way the addresses came from this tap */
};

/* What the interface carries at this moment. -ENODEV. */
int takeover_note(struct netlink *nl, const char *ifname, struct takeover **ret_takeover, struct err *e);
int takeover_check(const struct takeover *t, struct err *e); /* refuses what could not be put back as it was */
void takeover_free(struct takeover *t); /* NULL ok */
bool takeover_has_address(const struct takeover *t); /* one that the host is reached by */
bool takeover_has_default_route(const struct takeover *t);

/* From the interface to the tap (t->tap). On failure the interface has everything still. */
int takeover_move(struct netlink *nl, struct takeover *t, struct err *e);
/* What is on t->tap goes on to another tap, which t->tap then names. */
int takeover_follow(struct netlink *nl, struct takeover *t, const char *new_tap, struct err *e);
/* Everything off the interface, with no adapter to carry it on. */
void takeover_strip(struct netlink *nl, struct takeover *t);
/* A tap that is new (after a reboot, or deleted by hand) gets what was moved. */
int takeover_replay(struct netlink *nl, struct takeover *t, struct err *e);
/* The lease that the adapter has now is another than was taken over: what came with that one goes. */
void takeover_lease_changed(struct netlink *nl, struct takeover *t, const struct lease *l);
/* Back to the interface as noted, leases as far as they have got meanwhile. Logs what fails and goes on. */
int takeover_give_back(struct netlink *nl, struct takeover *t);

/* weftd stops: until it is there again the interface carries everything itself. The tap keeps its addresses, too,
 * but no routes, since nothing passes it. */
void takeover_stand_in(struct netlink *nl, struct takeover *t);

json_t *takeover_encode(const struct takeover *t); /* new reference; NULL: out of memory */
int takeover_decode(const char *ifname, const json_t *json, struct takeover **ret_takeover); /* -EINVAL, -ENOMEM */
void takeover_boot_id(char buf[static 40]);
