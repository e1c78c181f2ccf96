// Operations of the key-value store to command bytes, and results back (consensus/app/kv_format.h).
//
// Sizes are refused here, before anything is sent, with the limit in the error; the replicas check
// them again.
#include <string.h>
#include "client/internal.h"
#include "consensus/app/kv_format.h"

#define KEY_MAX 255

struct writer {
	struct pnyx *client;
	uint8_t *out;
	uint32_t used;
};

static bool put_bytes(struct writer *w, struct pnyx_bytes b)
{
	uint32_t max = w->client->cluster.command_max;
	if (b.len > max - w->used) {
		cl_error(w->client,
			 "the command is above the limit of %u bytes of this cluster (keys, values "
			 "and heads)",
			 max);
		return false;
	}
	if (b.len > 0)
		memcpy(w->out + w->used, b.data, b.len);
	w->used += (uint32_t)b.len;
	return true;
}

// Two limits: what an answer may carry, and what is left in the command behind this entry's head and
// key. The error names the one that binds.
static bool check_value(const struct writer *w, const char *what, size_t len, size_t key_len)
{
	struct pnyx *c = w->client;
	uint32_t max = pnyx_kv_value_max(c->cluster.result_max);
	size_t taken = w->used + sizeof(struct pnyx_kv_entry) + key_len;
	size_t left = taken < c->cluster.command_max ? c->cluster.command_max - taken : 0;
	if (len <= max && len <= left)
		return true;
	if (left < max)
		cl_error(c,
			 "%s of %zu bytes is above the limit of %zu bytes: a command of this "
			 "cluster has at most %u (keys, values and heads)",
			 what, len, left, c->cluster.command_max);
	else
		cl_error(c, "%s of %zu bytes is above the limit of %u bytes of this cluster", what,
			 len, max);
	return false;
}

static bool put_entry(struct writer *w, struct pnyx_bytes key, struct pnyx_bytes value,
		      struct pnyx_bytes expected)
{
	if (key.len < 1 || key.len > KEY_MAX) {
		cl_error(w->client, "key of %zu bytes: allowed are 1 to %d", key.len, KEY_MAX);
		return false;
	}
	if (!check_value(w, "value", value.len, key.len) ||
	    !check_value(w, "expected value", expected.len, key.len))
		return false;
	struct pnyx_kv_entry e = {.key_len = (uint8_t)key.len,
				  .value_len = (uint16_t)value.len,
				  .expect_len = (uint16_t)expected.len};
	return put_bytes(w, (struct pnyx_bytes){&e, sizeof e}) && put_bytes(w, key) &&
	       put_bytes(w, value) && put_bytes(w, expected);
}

static bool put_head(struct writer *w, enum pnyx_kv_op op, uint8_t flags, uint32_t count)
{
	struct pnyx_kv_command head = {.op = (uint8_t)op, .flags = flags, .count = (uint8_t)count};
	if (count < 1 || count > PNYX_ITEMS_MAX) {
		cl_error(w->client, "%u items in one operation: allowed are 1 to %d", count,
			 PNYX_ITEMS_MAX);
		return false;
	}
	return put_bytes(w, (struct pnyx_bytes){&head, sizeof head});
}

static bool put_items(struct writer *w, const struct pnyx_op *op, enum pnyx_kv_op kv)
{
	const struct pnyx_bytes none = {NULL, 0};
	if (!put_head(w, kv, 0, op->items_count))
		return false;
	for (uint32_t k = 0; k < op->items_count; k++) {
		if (!put_entry(w, op->items[k].key, kv == PNYX_KV_MPUT ? op->items[k].value : none,
			       none))
			return false;
	}
	return true;
}

