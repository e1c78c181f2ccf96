// One client and its commands, one at a time.
#include "tests/dpdk/lab_kv.h"
#include <string.h>

uint32_t lab_kv(uint8_t *bytes, uint8_t op, const char *key, const char *value)
{
	struct pnyx_kv_command command = { .op = op, .count = 1 };
	struct pnyx_kv_entry entry = { .key_len = (uint8_t)strlen(key), .value_len = (uint16_t)strlen(value) };
	memcpy(bytes, &command, sizeof command);
	memcpy(bytes + sizeof command, &entry, sizeof entry);
	uint32_t used = sizeof command + sizeof entry;
	memcpy(bytes + used, key, entry.key_len);
	memcpy(bytes + used + entry.key_len, value, entry.value_len);
	return used + entry.key_len + entry.value_len;
}

const struct ep_wire_reply *lab_ask(struct lab *lab, uint32_t node, uint8_t kind, uint64_t seq, uint8_t op, const char *key, const char *value)
{
	uint8_t bytes[600];
	uint32_t len = kind == EP_CMD_OPEN ? 0 : lab_kv(bytes, op, key, value);
	const struct ep_msg *msg = lab_command(lab, node, kind, kind == EP_CMD_UPDATE ? &lab->session : NULL, seq, bytes, len);
	return msg && msg->type == EP_C_REPLY ? (const void *)(msg + 1) : NULL;
}

static bool is_resolved(const struct lab *lab)
{
	for (uint32_t k = 0; k < LAB_MEMBERS; k++)
		for (uint32_t m = 0; m < LAB_MEMBERS; m++)
			if (m != k && !lab->nodes[k].net.neighbours[m].is_resolved)
				return false;
	return true;
}

bool lab_open(struct lab *lab)
{
	for (uint32_t tries = 0; tries < 100000 && !is_resolved(lab); tries++)
		lab_run(lab, 10);
	const struct ep_wire_reply *opened = lab_ask(lab, 0, EP_CMD_OPEN, 0, 0, "", "");
	if (!opened || opened->status != EP_OK)
		return false;
	lab->session = opened->instance;
	return true;
}

bool lab_put(struct lab *lab, uint32_t node, uint64_t seq, const char *key, const char *value)
{
	const struct ep_wire_reply *reply = lab_ask(lab, node, EP_CMD_UPDATE, seq, PNYX_KV_PUT, key, value);
	return reply && reply->status == EP_OK && reply->instance.col == node;
}

bool lab_get(struct lab *lab, uint32_t node, const char *key, const char *value)
{
	const struct ep_wire_reply *reply = lab_ask(lab, node, EP_CMD_READ, 0, PNYX_KV_GET, key, "");
	if (!reply || reply->status != EP_OK)
		return false;
	const uint8_t *v = (const uint8_t *)(reply + 1) + sizeof(struct pnyx_kv_result) + sizeof(struct pnyx_kv_value);
	return memcmp(v, value, strlen(value)) == 0;
}
