// Three make-believe replicas on loopback UDP sockets, and the clock that the client reads.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <CUnit/CUnit.h>
#include "consensus/app/app.h"
#include "tests/unit/fake_cluster.h"

#define SESSIONS_MAX 4096
#define PENDING_MAX 4096
#define DATAGRAM_MAX 2048

struct fake fake;

struct session {
	struct ep_session_id id;
	uint64_t last, digest;
	uint8_t status, result[EP_KEPT_MAX];
	uint32_t len;
	bool exists;
};
static struct session sessions[SESSIONS_MAX];
static uint64_t next_instance;

struct pending { // an answer on its way
	uint64_t at_ns;
	int server;
	uint32_t len;
	uint8_t data[DATAGRAM_MAX];
};
static struct pending pending[PENDING_MAX];
static uint32_t pending_count;

static struct sockaddr_in heard[FAKE_SERVERS]; // who was heard last
static struct ep_journal journal;
static uint8_t *store;
static uint32_t digest_asked;

// ---- the state that all replicas share ----

static void make_store(void)
{
	struct pnyx_app_config config = {
	    .capacity = 4096, .seed = 7, .result_max = ep_result_max(fake.frame_max)};
	store = aligned_alloc(64, pnyx_app_size(&config));
	CU_ASSERT_PTR_NOT_NULL_FATAL(store);
	memset(store, 0, pnyx_app_size(&config));
	memset(&journal, 0, sizeof journal);
	pnyx_app_init(store, &config);
}

static uint32_t apply(const struct ep_wire_command *c, uint8_t *result, uint32_t cap)
{
	struct ep_txn txn = {.arena = store, .journal = &journal};
	uint32_t len = pnyx_app_apply(store, &txn, (const uint8_t *)(c + 1),
				      (uint32_t)(c->len - sizeof *c), result, cap);
	ep_txn_commit(&txn);
	pnyx_app_committed(store);
	return len;
}

static bool same_session(const struct ep_session_id *a, const struct ep_session_id *b)
{
	return a->i == b->i && a->epoch == b->epoch && a->col == b->col;
}

static struct session *find_session(const struct ep_session_id *id)
{
	for (uint32_t k = 0; k < SESSIONS_MAX; k++) {
		if (sessions[k].exists && same_session(&sessions[k].id, id))
			return &sessions[k];
	}
	return NULL;
}

static uint8_t open_session(int server, struct ep_session_id *id)
{
	if (fake.sessions >= fake.sessions_max)
		return EP_FULL;
	for (uint32_t k = 0; k < SESSIONS_MAX; k++) {
		if (sessions[k].exists)
			continue;
		sessions[k] = (struct session){.exists = true};
		sessions[k].id = (struct ep_session_id){
		    .i = ++next_instance, .epoch = fake.epoch, .col = (uint8_t)server};
		*id = sessions[k].id;
		fake.sessions++;
		return EP_OK;
	}
	return EP_FULL;
}

static uint8_t run_update(const struct ep_wire_command *c, uint8_t *result, uint32_t *len)
{
	struct session *s = find_session(&c->session);
	if (s == NULL)
		return EP_NO_SESSION;
	uint64_t digest = ep_hash64(1, c + 1, (uint32_t)(c->len - sizeof *c));
	if (c->seq < s->last)
		return EP_STALE;
	if (c->seq == s->last) {
		memcpy(result, s->result, *len = s->len);
		return digest == s->digest ? EP_OK : EP_MISMATCH;
	}
	fake.updates++;
	s->last = c->seq;
	s->digest = digest;
	s->len = *len = apply(c, s->result, EP_KEPT_MAX);
	memcpy(result, s->result, s->len);
	return EP_OK;
}

static uint8_t expire(const struct ep_wire_command *c)
{
	struct session *s = find_session(&c->session);
	if (s == NULL)
		return EP_NO_SESSION;
	if (s->last != c->seq)
		return EP_STALE;
	s->exists = false;
	fake.sessions--;
	return EP_OK;
}

void fake_forget_sessions(void)
{
	memset(sessions, 0, sizeof sessions);
	fake.sessions = 0;
}

