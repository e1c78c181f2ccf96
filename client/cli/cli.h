// What the sub-commands of `pnyx` share: options, connecting, printing, exit codes.
#pragma once
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "client/config/config.h"
#include "client/pnyx.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_NOT_FOUND =
	    1, // no such key, cas did not match; digest: states differ; status: some did not answer
	EXIT_USAGE = 2,	  // wrong options, arguments, environment or configuration
	EXIT_UNKNOWN = 3, // the deadline passed: it may have been done; digest: not settled
	EXIT_REFUSED = 4, // a replica answered no: not a number, too large, no room, not understood
	EXIT_NOBODY = 5,  // nobody answers, nothing was changed
};

#define CLI_ARGS_MAX (2 * PNYX_ITEMS_MAX)

struct cli {
	const struct command *command;
	int command_index; // of its word in argv
	// options
	const char *servers;	 // as given; NULL: from the configuration
	const char *config_path; // NULL: none
	const char *via;	 // member's name or column, NULL: any
	const char *bind;
	const char *control; // directory of the nodes' run directories, NULL: the usual one
	uint64_t timeout_ms; // 0: from the configuration, else the library's default
	bool is_json, is_raw, is_verbose, is_busy;
	// arguments
	char *args[CLI_ARGS_MAX];
	uint32_t args_count;
	// the connection
	struct pnyx_config config; // legal when has_config
	bool has_config;
	char servers_text[PNYX_CONFIG_SERVERS_MAX * PNYX_CONFIG_SERVER_MAX];
	struct pnyx_options options;
	struct pnyx *client;
	int server; // from `via`, else PNYX_ANY
	char why[PNYX_ERROR_MAX]; // client == NULL: why not
};

enum connects {
	CONNECTS_FIRST = 0, // or the program ends
	CONNECTS_MAYBE,	    // runs without as well: `client` is NULL then
	CONNECTS_ITSELF,    // by cli_open(), or not at all
	CONNECTS_NEVER,	    // nor is there a configuration to read
};

struct command {
	const char *name, *args_doc, *doc;
	uint32_t args_min, args_max;
	const struct argp_option *options; // NULL: none of its own
	// Takes one option; NULL, or what would be right.
	const char *(*set)(int key, const char *arg);
	// Runs with a connected client; returns the exit code.
	int (*run)(struct cli *);
	// Before connecting: more options for the library, a last check. NULL: nothing. Returns as
	// `set`.
	const char *(*prepare)(struct cli *);
	enum connects connects;
};

extern const struct command command_get, command_put, command_del, command_cas, command_incr,
    command_append, command_mget, command_mput, command_status, command_digest, command_echo,
    command_bench, command_top, command_doctor, command_replica, command_init,
    command_backup, command_restore, command_members;

// ---- options.c
extern const struct argp common_argp; // input: struct cli
// Options from the environment: PNYX_NAME for the common ones, PNYX_COMMAND_NAME for those of a
// command. Ends the program when one is wrong.
void read_environment(struct cli *);
// Whole number in min..max; false: it is not.
bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
// A decimal number in 0..max; false: it is not.
bool read_decimal(const char *text, double max, double *ret);
// A percentage, 0 to 100 with a fraction.
bool read_share(const char *text, double *ret);

// ---- connect.c
// Reads the configuration, finds the servers and connects, as the command wants it; ends the
// program with a message when that fails.
void cli_connect(struct cli *);
// The servers and the connection alone. False: `why` says why not.
bool cli_open(struct cli *);
// The configured name of a member, else its column as text (static storage, until the next call but
// three).
const char *member_name(const struct cli *, int member);
// "10.77.0.1:7787" (static storage likewise).
const char *member_address(const struct cli *, int member);
// Prints "pnyx: ..." to stderr, {"status": "error"} to stdout when asked for JSON, and ends the
// program.
__attribute__((format(printf, 3, 4))) _Noreturn void cli_fail(const struct cli *, int code,
							      const char *format, ...);

// ---- control.c
// Asks a control plane of this machine over its admin socket: `member`'s, NULL: the first that
// answers. The answer is the caller's; NULL: none, and `error` says so.
json_t *ask_control(const struct cli *, const char *member, const char *command, char *error,
		    size_t size);
// The same for a command that is about a file, open as `fd`, and takes up to so many seconds.
json_t *ask_control_with(const struct cli *, const char *member, const char *command, int fd, long patience_s, char *error, size_t size);
// The folder of the nodes' run directories: --control, else the usual one.
void control_folder(const struct cli *, char *ret, size_t size);
// Prints what a control plane knows of the members, and its alarm.
void print_control(const json_t *view);

// ---- output.c
int exit_code(enum pnyx_status);
struct pnyx_bytes bytes_of(const char *text);
// The argument's bytes; "-" is all of stdin (memory that lives as long as the program).
struct pnyx_bytes value_of(const struct cli *, const char *arg);
// Bytes for people: what is not printable as \xNN. To stdout, without newline.
void print_escaped(struct pnyx_bytes);
// A JSON string when the bytes are UTF-8, else {"hex": "..."}.
json_t *json_of(struct pnyx_bytes);
// Prints the object on one line and releases it.
void print_json(json_t *);
// Says how one operation ended: JSON, or `done` for people when it was executed well (NULL: nothing
// more), else why not. `more` (NULL allowed) is merged into the JSON and released. Returns the exit
// code.
int report(const struct cli *, enum pnyx_status, const struct pnyx_completion *, const char *done,
	   json_t *more);
// The same for an answer that carries a value, printed escaped or raw.
int report_value(const struct cli *, enum pnyx_status, const struct pnyx_completion *);
