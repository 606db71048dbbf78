/* READ and QUERY: what the log and the state say now. */
#include "hub/run/reader_inside.h"

#include <stdio.h>
#include <stdlib.h>

#define READ_LIMIT 1000
#define READ_SCAN_MOST 20000 /* records looked at, or blocks stepped over, for one READ */
#define WAIT_FOR_STATE_MS 5000

/* ---- READ */

typedef struct reading {
    ch_reader *reader;
    const ch_chp_read *asked;
    ch_subscription filter; /* patterns and rights as a subscriber would have them */
    ch_parcel *parcel;
    size_t begun;
    uint32_t events;
    uint64_t next, to;
} reading;

static bool has_room(const reading *at, uint32_t limit)
{
    return at->events < limit && at->parcel->body.size < CH_CHP_EVENTS_TARGET;
}

static bool matches(const reading *at, const ch_slice_event *event)
{
    return (at->asked->case_id.at == NULL || ch_str_equal(at->asked->case_id, event->event.subject)) &&
           (at->asked->pattern_count == 0 || ch_subscription_matches(&at->filter, event->event.topic));
}

static ch_status take(reading *at, ch_slice_event *event, ch_error *error)
{
    ch_verdict verdict;
    ch_str bytes;
    ch_reader *reader = at->reader;
    if (!matches(at, event)) {
        return CH_OK;
    }
    ch_status status = ch_reader_judge(reader, &at->filter, event, &verdict, error);
    if (status != CH_OK || !verdict.wanted) {
        return status;
    }
    status = ch_slices_readable(reader->slices, event, verdict.personal, &bytes);
    if (status != CH_OK) {
        return ch_error_set(error, status, "log", "record %llu cannot be read",
                            (unsigned long long)event->record.sequence);
    }
    ch_mp_put_raw(&at->parcel->body, bytes);
    if (at->parcel->body.failed != CH_OK) {
        return ch_error_set(error, at->parcel->body.failed, "READ", "no room for events");
    }
    at->events++;
    return CH_OK;
}

static ch_status read_range(reading *at, uint32_t limit, ch_error *error)
{
    ch_status status = CH_OK;
    for (unsigned scanned = 0; at->next <= at->to && has_room(at, limit) && scanned < READ_SCAN_MOST;
         scanned++) {
        ch_slice_event *event;
        bool may_step;
        status = ch_reader_may_step_over(at->reader, &at->filter, at->next, at->to, &may_step, error);
        if (status == CH_OK && may_step) {
            at->next += CH_TOPIC_BLOCK;
            continue;
        }
        if (status == CH_OK) {
            status =
                ch_slices_at(at->reader->slices, at->reader->log, at->next, at->reader->last, &event, error);
        }
        if (status == CH_OK) {
            status = take(at, event, error);
        }
        if (status != CH_OK) {
            break;
        }
        at->next++;
    }
    return status;
}

/* The events of one case lie far apart: its index tells where. */
static ch_status read_case(reading *at, uint32_t limit, ch_error *error)
{
    uint64_t number, sequence;
    uint32_t version = 1;
    ch_status status = ch_reader_look_at_state(at->reader, error);
    if (status != CH_OK || ch_case_id_number(at->asked->case_id, &number) != CH_OK) {
        at->next = at->to + 1;
        return status;
    }
    while (has_room(at, limit)) {
        ch_slice_event *event;
        status = ch_state_reader_case_event(at->reader->state, number, version, &version, &sequence);
        if (status != CH_OK || sequence > at->to) {
            at->next = at->to + 1;
            return status == CH_END || status == CH_OK
                       ? CH_OK
                       : ch_error_set(error, status, "state", "cannot be read");
        }
        version++;
        if (sequence < at->next) {
            continue;
        }
        status = ch_slices_at(at->reader->slices, at->reader->log, sequence, at->reader->last, &event, error);
        if (status == CH_OK) {
            status = take(at, event, error);
        }
        if (status != CH_OK) {
            return status;
        }
        at->next = sequence + 1;
    }
    return CH_OK;
}

