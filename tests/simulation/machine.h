/* machine.h - the hub's writer as one process on the simulated disk: started, driven by rounds without a thread, killed,
 * cut off from power, started again.
 *
 * A fatal error ends the process as it would in the daemon: from then on nothing it answers counts, and nothing more
 * reaches the disk.
 */
#ifndef TESTS_SIMULATION_MACHINE_H
#define TESTS_SIMULATION_MACHINE_H

#include "hub/base/random.h"
#include "hub/run/hub.h"
#include "hub/run/writer.h"

#include "tests/unit/store/folder.h"

#define MACHINE_SESSIONS 8
#define MACHINE_BATCH 64 /* events that one round may be given: so the writer commits them itself, at once */
#define MACHINE_ANSWERS 512

typedef struct machine {
    char base[FOLDER_PATH_SIZE], dir[FOLDER_PATH_SIZE * 2], key_file[FOLDER_PATH_SIZE * 2];
    ch_random_seeded keys, disk_seeds;
    unsigned folders;
    ch_clock clock;
    int64_t wall_ms, monotonic_ms;
    ch_rules *rules; /* borrowed; what a restart begins with */
    size_t map_bytes;
    uint64_t reserve_bytes;
    int64_t commit_events;
    bool commits_beside; /* on a thread of its own, whatever the batch holds */
    ch_hub *hub;         /* NULL: not running */
    ch_writer *writer;
    bool dead; /* it has ended itself; why is in `error` */
    ch_error error;
    ch_mail *answers[MACHINE_ANSWERS]; /* to the front, in order, since they were last forgotten */
    size_t answer_count;
    size_t redelivered; /* how many events the reader was told to deliver again in the last round */
} machine;

/* A new folder, watched; nothing runs yet. */
void machine_init(machine *of, uint64_t seed, ch_rules *rules);
void machine_done(machine *of);

/* On failure nothing runs; of->error says why. */
ch_status machine_start(machine *of) CH_MUST_CHECK;
/* Gives work to the writer as front or reader would. Takes it. */
void machine_give(machine *of, ch_pipe *pipe, void *mail);
/* One round of the writer; its answers are then in `answers`. */
void machine_round(machine *of);
void machine_forget_answers(machine *of);

/* The process ends: at rest with what it had committed to the log; or killed, the files as they are. */
void machine_stop(machine *of);
void machine_kill(machine *of);
/* ... and the disk loses what was not synced, or some of it. */
void machine_lose_power(machine *of);

#endif
