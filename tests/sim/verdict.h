// How a violation ends a run: the first one is written down and control goes back to whoever started the run.
//
// Failed CHECKs of the code under test end up here too. One thread, one run at a time.
#pragma once
#include <stdbool.h>

#define VERDICT_TEXT_MAX 2048

// Ends the run with a formatted sentence. Outside verdict_run() it prints and aborts.
_Noreturn void verdict_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Runs body(arg); false when it was ended by verdict_fail() or a failed CHECK. What body() allocated stays with
// its owner. Not reentrant.
bool verdict_run(void (*body)(void *), void *arg);
// The sentence of the last violation, empty when there was none (static storage).
const char *verdict_text(void);
