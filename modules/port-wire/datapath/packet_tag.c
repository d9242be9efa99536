/* SPDX-License-Identifier: Apache-2.0 */
/* A received frame gets its VLAN tag back. */
#include "modules/port-wire/datapath/packet_tag.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#define ADDRESSES (2 * RTE_ETHER_ADDR_LEN)
#define TAG 4

bool packet_tag_restore(struct frame *f, const struct tpacket_auxdata *aux, struct virtio_net_hdr *h)
{
	/* Kernels before 3.x told of a tag by a value that is not 0; VALID tells of priority-tagged frames too. */
	if (!(aux->tp_status & TP_STATUS_VLAN_VALID))
		return true;
	if (f->m.data_len < ADDRESSES)
		return false;
	uint8_t *data = (uint8_t *)rte_pktmbuf_prepend(&f->m, TAG);
	if (!data)
		return false;
	uint16_t tpid = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : RTE_ETHER_TYPE_VLAN;
	uint16_t tag[] = {rte_cpu_to_be_16(tpid), rte_cpu_to_be_16(aux->tp_vlan_tci)};
	memmove(data, data + TAG, ADDRESSES);
	memcpy(data + ADDRESSES, tag, sizeof(tag));

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		h->csum_start += TAG;
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		h->hdr_len += TAG;
	return true;
}
