/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands, kept in the order that help prints. */
#include "cli/command.h"

#include <string.h>

static struct command *commands;

static int compare(const struct command *a, const struct command *b)
{
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return strcmp(a->words, b->words);
}

void command_register(struct command *c)
{
	struct command **at = &commands;
	while (*at && compare(*at, c) < 0)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

const struct command *command_first(void) { return commands; }

/* How many leading words spell the command out; 0: it is another one. */
static size_t words_match(const struct command *c, const char *const *word, size_t n)
{
	const char *rest = c->words;
	for (size_t used = 0; used < n; used++) {
		size_t len = strcspn(rest, " ");
		if (strlen(word[used]) != len || memcmp(word[used], rest, len) != 0)
			return 0;
		rest += len;
		if (!*rest)
			return used + 1;
		rest++;
	}
	return 0;
}

const struct command *command_find(const char *const *word, size_t n, size_t *ret_used)
{
	const struct command *best = NULL;
	size_t best_used = 0;
	for (const struct command *c = commands; c; c = c->next) {
		size_t used = words_match(c, word, n);
		if (used > best_used) {
			best = c;
			best_used = used;
		}
	}
	if (best)
		*ret_used = best_used;
	return best;
}

bool command_is_group(const char *word)
{
	size_t len = strlen(word);
	for (const struct command *c = commands; c; c = c->next)
		if (!strncmp(c->words, word, len) && c->words[len] == ' ')
			return true;
	return false;
}

#define GUESS_LEN 24 /* longest word that is worth a guess */

/* Edits that turn a into b (Levenshtein); both at most GUESS_LEN long. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[GUESS_LEN + 1];
	size_t n = strlen(b);
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned best = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[n];
}

const struct command *command_guess(const char *word)
{
	const struct command *best = NULL;
	unsigned best_distance = 3; /* more edits than two are no slip of the finger */
	if (strlen(word) > GUESS_LEN)
		return NULL;
	for (const struct command *c = commands; c; c = c->next) {
		if (strlen(c->words) > GUESS_LEN)
			continue;
		unsigned d = distance(word, c->words);
		if (d < best_distance && d < strlen(word)) {
			best_distance = d;
			best = c;
		}
	}
	return best;
}
