/* SPDX-License-Identifier: Apache-2.0 */
/* What `status` says of network virtualization. */
#pragma once

struct api_switch;
typedef struct json_t json_t;

void hnvc_status(json_t *object); /* "routing-domains", "virtual-subnets" */
void hnvc_status_switch(const struct api_switch *sw, json_t *object);
