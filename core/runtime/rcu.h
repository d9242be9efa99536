/* SPDX-License-Identifier: Apache-2.0 */
/* The one quiescent-state variable of the process: workers report to it, the control thread waits on it. */
#pragma once

struct rte_rcu_qsbr;

struct rte_rcu_qsbr *rcu_variable(void); /* lives as long as the process; sized for WORKERS_MAX */
