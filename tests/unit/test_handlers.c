// Every message about an instance meets every state of its record: a table of handlers by states (the lesson of protocol.md C.7-10).
// Whatever comes, what is durable only moves forward, a committed value stays, and nobody votes below a ballot that was joined.
#include "tests/unit/core.h"

static struct core c;
static const uint64_t none[7] = { 0 }, far[7] = { 0, 1ull << 40 };

enum state { UNKNOWN, JOINED, VALIDATED, PREACCEPTED, ACCEPTED, ACCEPTED_NOP, COMMITTED, COMMITTED_NOP, RECOVERING, PROPOSING, OWN, OWN_JOINED, STATES };

#define COL_OF(state) ((uint8_t)((state) >= OWN ? 2 : 0)) // the tested replica is p2; others' instances are p0's

static void validate(uint8_t from, uint8_t col, uint64_t bal, const uint64_t *deps, const char *key)
{
	uint8_t payload[KV_BYTES_MAX];
	struct ep_session_id session = { .i = 1001, .epoch = 1, .col = col };
	uint32_t n = c.r->n, len = core_payload(payload, &session, 1, key, "value");
	uint8_t *body = core_begin(&c, from, EP_VALIDATE, 0, col, 1, 0, 16 + 8 * n + len);
	ep_store64(body, bal);
	ep_store64(body + 8, 101);
	memcpy(body + 16, deps, 8u * n);
	memcpy(body + 16 + 8 * n, payload, len);
	core_send(&c, from);
}

static void range(uint8_t from, enum ep_msg_type type, uint8_t col, uint64_t last)
{
	ep_store64(core_begin(&c, from, type, 0, col, 1, 0, 8), last);
	core_send(&c, from);
}

// Ballots of p1 (n = 5): 2, 7, 12; of p2: 3, 8; of p4: 5, 10.
static void set_up(enum state state)
{
	core_start(&c, 5, 2, 0);
	switch (state) {
	case JOINED:
		core_ballot(&c, 1, EP_RECOVER, 0, 1, 7);
		break;
	case VALIDATED:
		core_ballot(&c, 1, EP_RECOVER, 0, 1, 7);
		validate(1, 0, 7, none, "k");
		break;
	case PREACCEPTED:
		core_preaccept(&c, 0, 1, 0, NULL, "k");
		break;
	case ACCEPTED:
		core_value(&c, 1, EP_ACCEPT, 0, 1, 7, NULL, "k");
		break;
	case ACCEPTED_NOP:
		core_value(&c, 1, EP_ACCEPT, 0, 1, 7, NULL, "NOP");
		break;
	case COMMITTED:
		core_value(&c, 0, EP_COMMIT, 0, 1, 0, NULL, "k");
		break;
	case COMMITTED_NOP:
		core_value(&c, 1, EP_COMMIT, 0, 1, 7, NULL, "NOP");
		break;
	case RECOVERING:
	case PROPOSING:
		CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1)); // at its own ballot 3
		host_flush(&c.host);
		if (state == RECOVERING)
			break;
		core_recover_ok(&c, &(struct recovered){ .from = 0, .i = 1, .bal = 3, .dep = none });
		core_recover_ok(&c, &(struct recovered){ .from = 1, .i = 1, .bal = 3, .dep = none });
		break;
	case OWN:
	case OWN_JOINED:
		core_request(&c, EP_CMD_READ, NULL, 1, "k", NULL);
		if (state == OWN_JOINED)
			core_ballot(&c, 1, EP_RECOVER, 2, 1, 7);
		break;
	case UNKNOWN:
	case STATES:
		break;
	}
	core_forget(&c);
}

