// One replica behind the smallest possible shell.
#include "tests/sim/host.h"
#include <stdlib.h>
#include <string.h>
#include "tests/sim/verdict.h"

void host_room(struct host *h, const struct ep_config *config, uint32_t frames)
{
	const char *wrong = ep_config_check(config);
	if (wrong)
		verdict_fail("configuration refused: %s", wrong);
	h->config = *config;
	h->arena_bytes = (ep_replica_size(config) + 63) / 64 * 64;
	h->block = calloc(1, h->arena_bytes + 64); // zeroed by the kernel, page by page, where it is touched
	h->arena = (void *)(((uintptr_t)h->block + 63) & ~(uintptr_t)63);
	h->effects = (struct ep_effects){.frames = h->frames, .count = frames};
	for (uint32_t f = 0; f < frames; f++) // exactly as long as promised, so that a sanitizer sees an overflow
		h->frames[f].data = malloc(config->frame_max);
}

void host_start(struct host *h, const struct ep_config *config, uint32_t frames)
{
	host_room(h, config, frames);
	enum ep_attach verdict = ep_replica_init(h->arena, h->arena_bytes, config, &h->replica);
	if (verdict != EP_ATTACH_OK)
		verdict_fail("init of replica %d says %d", config->self, verdict);
}

void host_kill(struct host *h)
{
	h->replica = NULL;
	h->is_mute = false;
	for (uint32_t f = 0; f < h->effects.used; f++)
		h->frames[f].len = 0;
	ep_effects_reset(&h->effects);
}

enum ep_attach host_attach(struct host *h)
{
	return ep_replica_attach(h->arena, h->arena_bytes, &h->config, &h->replica);
}

void host_free(struct host *h)
{
	for (uint32_t f = 0; f < h->effects.count; f++)
		free(h->frames[f].data);
	free(h->block);
	h->arena = h->block = NULL;
}

void host_flush(struct host *h)
{
	for (uint32_t f = 0; f < h->effects.used; f++) {
		struct ep_frame *frame = &h->frames[f];
		ep_seal(h->replica, frame);
		ep_wire_seal(frame->data, frame->len);
		if (!h->is_mute)
			h->sent(h->owner, h->config.self, frame);
		frame->len = 0;
	}
	ep_effects_reset(&h->effects);
}

uint32_t host_receive(struct host *h, ep_time now, const struct ep_source *from, const uint8_t *data, uint32_t len)
{
	struct ep_view view = {.data = data, .len = len};
	ep_prefetch(h->replica, view);
	uint32_t full = 0;
	for (; !ep_receive(h->replica, now, from, &view, &h->effects); full++)
		host_flush(h);
	if (view.done != len)
		verdict_fail("replica %d stopped at byte %u of %u", h->config.self, view.done, len);
	return full;
}

void host_tick(struct host *h, ep_time now, uint32_t turns)
{
	for (uint32_t t = 0; t < turns && ep_deadline(h->replica) <= now; t++) {
		ep_tick(h->replica, now, &h->effects);
		host_flush(h);
	}
}
