/* A PUBLISH, judged again, and its answer. */
#include "tests/simulation/witness_inside.h"

#include <sys/stat.h>

#define BUFFER_LIMIT ((size_t)1024 * 1024)
#define STATE_MAP ((size_t)64 << 20)

void witness_init(witness *of, machine *on, ch_rules *rules)
{
    memset(of, 0, sizeof *of);
    of->machine = on;
    of->rules = rules;
    snprintf(of->dir, sizeof of->dir, "%s/witness", on->base);
    snprintf(of->rebuilt, sizeof of->rebuilt, "%s/rebuilt", on->base);
    const ch_state_options options = {.map_bytes = STATE_MAP, .hot_cases = 64};
    assert_int_equal(mkdir(of->dir, 0700), 0);
    assert_ok(ch_state_open(&of->state, of->dir, &options, NULL, &of->error), &of->error);
    assert_int_equal(ch_decision_new(&of->decision), CH_OK);
    books_init(&of->books);
    of->events = calloc(WITNESS_EVENTS, sizeof *of->events);
    assert_non_null(of->events);
    ch_buf *const buffers[] = {&of->public_data, &of->secret, &of->public_part, &of->opened};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        ch_buf_init(buffers[i], BUFFER_LIMIT);
    }
}

void witness_done(witness *of)
{
    ch_buf_done(&of->public_data);
    ch_buf_done(&of->secret);
    ch_buf_done(&of->public_part);
    ch_buf_done(&of->opened);
    free(of->events);
    ch_decision_free(of->decision);
    books_done(&of->books);
    ch_state_close(of->state);
}

void witness_begin_round(witness *of, bool trouble)
{
    ch_store *store = of->machine->hub->store;
    of->room = ch_store_check_room(store, false, &of->error);
    of->urgent_room = ch_store_check_room(store, true, &of->error);
    of->trouble = trouble;
    of->grants = of->redelivered = 0;
    of->now_ms = of->machine->wall_ms > of->recorded_ms ? of->machine->wall_ms : of->recorded_ms;
    of->seen_ms = of->now_ms > of->seen_ms ? of->now_ms : of->seen_ms;
}

/* After a batch without records and a step back of the clock, the next one keeps that batch's time. */
static void learn_time(witness *of)
{
    ch_record record;
    if (ch_log_reader_seek(of->log, of->position + 1, &record, &of->error) == CH_OK &&
        record.recorded_ms > of->now_ms && record.recorded_ms <= of->latest_ms) {
        of->now_ms = record.recorded_ms;
    }
    of->latest_ms = of->now_ms > of->latest_ms ? of->now_ms : of->latest_ms;
}

void witness_open_log(witness *of)
{
    assert_ok(ch_log_reader_open(&of->log, of->machine->hub->store->log, &of->error), &of->error);
    learn_time(of);
}

void witness_close_log(witness *of)
{
    ch_log_reader_close(of->log);
    of->log = NULL;
}

/* ---- answers */

static bool answer_is(const ch_chp_message *answer, ch_status status, const char *where)
{
    return answer->verb == CH_CHP_ERROR && ch_str_is(answer->error.code, ch_status_name(status)) &&
           (where == NULL || ch_str_is(answer->error.where, where));
}

static void expect_error(witness *of, const ch_chp_message *answer, ch_status status, const char *where)
{
    if (answer != NULL && !answer_is(answer, status, where)) {
        violated(of, "ERROR %s (%s) was expected, not %s %.*s: %.*s", ch_status_name(status),
                 where == NULL ? "" : where, ch_chp_verb_name(answer->verb),
                 CH_STR_ARG(answer->verb == CH_CHP_ERROR ? answer->error.code : CH_STR_NONE),
                 CH_STR_ARG(answer->verb == CH_CHP_ERROR ? answer->error.text : CH_STR_NONE));
    }
}

static bool is_temporary_error(const ch_chp_message *answer)
{
    ch_status status;
    char code[CH_CODE_MAX + 1];
    return answer->verb == CH_CHP_ERROR && ch_str_copy(code, sizeof code, answer->error.code) == CH_OK &&
           ch_status_from_name(code, &status) == CH_OK && ch_status_is_temporary(status);
}

