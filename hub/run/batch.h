/* batch.h - what one log commit holds: events judged against the open state and folded into it; then sealed, encoded,
 * appended and synced at once, and only then answered.
 *
 * Belongs to the writer, but for ch_batch_commit, which may run on another thread while the writer fills the next
 * batch. A failure of ch_batch_take or ch_batch_commit is one of the store. Nothing of the batch has happened
 * then: the caller rolls the state back and answers with ch_batch_refuse.
 */
#ifndef CH_RUN_BATCH_H
#define CH_RUN_BATCH_H

#include "hub/run/mail.h"
#include "hub/run/metrics.h"
#include "hub/store/store.h"

typedef struct ch_batch ch_batch;

ch_status ch_batch_new(ch_batch **out_batch, ch_store *store, ch_metrics *metrics) CH_MUST_CHECK;
void ch_batch_free(ch_batch *batch);

/* Where the log ends, or will once the batches that are on their way are committed. */
typedef struct ch_log_head {
    uint64_t last;
    int64_t recorded_ms;
} ch_log_head;
/* Only while no commit is under way. */
ch_log_head ch_log_head_of(const ch_event_log *log);

/* Continues at head, which the state must have folded. now_ms: wall time; recorded time never goes back. rules:
 * borrowed until the batch has ended. before: the batch that is being committed meanwhile, or NULL. */
ch_status ch_batch_begin(ch_batch *batch, const ch_rules *rules, const ch_log_head *head,
                         const ch_batch *before, int64_t now_ms, ch_error *error) CH_MUST_CHECK;
/* Judges the work's events in order. Takes the work. */
ch_status ch_batch_take(ch_batch *batch, ch_work *work, ch_error *error) CH_MUST_CHECK;
/* The same of one event of the hub's own that the batch makes no sense without: a refusal (there is no room) is a failure, too. */
ch_status ch_batch_take_own(ch_batch *batch, ch_work *work, ch_error *error) CH_MUST_CHECK;
/* Events taken so far, a work without any counted as one, and bytes that their records will hold, about. */
size_t ch_batch_events(const ch_batch *batch);
size_t ch_batch_bytes(const ch_batch *batch);
size_t ch_batch_records(const ch_batch *batch);
/* Nothing more is taken. Where the log ends with it. */
ch_log_head ch_batch_end(ch_batch *batch);
/* Seals, encodes and chains what an ended batch holds, and appends it to the log, synced. CH_STORAGE_FULL, CH_IO,
 * CH_NO_MEMORY. With nothing to append it does nothing. */
ch_status ch_batch_commit(ch_batch *batch, ch_error *error) CH_MUST_CHECK;
/* After a commit: fills each work's answer, and counts what became of them. */
void ch_batch_answer(ch_batch *batch);
/* After a failure: every work is answered with this temporary status. */
void ch_batch_refuse(ch_batch *batch, ch_status status, const char *text);
/* The works, answered, in order; NULL at the end. The caller owns it. */
ch_work *ch_batch_next(ch_batch *batch);

/* After a commit, what others must hear: each once, in order. False at the end. */
bool ch_batch_next_grant(ch_batch *batch, ch_grant *out_grant);
bool ch_batch_next_redelivery(ch_batch *batch, ch_dead_letter *out_letter);
/* Before the answers: the keys of cases that are erased now are destroyed. CH_IO, CH_CORRUPT, CH_STORAGE_FULL, CH_NO_MEMORY. */
bool ch_batch_has_erasures(const ch_batch *batch);
ch_status ch_batch_carry_out_erasures(ch_batch *batch, ch_error *error) CH_MUST_CHECK;
/* Keys of dead letters that are closed now are destroyed. CH_IO. */
ch_status ch_batch_erase_letters(ch_batch *batch, ch_error *error) CH_MUST_CHECK;
/* The earliest due time among the handoffs and clocks that the batch touched; INT64_MAX: none. */
int64_t ch_batch_earliest_due(const ch_batch *batch);

/* One work alone, refused as it is with a temporary status. */
void ch_work_refuse(ch_work *work, ch_status status, const char *text);

#endif
