/* What the fold keeps of hub. events. A hub. event that names nothing known changes nothing: what is in the
 * log has happened, so it can no longer be refused.
 */
#include "hub/store/state_inside.h"

typedef enum letter_column_kind { SEQUENCE, TIME, TEXT } letter_column_kind;

typedef struct letter_column {
    letter_column_kind kind;
    size_t offset, size;
} letter_column;

#define COLUMN(kind, member)                                                                                 \
    {                                                                                                        \
        kind, offsetof(ch_dead_letter, member), sizeof(((ch_dead_letter *)0)->member)                        \
    }

static const letter_column columns[] = {
    COLUMN(SEQUENCE, sequence), COLUMN(TIME, recorded_ms), COLUMN(TEXT, status),
    COLUMN(TEXT, connector),    COLUMN(TEXT, stage),       COLUMN(TEXT, code),
    COLUMN(TEXT, reason),       COLUMN(TEXT, place),       COLUMN(TEXT, mapping),
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

static void put_letter(ch_buf *out, const ch_dead_letter *letter)
{
    ch_mp_put_array(out, COLUMN_COUNT);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const char *at = (const char *)letter + columns[i].offset;
        switch (columns[i].kind) {
        case SEQUENCE: ch_mp_put_uint(out, *(const uint64_t *)(const void *)at); break;
        case TIME: ch_mp_put_int(out, *(const int64_t *)(const void *)at); break;
        case TEXT: ch_mp_put_text(out, at); break;
        }
    }
}

static bool take_column(ch_mp_reader *reader, const letter_column *column, ch_dead_letter *letter)
{
    char *at = (char *)letter + column->offset;
    ch_mp_value value;
    if (!ch_mp_next(reader, &value)) {
        return false;
    }
    switch (column->kind) {
    case SEQUENCE: *(uint64_t *)(void *)at = (uint64_t)value.integer; return value.kind == CH_MP_INT;
    case TIME: *(int64_t *)(void *)at = value.integer; return value.kind == CH_MP_INT;
    case TEXT: return value.kind == CH_MP_STR && ch_str_copy(at, column->size, value.str) == CH_OK;
    }
    return false;
}

ch_status ch_dead_letter_decode(ch_str value, uint64_t number, ch_dead_letter *out_letter)
{
    ch_mp_reader reader = ch_mp_reader_of(value);
    ch_mp_value head;
    ch_dead_letter letter = {.number = number};
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_ARRAY || head.count != COLUMN_COUNT) {
        return CH_CORRUPT;
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!take_column(&reader, &columns[i], &letter)) {
            return CH_CORRUPT;
        }
    }
    *out_letter = letter;
    return CH_OK;
}

static ch_status store_letter(ch_state *state, const ch_dead_letter *letter)
{
    const ch_state_key key = ch_key_of_number(letter->number);
    ch_buf_clear(&state->work);
    put_letter(&state->work, letter);
    if (state->work.failed != CH_OK) {
        return state->work.failed;
    }
    return ch_table_put(state, CH_TABLE_DEAD_LETTER, &key, ch_buf_str(&state->work), 0);
}

static ch_status make_letter(ch_state *state, const ch_record *record, const ch_event *event)
{
    ch_dead_letter letter = {.number = state->now.next_dead_letter,
                             .sequence = record->sequence,
                             .recorded_ms = record->recorded_ms,
                             .status = "open"};
    const struct {
        const char *field;
        char *to;
        size_t size;
    } texts[] = {{"connector", letter.connector, sizeof letter.connector},
                 {"stage", letter.stage, sizeof letter.stage},
                 {"code", letter.code, sizeof letter.code},
                 {"reason", letter.reason, sizeof letter.reason},
                 {"place", letter.place, sizeof letter.place},
                 {"mapping", letter.mapping, sizeof letter.mapping}};
    if ((record->flags & CH_RECORD_DEAD_LETTER) != 0 && record->case_number != letter.number) {
        return CH_CORRUPT;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ch_str_copy_cut(texts[i].to, texts[i].size, ch_mp_find_str(event->data, texts[i].field));
    }
    state->now.next_dead_letter++;
    return store_letter(state, &letter);
}

static ch_status move_letter(ch_state *state, const ch_event *event, const char *to)
{
    int64_t number = ch_mp_find_int(event->data, "number", 0);
    const ch_state_key key = ch_key_of_number((uint64_t)number);
    ch_dead_letter letter;
    ch_str value;
    if (number <= 0) {
        return CH_OK;
    }
    ch_status status = ch_table_find(state, CH_TABLE_DEAD_LETTER, &key, &value);
    if (status == CH_OK) {
        status = ch_dead_letter_decode(value, (uint64_t)number, &letter);
    }
    if (status != CH_OK) {
        return status == CH_NOT_FOUND ? CH_OK : status;
    }
    ch_str_copy_cut(letter.status, sizeof letter.status, ch_str_of(to));
    return store_letter(state, &letter);
}

