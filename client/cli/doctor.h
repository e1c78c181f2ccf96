// What the two halves of `pnyx doctor` share: findings.
#pragma once
#include "client/cli/cli.h"

enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_BAD };

// One finding: what was looked at, what there is, what to do (NULL: nothing).
__attribute__((format(printf, 4, 5))) void find(enum level, const char *what, const char *advice,
						const char *format, ...);

// ---- doctor_cluster.c: with a configuration, whether its members answer
void examine_cluster(struct cli *);
