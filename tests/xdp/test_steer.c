// Every verdict of the XDP program, by the kernel's own test run. test_steer --cost: nanoseconds per frame and verdict.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "tests/xdp/socket.h"
#include "xdp/steer.h"
#include "xdp/steer.skel.h"

#define CLUSTER 0x1122334455667788ULL
#define OURS 0x0a4d0001u // 10.77.0.1, members .1 .2 .3
#define CLIENT 0x0a4d00feu
#define REPEAT 1000000

static struct steer_bpf *program;
static int xsk;
static uint8_t frame[2048];
static uint32_t bytes;
static struct ethhdr *eth = (void *)frame;
static struct iphdr *ip = (void *)(frame + 14);
static struct udphdr *udp = (void *)(frame + 34);
static struct ep_wire_header *header = (void *)(frame + 42);

static const char *const names[] = {
#define NAME(name, text) #name,
	STEER_VERDICTS(NAME)
#undef NAME
};

static void set(uint64_t frame_ns, uint64_t burst_frames, bool is_shared)
{
	struct steer_settings s = { .cluster = CLUSTER, .frame_ns = frame_ns, .burst_ns = frame_ns * burst_frames, .is_set = 1,
				    .ip = htonl(OURS), .port = htons(EP_UDP_PORT), .payload_max = 1472, .is_shared = is_shared, .members_count = 3 };
	uint32_t zero = 0;
	for (uint32_t m = 0; m < 3; m++) {
		s.members[m].ip = htonl(OURS + m);
		s.members[m].port = htons(EP_UDP_PORT);
	}
	CU_ASSERT_EQUAL_FATAL(bpf_map_update_elem(bpf_map__fd(program->maps.settings), &zero, &s, BPF_ANY), 0);
}

// A frame that is given to the replica: `payload` bytes behind UDP's header.
static void build(enum ep_frame_kind kind, uint32_t from, uint16_t port, uint32_t payload)
{
	memset(frame, 0, sizeof frame);
	bytes = 42 + payload;
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = 17, .tot_len = htons((uint16_t)(28 + payload)), .saddr = htonl(from), .daddr = htonl(OURS) };
	*udp = (struct udphdr){ .source = htons(port), .dest = htons(EP_UDP_PORT), .len = htons((uint16_t)(8 + payload)) };
	header->magic = EP_WIRE_MAGIC;
	header->version = EP_WIRE_VERSION;
	header->kind = (uint8_t)kind;
	header->cluster = CLUSTER;
}

static void build_arp(uint32_t target)
{
	memset(frame, 0, sizeof frame);
	bytes = 42;
	eth->h_proto = htons(ETH_P_ARP);
	target = htonl(target);
	memcpy(frame + 38, &target, 4);
}

static void count(uint64_t sum[STEER_VERDICTS_COUNT])
{
	memset(sum, 0, STEER_VERDICTS_COUNT * sizeof *sum);
	for (uint32_t cpu = 0; cpu < STEER_CPUS; cpu++) {
		struct steer_row row;
		bpf_map_lookup_elem(bpf_map__fd(program->maps.counts), &cpu, &row);
		for (uint32_t v = 0; v < STEER_VERDICTS_COUNT; v++)
			sum[v] += row.frames[v];
	}
}

// Runs the program on the frame; the verdict that was counted, the mean time in nanoseconds.
static enum steer_verdict run(uint32_t repeat, uint32_t *action, uint32_t *ns)
{
	uint64_t before[STEER_VERDICTS_COUNT], after[STEER_VERDICTS_COUNT];
	uint8_t out[sizeof frame];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = bytes, .data_out = out, .data_size_out = sizeof out, .repeat = (int)repeat);
	count(before);
	CU_ASSERT_EQUAL_FATAL(bpf_prog_test_run_opts(bpf_program__fd(program->progs.pnyx_steer), &opts), 0);
	count(after);
	*action = opts.retval;
	*ns = opts.duration;
	uint32_t verdict = STEER_VERDICTS_COUNT, changed = 0;
	for (uint32_t v = 0; v < STEER_VERDICTS_COUNT; v++)
		if (after[v] != before[v]) {
			CU_ASSERT_EQUAL(after[v] - before[v], repeat);
			verdict = v;
			changed++;
		}
	CU_ASSERT_EQUAL(changed, 1);
	return verdict;
}

