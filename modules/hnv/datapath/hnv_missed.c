/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/resolver.h"

const struct hnv_resolver *hnv_resolver;