static ch_status prepare(reading *at, const ch_task *task, ch_error *error)
{
    static const ch_str everything[] = {{">", 1}};
    const ch_chp_read *asked = at->asked;
    ch_status status = ch_reader_look(at->reader, error);
    if (status == CH_OK) {
        status = ch_reader_look_at_state(at->reader, error);
    }
    if (status != CH_OK) {
        return status;
    }
    /* Nothing is shown before the state has it, which the rights may depend on. */
    const ch_reader *reader = at->reader;
    uint64_t last = reader->state_last < reader->last ? reader->state_last : reader->last;
    at->next = asked->from < 1 ? 1 : (uint64_t)asked->from;
    at->to = asked->to < 1 || (uint64_t)asked->to > last ? last : (uint64_t)asked->to;
    at->filter.actor = task->actor;
    at->filter.test_mode = CH_TEST_INCLUDE;
    status =
        ch_subscription_set_patterns(&at->filter, asked->pattern_count == 0 ? everything : asked->patterns,
                                     asked->pattern_count == 0 ? 1 : asked->pattern_count);
    if (status == CH_OK) {
        status = ch_parcel_new(&at->parcel, task->session);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, "READ", "out of memory");
    }
    at->begun = ch_mp_begin_array(&at->parcel->body);
    return CH_OK;
}

static void read_log(ch_reader *reader, const ch_task *task)
{
    ch_error error;
    reading at = {.reader = reader, .asked = &task->message.read};
    uint32_t limit =
        at.asked->limit > 0 && at.asked->limit < READ_LIMIT ? (uint32_t)at.asked->limit : READ_LIMIT;
    ch_status status = prepare(&at, task, &error);
    if (status == CH_OK) {
        status =
            at.asked->case_id.at != NULL ? read_case(&at, limit, &error) : read_range(&at, limit, &error);
    }
    if (status == CH_OK) {
        const ch_chp_message message = {.verb = CH_CHP_EVENTS,
                                        .request = task->message.request,
                                        .events = {.next = at.next <= at.to ? (int64_t)at.next : 0}};
        ch_mp_end_array(&at.parcel->body, at.begun, at.events);
        ch_chp_encode(&at.parcel->header, &message);
        ch_reader_send(reader, at.parcel);
        at.parcel = NULL;
    } else {
        ch_reader_error(reader, task->session, task->message.request, &error, 0);
    }
    if (status == CH_CORRUPT || status == CH_IO) {
        ch_hub_fail(reader->hub, "reader", &error);
    }
    ch_mail_free(at.parcel == NULL ? NULL : &at.parcel->mail);
    free(at.filter.patterns);
    free(at.filter.wanted);
}

/* ---- questions about subscriptions, which only the reader can answer */

static bool may_see(const ch_grant *grant, const ch_subscription *subscription)
{
    return grant->role == CH_ROLE_OPERATOR || grant->role == CH_ROLE_AUDITOR ||
           strcmp(grant->name, subscription->owner) == 0;
}

static void put_number(ch_buf *out, const char *key, uint64_t value, uint32_t *count)
{
    ch_mp_put_text(out, key);
    ch_mp_put_uint(out, value);
    (*count)++;
}

