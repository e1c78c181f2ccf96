// One core on a table.
#include "tests/unit/core.h"
#include <stdlib.h>

struct ep_config core_config(uint8_t n, uint8_t self, uint8_t mode)
{
	struct ep_config c = { .cluster = 9, .n = n, .self = self, .mode = mode, .hash_seed = 4, .seed = self };
	ep_config_defaults(&c);
	c.window = 128;
	c.own_max = 32;
	c.keys_max = 16;
	c.index_keys = 256;
	c.sessions_max = 16;
	c.cost_max = 1024;
	c.app_capacity = 1u << 15;
	c.hello = EP_HELLO_NEVER;
	c.status_ns = 3600ull * 1000000000; // Status only when a test asks
	for (uint8_t m = 0; m < n; m++)
		c.members[m] = (struct ep_member){ .uuid = { (uint8_t)(m + 1) }, .ip = { 10, 0, 0, (uint8_t)(m + 1) }, .port = EP_UDP_PORT };
	return c;
}

static void on_sent(void *owner, uint8_t self, const struct ep_frame *frame)
{
	struct core *c = owner;
	(void)self;
	for (uint32_t at = sizeof(struct ep_wire_header); at < frame->len && c->said_count < CORE_SAID_MAX;) {
		const struct ep_msg *msg = ep_wire_msg(frame->data, at);
		struct said *s = &c->said[c->said_count++];
		uint32_t payload;
		CU_ASSERT_EQUAL(ep_wire_check_msg(msg, c->r->n, &payload), EP_DROP_NONE); // what we say, we understand
		s->to = frame->member;
		memcpy(s->frame, frame->data + at, msg->len);
		s->msg = (const void *)s->frame;
		s->bal = msg->len >= 24 ? ep_load64(s->frame + 16) : 0;
		static const uint8_t skip[] = { [EP_PREACCEPT] = 8, [EP_PREACCEPT_OK] = 0, [EP_ACCEPT] = 16, [EP_COMMIT] = 16,
						[EP_RECOVER_OK] = 32, [EP_VALIDATE] = 16 };
		bool has_vector = msg->type <= EP_ACCEPT || msg->type == EP_COMMIT || msg->type == EP_RECOVER_OK || msg->type == EP_VALIDATE;
		s->dep = has_vector ? (const void *)(s->frame + 16 + skip[msg->type]) : NULL;
		at += msg->len;
	}
}

void core_start_with(struct core *c, const struct ep_config *config)
{
	*c = (struct core){ .now = 1000000 };
	c->host.sent = on_sent;
	c->host.owner = c;
	host_start(&c->host, config, HOST_FRAMES_MAX);
	c->r = c->host.replica;
	core_wait(c, 1);
	core_forget(c);
}

void core_start(struct core *c, uint8_t n, uint8_t self, uint8_t mode)
{
	struct ep_config config = core_config(n, self, mode);
	core_start_with(c, &config);
}

void core_end(struct core *c)
{
	host_free(&c->host);
}

enum ep_attach core_restart(struct core *c)
{
	host_kill(&c->host);
	enum ep_attach verdict = host_attach(&c->host);
	c->r = c->host.replica;
	core_forget(c);
	return verdict;
}

void core_wait(struct core *c, ep_time ns)
{
	ep_time end = c->now + ns;
	for (uint32_t turns = 0; turns < 100000; turns++) {
		ep_time next = ep_deadline(c->r);
		if (next > end)
			break;
		c->now = next > c->now ? next : c->now;
		ep_tick(c->r, c->now, &c->host.effects);
		host_flush(&c->host);
	}
	c->now = end;
}

static uint32_t command(uint8_t *out, uint8_t kind, const struct ep_session_id *session, uint64_t seq, const char *key, const char *value)
{
	bool has_seq = kind == EP_CMD_UPDATE || kind == EP_CMD_EXPIRE;
	struct ep_wire_command head = { .kind = kind, .seq = has_seq ? seq : 0 };
	uint8_t bytes[KV_BYTES_MAX];
	uint32_t len = 0;
	if (key) {
		struct kv_text none = { "", 0 }, k = { key, (uint32_t)strlen(key) }, v = { value, value ? (uint32_t)strlen(value) : 0 };
		len = kv_bytes_begin(bytes, value ? PNYX_KV_PUT : kind == EP_CMD_UPDATE ? PNYX_KV_DELETE : PNYX_KV_GET, 0);
		len = kv_bytes_add(bytes, len, k, value ? v : none, none);
		memcpy(out + sizeof head, bytes, len);
	}
	if (session)
		head.session = *session;
	head.len = (uint16_t)(sizeof head + len);
	memcpy(out, &head, sizeof head);
	return head.len;
}

