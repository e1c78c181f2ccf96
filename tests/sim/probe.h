// A core with coverage marks and store boundaries (consensus/meson.build, probed_dep): reading the marks, and dying at a boundary.
#pragma once
#include <stdint.h>

// How often the marks of this name were taken. A name that no branch has fails the test.
unsigned long probe_hits(const char *mark);
// The nth store boundary from now, counted from 1, calls cut(), which must not return. 0: none does.
void probe_arm(uint32_t nth, void (*cut)(void));
// Boundaries passed since the program began.
uint64_t probe_boundaries(void);
