/* The stored form of a case: one MessagePack array, values by position as the tables below list them. */
#include "hub/model/case.h"

#define FORMAT 1
/* A case with every table full and every text at its longest stays below it. */
#define ENCODED_MAX ((size_t)1024 * 1024)

typedef enum column_kind {
    TEXT,
    I64,
    U64,
    U32,
    INT,
    FLAG,
    CASE_STATE,
    HANDOFF_STATE,
    FORM,
    RELATION,
    CLOCK_STATE,
    CLOCK_UNIT
} column_kind;

typedef struct column {
    column_kind kind;
    size_t offset, size;
} column;

#define COLUMN(type, kind, member)                                                                           \
    {                                                                                                        \
        kind, offsetof(type, member), sizeof(((type *)0)->member)                                            \
    }
#define COUNT_OF(table) (sizeof(table) / sizeof *(table))
#define LISTS 8 /* behind the case's own columns */

static const column case_columns[] = {
    COLUMN(ch_case, U64, number),
    COLUMN(ch_case, TEXT, id),
    COLUMN(ch_case, TEXT, source),
    COLUMN(ch_case, TEXT, kind),
    COLUMN(ch_case, TEXT, category),
    COLUMN(ch_case, TEXT, area),
    COLUMN(ch_case, TEXT, lead),
    COLUMN(ch_case, TEXT, waiting_reason),
    COLUMN(ch_case, INT, priority),
    COLUMN(ch_case, FLAG, test_mode),
    COLUMN(ch_case, CASE_STATE, state),
    COLUMN(ch_case, CASE_STATE, state_before_waiting),
    COLUMN(ch_case, U32, cycle),
    COLUMN(ch_case, U32, version),
    COLUMN(ch_case, I64, opened_ms),
    COLUMN(ch_case, I64, changed_ms),
    COLUMN(ch_case, U64, opened_sequence),
    COLUMN(ch_case, U64, last_sequence),
    COLUMN(ch_case, U32, anomalous_count),
    COLUMN(ch_case, INT, feedback_score),
    COLUMN(ch_case, INT, feedback_satisfied),
    COLUMN(ch_case, U64, merged_into),
    COLUMN(ch_case, U32, merge_depth),
};

static const column handoff_columns[] = {
    COLUMN(ch_handoff, U32, index),
    COLUMN(ch_handoff, HANDOFF_STATE, state),
    COLUMN(ch_handoff, TEXT, party),
    COLUMN(ch_handoff, TEXT, from),
    COLUMN(ch_handoff, TEXT, reason),
    COLUMN(ch_handoff, U32, group),
    COLUMN(ch_handoff, U32, previous),
    COLUMN(ch_handoff, FLAG, lead),
    COLUMN(ch_handoff, FLAG, arbitration),
    COLUMN(ch_handoff, U32, cycle),
    COLUMN(ch_handoff, U32, urged),
    COLUMN(ch_handoff, U32, escalated),
    COLUMN(ch_handoff, I64, due_ms),
    COLUMN(ch_handoff, I64, offered_ms),
    COLUMN(ch_handoff, I64, delivered_ms),
    COLUMN(ch_handoff, I64, accepted_ms),
    COLUMN(ch_handoff, I64, started_ms),
    COLUMN(ch_handoff, I64, ended_ms),
    COLUMN(ch_handoff, U64, offered_sequence),
};

static const column step_columns[] = {
    COLUMN(ch_step, CASE_STATE, state),
    COLUMN(ch_step, U32, cycle),
    COLUMN(ch_step, I64, entered_ms),
    COLUMN(ch_step, TEXT, party),
};

static const column group_columns[] = {
    COLUMN(ch_group, FORM, form),
    COLUMN(ch_group, U32, need),
};

static const column candidate_columns[] = {
    COLUMN(ch_candidate, U32, group),
    COLUMN(ch_candidate, TEXT, party),
};

