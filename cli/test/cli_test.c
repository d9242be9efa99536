/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a whole: options, exit codes, what is asked and what is said, against a weftd of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/pcapng.h"
#include "cli/test/fake_weftd.h"
#include "cli/test/run.h"

static char document[64];

static int set_up(void **state)
{
	strcpy(document, "/tmp/weft-cli-doc-XXXXXX");
	int fd = mkstemp(document);
	if (fd < 0 || write(fd, "host: {name: a}\n", 16) != 16)
		return -1;
	close(fd);
	setenv("TZ", "UTC", 1);
	return 0;
}

static int tear_down(void **state)
{
	unlink(document);
	free(out);
	free(err);
	return 0;
}

static void test_usage(void **state)
{
	static const struct {
		const char *line, *said;
	} wrong[] = {
		{"", "error: no command given"},
		{"aply x", "error: no command 'aply'; did you mean 'apply'?"},
		{"xyzzy", "error: no command 'xyzzy'\n"},
		{"record", "error: 'record' needs more: 'weft help record' lists what\n"},
		{"record frob", "error: no command 'record frob'; 'weft help record' lists those that there are"},
		{"apply", "error: 'apply' needs more: FILE|-\nusage: weft apply FILE|- [--dry-run]"},
		{"apply a b", "error: 'b' is one word too many"},
		{"apply --frobnicate a", "error: 'apply' has no option --frobnicate"},
		{"apply a --confirm-within", "error: --confirm-within needs a value: SECONDS"},
		{"apply a --confirm-within 0", "error: --confirm-within: '0' is not a number from 1 to 3600"},
		{"apply a --confirm-within 1x", "error: --confirm-within: '1x' is not"},
		{"apply a --if-revision -1", "error: --if-revision: '-1' is not"},
		{"apply a --dry-run=yes", "error: --dry-run takes no value"},
		{"status -o xml", "error: --output: unknown form 'xml'"},
		{"explain --from vm1", "error: 'explain' needs --frame HEX"},
		{"explain --from vm1 --frame 0g", "error: --frame: give the bytes in hex"},
		{"explain --from vm1 --frame 012", "error: --frame: give the bytes in hex"},
		{"get frobs", "error: no kind 'frobs'; one of host, switch, adapter, network-virtualization, "
			      "provider-address, provider-route, routing-domain, lookup-record, customer-route"},
		{"get host x", "error: there is one host only"},
		{"stats frobs", "error: no kind 'frobs'; one of adapter, switch, node, worker, total"},
		{"rollback x1", "error: 'x1' is not a revision"},
		{"move prepare web", "error: 'move prepare' needs --from FILE"},
		{"move activate web", "error: 'move activate' needs --to PROVIDER-ADDRESS"},
		{"move activate --to 198.51.100.12", "error: give ADAPTER, or --virtual-subnet-id and --mac-address"},
		{"help frobs", "error: no command 'frobs'"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(weft(wrong[i].line), CLI_USAGE);
		assert_has(err, wrong[i].said);
		assert_string_equal(out, "");
	}
}

static void test_help(void **state)
{
	assert_int_equal(weft("--version"), CLI_OK);
	assert_string_equal(out, "weft " WEFT_VERSION "\n");
	assert_int_equal(weft("help"), CLI_OK);
	assert_has(out, "apply FILE|-");
	assert_int_equal(weft("apply --help"), CLI_OK); /* although FILE is missing */
	assert_has(out, "usage: weft apply FILE|- [--dry-run] [--confirm-within SECONDS] [--if-revision N]\n");
	assert_int_equal(weft("help apply"), CLI_OK);
	assert_has(out, "--confirm-within SECONDS");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(weft((const char *const[]){"record --help", "-h record", "help record"}[i]), CLI_OK);
		assert_has(out, "  record set VSID CUSTOMER-ADDRESS\n");
		assert_has(out, "  record load FILE|-");
		assert_null(strstr(out, "apply"));
	}
	assert_int_equal(weft("help --words"), CLI_OK);
	assert_has(out, "apply --dry-run --confirm-within= --if-revision=\n");
	assert_has(out, "\nconfirm\n");
}

