// Fills everything that a restarted replica must not trust with garbage.
#pragma once
#include "consensus/state.h"

void scribble(struct ep_replica *);
