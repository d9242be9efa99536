/* SPDX-License-Identifier: Apache-2.0 */
/* What a resolver has answered, until it is asked anew: a record, or that there is none. Control thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

/* For so many seconds from now on; workers see it if it is "none". Without memory it is not known. */
void known_set(uint8_t network, uint32_t vsid, const struct ip *customer, bool found, uint32_t for_s);
/* Answered within the last `ms`? */
bool known_lately(uint8_t network, uint32_t vsid, const struct ip *customer, uint32_t ms);
/* What is over is forgotten; `gone` gets the keys of the records among it. */
void known_expire(void (*gone)(uint8_t network, uint32_t vsid, const struct ip *customer));
void known_forget_none(void); /* another resolver may know more */
void known_forget_all(void);