static const column link_columns[] = {
    COLUMN(ch_link, U64, other),
    COLUMN(ch_link, TEXT, id),
    COLUMN(ch_link, RELATION, relation),
    COLUMN(ch_link, U32, score),
};

static const column clock_columns[] = {
    COLUMN(ch_case_clock, U32, index),       COLUMN(ch_case_clock, CLOCK_STATE, state),
    COLUMN(ch_case_clock, TEXT, rule),       COLUMN(ch_case_clock, TEXT, party),
    COLUMN(ch_case_clock, U32, handoff),     COLUMN(ch_case_clock, U32, level),
    COLUMN(ch_case_clock, FLAG, warned),     COLUMN(ch_case_clock, FLAG, late_report),
    COLUMN(ch_case_clock, I64, started_ms),  COLUMN(ch_case_clock, I64, resumed_ms),
    COLUMN(ch_case_clock, I64, due_ms),      COLUMN(ch_case_clock, I64, next_ms),
    COLUMN(ch_case_clock, I64, remaining),   COLUMN(ch_case_clock, I64, given),
    COLUMN(ch_case_clock, CLOCK_UNIT, unit), COLUMN(ch_case_clock, I64, ended_ms),
};

static void put_column(ch_buf *out, const void *row, const column *of)
{
    const char *at = (const char *)row + of->offset;
    switch (of->kind) {
    case TEXT: ch_mp_put_text(out, at); break;
    case I64: ch_mp_put_int(out, *(const int64_t *)(const void *)at); break;
    case U64: ch_mp_put_uint(out, *(const uint64_t *)(const void *)at); break;
    case U32: ch_mp_put_uint(out, *(const uint32_t *)(const void *)at); break;
    case INT: ch_mp_put_int(out, *(const int *)(const void *)at); break;
    case FLAG: ch_mp_put_bool(out, *(const bool *)(const void *)at); break;
    case CASE_STATE: ch_mp_put_uint(out, *(const ch_case_state *)(const void *)at); break;
    case HANDOFF_STATE: ch_mp_put_uint(out, *(const ch_handoff_state *)(const void *)at); break;
    case FORM: ch_mp_put_uint(out, *(const ch_form *)(const void *)at); break;
    case RELATION: ch_mp_put_uint(out, *(const ch_relation *)(const void *)at); break;
    case CLOCK_STATE: ch_mp_put_uint(out, *(const ch_clock_state *)(const void *)at); break;
    case CLOCK_UNIT: ch_mp_put_uint(out, *(const ch_clock_unit *)(const void *)at); break;
    }
}

static void put_columns(ch_buf *out, const void *row, const column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_column(out, row, &columns[i]);
    }
}

static void put_rows(ch_buf *out, const void *rows, size_t count, size_t size, const column *columns,
                     size_t column_count)
{
    ch_mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ch_mp_put_array(out, (uint32_t)column_count);
        put_columns(out, (const char *)rows + i * size, columns, column_count);
    }
}

void ch_case_encode(ch_buf *out, const ch_case *the_case)
{
    ch_mp_put_array(out, 1 + COUNT_OF(case_columns) + LISTS);
    ch_mp_put_uint(out, FORMAT);
    put_columns(out, the_case, case_columns, COUNT_OF(case_columns));
    put_rows(out, the_case->handoffs, the_case->handoff_count, sizeof *the_case->handoffs, handoff_columns,
             COUNT_OF(handoff_columns));
    put_rows(out, the_case->steps, the_case->step_count, sizeof *the_case->steps, step_columns,
             COUNT_OF(step_columns));
    ch_mp_put_array(out, (uint32_t)the_case->ref_count);
    for (size_t i = 0; i < the_case->ref_count; i++) {
        ch_mp_put_text(out, the_case->refs[i]);
    }
    ch_mp_put_array(out, (uint32_t)(2 * the_case->digest_count));
    for (size_t i = 0; i < the_case->digest_count; i++) {
        ch_mp_put_text(out, the_case->digests[i].field);
        ch_mp_put_bin(
            out, (ch_str){(const char *)the_case->digests[i].digest, sizeof the_case->digests[i].digest});
    }
    put_rows(out, the_case->groups, the_case->group_count, sizeof *the_case->groups, group_columns,
             COUNT_OF(group_columns));
    put_rows(out, the_case->candidates, the_case->candidate_count, sizeof *the_case->candidates,
             candidate_columns, COUNT_OF(candidate_columns));
    put_rows(out, the_case->links, the_case->link_count, sizeof *the_case->links, link_columns,
             COUNT_OF(link_columns));
    put_rows(out, the_case->clocks, the_case->clock_count, sizeof *the_case->clocks, clock_columns,
             COUNT_OF(clock_columns));
}

