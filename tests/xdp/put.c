// put DEVICE foreign|ours: attaches an XDP program and goes away: somebody else's, or ours as a start that was killed leaves it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "xdp/steer.skel.h"

// Passes everything: r0 = XDP_PASS, exit.
static int load_foreign(void)
{
	const struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS }, { .code = BPF_JMP | BPF_EXIT } };
	return bpf_prog_load(BPF_PROG_TYPE_XDP, "somebody", "GPL", code, 2, NULL);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	struct steer_bpf *ours = strcmp(argv[2], "ours") == 0 ? steer_bpf__open_and_load() : NULL;
	int fd = ours ? bpf_program__fd(ours->progs.pnyx_steer) : load_foreign();
	int code = fd < 0 ? fd : bpf_xdp_attach((int)if_nametoindex(argv[1]), fd, 0, NULL);
	if (code != 0)
		fprintf(stderr, "put: %s\n", strerror(-code));
	return code != 0;
}
