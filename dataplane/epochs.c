// The change of epochs in a running replica.
#include "dataplane/epochs.h"
#include <pthread.h>
#include <rte_cycles.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

static void set_stage(struct dp_epochs *e, enum dp_epochs_stage stage)
{
	__atomic_store_n(&e->stage, stage, __ATOMIC_RELEASE);
}

static enum dp_epochs_stage stage_of(const struct dp_epochs *e)
{
	return __atomic_load_n(&e->stage, __ATOMIC_ACQUIRE);
}

// ---- the worker
// Pages that were never written are zero on both sides: reading one is cheaper than writing it.
static void copy(struct ep_state to, struct ep_state from)
{
	static const uint8_t zero[PAGE];
	for (uint64_t at = 0; at < from.bytes; at += PAGE) {
		uint64_t len = from.bytes - at < PAGE ? from.bytes - at : PAGE;
		if (memcmp(from.at + at, zero, len) != 0)
			memcpy(to.at + at, from.at + at, len);
	}
}

static void take_down(struct dp_arena *a)
{
	unlink(a->path);
	dp_arena_close(a);
}

static bool make(struct dp_epochs *e)
{
	struct ep_replica *r;
	if (!dp_arena_make(&e->next, &e->next_config, &e->arena.place, e->error, sizeof e->error)) {
		if (e->next.fd >= 0)
			close(e->next.fd);
		return false;
	}
	enum ep_attach verdict = ep_epoch_begin(e->next.base, e->next.bytes, &e->next_config, &e->handover, &r);
	if (verdict == EP_ATTACH_OK) {
		copy(ep_state(r), ep_state(e->frozen));
		verdict = ep_epoch_finish(r, &e->handover, false);
	}
	if (dp_arena_publish(&e->next, verdict, e->error, sizeof e->error)) {
		e->next_replica = r;
		return true;
	}
	dp_arena_close(&e->next);
	return false;
}

static void *work(void *arg)
{
	struct dp_epochs *e = arg;
	if (e->trash.base) {
		take_down(&e->trash);
		set_stage(e, DP_EPOCHS_IDLE);
	} else {
		set_stage(e, make(e) ? DP_EPOCHS_MADE : DP_EPOCHS_FAILED);
	}
	return NULL;
}

