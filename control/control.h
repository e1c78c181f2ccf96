// One node's control plane: what its parts share. One thread, one event loop; each part has a file of its own.
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <jansson.h>
#include <systemd/sd-event.h>
#include "client/config/backup.h"
#include "control/backoff.h"
#include "control/frame.h"
#include "control/gauge.h"
#include "control/now.h"
#include "control/membership.h"
#include "control/suspicion.h"
#include "control/transfer.h"
#include "mailbox/mailbox.h"

#define CTL_GUESTS_MAX 16    // connections whose speaker is not known yet
#define CTL_INPUT_MAX (2 * CTL_FRAME_MAX)
#define CTL_SAY_NS 1000000000ULL // a STATE at least so often

// Our own replica: a process that is not our child.
struct ctl_replica {
	struct mb_end mailbox; // shared == NULL: none found yet
	enum mb_open opened;   // of the last attempt
	struct mb_snapshot page;
	bool has_page, is_foreign; // is_foreign: the page is of another cluster or member, and that was logged
	uint32_t ticks;
	enum ctl_life life;
	uint64_t pid, pid_start, run; // of the process that `life` is about; 0 = none yet
	int pidfd;                    // -1: it does not run
	sd_event_source *watch;
	uint64_t since_ns; // when it was seen first
	bool is_ending;    // its end was announced; the process may not be quite gone
	struct ctl_life_watch *early;
	// starting it again
	struct ctl_backoff backoff;
	uint32_t restarts;
	bool is_held;      // not to be started: it was stopped on purpose
	bool is_restarting; // stopped in order to be started
	sd_event_source *timer; // armed: it is started when this fires
	int spawned_fd;         // pidfd of what --spawn ran, until its replica shows itself; -1
	sd_event_source *spawned;
	uint64_t spawned_ns;
};

// Another member's control plane.
struct ctl_link {
	int out; // we speak here; -1: none
	bool is_up; // connected
	sd_event_source *out_watch;
	uint64_t next_ns; // next attempt, or when the present one is given up
	int in; // it speaks here; -1: none
	sd_event_source *in_watch;
	uint8_t *input;
	size_t input_len;
	bool has_state; // since it dialed last
	struct ctl_state state;
	uint64_t heard_ns;
};

struct ctl_guest { // dialed us and has not said HELLO
	int fd; // -1: free
	sd_event_source *watch;
	uint8_t *input; // CTL_INPUT_MAX
	size_t input_len;
	uint64_t since_ns;
	uint8_t ip[4];
};

struct ctl_backup { // under way; done == NULL: none
	int fd;         // what is written to
	void *map;      // the arena of the epoch that ends
	size_t map_bytes;
	struct ep_membership same;
	uint64_t began_ns, proposed_ns;
	void (*done)(void *, const char *refusal, const struct ep_handover *);
	void *arg;
	// the thread's, from its start until event_fd tells its end
	bool is_writing;
	pthread_t thread;
	struct ep_handover handover;
	struct ep_state state;
	struct pnyx_backup_note note;
	int event_fd, error;
	sd_event_source *watch;
};

struct ctl_let_in { // the return that was proposed last
	uint8_t uuid[16];
	uint32_t epoch;
	uint64_t at_ns; // 0: none
};

struct ctl_order { // an operator's change of the members, under way; done == NULL: none
	struct ep_membership next; // its epoch is the one that ends
	uint64_t began_ns, proposed_ns;
	uint64_t number; // of the last proposal
	bool is_refused;
	void (*done)(void *, const char *refusal, uint32_t epoch);
	void *arg;
};

struct ctl {
	struct pnyx_config file;
	const char *run_dir, *spawn; // spawn: NULL = a service manager does it
	sd_event *event;
	struct ep_membership list; // of the epoch that our replica is in; epoch 0: of the file
	uint32_t n, self;          // of that list; self == n: we are not in it
	char names[EP_MEMBERS_MAX][PNYX_CONFIG_NAME_MAX];
	uint64_t tick_ns, said_ns;
	struct ctl_replica replica;
	struct ctl_suspicion suspicion;
	struct ctl_gauge gauge;
	bool is_alarmed;
	struct ctl_members members; // who is out, who returns
	struct ctl_let_in let_in;
	struct ctl_link links[EP_MEMBERS_MAX];
	struct ctl_guest guests[CTL_GUESTS_MAX];
	int listener;
	struct ctl_donor donor; // of our replica's state
	struct ctl_asker asker; // for a state that our replica needs
	struct ctl_backup backup;
	struct ctl_order order;
	uint64_t proposals; // made since the start
	uint64_t brought_ns;    // when one was brought last, 0 = never
	uint64_t told_incarnation; // of our member, in the lists that donors told; 0 = none
	uint64_t refused, refused_ns; // guests; when that was logged last
	struct MHD_Daemon *http;
	int admin;
	char error[512];
};

// ---- list.c: the members of our replica's epoch
void ctl_list_start(struct ctl *);                                   // as the file says
void ctl_list_follow(struct ctl *, const struct mb_snapshot *);      // as the page says
bool ctl_list_is_ours(const struct ctl *, const struct mb_snapshot *); // it is the page of this node's replica
const char *ctl_name(const struct ctl *, uint32_t member);              // n: our own
const struct pnyx_config_member *ctl_configured(const struct ctl *, const uint8_t uuid[16]); // NULL: not in the file
// Where a member's control plane is: as the file says, else beside its replica.
struct sockaddr_in ctl_address(const struct ctl *, const struct ep_member *);

