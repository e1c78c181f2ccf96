// What must hold wherever the process dies.
#pragma once
#include "tests/kill/phase.h"

struct checker;
// Checks steps of one world. Its members' arenas and what is under way stay as they are.
struct checker *checker_open(const struct world *);
void checker_close(struct checker *);
// Runs the step undisturbed, on a copy; what follows is compared with that.
enum phase checker_prepare(struct checker *, const struct step *);
// The replica dies here and goes on from a copy of its arena. NULL, or what is wrong (static storage).
const char *checker_point(struct checker *);
// Whether the arena differs from the last look, in what a restart reads.
bool checker_has_changed(struct checker *);
// Replaces the arena by a copy of what it was at the last point.
void checker_keep(struct checker *, void *arena);

struct checker_figures {
	uint64_t attaches; // points looked at
	uint64_t states;   // different ones after attach: each of these went on to a whole cluster's agreement
};
struct checker_figures checker_figures(const struct checker *);
