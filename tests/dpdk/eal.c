// DPDK for a test: EAL without hugepages, and the one function that the core asks of its shell.
#include "tests/dpdk/eal.h"
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include "consensus/base/check.h"

void ep_check_failed(const char *file, int line, const char *claim, uint64_t a, uint64_t b)
{
	fprintf(stderr, "%s:%d: %s (%llu, %llu)\n", file, line, claim, (unsigned long long)a, (unsigned long long)b);
	abort();
}

void eal_need(int holds, const char *why)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", why);
	exit(1);
}

void eal_start(const char *program, const char *vdev)
{
	char name[64], none[] = "--no-huge", memory[] = "-m", mib[] = "256", pci[] = "--no-pci", in[] = "--no-shconf",
		       lcores[] = "--lcores", map[] = "0@(0-1),1@(0-1)", quiet[] = "--log-level=lib.eal:error",
		       telemetry[] = "--no-telemetry", device[128];
	snprintf(name, sizeof name, "%s", program);
	snprintf(device, sizeof device, "%s", vdev ? vdev : "");
	char *argv[] = { name, none, memory, mib, pci, in, lcores, map, quiet, telemetry, vdev ? device : NULL, NULL };
	eal_need(rte_eal_init(vdev ? 11 : 10, argv) >= 0, "EAL does not start");
}
