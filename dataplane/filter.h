// System calls that a serving replica may not make any more.
#pragma once
#include <stdbool.h>
#include <stddef.h>

// The leak checker of a sanitizer build forks and traces at the end.
#if defined(__SANITIZE_ADDRESS__)
#define DP_FILTER_SPARES_FORKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DP_FILTER_SPARES_FORKS 1
#endif
#endif

enum dp_filter {
	DP_FILTER_ON,   // every thread, those to come included
	DP_FILTER_NONE, // this kernel has none
	DP_FILTER_FAILED,
};

// No thread may call what `filter.c` lists (EPERM), for the rest of the process's life. Needs no_new_privs.
enum dp_filter dp_filter_start(void);