static void put_subscription(ch_reader *reader, ch_buf *out, const ch_subscription *subscription)
{
    uint32_t count = 0;
    uint64_t last = atomic_load_explicit(&reader->hub->log_position, memory_order_relaxed);
    size_t begun = ch_mp_begin_map(out);
    if (subscription->durable) {
        ch_mp_put_text(out, "name");
        ch_mp_put_text(out, subscription->name);
        count++;
    }
    ch_mp_put_text(out, "client");
    ch_mp_put_text(out, subscription->owner);
    ch_mp_put_text(out, "connected");
    ch_mp_put_bool(out, subscription->session != 0);
    ch_mp_put_text(out, "patterns");
    ch_mp_put_array(out, (uint32_t)subscription->pattern_count);
    for (size_t i = 0; i < subscription->pattern_count; i++) {
        ch_mp_put_text(out, subscription->patterns[i]);
    }
    count += 3;
    put_number(out, "next", subscription->next, &count);
    put_number(out, "floor", ch_subscription_floor(subscription), &count);
    put_number(out, "lag", subscription->next > last ? 0 : last - subscription->next + 1, &count);
    put_number(out, "pending", subscription->pending_count, &count);
    put_number(out, "held", subscription->held_count, &count);
    put_number(out, "credit", (uint64_t)subscription->credit, &count);
    if (ch_subscription_is_paused(subscription)) {
        ch_mp_put_text(out, "paused");
        ch_mp_put_text(out, "too many cases are held back");
        count++;
    }
    ch_mp_end_map(out, begun, count);
}

/* Nothing but this text, and `sequence`, which every query takes. */
static ch_status check_arguments(ch_str arguments, const char *known, ch_error *error)
{
    ch_mp_reader reader = ch_mp_reader_of(arguments);
    ch_mp_value value, key;
    ch_str bytes;
    char where[CH_CODE_MAX + sizeof "QUERY.arguments."];
    uint32_t pairs = ch_mp_pairs(arguments);
    if (pairs == 0 || !ch_mp_next(&reader, &value)) {
        return CH_OK;
    }
    for (uint32_t i = 0; i < pairs && ch_mp_next(&reader, &key) && ch_mp_skip(&reader, &bytes); i++) {
        ch_mp_reader inside = ch_mp_reader_of(bytes);
        bool is_known = ch_str_is(key.str, known);
        if (!is_known && !ch_str_is(key.str, "sequence")) {
            return ch_query_no_such_argument(key.str, error);
        }
        if (is_known &&
            (!ch_mp_next(&inside, &value) || (value.kind != CH_MP_STR && value.kind != CH_MP_NIL))) {
            snprintf(where, sizeof where, "QUERY.arguments.%s", known);
            return ch_error_set(error, CH_INVALID, where, "is not a text");
        }
    }
    return CH_OK;
}

static ch_status list_subscriptions(ch_reader *reader, const ch_task *task, ch_query_answer *answer,
                                    ch_error *error)
{
    ch_str name = ch_mp_find_str(task->message.query.arguments, "name");
    ch_status status = check_arguments(task->message.query.arguments, "name", error);
    if (status != CH_OK) {
        return status;
    }
    size_t begun = ch_mp_begin_array(&answer->rows);
    for (size_t i = 0; i < reader->subscription_count; i++) {
        const ch_subscription *subscription = reader->subscriptions[i];
        if (may_see(&task->actor->grant, subscription) &&
            (name.at == NULL || (subscription->durable && ch_str_is(name, subscription->name)))) {
            put_subscription(reader, &answer->rows, subscription);
            answer->count++;
        }
    }
    ch_mp_end_array(&answer->rows, begun, answer->count);
    return answer->count == 0 && name.at != NULL
               ? ch_error_set(error, CH_NOT_FOUND, "QUERY.arguments.name", "there is no such subscription")
               : CH_OK;
}

static ch_status delete_subscription(ch_reader *reader, const ch_task *task, ch_query_answer *answer,
                                     ch_error *error)
{
    ch_str name = ch_mp_find_str(task->message.query.arguments, "name");
    ch_subscription *subscription = ch_reader_find_durable(reader, name);
    ch_status status = check_arguments(task->message.query.arguments, "name", error);
    if (status != CH_OK) {
        return status;
    }
    if (subscription == NULL || !may_see(&task->actor->grant, subscription)) {
        return ch_error_set(error, CH_NOT_FOUND, "QUERY.arguments.name", "there is no such subscription");
    }
    if (task->actor->grant.role == CH_ROLE_AUDITOR) {
        return ch_error_set(error, CH_DENIED, "QUERY.name", "an auditor changes nothing");
    }
    status = ch_reader_delete_cursor(reader, subscription, error);
    if (status != CH_OK) {
        return status;
    }
    answer->count = 1;
    ch_reader_report_subscription(reader, subscription, "deleted", task->actor->grant.name);
    ch_mp_put_array(&answer->rows, 1);
    ch_mp_put_map(&answer->rows, 1);
    ch_mp_put_text(&answer->rows, "name");
    ch_mp_put_text(&answer->rows, subscription->name);
    ch_reader_remove(reader, subscription);
    return CH_OK;
}

