/* SPDX-License-Identifier: Apache-2.0 */
/* net.FAMILY.conf.INTERFACE.KEY of weftd's namespace. */
#pragma once

int sysctl_read(const char *family, const char *ifname, const char *key,
		int fallback); /* "ipv4", "eth0", "forwarding" */
int sysctl_write(const char *family, const char *ifname, const char *key, int value); /* 0 or -errno */
