// A state's way from a frozen arena to RUN-DIR/state over real sockets, one process; then everything that may go wrong on either side.
#include "tests/control/transfer.h"

// ---- what goes well
static void test_whole(void)
{
	struct house h;
	begin(4096);
	open_house(&h);
	open_asker(joiner, "127.0.0.1");
	ctl_asker_add(&asker, &h.at);
	ctl_asker_add(&asker, &h.at);
	CU_ASSERT_EQUAL(asker.donors_count, 1);
	ctl_asker_want(&asker, 1);
	run_until(&states, 1);
	CU_ASSERT(has_truth());
	CU_ASSERT(!asker.is_asking && asker.fd < 0 && lists == 0);
	run_until(&h.asked, 1);
	ctl_asker_want(&asker, 2); // it has that one now
	run_until(&h.asked, 2);
	run_until(&h.asked, 3);
	CU_ASSERT_EQUAL(states, 1);
	ctl_asker_rest(&asker);
	close_house(&h);
	end();
}

static void test_file_goes(void)
{
	struct house h;
	begin(1u << 16); // more than a socket takes at once
	open_house(&h);
	open_asker(joiner, "127.0.0.1");
	ctl_asker_add(&asker, &h.at);
	ctl_asker_want(&asker, 0);
	run_until(&h.asked, 1);
	CU_ASSERT(asker.got < truth_handover.bytes);
	unlink(arena_path); // the replica gives its old epoch up
	run_until(&states, 1);
	CU_ASSERT(has_truth());
	close_house(&h);
	end();
}

// What is not there, or not for this asker: where the cluster is now.
static void test_none(void)
{
	struct house h;
	begin(4096);
	open_house(&h);
	h.offer.now = truth_handover.next;
	h.offer.now.epoch = 9;
	static const struct {
		const uint8_t *uuid;
		const char *from, *arena;
		uint32_t epoch;
	} cases[] = { { joiner, "127.0.0.1", "", 1 },	  { joiner, "127.0.0.1", "/nowhere", 1 }, { joiner, "127.0.0.1", NULL, 2 },
		      { stranger, "127.0.0.1", NULL, 1 }, { joiner, "127.0.0.2", NULL, 1 },	  { joiner, "127.0.0.1", "/dev/null", 1 },
		      { joiner, "127.0.0.1", "/proc/self/exe", 1 } };
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		snprintf(h.offer.arena, sizeof h.offer.arena, "%s", cases[k].arena ? cases[k].arena : arena_path);
		open_asker(cases[k].uuid, cases[k].from);
		ctl_asker_add(&asker, &h.at);
		ctl_asker_want(&asker, cases[k].epoch);
		run_until(&lists, 2);
		CU_ASSERT_EQUAL(last_list.epoch, 9);
		CU_ASSERT_EQUAL(last_list.n, 3);
		CU_ASSERT(memcmp(&last_list.members[1].uuid, joiner, 16) == 0 && last_list.members[2].port == EP_UDP_PORT);
		CU_ASSERT(states == 0 && access(state_path, F_OK) != 0);
		ctl_asker_rest(&asker);
	}
	CU_ASSERT(h.addresses > 0);
	open_asker(joiner, "127.0.0.1"); // of another cluster: no answer at all
	asker.ask.cluster++;
	ctl_asker_add(&asker, &h.at);
	ctl_asker_want(&asker, 1);
	run_until(&h.asked, h.asked + 2);
	CU_ASSERT(states == 0 && lists == 0);
	ctl_asker_rest(&asker);
	close_house(&h);
	end();
}

// ---- donors that lie or die: the next one is asked, and nothing of the first is left
static uint8_t *stream; // what an honest donor says
static size_t stream_len, head_len;

static void make_stream(void)
{
	stream = malloc(truth_bytes + 3 * CTL_FRAME_MAX);
	struct ep_state_head *head = (void *)truth;
	stream_len = head_len = ctl_frame_head(stream, &truth_handover);
	memcpy(stream + stream_len, truth + EP_STATE_OFFSET, truth_handover.bytes);
	stream_len += truth_handover.bytes;
	stream_len += ctl_frame_tail(stream + stream_len, head->state_crc);
}

static void lie_then_truth(const uint8_t *script, size_t len, size_t again)
{
	struct house liar, good;
	open_house(&liar);
	open_house(&good);
	liar.script = script;
	liar.script_len = len;
	liar.again = again;
	open_asker(joiner, "127.0.0.1");
	ctl_asker_add(&asker, &liar.at);
	ctl_asker_add(&asker, &good.at);
	ctl_asker_want(&asker, 1);
	run_until(&states, 1);
	CU_ASSERT(has_truth());
	CU_ASSERT(liar.asked >= 1);
	close_house(&liar);
	close_house(&good);
	unlink(state_path);
}

