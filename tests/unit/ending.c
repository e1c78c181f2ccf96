// Commits that lead to the end of an epoch.
#include "tests/unit/ending.h"

const struct ep_session_id ending_session = { .i = 1, .epoch = 1, .col = 1 };

// A Commit of any payload, led by `col`.
void ending_commit(struct core *at, uint8_t col, uint64_t i, uint64_t seq, const uint64_t *deps, const uint8_t *payload, uint32_t len)
{
	uint32_t n = at->r->n;
	uint8_t *body = core_begin(at, col == 0 ? 1 : col, EP_COMMIT, 0, col, i, 0, 16 + 8 * n + len);
	ep_store64(body + 8, seq);
	if (deps)
		memcpy(body + 16, deps, 8 * n);
	memcpy(body + 16 + 8 * n, payload, len);
	core_send(at, col == 0 ? 1 : col);
}

static uint32_t wrap(uint8_t *payload, uint32_t len)
{
	struct ep_wire_payload head = { .len = (uint16_t)(sizeof head + len), .count = 1 };
	memcpy(payload, &head, sizeof head);
	return head.len;
}

void ending_reconfig(struct core *at, uint8_t col, uint64_t i, uint64_t seq, const uint64_t *deps, uint8_t members)
{
	uint8_t payload[8 + EP_RECONFIG_MAX];
	ending_commit(at, col, i, seq, deps, payload, wrap(payload, core_reconfig(members, payload + 8)));
}

void ending_update(struct core *at, uint8_t col, uint64_t i, uint64_t seq, const uint64_t *deps, uint64_t number, const char *value)
{
	uint8_t payload[KV_BYTES_MAX];
	ending_commit(at, col, i, seq, deps, payload, core_payload(payload, &ending_session, number, "k", value));
}

// p1 opens a session, and sets k to "v" in it.
void ending_serve(struct core *at)
{
	uint8_t payload[64];
	struct ep_wire_command open = { .len = sizeof open, .kind = EP_CMD_OPEN };
	memcpy(payload + 8, &open, sizeof open);
	ending_commit(at, 1, 1, 1, NULL, payload, wrap(payload, sizeof open));
	ending_update(at, 1, 2, 2, (uint64_t[]){ 0, 1, 0 }, 1, "v");
}
