/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a document changes in the records. Prepare compares it with what is held and takes all that could fail
 * (memory, peers); commit and retire carry out. Records that stay as they are are not touched.
 *
 * New and changed records are in force before the snapshot of the same document, but those that lead to an
 * adapter which comes with it; what goes, goes after it.
 */
#include "modules/hnv/control/staged.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/module.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/locals.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/control/record_json.h"
#include "modules/hnv/control/record_log.h"
#include "modules/hnv/control/rewrites.h"
#include "modules/hnv/datapath/records.h"

enum kind { ADD, CHANGE, LEAD, REMOVE };

struct change {
	struct hnv_record to;
	char *labels;
};

/* Small: a start stages one for each record that the API left behind. */
struct op {
	struct hnvc_record *record; /* ADD: a fresh one, filled in */
	struct change *change; /* CHANGE */
	struct hnvc_target target; /* not of REMOVE */
	uint8_t kind;
	bool late; /* after the new snapshot runs */
};

static struct op *ops;
static size_t n_ops, cap_ops;
static uint32_t turn; /* of this document; records that it names bear it */
static bool trying; /* a dry run: no peer is asked for */

static struct op *op_add(enum kind kind, struct hnvc_record *r)
{
	if (n_ops == cap_ops) {
		size_t cap = cap_ops ? cap_ops * 2 : 64;
		struct op *more = realloc(ops, cap * sizeof(*more));
		if (!more)
			return NULL;
		ops = more;
		cap_ops = cap;
	}
	ops[n_ops] = (struct op){
		.kind = (uint8_t)kind, .record = r, .target.next = HNV_NEXT_NOWHERE, .late = kind == REMOVE};
	r->staged = true;
	return &ops[n_ops++];
}

/* Finds where it will lead, and when that may begin. */
static int op_target(struct op *o, const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e)
{
	int rc = trying ? 0 : hnvc_target_find(COMES, s, r, &o->target, e);
	if (rc)
		return rc;
	const struct hnvc_local *l = hnvc_local_find(COMES, s, &r->mac);
	o->late = (l && l->fresh && l->next->index == o->target.next) || !s->pub[COMES];
	return 0;
}

static int labels_of(const struct api_lookup_record *from, char **ret_labels)
{
	return hnvc_labels_make(from->vm_name, from->customer_id, from->context, ret_labels);
}

