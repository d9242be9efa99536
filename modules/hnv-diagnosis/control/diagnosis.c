/* SPDX-License-Identifier: Apache-2.0 */
/* The module: nothing of the document, only what is asked over the API and the probes that come by. */
#include <stddef.h>

#include "core/control/module.h"
#include "modules/hnv-diagnosis/control/probe.h"
#include "modules/hnv/probe.h"

static int diagnosis_init(struct err *e)
{
	hnv_probe_set(probe_arrived);
	return 0;
}

static struct module diagnosis = {
	.name = "hnv-diagnosis",
	.depends_on = (const char *const[]){"provider", "hnv", NULL},
	.init = diagnosis_init,
};
MODULE(diagnosis)