static void name_first(const client *by, const posting *at, size_t index, char out[2 * CH_ID_MAX + 2])
{
    if (index >= at->count) {
        snprintf(out, 2 * CH_ID_MAX + 2, "%s\n%s", by->actor->grant.name, at->from);
        return;
    }
    const ch_event *event = &at->items[index]->event;
    snprintf(out, 2 * CH_ID_MAX + 2, "%.*s\n%.*s", CH_STR_ARG(event->source), CH_STR_ARG(event->id));
}

static void block(witness *of, const client *by, const posting *at, size_t index)
{
    blocked *entry = &of->blocked[ch_session_slot(by->session)];
    if (entry->session != by->session) {
        entry->session = by->session;
        name_first(by, at, index, entry->name);
    }
}

/* True: it must be refused, because its session has to begin again with another event. */
static bool is_blocked(witness *of, const client *by, const posting *at)
{
    char name[2 * CH_ID_MAX + 2];
    blocked *entry = &of->blocked[ch_session_slot(by->session)];
    name_first(by, at, at->done, name);
    bool blocks = entry->session == by->session && strcmp(entry->name, name) != 0;
    if (blocks || at->beyond_window) {
        block(of, by, at, at->done);
        return true;
    }
    entry->session = 0;
    return false;
}

static outcome refused_for_now(witness *of, const client *by, const posting *at, size_t index)
{
    block(of, by, at, index);
    return (outcome){false, index};
}

/* ---- one event of a PUBLISH */

static heard *find_heard(witness *of, const ch_event *event)
{
    for (size_t i = of->event_count; i > 0; i--) {
        heard *at = &of->events[i - 1];
        if (ch_str_equal(at->said->event.id, event->id) &&
            ch_str_equal(at->said->event.source, event->source)) {
            return at;
        }
    }
    return NULL;
}

typedef struct prediction {
    ch_status status;
    const heard *accepted; /* with CH_OK */
    bool duplicate;
    uint64_t letter;
} prediction;

static bool is_urgent(const ch_event *event)
{
    ch_str action = ch_mp_find_str(event->data, "action");
    bool answers =
        ch_str_starts(event->type, CH_STR("handoff.")) && !ch_str_is(event->type, "handoff.offered");
    return answers || (ch_str_is(event->type, "hub.deadletter") && ch_str_is(action, "drop")) ||
           (ch_str_is(event->type, "hub.grant") && ch_mp_find_bool(event->data, "revoked", false));
}

static bool is_open(const ch_dead_letter *letter)
{
    return strcmp(letter->status, "open") == 0 || strcmp(letter->status, "retrying") == 0;
}

static ch_status check_letter(witness *of, uint64_t number, const char *connector)
{
    ch_dead_letter letter;
    ch_status status = number == 0 ? CH_NOT_FOUND : ch_state_dead_letter(of->state, number, &letter);
    if (status == CH_OK && connector != NULL && strcmp(letter.connector, connector) != 0) {
        return CH_NOT_FOUND;
    }
    return status == CH_OK && !is_open(&letter) ? CH_CONFLICT : status;
}

static ch_status consider(witness *of, const client *by, const ch_event *event)
{
    ch_status status = is_urgent(event) ? of->urgent_room : of->room;
    bool moves_letter = ch_str_is(event->type, "hub.deadletter") && !witness_makes_letter(event);
    if (status == CH_OK && moves_letter) {
        status = check_letter(of, (uint64_t)ch_mp_find_int(event->data, "number", 0), NULL);
    }
    if (status == CH_OK) {
        status = witness_decide(of, by, event);
    }
    if (status == CH_OK && of->decision->events[0].case_number == 0 && !witness_makes_letter(event)) {
        witness_split(of, event);
        status = of->secret.size > 0 ? CH_INVALID : CH_OK;
    }
    return status;
}

heard *witness_remember(witness *of, const saying *said, uint64_t own)
{
    assert_true(of->event_count < WITNESS_EVENTS);
    heard *at = &of->events[of->event_count++];
    const ch_event *event = &of->decision->events[of->decision->incoming].event;
    *at = (heard){.said = said, .sequence = own, .case_version = event->case_version};
    assert_int_equal(
        ch_str_copy(at->case_id, sizeof at->case_id, event->subject.at == NULL ? CH_STR("") : event->subject),
        CH_OK);
    return at;
}

