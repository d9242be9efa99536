/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the whole document. */
#include "api/schema_private.h"

static const struct field document_fields[] = {
	{"host", FIELD_OBJECT, offsetof(struct api_document, host), "The machine itself.",
	 .object = &api_schema_host},
	{"switches", FIELD_LIST, offsetof(struct api_document, switches), "Its virtual switches. Default: none.",
	 .element = FIELD_OBJECT, .object = &api_schema_switch,
	 .count_offset = offsetof(struct api_document, n_switches)},
	{"adapters", FIELD_LIST, offsetof(struct api_document, adapters),
	 "The adapters of guests and host on them. Default: none.", .element = FIELD_OBJECT,
	 .object = &api_schema_adapter, .count_offset = offsetof(struct api_document, n_adapters)},
	{0},
};

const struct schema api_schema_document = {
	.kind = "document",
	.help = "Everything that a host's network is to be. Applying a document makes it the host's; what an earlier one "
		"had and it has not is removed.",
	.size = sizeof(struct api_document),
	.fields = document_fields,
	.check = schema_check_document,
};