static void test_unreachable(void **state)
{
	assert_int_equal(weft("--socket /nonexistent/weftd.sock status"), CLI_UNREACHABLE);
	assert_string_equal(err, "error: weftd does not run: there is no socket /nonexistent/weftd.sock\n"
				 "start it with 'systemctl start weftd'; a weftd elsewhere is named by --socket or "
				 "WEFT_SOCKET\n");
	setenv("WEFT_SOCKET", "/nonexistent/other.sock", 1);
	assert_int_equal(weft("status"), CLI_UNREACHABLE);
	assert_has(err, "/nonexistent/other.sock");
	assert_int_equal(weft("status --socket /nonexistent/third.sock"), CLI_UNREACHABLE);
	assert_has(err, "/nonexistent/third.sock");
	unsetenv("WEFT_SOCKET");
	char line[256];
	snprintf(line, sizeof(line), "status --socket /%0200d", 0);
	assert_int_equal(weft(line), CLI_UNREACHABLE);
	assert_has(err, "too long for a socket");
	assert_int_equal(weft("--socket /nonexistent/x diff /nonexistent/file"), CLI_INVALID);
	assert_string_equal(err, "error: /nonexistent/file: No such file or directory\n");
}

#define CHANGES                                                                                                                                           \
	"[{\"op\": \"add\", \"kind\": \"switch\", \"name\": \"lab\", \"fields\": [{\"field\": \"name\", \"to\": \"lab\"}, {\"field\": \"type\", \"to\": " \
	"\"internal\"}]}, {\"op\": \"change\", \"kind\": \"adapter\", \"name\": \"vm1\", \"fields\": [{\"field\": "                                       \
	"\"mtu\", \"from\": 1500, \"to\": 9000}, {\"field\": \"vm\", \"from\": null, \"to\": \"g1\"}]}, {\"op\": "                                        \
	"\"remove\", \"kind\": \"adapter\", \"name\": \"vm2\", \"fields\": []}]"
#define CHANGES_SHOWN                                                                                                \
	"+ switch lab\n    type: internal\n~ adapter vm1\n    mtu: 1500 -> 9000\n    vm: (default) -> g1\n"          \
	"- adapter vm2\n"
#define PROBLEM                                                                                                      \
	"{\"title\": \"Bad Request\", \"status\": 400, \"detail\": \"4095 is reserved; use 0-4094\", "               \
	"\"path\": \"adapters[3].vlan.id\"}"

static void test_apply(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"PUT /v1/document?dry-run=false", 200,
		 "{\"revision\": 7, \"changes\": " CHANGES ", \"warnings\": [\"mind the gap\"], \"dry-run\": false}"},
		{"PUT /v1/document?dry-run=true", 200,
		 "{\"revision\": 6, \"changes\": " CHANGES ", \"warnings\": [], \"dry-run\": true}"},
		{"PUT /v1/document?dry-run=false&confirm-within=30&if-revision=0", 200,
		 "{\"revision\": 8, \"changes\": " CHANGES ", \"warnings\": [], \"confirm-within\": 30}"},
		{"PUT /v1/document?dry-run=false&confirm-within=31", 200,
		 "{\"revision\": 8, \"changes\": [], \"warnings\": []}"},
		{"PUT /v1/document?dry-run=false&if-revision=3", 412,
		 "{\"title\": \"Precondition Failed\", \"detail\": \"revision 7 runs, not 3\"}"},
		{0},
	});
	char line[256];
	snprintf(line, sizeof(line), "apply %s --socket @", document);
	assert_int_equal(weft(line), CLI_OK);
	assert_string_equal(out, CHANGES_SHOWN "warning: mind the gap\nrevision 7 applied\n");
	assert_string_equal(fake_weftd_last_body(), "host: {name: a}\n");

	snprintf(line, sizeof(line), "--socket @ --dry-run apply %s", document);
	assert_int_equal(weft(line), CLI_OK);
	assert_string_equal(out, CHANGES_SHOWN "dry run: nothing was changed (revision 6)\n");

	snprintf(line, sizeof(line), "--confirm-within 30 --socket=@ apply --socket @ %s --if-revision=0", document);
	assert_int_equal(weft(line), CLI_OK);
	assert_has(out, "revision 8 applied\nrun 'weft confirm' within 30 s, or the host goes back to what it was\n");

	snprintf(line, sizeof(line), "apply --socket @ --confirm-within 31 -- %s", document);
	assert_int_equal(weft(line), CLI_OK);
	assert_string_equal(out, "nothing to change (revision 8)\n");

	snprintf(line, sizeof(line), "apply --socket @ -ojson --confirm-within 31 %s", document);
	assert_int_equal(weft(line), CLI_OK);
	assert_has(out, "{\n  \"revision\": 8,\n");

	snprintf(line, sizeof(line), "apply --socket @ --if-revision 3 %s", document);
	assert_int_equal(weft(line), CLI_REFUSED);
	assert_has(err, ": revision 7 runs, not 3\n");
	assert_string_equal(out, "");
	fake_weftd_stop();
}