static void expect(enum steer_verdict verdict, const char *what)
{
	uint32_t action, ns, wanted = verdict == STEER_data || verdict == STEER_arp ? XDP_REDIRECT : verdict <= STEER_unserved ? XDP_PASS : XDP_DROP;
	enum steer_verdict got = run(1, &action, &ns);
	CU_ASSERT_EQUAL(got, verdict);
	CU_ASSERT_EQUAL(action, wanted);
	if (got != verdict || action != wanted)
		fprintf(stderr, "%s: %s, action %u\n", what, got < STEER_VERDICTS_COUNT ? names[got] : "nothing", action);
}

static void client(void)
{
	build(EP_FRAME_REQUEST, CLIENT, 40000, 200);
}

static void test_replica(void)
{
	set(0, 0, false);
	client();
	expect(STEER_data, "request");
	header->cluster = 0;
	expect(STEER_data, "a client that does not know the cluster");
	build(EP_FRAME_ECHO, CLIENT, 40000, 1472);
	expect(STEER_data, "echo, largest");
	build(EP_FRAME_MEMBER, OURS + 1, EP_UDP_PORT, 64);
	expect(STEER_data, "member, smallest");
	build_arp(OURS);
	expect(STEER_arp, "ARP");
	set(0, 0, true);
	expect(STEER_kernel, "ARP for an address that the kernel has as well");
}

static void test_kernel(void)
{
	set(0, 0, false);
	client();
	eth->h_proto = htons(ETH_P_IPV6);
	expect(STEER_kernel, "IPv6");
	client();
	ip->daddr = htonl(OURS + 1);
	expect(STEER_kernel, "another address");
	client();
	ip->protocol = 6;
	expect(STEER_kernel, "TCP");
	client();
	udp->dest = htons(22);
	expect(STEER_kernel, "another port");
	client();
	ip->frag_off = htons(0x2000);
	expect(STEER_kernel, "first fragment");
	client();
	ip->frag_off = htons(10);
	expect(STEER_kernel, "later fragment");
	client();
	ip->ihl = 4;
	expect(STEER_kernel, "IP header too short");
	client();
	bytes = 30;
	expect(STEER_kernel, "cut inside IP");
	client();
	bytes = 40;
	expect(STEER_kernel, "cut inside UDP");
	build_arp(OURS + 1);
	expect(STEER_kernel, "ARP for another");
	build_arp(OURS);
	bytes = 41;
	expect(STEER_kernel, "ARP cut short");
}

static void test_malformed(void)
{
	set(0, 0, false);
	client();
	bytes = 42 + 63;
	expect(STEER_length, "cut inside our header");
	client();
	bytes -= 1;
	expect(STEER_length, "IP longer than the frame");
	client();
	udp->len = htons(8 + 201);
	expect(STEER_length, "UDP longer than IP");
	client();
	udp->len = htons(8 + 63);
	expect(STEER_length, "UDP shorter than our header");
	build(EP_FRAME_REQUEST, CLIENT, 40000, 1473);
	expect(STEER_length, "above frame_max");
	client();
	ip->ihl = 15; // UDP is read where the options end
	expect(STEER_kernel, "IP options that are payload");
	client();
	header->magic ^= 1;
	expect(STEER_magic, "magic");
	client();
	header->version++;
	expect(STEER_version, "version");
	for (uint32_t kind = 0; kind < 256; kind++) {
		client();
		header->kind = (uint8_t)kind;
		expect(kind == EP_FRAME_MEMBER ? STEER_sender : kind == EP_FRAME_REQUEST || kind == EP_FRAME_ECHO ? STEER_data : STEER_kind, "kind");
	}
	client();
	header->cluster++;
	expect(STEER_cluster, "cluster");
	build(EP_FRAME_MEMBER, OURS + 1, EP_UDP_PORT, 64);
	header->cluster = 0;
	expect(STEER_cluster, "a member without cluster");
	build(EP_FRAME_MEMBER, OURS + 1, EP_UDP_PORT + 1, 64);
	expect(STEER_sender, "a member's address, another port");
	build(EP_FRAME_MEMBER, OURS + 3, EP_UDP_PORT, 64);
	expect(STEER_sender, "no member");
	build(EP_FRAME_REQUEST, OURS + 1, EP_UDP_PORT, 200);
	expect(STEER_sender, "a member as client");
}