static void deliver(enum ep_msg_type type, uint8_t col, uint8_t from, uint64_t bal, const uint64_t *deps, const char *key)
{
	switch (type) {
	case EP_PREACCEPT:
		core_preaccept(&c, from, 1, 0, deps, key && strcmp(key, "NOP") != 0 ? key : "k");
		break;
	case EP_PREACCEPT_OK:
		core_preaccept_ok(&c, from, 1, deps);
		break;
	case EP_ACCEPT:
	case EP_COMMIT:
		core_value(&c, from, type, col, 1, bal, deps, key);
		break;
	case EP_RECOVER_OK:
		core_recover_ok(&c, &(struct recovered){ .from = from, .col = col, .i = 1, .bal = bal ? bal : 1, .abal = bal > 2 ? 1 : 0,
							  .phase = key ? EP_ACCEPTED : EP_INITIAL, .dep = deps ? deps : none,
							  .key = key && strcmp(key, "NOP") != 0 ? key : NULL, .is_nop = key && strcmp(key, "NOP") == 0 });
		break;
	case EP_VALIDATE:
		validate(from, col, bal ? bal : 1, deps ? deps : none, "k");
		break;
	case EP_ACCEPT_OK:
	case EP_NACK:
	case EP_RECOVER:
	case EP_VALIDATE_OK:
		core_ballot(&c, from, type, col, 1, bal ? bal : 1);
		break;
	default:
		range(from, type, col, bal > 5 ? 500 : 1);
		break;
	}
}

struct before {
	bool exists, is_committed, is_nop;
	uint64_t bal, abal, dep[7];
	enum ep_phase phase;
};

static struct before look(uint8_t col)
{
	struct ep_peek p = ep_peek(c.r, col, 1);
	struct before b = { .exists = p.exists, .is_committed = p.phase == EP_COMMITTED, .is_nop = p.is_nop, .bal = p.bal, .abal = p.abal, .phase = p.phase };
	memcpy(b.dep, p.dep, sizeof b.dep);
	return b;
}

static void check(const struct before *was, uint8_t col, uint64_t joined)
{
	struct before is = look(col);
	CU_ASSERT(is.exists || !was->exists);
	CU_ASSERT(is.bal >= was->bal && is.abal >= was->abal && is.phase >= was->phase && is.abal <= is.bal);
	if (was->is_committed)
		CU_ASSERT(is.is_committed && is.is_nop == was->is_nop && memcmp(is.dep, was->dep, sizeof is.dep) == 0);
	for (uint32_t k = 0; k < c.said_count; k++) // no vote below what was joined
		if (c.said[k].msg->type == EP_ACCEPT_OK || c.said[k].msg->type == EP_RECOVER_OK)
			CU_ASSERT(c.said[k].bal >= joined);
}

static const enum ep_msg_type types[] = { EP_PREACCEPT, EP_PREACCEPT_OK, EP_ACCEPT, EP_ACCEPT_OK, EP_COMMIT,	   EP_NACK,
					  EP_RECOVER,	EP_RECOVER_OK,	 EP_VALIDATE, EP_VALIDATE_OK, EP_FETCH, EP_PENDING,
					  EP_VOID };

static void test_table(void)
{
	static const struct {
		uint8_t from;
		uint64_t bal;
		const uint64_t *deps;
		const char *key;
	} variants[] = { { 0, 0, NULL, "k" }, { 1, 2, NULL, "k" },  { 1, 7, NULL, "k" },   { 1, 7, NULL, NULL }, { 1, 12, NULL, "NOP" },
			 { 4, 3, NULL, NULL }, { 0, 3, NULL, NULL }, { 4, 10, far, "k" },  { 1, 3, NULL, "k" },	 { 0, 0, far, "NOP" } };
	for (enum state state = UNKNOWN; state < STATES; state++)
		for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
			for (size_t v = 0; v < sizeof variants / sizeof variants[0]; v++) {
				uint8_t col = COL_OF(state);
				set_up(state);
				struct before was = look(col);
				deliver(types[t], col, variants[v].from, variants[v].bal, variants[v].deps, variants[v].key);
				check(&was, col, was.bal);
				was = look(col);
				deliver(types[t], col, variants[v].from, variants[v].bal, variants[v].deps, variants[v].key); // a repeat
				check(&was, col, was.bal);
				core_end(&c);
			}
}

