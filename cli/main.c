/* SPDX-License-Identifier: Apache-2.0 */
/* weft: the command line of weftd. */
#include <locale.h>
#include <signal.h>

#include <curl/curl.h>

#include "cli/command.h"

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_DFL); /* `weft status | head` ends quietly */
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int result = cli_main(argc, (const char *const *)argv, stdout, stderr);
	curl_global_cleanup();
	return result;
}
