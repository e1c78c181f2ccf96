// The list that an operator's wish leads to, and what is refused.
#include <stdio.h>
#include <string.h>
#include "control/wish.h"
#include "tests/unit/unit.h"

static struct pnyx_config file;
static struct ep_membership now, next;
static char error[256];

// A file of seven members a, b, ...; the first `n` are members now, in incarnation 5.
static void begin(uint8_t n)
{
	file = (struct pnyx_config){ .members_count = 7 };
	now = (struct ep_membership){ .epoch = 4, .chain = 77, .n = n };
	for (uint8_t m = 0; m < 7; m++) {
		struct pnyx_config_member *to = &file.members[m];
		to->name[0] = (char)('a' + m);
		to->uuid[0] = to->address.ip[3] = (uint8_t)(m + 1);
		to->incarnation = 1;
		to->address.port = 7787;
		to->control.port = 7788;
		if (m >= n)
			continue;
		now.members[m] = (struct ep_member){ .uuid = { m + 1 }, .incarnation = 5 };
		now.members[m].name[0] = to->name[0];
	}
}

static const char *wish(const char *text)
{
	return ctl_wish_list(&file, &now, text, &next, error, sizeof error);
}

static bool refused(const char *text, const char *why)
{
	const char *said = wish(text);
	return said && strstr(said, why);
}

static void test_add(void)
{
	begin(3);
	CU_ASSERT_PTR_NULL(wish("add e"));
	CU_ASSERT(next.n == 4 && next.epoch == 4 && next.chain == 77 && memcmp(next.members, now.members, 3 * sizeof now.members[0]) == 0);
	const struct ep_member *e = &next.members[3];
	CU_ASSERT(e->uuid[0] == 5 && e->ip[3] == 5 && e->port == 7787 && e->control_port == 7788 && e->incarnation == 1 && strcmp(e->name, "e") == 0);
	CU_ASSERT(refused("add a", "a member already") && refused("add x", "not in the configuration file"));
	begin(7);
	strcpy(file.members[6].name, "z"); // another one in its entry
	file.members[6].uuid[0] = 99;
	CU_ASSERT(refused("add z", "cannot be more"));
}

static void test_remove(void)
{
	begin(3);
	CU_ASSERT_PTR_NULL(wish("remove b"));
	CU_ASSERT(next.n == 2 && next.members[0].uuid[0] == 1 && next.members[1].uuid[0] == 3 && next.members[2].uuid[0] == 0);
	CU_ASSERT(refused("remove d", "not a member") && refused("remove x", "not a member"));
	now.members[2].uuid[0] = 50; // one that the file does not know goes by the list's name
	strcpy(now.members[2].name, "old");
	CU_ASSERT_PTR_NULL(wish("remove old"));
	CU_ASSERT(next.n == 2 && next.members[1].uuid[0] == 2);
	memset(now.members[2].name, 'q', sizeof now.members[2].name); // full, without a final zero
	CU_ASSERT_PTR_NULL(wish("remove qqqqqqqqqqqqqqqq"));
	CU_ASSERT(refused("remove qqqqqqqqqqqqqqqqq", "not a member"));
	begin(1);
	CU_ASSERT(refused("remove a", "last member"));
}

static void test_replace(void)
{
	begin(3);
	CU_ASSERT_PTR_NULL(wish("replace b d"));
	CU_ASSERT(next.n == 3 && next.members[1].uuid[0] == 4 && next.members[1].incarnation == 1 && next.members[2].uuid[0] == 3);
	CU_ASSERT_PTR_NULL(wish("replace b b")); // a new identity
	CU_ASSERT(next.members[1].uuid[0] == 2 && next.members[1].incarnation == 6);
	file.members[1].incarnation = 9;
	CU_ASSERT_PTR_NULL(wish("replace b b"));
	CU_ASSERT(next.members[1].incarnation == 9);
	CU_ASSERT(refused("replace d b", "d is not a member") && refused("replace a b", "b is a member already") && refused("replace a x", "configuration file"));
}

static void test_others(void)
{
	static const char *const wrong[] = { "", "add", "remove", "replace a", "add a b", "remove a b", "replace a b c", "burn a", "add add add add" };
	begin(3);
	for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++)
		CU_ASSERT(refused(wrong[k], "cannot do that"));
	begin(5);
	file.cluster.e = now.e = 1;
	CU_ASSERT_PTR_NULL(wish("add f"));
	CU_ASSERT_EQUAL(next.e, 1);
	CU_ASSERT_PTR_NULL(wish("remove a")); // four have no e = 1
	CU_ASSERT_EQUAL(next.e, 0);
	CU_ASSERT_FALSE(ctl_wish_is_same(&now, &next));
	CU_ASSERT(ctl_wish_is_same(&now, &now));
	next = now;
	next.members[3].incarnation++;
	CU_ASSERT_FALSE(ctl_wish_is_same(&now, &next));
}

static const struct unit_test tests[] = { { "add", test_add }, { "remove", test_remove }, { "replace", test_replace }, { "others", test_others } };
UNIT_MAIN("wishes for members", tests)
