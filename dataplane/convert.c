// From the configuration file to the core's configuration and the network's.
#include "dataplane/convert.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

bool dp_convert_boot(uint8_t *id)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
	int k = 0;
	for (; f && k < 16; k++) {
		unsigned byte = 0;
		int c = fgetc(f);
		if (c != '-')
			ungetc(c, f);
		if (fscanf(f, "%2x", &byte) != 1)
			break;
		id[k] = (uint8_t)byte;
	}
	if (f)
		fclose(f);
	return k == 16;
}

static void take(uint32_t *field, uint32_t value)
{
	if (value != 0)
		*field = value;
}

static void take_us(ep_time *field, uint32_t value)
{
	if (value != 0)
		*field = value * 1000ULL;
}

bool dp_convert_is_joiner(const struct pnyx_config *c)
{
	return c->self < c->members_count && c->members[c->self].is_joiner;
}

static void put_member(struct ep_member *to, const struct pnyx_config_member *from)
{
	*to = (struct ep_member){ 0 };
	memcpy(to->uuid, from->uuid, 16);
	to->incarnation = from->incarnation;
	memcpy(to->ip, from->address.ip, 4);
	to->port = from->address.port;
	to->control_port = from->control.port;
	memcpy(to->name, from->name, strnlen(from->name, sizeof to->name)); // the rest is zero
}

void dp_convert_core(const struct pnyx_config *from, struct ep_config *c)
{
	const struct pnyx_config_replica *r = &from->replica;
	*c = (struct ep_config){ .n = (uint8_t)from->first_count };
	take(&c->window, r->window);
	ep_config_defaults(c);
	c->cluster = from->cluster.id;
	c->self = dp_convert_is_joiner(from) ? 0 : (uint8_t)from->self;
	c->hello = EP_HELLO_ALWAYS;
	c->e = (uint8_t)from->cluster.e;
	c->hash_seed = from->cluster.hash_seed;
	c->frame_max = from->cluster.frame_max;
	c->seed = from->cluster.id ^ (from->self + 1ULL) << 56;
	for (uint32_t m = 0; m < from->first_count; m++) // they stand first
		put_member(&c->members[m], &from->members[m]);
	if (dp_convert_is_joiner(from))
		put_member(&c->members[0], &from->members[from->self]);
	uint32_t window = c->window;
	take(&window, r->window);
	if (window != c->window) { // what follows from the window, unless it is given too
		c->window = window;
		c->cost_max = 8 * window;
		c->index_keys = 4 * window;
		c->own_max = c->own_max < window - 64 ? c->own_max : window - 64;
		c->app_capacity = ep_config_app_capacity(c->cost_max);
	}
	take(&c->own_max, r->own_max);
	take(&c->sessions_max, r->sessions_max);
	if (r->session_idle_s != 0)
		c->session_idle_ns = r->session_idle_s * 1000000000ULL;
	take(&c->batch_max, r->batch_max);
	take(&c->keys_max, r->keys_max);
	take(&c->index_keys, r->index_keys);
	take(&c->cost_max, r->cost_max);
	take(&c->exec_budget, r->exec_budget);
	if (r->cost_max != 0)
		c->app_capacity = ep_config_app_capacity(c->cost_max);
	if (r->app_capacity != 0)
		c->app_capacity = r->app_capacity;
	take_us(&c->fast_min_ns, r->timers.fast_min_us);
	take_us(&c->resend_min_ns, r->timers.resend_min_us);
	take_us(&c->open_min_ns, r->timers.open_min_us);
	take_us(&c->status_ns, r->timers.status_us);
	take(&c->fast_rtts, r->timers.fast_rtts);
	take(&c->resend_rtts, r->timers.resend_rtts);
	take(&c->open_rtts, r->timers.open_rtts);
}

void dp_convert_net(const struct pnyx_config *from, struct dp_net *net)
{
	const struct pnyx_config_member *self = &from->members[from->self];
	uint32_t prefix = from->replica.prefix;
	*net = (struct dp_net){ .port = self->address.port };
	memcpy(net->ip, self->address.ip, 4);
	net->mask = rte_cpu_to_be_32(prefix == 0 ? 0 : ~0u << (32 - prefix));
	net->has_gateway = from->replica.has_gateway;
	memcpy(net->gateway, from->replica.gateway, 4);
	memcpy(net->gateway_at.ip, from->replica.gateway, 4);
	for (uint32_t m = 0; m < from->members_count; m++) {
		const struct pnyx_config_member *member = &from->members[m];
		struct dp_neighbour *at = &net->neighbours[dp_net_meet(net, member->address.ip, member->address.port)];
		at->is_fixed = at->is_resolved = member->has_mac;
		memcpy(at->mac.addr_bytes, member->mac, 6);
	}
}
