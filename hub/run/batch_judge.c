/* One work: repeats are answered again, everything else is decided; with a checkpoint what is refused becomes a dead
 * letter, and all of it happens or nothing.
 */
#include "hub/run/batch_inside.h"

#include <inttypes.h>
#include <stdio.h>

#define RAW_CUT "(raw cut) "

static bool is_temporary(ch_status status)
{
    return ch_status_is_temporary(status) || status == CH_NO_MEMORY;
}

/* The store failed, as against: the event was refused. */
static bool is_failure(ch_status status)
{
    return status == CH_IO || status == CH_CORRUPT || is_temporary(status);
}

static ch_status keep_text(ch_work *work, const char *text, ch_str *out_kept)
{
    *out_kept = ch_arena_str(&work->arena, ch_str_of(text));
    return out_kept->at == NULL ? CH_NO_MEMORY : CH_OK;
}

static ch_status refuse(ch_work *work, ch_chp_answer *answer, const ch_error *why)
{
    *answer = (ch_chp_answer){.status = why->status};
    if (work->actor == NULL) {
        return CH_OK; /* the hub's own: nobody reads why, and it may come again and again */
    }
    ch_status status = keep_text(work, why->text, &answer->text);
    return status == CH_OK ? keep_text(work, why->where, &answer->where) : status;
}

static ch_status fail_work(ch_work *work, ch_status status, const char *where, const char *text)
{
    work->failure = ch_arena_alloc(&work->arena, sizeof *work->failure);
    if (work->failure == NULL) {
        return CH_NO_MEMORY;
    }
    ch_error_set(work->failure, status, where, "%s", text);
    return CH_OK;
}

/* ---- one event */

/* What may use the reserve: answers to handoffs, what takes away, and what a start cannot do without. */
static bool is_urgent(const ch_event *event)
{
    return (ch_str_starts(event->type, CH_STR("handoff.")) && !ch_str_is(event->type, "handoff.offered")) ||
           (ch_str_is(event->type, "hub.deadletter") &&
            ch_str_is(ch_mp_find_str(event->data, "action"), "drop")) ||
           (ch_str_is(event->type, "hub.grant") && ch_mp_find_bool(event->data, "revoked", false)) ||
           ch_str_is(event->type, "hub.erased") || ch_str_is(event->type, "hub.replay") ||
           ch_str_is(event->type, "hub.config");
}

static ch_status check_room(const ch_batch *batch, bool urgent, ch_error *error)
{
    ch_status room = urgent ? batch->urgent_room : batch->room;
    if (room != CH_OK) {
        *error = batch->no_room;
    }
    return room;
}

static ch_status decide(ch_batch *batch, const ch_work *work, const ch_event *event, ch_error *error)
{
    ch_view view;
    const ch_intake intake = {.event = event,
                              .role = work->actor == NULL ? CH_ROLE_HUB : work->actor->grant.role,
                              .actor =
                                  work->actor == NULL ? CH_STR("hub") : ch_str_of(work->actor->grant.name),
                              .grant = work->actor == NULL ? NULL : &work->actor->grant,
                              .default_kind = work->publish.default_kind,
                              .history_until_ms = work->publish.history_until_ms};
    ch_status status = ch_state_view(batch->store->state, batch->store->epoch, &view);
    if (status == CH_OK) {
        status = ch_slots_prepare(batch->store->case_slots, view.next_case, error);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, "store", "cannot be looked at: %s", ch_status_text(status));
    }
    return ch_decide(batch->decision, batch->rules, &view, &intake, batch->now_ms, error);
}

static ch_status append_hub_event(ch_batch *batch, ch_str type, ch_str id, ch_str data, ch_str raw,
                                  ch_error *error);

static ch_status put_text(ch_buf *out, const char *key, ch_str value)
{
    ch_mp_put_text(out, key);
    ch_mp_put_str(out, value);
    return out->failed;
}

/* As much as an event may carry: a letter is read like any other event. */
static ch_str raw_of(const ch_work_item *item, bool *out_cut)
{
    ch_str raw = item->event.raw.at != NULL ? item->event.raw : item->encoded;
    *out_cut = raw.size > ch_mp_limits_event.str_bytes;
    return (ch_str){raw.at, *out_cut ? ch_mp_limits_event.str_bytes : raw.size};
}

