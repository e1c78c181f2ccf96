// Open addressing with linear probing; a table doubles when it is three quarters full.
#define _GNU_SOURCE
#include "tests/explore/table.h"
#include <stdlib.h>
#include <sys/mman.h>
#include "consensus/base/rng.h"
#include "tests/sim/verdict.h"

void *memory_take(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		verdict_fail("no memory: %llu bytes", (unsigned long long)bytes);
	if (bytes >= 1u << 22)
		madvise(at, bytes, MADV_HUGEPAGE);
	return at;
}

void memory_give(void *at, uint64_t bytes)
{
	if (at)
		munmap(at, bytes);
}

void table_start(struct table *t, uint32_t log2, bool has_values)
{
	*t = (struct table){ .size = 1ULL << log2 };
	t->keys = memory_take(8 * t->size);
	t->values = has_values ? memory_take(8 * t->size) : NULL;
}

void table_end(struct table *t)
{
	memory_give(t->keys, 8 * t->size);
	memory_give(t->values, 8 * t->size);
	*t = (struct table){ 0 };
}

static uint64_t home(const struct table *t, uint64_t key)
{
	return ep_mix64(key) & (t->size - 1);
}

static uint64_t slot_of(const struct table *t, uint64_t key)
{
	uint64_t at = home(t, key);
	while (t->keys[at] != 0 && t->keys[at] != key)
		at = (at + 1) & (t->size - 1);
	return at;
}

static void grow(struct table *t)
{
	struct table old = *t;
	t->size *= 2;
	t->keys = memory_take(8 * t->size);
	t->values = old.values ? memory_take(8 * t->size) : NULL;
	for (uint64_t s = 0; s < old.size; s++) {
		if (old.keys[s] == 0)
			continue;
		uint64_t at = slot_of(t, old.keys[s]);
		t->keys[at] = old.keys[s];
		if (old.values)
			t->values[at] = old.values[s];
	}
	table_end(&old);
}

uint64_t *table_find(const struct table *t, uint64_t key)
{
	uint64_t at = slot_of(t, key);
	return t->keys[at] == key ? &t->values[at] : NULL;
}

void table_put(struct table *t, uint64_t key, uint64_t value)
{
	table_add(t, key);
	t->values[slot_of(t, key)] = value;
}

bool table_add(struct table *t, uint64_t key)
{
	uint64_t at = slot_of(t, key);
	if (t->keys[at] == key)
		return false;
	t->keys[at] = key;
	if (++t->used > t->size / 4 * 3)
		grow(t);
	return true;
}

void table_prefetch(const struct table *t, uint64_t key)
{
	uint64_t at = home(t, key);
	__builtin_prefetch(&t->keys[at]);
	if (t->values)
		__builtin_prefetch(&t->values[at]);
}

uint64_t table_bytes(const struct table *t)
{
	return t->size * (t->values ? 16 : 8);
}