static uint8_t execute(int server, const struct ep_wire_command *c, struct ep_session_id *id,
		       uint8_t *result, uint32_t *len)
{
	struct pnyx_intent intent;
	bool has_bytes = c->kind == EP_CMD_UPDATE || c->kind == EP_CMD_READ;
	if (has_bytes && pnyx_app_inspect((const uint8_t *)(c + 1), (uint32_t)(c->len - sizeof *c),
					  1384, &intent) != PNYX_FINE)
		return EP_BAD_COMMAND;
	switch (c->kind) {
	case EP_CMD_UPDATE:
		return run_update(c, result, len);
	case EP_CMD_READ:
		*len = apply(c, result, ep_result_max(fake.frame_max));
		return EP_OK;
	case EP_CMD_OPEN:
		return open_session(server, id);
	case EP_CMD_EXPIRE:
		return expire(c);
	}
	return EP_BAD_COMMAND;
}

// ---- answers ----

static bool chance(uint32_t per_cent)
{
	return per_cent > 0 && ep_random(&fake.random) % 100 < per_cent;
}

static void post(int k, const uint8_t *data, uint32_t len)
{
	struct fake_server *s = &fake.server[k];
	if (s->drop_replies > 0) {
		s->drop_replies--;
		return;
	}
	uint32_t copies = 1 + s->copies + chance(fake.duplication);
	for (uint32_t c = 0; c < copies && pending_count < PENDING_MAX; c++) {
		if (chance(fake.loss))
			continue;
		struct pending *p = &pending[pending_count++];
		p->at_ns = fake.now + s->delay_ns +
			   (fake.jitter_ns > 0 ? ep_random(&fake.random) % fake.jitter_ns : 0);
		p->server = k;
		p->len = len;
		memcpy(p->data, data, len);
	}
}

struct answer {
	uint8_t data[DATAGRAM_MAX];
	uint32_t used;
	int server;
};

static void begin(struct answer *a)
{
	a->used =
	    ep_wire_begin(a->data, EP_FRAME_REPLY, (uint8_t)a->server, FAKE_CLUSTER, fake.epoch);
}

static void finish(struct answer *a)
{
	if (((struct ep_wire_header *)(void *)a->data)->count > 0) {
		ep_wire_seal(a->data, a->used);
		post(a->server, a->data, a->used);
	}
	begin(a);
}

