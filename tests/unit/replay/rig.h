/* rig.h - a store made by hand, damage done to copies of it, and the real program run on them. */
#ifndef TESTS_UNIT_REPLAY_RIG_H
#define TESTS_UNIT_REPLAY_RIG_H

#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"
#include "tests/unit/store/ledger.h"

#include "hub/base/clock.h"
#include "hub/store/disk_file.h"
#include "hub/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RIG_OUTPUT_MAX ((size_t)1 << 20)
#define RIG_CASES 5

typedef struct rig {
    char base[FOLDER_PATH_SIZE], dir[FOLDER_PATH_SIZE * 2], key_file[FOLDER_PATH_SIZE * 2];
    char copies[2][FOLDER_PATH_SIZE * 2]; /* of rig_copy */
    unsigned copy_count, sealed;          /* events that rig_seal wrote */
    ch_random_seeded seeded;
    ch_store *store; /* as the hub has it open; NULL: stopped */
    ledger ledger;
    ch_error error;
    char *out, *err; /* of the last run, terminated */
    int code;
} rig;

int rig_setup(void **state); /* an empty store, open */
int rig_teardown(void **state);

/* Paths that outlive in_folder's. */
typedef char rig_path[FOLDER_PATH_SIZE * 2];
void rig_keep(rig_path out, const char *path);

/* The hub stops, and starts again. */
void rig_stop(rig *self);
void rig_start(rig *self);
/* Opens RIG_CASES cases, then notes, offers and acceptances on them in turn, until so many records are there. */
void rig_fill(rig *self, uint64_t last);
/* One more event on case 1: text sealed under its key, and a name among its private data. Its sequence. */
uint64_t rig_seal(rig *self, const char *text, const char *name);
/* A copy of log and FORMAT alone, without pages that are no longer used: base/name, in one
 * of two buffers used in turn. The hub may run. */
char *rig_copy(rig *self, const char *name);
/* Where the record of this sequence lies in the file of a copy; its size. */
long rig_find(rig *self, const char *copy, uint64_t sequence, size_t *out_size);

/* Runs casehub-replay with these words, after the first, and waits for its end. */
void rig_run_words(rig *self, char **words);
#define rig_run(self, ...) rig_run_words(self, (char *[]){(char *)"casehub-replay", __VA_ARGS__, NULL})

/* The text behind "name": in the output up to the next comma or brace; in one of four buffers used in turn. */
const char *rig_field(const rig *self, const char *name);
size_t rig_lines(const char *text);
/* Entries of a folder: nothing may be left lying about. */
size_t rig_entries(const char *dir);

#define assert_code(self, expected)                                                                          \
    do {                                                                                                     \
        if ((self)->code != (expected)) {                                                                    \
            fail_msg("exit %d instead of %d\n%s%s", (self)->code, (expected), (self)->out, (self)->err);     \
        }                                                                                                    \
    } while (0)
#define assert_says(text, part)                                                                              \
    do {                                                                                                     \
        if (strstr(text, part) == NULL) {                                                                    \
            fail_msg("'%s' is not said:\n%s", part, text);                                                   \
        }                                                                                                    \
    } while (0)

#endif
