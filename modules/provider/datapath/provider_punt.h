/* SPDX-License-Identifier: Apache-2.0 */
/* What provider_receive hands up; handled in control/receive.c, on the control thread. */
#pragma once

#include <stdint.h>

struct frame;

void provider_on_neighbour(uint16_t adapter, struct frame *f); /* ARP, ND */
void provider_on_icmp(uint16_t adapter, struct frame *f); /* errors, and answers to our echoes */
void provider_on_query(uint16_t adapter, struct frame *f); /* IGMP, MLD */
