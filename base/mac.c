/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of Ethernet addresses. */
#include "base/mac.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int mac_parse(const char *text, struct mac *ret_mac)
{
	size_t len = strlen(text);
	char separator = len == 17 ? text[2] : '\0';
	struct mac mac;

	if (len != 12 && (len != 17 || (separator != ':' && separator != '-')))
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		int high = str_hex_digit(text[0]), low = high < 0 ? -1 : str_hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		mac.byte[i] = (uint8_t)(high << 4 | low);
		text += 2;
		if (separator && i < 5 && *text++ != separator)
			return -EINVAL;
	}
	*ret_mac = mac;
	return 0;
}

const char *mac_format(const struct mac *mac, char buf[static MAC_TEXT_SIZE])
{
	const uint8_t *b = mac->byte;

	snprintf(buf, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return buf;
}