static bool encode(struct writer *w, const struct pnyx_op *op)
{
	const struct pnyx_bytes none = {NULL, 0};
	const struct pnyx_bytes delta = {&op->delta, sizeof op->delta};

	switch (op->type) {
	case PNYX_GET:
		return put_head(w, PNYX_KV_GET, 0, 1) && put_entry(w, op->key, none, none);
	case PNYX_PUT:
		return put_head(w, PNYX_KV_PUT, 0, 1) && put_entry(w, op->key, op->value, none);
	case PNYX_DEL:
		return put_head(w, PNYX_KV_DELETE, 0, 1) && put_entry(w, op->key, none, none);
	case PNYX_CAS: {
		uint8_t flags = op->expected.data == NULL ? PNYX_KV_ABSENT : 0;
		return put_head(w, PNYX_KV_CAS, flags, 1) &&
		       put_entry(w, op->key, op->value, flags != 0 ? none : op->expected);
	}
	case PNYX_INCR:
		return put_head(w, PNYX_KV_INCR, 0, 1) && put_entry(w, op->key, delta, none);
	case PNYX_APPEND:
		return put_head(w, PNYX_KV_APPEND, 0, 1) && put_entry(w, op->key, op->value, none);
	case PNYX_MGET:
		return put_items(w, op, PNYX_KV_MGET);
	case PNYX_MPUT:
		return put_items(w, op, PNYX_KV_MPUT);
	case PNYX_RAW_READ:
	case PNYX_RAW_UPDATE:
		return put_bytes(w, op->value);
	}
	cl_error(w->client, "no such operation: %d", (int)op->type);
	return false;
}

uint32_t cl_kv_encode(struct pnyx *c, const struct pnyx_op *op, uint8_t *out)
{
	struct writer w = {c, out, 0};
	if (!encode(&w, op))
		return 0;
	if (w.used == 0)
		cl_error(c, "the command is empty");
	return w.used;
}

// ---- results ---------------------------------------------------------------------------

// The value at *at of an answer, *at then behind it. False when it does not fit.
static bool take_value(const struct pnyx_bytes *answer, size_t *at, struct pnyx_item *item)
{
	struct pnyx_kv_value v;
	const uint8_t *bytes = answer->data;
	if (answer->len - *at < sizeof v)
		return false;
	memcpy(&v, bytes + *at, sizeof v);
	*at += sizeof v;
	if (answer->len - *at < v.len)
		return false;
	item->is_found = v.code == PNYX_KV_OK;
	item->value = (struct pnyx_bytes){bytes + *at, v.len};
	*at += v.len;
	return true;
}

static enum pnyx_status status_of(uint8_t code)
{
	switch (code) {
	case PNYX_KV_OK:
		return PNYX_OK;
	case PNYX_KV_NOT_FOUND:
		return PNYX_NOT_FOUND;
	case PNYX_KV_CAS_FAILED:
		return PNYX_NO_MATCH;
	case PNYX_KV_NOT_A_NUMBER:
		return PNYX_NOT_NUMBER;
	case PNYX_KV_OVERFLOW:
		return PNYX_OVERFLOW;
	case PNYX_KV_TOO_LARGE:
		return PNYX_TOO_LARGE;
	}
	return PNYX_UNKNOWN;
}

static bool decode(const struct pnyx_bytes *answer, struct pnyx_completion *done)
{
	struct pnyx_kv_result head;
	if (answer->len < sizeof head)
		return false;
	memcpy(&head, answer->data, sizeof head);
	done->status = status_of(head.code);
	done->number = head.number;
	done->existed = (head.existed & 1) != 0;
	if (done->status == PNYX_OK && done->type == PNYX_DEL && !done->existed)
		done->status = PNYX_NOT_FOUND;
	if (done->type == PNYX_MGET) {
		done->value = *answer; // pnyx_items() splits it
	} else if (done->type == PNYX_GET && done->status == PNYX_OK) {
		struct pnyx_item item;
		size_t at = sizeof head;
		if (!take_value(answer, &at, &item))
			return false;
		done->value = item.value;
	}
	return done->status != PNYX_UNKNOWN;
}

void cl_kv_decode(struct pnyx *c, const struct cl_request *r, struct pnyx_completion *done)
{
	const struct pnyx_bytes answer = {r->body, r->body_len};
	if (done->type == PNYX_RAW_READ || done->type == PNYX_RAW_UPDATE) {
		done->value = answer;
		return;
	}
	if (decode(&answer, done))
		return;
	cl_error(c, "the answer does not parse: does the cluster run another application?");
	done->status = PNYX_UNKNOWN;
	done->value = (struct pnyx_bytes){NULL, 0};
}

int pnyx_items(const struct pnyx_completion *done, struct pnyx_item *items, uint32_t max)
{
	struct pnyx_kv_result head;
	size_t at = sizeof head;
	if (done->type != PNYX_MGET || done->status != PNYX_OK || done->value.len < sizeof head)
		return -1;
	memcpy(&head, done->value.data, sizeof head);
	if (head.count > max)
		return -1;
	for (uint32_t k = 0; k < head.count; k++) {
		if (!take_value(&done->value, &at, &items[k]))
			return -1;
	}
	return head.count;
}
