// The client that clears up after a round: it ends every session and deletes every key, so that rounds can follow each other for
// days of virtual time.
#include <string.h>
#include "tests/sim/sim.h"

// A session that is open, by the reference table; not the janitor's own.
static bool find_session(struct sim *s, const struct client *c, struct ep_session_id *id, uint64_t *last)
{
	struct log *log = &s->check.log;
	for (uint8_t col = 0; col < s->n; col++)
		for (uint64_t i = log->columns[col].base + 1; i <= log_last(log, col); i++) {
			const struct log_instance *x = log_find(log, col, i);
			*id = (struct ep_session_id){.i = i, .epoch = s->swarm.config.epoch, .col = col};
			if (!x || !x->session.is_open || (c->has_session && memcmp(id, &c->session, sizeof *id) == 0))
				continue;
			*last = x->session.last;
			return true;
		}
	return false;
}

bool janitor_next(struct sim *s, uint32_t which)
{
	struct client *c = &s->clients[which];
	struct ep_session_id id;
	uint8_t bytes[LOAD_COMMAND_MAX];
	uint64_t last;
	if (find_session(s, c, &id, &last)) {
		c->is_spare = true;
		client_begin(s, which, EP_CMD_EXPIRE, &id, last, NULL, 0);
		return true;
	}
	uint32_t len = load_clean(&s->swarm.load, c->final_next, bytes);
	if (len > 0 && !c->has_session)
		client_begin(s, which, EP_CMD_OPEN, NULL, 0, NULL, 0);
	else if (len > 0)
		client_begin(s, which, EP_CMD_UPDATE, &c->session, ++c->seq, bytes, len);
	else if (c->has_session)
		client_begin(s, which, EP_CMD_EXPIRE, &c->session, c->has_used ? c->seq : 0, NULL, 0);
	return len > 0 || c->has_session;
}
