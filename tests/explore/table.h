// Open-addressing tables of 64-bit keys that grow, and memory that is reserved whole and taken page by page.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct table { // keys are not 0
	uint64_t *keys, *values; // values: NULL in a set
	uint64_t size, used;     // size: a power of two
};
void table_start(struct table *, uint32_t log2, bool has_values);
void table_end(struct table *);
// Where the key's value is; NULL when it is not there.
uint64_t *table_find(const struct table *, uint64_t key);
void table_put(struct table *, uint64_t key, uint64_t value);
bool table_add(struct table *, uint64_t key); // a set's; false: it was there
void table_prefetch(const struct table *, uint64_t key);
uint64_t table_bytes(const struct table *);

void *memory_take(uint64_t bytes); // zeroed
void memory_give(void *, uint64_t bytes);
