// Making an AF_XDP socket by hand: memory, the two rings that the kernel insists on, one to receive with.
#include "tests/xdp/socket.h"
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAMES 64
#define FRAME 4096

static int bind_to(int fd, unsigned interface)
{
	int ring = FRAMES;
	void *memory = mmap(NULL, FRAMES * FRAME, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct xdp_umem_reg umem = { .addr = (unsigned long)memory, .len = FRAMES * FRAME, .chunk_size = FRAME };
	struct sockaddr_xdp address = { .sxdp_family = AF_XDP, .sxdp_ifindex = interface, .sxdp_flags = XDP_COPY };
	if (memory == MAP_FAILED || setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) != 0)
		return -1;
	const int rings[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING };
	for (unsigned k = 0; k < 3; k++)
		if (setsockopt(fd, SOL_XDP, rings[k], &ring, sizeof ring) != 0)
			return -1;
	return bind(fd, (struct sockaddr *)&address, sizeof address);
}

int xdp_test_socket(const char **why)
{
	*why = "network namespaces are refused";
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	*why = "no veth can be made (iproute2?)";
	if (system("ip link add here type veth peer name there && ip link set here up && ip link set there up") != 0)
		return -1;
	*why = "AF_XDP sockets are refused";
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind_to(fd, if_nametoindex("here")) == 0 ? fd : -1;
}
