#include "hub/run/batch_inside.h"

#include <stdlib.h>

#define RECORDS_LIMIT ((size_t)256 * 1024 * 1024)
#define EVENT_LIMIT ((size_t)1024 * 1024)
#define ARENA_LIMIT ((size_t)64 * 1024 * 1024)

ch_status ch_batch_new(ch_batch **out_batch, ch_store *store, ch_metrics *metrics)
{
    ch_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL || ch_decision_new(&batch->decision) != CH_OK) {
        free(batch);
        return CH_NO_MEMORY;
    }
    batch->store = store;
    batch->metrics = metrics;
    ch_arena_init(&batch->arena, ARENA_LIMIT);
    ch_buf_init(&batch->records, RECORDS_LIMIT);
    ch_buf_init(&batch->parts, RECORDS_LIMIT);
    ch_buf *const buffers[] = {&batch->public_data, &batch->secret, &batch->sealed, &batch->text};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        ch_buf_init(buffers[i], EVENT_LIMIT);
    }
    *out_batch = batch;
    return CH_OK;
}

void ch_batch_free(ch_batch *batch)
{
    ch_work *work;
    if (batch == NULL) {
        return;
    }
    while ((work = ch_batch_next(batch)) != NULL) {
        ch_mail_free(&work->mail);
    }
    ch_log_reader_close(batch->look);
    ch_decision_free(batch->decision);
    ch_arena_done(&batch->arena);
    ch_buf *const buffers[] = {&batch->records, &batch->parts,  &batch->public_data,
                               &batch->secret,  &batch->sealed, &batch->text};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        ch_buf_done(buffers[i]);
    }
    free(batch->sizes);
    free(batch->placed);
    free(batch->closed_letters.at);
    free(batch->erased.at);
    free(batch->grants.at);
    free(batch->redeliveries.at);
    free(batch);
}

ch_log_head ch_log_head_of(const ch_event_log *log)
{
    return (ch_log_head){.last = ch_event_log_last(log), .recorded_ms = ch_event_log_last_recorded_ms(log)};
}

ch_status ch_batch_begin(ch_batch *batch, const ch_rules *rules, const ch_log_head *head,
                         const ch_batch *before, int64_t now_ms, ch_error *error)
{
    batch->rules = rules;
    batch->before = before;
    batch->now_ms = now_ms > head->recorded_ms ? now_ms : head->recorded_ms;
    batch->earliest_due_ms = INT64_MAX;
    batch->first = head->last + 1;
    ch_buf_clear(&batch->parts);
    ch_arena_reset(&batch->arena);
    batch->count = batch->events = 0;
    batch->letters_made = 0;
    batch->closed_letters.count = 0;
    batch->erased.count = 0;
    batch->grants.count = batch->grants.told = 0;
    batch->redeliveries.count = batch->redeliveries.told = 0;
    if (ch_state_position(batch->store->state) != head->last) {
        return ch_error_set(error, CH_CORRUPT, "state", "has not folded the head of the log");
    }
    batch->room = ch_store_check_room(batch->store, false, &batch->no_room);
    batch->urgent_room =
        batch->room == CH_OK ? CH_OK : ch_store_check_room(batch->store, true, &batch->no_room);
    return CH_OK;
}

ch_status ch_batch_take(ch_batch *batch, ch_work *work, ch_error *error)
{
    work->next = NULL;
    if (batch->last_work == NULL) {
        batch->works = work;
    } else {
        batch->last_work->next = work;
    }
    batch->last_work = work;
    batch->events += work->count == 0 ? 1 : work->count; /* one that only moves a checkpoint is work, too */
    return ch_batch_judge_work(batch, work, error);
}

ch_status ch_batch_take_own(ch_batch *batch, ch_work *work, ch_error *error)
{
    ch_status status = ch_batch_take(batch, work, error);
    if (status != CH_OK || work->answers[0].status == CH_OK) {
        return status;
    }
    return ch_error_set(error, work->answers[0].status, "log", "%.*s cannot be recorded: %s",
                        CH_STR_ARG(work->items[0].event.type), ch_status_text(work->answers[0].status));
}

