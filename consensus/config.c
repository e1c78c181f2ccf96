// Configuration: defaults, checks, and the quorums that follow from n (protocol.md A.2).
#include "consensus/limits.h"
#include "consensus/quorum.h"
#include "consensus/epaxos.h"

// The same for every number of members: the next epoch may have another, and takes the state over as it lies.
uint64_t ep_config_app_capacity(uint64_t cost_max)
{
	return 2ULL * EP_MEMBERS_MAX * cost_max + (1u << 20);
}

void ep_config_defaults(struct ep_config *c)
{
	c->epoch = 1;
	c->frame_max = EP_FRAME_MAX_DEFAULT;
	c->window = 16384;
	c->own_max = 1024;
	c->batch_max = 16;
	c->keys_max = 32;
	c->index_keys = 4 * 16384;
	c->sessions_max = 16384;
	c->session_idle_ns = 3600ULL * 1000000000;
	// Room in flight should not bind before the window does, also while a member is dead and nothing becomes stable: a new small
	// item costs 1 or 2 units once executed, a PUT at most 28 before (key-value store, default frame_max).
	c->cost_max = 8 * c->window;
	c->app_capacity = ep_config_app_capacity(c->cost_max);
	c->fast_min_ns = 20000;
	c->resend_min_ns = 200000;
	c->open_min_ns = 5000000;
	c->status_ns = 1000000;
	c->fast_rtts = 4;
	c->resend_rtts = 8;
	c->open_rtts = 50;
	c->exec_budget = 512;
}

static bool is_power_of_two(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

const char *ep_config_check(const struct ep_config *c)
{
	if (c->n < 1 || c->n > EP_MEMBERS_MAX)
		return "members: a cluster has 1 to 7 of them";
	if (c->self >= c->n)
		return "self: must be the column of a member";
	if (c->e > ep_quorum_f(c->n) || (c->e != 0 && c->e > ep_quorum_e(c->n)))
		return "e: 0 (from the number of members) or a smaller value than that, at least 1";
	if (c->mode > EP_MODE_E || (c->mode == EP_MODE_D && c->n > 3))
		return "mode: designated peers (D) need at most 3 members";
	if (c->epoch == 0)
		return "epoch: starts from 1";
	if (c->frame_max < EP_FRAME_MAX_MIN || c->frame_max > EP_FRAME_MAX_MAX)
		return "frame_max: 1024 to 8972 bytes of UDP payload";
	if (!is_power_of_two(c->window) || c->window < EP_WINDOW_MIN || c->window > EP_WINDOW_MAX)
		return "window: a power of two from 2 to 16777216";
	if (c->own_max < 1 || c->own_max > c->window - ep_window_reserve(c->window))
		return "own_max: from 1 to window - 64 (to half of a window below 128)";
	if (c->batch_max < 1 || c->batch_max > EP_BATCH_MAX)
		return "batch_max: from 1 to 64";
	if (!is_power_of_two(c->keys_max) || c->keys_max < 2 || c->keys_max > EP_KEYS_MAX)
		return "keys_max: a power of two from 2 to 64";
	if (c->index_keys < 16 || c->index_keys > 1u << 28)
		return "index_keys: from 16 to 268435456";
	if (c->sessions_max < 1 || c->sessions_max > 1u << 24)
		return "sessions_max: from 1 to 16777216";
	if (c->session_idle_ns > EP_SESSION_IDLE_MAX)
		return "session_idle_ns: 0 (never) or at most 10^15";
	if (c->app_capacity < 64 || c->app_capacity > 1u << 30)
		return "app_capacity: from 64 to 1073741824 units";
	if (2ULL * c->n * c->cost_max >= c->app_capacity)
		return "app_capacity: must exceed 2 * members * cost_max, the room that commands in flight may need";
	if (c->status_ns == 0 || c->fast_min_ns == 0 || c->resend_min_ns == 0 || c->open_min_ns == 0)
		return "timers: must not be 0";
	if (c->fast_rtts == 0 || c->resend_rtts == 0 || c->open_rtts == 0 || c->exec_budget < 16)
		return "timers: multiples of the round trip must not be 0, exec_budget at least 16";
	if (c->first > (1ULL << 63) - (1ULL << 32)) // numbers on the wire are below 2^63
		return "first: at most 2^63 - 2^32";
	return NULL;
}
