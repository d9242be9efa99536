/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around the policy in its tests: provider networks and paths that only count, adapters without ports,
 * two encapsulations without a wire. A document goes through the module's own prepare, commit and retire.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/document.h"
#include "core/runtime/dataplane.h"
#include "modules/hnv/control/picture.h"
#include "modules/provider/provider.h"

void fake_start(const char *state_dir); /* the module's init; state_dir NULL: nothing is kept on disk */
void fake_stop(void); /* and its fini; fails the test unless every path was released */
void fake_tick(void);

/* JSON or YAML; fails the test if the schema refuses it. The caller frees. */
struct api_document *fake_document(const char *text);

enum fake_end { FAKE_APPLY, FAKE_ABORT, FAKE_DRY_RUN };
/* Through prepare and then to that end. 0, or prepare's refusal in fake_refusal ("path: text"). doc is taken. */
int fake_change(struct api_document *doc, enum fake_end end);
int fake_apply(const char *text);
extern char fake_refusal[700];
extern size_t fake_warnings; /* of the last change */

const struct api_document *fake_running(void);
const struct dp_adapter *fake_adapter(const char *name); /* as runs; NULL: none */

size_t fake_paths(void); /* held at the moment */
size_t fake_groups(void); /* joined */
/* The path to a provider address gets a way with this MTU, or loses it (0). */
void fake_way(const char *remote, uint16_t mtu);
void fake_ways(void); /* every path has one */
