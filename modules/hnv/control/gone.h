/* SPDX-License-Identifier: Apache-2.0 */
/* Guests whose adapters have left; workers see them with hnvc_gone_publish. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

void hnvc_gone_add(const struct hnvc_local *l);
void hnvc_gone_publish(void);
void hnvc_gone_tick(void);
void hnvc_gone_forget(void); /* all of them; for the end */
