/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as a reference manual in Markdown: one section an object, one entry a key. */
#include "api/schema.h"
#include "api/schema_private.h"
#include "base/str.h"

static const char introduction[] =
	"# weft.yaml: the host document\n\n"
	"A host's network is described by one document, in YAML or JSON. `weft apply FILE` makes it the host's, "
	"`weft get -o yaml` prints it.\n\n"
	"The text has at most 16 MiB and 64 levels; it is one YAML document without anchors, aliases and tags, and no key "
	"stands twice. Scalars are read by the core schema of YAML 1.2: `no` and `on` are text. "
	"Where a key takes a list of simple values, one value alone is a list of one.\n\n"
	"## Example\n\n"
	"    host:\n"
	"      name: node1\n"
	"    switches:\n"
	"      - name: lab\n"
	"        type: internal\n"
	"    adapters:\n"
	"      - name: lab-host\n"
	"        owner: host\n"
	"        switch: lab\n"
	"        addresses: [192.0.2.1/24]\n"
	"      - name: vm1\n"
	"        switch: lab\n"
	"        attach: {tap: vm1, netns: vm1}\n"
	"      - name: vm2\n"
	"        switch: lab\n"
	"        attach: {vhost-user: /run/weft/vm2.sock, listen: guest}\n";

static void default_add(struct str *s, const struct field *f)
{
	if (f->required)
		str_add(s, "; required");
	else if (f->type == FIELD_ENUM)
		str_add(s, "; default %s", f->names[f->fallback]);
	else if (f->type == FIELD_STRING && f->text)
		str_add(s, "; default %s", f->text);
	else if (f->type == FIELD_UINT && f->fallback)
		str_add(s, "; default %u", f->fallback);
	else if (f->type == FIELD_BOOL)
		str_add(s, "; default %s", f->fallback ? "true" : "false");
}

static void field_add(struct str *s, const struct field *f)
{
	str_add(s, "- **%s** (", f->key);
	if (f->type == FIELD_LIST)
		str_add(s, f->object ? "list, see *%s*" : "list of ", f->object ? f->object->kind : "");
	if (f->type == FIELD_OBJECT)
		str_add(s, "see *%s*%s%s", f->object->kind, f->also ? "; or " : "", f->also ? f->also : "");
	else if (!f->object)
		schema_type_words(f, f->type == FIELD_LIST ? f->element : f->type, s);
	default_add(s, f);
	str_add(s, "): %s\n", f->help);
}

/* The object's own section, then those of the objects it holds. */
static void schema_add(struct str *s, const struct schema *schema)
{
	str_add(s, "\n## %s\n\n%s\n\n", schema->kind, schema->help);
	for (const struct field *f = schema->fields; f->key; f++)
		field_add(s, f);
	for (const struct field *f = schema->fields; f->key; f++)
		if (f->object)
			schema_add(s, f->object);
}

char *schema_manual(void)
{
	struct str s = {0};

	str_add(&s, "%s", introduction);
	schema_add(&s, &api_schema_document);
	return str_take(&s);
}
