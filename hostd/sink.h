/* SPDX-License-Identifier: Apache-2.0 */
/* Where weftd's log lines go: the journal if stderr is connected to it, else stderr; and the event ring. */
#pragma once

#include "base/log.h"

void sink_open(enum log_level level); /* lines above level are kept as events only, up to info */
