// Messages under way: each alone in a frame, so that a script can hold back one and let another pass.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/scenario/play.h"

static void add_one(struct play *play, uint8_t from, uint8_t to, const uint8_t *frame, const struct ep_msg *msg)
{
	if (play->flights == PLAY_FLIGHT_MAX)
		return; // lost, as in a network that is full
	struct flying *f = &play->flight[play->flights++];
	struct ep_wire_header header;
	memcpy(&header, frame, sizeof header);
	header.count = 1;
	*f = (struct flying){ .from = from, .to = to, .type = msg->type, .col = msg->col, .i = msg->i,
			      .len = (uint32_t)sizeof header + msg->len };
	f->frame = malloc(f->len);
	memcpy(f->frame, &header, sizeof header);
	memcpy(f->frame + sizeof header, msg, msg->len);
	ep_wire_seal(f->frame, f->len);
}

void flight_add(struct play *play, uint8_t from, const struct ep_frame *frame)
{
	uint32_t at = sizeof(struct ep_wire_header);
	while (at < frame->len) {
		const struct ep_msg *msg = ep_wire_msg(frame->data, at);
		add_one(play, from, frame->member, frame->data, msg);
		at += msg->len;
	}
}

static const char *instance_name(const struct play *play, uint8_t col, uint64_t i)
{
	static char text[32];
	for (uint32_t k = 0; k < play->names_count; k++)
		if (play->names[k].i == i && play->names[k].col == col)
			return play->names[k].text;
	snprintf(text, sizeof text, "(%u,%llu)", col, (unsigned long long)i);
	return text;
}

static bool has_ballot(uint8_t type)
{
	return type != EP_PREACCEPT && type != EP_PREACCEPT_OK && type < EP_FETCH;
}

const char *flight_text(const struct play *play, const struct flying *f)
{
	static char text[100];
	struct message m;
	uint32_t at = 0;
	int used = snprintf(text, sizeof text, "%s", ep_wire_type_name(f->type));
	if (f->type < EP_STATUS)
		used += snprintf(text + used, sizeof text - (size_t)used, " %s", instance_name(play, f->col, f->i));
	if (f->type < EP_STATUS && decode_next(f->frame, f->len, play->n, &at, &m)) {
		if (has_ballot(f->type))
			used += snprintf(text + used, sizeof text - (size_t)used, " b%llu", (unsigned long long)m.bal);
		if (m.is_nop)
			snprintf(text + used, sizeof text - (size_t)used, " Nop");
	}
	return text;
}

static bool matches(const struct flying *f, const struct filter *want)
{
	return (want->from == 0xff || want->from == f->from) && (want->to == 0xff || want->to == f->to) &&
	       (want->type == 0 || want->type == f->type) &&
	       (!want->name || (f->type < EP_STATUS && want->name->col == f->col && want->name->i == f->i));
}

uint32_t flight_count(const struct play *play, const struct filter *want)
{
	uint32_t count = 0;
	for (uint32_t k = 0; k < play->flights; k++)
		count += matches(&play->flight[k], want);
	return count;
}

static struct flying take(struct play *play, uint32_t k)
{
	struct flying f = play->flight[k];
	memmove(&play->flight[k], &play->flight[k + 1], (play->flights - k - 1) * sizeof f);
	play->flights--;
	return f;
}

static void hand_over(struct play *play, const struct flying *f)
{
	struct host *h = &play->hosts[f->to];
	if (!h->replica) {
		play_note(play, f->to, "%s from p%u finds nobody", flight_text(play, f), f->from);
		return;
	}
	struct ep_source source = { .member = f->from };
	if (f->type != EP_STATUS) // too many to read
		play_note(play, f->to, "%s from p%u", flight_text(play, f), f->from);
	play->clocks[f->to] += 1000;
	host_receive(h, play->clocks[f->to], &source, f->frame, f->len);
	host_flush(h);
	play_tick(play, f->to);
}

uint32_t flight_deliver(struct play *play, const struct filter *want, bool is_kept)
{
	uint32_t done = 0, due = flight_count(play, want);
	for (uint32_t k = 0; done < due;) {
		if (!matches(&play->flight[k], want)) {
			k++;
			continue;
		}
		struct flying f = is_kept ? play->flight[k++] : take(play, k);
		hand_over(play, &f); // what it causes is added at the end, behind what is due
		if (!is_kept)
			free(f.frame);
		done++;
	}
	return done;
}

uint32_t flight_forge(struct play *play, const struct filter *want, const struct forgery *how)
{
	uint32_t done = 0, end = play->flights;
	for (uint32_t k = 0; k < end; k++) {
		if (!matches(&play->flight[k], want))
			continue;
		uint8_t frame[EP_FRAME_MAX_DEFAULT];
		struct ep_wire_header *header = (void *)frame;
		struct flying f = play->flight[k];
		memcpy(frame, f.frame, f.len);
		header->epoch += how->lie == 0;
		header->config_hash ^= how->lie == 1;
		header->incarnation += how->lie == 2;
		if (how->sender != 0xff)
			f.from = header->sender = how->sender;
		ep_wire_seal(frame, f.len);
		f.frame = frame;
		hand_over(play, &f); // what it causes is added at the end
		done++;
	}
	return done;
}

uint32_t flight_drop(struct play *play, const struct filter *want)
{
	uint32_t done = 0;
	for (uint32_t k = 0; k < play->flights;) {
		if (!matches(&play->flight[k], want)) {
			k++;
			continue;
		}
		struct flying f = take(play, k);
		play_note(play, f.from, "%s to p%u is lost", flight_text(play, &f), f.to);
		free(f.frame);
		done++;
	}
	return done;
}
