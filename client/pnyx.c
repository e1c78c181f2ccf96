// The calls of the public header: submit and poll, and the blocking calls built on them.
#include "client/internal.h"

const struct pnyx_cluster *pnyx_cluster(const struct pnyx *c)
{
	return &c->cluster;
}

const struct pnyx_counters *pnyx_counters(const struct pnyx *c)
{
	return &c->counters;
}

uint32_t pnyx_outstanding(const struct pnyx *c)
{
	return c->outstanding;
}

void pnyx_flush(struct pnyx *c)
{
	cl_net_flush(c);
}

// ---- engine ----------------------------------------------------------------------------

void cl_turn(struct pnyx *c, uint64_t until_ns)
{
	cl_net_flush(c);
	if (cl_net_receive(c) == 0) {
		cl_net_wait(c, cl_min(until_ns, cl_min(cl_timer_next(c), c->probe_ns)));
		cl_net_receive(c);
	}
	c->now = cl_clock();
	cl_request_events(c);
	cl_probe(c);
	cl_net_flush(c);
}

static bool is_read(enum pnyx_op_type type)
{
	switch (type) {
	case PNYX_GET:
	case PNYX_MGET:
	case PNYX_RAW_READ:
		return true;
	case PNYX_PUT:
	case PNYX_DEL:
	case PNYX_CAS:
	case PNYX_INCR:
	case PNYX_APPEND:
	case PNYX_MPUT:
	case PNYX_RAW_UPDATE:
		return false;
	}
	return false;
}

// Starts one operation; *ret is its request.
static enum pnyx_status submit(struct pnyx *c, const struct pnyx_op *op, int server,
			       struct cl_request **ret)
{
	bool reads = is_read(op->type);
	if (server != PNYX_ANY && (server < 0 || server >= c->cluster.n)) {
		cl_error(c, "no member %d: the cluster has %u", server, c->cluster.n);
		return PNYX_INVALID;
	}
	if (c->outstanding >= c->options.ops_max) {
		cl_error(c, "%u operations are outstanding, ops_max allows no more",
			 c->outstanding);
		return PNYX_AGAIN;
	}
	c->now = cl_clock();
	struct cl_request *r = cl_request_take(c, reads ? CL_READ : CL_UPDATE, server, false);
	if (r == NULL) { // answers that were handed out hold the slots until the next poll
		cl_error(c, "all slots hold answers: poll first");
		return PNYX_AGAIN;
	}
	uint32_t len = cl_kv_encode(c, op, r->body + sizeof(struct ep_wire_command));
	if (len == 0) {
		cl_request_free(c, r);
		return PNYX_INVALID;
	}
	r->op = op->type;
	if (op->intended_ns != 0)
		r->intended_ns = op->intended_ns;
	c->outstanding++;
	cl_command(r, reads ? EP_CMD_READ : EP_CMD_UPDATE, len);
	if (reads)
		cl_request_send(c, r);
	else
		cl_session_acquire(c, r);
	*ret = r;
	return PNYX_OK;
}

enum pnyx_status pnyx_submit(struct pnyx *c, const struct pnyx_op *op, int server, uint64_t token)
{
	struct cl_request *r;
	enum pnyx_status status = submit(c, op, server, &r);
	if (status == PNYX_OK)
		r->token = token;
	return status;
}

// Hands r out: fills the completion, and the slot is the user's until his next call.
void cl_complete(struct pnyx *c, struct cl_request *r, struct pnyx_completion *done)
{
	*done = (struct pnyx_completion){.token = r->token,
					 .type = r->op,
					 .status = r->status,
					 .is_fast = r->is_fast,
					 .server = r->answered_by,
					 .tries = r->tries,
					 .busy = r->busy,
					 .intended_ns = r->intended_ns,
					 .sent_ns = r->sent_ns,
					 .received_ns = r->received_ns};
	if (r->status == PNYX_OK)
		cl_kv_decode(c, r, done);
	r->state = CL_HANDED;
	cl_list_push(c, &c->handed, r);
	c->outstanding--;
}

