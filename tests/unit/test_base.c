// Tests of consensus/base: checksum, hash, random numbers, undo journal.
#include <stdlib.h>
#include "consensus/base/bytes.h"
#include "consensus/base/txn.h"
#include "tests/unit/cut.h"
#include "tests/unit/unit.h"

// ---- CRC32C ----
static uint32_t crc_bitwise(uint32_t crc, const uint8_t *data, uint32_t len)
{
	crc = ~crc;
	for (; len > 0; data++, len--) {
		crc ^= *data;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

// RFC 3720, appendix B.4, and the check value of the Rocksoft catalogue.
static void crc_vectors(void)
{
	uint8_t b[32];
	memset(b, 0, sizeof b);
	CU_ASSERT_EQUAL(ep_crc32c(0, b, sizeof b), 0x8a9136aau);
	memset(b, 0xff, sizeof b);
	CU_ASSERT_EQUAL(ep_crc32c(0, b, sizeof b), 0x62a8ab43u);
	for (uint8_t k = 0; k < 32; k++)
		b[k] = k;
	CU_ASSERT_EQUAL(ep_crc32c(0, b, sizeof b), 0x46dd794eu);
	for (uint8_t k = 0; k < 32; k++)
		b[k] = (uint8_t)(31 - k);
	CU_ASSERT_EQUAL(ep_crc32c(0, b, sizeof b), 0x113fdb5cu);
	CU_ASSERT_EQUAL(ep_crc32c(0, "123456789", 9), 0xe3069283u);
	CU_ASSERT_EQUAL(ep_crc32c(0, b, 0), 0);
}

static void crc_agrees_with_bitwise(void)
{
	uint64_t rng = 1;
	for (uint32_t len = 0; len < 1500; len += len < 200 ? 1 : 61) {
		uint32_t cut = len ? (uint32_t)(ep_random(&rng) % len) : 0;
		uint8_t *b = malloc(len + 1); // odd start: alignment must not matter
		for (uint32_t k = 0; k <= len; k++)
			b[k] = (uint8_t)ep_random(&rng);
		CU_ASSERT_EQUAL(ep_crc32c(0, b + 1, len), crc_bitwise(0, b + 1, len));
		uint32_t chained = ep_crc32c(ep_crc32c(0, b + 1, cut), b + 1 + cut, len - cut);
		CU_ASSERT_EQUAL(chained, crc_bitwise(0, b + 1, len));
		free(b);
	}
}

// ---- random numbers and hash ----
// The first outputs of splitmix64 for seed 1234567, as published with the algorithm's ports.
static void rng_vectors(void)
{
	uint64_t state = 1234567;
	CU_ASSERT_EQUAL(ep_random(&state), 6457827717110365317ULL);
	CU_ASSERT_EQUAL(ep_random(&state), 3203168211198807973ULL);
	CU_ASSERT_EQUAL(ep_random(&state), 9817491932198370423ULL);
	CU_ASSERT_EQUAL(ep_random(&state), 4593380528125082431ULL);
	CU_ASSERT_EQUAL(ep_random(&state), 16408922859458223821ULL);
}

// The hash again, with a schoolbook product and byte-wise loads.
static uint64_t fold(uint64_t a, uint64_t b)
{
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t mid = (al * bl >> 32) + (uint32_t)(ah * bl) + (uint32_t)(al * bh);
	uint64_t low = mid << 32 | (uint32_t)(al * bl);
	uint64_t high = ah * bh + (ah * bl >> 32) + (al * bh >> 32) + (mid >> 32);
	return low ^ high;
}

static uint64_t word(const uint8_t *p, uint32_t len)
{
	uint64_t v = 0;
	for (uint32_t k = 0; k < len; k++)
		v |= (uint64_t)p[k] << (8 * k);
	return v;
}

static uint64_t hash_again(uint64_t seed, const uint8_t *p, uint32_t len)
{
	uint64_t h = ep_mix64(seed ^ len);
	for (; len > 8; p += 8, len -= 8)
		h = fold(h ^ word(p, 8), 0x9e3779b97f4a7c15ULL);
	return ep_mix64(h ^ word(p, len));
}

static void hash_agrees_with_schoolbook(void)
{
	uint64_t rng = 2;
	for (uint32_t len = 0; len < 300; len++) {
		uint8_t *b = malloc(len + 1);
		for (uint32_t k = 0; k <= len; k++)
			b[k] = (uint8_t)ep_random(&rng);
		uint64_t seed = ep_random(&rng);
		CU_ASSERT_EQUAL(ep_hash64(seed, b + 1, len), hash_again(seed, b + 1, len));
		free(b);
	}
}

static void hash_sees_length_seed_and_every_bit(void)
{
	uint8_t b[64] = {0};
	for (uint32_t len = 0; len < sizeof b; len++)
		CU_ASSERT_NOT_EQUAL(ep_hash64(7, b, len), ep_hash64(7, b, len + 1));
	CU_ASSERT_NOT_EQUAL(ep_hash64(7, b, 20), ep_hash64(8, b, 20));
	for (uint32_t len = 1; len <= sizeof b; len++) {
		uint64_t before = ep_hash64(7, b, len);
		for (uint32_t bit = 0; bit < 8 * len; bit++) {
			b[bit / 8] ^= (uint8_t)(1u << bit % 8);
			CU_ASSERT_NOT_EQUAL(ep_hash64(7, b, len), before);
			b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

// 2^16 counters into 2^12 buckets: sixteen to each on average; far-off buckets would show a weak
// hash.
static void hash_spreads_counters(void)
{
	static uint32_t low[4096], high[4096];
	for (uint64_t k = 0; k < 65536; k++) {
		uint64_t h = ep_hash64(9, &k, sizeof k);
		low[h & 4095]++;
		high[h >> 52]++;
	}
	uint32_t worst = 0;
	for (uint32_t b = 0; b < 4096; b++) {
		worst = low[b] > worst ? low[b] : worst;
		worst = high[b] > worst ? high[b] : worst;
	}
	CU_ASSERT(worst < 48);
}

// ---- checks ----
// Every single wrong bit of a sealed word is seen, and zero is sealed.
static void seals_see_every_bit(void)
{
	static const uint32_t widths[] = { 32, 40, 48 };
	uint64_t rng = 3;
	CU_ASSERT_EQUAL(ep_word_seal(0, 40), 0);
	for (uint32_t k = 0; k < 3000; k++) {
		uint32_t bits = widths[k % 3];
		uint64_t value = ep_random(&rng) >> (64 - bits) >> ep_random(&rng) % bits; // small ones too
		uint64_t word = ep_word_seal(value, bits), pair = ep_word_pair((uint32_t)value);
		CU_ASSERT_EQUAL(ep_word_value(word, bits), value);
		CU_ASSERT(ep_word_holds(word, bits) && ep_word_is_pair(pair));
		for (uint32_t b = 0; b < 64; b++)
			CU_ASSERT_FALSE(ep_word_holds(word ^ 1ULL << b, bits) || ep_word_is_pair(pair ^ 1ULL << b));
	}
	CU_ASSERT_FALSE(ep_word_is_pair(0)); // zeroed memory is not a pair
}

static uint64_t check_words(const uint64_t *words, uint32_t count)
{
	uint64_t check = EP_CHECK_START;
	for (uint32_t w = 0; w < count; w++)
		check = ep_check_word(check, words[w]);
	return check;
}

// ... and of EP_CHECK_WORDS words in the low 16 bits of their check.
static void checks_see_every_bit(void)
{
	uint64_t words[EP_CHECK_WORDS], rng = 4;
	for (uint32_t w = 0; w < EP_CHECK_WORDS; w++)
		words[w] = ep_random(&rng);
	uint16_t check = (uint16_t)check_words(words, EP_CHECK_WORDS);
	for (uint32_t bit = 0; bit < 64 * EP_CHECK_WORDS; bit++) {
		words[bit / 64] ^= 1ULL << bit % 64;
		CU_ASSERT_NOT_EQUAL((uint16_t)check_words(words, EP_CHECK_WORDS), check);
		words[bit / 64] ^= 1ULL << bit % 64;
	}
}

// Over bytes: it is the check of the words that they fill, and what follows them does not count.
static void checks_of_bytes(void)
{
	uint8_t bytes[48];
	uint64_t words[5] = { 0 }, rng = 5;
	for (uint32_t k = 0; k < sizeof bytes; k++)
		bytes[k] = (uint8_t)ep_random(&rng);
	for (uint32_t len = 0; len <= 40; len++) {
		memset(words, 0, sizeof words);
		memcpy(words, bytes, len);
		uint64_t check = ep_check_bytes(EP_CHECK_START, bytes, len);
		CU_ASSERT_EQUAL(check, check_words(words, (len + 7) / 8));
		bytes[len] ^= 0xff;
		CU_ASSERT_EQUAL(check, ep_check_bytes(EP_CHECK_START, bytes, len));
		bytes[len] ^= 0xff;
	}
}

// ---- journal ----
#define WORDS 16
#define SETS 40

static struct arena {
	struct ep_journal journal;
	uint64_t words[WORDS];
} arena, snapshot, killed;

static struct ep_txn txn = {.arena = (uint8_t *)&arena, .journal = &arena.journal};
static uint64_t txn_seed;

// Overwrites words, some of them several times, and commits.
static void run_txn(void *unused)
{
	(void)unused;
	uint64_t rng = txn_seed;
	for (int k = 0; k < SETS; k++) {
		uint64_t r = ep_random(&rng);
		ep_txn_set64(&txn, &arena.words[r % WORDS], ep_random(&rng));
	}
	ep_txn_commit(&txn);
}

static void run_rollback(void *unused)
{
	(void)unused;
	ep_txn_rollback(&txn);
}

static bool words_are(const struct arena *a)
{
	return memcmp(arena.words, a->words, sizeof arena.words) == 0;
}

static void txn_commit_keeps_all(void)
{
	memset(&arena, 0, sizeof arena);
	txn_seed = 5;
	run_txn(NULL);
	CU_ASSERT_EQUAL(arena.journal.len, 0);
	struct arena after = arena;
	ep_txn_rollback(&txn); // nothing is open
	CU_ASSERT(words_are(&after));
	uint64_t rng = txn_seed, expected[WORDS] = {0};
	for (int k = 0; k < SETS; k++) {
		uint64_t r = ep_random(&rng);
		expected[r % WORDS] = ep_random(&rng);
	}
	CU_ASSERT_EQUAL(memcmp(arena.words, expected, sizeof expected), 0);
}

// Killed anywhere, rolled back, and the rolling back killed anywhere as well: old words, or new
// ones once committed.
static void txn_survives_every_kill(void)
{
	memset(&arena, 0, sizeof arena);
	for (uint64_t k = 0; k < WORDS; k++)
		arena.words[k] = ~k;
	snapshot = arena;
	txn_seed = 6;
	run_txn(NULL);
	static struct arena after;
	after = arena;
	uint32_t cuts = 0, olds = 0, news = 0;
	for (uint32_t nth = 1;; nth++) {
		arena = snapshot;
		if (!cut_run(nth, run_txn, NULL))
			break;
		cuts++;
		killed = arena;
		bool is_open = arena.journal.len > 0;
		bool was_committed = !is_open && words_are(&after);
		for (uint32_t again = 1;; again++) {
			arena = killed;
			bool cut = cut_run(again, run_rollback, NULL);
			ep_txn_rollback(&txn);
			CU_ASSERT_EQUAL(arena.journal.len, 0);
			CU_ASSERT(words_are(was_committed ? &after : &snapshot));
			if (!cut)
				break;
		}
		olds += words_are(&snapshot);
		news += words_are(&after);
	}
	CU_ASSERT_EQUAL(cuts, 4 * SETS +
				  2); // two around each of two stores a word, two around the commit
	CU_ASSERT_EQUAL(olds, cuts - 1); // only the last cut lies behind the commit
	CU_ASSERT_EQUAL(news, 1);
}

// An open transaction of which one bit is wrong is not undone: its length, where its words lie, what they were.
static void txn_sees_damage(void)
{
	memset(&arena, 0, sizeof arena);
	CU_ASSERT(ep_txn_holds(&txn, sizeof arena));
	for (uint64_t k = 0; k < 3; k++)
		ep_txn_set64(&txn, &arena.words[k], ~k);
	CU_ASSERT(ep_txn_holds(&txn, sizeof arena));
	CU_ASSERT_FALSE(ep_txn_holds(&txn, sizeof arena.journal + 16)); // the third word lies beyond
	for (uint32_t bit = 0; bit < 8 * (8 + 3 * sizeof arena.journal.undo[0]); bit++) {
		((uint8_t *)&arena.journal)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_FALSE(ep_txn_holds(&txn, sizeof arena));
		((uint8_t *)&arena.journal)[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ep_txn_rollback(&txn);
	for (uint32_t bit = 0; bit < 64; bit++) { // none is open: the left-over entries do not come back
		arena.journal.len ^= 1ULL << bit;
		CU_ASSERT_FALSE(ep_txn_holds(&txn, sizeof arena));
		arena.journal.len ^= 1ULL << bit;
	}
}

static void set_words(void *count)
{
	for (uint64_t k = 0; k < *(const uint64_t *)count; k++)
		ep_txn_set64(&txn, &arena.words[k % WORDS], k);
}

static void txn_refuses_more_than_the_journal_holds(void)
{
	uint64_t fits = EP_JOURNAL_MAX, exceeds = EP_JOURNAL_MAX + 1;
	memset(&arena, 0, sizeof arena);
	CU_ASSERT_FALSE(cut_check_fails(set_words, &fits));
	ep_txn_rollback(&txn);
	for (uint64_t k = 0; k < WORDS; k++)
		CU_ASSERT_EQUAL(arena.words[k], 0);
	CU_ASSERT(cut_check_fails(set_words, &exceeds));
}

static const struct unit_test tests[] = {
    {"crc32c: known vectors", crc_vectors},
    {"crc32c: agrees with the bitwise definition", crc_agrees_with_bitwise},
    {"rng: known vectors", rng_vectors},
    {"hash: agrees with a schoolbook product", hash_agrees_with_schoolbook},
    {"hash: sees length, seed and every bit", hash_sees_length_seed_and_every_bit},
    {"hash: spreads counters", hash_spreads_counters},
    {"seals: see every bit", seals_see_every_bit},
    {"checks: see every bit", checks_see_every_bit},
    {"checks: of bytes", checks_of_bytes},
    {"txn: commit keeps all", txn_commit_keeps_all},
    {"txn: survives every kill", txn_survives_every_kill},
    {"txn: sees damage", txn_sees_damage},
    {"txn: refuses more than the journal holds", txn_refuses_more_than_the_journal_holds},
};

UNIT_MAIN("base", tests)
