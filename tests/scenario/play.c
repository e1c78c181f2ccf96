// The cluster that a script plays with: processes, clocks, clients.
#include "tests/scenario/play.h"
#include "consensus/state.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/kv_bytes.h"
#include "tests/sim/verdict.h"

#define COOKIE_SESSION 1000 // cookies of the sessions opened before the script begins
#define COOKIE_FILL 999     // of requests that nobody asks about

void play_note(struct play *play, uint8_t at, const char *format, ...)
{
	if (play->traced == PLAY_TRACE_MAX)
		return;
	struct event *e = &play->trace[play->traced++];
	va_list args;
	va_start(args, format);
	vsnprintf(e->text, sizeof e->text, format, args);
	va_end(args);
	e->at = at;
}

// One column for each replica, time downward.
void play_draw(const struct play *play)
{
	int width = play->n <= 3 ? 38 : 30;
	for (uint32_t p = 0; p < play->n; p++)
		printf("| p%-*u", width - 1, p);
	printf("|\n");
	for (uint32_t k = 0; k < play->traced; k++) {
		for (uint32_t p = 0; p < play->n; p++)
			printf("| %-*.*s", width, width, play->trace[k].at == p ? play->trace[k].text : "");
		printf("|\n");
	}
}

static const char *status_text(uint8_t status)
{
	static const char *const texts[] = { [EP_NO_SESSION] = "no-session", [EP_MISMATCH] = "mismatch", [EP_STALE] = "stale",
					     [EP_FULL] = "full",	     [EP_BAD_COMMAND] = "bad",	  [EP_TOO_BIG] = "too-big" };
	return status < sizeof texts / sizeof texts[0] && texts[status] ? texts[status] : "refused";
}

static void take_reply(struct play *play, uint8_t from, const uint8_t *frame, uint32_t len)
{
	struct message m;
	uint32_t at = 0;
	while (decode_next(frame, len, play->n, &at, &m)) {
		uint64_t cookie = m.head->i;
		if (cookie >= COOKIE_SESSION && m.type == EP_C_REPLY) {
			play->sessions[cookie - COOKIE_SESSION] = m.reply->instance;
			continue;
		}
		if (cookie >= play->names_count)
			continue;
		struct name *name = &play->names[cookie];
		if (m.type == EP_C_REPLY) {
			name->replies++;
			snprintf(name->reply, sizeof name->reply, "%s",
				 (name->kind == EP_CMD_OPEN || name->kind == EP_CMD_EXPIRE) && m.reply->status == EP_OK ? "ok" :
				 m.reply->status == EP_OK ? kv_bytes_result(m.result, m.result_len) : status_text(m.reply->status));
			play_note(play, from, "%s answered: %s", name->text, name->reply);
		} else {
			name->refusals++;
			play_note(play, from, "%s refused: busy", name->text);
		}
	}
}

static void on_sent(void *owner, uint8_t self, const struct ep_frame *frame)
{
	if (frame->member == EP_CLIENT)
		take_reply(owner, self, frame->data, frame->len);
	else
		flight_add(owner, self, frame);
}

void play_tick(struct play *play, uint8_t p)
{
	if (play->hosts[p].replica)
		host_tick(&play->hosts[p], play->clocks[p], play->turns ? play->turns : 1000);
}

void play_pace(struct play *play, uint8_t p)
{
	if (play->turns && play->hosts[p].replica)
		play->hosts[p].replica->config.exec_budget = 1; // less than a configuration may ask for
}

static void send_request(struct play *play, uint8_t at, uint64_t cookie, uint8_t kind, const struct ep_session_id *session, uint64_t seq,
			 const uint8_t *bytes, uint32_t len)
{
	uint8_t frame[EP_FRAME_MAX_DEFAULT];
	const struct ep_config *config = &play->hosts[at].config;
	uint32_t used = ep_wire_begin(frame, EP_FRAME_REQUEST, EP_SENDER_CLIENT, config->cluster, config->epoch);
	struct ep_msg *msg = ep_wire_append(frame, &used, sizeof frame, EP_C_REQUEST,
					    (uint32_t)(sizeof *msg + sizeof(struct ep_wire_command)) + len);
	struct ep_wire_command *command = (void *)(msg + 1);
	msg->i = cookie;
	command->len = (uint16_t)(sizeof *command + len);
	command->kind = kind;
	command->seq = seq;
	if (session)
		command->session = *session;
	if (len > 0)
		memcpy(command + 1, bytes, len);
	ep_wire_seal(frame, used);
	struct ep_source source = { .member = EP_CLIENT, .addr.port = 9 };
	play->clocks[at] += 1000;
	host_receive(&play->hosts[at], play->clocks[at], &source, frame, used);
	host_flush(&play->hosts[at]);
	play_tick(play, at);
}

uint64_t play_last_seq(const struct play *play, const struct ep_session_id *session)
{
	uint64_t last = 0;
	for (uint32_t k = 0; k < play->names_count; k++)
		if (memcmp(&play->names[k].session, session, sizeof *session) == 0 && play->names[k].seq > last)
			last = play->names[k].seq;
	return last;
}

