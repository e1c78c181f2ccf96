// Fuzzing the decoder: any bytes as a frame, and any bytes behind a good header. Nothing is read beyond the end, and what is
// accepted can be walked.
#include <stdlib.h>
#include <string.h>
#include "consensus/wire.h"
#include "tests/fuzz/fuzz.h"

static void walk(const uint8_t *frame, uint32_t len)
{
	uint32_t at = sizeof(struct ep_wire_header), count = 0;
	while (at < len) {
		const struct ep_msg *msg = ep_wire_msg(frame, at);
		for (uint32_t n = 1; n <= EP_MEMBERS_MAX; n++) {
			uint32_t payload = 0;
			if (ep_wire_check_msg(msg, n, &payload) != EP_DROP_NONE)
				continue;
			FUZZ_CHECK(payload < msg->len);
			if (payload == 0 || msg->type >= EP_C_HELLO)
				continue;
			struct ep_wire_payload head;
			memcpy(&head, (const uint8_t *)msg + payload, sizeof head);
			FUZZ_CHECK(payload + head.len <= msg->len && head.count >= 1 && head.count <= EP_BATCH_MAX);
			FUZZ_CHECK(ep_wire_check_payload((const uint8_t *)msg + payload, head.len));
		}
		at += msg->len;
		count++;
	}
	FUZZ_CHECK(at == len && count == ((const struct ep_wire_header *)(const void *)frame)->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > EP_FRAME_MAX_MAX)
		return 0;
	uint8_t *exact = malloc(size); // so that a sanitizer sees a byte too far
	memcpy(exact, data, size);
	if (ep_wire_check(exact, (uint32_t)size) == EP_DROP_NONE)
		walk(exact, (uint32_t)size);
	if (size > sizeof(struct ep_wire_header)) { // no fuzzer guesses a CRC: make the header good
		struct ep_wire_header *h = (void *)exact;
		h->magic = EP_WIRE_MAGIC;
		h->version = EP_WIRE_VERSION;
		h->kind = (uint8_t)(1 + data[5] % 3);
		ep_wire_seal(exact, (uint32_t)size);
		if (ep_wire_check(exact, (uint32_t)size) == EP_DROP_NONE)
			walk(exact, (uint32_t)size);
	}
	ep_wire_check_payload(exact, (uint32_t)size);
	ep_wire_check_command(exact, (uint32_t)size);
	free(exact);
	return 0;
}
