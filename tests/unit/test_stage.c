// Staging: the requests of one burst share an instance, within its bounds; each is answered, once.
#include "consensus/stage.h"
#include "tests/unit/core.h"

static struct core c;

static void start(uint8_t n, uint32_t batch_max)
{
	struct ep_config config = core_config(n, 0, EP_MODE_AUTO);
	config.batch_max = batch_max;
	core_start_with(&c, &config);
}

// A burst: requests without a tick between them. Cookie = seq.
static void burst(uint32_t first, uint32_t count, const char *key)
{
	for (uint32_t k = first; k < first + count; k++) {
		uint8_t frame[EP_FRAME_MAX_DEFAULT], bytes[KV_BYTES_MAX];
		struct kv_text none = { "", 0 };
		char name[16];
		snprintf(name, sizeof name, key, k);
		struct ep_wire_command head = { .kind = EP_CMD_READ };
		uint32_t len = kv_bytes_begin(bytes, PNYX_KV_GET, 0);
		len = kv_bytes_add(bytes, len, (struct kv_text){ name, (uint32_t)strlen(name) }, none, none);
		head.len = (uint16_t)(sizeof head + len);
		uint32_t used = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, c.host.config.cluster, 1);
		struct ep_msg *msg = ep_wire_append(frame, &used, sizeof frame, EP_C_REQUEST, (uint32_t)sizeof *msg + head.len);
		msg->i = k;
		memcpy(msg + 1, &head, sizeof head);
		memcpy((uint8_t *)(msg + 1) + sizeof head, bytes, len);
		ep_wire_seal(frame, used);
		struct ep_source source = { .member = EP_CLIENT, .addr.port = (uint16_t)(k % 3) };
		host_receive(&c.host, c.now, &source, frame, used);
	}
}

static void end_of_burst(void)
{
	host_tick(&c.host, c.now, 1000);
	host_flush(&c.host);
}

static uint32_t commands_of(uint64_t i)
{
	struct ep_record *rec = core_record(&c, 0, i);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rec);
	return ((const struct ep_wire_payload *)(const void *)ep_payload(c.r, ep_slot_of(c.r, 0, i)))->count;
}

static void test_one_instance(void)
{
	start(3, 16);
	burst(1, 5, "key%u");
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 0); // nothing is submitted, nothing is known
	CU_ASSERT_EQUAL(ep_deadline(c.r), c.r->now);
	end_of_burst();
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 1);
	CU_ASSERT_EQUAL(commands_of(1), 5);
	CU_ASSERT_EQUAL(c.r->counters.submits, 5);
	CU_ASSERT_EQUAL(c.r->counters.batched, 5);
	CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT), 2);
	CU_ASSERT_EQUAL(c.r->own_unexecuted, 1);
	core_preaccept_ok(&c, core_record(&c, 0, 1)->fq, 1, NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_REPLY), 5);
	CU_ASSERT_EQUAL(c.r->counters.executed, 5);
	CU_ASSERT_EQUAL(ep_executed_count(c.r), 1);
	CU_ASSERT_EQUAL(c.r->own_unexecuted, 0);
	CU_ASSERT_EQUAL(c.r->order_done, 0);
	core_end(&c);
}

static void test_alone(void)
{
	start(3, 16);
	burst(1, 1, "key%u");
	end_of_burst();
	CU_ASSERT_EQUAL(commands_of(1), 1);
	CU_ASSERT_EQUAL(c.r->counters.batched, 0);
	core_end(&c);
}

// By number, by bytes, by keys.
static void test_bounds(void)
{
	start(3, 4);
	burst(1, 9, "key%u");
	end_of_burst();
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 3);
	CU_ASSERT_EQUAL(commands_of(1), 4);
	CU_ASSERT_EQUAL(commands_of(3), 1);
	core_end(&c);

	start(3, 64); // 16 keys in one instance
	burst(1, 20, "key%u");
	end_of_burst();
	CU_ASSERT_EQUAL(commands_of(1), 16);
	CU_ASSERT_EQUAL(commands_of(2), 4);
	CU_ASSERT_EQUAL(c.r->counters.unindexed, 0);
	core_end(&c);

	start(3, 64); // one key: only bytes bind
	burst(1, 40, "thekey");
	end_of_burst();
	for (uint64_t i = 1; i <= ep_known(c.r, 0); i++)
		CU_ASSERT(core_record(&c, 0, i)->payload_len <= ep_payload_max(c.host.config.frame_max));
	CU_ASSERT(ep_known(c.r, 0) >= 2);
	core_end(&c);
}