/* ---- QUERY */

static ch_status answer_here(ch_reader *reader, const ch_task *task, ch_query_answer *answer, ch_error *error)
{
    ch_str name = task->message.query.name;
    if (ch_str_is(name, "subscriptions")) {
        return list_subscriptions(reader, task, answer, error);
    }
    return ch_str_is(name, "delete_subscription")
               ? delete_subscription(reader, task, answer, error)
               : ch_error_set(error, CH_NOT_FOUND, "QUERY.name", "there is no query %.*s", CH_STR_ARG(name));
}

static ch_status answer_one(ch_reader *reader, const ch_task *task, ch_query_answer *answer, ch_error *error)
{
    if (!ch_query_is_known(task->message.query.name)) {
        return answer_here(reader, task, answer, error);
    }
    ch_status status = ch_reader_look(reader, error);
    if (status == CH_OK) {
        status = ch_reader_look_at_state(reader, error);
    }
    const ch_asker asker = {.hub = reader->hub,
                            .rules = reader->rules,
                            .grant = &task->actor->grant,
                            .state = reader->state,
                            .log = reader->log,
                            .now_ms = ch_clock_wall_ms(reader->hub->options.clock)};
    return status == CH_OK ? ch_query_answer_one(&asker, &task->message.query, answer, error) : status;
}

static void answer(ch_reader *reader, const ch_task *task)
{
    ch_error error;
    ch_query_answer result = {.more = false};
    ch_parcel *parcel;
    ch_buf_init(&result.rows, CH_CHP_BODY_MAX);
    ch_status status = answer_one(reader, task, &result, &error);
    if (status == CH_OK && result.rows.failed != CH_OK) {
        status = ch_error_set(&error, result.rows.failed, "QUERY", "no room for the answer");
    }
    if (status == CH_OK && ch_parcel_new(&parcel, task->session) != CH_OK) {
        status = ch_error_set(&error, CH_NO_MEMORY, "QUERY", "out of memory");
    }
    if (status != CH_OK) {
        ch_reader_error(reader, task->session, task->message.request, &error, 0);
        ch_buf_done(&result.rows);
        if (status == CH_CORRUPT || status == CH_IO) {
            ch_hub_fail(reader->hub, "reader", &error);
        }
        return;
    }
    const ch_chp_message message = {
        .verb = CH_CHP_RESULT,
        .request = task->message.request,
        .result = {.more = result.more,
                   .next = result.next[0] == '\0' ? CH_STR_NONE : ch_str_of(result.next)}};
    ch_chp_encode(&parcel->header, &message);
    parcel->body = result.rows;
    ch_reader_send(reader, parcel);
}

static void start_backup(ch_reader *reader, const ch_task *task)
{
    ch_error error;
    char dir[512];
    ch_status status = check_arguments(task->message.query.arguments, "dir", &error);
    ch_str said = ch_mp_find_str(task->message.query.arguments, "dir");
    if (status != CH_OK) {
        ch_reader_error(reader, task->session, task->message.request, &error, 0);
        return;
    }
    if (task->actor->grant.role != CH_ROLE_OPERATOR) {
        status = ch_error_set(&error, CH_DENIED, "QUERY.name", "is the operator's");
    } else if (said.size == 0 || said.at[0] != '/' || ch_str_copy(dir, sizeof dir, said) != CH_OK) {
        status = ch_error_set(&error, CH_INVALID, "QUERY.arguments.dir", "is not an absolute path");
    } else {
        status = ch_backup_job_start(reader, task->session, task->message.request, dir, &error);
    }
    if (status != CH_OK) {
        ch_reader_error(reader, task->session, task->message.request, &error, 0);
    }
}

