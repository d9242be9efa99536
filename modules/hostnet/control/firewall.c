/* SPDX-License-Identifier: Apache-2.0 */
/* See firewall.h. */
#include "modules/hostnet/control/firewall.h"

#include <jansson.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

#define WARNINGS_MAX 16 /* a ruleset with hundreds of such rules is understood by then */

static void warn(json_t *warnings, const char *ifname, const char *adapter, const char *rule)
{
	struct str s = {0};
	if (json_array_size(warnings) >= WARNINGS_MAX)
		return;
	str_add(&s, "%s names %s, where the host itself will neither send nor receive any more; ", rule, ifname);
	if (*adapter)
		str_add(&s, "write %s instead", adapter);
	else
		str_add(&s, "name the host adapter that carries this traffic");
	char *text = str_take(&s);
	if (text)
		json_array_append_new(warnings, json_string(text));
	free(text);
}

/* ---- nftables ------------------------------------------------------------------------------------------ */

/* "eth0" and "eth*" name eth0. */
static bool name_matches(const char *pattern, const char *ifname)
{
	size_t len = strlen(pattern);
	if (len && pattern[len - 1] == '*')
		return !strncmp(pattern, ifname, len - 1);
	return !strcmp(pattern, ifname);
}

/* Any string inside that names it: a plain value, or one of an anonymous set. Depth: a ruleset is the kernel's,
 * but nothing here needs more. */
static bool value_names(const json_t *value, const char *ifname, int depth)
{
	const char *key;
	json_t *part;
	size_t i;
	if (depth > 8)
		return false;
	if (json_is_string(value))
		return name_matches(json_string_value(value), ifname);
	json_array_foreach((json_t *)value, i, part) {
		if (value_names(part, ifname, depth + 1))
			return true;
	}
	json_object_foreach((json_t *)value, key, part) {
		if (value_names(part, ifname, depth + 1))
			return true;
	}
	return false;
}

/* "@lans": the elements of that set or map of the rule's table. */
static const json_t *set_elements(const json_t *items, const char *family, const char *table, const char *name)
{
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)items, i, item) {
		const json_t *set = json_object_get(item, "set");
		const json_t *found = set ? set : json_object_get(item, "map");
		const char *f = json_string_value(json_object_get(found, "family"));
		const char *t = json_string_value(json_object_get(found, "table"));
		const char *n = json_string_value(json_object_get(found, "name"));
		if (f && t && n && !strcmp(f, family) && !strcmp(t, table) && !strcmp(n, name))
			return json_object_get(found, "elem");
	}
	return NULL;
}

struct rule_at {
	const json_t *items;
	const char *family, *table;
};

static bool is_interface_key(const json_t *left)
{
	const char *key = json_string_value(json_object_get(json_object_get(left, "meta"), "key"));
	return key &&
	       (!strcmp(key, "iif") || !strcmp(key, "oif") || !strcmp(key, "iifname") || !strcmp(key, "oifname"));
}

/* Is it an interface key, or a concatenation that has one? */
static bool looks_at_interface(const json_t *left)
{
	size_t i;
	json_t *part;
	if (is_interface_key(left))
		return true;
	json_array_foreach(json_object_get(left, "concat"), i, part) {
		if (is_interface_key(part))
			return true;
	}
	return false;
}

static bool right_names(const struct rule_at *at, const json_t *right, const char *ifname)
{
	const char *text = json_string_value(right);
	if (text && *text == '@')
		right = set_elements(at->items, at->family, at->table, text + 1);
	return value_names(right, ifname, 0);
}

static bool expression_names(const struct rule_at *at, const json_t *e, const char *ifname)
{
	const json_t *match = json_object_get(e, "match"), *vmap = json_object_get(e, "vmap");
	if (match && looks_at_interface(json_object_get(match, "left")))
		return right_names(at, json_object_get(match, "right"), ifname);
	if (vmap && looks_at_interface(json_object_get(vmap, "key")))
		return right_names(at, json_object_get(vmap, "data"), ifname);
	return false;
}

static void read_rule(const json_t *items, const json_t *rule, const char *ifname, const char *adapter,
		      json_t *warnings)
{
	struct rule_at at = {items, json_string_value(json_object_get(rule, "family")),
			     json_string_value(json_object_get(rule, "table"))};
	const char *chain = json_string_value(json_object_get(rule, "chain"));
	size_t i;
	json_t *e;
	if (!at.family || !at.table || !chain)
		return;
	json_array_foreach(json_object_get(rule, "expr"), i, e) {
		char where[256];
		if (!expression_names(&at, e, ifname))
			continue;
		snprintf(where, sizeof(where), "firewall rule %lld in chain %s of table %s %s",
			 (long long)json_integer_value(json_object_get(rule, "handle")), chain, at.family, at.table);
		warn(warnings, ifname, adapter, where);
		return;
	}
}