// Member 1 leads an instance that reads the key and is not decided.
static void lead(uint64_t i, const char *key)
{
	uint8_t bytes[KV_BYTES_MAX];
	struct kv_text none = { "", 0 };
	uint32_t len = kv_bytes_begin(bytes, PNYX_KV_GET, 0);
	len = kv_bytes_add(bytes, len, (struct kv_text){ key, (uint32_t)strlen(key) }, none, none);
	struct ep_wire_command command = { .kind = EP_CMD_READ, .len = (uint16_t)(sizeof command + len) };
	struct ep_wire_payload head = { .count = 1, .len = (uint16_t)(sizeof head + command.len) };
	uint8_t *body = core_begin(&c, 1, EP_PREACCEPT, 0, 1, i, 2, 8 + 2 * 24 + head.len);
	memset(body, 0, 8 + 2 * 24);
	ep_store64(body, i);
	memcpy(body + 56, &head, sizeof head);
	memcpy(body + 56 + sizeof head, &command, sizeof command);
	memcpy(body + 56 + sizeof head + sizeof command, bytes, len);
	core_send(&c, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(core_record(&c, 1, i));
}

// A command whose keys nobody else uses does not share an instance with one that may wait for others, nor does one that certainly waits.
static void test_groups(void)
{
	start(3, 16);
	lead(1, "shared");
	for (uint32_t k = 1; k < 7; k += 2) {
		burst(k, 1, "shared");
		burst(k + 1, 1, "key%u");
	}
	end_of_burst();
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 2);
	CU_ASSERT_EQUAL(commands_of(1), 3);
	CU_ASSERT_EQUAL(commands_of(2), 3);
	lead(2, "newer");
	c.now += 100000000; // column 1 has come to a standstill
	burst(7, 1, "shared");
	burst(8, 1, "newer");
	burst(9, 1, "shared");
	end_of_burst();
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 4);
	CU_ASSERT_EQUAL(commands_of(3), 2);
	CU_ASSERT_EQUAL(commands_of(4), 1);
	core_end(&c);
}

// More groups than are filled at a time: the oldest goes first, numbers stay in order, nobody is forgotten.
static void test_many_groups(void)
{
	const char *keys[EP_STAGES + 2] = { "a", "b", "c", "d", "e", "f" };
	start(3, 16);
	for (uint32_t k = 0; k < EP_STAGES + 2; k++)
		lead(k + 1, keys[k]);
	c.now += 100000000;
	for (uint32_t k = 0; k < EP_STAGES + 2; k++)
		burst(k + 1, 1, keys[k]);
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 2); // two have been submitted
	CU_ASSERT_EQUAL(c.r->staged, EP_STAGES);
	burst(EP_STAGES + 3, 1, keys[EP_STAGES + 1]); // the newest takes one more
	end_of_burst();
	CU_ASSERT_EQUAL(ep_known(c.r, 0), EP_STAGES + 2);
	for (uint64_t i = 1; i < EP_STAGES + 2; i++)
		CU_ASSERT_EQUAL(commands_of(i), 1);
	CU_ASSERT_EQUAL(commands_of(EP_STAGES + 2), 2);
	core_end(&c);
}

// OPEN stands alone: its session's id is the instance's.
static void test_open(void)
{
	start(1, 16);
	burst(1, 2, "key%u");
	c.out_len = ep_wire_begin(c.out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, c.host.config.cluster, 1);
	struct ep_wire_command open = { .len = sizeof open, .kind = EP_CMD_OPEN };
	struct ep_msg *msg = ep_wire_append(c.out, &c.out_len, sizeof c.out, EP_C_REQUEST, (uint32_t)(sizeof *msg + sizeof open));
	memcpy(msg + 1, &open, sizeof open);
	ep_wire_seal(c.out, c.out_len);
	struct ep_source source = { .member = EP_CLIENT };
	host_receive(&c.host, c.now, &source, c.out, c.out_len);
	burst(3, 2, "key%u");
	end_of_burst();
	core_wait(&c, 1000000);
	CU_ASSERT_EQUAL(ep_known(c.r, 0), 3);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_REPLY), 5);
	CU_ASSERT_EQUAL(c.r->sessions_count, 1);
	core_end(&c);
}

