/* SPDX-License-Identifier: Apache-2.0 */
/* From a command line to a command, and the errors that every command may end with. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/help.h"
#include "cli/output.h"

#define DEFAULT_SOCKET "/run/weft/weftd.sock"

static void say_error(struct cli *c, const char *fmt, va_list ap)
{
	char line[1024];
	vsnprintf(line, sizeof(line), fmt, ap);
	struct str s = {0};
	text_add(&s, line);
	char *text = cli_take(&s);
	fprintf(c->err, "error: %s\n", text);
	free(text);
}

int cli_usage_error(struct cli *c, const struct command *command, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say_error(c, fmt, ap);
	va_end(ap);
	if (command)
		help_usage(c->err, command);
	else
		fputs("'weft help' lists the commands\n", c->err);
	return CLI_USAGE;
}

int cli_refuse(struct cli *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say_error(c, fmt, ap);
	va_end(ap);
	return CLI_REFUSED;
}

/* May this stream be coloured? https://no-color.org */
static bool may_colour(bool tty)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return tty && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

int cli_main(int argc, const char *const *argv, FILE *out, FILE *err)
{
	const char *socket = getenv("WEFT_SOCKET");
	int fd = fileno(out); /* -1: memory */
	struct cli c = {.out = out, .err = err, .socket = socket && *socket ? socket : DEFAULT_SOCKET};
	c.tty = fd >= 0 && isatty(fd);
	c.colour = may_colour(c.tty);

	struct command_args args;
	enum args_wish wish = ARGS_RUN;
	int result = args_parse(&c, argc, argv, &args, &wish);
	if (result == CLI_OK) {
		if (wish == ARGS_VERSION)
			fprintf(out, "weft %s\n", WEFT_VERSION);
		else if (wish == ARGS_HELP && args.command)
			help_command(out, args.command);
		else if (wish == ARGS_HELP_GROUP)
			help_group(out, args.word[0]);
		else if (wish == ARGS_HELP)
			help_all(out);
		else
			result = args.command->fn(&c, &args);
	}
	args_free(&args);
	if (fflush(out) || ferror(out))
		result = result ? result : CLI_REFUSED; /* a full disk or a closed pipe is no success */
	return result;
}
