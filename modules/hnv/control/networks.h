/* SPDX-License-Identifier: Apache-2.0 */
/* Provider networks and virtual subnets of the picture. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct err;
struct txn;

struct hnvc_network *hnvc_networks(void); /* first; follow next */
struct hnvc_network *hnvc_network_of(int side, uint8_t index); /* NULL: none */
struct hnvc_network *hnvc_network_find(const char *name); /* NULL: none */
struct hnvc_network *hnvc_network_make(const char *name); /* found or made; NULL: no memory */
struct hnvc_subnet *hnvc_subnets(void);
struct hnvc_subnet *hnvc_subnet_find(const struct hnvc_network *net, uint32_t vsid); /* NULL: none */
struct hnvc_subnet *hnvc_subnet_make(struct hnvc_network *net, uint32_t vsid);
void hnvc_subnet_drop(struct hnvc_subnet *s); /* if nothing needs it any more */
/* The provider address that a virtual subnet's frames are sent from, of a family; NULL: the usual one. */
const struct ip *hnvc_source(const struct hnvc_presence *p, uint32_t vsid, uint8_t family);
bool hnvc_is_own(const struct hnvc_network *net, int side, const struct ip *provider);
int hnvc_networks_prepare(struct txn *t, struct err *e);
void hnvc_networks_commit(void);
void hnvc_networks_abort(void);
void hnvc_networks_retire(void);
void hnvc_networks_fini(void);
void hnvc_inner_mtu_update(struct hnvc_network *net);