// A repeat that meets its command in the same burst joins it.
static void test_repeat_in_burst(void)
{
	start(3, 16);
	struct ep_session_id id = { .i = 1, .epoch = 1, .col = 1 };
	uint8_t *body = core_begin(&c, 1, EP_COMMIT, 0, 1, 1, 0, 16 + 24 + 40);
	struct ep_wire_payload head = { .len = 40, .count = 1 };
	struct ep_wire_command open = { .len = 32, .kind = EP_CMD_OPEN };
	ep_store64(body + 8, 1);
	memcpy(body + 40, &head, sizeof head);
	memcpy(body + 48, &open, sizeof open);
	core_send(&c, 1);
	CU_ASSERT_EQUAL_FATAL(c.r->sessions_count, 1);
	struct ep_source source = { .member = EP_CLIENT };
	uint8_t payload[KV_BYTES_MAX], frame[EP_FRAME_MAX_DEFAULT];
	uint32_t len = core_payload(payload, &id, 1, "a", "1") - (uint32_t)sizeof head;
	for (uint64_t cookie = 7; cookie <= 8; cookie++) {
		uint32_t used = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, c.host.config.cluster, 1);
		struct ep_msg *msg = ep_wire_append(frame, &used, sizeof frame, EP_C_REQUEST, (uint32_t)sizeof *msg + len);
		msg->i = cookie;
		memcpy(msg + 1, payload + sizeof head, len);
		ep_wire_seal(frame, used);
		host_receive(&c.host, c.now, &source, frame, used);
	}
	end_of_burst();
	CU_ASSERT_EQUAL(commands_of(1), 1);
	CU_ASSERT_EQUAL(c.r->counters.duplicates, 1);
	core_preaccept_ok(&c, core_record(&c, 0, 1)->fq, 1, (uint64_t[]){ 0, 1, 0 });
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->msg->i, 8); // the newest cookie
	CU_ASSERT_EQUAL(core_count(&c, EP_C_REPLY), 1);
	core_end(&c);
}

// A command that nobody waits for (a replica's own EXPIRE) stands before one of a client: the client gets its own answer.
static void test_nobody_waits(void)
{
	start(3, 16);
	struct ep_wire_command expire = { .len = sizeof expire, .kind = EP_CMD_EXPIRE, .session = { .i = 99, .epoch = 1, .col = 1 } };
	struct ep_request nobody = { 0 };
	CU_ASSERT_EQUAL(ep_stage(c.r, &c.host.effects, &expire, &nobody), EP_ADMIT);
	burst(7, 1, "key%u");
	end_of_burst();
	CU_ASSERT_EQUAL(commands_of(1), 2);
	core_preaccept_ok(&c, core_record(&c, 0, 1)->fq, 1, NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_REPLY), 1);
	const struct said *s = core_said(&c, EP_CLIENT, EP_C_REPLY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->msg->i, 7);
	CU_ASSERT_EQUAL(((const struct ep_wire_reply *)(s->msg + 1))->status, EP_OK); // not the EXPIRE's NO_SESSION
	core_end(&c);
}

// The number of a staged instance was ended by others: what was staged is lost like a message, and the next burst goes on.
static void test_number_taken(void)
{
	start(3, 16);
	burst(1, 3, "key%u");
	uint64_t body[2 + 3] = { 2, 0, 0, 0, 0 };
	memcpy(core_begin(&c, 1, EP_COMMIT, EP_MSG_NOP, 0, 1, 0, sizeof body), body, sizeof body);
	core_send(&c, 1);
	CU_ASSERT_EQUAL(core_count(&c, EP_PREACCEPT), 0);
	CU_ASSERT_FALSE(ep_is_staged(c.r));
	uint32_t free_waits = 0;
	for (uint32_t w = c.r->wait_free; w != EP_NIL; w = ep_wait(c.r, w)->next)
		free_waits++;
	CU_ASSERT_EQUAL(free_waits, c.host.config.own_max * 16);
	burst(4, 2, "key%u");
	end_of_burst();
	CU_ASSERT_EQUAL(commands_of(2), 2);
	core_end(&c);
}

