// Clients of the small world: what they ask, and what must be there in the end.
#pragma once
#include "tests/kill/world.h"

void client_start(struct kill_client *, const struct world *, uint8_t which);
// Asks for something, or asks again.
void client_turn(struct world *, uint8_t which);
void client_receive(struct world *, struct kill_client *, const uint8_t *frame);
bool client_is_idle(const struct world *, const struct kill_client *);
// NULL, or what replica `column` does not hold as the clients were told (static storage). All clients are idle.
const char *client_expect(const struct world *, uint8_t column);