/* ---- both: what was acknowledged to anybody before the question came is in its answer */

static bool must_wait(const ch_reader *reader, uint64_t sequence)
{
    /* What this round looks at already may be older than what the state has now. */
    return sequence > ch_state_committed(reader->store->state) ||
           (reader->looking && sequence > reader->last) ||
           (reader->state != NULL && sequence > reader->state_last);
}

static uint64_t wanted_sequence(const ch_reader *reader, const ch_chp_message *asked)
{
    uint64_t last = atomic_load_explicit(&reader->hub->log_position, memory_order_acquire);
    if (asked->verb == CH_CHP_READ) {
        return asked->read.to > 0 && (uint64_t)asked->read.to < last ? (uint64_t)asked->read.to : last;
    }
    last = ch_query_reads_state(asked->query.name) ? last : 0;
    int64_t beyond = ch_mp_find_int(asked->query.arguments, "sequence", 0);
    return beyond > 0 && (uint64_t)beyond > last ? (uint64_t)beyond : last;
}

static void answer_task(ch_reader *reader, const ch_task *task)
{
    if (task->message.verb == CH_CHP_READ) {
        read_log(reader, task);
    } else if (ch_str_is(task->message.query.name, "backup")) {
        start_backup(reader, task);
    } else {
        answer(reader, task);
    }
}

static void refuse_task(ch_reader *reader, const ch_task *task, ch_status status, const char *text)
{
    ch_error error;
    ch_error_set(&error, status, task->message.verb == CH_CHP_READ ? "READ" : "QUERY.arguments.sequence",
                 "%s", text);
    ch_reader_error(reader, task->session, task->message.request, &error, 0);
}

/* One who asks a lot leaves room for the others. */
static bool may_wait(const ch_reader *reader, ch_session_id session)
{
    size_t of_session = 0;
    for (size_t i = 0; i < reader->waiting_count; i++) {
        of_session += reader->waiting[i].task->session == session;
    }
    return reader->waiting_count < CH_WAITING_QUERIES_MOST && of_session < CH_WAITING_OF_SESSION_MOST;
}

void ch_reader_ask(ch_reader *reader, ch_task *task)
{
    uint64_t sequence = wanted_sequence(reader, &task->message);
    bool waits = must_wait(reader, sequence);
    if (waits && may_wait(reader, task->session)) {
        reader->waiting[reader->waiting_count++] = (ch_waiting_query){
            .task = task, .sequence = sequence, .until_ms = ch_reader_now(reader) + WAIT_FOR_STATE_MS};
        return;
    }
    if (waits) {
        refuse_task(reader, task, CH_BUSY, "too many questions wait already");
    } else {
        answer_task(reader, task);
    }
    ch_mail_free(&task->mail);
}

void ch_reader_answer_waiting(ch_reader *reader)
{
    size_t kept = 0;
    int64_t now = ch_reader_now(reader);
    for (size_t i = 0; i < reader->waiting_count; i++) {
        ch_waiting_query waiting = reader->waiting[i];
        if (must_wait(reader, waiting.sequence) && waiting.until_ms > now) {
            reader->waiting[kept++] = waiting;
            continue;
        }
        if (must_wait(reader, waiting.sequence)) {
            refuse_task(reader, waiting.task, CH_TIMEOUT, "the state has not come that far");
        } else {
            answer_task(reader, waiting.task);
        }
        ch_mail_free(&waiting.task->mail);
    }
    reader->waiting_count = kept;
}

int64_t ch_reader_waiting_until(const ch_reader *reader)
{
    int64_t until = INT64_MAX;
    for (size_t i = 0; i < reader->waiting_count; i++) {
        until = reader->waiting[i].until_ms < until ? reader->waiting[i].until_ms : until;
    }
    return until;
}