// A batch that was ended as Nop: each command that a client waits for goes again, once.
static void test_nop(void)
{
	start(3, 16);
	burst(1, 5, "key%u");
	end_of_burst();
	uint64_t body[2 + 3] = { 2, 0, 0, 0, 0 };
	memcpy(core_begin(&c, 1, EP_COMMIT, EP_MSG_NOP, 0, 1, 0, sizeof body), body, sizeof body);
	core_send(&c, 1);
	CU_ASSERT_EQUAL(c.r->counters.resubmitted, 5);
	uint64_t top = ep_known(c.r, 0);
	CU_ASSERT(top >= 2);
	uint32_t again = 0;
	for (uint64_t i = 2; i <= top; i++)
		again += commands_of(i);
	CU_ASSERT_EQUAL(again, 5);
	for (uint64_t i = 2; i <= top; i++)
		core_preaccept_ok(&c, core_record(&c, 0, i)->fq, i, NULL);
	CU_ASSERT_EQUAL(core_count(&c, EP_C_REPLY), 5);
	core_end(&c);
}

// Killed between two commands of a payload: the rest runs, the first does not run again.
static void test_kill_inside(void)
{
	start(3, 16);
	uint8_t payload[512];
	uint32_t n = 3, len = sizeof(struct ep_wire_payload);
	struct ep_wire_payload head = { .count = 3 };
	for (uint32_t k = 0; k < 3; k++) { // three OPENs would be malformed; three updates of unknown sessions count as run
		uint8_t one[KV_BYTES_MAX];
		struct ep_session_id id = { .i = 50 + k, .epoch = 1, .col = 1 };
		uint32_t one_len = core_payload(one, &id, 1, "a", "1") - (uint32_t)sizeof head;
		memcpy(payload + len, one + sizeof head, one_len);
		len += one_len;
	}
	head.len = (uint16_t)len;
	memcpy(payload, &head, sizeof head);
	c.r->config.exec_budget = 0;
	uint8_t *body = core_begin(&c, 1, EP_COMMIT, 0, 1, 1, 0, 16 + 8 * n + len);
	ep_store64(body + 8, 1);
	memcpy(body + 16 + 8 * n, payload, len);
	core_send(&c, 1);
	for (uint32_t steps = 0; c.r->order_head == 0 && steps < 100; steps++)
		ep_exec_run(c.r, &c.host.effects, 1);
	CU_ASSERT(ep_order_drain_one(c.r, &c.host.effects));
	CU_ASSERT_EQUAL(ep_word_value(c.r->order_done, 32), 1);
	CU_ASSERT_EQUAL(ep_executing(c.r).i, 1);
	CU_ASSERT_FALSE(ep_is_executed(c.r, 1, 1));
	c.host.config.exec_budget = 16;
	CU_ASSERT_EQUAL(core_restart(&c), EP_ATTACH_OK);
	CU_ASSERT_EQUAL(ep_word_value(c.r->order_done, 32), 1);
	CU_ASSERT(ep_order_drain_one(c.r, &c.host.effects));
	CU_ASSERT(ep_order_drain_one(c.r, &c.host.effects));
	CU_ASSERT_FALSE(ep_order_drain_one(c.r, &c.host.effects));
	CU_ASSERT(ep_is_executed(c.r, 1, 1));
	CU_ASSERT_EQUAL(c.r->order_done, 0);
	c.r->order_done = ep_word_seal(1, 32); // with an empty queue: damaged
	host_kill(&c.host);
	CU_ASSERT_EQUAL(host_attach(&c.host), EP_ATTACH_ORDER);
	core_end(&c);
}

static const struct unit_test tests[] = {
	{ "one instance", test_one_instance }, { "alone", test_alone }, { "bounds", test_bounds }, { "groups", test_groups }, { "many groups", test_many_groups }, { "OPEN", test_open },
	{ "repeat in a burst", test_repeat_in_burst }, { "nobody waits", test_nobody_waits }, { "number taken", test_number_taken }, { "Nop", test_nop },
	{ "kill inside", test_kill_inside },
};
UNIT_MAIN("stage", tests)