uint32_t core_payload(uint8_t *out, const struct ep_session_id *session, uint64_t seq, const char *key, const char *value)
{
	struct ep_wire_payload head = { .count = 1 };
	uint32_t len = command(out + sizeof head, session ? EP_CMD_UPDATE : EP_CMD_READ, session, seq, key, session ? value : NULL);
	head.len = (uint16_t)(sizeof head + len);
	memcpy(out, &head, sizeof head);
	return head.len;
}

// A payload of a session of its own for each instance, so that only the key makes commands interfere.
static uint32_t write_of(uint8_t *out, uint8_t col, uint64_t i, const char *key)
{
	struct ep_session_id session = { .i = 1000 + i, .epoch = 1, .col = col };
	return key[0] == '?' ? core_payload(out, NULL, 0, key + 1, NULL) : core_payload(out, &session, 1, key, "value");
}

void *core_begin(struct core *c, uint8_t from, enum ep_msg_type type, uint8_t flags, uint8_t col, uint64_t i, uint8_t arg, uint32_t body)
{
	const struct ep_config *config = &c->host.config;
	c->out_len = ep_wire_begin(c->out, EP_FRAME_MEMBER, from, config->cluster, config->epoch);
	struct ep_wire_header *h = (void *)c->out;
	h->config_hash = c->r->config_hash;
	h->start = 1;
	struct ep_msg *msg = ep_wire_append(c->out, &c->out_len, sizeof c->out, type, (uint32_t)sizeof *msg + body);
	msg->flags = flags;
	msg->col = col;
	msg->i = i;
	msg->arg = arg;
	return msg + 1;
}

void core_send(struct core *c, uint8_t from)
{
	struct ep_source source = { .member = from };
	ep_wire_seal(c->out, c->out_len);
	c->now += 1000;
	host_receive(&c->host, c->now, &source, c->out, c->out_len);
	host_flush(&c->host);
	host_tick(&c->host, c->now, 1000);
}

static void put_vector(const struct core *c, uint8_t *at, const uint64_t *deps)
{
	if (deps)
		memcpy(at, deps, 8u * c->r->n);
}

void core_preaccept(struct core *c, uint8_t from, uint64_t i, uint8_t fq, const uint64_t *deps, const char *key)
{
	uint8_t payload[KV_BYTES_MAX];
	uint32_t n = c->r->n, len = write_of(payload, from, i, key);
	uint8_t *body = core_begin(c, from, EP_PREACCEPT, 0, from, i, fq, 8 + 16 * n + len);
	ep_store64(body, i + 100); // seq
	put_vector(c, body + 8, deps);
	memcpy(body + 8 + 16 * n, payload, len);
	core_send(c, from);
}

void core_preaccept_ok(struct core *c, uint8_t from, uint64_t i, const uint64_t *deps)
{
	put_vector(c, core_begin(c, from, EP_PREACCEPT_OK, 0, c->r->self, i, 0, 8u * c->r->n), deps);
	core_send(c, from);
}

void core_value(struct core *c, uint8_t from, enum ep_msg_type type, uint8_t col, uint64_t i, uint64_t bal, const uint64_t *deps, const char *key)
{
	uint8_t payload[KV_BYTES_MAX];
	bool is_nop = key && strcmp(key, "NOP") == 0, is_short = key == NULL;
	uint32_t n = c->r->n, len = is_nop || is_short ? 0 : write_of(payload, col, i, key);
	uint8_t *body = core_begin(c, from, type, is_nop ? EP_MSG_NOP : is_short ? EP_MSG_SHORT : 0, col, i, 0, 16 + 8 * n + len);
	ep_store64(body, bal);
	ep_store64(body + 8, i + 100);
	put_vector(c, body + 16, deps);
	memcpy(body + 16 + 8 * n, payload, len);
	core_send(c, from);
}