static void test_rate(void)
{
	set(1000000000000ULL, 5, false); // one frame in a quarter of an hour, five at once: no clock decides here
	client();
	for (uint32_t k = 0; k < 5; k++)
		expect(STEER_data, "within the burst");
	for (uint32_t k = 0; k < 3; k++)
		expect(STEER_rate, "above it");
	udp->source = htons(40001);
	expect(STEER_rate, "another port of the same address");
	header->magic = 0;
	expect(STEER_magic, "garbage is called garbage");
	build(EP_FRAME_REQUEST, CLIENT + 1, 40000, 200);
	expect(STEER_data, "another client");
	build(EP_FRAME_MEMBER, OURS + 1, EP_UDP_PORT, 64);
	for (uint32_t k = 0; k < 10; k++)
		expect(STEER_data, "members are not limited");
	set(1000000, 1, false);
	build(EP_FRAME_REQUEST, CLIENT + 2, 40000, 200);
	for (uint32_t k = 0; k < 3; k++) {
		expect(STEER_data, "the bucket has filled again");
		usleep(3000);
	}
}

static void test_unserved(void)
{
	uint32_t queue = 0;
	set(0, 0, false);
	CU_ASSERT_EQUAL_FATAL(bpf_map_delete_elem(bpf_map__fd(program->maps.xsks_map), &queue), 0);
	client();
	expect(STEER_unserved, "no socket");
	build_arp(OURS);
	expect(STEER_unserved, "ARP, no socket");
	CU_ASSERT_EQUAL_FATAL(bpf_map_update_elem(bpf_map__fd(program->maps.xsks_map), &queue, &xsk, BPF_ANY), 0);
	expect(STEER_arp, "a socket again");
	struct steer_settings none = { 0 };
	bpf_map_update_elem(bpf_map__fd(program->maps.settings), &queue, &none, BPF_ANY);
	expect(STEER_kernel, "before it is told anything");
}

static void show(const char *what)
{
	uint32_t action, ns;
	run(REPEAT, &action, &ns); // once to warm up
	enum steer_verdict v = run(REPEAT, &action, &ns);
	printf("%-34s %-8s %4u ns %6.1f M frames/s\n", what, names[v], ns, ns > 0 ? 1e3 / ns : 0.0);
}

static void test_cost(void)
{
	set(0, 0, false);
	client();
	show("request, no limit");
	build(EP_FRAME_MEMBER, OURS + 2, EP_UDP_PORT, 200);
	show("member's frame");
	client();
	udp->dest = htons(22);
	show("another port: to the kernel");
	client();
	bytes--;
	show("hostile: bad length");
	client();
	header->magic = 0;
	show("hostile: bad magic");
	client();
	header->cluster++;
	show("hostile: another cluster");
	build(EP_FRAME_MEMBER, CLIENT, EP_UDP_PORT, 200);
	show("hostile: plays a member");
	client();
	set(1, 1000000000, false); // limited, never too fast
	show("request, below its limit");
	set(1000000000000ULL, 1, false);
	client();
	uint32_t action, ns;
	run(1, &action, &ns);
	show("hostile: above its limit");
}

int main(int argc, char **argv)
{
	const char *why;
	uint32_t queue = 0;
	libbpf_set_print(NULL);
	program = geteuid() == 0 ? steer_bpf__open_and_load() : NULL;
	if (!program) {
		puts("loading a BPF program is for root");
		return 77;
	}
	xsk = xdp_test_socket(&why);
	if (xsk < 0 || bpf_map_update_elem(bpf_map__fd(program->maps.xsks_map), &queue, &xsk, BPF_ANY) != 0) {
		puts(xsk < 0 ? why : "the kernel does not put a socket into the map");
		return 77;
	}
	if (argc > 1 && strcmp(argv[1], "--cost") == 0) {
		const struct unit_test cost[] = { { "nanoseconds per frame", test_cost } };
		return unit_run("steer", cost, 1, NULL);
	}
	const struct unit_test tests[] = { { "what is for the replica", test_replica },
					   { "what is for the kernel", test_kernel },
					   { "what is dropped", test_malformed },
					   { "a source that is too fast", test_rate },
					   { "no socket, no settings", test_unserved } };
	int code = unit_run("steer", tests, sizeof tests / sizeof tests[0], argc > 1 ? argv[1] : NULL);
	steer_bpf__destroy(program);
	return code;
}
