// The state of one replica as a short string of bytes.
#pragma once
#include "consensus/state.h"

#define IMAGE_FLAT_MAX (64u << 10) // bytes of an arena that a step can change and that matter, one after the other
#define IMAGE_MAX (2 * IMAGE_FLAT_MAX)
#define IMAGE_RECOVERIES 8 // attempts of one replica that an image holds
#define IMAGE_EXECUTED 16  // and entries of the executor's trace

// Where they lie in arenas of this shape, with payloads of at most so many bytes.
void image_start(const struct ep_replica *, uint32_t payload_max);
void image_flatten(const void *arena, uint8_t *flat);
// The arena as what differs from a fresh one of the same replica; returns the image's length.
uint32_t image_take(const void *arena, const uint8_t *fresh, uint8_t *image);
void image_put(void *arena, const uint8_t *fresh, const uint8_t *image, uint32_t len);
