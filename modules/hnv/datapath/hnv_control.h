/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control messages of NVGRE ([MS-NVGREE]; control/message.h) as workers meet them: recognised and handed up, never
 * acted upon. Nothing here costs a frame that is for an adapter of this host anything.
 */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/datapath/hnv_outer.h"
#include "modules/hnv/tables.h"

/* Types and codes of REDIRECT and UNREACHABLE. */
static inline bool hnv_control_kind(bool ip6, uint8_t type, uint8_t code)
{
	return ip6 ? (type == 137 && code == 1) || (type == 1 && code == 1) : (type == 5 || type == 3) && code == 10;
}

/* f, a tenant's by the wire and for no adapter here: is it a control message? Then it ends, handed up or dropped. */
bool hnv_control_take(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_outer *o);

/* Who sent f, which is not for anybody here, is to be told, if it is a known peer and is not told too often. f stays. */
void hnv_control_tell(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_outer *o);

/* f came in a tunnel, behind `bytes` of outer headers, in a virtual subnet that is not here, or in the VSID for control
 * messages. True: it was one, and ended. False: f is as it was, to be dropped, and its sender is told. */
bool hnv_control_stranger(struct pipe *p, const struct dp_adapter *a, struct frame *f, unsigned bytes, uint32_t vsid);

/* Control thread, in modules/hnv/control: what was handed up, its outer headers in front of it (hnv_outer_read). */
void hnvc_on_control(uint16_t adapter, struct frame *f);
void hnvc_on_stray(uint16_t adapter, struct frame *f);
