// The XDP program on a replica's interface: its UDP port and ARP for its address go to its AF_XDP socket, all else to the kernel.
//
// What is for the replica is looked at first: a frame that the core would drop by its header alone, and frames above a client's
// rate, end here, on the processor that received them.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "xdp/steer.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps"); // queue to socket; DPDK's driver knows it by this name

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_settings);
} settings SEC(".maps");

// Rows by processor in an array that can be mapped: the replica's loop reads them without a system call.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_CPUS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct steer_row);
} counts SEC(".maps");

// A client's address to the time when its bucket will be full again.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STEER_SOURCES);
	__type(key, __u32);
	__type(value, __u64);
} sources SEC(".maps");

struct arp_ipv4 {
	__u16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__u16 operation;
	__u8 sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
} __attribute__((packed));

// A token bucket kept as one time: a frame is taken when the bucket would not be more than burst_ns short of full after it. Two
// processors that race for one source let a few frames too many through.
static __always_inline _Bool is_too_fast(const struct steer_settings *s, __u32 source)
{
	if (s->frame_ns == 0)
		return 0;
	__u64 now = bpf_ktime_get_ns(), *full = bpf_map_lookup_elem(&sources, &source);
	if (!full) {
		__u64 first = now + s->frame_ns;
		bpf_map_update_elem(&sources, &source, &first, BPF_ANY);
		return 0;
	}
	__u64 at = (*full > now ? *full : now) + s->frame_ns;
	if (at - now > s->burst_ns)
		return 1;
	*full = at;
	return 0;
}

static __always_inline _Bool is_member(const struct steer_settings *s, __u32 ip, __u32 port)
{
	for (int m = 0; m < STEER_MEMBERS_MAX; m++)
		if (m < (int)s->members_count && s->members[m].ip == ip && s->members[m].port == port)
			return 1;
	return 0;
}

static __always_inline enum steer_verdict judge_header(const struct steer_settings *s, const struct ep_wire_header *h, __u32 ip, __u32 port)
{
	if (h->magic != EP_WIRE_MAGIC)
		return STEER_magic;
	if (h->version != EP_WIRE_VERSION)
		return STEER_version;
	if (h->kind != EP_FRAME_MEMBER && h->kind != EP_FRAME_REQUEST && h->kind != EP_FRAME_ECHO)
		return STEER_kind;
	if (h->cluster != s->cluster && (h->cluster != 0 || h->kind == EP_FRAME_MEMBER)) // 0: a client that asks which it is
		return STEER_cluster;
	_Bool is_from_member = is_member(s, ip, port);
	if (is_from_member != (h->kind == EP_FRAME_MEMBER))
		return STEER_sender;
	return !is_from_member && is_too_fast(s, ip) ? STEER_rate : STEER_data;
}

static __always_inline enum steer_verdict judge_ip(const struct steer_settings *s, void *data, void *end)
{
	struct iphdr *ip = data;
	if ((void *)(ip + 1) > end || ip->daddr != s->ip || ip->protocol != IPPROTO_UDP || ip->ihl < 5 ||
	    (ip->frag_off & bpf_htons(0x3fff)) != 0) // fragments are the kernel's; a replica sends and takes none
		return STEER_kernel;
	__u32 ip_len = ip->ihl * 4u, total = bpf_ntohs(ip->tot_len);
	struct udphdr *udp = data + ip_len;
	if ((void *)(udp + 1) > end || udp->dest != s->port)
		return STEER_kernel;
	__u32 len = bpf_ntohs(udp->len);
	struct ep_wire_header *h = (void *)(udp + 1);
	if ((void *)(h + 1) > end || data + total > end || ip_len + len > total || len < sizeof *udp + sizeof *h ||
	    len > sizeof *udp + s->payload_max)
		return STEER_length;
	return judge_header(s, h, ip->saddr, udp->source);
}

static __always_inline enum steer_verdict judge_arp(const struct steer_settings *s, void *data, void *end)
{
	struct arp_ipv4 *arp = data;
	__u32 target;
	if ((void *)(arp + 1) > end || s->is_shared)
		return STEER_kernel;
	__builtin_memcpy(&target, arp->target_ip, sizeof target);
	return target == s->ip ? STEER_arp : STEER_kernel;
}

static __always_inline enum steer_verdict judge(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u32 zero = 0, queue = ctx->rx_queue_index;
	struct steer_settings *s = bpf_map_lookup_elem(&settings, &zero);
	if (!s || !s->is_set || (void *)(eth + 1) > end)
		return STEER_kernel;
	enum steer_verdict v = eth->h_proto == bpf_htons(ETH_P_IP)  ? judge_ip(s, eth + 1, end) :
			       eth->h_proto == bpf_htons(ETH_P_ARP) ? judge_arp(s, eth + 1, end) :
								      STEER_kernel;
	return (v == STEER_data || v == STEER_arp) && !bpf_map_lookup_elem(&xsks_map, &queue) ? STEER_unserved : v;
}

SEC("xdp")
int pnyx_steer(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id() % STEER_CPUS;
	enum steer_verdict v = judge(ctx);
	struct steer_row *row = bpf_map_lookup_elem(&counts, &cpu);
	if (row)
		row->frames[v & 15]++;
	if (v == STEER_kernel || v == STEER_unserved)
		return XDP_PASS;
	if (v == STEER_data || v == STEER_arp)
		return (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_PASS);
	return XDP_DROP;
}

char terms[] SEC("license") = "Dual BSD/GPL"; // the kernel lends its helpers only under such a word
