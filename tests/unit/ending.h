// Commits that lead to the end of an epoch, for the tests of what follows from it.
#pragma once
#include "tests/unit/core.h"

// Opened by ending_serve(): the first instance of column 1.
extern const struct ep_session_id ending_session;

// A Commit of any payload of column `col`, from another member. deps: n words, NULL for zeros.
void ending_commit(struct core *, uint8_t col, uint64_t i, uint64_t seq, const uint64_t *deps, const uint8_t *payload, uint32_t len);
// Of a RECONFIG to the first `members` of core_config(); of an update of k.
void ending_reconfig(struct core *, uint8_t col, uint64_t i, uint64_t seq, const uint64_t *deps, uint8_t members);
void ending_update(struct core *, uint8_t col, uint64_t i, uint64_t seq, const uint64_t *deps, uint64_t number, const char *value);
// Column 1 opens a session, and sets k to "v" in it.
void ending_serve(struct core *);