/* What else follows from an event of the hub's own kind. */
void witness_expect_consequences(witness *of, const ch_event *event)
{
    ch_dead_letter letter;
    uint64_t number = (uint64_t)ch_mp_find_int(event->data, "number", 0);
    of->grants += ch_str_is(event->type, "hub.grant");
    if (!ch_str_is(event->type, "hub.deadletter") ||
        !ch_str_is(ch_mp_find_str(event->data, "action"), "retry")) {
        return;
    }
    assert_int_equal(ch_state_dead_letter(of->state, number, &letter), CH_OK);
    of->redelivered += strcmp(letter.stage, "deliver") == 0;
}

static void check_order(witness *of, size_t who, const posting *at, size_t index)
{
    unsigned serial = of->last_serial[who];
    if (at->serial < serial || (at->serial == serial && index <= of->last_index[who])) {
        violated(of, "event %zu of PUBLISH %u of client %zu came behind PUBLISH %u", index, at->serial, who,
                 serial);
    }
    of->last_serial[who] = at->serial;
    of->last_index[who] = index;
}

/* A client that has seen another version, or plays a drill, changes nothing real. */
static void check_condition(witness *of, const ch_event *event)
{
    uint64_t number = of->decision->events[of->decision->incoming].case_number;
    const book *target = books_find(&of->books, number), *named;
    if (target != NULL && event->test_mode && !target->is_drill) {
        violated(of, "%.*s of a drill is taken by a real case", CH_STR_ARG(event->id));
    }
    if (event->expected_version < 0 || ch_case_id_number(event->subject, &number) != CH_OK) {
        return;
    }
    named = books_find(&of->books, number);
    if (named == NULL || event->expected_version != (int64_t)named->version) {
        violated(of, "%.*s was meant for version %" PRId64, CH_STR_ARG(event->id), event->expected_version);
    }
}

static prediction predict(witness *of, size_t who, const client *by, const posting *at, size_t index)
{
    saying *said = at->items[index];
    if (said->refusal.status != CH_OK) {
        return (prediction){.status = said->refusal.status};
    }
    const heard *first = find_heard(of, &said->event);
    if (first != NULL) {
        return first->said->content == said->content ? (prediction){.accepted = first, .duplicate = true}
                                                     : (prediction){.status = CH_CONFLICT};
    }
    ch_status status = consider(of, by, &said->event);
    if (status != CH_OK) {
        said->was_refused |= !ch_status_is_temporary(status);
        return (prediction){.status = status};
    }
    if (!said->was_refused) {
        check_order(of, who, at, index);
    }
    check_condition(of, &said->event);
    uint64_t own = witness_expect_decision(of);
    const heard *accepted = witness_remember(of, said, own);
    witness_expect_consequences(of, &said->event);
    return (prediction){.accepted = accepted};
}

static void compare(witness *of, const saying *said, const prediction *expected, const ch_chp_answer *answer)
{
    const heard *accepted = expected->accepted;
    if (answer->status != expected->status) {
        violated(of, "%.*s %.*s: %s was expected, the answer is %s (%.*s)", CH_STR_ARG(said->event.type),
                 CH_STR_ARG(said->event.id), ch_status_name(expected->status), ch_status_name(answer->status),
                 CH_STR_ARG(answer->text));
    }
    if (accepted == NULL) {
        if (answer->dead_letter != expected->letter) {
            violated(of, "dead letter %" PRIu64 " was expected, not %" PRIu64, expected->letter,
                     answer->dead_letter);
        }
        return;
    }
    if (answer->sequence != accepted->sequence || answer->case_version != accepted->case_version ||
        !ch_str_is(answer->case_id, accepted->case_id) || answer->duplicate != expected->duplicate) {
        violated(of, "%.*s %.*s was answered with %" PRIu64 " %.*s %u %s, not %" PRIu64 " %s %u %s",
                 CH_STR_ARG(said->event.type), CH_STR_ARG(said->event.id), answer->sequence,
                 CH_STR_ARG(answer->case_id), answer->case_version, answer->duplicate ? "again" : "",
                 accepted->sequence, accepted->case_id, accepted->case_version,
                 expected->duplicate ? "again" : "");
    }
}

