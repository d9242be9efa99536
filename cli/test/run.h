/* SPDX-License-Identifier: Apache-2.0 */
/* `weft` as a function, against a weftd of the test's own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/command.h"
#include "cli/test/fake_weftd.h"

#define WORDS_MAX 16

static char *out, *err; /* of the last run */

/* Runs `weft` with the words of a line; a word '@' stands for the fake weftd's socket. Returns the exit code. */
static int weft(const char *line)
{
	char copy[1024], *save, *word;
	const char *argv[WORDS_MAX + 1] = {"weft"};
	int argc = 1;
	size_t out_len, err_len;
	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word && argc < WORDS_MAX; word = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(word, "@") ? word : fake_weftd_socket();
	free(out);
	free(err);
	FILE *o = open_memstream(&out, &out_len), *e = open_memstream(&err, &err_len);
	int result = cli_main(argc, argv, o, e);
	fclose(o);
	fclose(e);
	return result;
}

#define assert_has(text, part)                                                                                       \
	do {                                                                                                         \
		if (!strstr((text), (part)))                                                                         \
			fail_msg("'%s' is not in:\n%s", (part), (text));                                             \
	} while (0)
