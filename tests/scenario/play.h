// A cluster of real cores whose every message, clock and crash is in the hands of a script.
#pragma once
#include "tests/sim/decode.h"
#include "tests/sim/host.h"

#define PLAY_NAMES_MAX 64
#define PLAY_SESSIONS 16
#define PLAY_FLIGHT_MAX 4096
#define PLAY_TRACE_MAX 4096

struct name { // what a script calls a command
	char text[16];
	uint8_t col; // its instance
	uint64_t i;
	struct ep_session_id session;
	bool has_session; // named by the script; else an update gets one of those that were opened before
	uint8_t command[600]; // as submitted, for `repeat`
	uint32_t len;
	uint8_t kind;
	uint64_t seq;
	bool is_submitted;
	uint32_t replies, refusals;
	char reply[80];
};

struct flying { // one message under way; a frame of several is taken apart
	uint8_t from, to;
	uint8_t type;
	uint8_t col;
	uint64_t i;
	uint32_t len;
	uint8_t *frame;
};

struct event { // for the picture of a failed script
	uint8_t at; // column
	char text[100];
};

struct play {
	uint8_t n;
	struct host hosts[EP_MEMBERS_MAX];
	ep_time clocks[EP_MEMBERS_MAX]; // each replica's own
	struct ep_counters before[EP_MEMBERS_MAX]; // when the script's own part began
	struct flying flight[PLAY_FLIGHT_MAX];
	uint32_t flights;
	struct name names[PLAY_NAMES_MAX];
	uint32_t names_count;
	struct ep_session_id sessions[PLAY_SESSIONS];
	uint32_t next_session;
	uint32_t turns; // of a replica after each message it gets; 0: until it is idle
	struct event trace[PLAY_TRACE_MAX];
	uint32_t traced;
};

// Which messages: 0xff, 0 and NULL mean any.
struct filter {
	uint8_t from, to, type;
	const struct name *name;
};

// play.c
void play_start(struct play *, const struct ep_config *);
void play_end(struct play *);
struct name *play_name(struct play *, const char *text, bool is_new); // NULL: unknown, or taken
void play_submit(struct play *, uint8_t at, struct name *); // also again, and at another replica
uint64_t play_last_seq(const struct play *, const struct ep_session_id *); // highest that a named update has
// `count` reads by clients whose answers nobody looks at, of `key`, or each of a key of its own (NULL).
void play_fill(struct play *, uint8_t at, uint32_t count, const char *key);
void play_suspect(struct play *, uint8_t at, uint8_t whom, bool is_suspect);
void play_pace(struct play *, uint8_t p); // slow, if the script says so
void play_tick(struct play *, uint8_t p);
void play_wait(struct play *, uint8_t p, ep_time ns, bool is_delivering);
void play_quiet(struct play *); // delivers all until nothing is under way; no clock moves
void play_kill(struct play *, uint8_t p);
enum ep_attach play_restart(struct play *, uint8_t p);
void play_note(struct play *, uint8_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void play_draw(const struct play *);

// flight.c
void flight_add(struct play *, uint8_t from, const struct ep_frame *);
uint32_t flight_count(const struct play *, const struct filter *);
// What matches now, not what follows from it. Returns how many.
uint32_t flight_deliver(struct play *, const struct filter *, bool is_kept); // kept: a copy stays under way
uint32_t flight_drop(struct play *, const struct filter *);
// Delivers copies in frames that lie: about the epoch, the chain of configurations, the incarnation (0, 1, 2), or the sender.
struct forgery {
	uint8_t lie, sender; // 0xff: not that
};
uint32_t flight_forge(struct play *, const struct filter *, const struct forgery *);
const char *flight_text(const struct play *, const struct flying *); // static storage

// script.c: false when the script fails; says why on standard output.
bool script_run(const char *path, bool is_drawn);

// expect.c: checks one `expect` line. NULL, or a sentence that says what was seen (static storage).
const char *expect_line(struct play *, char **words, uint32_t count);
// submit.c: one `submit` line. NULL, or a sentence that says what is wrong (static storage).
const char *submit_line(struct play *, char **words, uint32_t count);
// script.c, shared with the others. NULL or a sentence.
const char *parse_alive(const struct play *, const char *word, uint8_t *p);
const char *parse_replica(const struct play *, const char *word, uint8_t *p);
const char *parse_filter(struct play *, char **words, uint32_t count, struct filter *);