static void *add(struct answer *a, enum ep_msg_type type, uint64_t cookie, size_t len)
{
	uint32_t bytes = (uint32_t)(sizeof(struct ep_msg) + len);
	struct ep_msg *m = ep_wire_append(a->data, &a->used, fake.frame_max, type, bytes);
	if (m == NULL) {
		finish(a);
		m = ep_wire_append(a->data, &a->used, fake.frame_max, type, bytes);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	m->i = cookie;
	return m + 1;
}

static void add_welcome(struct answer *a, enum ep_msg_type type, uint64_t cookie)
{
	struct ep_wire_welcome *w =
	    add(a, type, cookie, sizeof *w + fake.n * sizeof(struct ep_wire_member));
	*w = (struct ep_wire_welcome){.n = (uint8_t)fake.n,
				      .self = (uint8_t)((uint32_t)a->server % fake.n),
				      .frame_max = fake.frame_max,
				      .epoch = fake.epoch,
				      .command_max = (uint16_t)ep_command_max(fake.frame_max),
				      .result_max = (uint16_t)ep_result_max(fake.frame_max),
				      .kept_max = EP_KEPT_MAX};
	struct ep_wire_member *members = (struct ep_wire_member *)(void *)(w + 1);
	for (uint32_t k = 0; k < fake.n; k++) {
		members[k].uuid[0] = (uint8_t)(k + 1);
		memcpy(members[k].ip, "\x7f\0\0\1", 4);
		members[k].port = fake.server[k].port;
	}
}

static void add_reply(struct answer *a, uint64_t cookie, uint8_t status,
		      const struct ep_session_id *id, const uint8_t *result, uint32_t len)
{
	struct ep_wire_reply *r = add(a, EP_C_REPLY, cookie, sizeof *r + len);
	r->status = status;
	r->instance = *id;
	memcpy(r + 1, result, len);
	((struct ep_msg *)(void *)r)[-1].flags = EP_MSG_FAST;
}

static void on_request(struct answer *a, const struct ep_msg *m)
{
	const struct ep_wire_command *c = (const struct ep_wire_command *)(const void *)(m + 1);
	struct fake_server *s = &fake.server[a->server];
	struct ep_session_id id = {0};
	uint8_t result[DATAGRAM_MAX];
	uint32_t len = 0;

	if (fake.seen_count < FAKE_LOG_MAX)
		fake.seen[fake.seen_count++] = (struct fake_seen){.server = (uint8_t)a->server,
								  .kind = c->kind,
								  .at_ns = fake.now,
								  .cookie = m->i,
								  .seq = c->seq,
								  .session = c->session};
	if (s->busy > 0) {
		s->busy--;
		struct ep_wire_busy *b = add(a, EP_C_BUSY, m->i, sizeof *b);
		b->retry_ns = s->busy_ns;
		return;
	}
	uint8_t status = EP_REDIRECT;
	if (s->redirect > 0)
		s->redirect--;
	else
		status = execute(a->server, c, &id, result, &len);
	add_reply(a, m->i, status, &id, result, len);
}

static void on_message(struct answer *a, const struct ep_wire_header *h, const struct ep_msg *m)
{
	switch (m->type) {
	case EP_C_HELLO:
		add_welcome(a, EP_C_WELCOME, m->i);
		return;
	case EP_C_REQUEST:
		if (h->epoch != 0 && h->epoch != fake.epoch)
			add_welcome(a, EP_C_WRONG_EPOCH, m->i);
		else
			on_request(a, m);
		return;
	case EP_C_STATS: {
		uint64_t *values = add(a, EP_C_STATS_REPLY, m->i, 3 * sizeof *values);
		((struct ep_msg *)(void *)values)[-1].arg = m->arg;
		for (uint32_t k = 0; k < 3; k++)
			ep_store64(values + k, 100 * (m->arg + 1u) + k);
		return;
	}
	case EP_C_DIGEST: {
		struct ep_wire_digest *d = add(a, EP_C_DIGEST_REPLY, m->i, sizeof *d + 8 * fake.n);
		*d = (struct ep_wire_digest){.is_complete = digest_asked++ >= fake.digest_rounds,
					     .n = (uint8_t)fake.n,
					     .application = 11,
					     .sessions = 12,
					     .executed_set = 13,
					     .executed = 14};
		ep_store64((uint8_t *)(d + 1) + 8, 55);
		return;
	}
	}
	CU_FAIL("a client sent another message");
}

static void on_frame(int k, uint8_t *data, uint32_t len)
{
	struct ep_wire_header *h = (struct ep_wire_header *)(void *)data;
	CU_ASSERT_EQUAL_FATAL(ep_wire_check(data, len), EP_DROP_NONE); // clients send no nonsense
	CU_ASSERT_EQUAL(h->sender, EP_SENDER_CLIENT);
	CU_ASSERT(len <= fake.frame_max);
	if (h->kind == EP_FRAME_ECHO) {
		h->kind = EP_FRAME_ECHO_REPLY;
		ep_wire_seal(data, len);
		post(k, data, len);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(h->kind, EP_FRAME_REQUEST);
	fake.server[k].frames++;
	struct answer a = {.server = k};
	begin(&a);
	uint32_t at = sizeof *h;
	for (uint32_t count = h->count; count > 0; count--) {
		uint32_t payload;
		const struct ep_msg *m = ep_wire_msg(data, at);
		CU_ASSERT_EQUAL_FATAL(ep_wire_check_msg(m, fake.n, &payload), EP_DROP_NONE);
		bool is_hello = m->type == EP_C_HELLO && h->cluster == 0;
		CU_ASSERT(h->cluster == FAKE_CLUSTER || is_hello);
		on_message(&a, h, m);
		at += m->len;
	}
	finish(&a);
}

// ---- sockets and time ----

static void hear(int k)
{
	struct fake_server *s = &fake.server[k];
	uint8_t data[DATAGRAM_MAX];
	socklen_t size = sizeof heard[k];
	ssize_t len;
	while ((len = recvfrom(s->fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&heard[k],
			       &size)) > 0) {
		if (s->is_dead || chance(fake.loss))
			continue;
		if (s->drop_requests > 0)
			s->drop_requests--;
		else
			on_frame(k, data, (uint32_t)len);
	}
}

void fake_send(int k, const void *data, uint32_t len)
{
	ssize_t sent = sendto(fake.server[k].fd, data, len, 0, (const struct sockaddr *)&heard[k],
			      sizeof heard[k]);
	CU_ASSERT_EQUAL(sent, (ssize_t)len);
}

// Answers what has come and delivers what is due. Returns when the next answer is due.
static uint64_t serve(void)
{
	for (int k = 0; k < FAKE_SERVERS; k++)
		hear(k);
	uint64_t next = UINT64_MAX;
	uint32_t kept = 0;
	for (uint32_t p = 0; p < pending_count; p++) {
		if (pending[p].at_ns <= fake.now) {
			fake_send(pending[p].server, pending[p].data, pending[p].len);
			continue;
		}
		if (pending[p].at_ns < next)
			next = pending[p].at_ns;
		if (kept != p)
			pending[kept] = pending[p];
		kept++;
	}
	pending_count = kept;
	return next;
}

int fake_clock_gettime(clockid_t id, struct timespec *t);
int fake_clock_gettime(clockid_t id, struct timespec *t)
{
	(void)id;
	fake.now += 50; // looking takes time, so that loops end
	if (fake.serves_in_clock)
		(void)serve();
	*t = (struct timespec){(time_t)(fake.now / 1000000000u), (long)(fake.now % 1000000000u)};
	return 0;
}

// Draws from the run's own source, so that equal seeds give equal runs.
ssize_t fake_getrandom(void *buffer, size_t size, unsigned flags);
ssize_t fake_getrandom(void *buffer, size_t size, unsigned flags)
{
	(void)flags;
	for (size_t k = 0; k < size; k++)
		((uint8_t *)buffer)[k] = (uint8_t)ep_random(&fake.random);
	return (ssize_t)size;
}

int fake_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	       const sigset_t *mask);
int fake_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	       const sigset_t *mask)
{
	(void)mask;
	uint64_t end =
	    fake.now + (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
	for (;;) {
		uint64_t next = serve();
		int ready = poll(fds, count, 0);
		if (ready != 0 || fake.now >= end)
			return ready;
		fake.now = next < end ? next : end;
	}
}

// ---- for the tests ----

void fake_start(void)
{
	memset(&fake, 0, sizeof fake);
	fake = (struct fake){.now = 1000000000,
			     .epoch = 1,
			     .n = FAKE_SERVERS,
			     .sessions_max = SESSIONS_MAX,
			     .frame_max = EP_FRAME_MAX_DEFAULT,
			     .random = 1};
	pending_count = 0;
	next_instance = 0;
	digest_asked = 0;
	fake_forget_sessions();
	make_store();
	for (int k = 0; k < FAKE_SERVERS; k++) {
		struct sockaddr_in addr = {.sin_family = AF_INET,
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t size = sizeof addr;
		fake.server[k].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		CU_ASSERT_FATAL(fake.server[k].fd >= 0);
		CU_ASSERT_EQUAL_FATAL(
		    bind(fake.server[k].fd, (struct sockaddr *)&addr, sizeof addr), 0);
		CU_ASSERT_EQUAL_FATAL(
		    getsockname(fake.server[k].fd, (struct sockaddr *)&addr, &size), 0);
		fake.server[k].port = ntohs(addr.sin_port);
		fake.server[k].delay_ns = 100000; // a round trip takes 0.1 ms
	}
}

void fake_stop(void)
{
	for (int k = 0; k < FAKE_SERVERS; k++)
		close(fake.server[k].fd);
	free(store);
	store = NULL;
}

const char *fake_servers(int from)
{
	static char text[128];
	size_t used = 0;
	for (int k = from; k < FAKE_SERVERS; k++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s127.0.0.1:%u",
					 k > from ? "," : "", fake.server[k].port);
	return text;
}

struct pnyx_options fake_options(void)
{
	struct pnyx_options o;
	pnyx_options_init(&o);
	o.servers = fake_servers(0);
	o.deadline_ms = 1000;
	return o;
}

struct pnyx *fake_connect(const struct pnyx_options *o)
{
	char error[PNYX_ERROR_MAX] = "";
	struct pnyx *c = pnyx_connect(o, error, sizeof error);
	if (c == NULL)
		printf("\n%s\n", error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

uint32_t fake_count(uint32_t from, uint8_t kind)
{
	uint32_t count = 0;
	for (uint32_t k = from; k < fake.seen_count; k++)
		count += fake.seen[k].kind == kind;
	return count;
}