/* What a batch with a checkpoint cannot have in the log it has here: the record it came from, or the event itself. */
static ch_status make_letter(ch_batch *batch, ch_work *work, size_t index, ch_error *error)
{
    const ch_work_item *item = &work->items[index];
    ch_chp_answer *answer = &work->answers[index];
    char id[64];
    bool is_cut;
    ch_error said;
    ch_str raw = raw_of(item, &is_cut);
    uint64_t number = ch_state_next_dead_letter(batch->store->state);
    ch_buf *data = &batch->text;
    ch_error_set(&said, answer->status, NULL, "%s%.*s", is_cut ? RAW_CUT : "", CH_STR_ARG(answer->text));
    ch_buf_clear(data);
    ch_mp_put_map(data, 7);
    put_text(data, "action", CH_STR("made"));
    put_text(data, "connector", work->publish.connector);
    put_text(data, "stage", CH_STR("publish"));
    put_text(data, "code", ch_str_of(ch_status_name(answer->status)));
    put_text(data, "reason", ch_str_of(said.text));
    put_text(data, "place", answer->where.at == NULL ? CH_STR("") : answer->where);
    ch_status status =
        put_text(data, "mapping", item->event.mapping.at == NULL ? CH_STR("") : item->event.mapping);
    if (status != CH_OK) {
        return ch_error_set(error, status, "batch", "no room for a dead letter");
    }
    snprintf(id, sizeof id, "dead-letter/%" PRIu64, number);
    status = append_hub_event(batch, CH_STR("hub.deadletter"), ch_str_of(id), ch_buf_str(data), raw, error);
    if (status == CH_OK) {
        answer->dead_letter = number;
    }
    return status;
}

static ch_status take_refusal(ch_batch *batch, ch_work *work, size_t index, const ch_error *why,
                              ch_error *error)
{
    ch_chp_answer *answer = &work->answers[index];
    ch_status status = refuse(work, answer, why);
    if (status != CH_OK) {
        return ch_error_set(error, status, "batch", "no memory for an answer");
    }
    answer->present_state = batch->decision->present_state == CH_CASE_NONE
                                ? CH_STR("")
                                : ch_str_of(ch_case_state_name(batch->decision->present_state));
    answer->case_version = batch->decision->present_version;
    bool is_kept = work->publish.connector.at != NULL && !is_temporary(why->status);
    return is_kept ? make_letter(batch, work, index, error) : CH_OK;
}

static ch_status accept(ch_batch *batch, ch_work *work, size_t index, ch_error *error)
{
    size_t own = 0;
    const ch_work_item *item = &work->items[index];
    uint64_t letter = ch_state_next_dead_letter(batch->store->state);
    ch_status status = ch_batch_append_decision(batch, item->fingerprint, &own, error);
    if (status != CH_OK) {
        return status;
    }
    const ch_placed *placed = &batch->placed[own];
    work->answers[index] =
        (ch_chp_answer){.sequence = batch->first + own,
                        .case_version = placed->case_version,
                        .case_id = placed->case_id.at == NULL ? CH_STR("") : placed->case_id};
    if (!ch_str_starts(item->event.type, CH_STR("hub."))) {
        return CH_OK;
    }
    work->answers[index].dead_letter = ch_state_next_dead_letter(batch->store->state) > letter ? letter : 0;
    status = ch_batch_note_hub_event(batch, &item->event);
    return status == CH_OK ? CH_OK : ch_error_set(error, status, "batch", "no memory to tell others of it");
}

static bool is_open_letter(const ch_dead_letter *letter)
{
    return strcmp(letter->status, "open") == 0 || strcmp(letter->status, "retrying") == 0;
}

/* By the hub, or by the connector that made it (connectors/host/dead_letter.c). */
static bool was_cut(const ch_dead_letter *letter)
{
    static const char note[] = " (raw cut)";
    ch_str reason = ch_str_of(letter->reason);
    size_t size = sizeof note - 1;
    return ch_str_starts(reason, CH_STR(RAW_CUT)) ||
           (reason.size >= size && memcmp(reason.at + reason.size - size, note, size) == 0);
}

static ch_status check_letter(ch_batch *batch, const ch_event *event, ch_error *error)
{
    ch_dead_letter letter;
    ch_str action = ch_mp_find_str(event->data, "action");
    if (!ch_str_is(event->type, "hub.deadletter") || ch_str_is(action, "made")) {
        return CH_OK;
    }
    int64_t number = ch_mp_find_int(event->data, "number", 0);
    ch_status status =
        number <= 0 ? CH_NOT_FOUND : ch_state_dead_letter(batch->store->state, (uint64_t)number, &letter);
    if (status == CH_NOT_FOUND) {
        return ch_error_set(error, CH_NOT_FOUND, "data.number", "there is no dead letter %lld",
                            (long long)number);
    }
    if (status == CH_OK && !is_open_letter(&letter)) {
        return ch_error_set(error, CH_CONFLICT, "data.number", "dead letter %lld is %s", (long long)number,
                            letter.status);
    }
    if (status == CH_OK && ch_str_is(action, "retry") && was_cut(&letter)) {
        return ch_error_set(error, CH_REFUSED, "data.number",
                            "dead letter %lld has not all of what came: only its source can send it again",
                            (long long)number);
    }
    return status;
}