void firewall_read_nft(const json_t *ruleset, const char *ifname, const char *adapter, json_t *warnings)
{
	const json_t *items = json_object_get(ruleset, "nftables");
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)items, i, item) {
		const json_t *rule = json_object_get(item, "rule"), *chain = json_object_get(item, "chain");
		if (rule)
			read_rule(items, rule, ifname, adapter, warnings);
		if (chain && value_names(json_object_get(chain, "dev"), ifname, 0)) {
			char where[256];
			const char *name = json_string_value(json_object_get(chain, "name"));
			const char *table = json_string_value(json_object_get(chain, "table"));
			snprintf(where, sizeof(where), "firewall chain %s of table netdev %s", name ? name : "?",
				 table ? table : "?");
			warn(warnings, ifname, adapter, where);
		}
	}
}

static void warn_nft(const char *ifname, const char *adapter, json_t *warnings)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!ctx)
		return;
	nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE);
	if (nft_ctx_buffer_output(ctx) == 0 && nft_ctx_buffer_error(ctx) == 0 &&
	    nft_run_cmd_from_buffer(ctx, "list ruleset") == 0) {
		const char *text = nft_ctx_get_output_buffer(ctx);
		json_t *ruleset = text ? json_loads(text, 0, NULL) : NULL;
		firewall_read_nft(ruleset, ifname, adapter, warnings);
		json_decref(ruleset);
	}
	nft_ctx_free(ctx);
}

/* ---- legacy iptables ----------------------------------------------------------------------------------- */

/* -i eth0, -o eth+ and the like. */
static bool line_names(const char *line, size_t len, const char *ifname)
{
	char copy[1024], *state = NULL;
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, line, len);
	copy[len] = '\0';
	bool after_key = false;
	for (char *word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		size_t n = strlen(word);
		bool prefix = n && word[n - 1] == '+';
		if (after_key && (prefix ? !strncmp(word, ifname, n - 1) : !strcmp(word, ifname)))
			return true;
		after_key = !strcmp(word, "-i") || !strcmp(word, "-o") || !strcmp(word, "--physdev-in") ||
			    !strcmp(word, "--physdev-out");
	}
	return false;
}

void firewall_read_iptables(const char *save, const char *tool, const char *ifname, const char *adapter,
			    json_t *warnings)
{
	char table[32] = "?";
	for (const char *line = save; *line;) {
		size_t len = strcspn(line, "\n");
		if (*line == '*')
			snprintf(table, sizeof(table), "%.*s", (int)(len - 1), line + 1);
		if (line_names(line, len, ifname)) {
			char where[400];
			snprintf(where, sizeof(where), "%s rule `%.*s` of table %s", tool, (int)len, line, table);
			warn(warnings, ifname, adapter, where);
		}
		line += len + (line[len] == '\n');
	}
}

/* Legacy tables exist only once somebody used them; listing them otherwise would load them. */
static bool legacy_in_use(const char *names_path)
{
	char *text;
	size_t len = 0;
	if (file_read(names_path, 4096, &text, &len) < 0)
		return false;
	free(text);
	return len > 0;
}

static void warn_iptables(const char *names_path, const char *tool, const char *ifname, const char *adapter,
			  json_t *warnings)
{
	char command[64];
	struct str save = {0};
	char buf[4096];
	if (!legacy_in_use(names_path))
		return;
	snprintf(command, sizeof(command), "%s-legacy-save 2>/dev/null", tool);
	FILE *out = popen(command, "re");
	if (!out)
		return;
	for (size_t n; (n = fread(buf, 1, sizeof(buf), out)) > 0 && save.len < (4u << 20);)
		str_add_bytes(&save, buf, n);
	pclose(out);
	char *text = str_take(&save);
	if (text)
		firewall_read_iptables(text, tool, ifname, adapter, warnings);
	free(text);
}

void firewall_warn(const char *ifname, const char *adapter, json_t *warnings)
{
	warn_nft(ifname, adapter, warnings);
	warn_iptables("/proc/net/ip_tables_names", "iptables", ifname, adapter, warnings);
	warn_iptables("/proc/net/ip6_tables_names", "ip6tables", ifname, adapter, warnings);
}