int pnyx_poll(struct pnyx *c, int64_t timeout_us, struct pnyx_completion *completions, int max)
{
	int count = 0;
	uint64_t end = UINT64_MAX;

	cl_reclaim(c);
	if (timeout_us >= 0)
		end = cl_clock() + (uint64_t)timeout_us * 1000;
	do {
		cl_turn(c, c->done.count > 0 ? 0 : end);
	} while (c->done.count == 0 && c->now < end && (timeout_us >= 0 || c->outstanding > 0));
	while (count < max && c->done.count > 0)
		cl_complete(c, cl_list_pop(c, &c->done), &completions[count++]);
	return count;
}

// ---- blocking --------------------------------------------------------------------------

enum pnyx_status pnyx_do(struct pnyx *c, const struct pnyx_op *op, struct pnyx_completion *answer)
{
	struct cl_request *r;
	struct pnyx_completion ignored;
	struct pnyx_completion *to = answer != NULL ? answer : &ignored;

	cl_reclaim(c);
	c->error[0] = 0;
	*to = (struct pnyx_completion){.type = op->type, .server = -1};
	to->status = submit(c, op, PNYX_ANY, &r);
	if (to->status != PNYX_OK)
		return to->status;
	while (r->state != CL_DONE)
		cl_turn(c, UINT64_MAX); // its deadline is a timer
	cl_list_remove(c, &c->done, r);
	cl_complete(c, r, to);
	return to->status;
}

enum pnyx_status pnyx_get(struct pnyx *c, struct pnyx_bytes key, struct pnyx_completion *answer)
{
	return pnyx_do(c, &(struct pnyx_op){.type = PNYX_GET, .key = key}, answer);
}

enum pnyx_status pnyx_put(struct pnyx *c, struct pnyx_bytes key, struct pnyx_bytes value,
			  struct pnyx_completion *answer)
{
	return pnyx_do(c, &(struct pnyx_op){.type = PNYX_PUT, .key = key, .value = value}, answer);
}

enum pnyx_status pnyx_del(struct pnyx *c, struct pnyx_bytes key, struct pnyx_completion *answer)
{
	return pnyx_do(c, &(struct pnyx_op){.type = PNYX_DEL, .key = key}, answer);
}

enum pnyx_status pnyx_cas(struct pnyx *c, struct pnyx_bytes key, struct pnyx_bytes expected,
			  struct pnyx_bytes value, struct pnyx_completion *answer)
{
	struct pnyx_op op = {.type = PNYX_CAS, .key = key, .value = value, .expected = expected};
	return pnyx_do(c, &op, answer);
}

enum pnyx_status pnyx_incr(struct pnyx *c, struct pnyx_bytes key, int64_t delta,
			   struct pnyx_completion *answer)
{
	return pnyx_do(c, &(struct pnyx_op){.type = PNYX_INCR, .key = key, .delta = delta}, answer);
}

enum pnyx_status pnyx_append(struct pnyx *c, struct pnyx_bytes key, struct pnyx_bytes value,
			     struct pnyx_completion *answer)
{
	return pnyx_do(c, &(struct pnyx_op){.type = PNYX_APPEND, .key = key, .value = value},
		       answer);
}

enum pnyx_status pnyx_mget(struct pnyx *c, struct pnyx_item *items, uint32_t count,
			   struct pnyx_completion *answer)
{
	struct pnyx_completion own;
	struct pnyx_completion *to = answer != NULL ? answer : &own;
	struct pnyx_op op = {.type = PNYX_MGET, .items = items, .items_count = count};

	if (pnyx_do(c, &op, to) != PNYX_OK)
		return to->status;
	if (pnyx_items(to, items, count) != (int)count) {
		cl_error(c, "the answer has not one value for each of the %u keys", count);
		to->status = PNYX_UNKNOWN;
	}
	return to->status;
}

enum pnyx_status pnyx_mput(struct pnyx *c, const struct pnyx_item *items, uint32_t count,
			   struct pnyx_completion *answer)
{
	return pnyx_do(
	    c, &(struct pnyx_op){.type = PNYX_MPUT, .items = items, .items_count = count}, answer);
}