static void test_diff(void **state)
{
	static const struct {
		int status;
		const char *body;
		int exit;
		const char *out, *err;
	} cases[] = {
		{200, "{\"changes\": []}", CLI_OK, "", ""},
		{200, "{\"changes\": " CHANGES "}", CLI_REFUSED, CHANGES_SHOWN, ""},
		{400, PROBLEM, CLI_INVALID, "", "error: adapters[3].vlan.id: 4095 is reserved; use 0-4094\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_weftd_start(
			(const struct fake_answer[]){{"POST /v1/diff", cases[i].status, cases[i].body}, {0}});
		char line[256];
		snprintf(line, sizeof(line), "diff %s --socket @", document);
		assert_int_equal(weft(line), cases[i].exit);
		assert_string_equal(out, cases[i].out);
		assert_string_equal(err, cases[i].err);
		fake_weftd_stop();
	}
}

static void test_revisions(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"POST /v1/confirm", 409, "{\"detail\": \"nothing waits to be confirmed\"}"},
		{"POST /v1/rollback", 200, "{\"revision\": 9, \"changes\": [], \"warnings\": []}"},
		{"POST /v1/rollback?revision=4", 200, "{\"revision\": 9, \"changes\": " CHANGES "}"},
		{"GET /v1/revisions", 200,
		 "[{\"revision\": 9, \"time\": 86400000, \"summary\": \"+1 adapter\", \"current\": false},"
		 " {\"revision\": 10, \"time\": 86461000, \"summary\": \"-1 adapter\", \"current\": true}]"},
		{0},
	});
	assert_int_equal(weft("confirm --socket @"), CLI_REFUSED);
	assert_string_equal(err, "error: nothing waits to be confirmed\n");
	assert_int_equal(weft("rollback --socket @"), CLI_OK);
	assert_int_equal(weft("rollback 4 --socket @"), CLI_OK);
	assert_string_equal(out, CHANGES_SHOWN "revision 9 applied\n");
	assert_int_equal(weft("revisions --socket @"), CLI_OK);
	assert_string_equal(out, "REVISION        TIME                 SUMMARY\n"
				 "       9        1970-01-02 00:00:00  +1 adapter\n"
				 "      10  runs  1970-01-02 00:01:01  -1 adapter\n");
	fake_weftd_stop();
}

#define MOVED(state, changed)                                                                                        \
	"{\"adapter\": \"web\", \"state\": \"" state "\", \"customer-addresses\": [\"10.0.0.5\"], \"to\": "          \
	"\"198.51.100.12\", \"changed\": " changed "}"

