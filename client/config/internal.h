// What the parts of the configuration reader share: the loader, the table of settings, how an error
// is said.
#pragma once
#include <libconfig.h>
#include "client/config/config.h"

struct loader {
	const char *path;
	config_t file;
	struct pnyx_config result;
	char *error;
	size_t error_size;
};

enum field_kind {
	FIELD_U32,     // whole number in min..max
	FIELD_U64,     // the same, 64 bits
	FIELD_BITS,    // 64 bits as they are, also "0x..." in quotes
	FIELD_NAME,    // char[PNYX_CONFIG_NAME_MAX]: letters, digits, '-', '_'
	FIELD_PATH,    // char[PNYX_CONFIG_PATH_MAX]
	FIELD_CHOICE,  // uint32_t: index into choices
	FIELD_BOOL,    // bool
	FIELD_IP,      // uint8_t[4]
	FIELD_MAC,     // uint8_t[6]
	FIELD_UUID,    // uint8_t[16]
	FIELD_ADDRESS, // struct pnyx_config_address, port = min when not given
	FIELD_LCORES,  // list into struct pnyx_config_replica
	FIELD_SERVERS, // list into struct pnyx_config_client
};

struct field {
	const char *name;
	enum field_kind kind;
	bool is_required;
	size_t offset;	   // in the struct that the group fills
	size_t offset_has; // of the bool that says it was set; 0: none
	uint64_t min, max;
	const char *choices; // "a|b|c"
	const char *right;   // what would be right, where min..max does not say it
};

struct group {
	const char *name; // "replica.timers"; the environment's name is made from it when has_env
	bool has_env;
	const struct field *fields;
	uint32_t fields_count;
	const char *others; // names that are read elsewhere (sub-groups), one, or NULL
};

extern const struct group group_cluster, group_member, group_replica, group_timers, group_client,
    group_control;

// Writes "FILE:LINE: text" for a setting (NULL: the file as a whole) and returns false.
__attribute__((format(printf, 3, 4))) bool fail_at(struct loader *, const config_setting_t *,
						   const char *format, ...);
// The same for a line of the main file.
__attribute__((format(printf, 3, 4))) bool fail_line(struct loader *, int line, const char *format,
						     ...);
// The same for an override by environment variable.
__attribute__((format(printf, 3, 4))) bool fail_env(struct loader *, const char *variable,
						    const char *format, ...);
// For a setting by path ("replica.own_max") that came from the environment or from the file.
__attribute__((format(printf, 3, 4))) bool fail_setting(struct loader *, const char *setting,
							const char *format, ...);

// Fills the struct at `base` from a group of the file, resp. from the environment.
bool read_group(struct loader *, const config_setting_t *, const struct group *, void *base);
bool read_env(struct loader *, const struct group *, void *base);
// "replica.own_max" to "PNYX_REPLICA_OWN_MAX".
void env_name(const char *setting, char *ret, size_t size);

// Refuses numbers that libconfig would cut silently. `text` is the main file.
bool check_numbers(struct loader *, const char *text);
// What one setting alone cannot say.
bool check_all(struct loader *);

bool parse_u64(const char *text, uint64_t *ret); // decimal or 0x...
bool parse_ip(const char *text, uint8_t *ret);
bool parse_mac(const char *text, uint8_t *ret);
bool parse_uuid(const char *text, uint8_t *ret);
