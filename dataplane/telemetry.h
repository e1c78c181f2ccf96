// The replica's counters by DPDK's telemetry: dpdk-telemetry.py shows /pnyx/...
#pragma once
#include "mailbox/mailbox.h"

// Registers the commands. They look at what the mailbox's replica side publishes, from a thread of DPDK's, and change nothing.
void dp_telemetry_start(const struct mb_end *);
