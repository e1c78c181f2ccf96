// Images of arenas: the parts that matter, as differences from a fresh arena.
//
// Left out: the journal (empty between steps), the application and the sessions (nothing is executed into them), the tails of payload
// slots, of the executor's trace and of the attempts, and tables that only clients use. The caller checks that they are not needed.
#include "tests/explore/image.h"
#include <string.h>
#include "tests/sim/verdict.h"

static struct range {
	uint64_t at;
	uint32_t len;
} ranges[64];
static uint32_t ranges_count, flat_len;

static void add_range(uint64_t at, uint64_t len)
{
	len = (len + 7) & ~7ULL;
	if (ranges_count == sizeof ranges / sizeof ranges[0] || flat_len + len > IMAGE_FLAT_MAX)
		verdict_fail("an image of a replica is larger than provided for");
	ranges[ranges_count++] = (struct range){ at, (uint32_t)len };
	flat_len += (uint32_t)len;
}

void image_start(const struct ep_replica *r, uint32_t payload_max)
{
	ranges_count = flat_len = 0;
	add_range(0, r->at_journal);
	add_range(r->at_records, r->at_payloads - r->at_records);
	for (uint32_t slot = 0; slot < (uint32_t)r->n << r->window_shift; slot++)
		add_range(r->at_payloads + (uint64_t)slot * r->payload_stride, ((payload_max + 7u) & ~7u) + 8); // and its check
	add_range(r->at_bitmap, r->at_sessions - r->at_bitmap);
	add_range(r->at_links, r->at_trace - r->at_links);
	add_range(r->at_trace, IMAGE_EXECUTED * sizeof(struct ep_session_id));
	add_range(r->at_recoveries, IMAGE_RECOVERIES * sizeof(struct ep_recovery));
}

void image_flatten(const void *arena, uint8_t *flat)
{
	for (uint32_t k = 0; k < ranges_count; flat += ranges[k++].len)
		memcpy(flat, (const uint8_t *)arena + ranges[k].at, ranges[k].len);
}

// Words that differ: how many equal ones come first, which bytes of the difference are not 0, these bytes.
uint32_t image_take(const void *arena, const uint8_t *fresh, uint8_t *image)
{
	static _Alignas(64) uint8_t flat[IMAGE_FLAT_MAX];
	uint32_t used = 0, gap = 0;
	image_flatten(arena, flat);
	for (uint32_t at = 0; at < flat_len; at += 8) {
		uint64_t diff = ep_load64(flat + at) ^ ep_load64(fresh + at);
		if (diff == 0) {
			gap++;
			continue;
		}
		for (; gap >= 255; gap -= 255)
			image[used++] = 255;
		image[used++] = (uint8_t)gap;
		uint32_t mask = used++;
		image[mask] = 0;
		gap = 0;
		for (uint32_t b = 0; b < 8; b++)
			if (diff >> (8 * b) & 0xff) {
				image[mask] |= (uint8_t)(1u << b);
				image[used++] = (uint8_t)(diff >> (8 * b));
			}
	}
	return used;
}

static void add_differences(const uint8_t *image, uint32_t len, uint8_t *flat)
{
	for (const uint8_t *end = image + len; image < end;) {
		uint8_t gap = *image++;
		flat += 8 * gap;
		if (gap == 255)
			continue;
		uint8_t mask = *image++;
		for (uint32_t b = 0; b < 8; b++)
			if (mask & (1u << b))
				flat[b] ^= *image++;
		flat += 8;
	}
}

void image_put(void *arena, const uint8_t *fresh, const uint8_t *image, uint32_t len)
{
	static _Alignas(64) uint8_t flat[IMAGE_FLAT_MAX];
	const uint8_t *from = flat;
	memcpy(flat, fresh, flat_len);
	add_differences(image, len, flat);
	for (uint32_t k = 0; k < ranges_count; from += ranges[k++].len)
		memcpy((uint8_t *)arena + ranges[k].at, from, ranges[k].len);
}
