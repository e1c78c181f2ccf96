// Sleeping in an idle loop: on a socket of the driver, on the port's receive interrupt, or on the clock.
#include "dataplane/wait.h"
#include <dirent.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define NAP_NS 20000
#define SHORT_NS 40000 // a sleep that was not worth its system call and the wait for a processor

// The AF_ drivers have no receive interrupt, but a socket that becomes readable. They do not tell it: it is found by its family.
static int socket_of(int domain)
{
	DIR *folder = opendir("/proc/self/fd");
	int found = -1;
	for (struct dirent *e = folder ? readdir(folder) : NULL; e && found < 0; e = readdir(folder)) {
		int fd = atoi(e->d_name), family = 0;
		socklen_t size = sizeof family;
		if (e->d_name[0] != '.' && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == domain)
			found = fd;
	}
	if (folder)
		closedir(folder);
	return found;
}

void dp_wait_init_nap(struct dp_wait *w)
{
	*w = (struct dp_wait){ .fd = -1, .spin = 1, .nap_ns = NAP_NS };
	prctl(PR_SET_TIMERSLACK, 1000); // nanoseconds: a nap ends when it should
}

void dp_wait_init(struct dp_wait *w, uint16_t port, const char *driver)
{
	dp_wait_init_nap(w);
	w->port = port;
	if (strstr(driver, "af_packet"))
		w->fd = socket_of(AF_PACKET);
	else if (strstr(driver, "af_xdp"))
		w->fd = socket_of(AF_XDP);
	else
		w->fd = rte_eth_dev_rx_intr_ctl_q_get_fd(port, 0);
	// A descriptor without an interrupt to enable (tap) is readable by itself.
	w->is_armed_each_time = w->fd >= 0 && !strstr(driver, "af_") && rte_eth_dev_rx_intr_enable(port, 0) == 0;
}

static void nap(struct dp_wait *w, uint64_t ns)
{
	struct timespec t = { 0, (long)(ns < w->nap_ns ? ns : w->nap_ns) };
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	w->nap_ns = 2 * w->nap_ns < DP_NAP_NS_MAX ? 2 * w->nap_ns : DP_NAP_NS_MAX;
}

static void wait_for_frame(struct dp_wait *w, uint64_t ns)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	struct timespec t = { 0, (long)ns };
	if (w->is_armed_each_time)
		rte_eth_dev_rx_intr_enable(w->port, 0);
	int ready = ppoll(&p, 1, &t, NULL);
	if (w->is_armed_each_time)
		rte_eth_dev_rx_intr_disable(w->port, 0);
	if (ready > 0 && !(p.revents & POLLIN))
		nap(w, ns); // the link is down, say: poll would return at once for ever
	else
		w->nap_ns = NAP_NS;
}

void dp_wait(struct dp_wait *w, uint64_t ns)
{
	if (ns > DP_WAIT_NS_MAX)
		ns = DP_WAIT_NS_MAX;
	uint64_t began = rte_rdtsc();
	if (w->fd >= 0)
		wait_for_frame(w, ns);
	else
		nap(w, ns);
	bool was_short = rte_rdtsc() - began < rte_get_tsc_hz() / (1000000000 / SHORT_NS);
	w->spin = was_short ? (2 * w->spin < DP_SPIN_MAX ? 2 * w->spin : DP_SPIN_MAX) : (w->spin + 1) / 2;
}
