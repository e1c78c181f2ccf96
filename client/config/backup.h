// What a backup tells besides the state: what a new cluster's configuration must have alike. It lies in the blank part of a state file's head.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "client/config/config.h"
#include "consensus/base/bytes.h"

#define PNYX_BACKUP_NOTE_AT 2048 // offset in the file; behind the head, before the state
#define PNYX_BACKUP_MAGIC 0x706b636162786e70ULL // "pnxbackp"

struct pnyx_backup_note {
	uint64_t magic;
	uint64_t hash_seed; // the state is ordered by it
	uint64_t saved_s;   // seconds since 1970
	char name[PNYX_CONFIG_NAME_MAX]; // of the cluster
	uint32_t frame_max;
	uint32_t crc; // of all before it
};

static inline void pnyx_backup_seal(struct pnyx_backup_note *note, const struct pnyx_config *c, uint64_t saved_s)
{
	memset(note, 0, sizeof *note);
	note->magic = PNYX_BACKUP_MAGIC;
	note->hash_seed = c->cluster.hash_seed;
	note->saved_s = saved_s;
	note->frame_max = c->cluster.frame_max;
	memcpy(note->name, c->cluster.name, sizeof note->name);
	note->crc = ep_crc32c(0, note, offsetof(struct pnyx_backup_note, crc));
}

// `at`: the file's bytes from PNYX_BACKUP_NOTE_AT on. False: there is none, or it is damaged.
static inline bool pnyx_backup_read(const uint8_t *at, struct pnyx_backup_note *ret)
{
	struct pnyx_backup_note note;
	memcpy(&note, at, sizeof note);
	if (note.magic != PNYX_BACKUP_MAGIC || note.crc != ep_crc32c(0, &note, offsetof(struct pnyx_backup_note, crc)))
		return false;
	note.name[sizeof note.name - 1] = 0;
	*ret = note;
	return true;
}