static int stage_new(struct hnvc_subnet *s, const struct hnv_record *to, const struct api_lookup_record *from,
		     struct err *e)
{
	struct hnvc_record *r = hnvc_held_alloc();
	struct op *o = r ? op_add(ADD, r) : NULL;
	if (!o) {
		if (r)
			hnvc_held_free(r);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	r->pub = *to;
	r->subnet = s;
	r->owner = OWNER_DOCUMENT;
	r->turn = turn;
	if (labels_of(from, &r->labels))
		return err_set(e, ENOMEM, NULL, "out of memory");
	return op_target(o, s, to, e);
}

static void change_free(struct change *c)
{
	if (c)
		free(c->labels);
	free(c);
}

static int stage_change(struct hnvc_record *r, struct change *c, struct err *e)
{
	struct op *o = op_add(CHANGE, r);
	if (!o) {
		change_free(c);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	o->change = c;
	return op_target(o, r->subnet, &c->to, e);
}

static int stage_known(struct hnvc_record *r, const struct hnv_record *to, const struct api_lookup_record *from,
		       struct err *e)
{
	struct change *c = calloc(1, sizeof(*c));
	if (!c || labels_of(from, &c->labels)) {
		free(c);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	c->to = *to;
	r->turn = turn;
	if (r->owner != OWNER_DOCUMENT || !hnvc_record_same(&r->pub, to) || !hnvc_labels_same(r->labels, c->labels))
		return stage_change(r, c, e);
	change_free(c);
	return 0;
}

static int stage_document_record(struct txn *t, size_t i, struct err *e)
{
	const struct api_lookup_record *from = &t->next->lookup_records[i];
	struct hnvc_network *net = hnvc_network_find(from->provider_network);
	struct hnvc_subnet *s = net ? hnvc_subnet_find(net, from->virtual_subnet_id) : NULL;
	struct hnv_record to = {0};
	int rc;
	if (!s || !s->pub[COMES])
		rc = err_set(e, EINVAL, "virtual-subnet-id",
			     "no routing domain of provider network `%s` has virtual subnet %u",
			     from->provider_network, from->virtual_subnet_id);
	else
		rc = hnvc_record_from_api(from, net->side[COMES].index, &to, e);
	if (!rc)
		rc = hnvc_rewrite_own_check(COMES, s, &to, e);
	if (!rc && s) {
		const struct mac *mac = to.type == HNV_L2ONLY ? &to.mac : NULL;
		struct hnvc_record *r = hnvc_held_find(s, &to.customer, mac);
		rc = r ? stage_known(r, &to, from, e) : stage_new(s, &to, from, e);
	}
	if (rc)
		err_prefix(e, "lookup-records[%zu]", i);
	return rc;
}

/* Those of the document before that this one does not name. */
static int stage_gone(struct txn *t, struct err *e)
{
	for (size_t i = 0; t->prev && i < t->prev->n_lookup_records; i++) {
		const struct api_lookup_record *from = &t->prev->lookup_records[i];
		struct hnvc_network *net = hnvc_network_find(from->provider_network);
		struct hnvc_subnet *s = net ? hnvc_subnet_find(net, from->virtual_subnet_id) : NULL;
		const struct mac *mac = from->type == API_RECORD_L2ONLY ? &from->mac_address : NULL;
		struct hnvc_record *r = s ? hnvc_held_find(s, &from->customer_address, mac) : NULL;
		if (r && r->owner == OWNER_DOCUMENT && r->turn != turn && !op_add(REMOVE, r))
			return err_set(e, ENOMEM, NULL, "out of memory");
	}
	return 0;
}

/* What was learned from an adapter goes with it. */
static bool outlived(const struct hnvc_record *r)
{
	return r->owner == OWNER_LEARNED && !hnvc_local_find(COMES, r->subnet, &r->pub.mac);
}

static int stage_again(struct hnvc_record *r, struct err *e)
{
	bool gone = outlived(r);
	struct op *o = op_add(gone ? REMOVE : LEAD, r);
	if (!o || gone)
		return o ? 0 : err_set(e, ENOMEM, NULL, "out of memory");
	int rc = op_target(o, r->subnet, &r->pub, e);
	if (rc || o->target.next != r->next || o->target.shown != r->shown)
		return rc;
	hnvc_target_release(&o->target);
	r->staged = false;
	n_ops--;
	return 0;
}

static int stage_subnets(struct err *e)
{
	int rc = 0;
	for (struct hnvc_subnet *s = hnvc_subnets(); s && !rc; s = s->next)
		for (struct hnvc_record *r = s->rescan ? s->records : NULL; r && !rc; r = r->after)
			if (!r->staged)
				rc = stage_again(r, e);
	return rc;
}

/* So that commit, which may not fail, finds room in the tables. */
static int reserve(struct err *e)
{
	for (struct hnvc_network *net = hnvc_networks(); net; net = net->next) {
		uint64_t more[2] = {0};
		for (size_t i = 0; i < n_ops; i++)
			if (ops[i].record->subnet->network == net && ops[i].target.shown && !ops[i].record->shown)
				more[ip_bytes(&ops[i].record->pub.customer) == 16]++;
		if (hnv_records_reserve(&net->pub, more[0], more[1]))
			return err_set(e, ENOMEM, NULL, "no memory for the lookup records of provider network %s",
				       net->name);
	}
	return 0;
}

/* Records of the API that the document names are the document's from now on. */
static void warn_taken(struct txn *t)
{
	size_t taken = 0;
	for (size_t i = 0; i < n_ops; i++)
		taken += ops[i].kind == CHANGE && ops[i].record->owner == OWNER_API;
	if (taken)
		json_array_append_new(
			t->warnings,
			json_sprintf("%zu lookup records that were set one by one are the document's from now on",
				     taken));
}

int hnvc_staged_prepare(struct txn *t, struct err *e)
{
	int rc = 0;
	turn++;
	trying = t->dry_run;
	for (size_t i = 0; i < t->next->n_lookup_records && !rc; i++)
		rc = stage_document_record(t, i, e);
	if (!rc)
		rc = stage_gone(t, e);
	if (!rc && !trying)
		rc = stage_subnets(e);
	if (!rc && !trying)
		rc = reserve(e);
	if (!rc)
		warn_taken(t);
	return rc;
}

static void lead(struct op *o)
{
	char text[HNVC_RECORD_TEXT];
	if (!hnvc_record_lead(o->record, &o->target))
		return;
	hnvc_target_release(&o->target);
	log_error(hnvc_record_text(o->record->subnet->vsid, &o->record->pub.customer, text),
		  "out of memory: it is not in force");
}

static void change(struct op *o)
{
	struct hnvc_record *r = o->record;
	if (r->owner == OWNER_API)
		hnvc_log_remove(r);
	hnvc_own_remove(r);
	free(r->labels);
	r->pub = o->change->to;
	r->labels = o->change->labels;
	hnvc_owned[r->owner]--;
	hnvc_owned[OWNER_DOCUMENT]++;
	r->owner = OWNER_DOCUMENT;
	o->change->labels = NULL;
	hnvc_own_add(r);
}

/* Held from now on, wherever they lead. */
static void op_enter(struct op *o)
{
	if (o->kind == CHANGE)
		change(o);
	if (o->kind == ADD)
		hnvc_record_enter(o->record);
}

static void op_run(struct op *o)
{
	o->record->staged = false;
	if (o->kind == REMOVE)
		hnvc_record_leave(o->record);
	else
		lead(o);
}

void hnvc_staged_commit(void)
{
	for (size_t i = 0; i < n_ops; i++)
		op_enter(&ops[i]);
	for (size_t i = 0; i < n_ops; i++)
		if (!ops[i].late)
			op_run(&ops[i]);
	hnvc_flush();
}

static void ops_forget(void)
{
	for (size_t i = 0; i < n_ops; i++)
		change_free(ops[i].change);
	free(ops);
	ops = NULL;
	n_ops = cap_ops = 0;
}

void hnvc_staged_retire(void)
{
	for (size_t i = 0; i < n_ops; i++)
		if (ops[i].late)
			op_run(&ops[i]);
	ops_forget();
	hnvc_log_flush();
	hnvc_flush();
}

void hnvc_staged_abort(void)
{
	for (size_t i = 0; i < n_ops; i++) {
		hnvc_target_release(&ops[i].target);
		ops[i].record->staged = false;
		if (ops[i].kind == ADD)
			hnvc_held_free(ops[i].record);
	}
	ops_forget();
}
