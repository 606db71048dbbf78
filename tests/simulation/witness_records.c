/* The log against what must follow from what was said. */
#include "tests/simulation/witness_inside.h"

/* ---- the state that the log leads to */

static ch_status view_case(void *context, uint64_t number, const ch_case **out_case)
{
    const witness *of = context;
    return of->view.case_by_number(of->view.context, number, out_case);
}

static ch_status view_ref(void *context, ch_str source, ch_str ref, uint64_t *out_number)
{
    const witness *of = context;
    return of->view.case_by_ref(of->view.context, source, ref, out_number);
}

static ch_status view_digest(void *context, uint64_t number, ch_str bytes, uint8_t out_digest[8])
{
    const witness *of = context;
    uint8_t key[CH_KEY_SIZE];
    ch_status status = ch_slots_key(of->machine->hub->store->case_slots, number, key);
    if (status == CH_OK) {
        ch_digest(out_digest, 8, bytes, key);
    }
    return status;
}

static ch_status view_hashes(void *context, const ch_str *bytes, size_t count, uint64_t *out_hashes)
{
    const witness *of = context;
    ch_slots_hash(of->machine->hub->store->case_slots, bytes, count, out_hashes);
    return CH_OK;
}

static ch_status view_sketches(void *context, const char *place, int64_t since_ms, int64_t until_ms,
                               ch_sketched *out_rows, size_t *count)
{
    const witness *of = context;
    return of->view.sketches(of->view.context, place, since_ms, until_ms, out_rows, count);
}

static ch_status view_mark(void *context, uint64_t number, ch_case_mark *out_mark)
{
    const witness *of = context;
    return of->view.mark(of->view.context, number, out_mark);
}

static void look(witness *of)
{
    assert_int_equal(ch_state_view(of->state, 1, &of->view), CH_OK);
}

const ch_case *witness_case(witness *of, uint64_t number)
{
    const ch_case *found;
    look(of);
    return of->view.case_by_number(of->view.context, number, &found) == CH_OK ? found : NULL;
}

uint64_t witness_case_count(witness *of)
{
    look(of);
    return of->view.next_case - 1;
}

void witness_checkpoint(witness *of, const client *by, char out[CLIENT_VALUE])
{
    ch_buf value;
    ch_buf_init(&value, CLIENT_VALUE);
    ch_status status = ch_state_checkpoint(of->state, ch_str_of(by->actor->grant.name), &value);
    assert_true(status == CH_OK || status == CH_NOT_FOUND);
    assert_int_equal(ch_str_copy(out, CLIENT_VALUE, ch_buf_str(&value)), CH_OK);
    ch_buf_done(&value);
}

ch_status witness_decide(witness *of, const client *by, const ch_event *event)
{
    look(of);
    const ch_view view = {.context = of,
                          .case_by_number = view_case,
                          .case_by_ref = view_ref,
                          .digest = view_digest,
                          .hashes = view_hashes,
                          .sketches = view_sketches,
                          .mark = view_mark,
                          .next_case = of->view.next_case,
                          .next_sequence = of->view.next_sequence,
                          .epoch = 1};
    const ch_grant *grant = by == NULL ? NULL : &by->actor->grant;
    const ch_intake intake = {.event = event,
                              .role = grant == NULL ? CH_ROLE_HUB : grant->role,
                              .actor = grant == NULL ? CH_STR("hub") : ch_str_of(grant->name),
                              .grant = grant,
                              .default_kind = by == NULL ? CH_STR_NONE : ch_str_of(by->default_kind)};
    return ch_decide(of->decision, of->rules, &view, &intake, of->now_ms, &of->error);
}

/* ---- the log */

bool witness_next_record(witness *of)
{
    ch_status status = ch_log_reader_seek(of->log, of->position + 1, &of->record, &of->error);
    if (status == CH_END) {
        return false;
    }
    assert_ok(status, &of->error);
    assert_int_equal(ch_record_event(&of->record, &of->event), CH_OK);
    const ch_record *record = &of->record;
    if (record->sequence != of->position + 1 || of->event.sequence != record->sequence ||
        record->epoch != 1 || !ch_record_follows(record, of->chain)) {
        violated(of, "record %" PRIu64 " does not follow", record->sequence);
    }
    if (record->recorded_ms != of->now_ms || of->event.recorded_ms != of->now_ms) {
        violated(of, "recorded at %" PRId64 ", not %" PRId64 " (the one before: %" PRId64 ")",
                 record->recorded_ms, of->now_ms, of->recorded_ms);
    }
    return true;
}

static void need_record(witness *of, const char *what)
{
    if (!witness_next_record(of)) {
        violated(of, "the log ends before %s", what);
    }
}

static void fold(witness *of)
{
    assert_ok(ch_state_fold(of->state, &of->record, &of->event, &of->error), &of->error);
    if ((of->record.flags & CH_RECORD_DEAD_LETTER) != 0) {
        assert_true(of->record.case_number < WITNESS_LETTERS);
        of->is_sealed[of->record.case_number] = true;
    }
    of->position = of->record.sequence;
    if (!ch_str_starts(of->event.type, CH_STR("hub.")) &&
        !books_take(&of->books, of->record.case_number, &of->event)) {
        violated(of, "%.*s: %s", CH_STR_ARG(of->event.type), of->books.wrong);
    }
    of->recorded_ms = of->record.recorded_ms;
    memcpy(of->chain, of->record.chain, CH_HASH_SIZE);
}