static void test_move(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"POST /v1/moves/web/prepare", 200,
		 "{\"revision\": 3, \"changes\": [], \"state\": \"prepared\", \"leads-to\": [\"198.51.100.11\"], "
		 "\"provider-address\": \"198.51.100.12\"}"},
		{"POST /v1/moves/web/activate?to=198.51.100.12", 200, MOVED("active", "2")},
		{"POST /v1/moves/activate?to=198.51.100.12&virtual-subnet-id=5001&mac-address=00%3A15%3A5D%3A00%3A00%3A05",
		 200, MOVED("", "0")},
		{"POST /v1/moves/web/retire", 409, "{\"detail\": \"10.0.0.5 is still here (198.51.100.11)\"}"},
		{"POST /v1/moves/db/retire", 200, "{\"revision\": 3, \"changes\": []}"},
		{"POST /v1/moves/web/cancel", 200, "{\"revision\": 4, \"changes\": " CHANGES "}"},
		{"GET /v1/moves", 200, "{\"adapters\": [" MOVED("moved-away", "0") "]}"},
		{0},
	});
	char line[256];
	snprintf(line, sizeof(line), "move prepare web --from %s --socket @", document);
	assert_int_equal(weft(line), CLI_OK);
	assert_has(
		out,
		"nothing to change (revision 3)\nadapter web is prepared here; its records lead to 198.51.100.11\n");
	assert_has(out, ": weft move activate web --to 198.51.100.12\n");
	assert_string_equal(fake_weftd_last_body(), "{\"host\":{\"name\":\"a\"}}");
	snprintf(line, sizeof(line), "move prepare web --from %s --attach {tap: --socket @", document);
	assert_int_equal(weft(line), CLI_REFUSED);
	assert_has(err, "error: --attach: ");
	assert_int_equal(weft("move activate web --to 198.51.100.12 --socket @"), CLI_OK);
	assert_string_equal(out, "10.0.0.5 leads to 198.51.100.12 from now on\nadapter web is active here\n");
	assert_int_equal(
		weft("move activate --to 198.51.100.12 --virtual-subnet-id 5001 --mac-address 00:15:5D:00:00:05 "
		     "--socket @"),
		CLI_OK);
	assert_string_equal(out, "nothing to change: 10.0.0.5 leads to 198.51.100.12 already\n");
	assert_int_equal(weft("move retire web --socket @"), CLI_REFUSED);
	assert_string_equal(err, "error: 10.0.0.5 is still here (198.51.100.11)\n");
	assert_int_equal(weft("move retire db --socket @"), CLI_OK);
	assert_string_equal(out, "adapter db is not here: nothing to retire\n");
	assert_int_equal(weft("move cancel web --socket @"), CLI_OK);
	assert_has(out, "revision 4 applied\nadapter web is not to come any more\n");
	assert_int_equal(weft("move status --socket @"), CLI_OK);
	assert_has(out, "web         -  -            moved away  10.0.0.5            nowhere\n");
	assert_int_equal(weft("move status db --socket @"), CLI_REFUSED);
	fake_weftd_stop();
}

static void test_get(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"GET /v1/document", 200,
		 "{\"host\": {\"name\": \"node1\"}, \"adapters\": [{\"name\": \"vm1\", \"owner\": \"vm\"}],"
		 " \"routing-domains\": [{\"id\": \"{5001}\", \"name\": \"contoso\"}],"
		 " \"lookup-records\": [{\"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.0.5\"},"
		 " {\"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.0.6\", \"vm-name\": \"b\"}]}"},
		{0},
	});
	assert_int_equal(weft("get --socket @ -o json adapter vm1"), CLI_OK);
	assert_string_equal(out, "{\n  \"name\": \"vm1\",\n  \"owner\": \"vm\"\n}\n");
	assert_int_equal(weft("get --socket @ -o json switches"), CLI_OK);
	assert_string_equal(out, "[]\n");
	assert_int_equal(weft("get --socket @ -o table adapters"), CLI_OK);
	assert_string_equal(out, "NAME  OWNER\nvm1   vm\n");
	assert_int_equal(weft("get --socket @ adapter vm2"), CLI_REFUSED);
	assert_string_equal(err, "error: adapter vm2: not in the document\n");
	assert_int_equal(weft("get --socket @ host"), CLI_OK);
	assert_string_equal(out, "name: node1\n");
	assert_int_equal(weft("get --socket @ routing-domain {5001}"), CLI_OK);
	assert_has(out, "name: contoso\n");
	assert_int_equal(weft("get --socket @ routing-domains contoso"), CLI_OK);
	assert_has(out, "name: contoso\n");
	assert_int_equal(weft("get --socket @ -o table lookup-records"), CLI_OK);
	assert_string_equal(out, "VIRTUAL-SUBNET-ID  CUSTOMER-ADDRESS  VM-NAME\n"
				 "             5001  10.0.0.5          -\n"
				 "             5001  10.0.0.6          b\n");
	fake_weftd_stop();
}