static bool take_text(char *out, size_t size, const ch_mp_value *value)
{
    return value->kind == CH_MP_STR && ch_str_copy(out, size, value->str) == CH_OK;
}

static bool take_column(ch_mp_reader *reader, void *row, const column *of)
{
    char *at = (char *)row + of->offset;
    ch_mp_value value;
    if (!ch_mp_next(reader, &value)) {
        return false;
    }
    if (of->kind == TEXT) {
        return take_text(at, of->size, &value);
    }
    if (of->kind == FLAG) {
        *(bool *)(void *)at = value.boolean;
        return value.kind == CH_MP_BOOL;
    }
    int64_t least = of->kind == I64 ? INT64_MIN : of->kind == INT ? INT32_MIN : 0;
    int64_t most = of->kind == I64 || of->kind == U64 ? INT64_MAX
                   : of->kind == U32                  ? UINT32_MAX
                   : of->kind == INT                  ? INT32_MAX
                   : of->kind == CASE_STATE           ? CH_CASE_STATE_COUNT - 1
                   : of->kind == FORM                 ? CH_FORM_COUNT - 1
                   : of->kind == RELATION             ? CH_RELATION_COUNT - 1
                   : of->kind == CLOCK_STATE          ? CH_CLOCK_STATE_COUNT - 1
                   : of->kind == CLOCK_UNIT           ? CH_CLOCK_UNIT_COUNT - 1
                                                      : CH_HANDOFF_STATE_COUNT - 1;
    if (value.kind != CH_MP_INT || value.integer < least || value.integer > most) {
        return false;
    }
    switch (of->kind) {
    case I64: *(int64_t *)(void *)at = value.integer; break;
    case U64: *(uint64_t *)(void *)at = (uint64_t)value.integer; break;
    case U32: *(uint32_t *)(void *)at = (uint32_t)value.integer; break;
    case INT: *(int *)(void *)at = (int)value.integer; break;
    case CASE_STATE: *(ch_case_state *)(void *)at = (ch_case_state)value.integer; break;
    case HANDOFF_STATE: *(ch_handoff_state *)(void *)at = (ch_handoff_state)value.integer; break;
    case FORM: *(ch_form *)(void *)at = (ch_form)value.integer; break;
    case RELATION: *(ch_relation *)(void *)at = (ch_relation)value.integer; break;
    case CLOCK_STATE: *(ch_clock_state *)(void *)at = (ch_clock_state)value.integer; break;
    case CLOCK_UNIT: *(ch_clock_unit *)(void *)at = (ch_clock_unit)value.integer; break;
    case TEXT:
    case FLAG: break;
    }
    return true;
}

static bool take_columns(ch_mp_reader *reader, void *row, const column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!take_column(reader, row, &columns[i])) {
            return false;
        }
    }
    return true;
}

static bool take_array(ch_mp_reader *reader, size_t most, size_t *out_count)
{
    ch_mp_value value;
    if (!ch_mp_next(reader, &value) || value.kind != CH_MP_ARRAY || value.count > most) {
        return false;
    }
    *out_count = value.count;
    return true;
}

