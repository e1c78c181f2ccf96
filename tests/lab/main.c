// pnyx-lab: real replicas, their clients and a wire in one process.
#include <rte_eal.h>
#include <rte_memory.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/dpdk/eal.h"
#include "tests/lab/lab.h"

struct lab lab;

static int make_huge(const struct rte_memseg_list *list, const struct rte_memseg *seg, size_t len, void *unused)
{
	(void)list, (void)unused;
	madvise(seg->addr, len, MADV_HUGEPAGE);
	return 0;
}

static void start_eal(char *program)
{
	char memory[] = "--in-memory", none[] = "--no-huge", m[] = "-m", mib[16], pci[] = "--no-pci", conf[] = "--no-shconf",
	     lcores[] = "--lcores", quiet[] = "--log-level=lib.eal:error", telemetry[] = "--no-telemetry", map[64];
	snprintf(mib, sizeof mib, "%u", 256 + 32 * (lab.o.n + lab.o.clients));
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	snprintf(map, sizeof map, "0@(0-%ld)", online - 1);
	if (lab.o.lcores == 2)
		snprintf(map, sizeof map, "0@(0-%ld),1@(0-%ld)", online - 1, online - 1);
	char *argv[] = { program, pci, quiet, telemetry, lcores, map, m, mib, lab.o.is_huge ? memory : none, lab.o.is_huge ? NULL : conf, NULL };
	eal_need(rte_eal_init(lab.o.is_huge ? 9 : 10, argv) >= 0, "EAL does not start");
	if (!lab.o.is_huge)
		rte_memseg_contig_walk(make_huge, NULL);
}

int main(int argc, char **argv)
{
	lab_parse(argc, argv, &lab.o);
	start_eal(argv[0]);
	lab_start();
	lab_begin();
	if (lab_main)
		return lab_main();
	if (lab.o.warmup > 0)
		lab_run(0, lab.o.warmup, 0);
	lab_report_begin();
	lab_run(lab.o.commands, lab.o.seconds, lab.o.virtual_seconds);
	lab_report_end();
	uint64_t ended[] = { lab.ended };
	lab_drain();
	lab.ended = ended[0];
	bool is_fine = lab_report(lab_is_equal());
	lab_end();
	return is_fine ? 0 : 1;
}
