// The examples of docs/wire.md are frames in good order: read out of the page, checked, and of the
// types that it says.
#include <stdlib.h>
#include "consensus/wire.h"
#include "tests/unit/unit.h"

#define FRAME_MAX 512
#define FRAMES_MAX 8

struct frame {
	uint8_t data[FRAME_MAX];
	uint32_t len;
};
static struct frame frames[FRAMES_MAX];
static uint32_t frames_count;

// Takes "0040  21 00 ...   text": offset, two blanks, at most 16 bytes.
static void take_line(const char *line)
{
	char *at;
	unsigned long offset = strtoul(line, &at, 16);
	if (at != line + 4 || strncmp(at, "  ", 2) != 0)
		return;
	if (offset == 0)
		frames_count++;
	CU_ASSERT_FATAL(frames_count >= 1 && frames_count <= FRAMES_MAX);
	struct frame *f = &frames[frames_count - 1];
	CU_ASSERT_EQUAL_FATAL(offset, f->len);
	at += 2;
	for (unsigned k = 0; k < 16; k++, at += 3) {
		char *end;
		unsigned long byte = strtoul(at, &end, 16);
		if (end != at + 2 || *at == ' ')
			break;
		CU_ASSERT_FATAL(f->len < FRAME_MAX);
		f->data[f->len++] = (uint8_t)byte;
		if (at[2] != ' ')
			break;
	}
}

static void read_page(void)
{
	char line[512];
	FILE *page = fopen(WIRE_PAGE, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(page);
	memset(frames, 0, sizeof frames);
	frames_count = 0;
	while (fgets(line, sizeof line, page) != NULL)
		take_line(line);
	fclose(page);
}

static void the_examples_are_frames(void)
{
	static const uint8_t types[] = {EP_C_REQUEST, EP_PREACCEPT, EP_C_REPLY};
	read_page();
	CU_ASSERT_EQUAL_FATAL(frames_count, sizeof types);
	for (uint32_t k = 0; k < frames_count; k++) {
		uint32_t payload;
		CU_ASSERT_EQUAL_FATAL(ep_wire_check(frames[k].data, frames[k].len), EP_DROP_NONE);
		const struct ep_msg *m = ep_wire_msg(frames[k].data, sizeof(struct ep_wire_header));
		CU_ASSERT_EQUAL(m->type, types[k]);
		CU_ASSERT_EQUAL(ep_wire_check_msg(m, 3, &payload), EP_DROP_NONE);
	}
}

static void a_wrong_digit_would_be_seen(void)
{
	read_page();
	CU_ASSERT_FATAL(frames_count > 0);
	frames[0].data[0x7e] ^= 1;
	CU_ASSERT_EQUAL(ep_wire_check(frames[0].data, frames[0].len), EP_DROP_CRC);
}

static const struct unit_test tests[] = {
    {"the examples are frames", the_examples_are_frames},
    {"a wrong digit would be seen", a_wrong_digit_would_be_seen},
};
UNIT_MAIN("wire_doc", tests)