static void test_liars(void)
{
	struct ep_handover h;
	begin(4096);
	make_stream();
	uint8_t *lie = malloc(stream_len + CTL_FRAME_MAX);
	lie_then_truth(stream, 0, 0); // closes at once
	lie_then_truth(stream, 10, 0);
	lie_then_truth(stream, head_len, 0); // dies in the middle
	lie_then_truth(stream, head_len + 5000, 0);
	lie_then_truth(stream, stream_len - 1, 0);
	memcpy(lie, stream, stream_len);
	lie[head_len + 70000] ^= 1; // one bit
	lie_then_truth(lie, stream_len, 0);
	memcpy(lie, stream, head_len); // the end comes too early
	memcpy(lie + head_len, stream + stream_len - 24, 24);
	lie_then_truth(lie, head_len + 24, 0);
	memset(lie, 0x5a, stream_len); // no frame
	lie_then_truth(lie, stream_len, 0);
	size_t tail = ctl_frame_tail(lie, 0); // before any head
	lie_then_truth(lie, tail, 0);
	memcpy(lie, stream, head_len); // two heads
	memcpy(lie + head_len, stream, head_len);
	lie_then_truth(lie, 2 * head_len, head_len);
	for (int k = 0; k < 5; k++) { // heads of something else
		h = truth_handover;
		h.cluster += k == 0;
		h.next.epoch -= k == 1 ? h.next.epoch - 2 : 0;
		memset(h.next.members[1].uuid, k == 2 ? 77 : joiner[0], k == 2 ? 16 : 1);
		h.bytes = k == 3 ? CTL_STATE_MOST + 1 : k == 4 ? CTL_STATE_MOST : h.bytes;
		size_t len = ctl_frame_head(lie, &h);
		if (k != 1) // epoch 2 is the true one
			lie_then_truth(lie, len, len);
	}
	free(lie);
	free(stream);
	end();
}

// A donor that says nothing, one that says nothing of use for ever, and one that stops in the middle, in time that passes at once.
static void test_silent(void)
{
	struct house h;
	uint8_t junk[64];
	begin(4096);
	make_stream();
	struct ctl_frame_head unknown = { .bytes = sizeof junk, .magic = CTL_FRAME_MAGIC, .version = 9, .type = 77 };
	memset(junk, 0, sizeof junk);
	memcpy(junk, &unknown, sizeof unknown);
	for (int k = 0; k < 3; k++) {
		open_house(&h);
		h.script = k == 0 ? junk : stream;
		h.script_len = k == 0 ? sizeof junk : head_len + 100;
		h.again = k == 0 ? sizeof junk : 0;
		open_asker(joiner, "127.0.0.1");
		ctl_asker_add(&asker, &h.at);
		ctl_asker_want(&asker, 1);
		run_until(&h.asked, 1);
		for (int turn = 0; turn < 50; turn++) {
			if (k == 2 && h.guest_watch && h.script_at == h.script_len)
				sd_event_source_set_enabled(h.guest_watch, SD_EVENT_OFF); // says no more, and does not close
			sd_event_run(event, 1000);
		}
		uint64_t later = ctl_now() + CTL_STUCK_NS + CTL_ANSWER_NS;
		ctl_asker_tend(&asker, later);
		CU_ASSERT(asker.fd < 0 || h.asked > 1 || asker.moved_ns >= later - CTL_STUCK_NS - CTL_ANSWER_NS);
		CU_ASSERT(states == 0 && access(state_path, F_OK) != 0 && access(draft_path, F_OK) != 0);
		ctl_asker_rest(&asker);
		close_house(&h);
	}
	free(stream);
	end();
}

// Whoever gives too little to end, and too much to be silent.
static void test_stuck(void)
{
	const uint64_t s = 1000000000;
	CU_ASSERT_FALSE(ctl_transfer_is_stuck(100 * s, 99 * s, 99 * s, 0));
	CU_ASSERT_TRUE(ctl_transfer_is_stuck(100 * s, 90 * s, 94 * s, 1u << 30));
	CU_ASSERT_FALSE(ctl_transfer_is_stuck(100 * s, 80 * s, 99 * s, 20 * CTL_SLOWEST));
	CU_ASSERT_TRUE(ctl_transfer_is_stuck(100 * s, 80 * s, 99 * s, 20 * CTL_SLOWEST - 1));
}

