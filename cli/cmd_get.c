/* SPDX-License-Identifier: Apache-2.0 */
/* get: the document that runs, or a part of it. */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/kind.h"
#include "cli/render.h"

/* The object of a list that is called name, or identified so ("5001 10.0.0.5"); borrowed. */
static json_t *find_named(const struct field *kind, const json_t *list, const char *name)
{
	size_t i;
	json_t *object, *found = NULL;
	json_array_foreach((json_t *)list, i, object) {
		char *identity = schema_identity(kind->object, object);
		if (str_equal(identity, name) || str_equal(json_string_value(json_object_get(object, "name")), name))
			found = object;
		free(identity);
		if (found)
			break;
	}
	return found;
}

static void print_part(struct cli *c, json_t *part)
{
	if (c->format == CLI_FORMAT_DEFAULT)
		c->format = CLI_FORMAT_YAML;
	if (!output_data(c, part))
		render_any(c, part);
}

static int get(struct cli *c, const struct command_args *a)
{
	const char *word = args_word(a, 0), *name = args_word(a, 1);
	const struct field *kind = word ? kind_find(word) : NULL;
	if (word && !kind) {
		struct str s = {0};
		kind_list(&s);
		char *kinds = cli_take(&s);
		int r = cli_usage_error(c, a->command, "no kind '%s'; one of %s", word, kinds);
		free(kinds);
		return r;
	}
	if (kind && name && kind->type != FIELD_LIST)
		return cli_usage_error(c, a->command, "there is one %s only, without a name", kind->key);

	json_t *document;
	int r = client_get(c, "/v1/document", &document);
	if (r)
		return r;
	json_t *none = kind && kind->type == FIELD_LIST ? json_array() : json_object();
	json_t *part = kind ? json_object_get(document, kind->key) : document;
	part = part ? part : none;
	if (kind && name) {
		part = find_named(kind, part, name);
		if (!part)
			r = cli_refuse(c, "%s %s: not in the document", kind->object ? kind->object->kind : kind->key,
				       name);
	}
	if (part)
		print_part(c, part);
	json_decref(none);
	json_decref(document);
	return r;
}

COMMAND(get, .words = "get", .group = COMMAND_DOCUMENT, .usage = "[KIND [NAME]]", .max_words = 2,
	.help = "the document that runs, or a part of it",
	.more = "In a fixed order, defaults left out, without counters; YAML unless -o says otherwise.\n"
		"'weft get > host.yaml' gives a file that 'weft apply' takes as it is.",
	.fn = get)
