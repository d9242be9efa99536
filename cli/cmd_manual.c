/* SPDX-License-Identifier: Apache-2.0 */
/* manual: every key of the document, from the schema this weft was built with. */
#include <stdlib.h>

#include "api/schema.h"
#include "cli/man.h"
#include "cli/output.h"

static int manual(struct cli *c, const struct command_args *a)
{
	char *text = schema_manual();
	if (!text)
		return cli_refuse(c, "out of memory");
	if (args_flag(a, "man"))
		man_from_markdown(c->out, text);
	else
		fputs(text, c->out);
	free(text);
	return CLI_OK;
}

static const struct command_option manual_options[] = {
	{.name = "man", .help = "as the man page weft.yaml(5) instead of Markdown"},
	{0},
};

COMMAND(manual, .words = "manual", .group = COMMAND_HELP, .usage = "", .options = manual_options,
	.help = "every key of the document", .fn = manual)