static void test_names_are_escaped(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"GET /v1/status/adapter/wire%3Aa%2Fb%3F%C3%A4", 200, "{\"name\": \"\\u001b[31mred\"}"}, {0}});
	assert_int_equal(weft("status --socket @ adapter wire:a/b?\xc3\xa4"), CLI_OK);
	assert_string_equal(out, "name  ?[31mred\n");
	fake_weftd_stop();
}

static void test_bad_server(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"GET /v1/status", 500, "oops"},
		{"GET /v1/revisions", 200, "{"},
		{"GET /v1/document", 200, "{\"host\": {}}", .cut = 4},
		{0},
	});
	assert_int_equal(weft("status --socket @"), CLI_REFUSED);
	assert_string_equal(err, "error: weftd answered with status 500\n");
	assert_int_equal(weft("revisions --socket @"), CLI_REFUSED);
	assert_has(err, "error: weftd's answer is not JSON");
	assert_int_equal(weft("get --socket @"), CLI_UNREACHABLE);
	assert_has(err, "error: weftd went away while it was asked");
	assert_int_equal(weft("fdb --socket @ nowhere"), CLI_REFUSED);
	assert_string_equal(err, "error: nothing there\n");
	fake_weftd_stop();
}

static void test_explain_follows_the_wire(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"POST /v1/explain", 200,
		 "{\"from\": \"vm1\", \"frame\": \"ARP\", \"steps\": [{\"stage\": \"tx\", \"node\": \"tx\", \"adapter\": "
		 "\"wire:lan\", \"verdict\": \"deliver\", \"text\": \"sent\"}], \"outcome\": \"delivered to wire:lan\"}"},
		{"GET /v1/status", 200,
		 "{\"switches\": [{\"name\": \"x\"}, {\"name\": \"lan\", \"uplink\": \"eth1\"}]}"},
		{0},
	});
	assert_int_equal(weft("explain --socket @ --from vm1 --frame FF:ff --follow @"), CLI_OK);
	assert_has(out, "from vm1: ARP\nSTAGE  NODE  ADAPTER   VERDICT  WHY\ntx     tx    wire:lan  deliver  sent\n"
			"delivered to wire:lan\n\non ");
	assert_string_equal(fake_weftd_last_body(), "{\"from\": \"wire:lan\", \"frame\": \"ffff\"}");
	fake_weftd_stop();
}

static void test_events(void **state)
{
#define EVENT(n)                                                                                                     \
	"{\"number\": " n ", \"time\": 0, \"level\": \"warning\", \"object\": \"adapter vm1\", \"text\": \"x\"}"
	fake_weftd_start((const struct fake_answer[]){
		{"GET /v1/events?after=3", 200, "[" EVENT("4") "]"},
		{"GET /v1/events?after=0&follow=true", 200, EVENT("1") "\nnot json\n" EVENT("2") "\n{\"half"},
		{0},
	});
	assert_int_equal(weft("events --after 3 --socket @"), CLI_OK);
	assert_string_equal(out, "1970-01-01 00:00:00       4  warning  adapter vm1: x\n");
	assert_int_equal(weft("--follow events --socket @"), CLI_OK);
	assert_string_equal(out, "1970-01-01 00:00:00       1  warning  adapter vm1: x\n"
				 "1970-01-01 00:00:00       2  warning  adapter vm1: x\n");
	fake_weftd_stop();
}

