/* SPDX-License-Identifier: Apache-2.0 */
/* The records that a resolver brings, among the others. */
#include <errno.h>

#include "base/err.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/record_json.h"
#include "modules/hnv/control/records.h"
#include "modules/hnv/resolver.h"

int hnv_resolved_read(const struct api_lookup_record *from, uint8_t network, struct hnv_record *ret,
		      char **ret_labels, struct err *e)
{
	int rc = hnvc_record_from_api(from, network, ret, e);
	if (!rc && hnvc_labels_make(from->vm_name, from->customer_id, from->context, ret_labels))
		rc = err_set(e, ENOMEM, NULL, "out of memory");
	return rc;
}

bool hnv_resolved_leaves(const struct hnv_record *r)
{
	const struct hnvc_network *net = hnvc_network_of(RUNS, r->network);
	return net && !hnvc_is_own(net, RUNS, &r->provider);
}

int hnv_resolved_set(const struct hnv_record *r, const char *labels, struct err *e)
{
	struct hnvc_network *net = hnvc_network_of(RUNS, r->network);
	if (!net)
		return err_set(e, ENOENT, NULL, "the host is in its provider network no more");
	int rc = hnvc_record_set(net, r, labels, OWNER_RESOLVED, e);
	hnvc_flush();
	return rc;
}

void hnv_resolved_remove(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	struct hnvc_record *r = hnvc_record_find(network, vsid, customer);
	if (r && r->owner == OWNER_RESOLVED)
		(void)hnvc_record_remove(r, OWNER_RESOLVED, NULL);
}

void hnv_resolved_flush(void) { hnvc_flush(); }

void hnv_record_refresh(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	if (hnv_resolver)
		hnv_resolver->refresh(network, vsid, customer);
}
