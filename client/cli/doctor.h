// What the parts of `pnyx doctor` share: findings, and reading below --root.
#pragma once
#include "client/cli/cli.h"

enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_BAD };

// One finding: what was looked at, what there is, what to do (NULL: nothing).
__attribute__((format(printf, 4, 5))) void find(enum level, const char *what, const char *advice,
						const char *format, ...);

// A path below --root, as text; whether something is there.
void doctor_path(const char *path, char *ret, size_t size);
bool doctor_has_path(const char *path);

// ---- doctor_port.c: ports, and the kernel's ends of veths. One more port to look at; false: too many, or no name of one.
bool doctor_add_port(const char *name);
// is_checked: the configuration wants UDP checksums checked.
void examine_ports(bool is_checked);

// ---- doctor_cluster.c: with a configuration, whether its members answer
void examine_cluster(struct cli *);
