/* SPDX-License-Identifier: Apache-2.0 */
/* The driver counts rings that are told twice, and looks for them, and for their memory, beyond its tables. */
#include "modules/port-wire/control/memif_judge.h"

#include <stddef.h>

static const char *judge_region(struct memif_progress *p, const struct memif_message *m, bool with_fd,
				uint64_t file_size)
{
	if (!with_fd)
		return "Missing region fd";
	if (m->region.index != p->regions || p->regions == MEMIF_REGIONS_MAX)
		return "Invalid region index";
	if (!m->region.size || m->region.size > file_size)
		return "Region larger than its file";
	p->region_size[p->regions++] = m->region.size;
	return NULL;
}

static const char *judge_ring(struct memif_progress *p, const struct memif_message *m, bool with_fd)
{
	bool c2s = m->ring.flags & MEMIF_RING_C2S;
	if (!with_fd)
		return "Missing interrupt fd";
	if (m->ring.index >= MEMIF_RINGS || p->ring[c2s][m->ring.index])
		return "Invalid ring index";
	if (m->ring.log2_ring_size > MEMIF_LOG2_RING_MAX)
		return "Ring too long";
	if (m->ring.region >= p->regions)
		return "Invalid region index";
	uint64_t end =
		(uint64_t)m->ring.offset + MEMIF_RING_HEADER + ((uint64_t)MEMIF_DESCRIPTOR << m->ring.log2_ring_size);
	if (end > p->region_size[m->ring.region])
		return "Ring outside of its region";
	p->ring[c2s][m->ring.index] = true;
	return NULL;
}

const char *memif_judge_client(struct memif_progress *p, const struct memif_message *m, bool with_fd,
			       uint64_t file_size)
{
	if (p->connected)
		return "Unexpected message";
	switch (m->type) {
	case MEMIF_ADD_REGION:
		return judge_region(p, m, with_fd, file_size);
	case MEMIF_ADD_RING:
		return judge_ring(p, m, with_fd);
	case MEMIF_CONNECT:
		for (unsigned i = 0; i < MEMIF_RINGS; i++)
			if (!p->ring[0][i] || !p->ring[1][i])
				return "Missing ring";
		p->connected = true;
		return NULL;
	default:
		return "Unexpected message";
	}
}

const char *memif_judge_server(struct memif_progress *p, const struct memif_message *m)
{
	if (p->connected || p->greeted != (m->type != MEMIF_HELLO))
		return "Unexpected message";
	switch (m->type) {
	case MEMIF_HELLO:
		p->greeted = true;
		return NULL;
	case MEMIF_ACK:
		return NULL;
	case MEMIF_CONNECTED:
		p->connected = true;
		return NULL;
	default:
		return "Unexpected message";
	}
}