// ---- replica.c: finding the replica, noticing its end, having it started again
bool ctl_replica_start(struct ctl *);
void ctl_replica_look(struct ctl *); // once a tick
void ctl_replica_stop(struct ctl *);
// Tells the replica whom to suspect from now on; at once after something was heard.
void ctl_replica_order(struct ctl *);
// What an operator may ask for. NULL, or why not.
const char *ctl_replica_ask(struct ctl *, const char *what); // "stop", "start", "restart"
const char *ctl_life_name(unsigned life);
// A state of a later epoch is there: it is (re)started to take it, whatever became of its last identity.
void ctl_replica_renew(struct ctl *);

// ---- spawn.c: runs a command in a session of its own, as nobody's child; its pid, or -1
pid_t ctl_spawn(const char *command);

// ---- process.c
// Field 22 of /proc/PID/stat; 0: there is no such process.
uint64_t ctl_process_start(uint64_t pid);
// A descriptor that tells the end of exactly that process; -1: it has ended.
int ctl_process_open(uint64_t pid, uint64_t start);
void ctl_process_signal(int pidfd, int signal);

// ---- life.c: calls `on_end` in the event loop when the kernel begins to end the process that holds the mailbox. NULL: not possible
struct ctl_life_watch *ctl_life_watch(sd_event *, const struct mb_shared *, void (*on_end)(void *), void *arg);
void ctl_life_unwatch(struct ctl_life_watch *); // before the mailbox is closed

// ---- links.c: other control planes
bool ctl_links_start(struct ctl *);
void ctl_links_tend(struct ctl *); // once a tick
void ctl_links_say(struct ctl *);  // our STATE, to all
// The list is about to become this one: connections go with their members, and those of the others end.
void ctl_links_follow(struct ctl *, const struct ep_membership *to);
void ctl_links_stop(struct ctl *);

// ---- change.c: changes of the list that need no operator
void ctl_change_start(struct ctl *);
void ctl_change_tend(struct ctl *, const struct ctl_alarm *); // once a tick
// A member that is out of service asked for a state; perhaps it is to have a place as well.
void ctl_change_asked(struct ctl *, const uint8_t ip[4], const struct ctl_ask *);

// ---- transfer.c: states that come and go
bool ctl_transfer_start(struct ctl *);
void ctl_transfer_tend(struct ctl *); // once a tick
void ctl_transfer_stop(struct ctl *);
// ASK came on this connection, which is given away with it.
void ctl_transfer_asked(struct ctl *, int fd, const uint8_t ip[4], const struct ctl_ask *);

// ---- backup.c
// Takes the descriptor. NULL: `done` is called when all is written, or why not; else why it cannot begin.
const char *ctl_backup_start(struct ctl *, int fd, void (*done)(void *, const char *refusal, const struct ep_handover *), void *arg);
void ctl_backup_tend(struct ctl *); // once a tick
void ctl_backup_refused(struct ctl *); // its proposal cannot be taken here
void ctl_backup_stop(struct ctl *);

// ---- order.c
// Has the members changed as `wish` says (wish.h). NULL: `done` is called when it is so, with the new epoch, or why not; else why it cannot begin
// (static storage).
const char *ctl_order_start(struct ctl *, const char *wish, void (*done)(void *, const char *refusal, uint32_t epoch), void *arg);
void ctl_order_tend(struct ctl *); // once a tick
void ctl_order_refused(struct ctl *, uint64_t number); // this proposal cannot be taken here

// ---- page.c
// The frozen arena that is here, and the list of its current epoch.
void ctl_page_offer(const struct mb_snapshot *, struct ctl_offer *ret);
void ctl_page_list(const struct mb_snapshot *, struct ep_membership *ret); // of its current epoch; epoch 0: not known
void ctl_page_arena(const struct mb_snapshot *, char *ret, size_t size); // path of the current epoch's; "": not known
// Proposes that the epoch ends and these members make the next; `list` is of the present one. It may come to nothing: repeat it.
void ctl_propose(struct ctl *, const struct ep_membership *list);
bool ctl_page_is_retired(const struct mb_snapshot *); // its epoch has ended, and it is not in the next list

// ---- admin.c, view.c, http.c, metrics.c: what an operator sees
bool ctl_admin_start(struct ctl *);
struct visitor;
// Answers one whose command takes longer. Takes the answer.
void ctl_admin_answer(struct visitor *, json_t *answer, const char *command, const char *refusal);
void ctl_admin_stop(struct ctl *);
json_t *ctl_view(const struct ctl *);
const char *ctl_standing_name(const struct ctl *); // of our replica: asking, member, dead, frozen, retired, waiting, unknown
struct ctl_state ctl_state_of(const struct ctl *);
bool ctl_http_start(struct ctl *);
void ctl_http_tend(struct ctl *);
void ctl_http_stop(struct ctl *);
char *ctl_metrics(const struct ctl *); // free() it; NULL: no memory
