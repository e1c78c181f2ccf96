// A frozen arena, a donor, an asker: see transfer.h.
#include "tests/control/transfer.h"

#define PATIENCE_NS 60000000000ULL // of a test that hangs
static struct core c;
char dir[64], arena_path[96], state_path[96], draft_path[96];
sd_event *event;
uint8_t *truth;
size_t truth_bytes;
struct ep_handover truth_handover;
const uint8_t joiner[16] = { 2 }, stranger[16] = { 99 };

// ---- the frozen arena of a cluster of one, which hands over to three
static void write_all(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, (const uint8_t *)bytes + at, len - at);
		CU_ASSERT_FATAL(n > 0);
		at += (size_t)n;
	}
	close(fd);
}

static void freeze(uint64_t capacity)
{
	uint8_t bytes[EP_RECONFIG_MAX];
	struct ep_config config = core_config(1, 0, EP_MODE_AUTO);
	config.cost_max = 256;
	config.app_capacity = capacity;
	core_start_with(&c, &config);
	struct ep_session_id session = core_open(&c);
	core_request(&c, EP_CMD_UPDATE, &session, 1, "k", "v");
	core_reconfig(3, bytes);
	CU_ASSERT_EQUAL(ep_propose(c.r, c.now, (const void *)bytes, &c.host.effects), EP_PROPOSED);
	core_wait(&c, 1);
	CU_ASSERT_TRUE_FATAL(ep_handover(c.r, &truth_handover));
	struct ep_state state = ep_state(c.r);
	truth_bytes = EP_STATE_OFFSET + state.bytes;
	truth = calloc(1, truth_bytes);
	uint32_t crc = 0;
	for (uint64_t at = 0; at < state.bytes; at += 1u << 30)
		crc = ep_crc32c(crc, state.at + at, (uint32_t)(state.bytes - at < 1u << 30 ? state.bytes - at : 1u << 30));
	ep_state_seal((void *)truth, &truth_handover, crc);
	memcpy(truth + EP_STATE_OFFSET, state.at, state.bytes);
	write_all(arena_path, c.host.arena, c.host.arena_bytes);
	core_end(&c);
}

