// What one setting alone cannot say: uniqueness, sizes that bind each other, addresses that must
// reach each other.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "client/config/internal.h"

static const config_setting_t *member_setting(const struct loader *l, uint32_t i, const char *name)
{
	config_setting_t *m = config_setting_get_elem(config_lookup(&l->file, "members"), i);
	const config_setting_t *s = config_setting_get_member(m, name);
	return s != NULL ? s : m;
}

static uint32_t ip_word(const uint8_t *ip)
{
	return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
}

static bool is_same_network(const uint8_t *a, const uint8_t *b, uint32_t prefix)
{
	return ((ip_word(a) ^ ip_word(b)) >> (32 - prefix)) == 0;
}

static bool check_pair(struct loader *l, uint32_t i, uint32_t j)
{
	const struct pnyx_config_member *a = &l->result.members[i], *b = &l->result.members[j];
	if (strcmp(a->name, b->name) == 0)
		return fail_at(
		    l, member_setting(l, j, "name"),
		    "two members are named '%s'; right would be a name of its own for each",
		    a->name);
	if (memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0)
		return fail_at(
		    l, member_setting(l, j, "uuid"),
		    "members %s and %s have the same uuid; right would be a new one from uuidgen",
		    a->name, b->name);
	if (memcmp(a->address.ip, b->address.ip, 4) == 0 && a->address.port == b->address.port)
		return fail_at(l, member_setting(l, j, "ip"),
			       "members %s and %s have the same ip and port; right would be "
			       "another ip or port",
			       a->name, b->name);
	if (a->has_mac && b->has_mac && memcmp(a->mac, b->mac, 6) == 0 &&
	    memcmp(a->address.ip, b->address.ip, 4) != 0)
		return fail_at(l, member_setting(l, j, "mac"),
			       "members %s and %s have the same mac; right would be one for each, "
			       "or none (ARP)",
			       a->name, b->name);
	return true;
}

static bool check_member(struct loader *l, uint32_t i)
{
	static const uint8_t zero[16];
	const struct pnyx_config_member *m = &l->result.members[i];
	if (memcmp(m->uuid, zero, sizeof zero) == 0)
		return fail_at(l, member_setting(l, i, "uuid"),
			       "the uuid of %s is all zero; right would be one from uuidgen",
			       m->name);
	if (m->address.ip[0] == 0 || m->address.ip[0] >= 224)
		return fail_at(
		    l, member_setting(l, i, "ip"),
		    "the ip of %s is no unicast address; right would be one such as 10.77.0.1",
		    m->name);
	for (uint32_t j = 0; j < i; j++) {
		if (!check_pair(l, j, i))
			return false;
	}
	return true;
}

static bool check_cluster(struct loader *l)
{
	const struct pnyx_config *c = &l->result;
	if (c->cluster.id == 0)
		return fail_setting(l, "cluster.id",
				    "id is 0; right would be a random 64-bit number other than 0");
	if (c->first_count == 0)
		return fail_setting(l, "members",
				    "all members have join = true; right would be one or more without it, with whom the cluster begins");
	if (c->first_count > PNYX_CONFIG_FIRST_MAX)
		return fail_setting(l, "members", "%u members are without join = true; right would be at most %d, with whom the cluster begins",
				    c->first_count, PNYX_CONFIG_FIRST_MAX);
	if (c->cluster.e == 1 && c->first_count < 5)
		return fail_setting(
		    l, "cluster.e",
		    "e = 1 with %u members; right would be 0, or 5 members and more",
		    c->first_count);
	return true;
}

static bool is_power_of_two(uint32_t x)
{
	return (x & (x - 1)) == 0;
}

