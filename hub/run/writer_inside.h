/* writer_inside.h - what the files of the writer share: writer.c (gathering, commits, the thread) and writer_answers.c
 * (what goes back to the front and to the reader, and who has to begin again).
 */
#ifndef CH_RUN_WRITER_INSIDE_H
#define CH_RUN_WRITER_INSIDE_H

#include "hub/run/batch.h"
#include "hub/run/committer.h"
#include "hub/run/expiry.h"
#include "hub/run/writer.h"

#include <pthread.h>

#define CH_WRITER_RETRY_MS 100 /* for the hub's own events that were refused for now */
#define CH_WRITER_POSTPONED_MOST 4096

/* A session whose last events were refused for now: everything is, until it starts again with the refused one. */
typedef struct ch_blocked {
    ch_session_id session;
    uint64_t event; /* hash of source and id, or of connector and from */
    uint64_t turn;  /* of its work */
} ch_blocked;

struct ch_writer {
    ch_hub *hub;
    ch_store *store;
    pthread_t thread;
    ch_batch *batches[2];
    ch_batch *filling;   /* the one that takes work now; NULL: none was begun */
    ch_batch *under_way; /* the one that the committer has; NULL: none */
    ch_committer *committer;
    uint64_t turns;   /* works taken so far */
    ch_log_head head; /* where the log ends once everything under way is in it */
    ch_rules *rules;
    ch_rules *next_rules; /* that are to come in force once they are on record; NULL: none */
    ch_recount *recount;
    ch_expiry *expiry;
    ch_blocked *sessions; /* by slot */
    size_t session_count;
    ch_work *postponed, *last_postponed; /* the hub's own, refused for now */
    size_t postponed_count;
    size_t own_ahead; /* events of the hub's own that came before what clients wait for */
    int64_t dirty_since_ms, last_batch_ms, retry_at_ms,
        rules_retry_at_ms; /* monotonic; dirty 0: nothing to commit */
    uint64_t dirty_events;
    bool ring_front;
    bool behind; /* the state has not folded the log's head: nothing may be decided */
    bool stopping;
};

static inline int64_t ch_writer_now(const ch_writer *writer)
{
    return ch_clock_monotonic_ms(writer->hub->options.clock);
}

/* The event at index, and all that its session published behind it, begin again there; or where it was to begin already,
 * if that is earlier. */
void ch_writer_block(ch_writer *writer, const ch_work *work, size_t index);
/* The same for a work that a batch has judged, if something of it was refused for now: what is behind it must not come into
 * the same batch. */
void ch_writer_block_refused(ch_writer *writer, const ch_work *work);
/* CH_OK, or the status that everything of this session is refused with. */
ch_status ch_writer_check_blocked(ch_writer *writer, const ch_work *work) CH_MUST_CHECK;
/* One work that no batch has taken; with a temporary status. */
void ch_writer_refuse(ch_writer *writer, ch_work *work, ch_status status, const char *text);
/* All works of a batch that has not happened. */
void ch_writer_refuse_batch(ch_writer *writer, ch_batch *batch, ch_status status, const char *text);
/* All works of a batch that has happened, answered. */
void ch_writer_hand_out(ch_writer *writer, ch_batch *batch);
void ch_writer_tell_grants(ch_writer *writer, ch_batch *batch);
void ch_writer_tell_redeliveries(ch_writer *writer, ch_batch *batch);
/* Wakes the front if something was given to it. */
void ch_writer_ring_front(ch_writer *writer);
/* NULL: none, or not yet. */
ch_work *ch_writer_next_postponed(ch_writer *writer);

#endif
