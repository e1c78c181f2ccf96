// Keys of a payload: application keys, the key of each session, and the key of the table of sessions (protocol.md D.5).
//
// Interference is defined over 64-bit hashes with the cluster's seed, the same at every member: a collision
// is a false dependency that everybody sees alike.
#include "consensus/keys.h"
#include "consensus/epoch.h"

#define SEED_APP 0x6b65790000000001ULL
#define SEED_SESSION 0x6b65790000000002ULL
#define SEED_SESSIONS 0x6b65790000000003ULL

uint64_t ep_key_seed(const struct ep_config *config)
{
	return config->hash_seed ^ SEED_APP;
}

uint64_t ep_session_hash(const struct ep_config *config, const struct ep_session_id *id)
{
	return ep_hash64(config->hash_seed ^ SEED_SESSION, id, sizeof *id);
}

static inline void add(struct ep_keys *keys, uint64_t hash, bool is_write, bool is_app)
{
	for (uint32_t k = 0; k < keys->count; k++)
		if (keys->key[k].hash == hash) {
			keys->key[k].is_write |= is_write;
			return;
		}
	if (keys->count == EP_KEYS_MAX) {
		keys->is_barrier = true;
		return;
	}
	keys->key[keys->count++] = (struct ep_key){ .hash = hash, .is_write = is_write, .is_app = is_app };
}

static inline bool add_application(const struct ep_config *config, const struct ep_wire_command *c, struct ep_keys *keys)
{
	struct pnyx_intent intent;
	if (pnyx_app_inspect(ep_command_bytes(c), ep_command_len(c), ep_result_max(config->frame_max), &intent) != PNYX_FINE)
		return false;
	if (c->kind == EP_CMD_READ && !intent.is_read)
		return false;
	for (uint32_t k = 0; k < intent.keys_count; k++)
		add(keys, ep_hash64(ep_key_seed(config), intent.keys[k].data, intent.keys[k].len),
		    intent.keys[k].is_write && c->kind == EP_CMD_UPDATE, true);
	if (c->kind == EP_CMD_UPDATE) {
		keys->cost += intent.cost;
		keys->growth += intent.growth;
	}
	return true;
}

static inline bool add_command(const struct ep_config *config, uint32_t col, uint64_t i, const struct ep_wire_command *command,
			struct ep_keys *keys)
{
	switch ((enum ep_command_kind)command->kind) {
	case EP_CMD_UPDATE:
		if (!add_application(config, command, keys))
			return false;
		add(keys, ep_session_hash(config, &command->session), true, false);
		break;
	case EP_CMD_READ:
		return add_application(config, command, keys);
	case EP_CMD_OPEN: {
		struct ep_session_id id = { .i = i, .epoch = config->epoch, .col = (uint8_t)col };
		add(keys, ep_session_hash(config, &id), true, false);
		add(keys, ep_mix64(config->hash_seed ^ SEED_SESSIONS), true, false);
		break;
	}
	case EP_CMD_EXPIRE:
		add(keys, ep_session_hash(config, &command->session), true, false);
		add(keys, ep_mix64(config->hash_seed ^ SEED_SESSIONS), true, false);
		break;
	case EP_CMD_RECONFIG:
		if (!ep_epoch_may_follow(config, command))
			return false;
		keys->is_barrier = true;
		break;
	}
	return true;
}

static void clear(struct ep_keys *keys)
{
	keys->count = keys->cost = keys->growth = 0;
	keys->is_barrier = false;
}

bool ep_keys_of_command(const struct ep_config *config, uint32_t col, uint64_t i, const struct ep_wire_command *command,
			struct ep_keys *keys)
{
	clear(keys);
	return add_command(config, col, i, command, keys);
}

bool ep_keys_collect(const struct ep_config *config, uint32_t col, uint64_t i, const uint8_t *payload, struct ep_keys *keys)
{
	const struct ep_wire_payload *head = (const void *)payload;
	uint32_t offset = sizeof *head;
	clear(keys);
	for (uint32_t c = 0; c < head->count; c++)
		if (!add_command(config, col, i, ep_command_next(payload, &offset), keys))
			return false;
	return true;
}

void ep_keys_join(struct ep_keys *a, const struct ep_keys *b)
{
	for (uint32_t k = 0; k < b->count; k++)
		add(a, b->key[k].hash, b->key[k].is_write, b->key[k].is_app);
	a->cost += b->cost;
	a->growth += b->growth;
	a->is_barrier |= b->is_barrier;
}

bool ep_keys_meet(const struct ep_keys *a, const struct ep_keys *b)
{
	if (a->is_barrier || b->is_barrier)
		return true;
	for (uint32_t x = 0; x < a->count; x++)
		for (uint32_t y = 0; y < b->count; y++)
			if (a->key[x].hash == b->key[y].hash && (a->key[x].is_write || b->key[y].is_write))
				return true;
	return false;
}

bool ep_interfere(const struct ep_config *config, const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
	struct ep_keys x, y;
	if (!ep_wire_check_payload(a, a_len) || !ep_wire_check_payload(b, b_len))
		return false;
	return ep_keys_collect(config, 0, 0, a, &x) && ep_keys_collect(config, 0, 0, b, &y) && ep_keys_meet(&x, &y);
}
