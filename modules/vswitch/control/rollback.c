/* SPDX-License-Identifier: Apache-2.0 */
/* Without a weftd: the ports that outlive it go, but for those that the document has which the next one starts with. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "core/control/guard.h"
#include "core/control/module.h"
#include "modules/vswitch/control/implied.h"
#include "modules/vswitch/control/plan.h"
#include "modules/vswitch/control/strays.h"

int vs_rollback(const char *state_dir, struct err *e)
{
	struct api_document *doc = guard_document();
	struct vs_plan none = {0}, keep = {0};
	int rc = 0;
	implied_load();
	if (doc)
		rc = vs_plan_make(&(struct txn){.next = doc, .restarting = true}, &none, &keep, e);
	if (!rc) {
		strays_clear(&keep);
		rc = strays_note(&keep, NULL);
		if (rc < 0)
			err_set(e, -rc, NULL, "the ports that are left cannot be noted on disk: %s", strerror(-rc));
	}
	vs_plan_free(&keep);
	api_document_free(doc);
	return rc;
}
