/* SPDX-License-Identifier: Apache-2.0 */
/* VLAN tags that the kernel took out of a frame, put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/runtime/test/port_rig.h"
#include "modules/port-wire/datapath/packet_tag.h"

static const uint8_t untagged[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 1, 2, 3, 4};

static void check(const struct tpacket_auxdata *aux, uint16_t tpid, uint16_t tci)
{
	const uint8_t tag[] = {(uint8_t)(tpid >> 8), (uint8_t)tpid, (uint8_t)(tci >> 8), (uint8_t)tci};
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
				   .hdr_len = 54,
				   .csum_start = 34,
				   .csum_offset = 16};
	struct frame *f = port_rig_frame(untagged, sizeof(untagged));
	assert_true(packet_tag_restore(f, aux, &h));
	assert_int_equal(frame_len(f), sizeof(untagged) + 4);
	assert_int_equal(frame_head_len(f), sizeof(untagged) + 4);
	assert_memory_equal(frame_data(f), untagged, 12);
	assert_memory_equal(frame_data(f) + 12, tag, 4);
	assert_memory_equal(frame_data(f) + 16, untagged + 12, sizeof(untagged) - 12);
	assert_int_equal(h.csum_start, 38);
	assert_int_equal(h.hdr_len, 58);
	assert_int_equal(h.csum_offset, 16);
	frame_free(f);
}

static void tag_with_its_own_ethertype(void **state)
{
	check(&(struct tpacket_auxdata){.tp_status = TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID,
					.tp_vlan_tci = 0xe007,
					.tp_vlan_tpid = 0x88a8},
	      0x88a8, 0xe007);
}

static void tag_without_ethertype_is_a_customer_tag(void **state)
{
	check(&(struct tpacket_auxdata){.tp_status = TP_STATUS_VLAN_VALID, .tp_vlan_tci = 5, .tp_vlan_tpid = 0x1234},
	      0x8100, 5);
}

static void priority_tag_counts(void **state)
{
	check(&(struct tpacket_auxdata){.tp_status = TP_STATUS_VLAN_VALID}, 0x8100, 0);
}

static void no_tag_changes_nothing(void **state)
{
	struct tpacket_auxdata aux = {
		.tp_status = TP_STATUS_VLAN_TPID_VALID, .tp_vlan_tci = 5, .tp_vlan_tpid = 0x8100};
	struct virtio_net_hdr h = {.csum_start = 34, .hdr_len = 54}, before = h;
	struct frame *f = port_rig_frame(untagged, sizeof(untagged));
	assert_true(packet_tag_restore(f, &aux, &h));
	assert_int_equal(frame_len(f), sizeof(untagged));
	assert_memory_equal(frame_data(f), untagged, sizeof(untagged));
	assert_memory_equal(&h, &before, sizeof(h));
	frame_free(f);
}

static void offsets_that_mean_nothing_stay(void **state)
{
	struct tpacket_auxdata aux = {.tp_status = TP_STATUS_VLAN_VALID, .tp_vlan_tci = 5};
	struct virtio_net_hdr h = {0}, before = h;
	struct frame *f = port_rig_frame(untagged, sizeof(untagged));
	assert_true(packet_tag_restore(f, &aux, &h));
	assert_memory_equal(&h, &before, sizeof(h));
	frame_free(f);
}

static void runt_never_had_one(void **state)
{
	struct tpacket_auxdata aux = {.tp_status = TP_STATUS_VLAN_VALID, .tp_vlan_tci = 5};
	struct virtio_net_hdr h = {0};
	struct frame *f = port_rig_frame(untagged, 11);
	assert_false(packet_tag_restore(f, &aux, &h));
	assert_int_equal(frame_len(f), 11);
	frame_free(f);
}

static int start(void **state) { return port_rig_start(false); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tag_with_its_own_ethertype),
		cmocka_unit_test(tag_without_ethertype_is_a_customer_tag),
		cmocka_unit_test(priority_tag_counts),
		cmocka_unit_test(no_tag_changes_nothing),
		cmocka_unit_test(offsets_that_mean_nothing_stay),
		cmocka_unit_test(runt_never_had_one),
		cmocka_unit_test(port_rig_nothing_left),
	};
	return cmocka_run_group_tests_name("port-wire tag", tests, start, NULL);
}
