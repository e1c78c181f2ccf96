// An example of libpnyx: blocking calls, several keys at one point of time, and many updates in flight.
//
// Usage: example SERVERS, for instance example 10.77.0.1,10.77.0.2. Needs nothing but pnyx.h and -lpnyx.
#include <inttypes.h>
#include <pnyx.h>
#include <stdio.h>
#include <string.h>

#define UPDATES 1000

static struct pnyx_bytes text(const char *s)
{
	return (struct pnyx_bytes){s, strlen(s)};
}

static int complain(struct pnyx *p, const char *what, enum pnyx_status status)
{
	fprintf(stderr, "%s: %s %s\n", what, pnyx_status_text(status), pnyx_error(p));
	return 1;
}

// One after the other: each call returns with its outcome.
static int block(struct pnyx *p)
{
	struct pnyx_completion answer;
	struct pnyx_item both[] = {{.key = {"fruit", 5}, .value = {"apple", 5}},
				   {.key = {"tree", 4}, .value = {"oak", 3}}};

	enum pnyx_status status = pnyx_put(p, text("colour"), text("blue"), NULL);
	if (status == PNYX_UNKNOWN) // perhaps, not "no": a second put of the same value is harmless
		status = pnyx_put(p, text("colour"), text("blue"), NULL);
	if (status != PNYX_OK)
		return complain(p, "put", status);
	if ((status = pnyx_get(p, text("colour"), &answer)) != PNYX_OK)
		return complain(p, "get", status);
	printf("colour is %.*s\n", (int)answer.value.len, (const char *)answer.value.data);

	if ((status = pnyx_mput(p, both, 2, NULL)) != PNYX_OK) // both or none
		return complain(p, "mput", status);
	if ((status = pnyx_mget(p, both, 2, NULL)) != PNYX_OK) // as they were at one point of time
		return complain(p, "mget", status);
	for (int k = 0; k < 2; k++)
		printf("%.*s is %.*s\n", (int)both[k].key.len, (const char *)both[k].key.data,
		       (int)both[k].value.len, (const char *)both[k].value.data);
	return 0;
}

// Many in flight: submit until the client is full, poll for outcomes, go on.
static int pipeline(struct pnyx *p)
{
	const struct pnyx_op count = {.type = PNYX_INCR, .key = text("counter"), .delta = 1};
	struct pnyx_completion done[32];
	uint64_t next = 0;
	unsigned executed = 0, unknown = 0, ended = 0;
	int64_t first = INT64_MAX, last = 0;

	while (ended < UPDATES) {
		while (next < UPDATES && pnyx_submit(p, &count, PNYX_ANY, next) == PNYX_OK)
			next++; // `next` comes back as the completion's token
		int got = pnyx_poll(p, -1, done, 32);
		for (int k = 0; k < got; k++) {
			ended++;
			executed += done[k].status == PNYX_OK;
			unknown += done[k].status == PNYX_UNKNOWN;
			if (done[k].status == PNYX_OK && done[k].number > last)
				last = done[k].number;
			if (done[k].status == PNYX_OK && done[k].number < first)
				first = done[k].number;
		}
		if (got <= 0)
			return complain(p, "poll", PNYX_INVALID);
	}
	printf("%u of %d increments executed, %u unknown; the counter went from %" PRId64
	       " to %" PRId64 "\n",
	       executed, UPDATES, unknown, first, last);
	return executed == UPDATES ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct pnyx_options options;
	char error[PNYX_ERROR_MAX];

	pnyx_options_init(&options);
	options.servers = argc > 1 ? argv[1] : "10.77.0.1,10.77.0.2,10.77.0.3";
	options.ops_max = 64;
	struct pnyx *p = pnyx_connect(&options, error, sizeof error);
	if (p == NULL) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	int code = block(p);
	if (code == 0)
		code = pipeline(p);
	pnyx_close(p);
	return code;
}