static ch_status consider(ch_batch *batch, const ch_work *work, const ch_event *event, ch_error *error)
{
    ch_status status = check_room(batch, is_urgent(event), error);
    if (status == CH_OK) {
        status = check_letter(batch, event, error);
    }
    return status == CH_OK ? decide(batch, work, event, error) : status;
}

static ch_status judge_new(ch_batch *batch, ch_work *work, size_t index, ch_error *error)
{
    ch_error why;
    size_t before = batch->count;
    ch_status status = consider(batch, work, &work->items[index].event, &why);
    bool refused_for_now = status == CH_STORAGE_FULL;
    if (status == CH_OK) {
        status = accept(batch, work, index, &why);
    }
    if (status == CH_OK) {
        return CH_OK;
    }
    if ((is_failure(status) && !refused_for_now) || batch->count != before) {
        *error = why;
        return is_failure(status) ? status : CH_CORRUPT;
    }
    return take_refusal(batch, work, index, &why, error);
}

static ch_status judge_item(ch_batch *batch, ch_work *work, size_t index, ch_error *error)
{
    const ch_work_item *item = &work->items[index];
    uint64_t sequence;
    ch_error why;
    batch->decision->present_state = CH_CASE_NONE;
    batch->decision->present_version = 0;
    if (item->refusal != NULL) {
        return take_refusal(batch, work, index, item->refusal, error);
    }
    ch_status status = ch_state_find_id(batch->store->state, item->event.source, item->event.id, &sequence);
    if (status == CH_NOT_FOUND) {
        return judge_new(batch, work, index, error);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "dedup cannot be read");
    }
    status = ch_batch_answer_repeat(batch, work, index, sequence, &why);
    if (status == CH_CONFLICT) {
        return take_refusal(batch, work, index, &why, error);
    }
    if (status != CH_OK) {
        *error = why;
    }
    return status;
}

/* ---- what the hub writes beside */

static ch_status append_hub_event(ch_batch *batch, ch_str type, ch_str id, ch_str data, ch_str raw,
                                  ch_error *error)
{
    char source[4 + sizeof batch->rules->hub_code];
    const ch_work nobody = {.session = 0};
    int size = snprintf(source, sizeof source, "hub/%s", batch->rules->hub_code);
    const ch_event event = {.id = id,
                            .source = {source, (size_t)size},
                            .type = type,
                            .time_ms = batch->now_ms,
                            .data = data,
                            .raw = raw,
                            .expected_version = -1};
    ch_status status = decide(batch, &nobody, &event, error);
    if (status == CH_OK) {
        status = ch_batch_append(batch, &batch->decision->events[0], NULL, error);
    }
    return status == CH_OK || is_failure(status) ? status : CH_CORRUPT;
}

static ch_status append_retried(ch_batch *batch, uint64_t number, ch_error *error)
{
    char id[64];
    ch_buf *data = &batch->text;
    snprintf(id, sizeof id, "dead-letter/%" PRIu64 "/retried/%" PRIu64, number, batch->first + batch->count);
    ch_buf_clear(data);
    ch_mp_put_map(data, 2);
    put_text(data, "action", CH_STR("retried"));
    ch_mp_put_text(data, "number");
    ch_mp_put_uint(data, number);
    ch_status status = append_hub_event(batch, CH_STR("hub.deadletter"), ch_str_of(id), ch_buf_str(data),
                                        CH_STR_NONE, error);
    return status == CH_OK ? ch_batch_close_letter(batch, number) : status;
}

/* ---- a work as a whole */

static ch_status check_fencing(ch_batch *batch, const ch_chp_publish *publish, bool *out_fits,
                               ch_error *error)
{
    ch_buf *present = &batch->text;
    ch_buf_clear(present);
    ch_status status = ch_state_checkpoint(batch->store->state, publish->connector, present);
    if (status != CH_OK && status != CH_NOT_FOUND) {
        return ch_error_set(error, status, "state", "a checkpoint cannot be read");
    }
    *out_fits = ch_str_equal(ch_buf_str(present), publish->from);
    return CH_OK;
}