// ---- askers that do not read, or do not stop asking
static void test_bad_askers(void)
{
	struct house h;
	int fds[3 * CTL_GIFTS_MAX];
	uint8_t frame[CTL_FRAME_MAX];
	struct ctl_ask ask = { .cluster = truth_handover.cluster, .epoch = 1 };
	begin(1u << 16);
	ask.cluster = truth_handover.cluster;
	memcpy(ask.uuid, joiner, 16);
	open_house(&h);
	size_t len = ctl_frame_ask(frame, &ask);
	for (size_t k = 0; k < sizeof fds / sizeof fds[0]; k++) {
		fds[k] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		bind(fds[k], (struct sockaddr *)&from, sizeof from);
		CU_ASSERT_FATAL(connect(fds[k], (struct sockaddr *)&h.at, sizeof h.at) == 0 && send(fds[k], frame, len, 0) == (ssize_t)len);
		run_until(&h.asked, (uint32_t)k + 1);
	}
	for (int turn = 0; turn < 50; turn++)
		sd_event_run(event, 1000);
	uint32_t busy = 0;
	for (uint32_t k = 0; k < CTL_GIFTS_MAX; k++)
		busy += h.donor.gifts[k].fd >= 0;
	CU_ASSERT_EQUAL(busy, 1); // the newest
	ctl_donor_tend(&h.donor, ctl_now());
	ctl_donor_tend(&h.donor, ctl_now() + CTL_STUCK_NS + 1000000000);
	for (uint32_t k = 0; k < CTL_GIFTS_MAX; k++)
		CU_ASSERT(h.donor.gifts[k].fd < 0 && h.donor.gifts[k].map == NULL);
	for (size_t k = 0; k < sizeof fds / sizeof fds[0]; k++)
		close(fds[k]);
	close_house(&h);
	end();
}

// ---- any change of what a donor says: the true state, or none
static void test_any(void)
{
	uint64_t rng = 5;
	uint32_t whole = 0, broken = 0;
	struct house h;
	begin(4096);
	make_stream();
	uint8_t *said = malloc(2 * stream_len);
	for (uint32_t round = 0; round < 600; round++) {
		size_t len = stream_len;
		memcpy(said, stream, len);
		uint32_t kind = (uint32_t)(ep_random(&rng) % 5);
		bool is_front = ep_random(&rng) % 2;
		size_t at = ep_random(&rng) % (is_front ? head_len + 64 : len);
		if (kind == 0)
			said[at] ^= (uint8_t)(1u << ep_random(&rng) % 8);
		else if (kind == 1)
			len = at;
		else if (kind == 2)
			memmove(said + at, said + at + 1, --len - at);
		else if (kind == 3)
			memmove(said + at + 1, said + at, len++ - at);
		open_house(&h);
		h.script = said;
		h.script_len = len;
		open_asker(joiner, "127.0.0.1");
		ctl_asker_add(&asker, &h.at);
		ctl_asker_want(&asker, 1);
		uint32_t before = h.asked;
		while (states == 0 && h.asked < before + 2) {
			asker.next_ns = 0;
			ctl_asker_tend(&asker, ctl_now() + (asker.is_receiving ? 0 : 0));
			sd_event_run(event, 100);
			if (h.guest < 0 && h.asked > 0 && states == 0 && asker.fd < 0)
				break;
		}
		if (states > 0) {
			CU_ASSERT(has_truth());
			whole++;
		} else {
			CU_ASSERT(access(state_path, F_OK) != 0);
			broken++;
		}
		ctl_asker_rest(&asker);
		CU_ASSERT(access(draft_path, F_OK) != 0);
		unlink(state_path);
		close_house(&h);
	}
	printf(" %u whole, %u broken\n", whole, broken);
	CU_ASSERT(whole > 50 && broken > 200);
	free(said);
	free(stream);
	end();
}

// How fast, on this machine: both sides and the check of either in one thread.
static void test_speed(void)
{
	struct house h;
	begin(4u << 20); // 256 MiB of application
	open_house(&h);
	open_asker(joiner, "127.0.0.1");
	ctl_asker_add(&asker, &h.at);
	ctl_asker_want(&asker, 1);
	uint64_t began = ctl_now();
	run_until(&states, 1);
	uint64_t took = ctl_now() - began;
	printf(" %llu MiB in %llu ms: %llu MB/s\n", (unsigned long long)(truth_handover.bytes >> 20), (unsigned long long)(took / 1000000),
	       (unsigned long long)(truth_handover.bytes * 1000 / took));
	CU_ASSERT(has_truth());
	close_house(&h);
	end();
}

static const struct unit_test tests[] = {
	{ "whole", test_whole },   { "file_goes", test_file_goes },   { "none", test_none }, { "liars", test_liars }, { "silent", test_silent },
	{ "stuck", test_stuck },   { "bad_askers", test_bad_askers }, { "any", test_any },   { "speed", test_speed },
};
UNIT_MAIN("transfer", tests)
