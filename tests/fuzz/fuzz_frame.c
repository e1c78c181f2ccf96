// Fuzzing what control planes say to each other: any bytes as a frame, and any bytes behind a good head. What is accepted fits what it came in.
#include <stdlib.h>
#include <string.h>
#include "control/frame.h"
#include "tests/fuzz/fuzz.h"

static void parse(const uint8_t *bytes, size_t size)
{
	struct ctl_frame frame;
	size_t used = 0;
	enum ctl_parse verdict = ctl_frame_parse(bytes, size, &used, &frame);
	if (verdict == CTL_PARSE_OK || verdict == CTL_PARSE_SKIPPED)
		FUZZ_CHECK(used >= sizeof(struct ctl_frame_head) && used <= size);
	if (verdict != CTL_PARSE_OK)
		return;
	FUZZ_CHECK(frame.type >= CTL_HELLO && frame.type <= CTL_TAIL);
	if (frame.type == CTL_NONE)
		FUZZ_CHECK(frame.list.n <= EP_MEMBERS_MAX);
	if (frame.type == CTL_HEAD)
		FUZZ_CHECK(frame.handover.next.n >= 1 && frame.handover.next.n <= EP_MEMBERS_MAX && frame.handover.bytes > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > CTL_FRAME_MAX)
		return 0;
	uint8_t *exact = malloc(size); // so that a sanitizer sees a byte too far
	memcpy(exact, data, size);
	parse(exact, size);
	struct ctl_frame_head head = { .bytes = (uint32_t)size, .magic = CTL_FRAME_MAGIC, .version = CTL_FRAME_VERSION, .type = (uint16_t)(1 + data[0] % 7) };
	if (size > sizeof head) {
		memcpy(exact, &head, sizeof head);
		struct ep_state_head *state = (void *)(exact + sizeof head);
		if (head.type == CTL_HEAD && size >= sizeof head + sizeof *state) { // no fuzzer guesses a CRC
			struct ep_handover handover;
			memcpy(&handover, &state->handover, sizeof handover);
			handover.next.n = (uint8_t)(1 + handover.next.n % EP_MEMBERS_MAX);
			ep_state_seal(state, &handover, 0);
		}
		parse(exact, size);
	}
	free(exact);
	return 0;
}