static void test_capture_refused_leaves_the_file(void **state)
{
	fake_weftd_start((const struct fake_answer[]){
		{"GET /v1/capture?adapter=vm1&filter=tcp%20port", 400,
		 "{\"detail\": \"syntax error\", \"path\": \"filter\"}"},
		{"GET /v1/capture", 200, "this is no pcapng at all"},
		{0},
	});
	char line[256];
	const char *argv[] = {"weft",	  "capture", "--socket", fake_weftd_socket(), "--filter",
			      "tcp port", "-w",	     document,	 "--adapter",	      "vm1"};
	size_t len;
	free(err);
	FILE *e = open_memstream(&err, &len);
	assert_int_equal(cli_main(10, argv, stdout, e), CLI_REFUSED);
	fclose(e);
	assert_string_equal(err, "error: filter: syntax error\n");
	snprintf(line, sizeof(line), "get --socket @ -o json");
	FILE *f = fopen(document, "r");
	char kept[32] = "";
	assert_non_null(fgets(kept, sizeof(kept), f));
	fclose(f);
	assert_string_equal(kept, "host: {name: a}\n");
	assert_int_equal(weft("capture --socket @ -w -"), CLI_REFUSED);
	assert_string_equal(err, "error: what weftd sent is no pcapng\n");
	assert_string_equal(out, "");
	fake_weftd_stop();
}

/* Section, interface and two packets, fed in pieces of every size: only whole blocks come out. */
static void test_pcapng_blocks(void **state)
{
	static const uint32_t words[] = {
		0x0a0d0d0a, 28, 0x1a2b3c4d, 1,		~0u, ~0u, 28, 1,	  20, 1, 0,  20, /* section, interface */
		6,	    36, 0,	    0,		0,   4,	  4,  0xdddddddd, 36, 6, 36, 0,	 0,
		0,	    4,	4,	    0xdddddddd, 36, /* packets */
	};
	const char *data = (const char *)words;
	for (size_t piece = 1; piece <= sizeof(words); piece++) {
		char *text;
		size_t len;
		struct pcapng_writer w = {.file = open_memstream(&text, &len)};
		size_t end = sizeof(words) - 1; /* the last byte never comes */
		for (size_t at = 0; at < end; at += piece)
			assert_int_equal(pcapng_write(&w, data + at, end - at < piece ? end - at : piece), 0);
		assert_int_equal(w.packets, 1);
		fclose(w.file);
		assert_int_equal(len, sizeof(words) - 36);
		assert_memory_equal(text, words, len);
		free(text);
		pcapng_writer_clear(&w);
	}
	static const uint32_t bad[][7] = {
		{0x0a0d0d0a, 8, 0x1a2b3c4d, 1, 0, 0, 28}, /* shorter than its frame */
		{0x0a0d0d0a, 0xfffffff0, 0x1a2b3c4d, 1, 0, 0, 28}, /* longer than anything */
		{0x0a0d0d0a, 28, 0x4d3c2b1a, 1, 0, 0, 28}, /* another machine's byte order */
		{0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, 0, 24}, /* two lengths */
		{6, 28, 0x1a2b3c4d, 1, 0, 0, 28}, /* no section first */
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text;
		size_t len;
		struct pcapng_writer w = {.file = open_memstream(&text, &len)};
		assert_int_not_equal(pcapng_write(&w, (const char *)bad[i], sizeof(bad[i])), 0);
		fclose(w.file);
		assert_int_equal(len, 0);
		free(text);
		pcapng_writer_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),	      cmocka_unit_test(test_help),
		cmocka_unit_test(test_unreachable),   cmocka_unit_test(test_apply),
		cmocka_unit_test(test_diff),	      cmocka_unit_test(test_revisions),
		cmocka_unit_test(test_get),	      cmocka_unit_test(test_names_are_escaped),
		cmocka_unit_test(test_bad_server),    cmocka_unit_test(test_explain_follows_the_wire),
		cmocka_unit_test(test_events),	      cmocka_unit_test(test_capture_refused_leaves_the_file),
		cmocka_unit_test(test_pcapng_blocks), cmocka_unit_test(test_move),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
