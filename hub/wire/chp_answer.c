#include "hub/wire/chp_table.h"

#include <assert.h>

/* The answers of a full batch fit into a header frame, whatever its texts are. An answer takes 524 bytes at most, so
 * half of the frame holds at least 62; each of the other 194 has 128 bytes left: an accepted one takes 68, a refused
 * one 40 and its texts. */
enum {
    ROOMY_BYTES = CH_CHP_HEADER_MAX / 2,
    LONG_TEXT_MAX = 320,
    LONG_WHERE_MAX = 160,
    SHORT_TEXT_MAX = 56,
    SHORT_WHERE_MAX = 28
};

size_t ch_chp_published_begin(ch_buf *out, uint64_t request)
{
    ch_mp_put_array(out, 4);
    ch_mp_put_uint(out, CH_CHP_VERSION);
    ch_mp_put_uint(out, CH_CHP_PUBLISHED);
    ch_mp_put_uint(out, request);
    return ch_mp_begin_array(out);
}

void ch_chp_published_end(ch_buf *out, size_t begun_at, uint32_t count)
{
    ch_mp_end_array(out, begun_at, count);
}

static void put_items(ch_buf *out, const ch_chp_argument *items, size_t count, const ch_chp_answer *answer)
{
    for (size_t i = 0; i < count; i++) {
        ch_chp_put_value(out, &items[i], answer);
    }
}

void ch_chp_published_append(ch_buf *out, const ch_chp_answer *answer)
{
    if (answer->status == CH_OK) {
        ch_mp_put_array(out, (uint32_t)(1 + ch_chp_accepted_count));
        ch_mp_put_uint(out, 0);
        put_items(out, ch_chp_accepted, ch_chp_accepted_count, answer);
        return;
    }
    bool roomy = out->size < ROOMY_BYTES;
    ch_chp_answer shortened = *answer;
    shortened.text = ch_str_cut(answer->text, roomy ? LONG_TEXT_MAX : SHORT_TEXT_MAX);
    shortened.where = ch_str_cut(answer->where, roomy ? LONG_WHERE_MAX : SHORT_WHERE_MAX);
    ch_mp_put_array(out, (uint32_t)(1 + ch_chp_refused_count));
    ch_mp_put_text(out, ch_status_name(answer->status));
    put_items(out, ch_chp_refused, ch_chp_refused_count, &shortened);
}

/* 0 is accepted, a name is the reason of a refusal. */
static ch_status read_code(const ch_chp_place *place, ch_str bytes, ch_status *out_status)
{
    char name[CH_CODE_MAX + 1];
    ch_mp_value value;
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    (void)ch_mp_next(&reader, &value);
    if (value.kind == CH_MP_INT && value.integer == 0) {
        *out_status = CH_OK;
        return CH_OK;
    }
    if (value.kind != CH_MP_STR || ch_str_copy(name, sizeof name, value.str) != CH_OK ||
        value.str.size == 0 || ch_str_is(value.str, ch_status_name(CH_OK))) {
        return ch_chp_refuse(place, CH_INVALID, "is neither 0 nor the code of a refusal");
    }
    if (ch_status_from_name(name, out_status) != CH_OK) {
        *out_status = CH_REFUSED;
    }
    return CH_OK;
}

/* Items that a newer hub adds at the end are passed over. */
static ch_status read_answer(const ch_chp_place *place, ch_str bytes, ch_chp_answer *out_answer)
{
    ch_mp_value head;
    ch_str item;
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    (void)ch_mp_next(&reader, &head);
    if (head.kind != CH_MP_ARRAY || !ch_mp_skip(&reader, &item)) {
        return ch_chp_refuse(place, CH_INVALID, "is not an array that begins with a code");
    }
    ch_chp_place inside = *place;
    inside.field = "code";
    memset(out_answer, 0, sizeof *out_answer);
    ch_status status = read_code(&inside, item, &out_answer->status);
    bool accepted = out_answer->status == CH_OK;
    const ch_chp_argument *items = accepted ? ch_chp_accepted : ch_chp_refused;
    size_t count = accepted ? ch_chp_accepted_count : ch_chp_refused_count;
    for (size_t i = 0; status == CH_OK && i < count; i++) {
        inside.field = items[i].name;
        status = ch_mp_skip(&reader, &item) ? ch_chp_read_value(&inside, &items[i], item, out_answer)
                                            : ch_chp_refuse(&inside, CH_INVALID, "is missing");
    }
    return status;
}

ch_status ch_chp_check_answer(const ch_chp_place *place, ch_str bytes)
{
    ch_chp_answer answer;
    return read_answer(place, bytes, &answer);
}

/* Steps into the array of answers when the reader still stands before it: an answer never begins with an array. */
static void enter_results(ch_mp_reader *reader)
{
    ch_mp_reader ahead = *reader;
    ch_mp_value outer, inner;
    if (!ch_mp_next(&ahead, &outer) || outer.kind != CH_MP_ARRAY) {
        return;
    }
    ch_mp_reader behind = ahead;
    if (!ch_mp_next(&ahead, &inner) || inner.kind == CH_MP_ARRAY) {
        *reader = behind;
    }
}

bool ch_chp_answer_next(ch_mp_reader *reader, ch_chp_answer *out_answer)
{
    ch_chp_place place = {.verb = "PUBLISHED", .argument = "results", .index = -1};
    ch_str item;
    enter_results(reader);
    return ch_mp_skip(reader, &item) && read_answer(&place, item, out_answer) == CH_OK;
}
