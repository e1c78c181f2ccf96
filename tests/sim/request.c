// Requests of clients: what each cookie stands for, and the frames that carry them.
#include <stdlib.h>
#include <string.h>
#include "tests/sim/sim.h"

uint64_t request_note(struct sim *s, uint32_t which, uint8_t kind, const struct ep_session_id *session, uint64_t seq,
		      const uint8_t *bytes, uint32_t len)
{
	if (s->requests_count == s->requests_room) {
		s->requests_room = s->requests_room ? 2 * s->requests_room : 256;
		s->requests = realloc(s->requests, s->requests_room * sizeof *s->requests);
	}
	struct ep_wire_command head = {.len = (uint16_t)(sizeof head + len), .kind = kind, .seq = seq};
	if (session)
		head.session = *session;
	struct request *r = &s->requests[s->requests_count];
	*r = (struct request){.client = which, .command = malloc(head.len), .len = head.len};
	memcpy(r->command, &head, sizeof head);
	if (len > 0)
		memcpy(r->command + sizeof head, bytes, len);
	log_client_sent(&s->check.log, r->command, r->len);
	return s->requests_base + s->requests_count++;
}

void request_send(struct sim *s, uint32_t which, uint8_t to, uint64_t cookie)
{
	const struct request *r = request_of(s, cookie);
	struct client *c = &s->clients[which];
	uint8_t frame[EP_FRAME_MAX_MAX];
	uint32_t epoch = ep_random(&c->rng) % 4 ? s->swarm.config.epoch : 0;
	uint32_t len = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, s->swarm.config.cluster, epoch);
	struct ep_msg *msg = ep_wire_append(frame, &len, sizeof frame, EP_C_REQUEST, (uint32_t)sizeof *msg + r->len);
	msg->i = cookie;
	memcpy(msg + 1, r->command, r->len);
	ep_wire_seal(frame, len);
	net_send(s, (uint8_t)(s->n + which), to, &c->addr, frame, len);
}

const struct request *request_of(const struct sim *s, uint64_t cookie)
{
	return cookie >= s->requests_base && cookie - s->requests_base < s->requests_count ? &s->requests[cookie - s->requests_base] : NULL;
}

void request_forget(struct sim *s)
{
	for (uint32_t r = 0; r < s->requests_count; r++)
		free(s->requests[r].command);
	free(s->requests);
	s->requests = NULL;
	s->requests_base += s->requests_count;
	s->requests_count = s->requests_room = 0;
}
