// The garbage is garbage: a real core counts exactly the predicted drop for each frame, answers none and keeps its state.
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "consensus/epaxos.h"
#include "tests/spray/frames.h"

#define FRAMES 200000
#define MEMBERS 3

static struct ep_config config;
static struct ep_replica *replica;
static struct ep_frame out[4 * EP_STEP_FRAMES_MAX];
static struct ep_effects effects = {.frames = out, .count = 4 * EP_STEP_FRAMES_MAX};

static int make_replica(void)
{
	ep_config_defaults(&config);
	config.cluster = 0x1234;
	config.epoch = 1;
	config.n = MEMBERS;
	config.window = 1024;
	config.own_max = 256;
	config.sessions_max = 64;
	config.index_keys = 4096;
	config.app_capacity = 1 << 20;
	for (uint8_t m = 0; m < MEMBERS; m++) {
		config.members[m].uuid[0] = (uint8_t)(m + 1);
		config.members[m].incarnation = 1;
		memcpy(config.members[m].ip, (uint8_t[]){10, 0, 0, (uint8_t)(m + 1)}, 4);
		config.members[m].port = EP_UDP_PORT;
	}
	const char *wrong = ep_config_check(&config);
	if (wrong != NULL) {
		fprintf(stderr, "test_frames: %s\n", wrong);
		return 1;
	}
	size_t size = (ep_replica_size(&config) + 63) / 64 * 64;
	void *arena = aligned_alloc(64, size);
	if (arena == NULL)
		return 1;
	memset(arena, 0, size);
	for (uint32_t f = 0; f < effects.count; f++)
		out[f].data = malloc(config.frame_max);
	ep_effects_reset(&effects);
	return ep_replica_init(arena, size, &config, &replica) != EP_ATTACH_OK;
}

// The configuration's hash as a client learns it.
static uint32_t ask_config_hash(void)
{
	uint8_t hello[128];
	uint32_t len = ep_wire_begin(hello, EP_FRAME_REQUEST, EP_SENDER_CLIENT, 0, 0);
	ep_wire_append(hello, &len, sizeof hello, EP_C_HELLO, sizeof(struct ep_msg));
	ep_wire_seal(hello, len);
	struct ep_source from = {.member = EP_CLIENT};
	struct ep_view view = {.data = hello, .len = len};
	ep_receive(replica, 1, &from, &view, &effects);
	CU_ASSERT_EQUAL_FATAL(effects.used, 1);
	const struct ep_wire_welcome *w = (const void *)(out[0].data + sizeof(struct ep_wire_header) + sizeof(struct ep_msg));
	uint32_t hash = w->config_hash;
	out[0].len = 0;
	ep_effects_reset(&effects);
	return hash;
}

static void test_every_frame_is_dropped_for_the_predicted_reason(void)
{
	static struct garbage g;
	struct target t = {.cluster = config.cluster, .epoch = 1, .n = MEMBERS, .self = 0, .config_hash = ask_config_hash()};
	uint64_t random = 7, seen[EP_DROP_REASONS] = {0};
	uint64_t before = ep_fingerprint(replica);
	for (uint32_t k = 0; k < FRAMES; k++) {
		garbage_next(&g, &t, &random);
		uint64_t counted = ep_drops(replica)[g.why];
		struct ep_source from = {.member = g.is_from_member ? garbage_member(&t) : EP_CLIENT};
		struct ep_view view = {.data = g.data, .len = g.len};
		CU_ASSERT_TRUE_FATAL(ep_receive(replica, 2, &from, &view, &effects));
		CU_ASSERT_EQUAL_FATAL(ep_drops(replica)[g.why], counted + 1);
		CU_ASSERT_EQUAL_FATAL(effects.used, 0);
		seen[g.why]++;
	}
	CU_ASSERT_EQUAL(ep_fingerprint(replica), before);
	static const enum ep_drop wanted[] = {EP_DROP_SHORT,  EP_DROP_MAGIC,  EP_DROP_VERSION,     EP_DROP_CRC,	 EP_DROP_CLUSTER,
					      EP_DROP_EPOCH,  EP_DROP_SENDER, EP_DROP_INCARNATION, EP_DROP_KIND, EP_DROP_TYPE,
					      EP_DROP_MALFORMED, EP_DROP_PAYLOAD};
	for (uint32_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
		if (seen[wanted[k]] == 0)
			printf("never made: %s\n", ep_drop_names[wanted[k]]);
		CU_ASSERT_TRUE(seen[wanted[k]] > 0);
	}
}

int main(void)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite = CU_add_suite("spray frames", make_replica, NULL);
	if (suite == NULL || CU_ADD_TEST(suite, test_every_frame_is_dropped_for_the_predicted_reason) == NULL)
		return 1;
	CU_basic_run_tests();
	unsigned failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures != 0;
}