// 0 is "not set": the core's own check sees what its default makes of it.
static bool check_sizes(struct loader *l)
{
	const struct pnyx_config_replica *r = &l->result.replica;
	uint64_t in_flight = 2ULL * l->result.first_count * r->cost_max;
	if (!is_power_of_two(r->window))
		return fail_setting(
		    l, "replica.window",
		    "window cannot be %u; right would be a power of two from 128 to 16777216",
		    r->window);
	if (!is_power_of_two(r->keys_max))
		return fail_setting(
		    l, "replica.keys_max",
		    "keys_max cannot be %u; right would be a power of two from 2 to 64",
		    r->keys_max);
	if (r->window != 0 && r->own_max != 0 && r->own_max > r->window - 64)
		return fail_setting(
		    l, "replica.own_max",
		    "own_max = %u with window = %u; right would be at most window - 64 = %u",
		    r->own_max, r->window, r->window - 64);
	if (r->app_capacity != 0 && r->cost_max != 0 && in_flight >= r->app_capacity)
		return fail_setting(
		    l, "replica.cost_max",
		    "cost_max = %u with app_capacity = %llu and %u members; right would be below "
		    "app_capacity / (2 * members)",
		    r->cost_max, (unsigned long long)r->app_capacity, l->result.first_count);
	return true;
}

static bool check_lcores(struct loader *l)
{
	const struct pnyx_config_replica *r = &l->result.replica;
	for (uint32_t i = 0; i < r->lcores_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (r->lcores[i] == r->lcores[j])
				return fail_setting(
				    l, "replica.lcores",
				    "lcore %u is named twice; right would be one agent a core",
				    r->lcores[i]);
		}
	}
	if (r->agents == PNYX_AGENTS_SPLIT && r->lcores_count == 1)
		return fail_setting(
		    l, "replica.lcores",
		    "one lcore with agents = \"split\"; right would be two or more, or \"fused\"");
	if (r->agents == PNYX_AGENTS_FUSED && r->lcores_count > 1)
		return fail_setting(
		    l, "replica.lcores",
		    "%u lcores with agents = \"fused\"; right would be one, or \"split\"",
		    r->lcores_count);
	return true;
}

// Every member must be reachable from the one that this program is (from the first one when it is
// none).
static bool check_routes(struct loader *l)
{
	const struct pnyx_config *c = &l->result;
	const struct pnyx_config_replica *r = &c->replica;
	const struct pnyx_config_member *from =
	    &c->members[c->self < c->members_count ? c->self : 0];
	if (r->has_gateway && !is_same_network(from->address.ip, r->gateway, r->prefix))
		return fail_setting(
		    l, "replica.gateway",
		    "the gateway is outside the network of %s (prefix %u); right would be an "
		    "address inside it",
		    from->name, r->prefix);
	for (uint32_t i = 0; i < c->members_count && !r->has_gateway; i++) {
		const struct pnyx_config_member *m = &c->members[i];
		if (!m->has_mac && !is_same_network(from->address.ip, m->address.ip, r->prefix))
			return fail_at(l, member_setting(l, i, "ip"),
				       "%s is outside the network of %s (prefix %u); right would "
				       "be an ip inside "
				       "it, a gateway or a shorter prefix in replica, or a mac",
				       m->name, from->name, r->prefix);
	}
	return true;
}

static bool check_servers(struct loader *l)
{
	const struct pnyx_config *c = &l->result;
	for (uint32_t i = 0; i < c->client.servers_count; i++) {
		struct pnyx_config_address address;
		const char *text = c->client.servers[i];
		if (!pnyx_config_parse_address(text, PNYX_CONFIG_PORT, &address) &&
		    pnyx_config_member_named(c, text) == c->members_count)
			return fail_setting(
			    l, "client.servers",
			    "server \"%s\" is neither an address nor a member; right would be "
			    "\"IP\", \"IP:PORT\" or the name of a member",
			    text);
	}
	return true;
}

bool check_all(struct loader *l)
{
	for (uint32_t i = 0; i < l->result.members_count; i++) {
		if (!check_member(l, i))
			return false;
	}
	return check_cluster(l) && check_sizes(l) && check_lcores(l) && check_routes(l) &&
	       check_servers(l);
}
