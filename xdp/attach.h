// Putting the XDP program on an interface, and taking it off again; by libbpf, without DPDK.
//
// DPDK's AF_XDP driver loads the program from a path and puts its socket into the map; what it attaches outlives the process. So the
// attachment is exchanged for a link, which ends with the process that holds it: after a crash the interface is as it was before.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xdp/steer.h"

struct xdp_steer {
	int link;                      // -1: none
	const struct steer_row *rows;  // read-only, of the program's counters; NULL: none
	__u32 rows_count;
};

// True when this build carries the program.
bool xdp_is_built(void);

// A path under which this process can open the program's object. False: `error` says why not.
bool xdp_object_path(char *path, size_t path_size, char *error, size_t error_size);

// Makes sure that the interface has no XDP program: one of ours that a killed start left is taken off. Anybody else's stays: false, and
// `error` names it and says what to do.
bool xdp_vacate(const char *interface, char *error, size_t error_size);

// Takes over what the driver attached to the interface. False: `error` says why not.
bool xdp_take(struct xdp_steer *, const char *interface, const struct steer_settings *, char *error, size_t error_size);
// The interface is as it was before; without privileges.
void xdp_release(struct xdp_steer *);

// Frames by verdict, summed over processors. Loads only.
static inline void xdp_count(const struct xdp_steer *x, uint64_t frames[STEER_VERDICTS_COUNT])
{
	for (__u32 v = 0; v < STEER_VERDICTS_COUNT; v++) {
		frames[v] = 0;
		for (__u32 c = 0; c < x->rows_count; c++)
			frames[v] += __atomic_load_n(&x->rows[c].frames[v], __ATOMIC_RELAXED);
	}
}