// A thread off the loop's core; signals are the main thread's.
static void start_worker(struct dp_epochs *e)
{
	pthread_t thread;
	pthread_attr_t attributes;
	sigset_t all, before;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setaffinity_np(&attributes, sizeof e->cpus, &e->cpus);
	set_stage(e, DP_EPOCHS_WORKING);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int code = pthread_create(&thread, &attributes, work, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (code != 0) {
		snprintf(e->error, sizeof e->error, "no thread: %s", strerror(code));
		set_stage(e, e->trash.base ? DP_EPOCHS_IDLE : DP_EPOCHS_FAILED);
	}
}

// ---- the loop
static void begin(struct dp_epochs *e, struct dp_consensus *c)
{
	if (e->is_retired || rte_rdtsc() < e->retry || !ep_handover(c->now.replica, &e->handover))
		return;
	e->next_config = e->config;
	e->frozen = c->now.replica;
	if (dp_arena_follow(&e->next_config, e->uuid, &e->handover.next)) {
		e->trash.base = NULL;
		start_worker(e);
		return;
	}
	e->is_retired = true;
	fprintf(stderr, "pnyx-replica: epoch %u ends, and this member is not in the next one: it keeps what others may ask for until it is stopped\n",
		e->config.epoch);
}

// What tells the control plane where the arenas lie.
static void say_arenas(const struct dp_epochs *e, struct dp_consensus *c)
{
	struct dp_mailbox *m = c->mailbox;
	if (!m)
		return;
	m->arena = e->arena.path;
	m->frozen_arena = c->old.replica ? e->old.path : NULL;
	m->frozen_epoch = c->old.number;
}

static void take_up(struct dp_epochs *e, struct dp_consensus *c)
{
	e->trash = e->old; // of the epoch before: whoever has not ended that one by now is sent a state
	e->old = e->arena;
	e->arena = e->next;
	e->config = e->next_config;
	ep_counters_carry(e->next_replica, c->now.replica);
	c->old = c->now;
	c->is_crowded = false; // the new core is told its pace
	if (!dp_epoch_set(&c->now, e->net, e->next_replica, &e->config)) {
		fprintf(stderr, "pnyx-replica: too many members have come and gone: this process ends, and has to be started again\n");
		*c->stop = true;
	}
	fprintf(stderr, "pnyx-replica: epoch %u: member %u of %u; arena %s (%zu MiB, %s)\n", e->config.epoch, e->config.self, e->config.n, e->arena.path,
		e->arena.bytes >> 20, e->arena.is_huge ? "hugepages" : "ordinary pages");
	set_stage(e, DP_EPOCHS_IDLE);
	say_arenas(e, c);
	if (e->trash.base)
		start_worker(e);
}

void dp_epochs_tend(struct dp_epochs *e, struct dp_consensus *c)
{
	switch (stage_of(e)) {
	case DP_EPOCHS_IDLE:
		if (ep_standing(c->now.replica) == EP_STANDING_FROZEN)
			begin(e, c);
		else if (c->old.replica && ep_all_heard(c->now.replica)) {
			c->old.replica = NULL;
			e->trash = e->old;
			e->old.base = NULL;
			say_arenas(e, c);
			start_worker(e);
		}
		break;
	case DP_EPOCHS_WORKING:
		break;
	case DP_EPOCHS_MADE:
		take_up(e, c);
		break;
	case DP_EPOCHS_FAILED:
		fprintf(stderr, "pnyx-replica: epoch %u cannot begin: %s; it is tried again\n", e->next_config.epoch, e->error);
		e->retry = rte_rdtsc() + rte_get_tsc_hz();
		set_stage(e, DP_EPOCHS_IDLE);
		break;
	}
}

void dp_epochs_close(struct dp_epochs *e)
{
	while (stage_of(e) == DP_EPOCHS_WORKING)
		rte_delay_us_sleep(1000);
	if (e->old.base)
		dp_arena_close(&e->old);
	if (e->arena.base)
		dp_arena_close(&e->arena);
}

// ---- the start
// The epoch before, if its file is still here: others may need it. What is wrong with it is said, and stops nothing.
static void open_old(struct dp_epochs *e, struct dp_consensus *c)
{
	struct ep_config config = e->config;
	struct ep_replica *r;
	char error[768];
	if (e->arena.place.before == 0)
		return;
	memcpy(config.members[config.self].uuid, e->uuid, 16);
	if (!dp_arena_open_epoch(&e->old, &config, &e->arena.place, e->arena.place.before, error, sizeof error) ||
	    !dp_arena_replica(&e->old, &config, &r, error, sizeof error)) {
		fprintf(stderr, "pnyx-replica: the arena of the epoch before is left aside: %s\n", error);
		e->old.base = NULL;
	} else if (ep_standing(r) != EP_STANDING_FROZEN || !dp_epoch_set(&c->old, e->net, r, &config)) {
		take_down(&e->old); // left behind when a state was taken in the middle of that epoch
		c->old.replica = NULL;
	}
}

// The highest epoch that has a file, wherever.
static uint32_t newest_of(const struct dp_place *all, uint32_t count)
{
	uint32_t newest = 0;
	for (uint32_t k = 0; k < count; k++)
		newest = all[k].newest > newest ? all[k].newest : newest;
	return newest;
}

bool dp_epochs_open(struct dp_epochs *e, struct dp_consensus *c, enum dp_arena_may may, char *error, size_t size)
{
	struct dp_place all[DP_PLACES_MAX];
	struct ep_replica *r = NULL;
	uint32_t count = dp_places(e->where, e->uuid_text, all);
	enum dp_state state = dp_state_take(e, all, count, newest_of(all, count), &r, error, size);
	if (state == DP_STATE_FAILED)
		return false;
	if (state == DP_STATE_NONE && error[0] != 0)
		fprintf(stderr, "pnyx-replica: %s/state is left aside: %s\n", e->run_dir, error);
	if (state == DP_STATE_TAKEN) { // what was before is of no use to anybody: the others have given it up
		for (uint32_t k = 0; k < count; k++)
			if (!dp_arena_discard(&all[k], error, size))
				return false;
	} else if (!dp_arena_open(&e->arena, &e->config, e->where, e->uuid_text, may, error, size) ||
		   !dp_arena_replica(&e->arena, &e->config, &r, error, size)) {
		return false;
	}
	if (!dp_epoch_set(&c->now, e->net, r, &e->config)) {
		snprintf(error, size, "the configuration names too many addresses");
		return false;
	}
	if (state != DP_STATE_TAKEN)
		open_old(e, c);
	say_arenas(e, c);
	return true;
}
