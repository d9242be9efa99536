/* SPDX-License-Identifier: Apache-2.0 */
/* What happened between two looks at /v1/stats, as rates. */
#pragma once

#include <jansson.h>

/*
 * {"adapters": [{"name", "in": {"packets-per-second", "bits-per-second"}, "out": {...},
 *                "drops-per-second": {reason: rate}}],
 *  "workers": [{"name", "load-percent", "packets-per-second"}]}; new reference.
 * What was not there before, or counts from 0 again since, has rates from 0 on.
 */
json_t *rates_between(const json_t *before, const json_t *after, double seconds);