static bool take_handoffs(ch_mp_reader *reader, ch_case *the_case)
{
    size_t columns;
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        the_case->handoffs[i] = (ch_handoff){.index = 0};
        if (!take_array(reader, COUNT_OF(handoff_columns), &columns) ||
            columns != COUNT_OF(handoff_columns) ||
            !take_columns(reader, &the_case->handoffs[i], handoff_columns, columns) ||
            the_case->handoffs[i].index != i + 1) {
            return false;
        }
    }
    return true;
}

static bool take_steps(ch_mp_reader *reader, ch_case *the_case)
{
    size_t columns;
    for (size_t i = 0; i < the_case->step_count; i++) {
        the_case->steps[i] = (ch_step){.cycle = 0};
        if (!take_array(reader, COUNT_OF(step_columns), &columns) || columns != COUNT_OF(step_columns) ||
            !take_columns(reader, &the_case->steps[i], step_columns, columns)) {
            return false;
        }
    }
    return true;
}

static bool take_refs(ch_mp_reader *reader, ch_case *the_case)
{
    for (size_t i = 0; i < the_case->ref_count; i++) {
        ch_mp_value value;
        memset(the_case->refs[i], 0, sizeof the_case->refs[i]);
        if (!ch_mp_next(reader, &value) || !take_text(the_case->refs[i], sizeof the_case->refs[i], &value)) {
            return false;
        }
    }
    return true;
}

static bool take_digests(ch_mp_reader *reader, ch_case *the_case, ch_status *out_status)
{
    size_t count;
    if (!take_array(reader, 2 * (size_t)CH_DIGESTS_MAX, &count) || count % 2 != 0) {
        return false;
    }
    *out_status = ch_case_reserve(the_case, 0, 0, 0, count / 2);
    if (*out_status != CH_OK) {
        return false;
    }
    the_case->digest_count = count / 2;
    for (size_t i = 0; i < the_case->digest_count; i++) {
        ch_mp_value field, digest;
        if (!ch_mp_next(reader, &field) || !ch_mp_next(reader, &digest) || digest.kind != CH_MP_BIN ||
            digest.str.size != sizeof the_case->digests[i].digest ||
            !take_text(the_case->digests[i].field, sizeof the_case->digests[i].field, &field)) {
            return false;
        }
        memcpy(the_case->digests[i].digest, digest.str.at, digest.str.size);
    }
    return true;
}

static bool take_group_rows(ch_mp_reader *reader, ch_case *the_case)
{
    size_t columns;
    for (size_t i = 0; i < the_case->group_count; i++) {
        if (!take_array(reader, COUNT_OF(group_columns), &columns) || columns != COUNT_OF(group_columns) ||
            !take_columns(reader, &the_case->groups[i], group_columns, columns)) {
            return false;
        }
    }
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        if (the_case->handoffs[i].group > the_case->group_count) {
            return false;
        }
    }
    return true;
}

static bool take_candidate_rows(ch_mp_reader *reader, ch_case *the_case)
{
    size_t columns;
    for (size_t i = 0; i < the_case->candidate_count; i++) {
        ch_candidate *candidate = &the_case->candidates[i];
        *candidate = (ch_candidate){.group = 0};
        if (!take_array(reader, COUNT_OF(candidate_columns), &columns) ||
            columns != COUNT_OF(candidate_columns) ||
            !take_columns(reader, candidate, candidate_columns, columns) || candidate->group == 0 ||
            candidate->group > the_case->group_count) {
            return false;
        }
    }
    return true;
}

static bool take_groups(ch_mp_reader *reader, ch_case *the_case, ch_status *out_status)
{
    if (!take_array(reader, CH_GROUPS_MAX, &the_case->group_count)) {
        return false;
    }
    *out_status = ch_case_reserve_groups(the_case, the_case->group_count, 0);
    if (*out_status != CH_OK || !take_group_rows(reader, the_case) ||
        !take_array(reader, CH_CANDIDATES_MAX, &the_case->candidate_count)) {
        return false;
    }
    *out_status = ch_case_reserve_groups(the_case, 0, the_case->candidate_count);
    return *out_status == CH_OK && take_candidate_rows(reader, the_case);
}

