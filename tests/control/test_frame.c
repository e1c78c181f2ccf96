// Frames between control planes: round trips, every cut, any bytes.
#include "control/frame.h"
#include "consensus/base/rng.h"
#include "tests/unit/unit.h"

static uint8_t bytes[CTL_FRAME_MAX];

static void test_round_trip(void)
{
	struct ctl_hello hello = { .cluster = 77, .uuid = { 1, 2, 3 }, .incarnation = 4 };
	struct ctl_state state = { .run = 9, .restarts = 3, .life = CTL_LIFE_DIED, .suspects = 5, .left_ns = UINT64_MAX };
	struct ctl_frame got;
	size_t used = 0, len = ctl_frame_hello(bytes, &hello);
	CU_ASSERT_EQUAL(ctl_frame_parse(bytes, len, &used, &got), CTL_PARSE_OK);
	CU_ASSERT(used == len && got.type == CTL_HELLO && memcmp(&got.hello, &hello, sizeof hello) == 0);
	len = ctl_frame_state(bytes, &state);
	CU_ASSERT_EQUAL(ctl_frame_parse(bytes, len + 100, &used, &got), CTL_PARSE_OK); // more behind it is the next one's
	CU_ASSERT(used == len && got.type == CTL_STATE && memcmp(&got.state, &state, sizeof state) == 0);
	for (size_t cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(ctl_frame_parse(bytes, cut, &used, &got), CTL_PARSE_MORE);
}

static struct ctl_frame_head head(uint32_t len, uint16_t version, uint16_t type)
{
	return (struct ctl_frame_head){ .bytes = len, .magic = CTL_FRAME_MAGIC, .version = version, .type = type };
}

static enum ctl_parse parse(struct ctl_frame_head h)
{
	struct ctl_frame got;
	size_t used = 0;
	memset(bytes, 0, sizeof bytes);
	memcpy(bytes, &h, sizeof h);
	enum ctl_parse result = ctl_frame_parse(bytes, sizeof bytes, &used, &got);
	if (result == CTL_PARSE_OK || result == CTL_PARSE_SKIPPED)
		CU_ASSERT_EQUAL(used, h.bytes);
	return result;
}

static void test_refused(void)
{
	uint32_t whole = sizeof(struct ctl_frame_head) + sizeof(struct ctl_state);
	CU_ASSERT_EQUAL(parse(head(whole, 1, CTL_STATE)), CTL_PARSE_OK);
	CU_ASSERT_EQUAL(parse(head(whole + 50, 2, CTL_STATE)), CTL_PARSE_OK); // a newer version says more
	CU_ASSERT_EQUAL(parse(head(40, 2, 9)), CTL_PARSE_SKIPPED);
	CU_ASSERT_EQUAL(parse(head(whole - 1, 1, CTL_STATE)), CTL_PARSE_BAD);
	CU_ASSERT_EQUAL(parse(head(20, 1, CTL_HELLO)), CTL_PARSE_BAD);
	CU_ASSERT_EQUAL(parse(head(15, 1, CTL_STATE)), CTL_PARSE_BAD);
	CU_ASSERT_EQUAL(parse(head(0, 1, CTL_STATE)), CTL_PARSE_BAD);
	CU_ASSERT_EQUAL(parse(head(CTL_FRAME_MAX + 1, 1, CTL_STATE)), CTL_PARSE_BAD);
	CU_ASSERT_EQUAL(parse(head(UINT32_MAX, 1, CTL_STATE)), CTL_PARSE_BAD);
	CU_ASSERT_EQUAL(parse(head(whole, 0, CTL_STATE)), CTL_PARSE_BAD);
	struct ctl_frame_head h = head(whole, 1, CTL_STATE);
	h.magic ^= 1;
	CU_ASSERT_EQUAL(parse(h), CTL_PARSE_BAD);
	struct ctl_state state = { .life = CTL_LIVES };
	struct ctl_frame got;
	size_t used, len = ctl_frame_state(bytes, &state);
	CU_ASSERT_EQUAL(ctl_frame_parse(bytes, len, &used, &got), CTL_PARSE_BAD);
}

// Any bytes, most of them nearly right: an answer, and never a length beyond what was there.
static void test_any(void)
{
	uint64_t rng = 11, counts[4] = { 0 };
	for (uint32_t round = 0; round < 200000; round++) {
		struct ctl_state state = { .life = (uint8_t)(ep_random(&rng) % 8) };
		struct ctl_frame got;
		size_t used = 0, len = ctl_frame_state(bytes, &state);
		if (ep_random(&rng) % 2)
			bytes[ep_random(&rng) % 16] = (uint8_t)ep_random(&rng);
		len = ep_random(&rng) % 4 ? len : ep_random(&rng) % len;
		enum ctl_parse result = ctl_frame_parse(bytes, len, &used, &got);
		counts[result]++;
		if (result == CTL_PARSE_OK || result == CTL_PARSE_SKIPPED)
			CU_ASSERT_FATAL(used >= sizeof(struct ctl_frame_head) && used <= len);
	}
	for (uint32_t k = 0; k < 4; k++)
		CU_ASSERT(counts[k] > 100);
}

static const struct unit_test tests[] = { { "round trip", test_round_trip }, { "refused", test_refused }, { "any", test_any } };
UNIT_MAIN("frame", tests)