void begin(uint64_t capacity)
{
	strcpy(dir, "/dev/shm/pnyx-transfer-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(arena_path, sizeof arena_path, "%s/arena", dir);
	snprintf(state_path, sizeof state_path, "%s/state", dir);
	snprintf(draft_path, sizeof draft_path, "%s/state.new", dir);
	CU_ASSERT_FATAL(sd_event_new(&event) >= 0);
	freeze(capacity);
}

void end(void)
{
	sd_event_unref(event);
	free(truth);
	unlink(arena_path);
	unlink(state_path);
	unlink(draft_path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

bool has_truth(void)
{
	struct stat st;
	uint8_t *bytes = malloc(truth_bytes);
	int fd = open(state_path, O_RDONLY);
	bool is_it = fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size == truth_bytes;
	for (size_t at = 0; is_it && at < truth_bytes;) {
		ssize_t n = read(fd, bytes + at, truth_bytes - at);
		is_it = n > 0;
		at += n > 0 ? (size_t)n : 0;
	}
	is_it = is_it && memcmp(bytes, truth, truth_bytes) == 0 && access(draft_path, F_OK) != 0;
	close(fd);
	free(bytes);
	return is_it;
}


// ---- a donor behind a listener, as links.c has one
static void look(void *arg, struct ctl_offer *ret)
{
	struct house *h = arg;
	*ret = h->offer;
}

static bool is_address(void *arg, const struct ep_member *member, const uint8_t ip[4])
{
	struct house *h = arg;
	h->addresses++;
	return memcmp(member->uuid, joiner, 16) == 0 && ip[0] == 127 && ip[3] == 1;
}

static void dismiss(struct house *h)
{
	sd_event_source_disable_unref(h->guest_watch);
	h->guest_watch = NULL;
	if (h->guest >= 0)
		close(h->guest);
	h->guest = -1;
}

static int on_guest_room(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct house *h = arg;
	(void)s, (void)events;
	if (h->script_at == h->script_len && h->again > 0)
		h->script_at -= h->again;
	ssize_t n = send(fd, h->script + h->script_at, h->script_len - h->script_at, MSG_NOSIGNAL | MSG_DONTWAIT);
	h->script_at += n > 0 ? (size_t)n : 0;
	if (n <= 0)
		dismiss(h);
	return 0;
}

// The first frame of whoever dialed; it is small and comes in one piece.
static int on_ask(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct house *h = arg;
	uint8_t bytes[CTL_FRAME_MAX];
	struct ctl_frame frame = { .type = CTL_TAIL };
	size_t used = 0;
	(void)s, (void)events;
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);
	sd_event_source_disable_unref(h->ask_watch);
	h->ask_watch = NULL;
	h->asking = -1;
	if (n <= 0) {
		close(fd);
		return 0;
	}
	CU_ASSERT(ctl_frame_parse(bytes, (size_t)n, &used, &frame) == CTL_PARSE_OK && frame.type == CTL_ASK && used == (size_t)n);
	h->asked++;
	if (!h->script) {
		ctl_donor_answer(&h->donor, fd, h->from, truth_handover.cluster, &frame.ask);
		return 0;
	}
	dismiss(h);
	h->guest = fd;
	h->script_at = 0;
	sd_event_add_io(event, &h->guest_watch, fd, EPOLLOUT, on_guest_room, h);
	return 0;
}

static int on_dialed(sd_event_source *s, int listener, uint32_t events, void *arg)
{
	struct house *h = arg;
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	(void)s, (void)events;
	if (h->asking >= 0)
		return 0; // one at a time
	h->asking = accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	memcpy(h->from, &from.sin_addr, 4);
	CU_ASSERT_FATAL(sd_event_add_io(event, &h->ask_watch, h->asking, EPOLLIN, on_ask, h) >= 0);
	return 0;
}

void open_house(struct house *h)
{
	socklen_t size = sizeof h->at;
	*h = (struct house){ .at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, .guest = -1, .asking = -1 };
	h->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(bind(h->listener, (struct sockaddr *)&h->at, sizeof h->at) == 0 && listen(h->listener, 8) == 0);
	getsockname(h->listener, (struct sockaddr *)&h->at, &size);
	CU_ASSERT_FATAL(sd_event_add_io(event, &h->watch, h->listener, EPOLLIN, on_dialed, h) >= 0);
	strcpy(h->offer.arena, arena_path);
	ctl_donor_start(&h->donor, event, (struct ctl_donor_of){ look, is_address, h });
}

void close_house(struct house *h)
{
	dismiss(h);
	ctl_donor_stop(&h->donor);
	sd_event_source_disable_unref(h->ask_watch);
	if (h->asking >= 0)
		close(h->asking);
	sd_event_source_disable_unref(h->watch);
	close(h->listener);
}

// ---- an asker
struct ctl_asker asker;
uint32_t states, lists;
struct ep_membership last_list;

static void on_state(void *arg, const struct ep_handover *handover)
{
	(void)arg;
	states++;
	CU_ASSERT_EQUAL(handover->next.epoch, truth_handover.next.epoch);
}

static void on_list(void *arg, const struct ep_membership *list)
{
	(void)arg;
	lists++;
	last_list = *list;
}

void open_asker(const uint8_t uuid[16], const char *from)
{
	asker = (struct ctl_asker){ .event = event, .run_dir = dir, .from = { .sin_family = AF_INET }, .ask.cluster = truth_handover.cluster,
				    .on_state = on_state, .on_list = on_list };
	inet_pton(AF_INET, from, &asker.from.sin_addr);
	memcpy(asker.ask.uuid, uuid, 16);
	states = lists = 0;
	ctl_asker_start(&asker);
}

void run_until(const uint32_t *counter, uint32_t least)
{
	uint64_t began = ctl_now();
	while (*counter < least && ctl_now() - began < PATIENCE_NS) {
		asker.next_ns = 0;
		ctl_asker_tend(&asker, ctl_now());
		CU_ASSERT_FATAL(sd_event_run(event, 1000) >= 0);
	}
	CU_ASSERT_FATAL(*counter >= least);
}
