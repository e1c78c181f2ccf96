// The ring: positions are private, the shared ones are only hints.
#include "mailbox/ring.h"
#include "mailbox/words.h"

#define WORDS (sizeof(struct mb_message) / 8)

void mb_ring_produce(struct mb_ring *r, struct mb_message *slots, uint64_t *head, const uint64_t *tail)
{
	*r = (struct mb_ring){ .slots = slots, .own = head, .other = (uint64_t *)(uintptr_t)tail };
	r->at = __atomic_load_n(head, __ATOMIC_RELAXED);
}

void mb_ring_consume(struct mb_ring *r, const struct mb_message *slots, const uint64_t *head, uint64_t *tail)
{
	*r = (struct mb_ring){ .slots = (struct mb_message *)(uintptr_t)slots, .own = tail, .other = (uint64_t *)(uintptr_t)head };
	r->at = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	__atomic_store_n(tail, r->at, __ATOMIC_RELEASE);
}

bool mb_push(struct mb_ring *r, const struct mb_message *m)
{
	uint64_t used = r->at - __atomic_load_n(r->other, __ATOMIC_ACQUIRE);
	if (used >= MB_RING) { // full, or a tail that is before the beginning or behind the head
		r->lost++;
		return false;
	}
	mb_words_out((uint64_t *)&r->slots[r->at % MB_RING], (const uint64_t *)m, WORDS);
	r->at++;
	__atomic_store_n(r->own, r->at, __ATOMIC_RELEASE);
	return true;
}

bool mb_pop(struct mb_ring *r, struct mb_message *ret)
{
	uint64_t head = __atomic_load_n(r->other, __ATOMIC_ACQUIRE);
	if (head == r->at)
		return false;
	if (head - r->at > MB_RING) { // no producer that keeps to the rules says so
		r->garbage++;
		r->at = head;
		__atomic_store_n(r->own, r->at, __ATOMIC_RELEASE);
		return false;
	}
	mb_words_in((uint64_t *)ret, (const uint64_t *)&r->slots[r->at % MB_RING], WORDS);
	r->at++;
	__atomic_store_n(r->own, r->at, __ATOMIC_RELEASE);
	return true;
}
