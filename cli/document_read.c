/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/document_read.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/document.h"
#include "base/file.h"
#include "cli/output.h"

static int read_stdin(size_t max, char **ret_text, size_t *ret_len)
{
	struct str s = {0};
	char buf[65536];
	ssize_t n;
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) != 0) {
		int r = n < 0 ? -errno : (size_t)n > max - s.len ? -EFBIG : 0;
		if (r == -EINTR)
			continue;
		if (r) {
			str_free(&s);
			return r;
		}
		str_add_bytes(&s, buf, (size_t)n);
	}
	*ret_len = s.len;
	*ret_text = cli_take(&s);
	return 0;
}

int document_read(struct cli *c, const char *path, char **ret_text, size_t *ret_len)
{
	bool is_stdin = !strcmp(path, "-");
	int r = is_stdin ? read_stdin(API_TEXT_MAX, ret_text, ret_len)
			 : file_read(path, API_TEXT_MAX, ret_text, ret_len);
	if (r == -EFBIG)
		return cli_refuse(c, "%s: larger than a document may be; %u MiB at most", path, API_TEXT_MAX >> 20);
	if (r)
		return cli_refuse(c, "%s: %s", path, strerror(-r));
	return CLI_OK;
}
