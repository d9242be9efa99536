/* SPDX-License-Identifier: Apache-2.0 */
/* What other modules may know of l2: nothing but its drop reasons and that it forwards by MAC address. */
#pragma once

#include "core/runtime/drop.h"

extern struct drop_reason drop_l2_nobody_else, drop_l2_same_port;
