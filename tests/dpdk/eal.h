// DPDK for a test: no hugepages, no files left behind, no privileges.
#pragma once
#include <rte_mempool.h>

// Starts EAL once for the process; exits with a sentence when it cannot. `vdev`: an EAL argument or NULL.
void eal_start(const char *program, const char *vdev);
// Exits with the sentence `why` when `holds` is false: for what is not the test's subject.
void eal_need(int holds, const char *why);