bool witness_makes_letter(const ch_event *event)
{
    return ch_str_is(event->type, "hub.deadletter") &&
           ch_str_is(ch_mp_find_str(event->data, "action"), "made");
}

/* False: a dead letter that was closed in the same round. That it is closed, witness_check makes sure of. */
static bool open_secret(witness *of)
{
    ch_buf_clear(&of->opened);
    ch_status status = ch_store_open_secret(of->machine->hub->store, &of->record, &of->event, &of->opened);
    if (status == CH_ERASED && (of->record.flags & CH_RECORD_DEAD_LETTER) != 0) {
        return false;
    }
    if (status != CH_OK && status != CH_END) {
        violated(of, "record %" PRIu64 " cannot be unsealed: %s", of->record.sequence,
                 ch_status_name(status));
    }
    return true;
}

void witness_split(witness *of, const ch_event *event)
{
    ch_buf_clear(&of->public_data);
    ch_buf_clear(&of->secret);
    assert_int_equal(ch_schema_split(of->rules->schema, event, &of->public_data, &of->secret), CH_OK);
}

/* The next record is this event, public and sealed, to the byte. */
static void expect_record(witness *of, const ch_decided *decided, bool derived)
{
    ch_event event = decided->event;
    witness_split(of, &decided->event);
    event.data = of->public_data.size > 0 ? ch_buf_str(&of->public_data) : CH_STR_NONE;
    event.private_data = event.raw = CH_STR_NONE;
    ch_buf_clear(&of->public_part);
    ch_event_store(&of->public_part, &event);
    char type[CH_CODE_MAX + 1];
    assert_int_equal(ch_str_copy(type, sizeof type, event.type), CH_OK);
    need_record(of, type);
    if (!ch_str_equal(ch_buf_str(&of->public_part), of->record.public_part)) {
        violated(of, "%s was expected with id %.*s, version %u; there is %.*s with id %.*s, version %u", type,
                 CH_STR_ARG(event.id), event.case_version, CH_STR_ARG(of->event.type),
                 CH_STR_ARG(of->event.id), of->event.case_version);
    }
    bool is_sealed_letter = witness_makes_letter(&event) && of->secret.size > 0;
    uint64_t slot = is_sealed_letter ? ch_state_next_dead_letter(of->state) : decided->case_number;
    if (of->record.case_number != slot || ((of->record.flags & CH_RECORD_DERIVED) != 0) != derived) {
        violated(of, "the head of %s says case %" PRIu64 ", flags %x", type, of->record.case_number,
                 of->record.flags);
    }
    if (open_secret(of) && !ch_str_equal(ch_buf_str(&of->opened), ch_buf_str(&of->secret))) {
        violated(of, "%s hides something else than what was said", type);
    }
    fold(of);
}

uint64_t witness_expect_decision(witness *of)
{
    const ch_decision *decision = of->decision;
    uint64_t own = of->position + 1 + decision->incoming;
    for (size_t i = 0; i < decision->count; i++) {
        expect_record(of, &decision->events[i], i != decision->incoming);
    }
    return own;
}

void witness_expect_letter_moved(witness *of, const char *action, uint64_t number)
{
    need_record(of, action);
    if (!ch_str_is(of->event.type, "hub.deadletter") ||
        !ch_str_is(ch_mp_find_str(of->event.data, "action"), action) ||
        ch_mp_find_int(of->event.data, "number", 0) != (int64_t)number) {
        violated(of, "dead letter %" PRIu64 " was to be %s, but there is %.*s", number, action,
                 CH_STR_ARG(of->event.type));
    }
    fold(of);
}

uint64_t witness_expect_letter(witness *of, const client *by, const saying *said, ch_status code)
{
    uint64_t number = ch_state_next_dead_letter(of->state);
    const ch_str raw =
        said->event.raw.at != NULL ? said->event.raw : (ch_str){(const char *)said->at, said->size};
    ch_mp_value kept;
    need_record(of, "a dead letter");
    const ch_event *event = &of->event;
    if (!witness_makes_letter(event) || of->record.case_number != number ||
        !ch_str_is(ch_mp_find_str(event->data, "connector"), by->actor->grant.name) ||
        !ch_str_is(ch_mp_find_str(event->data, "stage"), "publish") ||
        !ch_str_is(ch_mp_find_str(event->data, "code"), ch_status_name(code))) {
        violated(of, "a dead letter (%s) was expected, but there is %.*s", ch_status_name(code),
                 CH_STR_ARG(event->type));
    }
    if (open_secret(of) &&
        (!ch_mp_find(ch_buf_str(&of->opened), "raw", &kept, NULL) || !ch_str_equal(kept.str, raw))) {
        violated(of, "dead letter %" PRIu64 " keeps other bytes than were refused", number);
    }
    fold(of);
    return number;
}

void witness_expect_checkpoint(witness *of, const client *by, const posting *at)
{
    need_record(of, "a checkpoint");
    if (!ch_str_is(of->event.type, "hub.checkpoint") ||
        !ch_str_is(ch_mp_find_str(of->event.data, "connector"), by->actor->grant.name) ||
        !ch_str_is(ch_mp_find_str(of->event.data, "value"), at->to)) {
        violated(of, "checkpoint %s was expected, but there is %.*s", at->to, CH_STR_ARG(of->event.type));
    }
    fold(of);
}
