/* SPDX-License-Identifier: Apache-2.0 */
/* weftd's command line, read without printing anything. */
#include "hostd/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/err.h"

#define SOCKET_DEFAULT "/run/weft/weftd.sock"
#define STATE_DEFAULT "/var/lib/weft"

const char options_help[] =
	"usage: weftd [OPTION...]\n"
	"\n"
	"The switch of this host. Runs in the foreground; `weft` talks to it over its socket.\n"
	"\n"
	"  --socket PATH           where clients reach it (default $WEFT_SOCKET, else " SOCKET_DEFAULT ")\n"
	"  --state DIR             revisions of the document and what must survive (default " STATE_DEFAULT ")\n"
	"  --worker-cores 1,2-3    one packet worker on each of these cores (default: one, on any)\n"
	"  --memory MIB            memory for frames (default 96)\n"
	"  --hugepages auto|never  use 2 MiB pages when enough are free (default auto)\n"
	"  --log-level LEVEL       error, warning, info or debug (default info)\n"
	"  --restore               leave the host as without weft: interfaces as they were, no taps; weftd must not run\n"
	"  --help, --version\n";

enum {
	OPT_SOCKET = 256,
	OPT_STATE,
	OPT_CORES,
	OPT_MEMORY,
	OPT_HUGEPAGES,
	OPT_LOG,
	OPT_GUARD,
	OPT_RESTORE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"state", required_argument, NULL, OPT_STATE},
	{"worker-cores", required_argument, NULL, OPT_CORES},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"hugepages", required_argument, NULL, OPT_HUGEPAGES},
	{"log-level", required_argument, NULL, OPT_LOG},
	{"guard", required_argument, NULL, OPT_GUARD},
	{"restore", no_argument, NULL, OPT_RESTORE},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

/* A decimal number at *at that is at most max; moves *at behind it. */
static bool number_take(const char **at, unsigned max, unsigned *ret)
{
	unsigned n = 0;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++) {
		unsigned digit = (unsigned)(**at - '0');
		if (n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return true;
}

static int core_add(struct options *o, unsigned core, const cpu_set_t *allowed, struct err *e)
{
	if (core >= CPU_SETSIZE || !CPU_ISSET(core, allowed))
		return err_set(e, EINVAL, "--worker-cores",
			       "core %u is not one that weftd may run on; see `taskset -p $$`", core);
	for (unsigned i = 0; i < o->n_cores; i++)
		if (o->cores[i] == core)
			return err_set(e, EINVAL, "--worker-cores", "core %u stands there twice", core);
	if (o->n_cores == WORKERS_MAX)
		return err_set(e, EINVAL, "--worker-cores", "more than %d workers", WORKERS_MAX);
	o->cores[o->n_cores++] = core;
	return 0;
}

/* "1,2-3" */
static int cores_parse(struct options *o, const char *text, struct err *e)
{
	cpu_set_t allowed;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return err_set(e, errno, "--worker-cores", "the cores of this machine cannot be read: %m");
	o->n_cores = 0;
	for (const char *at = text;; at++) {
		unsigned first, last;
		if (!number_take(&at, CPU_SETSIZE, &first))
			break;
		last = first;
		if (*at == '-' && (at++, !number_take(&at, CPU_SETSIZE, &last) || last < first))
			break;
		for (unsigned core = first; core <= last; core++) {
			int r = core_add(o, core, &allowed, e);
			if (r < 0)
				return r;
		}
		if (!*at)
			return 0;
		if (*at != ',')
			break;
	}
	return err_set(e, EINVAL, "--worker-cores", "\"%s\" is no list of cores; write it as 1,2 or 1-3", text);
}

static int memory_parse(struct options *o, const char *text, struct err *e)
{
	unsigned mib;
	const char *at = text;
	if (!number_take(&at, EAL_MEMORY_MAX_MIB, &mib) || *at || mib < EAL_MEMORY_MIN_MIB)
		return err_set(e, EINVAL, "--memory", "\"%s\" is not possible; use %u-%u (MiB)", text,
			       EAL_MEMORY_MIN_MIB, EAL_MEMORY_MAX_MIB);
	o->eal.memory_mib = mib;
	return 0;
}

static int hugepages_parse(struct options *o, const char *text, struct err *e)
{
	if (!strcmp(text, "auto"))
		o->eal.hugepages = EAL_HUGEPAGES_AUTO;
	else if (!strcmp(text, "never"))
		o->eal.hugepages = EAL_HUGEPAGES_NEVER;
	else
		return err_set(e, EINVAL, "--hugepages", "\"%s\" is neither auto nor never", text);
	return 0;
}

static int path_check(const char *option, const char *path, size_t max, struct err *e)
{
	if (!*path)
		return err_set(e, EINVAL, option, "the path is empty");
	if (strlen(path) > max)
		return err_set(e, EINVAL, option, "the path is longer than %zu bytes", max);
	return 0;
}

static int option_take(struct options *o, int option, const char *value, struct err *e)
{
	switch (option) {
	case OPT_SOCKET:
		o->socket = value;
		return path_check("--socket", value, sizeof(((struct sockaddr_un *)0)->sun_path) - 1, e);
	case OPT_GUARD:
		o->mode = OPTIONS_GUARD;
		o->state = value;
		return path_check("--guard", value, 2048, e);
	case OPT_STATE:
		o->state = value;
		return path_check("--state", value, 2048, e);
	case OPT_CORES:
		return cores_parse(o, value, e);
	case OPT_MEMORY:
		return memory_parse(o, value, e);
	case OPT_HUGEPAGES:
		return hugepages_parse(o, value, e);
	case OPT_LOG:
		if (log_level_parse(value, &o->log_level) < 0)
			return err_set(e, EINVAL, "--log-level", "\"%s\" is not one of error, warning, info, debug",
				       value);
		return 0;
	case OPT_RESTORE:
		o->mode = OPTIONS_RESTORE;
		return 0;
	case OPT_HELP:
		o->mode = OPTIONS_HELP;
		return 0;
	default:
		o->mode = OPTIONS_VERSION;
		return 0;
	}
}

int options_parse(int argc, char **argv, struct options *ret, struct err *e)
{
	const char *socket = getenv("WEFT_SOCKET");
	struct options o = {.socket = socket && *socket ? socket : SOCKET_DEFAULT,
			    .state = STATE_DEFAULT,
			    .eal = {.memory_mib = EAL_MEMORY_DEFAULT_MIB},
			    .log_level = LOG_LEVEL_INFO};
	int option;
	opterr = 0;
	optind = 0; /* a test parses more than once */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		const char *seen = argv[optind - 1];
		if (option == ':')
			return err_set(e, EINVAL, NULL, "%s needs a value; see weftd --help", seen);
		if (option == '?')
			return err_set(e, EINVAL, NULL,
				       "%s is no option of weftd, or not unique, or takes no value; see weftd --help",
				       seen);
		int r = option_take(&o, option, optarg, e);
		if (r < 0)
			return r;
		if (o.mode == OPTIONS_HELP || o.mode == OPTIONS_VERSION)
			break;
	}
	if (optind < argc && o.mode != OPTIONS_HELP && o.mode != OPTIONS_VERSION)
		return err_set(e, EINVAL, NULL, "\"%s\" is too much: weftd takes options only; see weftd --help",
			       argv[optind]);
	*ret = o;
	return 0;
}
