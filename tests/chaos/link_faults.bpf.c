// Loss, corruption, duplication and cuts at the bridge's end of one replica's link, as two tc programs: one a direction.
//
// The replica's own end stays untouched: its driver sees a link that loses and damages frames, as on a bad cable.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "tests/chaos/link_faults.h"

#define COPY_MARK 0x706e7978u // on a duplicate, which passes the same program again
#define IP_AT ETH_HLEN
#define UDP_AT (IP_AT + (int)sizeof(struct iphdr)) // our frames have no IP options
#define PAYLOAD_AT (UDP_AT + (int)sizeof(struct udphdr))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LINK_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct link_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LINK_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct link_counts);
} counts SEC(".maps");

// SplitMix64 of the draw's number: no state to race for.
static __always_inline __u64 draw(const struct link_settings *s, __u64 frame, __u32 nth)
{
	__u64 z = s->seed + (frame * 8 + nth + 1) * 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static __always_inline _Bool happens(__u64 random, __u32 per_mille)
{
	return (random >> 32) % 1000 < per_mille;
}

// True when the frame is IPv4 with UDP in one piece.
static __always_inline _Bool read_ip(struct __sk_buff *skb, struct iphdr *ip)
{
	return skb->protocol == bpf_htons(ETH_P_IP) && bpf_skb_load_bytes(skb, IP_AT, ip, sizeof *ip) == 0 && ip->ihl == 5 &&
	       ip->protocol == IPPROTO_UDP && (ip->frag_off & bpf_htons(0x3fff)) == 0;
}

static __always_inline _Bool is_cut(__u32 cut, enum link_direction direction, _Bool is_ip, const struct iphdr *ip)
{
	if (cut == 0 || !is_ip)
		return cut == LINK_ALL;
	__u32 last = bpf_ntohl(direction == LINK_FROM ? ip->daddr : ip->saddr) & 0xff;
	return cut & (last >= 1 && last <= 7 ? 1u << last : LINK_OTHERS);
}

// Changes two bytes of the UDP payload and the UDP checksum with them: neither the kernel nor a checking port finds the damage,
// only the CRC32C inside. Two bytes are one burst, which a CRC32C finds without exception.
static __always_inline _Bool corrupt(struct __sk_buff *skb, __u64 random)
{
	struct udphdr udp;
	__u16 old, new;
	if (bpf_skb_load_bytes(skb, UDP_AT, &udp, sizeof udp) != 0)
		return 0;
	__u32 words = (bpf_ntohs(udp.len) - (__u32)sizeof udp) / 2;
	if (words == 0 || words > 32768)
		return 0;
	__u32 at = PAYLOAD_AT + 2 * ((__u32)(random >> 32) % words);
	if (bpf_skb_load_bytes(skb, at, &old, 2) != 0)
		return 0;
	new = old ^ (__u16)(random % 0xffff + 1);
	if (bpf_skb_store_bytes(skb, at, &new, 2, 0) != 0)
		return 0;
	return bpf_l4_csum_replace(skb, UDP_AT + 6, old, new, 2 | BPF_F_MARK_MANGLED_0) == 0;
}

static __always_inline int pass(struct __sk_buff *skb, enum link_direction direction)
{
	__u32 key = direction;
	struct link_settings *s = bpf_map_lookup_elem(&settings, &key);
	struct link_counts *c = bpf_map_lookup_elem(&counts, &key);
	struct iphdr ip;
	if (!s || !c)
		return TC_ACT_OK;
	if (skb->mark == COPY_MARK) {
		skb->mark = 0;
		return TC_ACT_OK;
	}
	__u64 number = __sync_fetch_and_add(&c->frames, 1);
	_Bool is_ip = read_ip(skb, &ip);
	if (is_cut(s->cut, direction, is_ip, &ip)) {
		__sync_fetch_and_add(&c->cut, 1);
		return TC_ACT_SHOT;
	}
	if (happens(draw(s, number, 0), s->loss)) {
		__sync_fetch_and_add(&c->lost, 1);
		return TC_ACT_SHOT;
	}
	if (is_ip && happens(draw(s, number, 1), s->corrupt) && corrupt(skb, draw(s, number, 2)))
		__sync_fetch_and_add(&c->corrupted, 1);
	if (happens(draw(s, number, 3), s->duplicate)) {
		skb->mark = COPY_MARK;
		if (bpf_clone_redirect(skb, skb->ifindex, direction == LINK_FROM ? BPF_F_INGRESS : 0) == 0)
			__sync_fetch_and_add(&c->duplicated, 1);
		skb->mark = 0;
	}
	return TC_ACT_OK;
}

SEC("tc")
int from_replica(struct __sk_buff *skb)
{
	return pass(skb, LINK_FROM);
}

SEC("tc")
int to_replica(struct __sk_buff *skb)
{
	return pass(skb, LINK_TO);
}

char terms[] SEC("license") = "Dual BSD/GPL"; // the kernel lends its checksum helpers only under such a word