size_t ch_batch_events(const ch_batch *batch)
{
    return batch->events;
}

size_t ch_batch_bytes(const ch_batch *batch)
{
    return batch->parts.size;
}

static void stop_looking(ch_batch *batch)
{
    if (batch->looking) {
        ch_log_reader_rest(batch->look);
        batch->looking = false;
    }
}

size_t ch_batch_records(const ch_batch *batch)
{
    return batch->count;
}

ch_log_head ch_batch_end(ch_batch *batch)
{
    stop_looking(batch);
    return (ch_log_head){.last = batch->first + batch->count - 1, .recorded_ms = batch->now_ms};
}

ch_status ch_batch_commit(ch_batch *batch, ch_error *error)
{
    uint8_t chain[CH_HASH_SIZE];
    uint32_t *sizes = realloc(batch->sizes, (batch->count + 1) * sizeof *sizes);
    if (sizes == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "batch", "no memory to commit");
    }
    batch->sizes = sizes;
    ch_status status = ch_batch_encode(batch, sizes, chain, error);
    if (status != CH_OK) {
        return status;
    }
    return ch_event_log_append(batch->store->log, batch->first, ch_buf_str(&batch->records), sizes,
                               batch->count, chain, batch->now_ms, error);
}

static void encode_failure(ch_work *work)
{
    const ch_chp_message message = {.verb = CH_CHP_ERROR,
                                    .request = work->request,
                                    .error = {.code = ch_str_of(ch_status_name(work->failure->status)),
                                              .text = ch_str_of(work->failure->text),
                                              .where = ch_str_of(work->failure->where)}};
    ch_chp_encode(&work->answer, &message);
}

static void encode_answers(ch_work *work)
{
    ch_buf_clear(&work->answer);
    if (work->failure != NULL) {
        encode_failure(work);
        return;
    }
    size_t begun = ch_chp_published_begin(&work->answer, work->request);
    for (size_t i = 0; i < work->count; i++) {
        ch_chp_published_append(&work->answer, &work->answers[i]);
    }
    ch_chp_published_end(&work->answer, begun, (uint32_t)work->count);
}

void ch_batch_answer(ch_batch *batch)
{
    ch_metric_add(&batch->metrics->dead_letters, batch->letters_made);
    for (ch_work *work = batch->works; work != NULL; work = work->next) {
        if (work->session == 0) {
            continue;
        }
        encode_answers(work);
        for (size_t i = 0; i < work->count && work->failure == NULL; i++) {
            const ch_chp_answer *answer = &work->answers[i];
            if (answer->status != CH_OK) {
                ch_metrics_count_refusals(batch->metrics, answer->status, 1);
            } else if (answer->duplicate) {
                ch_metric_add(&batch->metrics->duplicates, 1);
            }
        }
    }
}

void ch_work_refuse(ch_work *work, ch_status status, const char *text)
{
    const ch_chp_message message = {
        .verb = CH_CHP_ERROR,
        .request = work->request,
        .error = {.code = ch_str_of(ch_status_name(status)), .text = ch_str_of(text)}};
    ch_buf_clear(&work->answer);
    ch_chp_encode(&work->answer, &message);
}

void ch_batch_refuse(ch_batch *batch, ch_status status, const char *text)
{
    stop_looking(batch);
    batch->closed_letters.count = 0;
    batch->erased.count = 0;
    batch->grants.count = 0;
    batch->redeliveries.count = 0;
    for (ch_work *work = batch->works; work != NULL; work = work->next) {
        ch_work_refuse(work, status, text);
        ch_metrics_count_refusals(batch->metrics, status, work->count);
    }
}

ch_work *ch_batch_next(ch_batch *batch)
{
    ch_work *work = batch->works;
    if (work != NULL) {
        batch->works = work->next;
        batch->last_work = batch->works == NULL ? NULL : batch->last_work;
        work->next = NULL;
    }
    return work;
}

int64_t ch_batch_earliest_due(const ch_batch *batch)
{
    return batch->earliest_due_ms;
}