// A payload that is well-formed and that the application refuses: no handler that stores one takes it.
static void refuse(enum state state, enum ep_msg_type type, uint32_t fixed, uint64_t bal)
{
	uint8_t payload[KV_BYTES_MAX];
	struct ep_session_id session = { .i = 1001, .epoch = 1 };
	set_up(state);
	uint32_t len = core_payload(payload, &session, 1, "k", "value");
	payload[sizeof(struct ep_wire_payload) + sizeof(struct ep_wire_command)] = 99; // no such operation
	uint8_t flags = type == EP_RECOVER_OK ? EP_MSG_HAS_PAYLOAD : 0;
	uint8_t *body = core_begin(&c, type == EP_PREACCEPT ? 0 : 1, type, flags, 0, 1, 0, fixed + len);
	ep_store64(body, bal);
	if (type != EP_PREACCEPT)
		ep_store64(body + (type == EP_RECOVER_OK ? 16 : 8), 101);
	memcpy(body + fixed, payload, len);
	uint64_t drops = core_drops(&c, EP_DROP_PAYLOAD) + core_drops(&c, EP_DROP_WINDOW);
	core_send(&c, type == EP_PREACCEPT ? 0 : 1);
	CU_ASSERT_EQUAL(core_drops(&c, EP_DROP_PAYLOAD) + core_drops(&c, EP_DROP_WINDOW), drops + 1);
	struct ep_record *rec = core_record(&c, 0, 1);
	CU_ASSERT(!rec || !rec_has_payload(rec));
	core_end(&c);
}

static void test_refused_payload(void)
{
	refuse(UNKNOWN, EP_PREACCEPT, 8 + 16 * 5, 101);
	refuse(UNKNOWN, EP_ACCEPT, 16 + 8 * 5, 7);
	refuse(UNKNOWN, EP_COMMIT, 16 + 8 * 5, 7);
	refuse(JOINED, EP_VALIDATE, 16 + 8 * 5, 7);
	refuse(RECOVERING, EP_RECOVER_OK, 32 + 16 * 5, 3);
}

// What cannot be recovered is not: recycled, beyond the window, without a ballot left.
static void test_not_recovered(void)
{
	core_start(&c, 5, 2, 0);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 0));
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1000));
	c.r->columns[0].nacked = EP_BALLOT_MAX - 1;
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	host_flush(&c.host);
	CU_ASSERT_EQUAL(c.r->counters.recoveries, 0);
	CU_ASSERT_EQUAL(core_count(&c, EP_RECOVER), 0);
	core_end(&c);
}

// More conflicts from two members than a validation keeps: one that is committed still decides.
static void test_conflicts_beyond_room(void)
{
	core_start(&c, 5, 4, 0);
	CU_ASSERT(ep_recover(c.r, &c.host.effects, 0, 1));
	host_flush(&c.host);
	core_recover_ok(&c, &(struct recovered){ .from = 2, .i = 1, .bal = 5, .phase = EP_PREACCEPTED, .fq = 0, .dep = none, .idep = none, .key = "k" });
	core_recover_ok(&c, &(struct recovered){ .from = 3, .i = 1, .bal = 5, .dep = none });
	for (uint8_t from = 2; from <= 3; from++) {
		struct ep_wire_conflict list[EP_CONFLICTS_MAX];
		for (uint32_t k = 0; k < EP_CONFLICTS_MAX; k++)
			list[k] = (struct ep_wire_conflict){ .i = k + 1, .col = from, .is_committed = from == 3 && k + 1 == EP_CONFLICTS_MAX };
		uint8_t *body = core_begin(&c, from, EP_VALIDATE_OK, 0, 0, 1, 0, 8 + sizeof list);
		ep_store64(body, 5);
		memcpy(body + 8, list, sizeof list);
		core_send(&c, from);
	}
	const struct said *s = core_said(&c, 2, EP_ACCEPT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT(s->msg->flags & EP_MSG_NOP);
	core_end(&c);
}

static const struct unit_test tests[] = { { "every message in every state", test_table }, { "a payload that is refused", test_refused_payload },
					  { "not recovered", test_not_recovered }, { "conflicts beyond room", test_conflicts_beyond_room } };
UNIT_MAIN("handlers", tests)