static ch_status fold_dead_letter(ch_state *state, const ch_record *record, const ch_event *event)
{
    static const struct {
        const char *action, *status;
    } moves[] = {{"retry", "retrying"}, {"retried", "retried"}, {"drop", "dropped"}};
    ch_str action = ch_mp_find_str(event->data, "action");
    if (ch_str_is(action, "made")) {
        return make_letter(state, record, event);
    }
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        if (ch_str_is(action, moves[i].action)) {
            return move_letter(state, event, moves[i].status);
        }
    }
    return CH_OK;
}

/* The event's whole data under one of its fields. */
static ch_status keep_data(ch_state *state, ch_table table, const ch_event *event, const char *key_field)
{
    ch_str name = ch_mp_find_str(event->data, key_field);
    const ch_state_key key = ch_key_of_name(name);
    if (name.size == 0 || name.size > CH_STATE_KEY_MAX) {
        return CH_OK;
    }
    return ch_table_put(state, table, &key, event->data, 0);
}

static ch_status fold_grant(ch_state *state, const ch_event *event)
{
    const ch_state_key key = ch_key_of_name(ch_mp_find_str(event->data, "key"));
    if (key.size > 0 && ch_mp_find_bool(event->data, "revoked", false)) {
        return ch_table_delete(state, CH_TABLE_GRANT, &key);
    }
    return keep_data(state, CH_TABLE_GRANT, event, "key");
}

/* Of a change in several parts the first says everything but the content. */
static ch_status fold_config(ch_state *state, const ch_record *record, const ch_event *event)
{
    static const char *const kept[] = {"code", "hash", "parts", "files"};
    const ch_state_key key = ch_key_of_number(record->sequence);
    uint32_t pairs = 1;
    ch_mp_value value;
    ch_str bytes;
    if (ch_mp_find_int(event->data, "part", 0) != 1) {
        return CH_OK;
    }
    ch_buf_clear(&state->work);
    size_t begun = ch_mp_begin_map(&state->work);
    ch_mp_put_text(&state->work, "recorded");
    ch_mp_put_int(&state->work, record->recorded_ms);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (ch_mp_find(event->data, kept[i], &value, &bytes)) {
            ch_mp_put_text(&state->work, kept[i]);
            ch_mp_put_raw(&state->work, bytes);
            pairs++;
        }
    }
    ch_mp_end_map(&state->work, begun, pairs);
    return state->work.failed == CH_OK
               ? ch_table_put(state, CH_TABLE_CONFIG, &key, ch_buf_str(&state->work), 0)
               : state->work.failed;
}

static void raise_to(uint64_t *next, const ch_event *event, const char *field)
{
    int64_t number = ch_mp_find_int(event->data, field, 0);
    if (number > 0 && (uint64_t)number > *next) {
        *next = (uint64_t)number;
    }
}

/* A new epoch: the numbers up to here may have been given by records that are gone. */
static void fold_epoch(ch_state *state, const ch_event *event)
{
    raise_to(&state->now.next_case, event, "next_case");
    raise_to(&state->now.next_dead_letter, event, "next_dead_letter");
}

ch_status ch_fold_hub_event(ch_state *state, const ch_record *record, const ch_event *event)
{
    if (ch_str_is(event->type, "hub.checkpoint")) {
        return keep_data(state, CH_TABLE_CHECKPOINT, event, "connector");
    }
    if (ch_str_is(event->type, "hub.connector")) {
        return keep_data(state, CH_TABLE_CONNECTOR, event, "connector");
    }
    if (ch_str_is(event->type, "hub.grant")) {
        return fold_grant(state, event);
    }
    if (ch_str_is(event->type, "hub.config")) {
        return fold_config(state, record, event);
    }
    if (ch_str_is(event->type, "hub.deadletter")) {
        return fold_dead_letter(state, record, event);
    }
    if (ch_str_is(event->type, "hub.erased")) {
        return ch_fold_erased(state, record, event);
    }
    if (ch_str_is(event->type, "hub.hold")) {
        return ch_fold_hold(state, record, event);
    }
    if (ch_str_is(event->type, "hub.replay")) {
        fold_epoch(state, event);
    }
    return CH_OK;
}
