/* An event whose source and id are in the log, or on their way there: it is answered as it was the first time. */
#include "hub/run/batch_inside.h"

#include <inttypes.h>

static ch_status look_up(ch_batch *batch, uint64_t sequence, ch_record *out_record, ch_error *error)
{
    ch_status status = CH_OK;
    if (batch->look == NULL) {
        status = ch_log_reader_open(&batch->look, batch->store->log, error);
    } else if (!batch->looking) {
        status = ch_log_reader_renew(batch->look, error);
    }
    batch->looking = status == CH_OK;
    return status == CH_OK ? ch_log_reader_seek(batch->look, sequence, out_record, error) : status;
}

/* What the first answer said, and what it was given for. */
typedef struct first_time {
    uint64_t case_number;
    uint32_t case_version;
    ch_str case_id; /* lives as long as the work: this answer outlives the batch */
    uint8_t digest[CH_DIGEST_SIZE];
} first_time;

static ch_status keep_case_id(ch_work *work, ch_str case_id, first_time *first, ch_error *error)
{
    first->case_id = ch_arena_str(&work->arena, case_id);
    return case_id.at == NULL || first->case_id.at != NULL
               ? CH_OK
               : ch_error_set(error, CH_NO_MEMORY, "batch", "no memory for an answer");
}

static ch_status find_in_log(ch_batch *batch, ch_work *work, uint64_t sequence, first_time *out_first,
                             ch_error *error)
{
    ch_record record;
    ch_event event;
    ch_status status = look_up(batch, sequence, &record, error);
    if (status == CH_OK) {
        status = ch_record_event(&record, &event);
    }
    if (status == CH_NO_MEMORY) {
        return status;
    }
    if (status != CH_OK || record.sequence != sequence) {
        return ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " is in dedup but cannot be read",
                            sequence);
    }
    *out_first =
        (first_time){.case_number = (record.flags & CH_RECORD_DEAD_LETTER) != 0 ? 0 : record.case_number,
                     .case_version = record.case_version};
    memcpy(out_first->digest, record.digest, CH_DIGEST_SIZE);
    return keep_case_id(work, event.subject, out_first, error);
}

/* Field by field: the others of a batch that is under way are the committer's. */
static ch_status find_in_batch(const ch_batch *batch, ch_work *work, uint64_t sequence, first_time *out_first,
                               ch_error *error)
{
    const ch_placed *placed = &batch->placed[sequence - batch->first];
    *out_first = (first_time){.case_number = placed->case_number, .case_version = placed->case_version};
    memcpy(out_first->digest, placed->record.digest, CH_DIGEST_SIZE);
    return keep_case_id(work, placed->case_id, out_first, error);
}

ch_status ch_batch_answer_repeat(ch_batch *batch, ch_work *work, size_t index, uint64_t sequence,
                                 ch_error *error)
{
    const ch_event *event = &work->items[index].event;
    first_time first;
    uint8_t digest[CH_DIGEST_SIZE];
    ch_status status;
    if (sequence >= batch->first) {
        status = find_in_batch(batch, work, sequence, &first, error);
    } else if (batch->before != NULL && sequence >= batch->before->first) {
        status = find_in_batch(batch->before, work, sequence, &first, error);
    } else {
        status = find_in_log(batch, work, sequence, &first, error);
    }
    if (status != CH_OK) {
        return status;
    }
    status = ch_batch_digest(batch, work->items[index].fingerprint, first.case_number, digest);
    if (status != CH_OK && status != CH_ERASED) {
        return ch_error_set(error, status, "keys", "the key of a repeated event cannot be used");
    }
    if (status == CH_OK && memcmp(digest, first.digest, CH_DIGEST_SIZE) != 0) {
        return ch_error_set(error, CH_CONFLICT, "id",
                            "%.*s %.*s is in the log at %" PRIu64 " with other content",
                            CH_STR_ARG(event->source), CH_STR_ARG(event->id), sequence);
    }
    work->answers[index] = (ch_chp_answer){.sequence = sequence,
                                           .case_version = first.case_version,
                                           .case_id = first.case_id.at == NULL ? CH_STR("") : first.case_id,
                                           .duplicate = true};
    return CH_OK;
}
