// Kills a piece of code at a declared store boundary: for programs built with -DEP_CUT_POINTS.
//
// What the code has stored until then stays in memory, as it does for a killed process; what it had
// in registers is gone.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Runs body(argument) and kills it at the n-th cut point it reaches (from 1; 0 = never). False: it
// ran to its end.
bool cut_run(uint32_t nth, void (*body)(void *), void *argument);
// Like cut_run for a body that must fail a CHECK; true when it did.
bool cut_check_fails(void (*body)(void *), void *argument);
