/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

struct pcap *golden_open(const char *name)
{
	char path[512], error[PCAP_ERRBUF_SIZE];
	snprintf(path, sizeof(path), GOLDEN "/%s.pcap", name);
	pcap_t *file = pcap_open_offline(path, error);
	if (!file)
		fail_msg("%s", error);
	return file;
}

uint32_t golden_next(struct pcap *file, uint8_t *to, size_t room)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	if (pcap_next_ex(file, &h, &data) != 1)
		return 0;
	assert_true(h->caplen <= room);
	memcpy(to, data, h->caplen);
	return h->caplen;
}

void golden_close(struct pcap *file) { pcap_close(file); }