static bool take_links(ch_mp_reader *reader, ch_case *the_case, ch_status *out_status)
{
    size_t columns;
    if (!take_array(reader, CH_LINKS_MAX, &the_case->link_count)) {
        return false;
    }
    *out_status = ch_case_reserve_links(the_case, the_case->link_count);
    for (size_t i = 0; *out_status == CH_OK && i < the_case->link_count; i++) {
        the_case->links[i] = (ch_link){.other = 0};
        if (!take_array(reader, COUNT_OF(link_columns), &columns) || columns != COUNT_OF(link_columns) ||
            !take_columns(reader, &the_case->links[i], link_columns, columns)) {
            return false;
        }
    }
    return *out_status == CH_OK;
}

static bool take_clocks(ch_mp_reader *reader, ch_case *the_case, ch_status *out_status)
{
    size_t columns;
    if (!take_array(reader, CH_CLOCKS_MAX, &the_case->clock_count)) {
        return false;
    }
    *out_status = ch_case_reserve_clocks(the_case, the_case->clock_count);
    for (size_t i = 0; *out_status == CH_OK && i < the_case->clock_count; i++) {
        ch_case_clock *clock = &the_case->clocks[i];
        *clock = (ch_case_clock){.index = 0};
        if (!take_array(reader, COUNT_OF(clock_columns), &columns) || columns != COUNT_OF(clock_columns) ||
            !take_columns(reader, clock, clock_columns, columns) || clock->state == CH_CLOCK_NONE ||
            clock->handoff > the_case->handoff_count ||
            clock->index <= (i == 0 ? 0 : the_case->clocks[i - 1].index)) {
            return false;
        }
    }
    return *out_status == CH_OK;
}

static bool take_case(ch_mp_reader *reader, ch_case *the_case, ch_status *out_status)
{
    size_t count;
    ch_mp_value format;
    if (!take_array(reader, 1 + COUNT_OF(case_columns) + LISTS, &count) ||
        count != 1 + COUNT_OF(case_columns) + LISTS || !ch_mp_next(reader, &format) ||
        format.kind != CH_MP_INT || format.integer != FORMAT ||
        !take_columns(reader, the_case, case_columns, COUNT_OF(case_columns))) {
        return false;
    }
    if (!take_array(reader, CH_HANDOFFS_MAX, &the_case->handoff_count)) {
        return false;
    }
    *out_status = ch_case_reserve(the_case, the_case->handoff_count, 0, 0, 0);
    if (*out_status != CH_OK || !take_handoffs(reader, the_case) ||
        !take_array(reader, CH_STEPS_MAX, &the_case->step_count)) {
        return false;
    }
    *out_status = ch_case_reserve(the_case, 0, the_case->step_count, 0, 0);
    if (*out_status != CH_OK || !take_steps(reader, the_case) ||
        !take_array(reader, CH_REFS_MAX, &the_case->ref_count)) {
        return false;
    }
    *out_status = ch_case_reserve(the_case, 0, 0, the_case->ref_count, 0);
    return *out_status == CH_OK && take_refs(reader, the_case) &&
           take_digests(reader, the_case, out_status) && take_groups(reader, the_case, out_status) &&
           take_links(reader, the_case, out_status) && take_clocks(reader, the_case, out_status);
}

ch_status ch_case_decode(ch_str bytes, ch_case *the_case)
{
    static const ch_mp_limits limits = {.size_bytes = ENCODED_MAX,
                                        .depth = 3,
                                        .map_pairs = 0,
                                        .array_items = CH_HANDOFFS_MAX,
                                        .str_bytes = CH_ID_MAX};
    ch_case_clear(the_case);
    if (ch_mp_check(bytes, &limits, NULL) != CH_OK) {
        return CH_CORRUPT;
    }
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_status status = CH_OK;
    if (take_case(&reader, the_case, &status)) {
        return CH_OK;
    }
    ch_case_clear(the_case);
    return status == CH_OK ? CH_CORRUPT : status;
}
