// The configuration file that all Pnyx programs share, read into plain structs.
//
// Grammar and checks: client/config/README.md. Numbers that the consensus core has a default for
// are 0 here when the file does not set them ("core's default" below): the reader of this struct
// leaves such fields of the core as they are.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PNYX_CONFIG_MEMBERS_MAX 16 // entries of the file
#define PNYX_CONFIG_FIRST_MAX 7	   // of them those of the first list
#define PNYX_CONFIG_NAME_MAX 32	 // bytes of a name with its final 0
#define PNYX_CONFIG_PATH_MAX 256 // bytes of a path with its final 0
#define PNYX_CONFIG_LCORES_MAX 8
#define PNYX_CONFIG_SERVERS_MAX 16
#define PNYX_CONFIG_SERVER_MAX 64     // bytes of one server's text with its final 0
#define PNYX_CONFIG_ERROR_MAX 640     // enough for every message
#define PNYX_CONFIG_PORT 7787	      // members and clients, UDP
#define PNYX_CONFIG_CONTROL_PORT 7788 // control plane, TCP
#define PNYX_CONFIG_METRICS_PORT 9788 // of the control plane, HTTP

struct pnyx_config_address {
	uint8_t ip[4]; // network order
	uint16_t port; // host order
};

struct pnyx_config_cluster { // equal on all members
	uint64_t id;	     // never 0
	char name[PNYX_CONFIG_NAME_MAX];
	uint32_t frame_max; // UDP payload bytes, 1024..8972; default 1472
	uint64_t hash_seed; // default: made from id
	uint32_t e;	    // 0 (default) or 1; 1 needs 5 members or more
};

struct pnyx_config_member {
	char name[PNYX_CONFIG_NAME_MAX];
	uint8_t uuid[16];
	char uuid_text[37];
	struct pnyx_config_address address;
	bool has_mac; // false: asked for by ARP
	uint8_t mac[6];
	struct pnyx_config_address control; // default: the member's ip, port 7788
	uint64_t incarnation;		    // default 1
	bool is_joiner; // not in the cluster's first list: it waits until it is added
};

enum pnyx_config_agents { PNYX_AGENTS_AUTO = 0, PNYX_AGENTS_FUSED, PNYX_AGENTS_SPLIT };
enum pnyx_config_idle { PNYX_IDLE_AUTO = 0, PNYX_IDLE_BUSY, PNYX_IDLE_YIELD, PNYX_IDLE_SLEEP };
// Of received UDP checksums. AUTO: by the port where it can, in software where it cannot, not at all
// where frames come from a kernel on this machine (veth delivers partial ones); CRC32C covers the
// payload always.
enum pnyx_config_checksum { PNYX_CHECKSUM_AUTO = 0, PNYX_CHECKSUM_CHECK, PNYX_CHECKSUM_IGNORE };

struct pnyx_config_timers {					     // 0: core's default
	uint32_t fast_min_us, resend_min_us, open_min_us, status_us; // microseconds
	uint32_t fast_rtts, resend_rtts, open_rtts; // multiples of the smoothed round trip
};

struct pnyx_config_replica {
	char arena[PNYX_CONFIG_PATH_MAX]; // directory or file; "" (default): hugetlbfs, else
					  // /dev/shm
	uint32_t window;		  // 0: core's default; else a power of two, 128..16777216
	uint32_t own_max;		  // 0: core's default; else at most window - 64
	uint32_t sessions_max;		  // 0: core's default
	uint32_t session_idle_s;	  // 0: core's default; seconds without use until it is ended
	uint64_t app_capacity;		  // 0: core's default; application units
	uint32_t batch_max;		  // 0: core's default; commands that may share an instance
	uint32_t keys_max;		  // 0: core's default
	uint32_t index_keys;		  // 0: core's default
	uint32_t cost_max;		  // 0: core's default
	uint32_t exec_budget;		  // 0: core's default
	uint32_t agents;		  // enum pnyx_config_agents, default AUTO
	uint32_t idle;			  // enum pnyx_config_idle, default AUTO
	uint32_t checksum;		  // enum pnyx_config_checksum, default AUTO
	uint32_t lcores[PNYX_CONFIG_LCORES_MAX];
	uint32_t lcores_count; // 0: EAL's arguments or the program decide
	uint32_t prefix;       // length of the network prefix, default 24
	uint32_t guard_rate;   // frames per second that a client's address may send; 0 (default): no limit
	uint32_t guard_burst;  // of them at once; 0: 1024
	bool has_gateway;
	uint8_t gateway[4]; // network order
	struct pnyx_config_timers timers;
};

