// The handover: a new epoch's arena starts from the state of a frozen one (protocol.md F.1).
//
// The state is one range of the arena, sessions and application; it does not depend on how many members there are. It is copied into an
// arena that has no magic yet: whoever is killed before that word is stored has no arena of the new epoch, and begins again.
#include <stddef.h>
#include "consensus/arena.h"
#include "consensus/epoch.h"
#include "consensus/hello.h"
#include "consensus/session.h"
#include "consensus/stage.h"

bool ep_handover(const struct ep_replica *r, struct ep_handover *ret)
{
	if (r->closed == 0)
		return false;
	*ret = (struct ep_handover){ .next = ep_epoch_next_list(r), .cluster = r->config.cluster, .bytes = ep_state(r).bytes,
				     .sessions = r->sessions_count, .clock = r->clock };
	return true;
}

struct ep_state ep_state(const struct ep_replica *r)
{
	struct pnyx_app_config app = ep_arena_app(&r->config);
	return (struct ep_state){ ep_at(r, r->at_sessions), r->at_app + pnyx_app_size(&app) - r->at_sessions };
}

enum ep_attach ep_epoch_begin(void *arena, size_t size, const struct ep_config *config, const struct ep_handover *from, struct ep_replica **ret)
{
	if (config->epoch != from->next.epoch || config->cluster != from->cluster || config->chain != from->next.chain)
		return EP_ATTACH_CLUSTER;
	struct ep_replica *r;
	enum ep_attach verdict = ep_arena_make(arena, size, config, &r);
	if (verdict != EP_ATTACH_OK)
		return verdict;
	if (ep_state(r).bytes != from->bytes)
		return EP_ATTACH_SIZES;
	*ret = r;
	return EP_ATTACH_OK;
}

enum ep_attach ep_epoch_finish(struct ep_replica *r, const struct ep_handover *from, bool is_foreign)
{
	struct pnyx_app_config app = ep_arena_app(&r->config);
	r->sessions_count = from->sessions;
	r->clock = from->clock;
	if (!ep_sessions_attach(r))
		return EP_ATTACH_SESSIONS;
	if (is_foreign && !pnyx_app_attach(ep_at(r, r->at_app), &app))
		return EP_ATTACH_APPLICATION;
	ep_arena_publish(r, true); // it waits for SLOW members who hold the state too: they answer its Hello
	return EP_ATTACH_OK;
}

bool ep_all_heard(const struct ep_replica *r)
{
	for (uint32_t m = 0; m < r->n; m++)
		if (m != r->self && r->peers[m].heard == 0)
			return false;
	return true;
}

// ---- looked at from outside --------------------------------------------------------------------------------------------------------
// Whether the header of an arena of `bytes` bytes is one, with every table where its sizes say: links may be followed then.
static bool header_holds(const struct ep_replica *r, size_t bytes)
{
	struct ep_replica expected;
	const size_t from = offsetof(struct ep_replica, at_journal), to = offsetof(struct ep_replica, n); // what lay_out() fills
	if (bytes < sizeof *r || r->magic != EP_ARENA_MAGIC || r->layout != EP_LAYOUT || r->poison != EP_POISON_NONE ||
	    ep_arena_identity(r) != r->identity || ep_config_check(&r->config))
		return false;
	if (ep_arena_lay_out(&expected, &r->config) != r->bytes || r->bytes > bytes)
		return false;
	return memcmp((const uint8_t *)&expected + from, (const uint8_t *)r + from, to - from) == 0 && r->n == r->config.n &&
	       r->window_shift == __builtin_ctz(r->config.window) && r->config_hash == ep_arena_hash_shared(&r->config) &&
	       r->sessions_count <= r->config.sessions_max;
}

// Whether the record that `closed` names is what it was when it was stored.
static bool ending_holds(const struct ep_replica *r)
{
	uint64_t closed = __atomic_load_n(&r->closed, __ATOMIC_ACQUIRE), slot = ep_word_value(closed, 32) - 1;
	const struct ep_journal *journal = ep_at(r, r->at_journal);
	// In an open transaction the word may yet be taken back.
	if (closed == 0 || __atomic_load_n(&journal->len, __ATOMIC_ACQUIRE) != 0 || slot >= (uint64_t)r->n << r->window_shift)
		return false;
	struct ep_record *rec = ep_rec(r, (ep_slot)slot);
	const uint8_t *payload = ep_payload(r, (ep_slot)slot);
	return rec_sealed(rec, r->n, rec->st) == rec->st && ep_slot_of(r, ep_slot_col(r, (ep_slot)slot), rec->i) == slot &&
	       rec->payload_len <= ep_payload_max(r->config.frame_max) &&
	       *ep_payload_check_at(r, (ep_slot)slot, rec->payload_len) == ep_payload_check(r, (ep_slot)slot, rec->i, rec->payload_len) &&
	       ep_wire_check_payload(payload, rec->payload_len) && ep_epoch_attach(r) && ep_epoch_may_follow(&r->config, ep_command_at(payload, 0));
}

bool ep_frozen_look(const void *arena, size_t bytes, struct ep_handover *ret, struct ep_state *state)
{
	const struct ep_replica *r = arena;
	if (!header_holds(r, bytes) || !ending_holds(r))
		return false;
	*state = ep_state(r);
	return ep_handover(r, ret);
}

// ---- on its way -----------------------------------------------------------------------------------------------------------------------
#define STATE_MAGIC 0x65746174735f7870ULL // "px_state"

static uint32_t head_crc(const struct ep_state_head *head)
{
	return ep_crc32c(0, head, offsetof(struct ep_state_head, crc));
}

void ep_state_seal(struct ep_state_head *head, const struct ep_handover *from, uint32_t state_crc)
{
	// Field by field: what pads a structure would go into the check, and an assignment may change it.
	memset(head, 0, sizeof *head);
	head->magic = STATE_MAGIC;
	head->head_bytes = sizeof *head;
	head->state_crc = state_crc;
	struct ep_handover *to = &head->handover;
	to->cluster = from->cluster;
	to->bytes = from->bytes;
	to->sessions = from->sessions;
	to->clock = from->clock;
	to->next.epoch = from->next.epoch;
	to->next.chain = from->next.chain;
	to->next.n = from->next.n;
	to->next.e = from->next.e;
	to->next.mode = from->next.mode;
	memcpy(to->next.members, from->next.members, sizeof to->next.members);
	head->crc = head_crc(head);
}

// A list that RECONFIG could have carried.
static bool list_holds(const struct ep_membership *list)
{
	uint8_t bytes[EP_RECONFIG_MAX];
	if (list->epoch < 2 || list->n < 1 || list->n > EP_MEMBERS_MAX)
		return false;
	uint32_t len = ep_reconfig(list->epoch - 1, list, bytes);
	return ep_wire_check_command(bytes, len);
}

bool ep_state_check(const void *from, size_t len, struct ep_state_head *ret)
{
	struct ep_state_head head;
	if (len < sizeof head)
		return false;
	memcpy(&head, from, sizeof head);
	if (head.magic != STATE_MAGIC || head.head_bytes != sizeof head || head_crc(&head) != head.crc || head.handover.bytes == 0 ||
	    !list_holds(&head.handover.next))
		return false;
	memcpy(ret, &head, sizeof *ret);
	return true;
}