/* May this connector try that dead letter again? */
static ch_status check_retried(ch_batch *batch, const ch_chp_publish *publish, ch_error *error)
{
    ch_dead_letter letter;
    if (publish->dead_letter == 0) {
        return CH_OK;
    }
    ch_status status = ch_state_dead_letter(batch->store->state, (uint64_t)publish->dead_letter, &letter);
    if (status == CH_NOT_FOUND || (status == CH_OK && !ch_str_is(publish->connector, letter.connector))) {
        return ch_error_set(error, CH_NOT_FOUND, "PUBLISH.dead_letter", "%.*s has no dead letter %lld",
                            CH_STR_ARG(publish->connector), (long long)publish->dead_letter);
    }
    if (status == CH_OK && !is_open_letter(&letter)) {
        return ch_error_set(error, CH_CONFLICT, "PUBLISH.dead_letter", "dead letter %lld is %s",
                            (long long)publish->dead_letter, letter.status);
    }
    return status == CH_OK ? CH_OK : ch_error_set(error, status, "state", "dead letters cannot be read");
}

static ch_status move_checkpoint(ch_batch *batch, const ch_chp_publish *publish, ch_error *error)
{
    char id[32];
    ch_buf *data = &batch->text;
    snprintf(id, sizeof id, "checkpoint/%" PRIu64, batch->first + batch->count);
    ch_buf_clear(data);
    ch_mp_put_map(data, 2);
    put_text(data, "connector", publish->connector);
    ch_status status = put_text(data, "value", publish->to);
    if (status != CH_OK) {
        return ch_error_set(error, status, "batch", "no room for a checkpoint");
    }
    return append_hub_event(batch, CH_STR("hub.checkpoint"), ch_str_of(id), ch_buf_str(data), CH_STR_NONE,
                            error);
}

static ch_status judge_items(ch_batch *batch, ch_work *work, ch_error *error)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < work->count && status == CH_OK; i++) {
        status = judge_item(batch, work, i, error);
        if (status == CH_OK && is_temporary(work->answers[i].status)) {
            /* Everything behind it waits too: the order within a case must survive the retry. */
            for (size_t k = i + 1; k < work->count; k++) {
                work->answers[k] = (ch_chp_answer){.status = CH_BUSY};
            }
            break;
        }
    }
    return status;
}

/* CH_OK, or the status that the first such event was refused for now with. */
static ch_status refused_for_now(const ch_work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        if (is_temporary(work->answers[i].status)) {
            return work->answers[i].status;
        }
    }
    return CH_OK;
}

/* All of it happens or nothing: an event that is refused for now refuses the work or, when others of it stand in the batch
 * already, the batch. */
static ch_status judge_wholly(ch_batch *batch, ch_work *work, ch_error *error)
{
    size_t before = batch->count;
    ch_status status = judge_items(batch, work, error);
    ch_status refused = status == CH_OK ? refused_for_now(work) : CH_OK;
    if (refused == CH_OK) {
        return status;
    }
    return batch->count == before
               ? fail_work(work, refused, "PUBLISH", ch_status_text(refused))
               : ch_error_set(error, refused, "batch", "a batch with a checkpoint cannot be taken in part");
}

static ch_status judge_with_checkpoint(ch_batch *batch, ch_work *work, ch_error *error)
{
    bool fits = false;
    ch_error why;
    ch_status status = check_fencing(batch, &work->publish, &fits, error);
    if (status != CH_OK) {
        return status;
    }
    if (!fits) {
        return fail_work(work, CH_CONFLICT, "PUBLISH.checkpoint.from",
                         "the connector's checkpoint is another one: another process has moved it");
    }
    status = check_room(batch, false, &why);
    if (status == CH_OK) {
        status = check_retried(batch, &work->publish, &why);
    }
    if (status != CH_OK) {
        return fail_work(work, why.status, why.where, why.text);
    }
    status = judge_wholly(batch, work, error);
    if (status != CH_OK || work->failure != NULL) {
        return status;
    }
    if (work->publish.dead_letter > 0) {
        status = append_retried(batch, (uint64_t)work->publish.dead_letter, error);
    }
    return status == CH_OK ? move_checkpoint(batch, &work->publish, error) : status;
}

ch_status ch_batch_judge_work(ch_batch *batch, ch_work *work, ch_error *error)
{
    /* One of the hub itself that was refused for now has its answers already. */
    if (work->count > 0 && work->answers == NULL) {
        work->answers = ch_arena_alloc(&work->arena, work->count * sizeof *work->answers);
        if (work->answers == NULL) {
            return ch_error_set(error, CH_NO_MEMORY, "batch", "no memory for answers");
        }
    }
    return work->publish.connector.at != NULL ? judge_with_checkpoint(batch, work, error)
                                              : judge_items(batch, work, error);
}