void play_submit(struct play *play, uint8_t at, struct name *name)
{
	struct ep_replica *r = play->hosts[at].replica;
	bool is_update = name->kind == EP_CMD_UPDATE;
	uint64_t before = ep_known(r, at);
	if (!name->is_submitted && is_update && !name->has_session) {
		name->session = play->sessions[play->next_session++ % PLAY_SESSIONS];
		name->seq = play_last_seq(play, &name->session) + 1;
	}
	play_note(play, at, "client: %s", name->text);
	if (!name->is_submitted) { // named before its messages are
		name->col = at;
		name->i = before + 1;
	}
	send_request(play, at, (uint64_t)(name - play->names), name->kind, &name->session, name->seq, name->command, name->len);
	name->is_submitted = true;
}

void play_fill(struct play *play, uint8_t at, uint32_t count, const char *key)
{
	uint8_t bytes[KV_BYTES_MAX];
	char own[16];
	for (uint32_t k = 0; k < count; k++) {
		snprintf(own, sizeof own, "fill%u", k);
		const char *name = key ? key : own;
		struct kv_text none = { "", 0 };
		uint32_t len = kv_bytes_add(bytes, kv_bytes_begin(bytes, PNYX_KV_GET, 0),
					    (struct kv_text){ name, (uint32_t)strlen(name) }, none, none);
		send_request(play, at, COOKIE_FILL, EP_CMD_READ, NULL, 0, bytes, len);
	}
	play_note(play, at, "%u clients read", count);
}

void play_suspect(struct play *play, uint8_t at, uint8_t whom, bool is_suspect)
{
	struct host *h = &play->hosts[at];
	struct ep_command command = { .type = is_suspect ? EP_SUSPECT : EP_TRUST, .member = whom };
	play_note(play, at, "is told that p%u is %s", whom, is_suspect ? "dead" : "alive");
	ep_control(h->replica, play->clocks[at], &command, &h->effects);
	host_flush(h);
	play_tick(play, at);
}

struct name *play_name(struct play *play, const char *text, bool is_new)
{
	for (uint32_t k = 0; k < play->names_count; k++)
		if (strcmp(play->names[k].text, text) == 0)
			return is_new ? NULL : &play->names[k];
	if (!is_new || play->names_count == PLAY_NAMES_MAX || strlen(text) >= sizeof play->names[0].text)
		return NULL;
	struct name *name = &play->names[play->names_count++];
	*name = (struct name){ .col = 0xff };
	strcpy(name->text, text);
	return name;
}

void play_quiet(struct play *play)
{
	static const struct filter any = { 0xff, 0xff, 0, NULL };
	for (uint32_t rounds = 0; play->flights > 0; rounds++) {
		if (rounds == 10000)
			verdict_fail("the cluster does not come to rest");
		flight_deliver(play, &any, false);
	}
}

// Timers fire one after the other, at their times.
void play_wait(struct play *play, uint8_t p, ep_time ns, bool is_delivering)
{
	ep_time until[EP_MEMBERS_MAX];
	for (uint8_t q = 0; q < play->n; q++)
		until[q] = play->clocks[q] + (p == 0xff || p == q ? ns : 0);
	for (bool is_moving = true; is_moving;) {
		is_moving = false;
		for (uint8_t q = 0; q < play->n; q++) {
			if (!play->hosts[q].replica || play->clocks[q] >= until[q])
				continue;
			ep_time next = ep_deadline(play->hosts[q].replica);
			next = next < until[q] ? next : until[q];
			play->clocks[q] = next > play->clocks[q] ? next : play->clocks[q] + 1;
			play_tick(play, q);
			is_moving = true;
		}
		if (is_delivering)
			play_quiet(play);
	}
}

void play_kill(struct play *play, uint8_t p)
{
	play_note(play, p, "killed");
	host_kill(&play->hosts[p]);
}

enum ep_attach play_restart(struct play *play, uint8_t p)
{
	enum ep_attach verdict = host_attach(&play->hosts[p]);
	play_note(play, p, "started again on its arena");
	if (verdict == EP_ATTACH_OK) {
		play_pace(play, p);
		play_tick(play, p);
	}
	return verdict;
}

void play_start(struct play *play, const struct ep_config *config)
{
	*play = (struct play){ .n = config->n };
	for (uint8_t p = 0; p < play->n; p++) {
		struct ep_config own = *config;
		own.self = p;
		own.seed = config->seed + p;
		play->clocks[p] = 1000000;
		play->hosts[p].sent = on_sent;
		play->hosts[p].owner = play;
		host_start(&play->hosts[p], &own, HOST_FRAMES_MAX);
	}
	for (uint8_t s = 0; s < PLAY_SESSIONS; s++) { // before the script begins
		send_request(play, s % play->n, COOKIE_SESSION + s, EP_CMD_OPEN, NULL, 0, NULL, 0);
		play_quiet(play);
	}
	for (uint8_t s = 0; s < PLAY_SESSIONS; s++)
		if (play->sessions[s].i == 0)
			verdict_fail("a session was not opened");
	play_wait(play, 0xff, 200000000, true); // whatever follows is told
	for (uint8_t p = 0; p < play->n; p++)
		play->before[p] = *ep_counters(play->hosts[p].replica);
	play->traced = 0;
}

void play_end(struct play *play)
{
	for (uint32_t k = 0; k < play->flights; k++)
		free(play->flight[k].frame);
	for (uint8_t p = 0; p < play->n; p++)
		host_free(&play->hosts[p]);
	play->flights = 0;
	play->n = 0;
}
