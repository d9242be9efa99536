/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv-answers/datapath/hnv_asked.h"

#include "modules/hnv/guest.h"
#include "modules/hnv/resolver.h"

DROP(hnv_answers, answer_limit, "answer-limit",
     "the guest asked its subnet (ARP, neighbour discovery, ping, DHCP) more often than one port is answered")
DROP(hnv_answers, no_answer, "no-answer",
     "asked for a customer address that no lookup record of the virtual subnet has; add the record if it should be there")

bool hnv_answer_may(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	if (p->trace || hnv_limit_take(&hnv_port_of(a)->answers, p->now_ms, HNV_ANSWERS_A_SECOND, HNV_ANSWERS_BURST))
		return true;
	pipe_drop(p, a, f, &drop_answer_limit);
	return false;
}

bool hnv_unanswered(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *asked)
{
	const struct hnv_port *port = hnv_port_of(a);
	if (atomic_load_explicit(&port->subnet->l2only, memory_order_relaxed)) {
		PIPE_TRACE(p, a, "note",
			   "no lookup record; virtual subnet %u has l2only records, so all of it is asked",
			   port->subnet->vsid);
		return true;
	}
	if (port->net->forwarding == HNV_FORWARDING_2012) {
		PIPE_TRACE(p, a, "note", "no lookup record; the guests of this host are asked");
		hnv_to_locals(p, a, f);
	} else if (!hnv_missed(p, a, f, port->subnet->vsid, asked)) {
		pipe_drop(p, a, f, &drop_no_answer);
	}
	return false;
}