static void expect_busy_rest(witness *of, const posting *at, size_t from, ch_mp_reader *answers)
{
    ch_chp_answer answer;
    for (size_t i = from; i < at->count; i++) {
        if (!ch_chp_answer_next(answers, &answer) || answer.status != CH_BUSY) {
            violated(of, "what stands behind an event that was refused for now was not refused");
        }
    }
}

static outcome expect_items(witness *of, size_t who, const client *by, const posting *at,
                            const ch_chp_message *message)
{
    ch_mp_reader answers = ch_mp_reader_of(message == NULL ? CH_STR_NONE : message->results);
    for (size_t i = at->done; i < at->count; i++) {
        ch_chp_answer answer = {.status = CH_OK};
        if (message != NULL && !ch_chp_answer_next(&answers, &answer)) {
            violated(of, "an answer is missing");
        }
        bool refused_now = message != NULL && ch_status_is_temporary(answer.status);
        if (refused_now && of->trouble && !at->with_checkpoint) {
            expect_busy_rest(of, at, i + 1, &answers);
            return refused_for_now(of, by, at, i);
        }
        prediction expected = predict(of, who, by, at, i);
        bool is_temporary = ch_status_is_temporary(expected.status);
        if (at->with_checkpoint && expected.status != CH_OK && !is_temporary) {
            expected.letter = witness_expect_letter(of, by, at->items[i], expected.status);
        }
        if (message != NULL) {
            compare(of, at->items[i], &expected, &answer);
        }
        if (is_temporary) {
            if (message != NULL) {
                expect_busy_rest(of, at, i + 1, &answers);
            }
            return refused_for_now(of, by, at, i);
        }
    }
    return (outcome){true, at->count};
}

/* ---- a PUBLISH */

static outcome expect_with_checkpoint(witness *of, size_t who, const client *by, const posting *at,
                                      const ch_chp_message *answer)
{
    char stored[CLIENT_VALUE];
    witness_checkpoint(of, by, stored);
    if (strcmp(stored, at->from) != 0) {
        expect_error(of, answer, CH_CONFLICT, "PUBLISH.checkpoint.from");
        return (outcome){true, at->count};
    }
    if (of->room != CH_OK) {
        expect_error(of, answer, CH_STORAGE_FULL, NULL);
        return refused_for_now(of, by, at, at->done);
    }
    ch_status status =
        at->dead_letter == 0 ? CH_OK : check_letter(of, at->dead_letter, by->actor->grant.name);
    if (status != CH_OK) {
        expect_error(of, answer, status, "PUBLISH.dead_letter");
        return (outcome){true, at->count};
    }
    if (answer != NULL && answer->verb != CH_CHP_PUBLISHED) {
        expect_error(of, answer, CH_OK, NULL);
    }
    outcome result = expect_items(of, who, by, at, answer);
    if (!result.for_good) {
        violated(of, "a part of a batch with a checkpoint was refused for now");
    }
    if (at->dead_letter > 0) {
        witness_expect_letter_moved(of, "retried", at->dead_letter);
    }
    witness_expect_checkpoint(of, by, at);
    return result;
}

outcome witness_hear(witness *of, size_t who, const client *by, const posting *at,
                     const ch_chp_message *answer)
{
    if (answer == NULL && !witness_next_record(of)) {
        return (outcome){false, at->done};
    }
    bool given_up = answer != NULL && of->trouble && is_temporary_error(answer);
    if (is_blocked(of, by, at)) {
        expect_error(of, given_up ? NULL : answer, CH_BUSY, NULL);
        return (outcome){false, at->done};
    }
    if (given_up) {
        return refused_for_now(of, by, at, at->done);
    }
    if (at->with_checkpoint) {
        return expect_with_checkpoint(of, who, by, at, answer);
    }
    if (answer != NULL && answer->verb != CH_CHP_PUBLISHED) {
        expect_error(of, answer, CH_OK, NULL);
    }
    return expect_items(of, who, by, at, answer);
}