struct pnyx_config_control {
	struct pnyx_config_address listen; // of the control plane; default: the member's `control`
	bool has_listen;
	struct pnyx_config_address metrics; // HTTP; default 127.0.0.1:9788
	uint32_t suspect_ms; // silence after which a peer is suspected, default 50
	uint32_t trust_ms;   // how long it must be heard to be trusted again, default 200
	uint32_t eject_s;    // silence after which a member is proposed to be left out; 0 (default): never
	bool rejoin;         // a member that is out, or lost its arena, asks to be taken in again; default false
};

struct pnyx_config_client {
	// "IP", "IP:PORT" or a member's name; none: all members
	char servers[PNYX_CONFIG_SERVERS_MAX][PNYX_CONFIG_SERVER_MAX];
	uint32_t servers_count;
	uint32_t deadline_ms; // of one operation, default 5000
	uint32_t sessions;    // updates in flight at once; 0 (default): as many as operations
};

struct pnyx_config {
	struct pnyx_config_cluster cluster;
	struct pnyx_config_member
	    members[PNYX_CONFIG_MEMBERS_MAX]; // those of the first list first: their index is the column in epoch 1; then joiners
	uint32_t members_count;
	uint32_t first_count; // members of the first list, 1..PNYX_CONFIG_FIRST_MAX
	uint32_t
	    self; // index of the member asked for by name; members_count when no name was given
	struct pnyx_config_replica replica;
	struct pnyx_config_client client;
	struct pnyx_config_control control;
};

// Reads and checks a whole file, then the environment: PNYX_REPLICA_WINDOW=4096 overrides `window`
// in `replica`, and so on for every setting of `replica` (PNYX_REPLICA_TIMERS_... for its timers)
// of `client` (PNYX_CLIENT_...) and of `control` (PNYX_CONTROL_...). `name`: the member that this program is, NULL for none. On
// failure false, *ret untouched and `error` (PNYX_CONFIG_ERROR_MAX bytes are always enough) holds
// one line without newline: "FILE:LINE: what is wrong; what would be right".
bool pnyx_config_load(const char *path, const char *name, struct pnyx_config *ret, char *error,
		      size_t error_size);

// For a complaint of the core's own check, "SETTING: what would be right": puts the setting's place in front of it, FILE:LINE or
// "environment NAME" (of its group when it is not set).
void pnyx_config_blame(const char *path, const char *complaint, char *error, size_t error_size);

// For a new cluster: an id and uuids at random, of the members that are there already. False: no randomness, errno.
bool pnyx_config_draw(struct pnyx_config *);
// Writes a new cluster's file: id, name, hash_seed (0: left out), frame_max, members, prefix and gateway; every other setting keeps its default. It appears under its name when
// pnyx_config_load() has taken it, and never in the place of another. False: `error` is one line without newline.
bool pnyx_config_create(const char *path, const struct pnyx_config *, char *error, size_t error_size);

// Index of the member with this name; members_count when there is none.
uint32_t pnyx_config_member_named(const struct pnyx_config *, const char *name);

// "10.77.0.1" or "10.77.0.1:7787". Without a port *ret gets `port`. False (*ret untouched) when it
// is neither.
bool pnyx_config_parse_address(const char *text, uint16_t port, struct pnyx_config_address *ret);
