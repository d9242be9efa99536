/* SPDX-License-Identifier: Apache-2.0 */
/* Between edit.c and edit_prepare.c. */
#pragma once

#include "modules/move/control/edit.h"

/* The document as JSON with a list that can be changed; *ret_list borrowed. */
int move_edit_open(const struct api_document *here, const char *key, json_t **ret_document, json_t **ret_list,
		   struct err *e);
