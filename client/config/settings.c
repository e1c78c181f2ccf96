// The table of all settings: where each goes, what it may be.
#include "client/config/internal.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define AT(type, field) .offset = offsetof(struct type, field)
#define NUMBER(type, field, low, high)                                                             \
	{                                                                                          \
		.name = #field, .kind = FIELD_U32, AT(type, field), .min = (low), .max = (high)    \
	}

static const struct field cluster_fields[] = {
    {.name = "id", .kind = FIELD_BITS, .is_required = true, AT(pnyx_config_cluster, id)},
    {.name = "name", .kind = FIELD_NAME, .is_required = true, AT(pnyx_config_cluster, name)},
    NUMBER(pnyx_config_cluster, frame_max, 1024, 8972),
    {.name = "hash_seed", .kind = FIELD_BITS, AT(pnyx_config_cluster, hash_seed)},
    NUMBER(pnyx_config_cluster, e, 0, 1),
};

static const struct field member_fields[] = {
    {.name = "name", .kind = FIELD_NAME, .is_required = true, AT(pnyx_config_member, name)},
    {.name = "uuid", .kind = FIELD_UUID, .is_required = true, AT(pnyx_config_member, uuid)},
    {.name = "ip", .kind = FIELD_IP, .is_required = true, AT(pnyx_config_member, address.ip)},
    // 16 bits wide: fields.c knows it by its largest value
    {.name = "port",
     .kind = FIELD_U32,
     AT(pnyx_config_member, address.port),
     .min = 1,
     .max = 65535},
    {.name = "mac",
     .kind = FIELD_MAC,
     AT(pnyx_config_member, mac),
     .offset_has = offsetof(struct pnyx_config_member, has_mac)},
    {.name = "control",
     .kind = FIELD_ADDRESS,
     AT(pnyx_config_member, control),
     .min = PNYX_CONFIG_CONTROL_PORT},
    {.name = "incarnation",
     .kind = FIELD_U64,
     AT(pnyx_config_member, incarnation),
     .min = 1,
     .max = INT64_MAX},
    {.name = "join", .kind = FIELD_BOOL, AT(pnyx_config_member, is_joiner)},
};

static const struct field replica_fields[] = {
    {.name = "arena", .kind = FIELD_PATH, AT(pnyx_config_replica, arena)},
    {.name = "window",
     .kind = FIELD_U32,
     AT(pnyx_config_replica, window),
     .min = 128,
     .max = 1u << 24,
     .right = "a power of two from 128 to 16777216"},
    NUMBER(pnyx_config_replica, own_max, 1, (1u << 24) - 64),
    NUMBER(pnyx_config_replica, sessions_max, 1, 1u << 24),
    NUMBER(pnyx_config_replica, session_idle_s, 10, 1000000),
    {.name = "app_capacity",
     .kind = FIELD_U64,
     AT(pnyx_config_replica, app_capacity),
     .min = 64,
     .max = 1ULL << 30},
    NUMBER(pnyx_config_replica, batch_max, 1, 64),
    {.name = "keys_max",
     .kind = FIELD_U32,
     AT(pnyx_config_replica, keys_max),
     .min = 2,
     .max = 64,
     .right = "a power of two from 2 to 64"},
    NUMBER(pnyx_config_replica, index_keys, 16, 1u << 28),
    NUMBER(pnyx_config_replica, cost_max, 1, 1u << 30),
    NUMBER(pnyx_config_replica, exec_budget, 16, 1u << 20),
    {.name = "agents",
     .kind = FIELD_CHOICE,
     AT(pnyx_config_replica, agents),
     .choices = "auto|fused|split"},
    {.name = "idle",
     .kind = FIELD_CHOICE,
     AT(pnyx_config_replica, idle),
     .choices = "auto|busy|yield|sleep"},
    {.name = "checksum",
     .kind = FIELD_CHOICE,
     AT(pnyx_config_replica, checksum),
     .choices = "auto|check|ignore"},
    {.name = "lcores", .kind = FIELD_LCORES, .max = 1023},
    NUMBER(pnyx_config_replica, prefix, 1, 30),
    NUMBER(pnyx_config_replica, guard_rate, 0, 10000000),
    NUMBER(pnyx_config_replica, guard_burst, 1, 1000000),
    {.name = "gateway",
     .kind = FIELD_IP,
     AT(pnyx_config_replica, gateway),
     .offset_has = offsetof(struct pnyx_config_replica, has_gateway)},
};

// One minute is above every sensible timeout; a larger number is a wrong unit.
static const struct field timer_fields[] = {
    NUMBER(pnyx_config_timers, fast_min_us, 1, 60000000),
    NUMBER(pnyx_config_timers, resend_min_us, 1, 60000000),
    NUMBER(pnyx_config_timers, open_min_us, 1, 60000000),
    NUMBER(pnyx_config_timers, status_us, 1, 60000000),
    NUMBER(pnyx_config_timers, fast_rtts, 1, 10000),
    NUMBER(pnyx_config_timers, resend_rtts, 1, 10000),
    NUMBER(pnyx_config_timers, open_rtts, 1, 10000),
};

static const struct field client_fields[] = {
    {.name = "servers", .kind = FIELD_SERVERS},
    NUMBER(pnyx_config_client, deadline_ms, 1, 3600000),
    NUMBER(pnyx_config_client, sessions, 1, 4096),
};

static const struct field control_fields[] = {
    {.name = "listen",
     .kind = FIELD_ADDRESS,
     AT(pnyx_config_control, listen),
     .offset_has = offsetof(struct pnyx_config_control, has_listen),
     .min = PNYX_CONFIG_CONTROL_PORT},
    {.name = "metrics",
     .kind = FIELD_ADDRESS,
     AT(pnyx_config_control, metrics),
     .min = PNYX_CONFIG_METRICS_PORT},
    NUMBER(pnyx_config_control, suspect_ms, 5, 60000),
    NUMBER(pnyx_config_control, trust_ms, 1, 600000),
    NUMBER(pnyx_config_control, eject_s, 0, 86400),
    {.name = "rejoin", .kind = FIELD_BOOL, AT(pnyx_config_control, rejoin)},
};

const struct group group_cluster = {"cluster", false, cluster_fields, COUNT(cluster_fields), NULL};
const struct group group_member = {"member", false, member_fields, COUNT(member_fields), NULL};
const struct group group_replica = {"replica", true, replica_fields, COUNT(replica_fields),
				    "timers"};
const struct group group_timers = {"replica.timers", true, timer_fields, COUNT(timer_fields), NULL};
const struct group group_client = {"client", true, client_fields, COUNT(client_fields), NULL};
const struct group group_control = {"control", true, control_fields, COUNT(control_fields), NULL};
