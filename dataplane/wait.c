// Sleeping in an idle loop: on a socket of the driver, on the port's receive interrupt, on a bell of the other agent, or on the clock.
#include "dataplane/wait.h"
#include <dirent.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAP_NS 20000
#define DP_NO_PORT UINT16_MAX
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
	*w = (struct dp_wait){ .fd = -1, .bell = -1, .is_blind = true, .port = DP_NO_PORT, .spin = 1, .nap_ns = NAP_NS };
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
	w->is_blind = w->fd < 0;
	// A descriptor without an interrupt to enable (tap) is readable by itself.
	w->is_armed_each_time = w->fd >= 0 && !strstr(driver, "af_") && rte_eth_dev_rx_intr_enable(port, 0) == 0;
}

static void nap(struct dp_wait *w, uint64_t ns)
{
	struct timespec t = { 0, (long)(ns < w->nap_ns ? ns : w->nap_ns) };
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	w->nap_ns = 2 * w->nap_ns < DP_NAP_NS_MAX ? 2 * w->nap_ns : DP_NAP_NS_MAX;
}

void dp_wait_add_inbox(struct dp_wait *w, const struct rte_ring *inbox)
{
	bool has_port = w->port != DP_NO_PORT;
	w->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->inbox = inbox;
	w->is_blind = w->bell < 0 || (has_port && w->fd < 0);
}

// The sleeper says so and looks into the inbox once more, the other agent fills it and looks whether it sleeps: one sees the other.
void dp_wait_wake(struct dp_wait *w)
{
	uint64_t one = 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (w->bell >= 0 && __atomic_load_n(&w->is_asleep, __ATOMIC_RELAXED) && __atomic_exchange_n(&w->is_asleep, false, __ATOMIC_SEQ_CST) &&
	    write(w->bell, &one, sizeof one) < 0)
		return; // it is full: the sleeper wakes all the same
}

static void wait_for_work(struct dp_wait *w, uint64_t ns)
{
	struct pollfd p[2] = { { .fd = w->fd, .events = POLLIN }, { .fd = w->bell, .events = POLLIN } }; // a negative one is left out
	struct timespec t = { 0, (long)ns };
	uint64_t rung;
	if (w->is_armed_each_time)
		rte_eth_dev_rx_intr_enable(w->port, 0);
	__atomic_store_n(&w->is_asleep, true, __ATOMIC_SEQ_CST);
	int ready = w->inbox && !rte_ring_empty(w->inbox) ? 0 : ppoll(p, 2, &t, NULL);
	bool is_rung = !__atomic_exchange_n(&w->is_asleep, false, __ATOMIC_SEQ_CST);
	if (w->is_armed_each_time)
		rte_eth_dev_rx_intr_disable(w->port, 0);
	if (is_rung && read(w->bell, &rung, sizeof rung) < 0)
		return; // it is about to ring: the next sleep is a short one
	if (ready > 0 && p[0].revents != 0 && !(p[0].revents & POLLIN))
		nap(w, ns); // the link is down, say: poll would return at once for ever
	else
		w->nap_ns = NAP_NS;
}

void dp_wait(struct dp_wait *w, uint64_t ns)
{
	uint64_t began = rte_rdtsc();
	if (!w->is_blind)
		wait_for_work(w, ns);
	else
		nap(w, ns);
	bool was_short = rte_rdtsc() - began < rte_get_tsc_hz() / (1000000000 / SHORT_NS);
	w->spin = was_short ? (2 * w->spin < DP_SPIN_MAX ? 2 * w->spin : DP_SPIN_MAX) : (w->spin + 1) / 2;
}
