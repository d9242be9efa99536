/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines to the journal or to stderr, and into the event ring. */
#include "hostd/sink.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "core/control/events.h"

static enum log_level shown = LOG_LEVEL_INFO;
static bool to_journal, coloured;

/* As systemd.exec(5) asks: the variable may be inherited, so it must name the stderr that we have. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

static void journal_write(enum log_level level, const char *object, const char *text)
{
	static const int priorities[] = {
		[LOG_LEVEL_ERROR] = LOG_ERR,
		[LOG_LEVEL_WARNING] = LOG_WARNING,
		[LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_DEBUG] = LOG_DEBUG,
	};
	sd_journal_send("MESSAGE=%s: %s", object, text, "PRIORITY=%i", priorities[level], "WEFT_OBJECT=%s", object,
			NULL);
}

static void stderr_write(enum log_level level, const char *object, const char *text)
{
	static const char *const colours[] = {
		[LOG_LEVEL_ERROR] = "\033[31m",
		[LOG_LEVEL_WARNING] = "\033[33m",
		[LOG_LEVEL_INFO] = "",
		[LOG_LEVEL_DEBUG] = "\033[2m",
	};
	struct timespec now;
	struct tm tm;
	char clock[16];
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now.tv_sec, &tm));
	const char *on = coloured ? colours[level] : "";
	fprintf(stderr, "%s%s %s %s: %s%s\n", on, clock, log_level_name(level), object, text, *on ? "\033[0m" : "");
}

static void sink(enum log_level level, const char *object, const char *text)
{
	if (level <= LOG_LEVEL_INFO)
		events_add(level, object, text);
	if (level > shown)
		return;
	if (to_journal)
		journal_write(level, object, text);
	else
		stderr_write(level, object, text);
}

void sink_open(enum log_level level)
{
	shown = level;
	to_journal = stderr_is_journal();
	coloured = isatty(STDERR_FILENO);
	setvbuf(stderr, NULL, _IOLBF, 1024); /* a line is one write */
	log_set_level(level > LOG_LEVEL_INFO ? level : LOG_LEVEL_INFO);
	log_set_sink(sink);
}
