// Giving up privileges once everything is open.
#pragma once
#include <stdbool.h>
#include <stddef.h>

// No thread of this process has a capability any more, nor gets one by running another program. What `filter.c`
// lists it cannot call any more. False: `error` says why not.
bool dp_confine(char *error, size_t error_size);
