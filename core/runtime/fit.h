/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last stage before a port: frames too long for the adapter are dropped, and what the port cannot do
 * itself (checksums, segmentation) is done here. A frame without offloads costs one comparison.
 */
#pragma once

#include "core/runtime/pipe.h"

void fit_and_send(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n);