void core_ballot(struct core *c, uint8_t from, enum ep_msg_type type, uint8_t col, uint64_t i, uint64_t bal)
{
	ep_store64(core_begin(c, from, type, 0, col, i, 0, 8), bal);
	core_send(c, from);
}

void core_recover_ok(struct core *c, const struct recovered *m)
{
	uint8_t payload[KV_BYTES_MAX];
	uint32_t n = c->r->n, len = m->key ? write_of(payload, m->col, m->i, m->key) : 0;
	uint8_t flags = (uint8_t)((m->key ? EP_MSG_HAS_PAYLOAD : 0) | (m->idep ? EP_MSG_HAS_INIT : 0) | (m->is_nop ? EP_MSG_NOP : 0));
	uint8_t *body = core_begin(c, m->from, EP_RECOVER_OK, flags, m->col, m->i, m->fq, 32 + 16 * n + len);
	struct ep_wire_recover_ok head = { .bal = m->bal, .abal = m->abal, .seq = m->key ? m->i + 100 : 0, .phase = m->phase };
	memcpy(body, &head, sizeof head);
	put_vector(c, body + 32, m->dep);
	put_vector(c, body + 32 + 8 * n, m->idep);
	memcpy(body + 32 + 16 * n, payload, len);
	core_send(c, m->from);
}

void core_request(struct core *c, uint8_t kind, const struct ep_session_id *session, uint64_t seq, const char *key, const char *value)
{
	core_request_of(c, c->host.config.epoch, kind, session, seq, key, value);
}

void core_request_of(struct core *c, uint32_t epoch, uint8_t kind, const struct ep_session_id *session, uint64_t seq, const char *key,
		     const char *value)
{
	uint8_t bytes[KV_BYTES_MAX];
	uint32_t len = command(bytes, kind, session, seq, key, value);
	c->out_len = ep_wire_begin(c->out, EP_FRAME_REQUEST, EP_SENDER_CLIENT, c->host.config.cluster, epoch);
	struct ep_msg *msg = ep_wire_append(c->out, &c->out_len, sizeof c->out, EP_C_REQUEST, (uint32_t)sizeof *msg + len);
	msg->i = seq;
	memcpy(msg + 1, bytes, len);
	core_send(c, EP_CLIENT);
}

uint32_t core_reconfig(uint8_t n, uint8_t out[EP_RECONFIG_MAX])
{
	struct ep_config config = core_config(n, 0, EP_MODE_AUTO);
	struct ep_membership next = { .n = n };
	memcpy(next.members, config.members, sizeof next.members);
	return ep_reconfig(1, &next, out);
}

struct ep_session_id core_open(struct core *c)
{
	core_forget(c);
	core_request(c, EP_CMD_OPEN, NULL, 0, NULL, NULL);
	const struct said *s = core_said(c, EP_CLIENT, EP_C_REPLY);
	struct ep_session_id none = { 0 };
	return s ? ((const struct ep_wire_reply *)(s->msg + 1))->instance : none;
}

const struct said *core_said(const struct core *c, uint8_t to, enum ep_msg_type type)
{
	for (uint32_t k = c->said_count; k > 0; k--)
		if (c->said[k - 1].to == to && c->said[k - 1].msg->type == type)
			return &c->said[k - 1];
	return NULL;
}

uint32_t core_count(const struct core *c, enum ep_msg_type type)
{
	uint32_t count = 0;
	for (uint32_t k = 0; k < c->said_count; k++)
		count += c->said[k].msg->type == type;
	return count;
}

void core_forget(struct core *c)
{
	c->said_count = 0;
}

bool core_deps_are(const struct core *c, const struct said *s, const uint64_t *deps)
{
	return s && s->dep && memcmp(s->dep, deps, 8u * c->r->n) == 0;
}

struct ep_record *core_record(const struct core *c, uint8_t col, uint64_t i)
{
	struct ep_record *rec = ep_rec(c->r, ep_slot_of(c->r, col, i));
	return rec_is_live(rec) && rec->i == i ? rec : NULL;
}

uint64_t core_drops(const struct core *c, enum ep_drop why)
{
	return ep_drops(c->r)[why];
}
