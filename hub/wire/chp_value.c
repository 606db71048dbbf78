#include "hub/model/topic.h"
#include "hub/wire/chp_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

ch_status ch_chp_refuse(const ch_chp_place *place, ch_status status, const char *format, ...)
{
    char where[sizeof place->error->where], text[sizeof place->error->text], index[24] = "";
    if (place->index >= 0) {
        snprintf(index, sizeof index, "[%" PRId64 "]", place->index);
    }
    snprintf(where, sizeof where, "%s.%s%s%s%s", place->verb, place->argument, index,
             place->field == NULL ? "" : ".", place->field == NULL ? "" : place->field);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return ch_error_set(place->error, status, where, "%s", text);
}

static ch_mp_value head_of(ch_str bytes)
{
    ch_mp_value value = {.kind = CH_MP_NIL};
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    (void)ch_mp_next(&reader, &value);
    return value;
}

static ch_status read_int(const ch_chp_place *place, ch_mp_value value, int64_t least, int64_t most,
                          int64_t *out)
{
    if (value.kind != CH_MP_INT) {
        return ch_chp_refuse(place, CH_INVALID, "is not an integer");
    }
    if (value.integer < least || value.integer > most) {
        return ch_chp_refuse(place, CH_INVALID, "is not within %" PRId64 "..%" PRId64, least, most);
    }
    *out = value.integer;
    return CH_OK;
}

static ch_status read_bool(const ch_chp_place *place, ch_mp_value value, bool *out)
{
    if (value.kind != CH_MP_BOOL) {
        return ch_chp_refuse(place, CH_INVALID, "is not a bool");
    }
    *out = value.boolean;
    return CH_OK;
}

static bool is_name(ch_str s)
{
    for (size_t i = 0; i < s.size; i++) {
        if (s.at[i] <= ' ' || s.at[i] > '~') {
            return false;
        }
    }
    return true;
}

static ch_status read_str(const ch_chp_place *place, const ch_chp_argument *argument, ch_mp_value value,
                          ch_str *out)
{
    if (value.kind != CH_MP_STR) {
        return ch_chp_refuse(place, CH_INVALID, "is not a str");
    }
    if (value.str.size < (uint64_t)argument->least) {
        return ch_chp_refuse(place, CH_INVALID, "is empty");
    }
    if (value.str.size > (uint64_t)argument->most) {
        return ch_chp_refuse(place, CH_TOO_LARGE, "is longer than %" PRId64 " bytes", argument->most);
    }
    if (argument->kind == CH_ARG_NAME && !is_name(value.str)) {
        return ch_chp_refuse(place, CH_INVALID, "is not printable ASCII without spaces");
    }
    *out = value.str;
    return CH_OK;
}

static ch_status read_test_mode(const ch_chp_place *place, ch_mp_value value, ch_test_mode *out)
{
    for (unsigned mode = CH_TEST_EXCLUDE; mode <= CH_TEST_ONLY; mode++) {
        if (value.kind == CH_MP_STR && ch_str_is(value.str, ch_chp_test_modes[mode])) {
            *out = (ch_test_mode)mode;
            return CH_OK;
        }
    }
    return ch_chp_refuse(place, CH_INVALID, "is not exclude, include or only");
}

static const struct {
    const char *key;
    ch_chp_from_kind kind;
} starts[] = {
    {"new", CH_FROM_NEW}, {"all", CH_FROM_ALL}, {"sequence", CH_FROM_SEQUENCE}, {"time", CH_FROM_TIME}};

/* The one key of `starts` that the map holds. */
static ch_status read_from(const ch_chp_place *place, ch_str bytes, ch_chp_from *out)
{
    ch_mp_value value;
    ch_chp_place inside = *place;
    ch_chp_from from = {.kind = CH_FROM_NEW};
    uint32_t known = 0;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (!ch_mp_find(bytes, starts[i].key, &value, NULL)) {
            continue;
        }
        known++;
        from.kind = starts[i].kind;
        inside.field = starts[i].key;
        ch_status status = CH_OK;
        if (from.kind == CH_FROM_SEQUENCE) {
            status = read_int(&inside, value, 0, CH_CHP_NUMBER_MAX, &from.value);
        } else if (from.kind == CH_FROM_TIME) {
            status = read_int(&inside, value, CH_TIME_LEAST, CH_TIME_MOST, &from.value);
        } else if (value.kind != CH_MP_BOOL || !value.boolean) {
            status = ch_chp_refuse(&inside, CH_INVALID, "is not true");
        }
        if (status != CH_OK) {
            return status;
        }
    }
    bool has_epoch = known == 1 && from.kind == CH_FROM_SEQUENCE && ch_mp_find(bytes, "epoch", &value, NULL);
    if (has_epoch) {
        int64_t epoch = 0;
        inside.field = "epoch";
        ch_status status = read_int(&inside, value, 0, UINT32_MAX, &epoch);
        if (status != CH_OK) {
            return status;
        }
        from.epoch = (uint32_t)epoch;
    }
    if (known != 1 || ch_mp_pairs(bytes) != known + has_epoch) {
        return ch_chp_refuse(place, CH_INVALID,
                             "is not one of {all: true}, {new: true}, {sequence, epoch} and {time}");
    }
    *out = from;
    return CH_OK;
}

static ch_status check_item_count(const ch_chp_place *place, const ch_chp_argument *argument,
                                  ch_mp_value value)
{
    if (value.kind != CH_MP_ARRAY) {
        return ch_chp_refuse(place, CH_INVALID, "is not an array");
    }
    if (value.count < (uint64_t)argument->least) {
        return ch_chp_refuse(place, CH_INVALID, "is empty");
    }
    if (value.count > (uint64_t)argument->most) {
        return ch_chp_refuse(place, CH_TOO_LARGE, "has more than %" PRId64 " items", argument->most);
    }
    return CH_OK;
}

static ch_status read_patterns(const ch_chp_place *place, const ch_chp_argument *argument, ch_str bytes,
                               ch_str *patterns, size_t *out_count)
{
    ch_mp_value value;
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    (void)ch_mp_next(&reader, &value);
    size_t count = value.count;
    ch_chp_place item = *place;
    ch_status status = check_item_count(place, argument, value);
    for (size_t i = 0; status == CH_OK && i < count && ch_mp_next(&reader, &value); i++) {
        ch_error why;
        item.index = (int64_t)i;
        if (value.kind != CH_MP_STR) {
            return ch_chp_refuse(&item, CH_INVALID, "is not a str");
        }
        if (ch_pattern_check(value.str, &why) != CH_OK) {
            return ch_chp_refuse(&item, CH_INVALID, "%s", why.text);
        }
        patterns[i] = value.str;
    }
    if (status == CH_OK) {
        *out_count = count;
    }
    return status;
}

static ch_status check_sequence(const ch_chp_place *place, ch_str bytes)
{
    int64_t sequence;
    return read_int(place, head_of(bytes), 1, CH_CHP_NUMBER_MAX, &sequence);
}

static ch_status check_attempt(const ch_chp_place *place, ch_str bytes)
{
    ch_mp_value value;
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    (void)ch_mp_next(&reader, &value);
    if (value.kind != CH_MP_ARRAY || value.count < 2) {
        return ch_chp_refuse(place, CH_INVALID, "is not [sequence, attempt]");
    }
    static const struct {
        const char *name;
        int64_t least, most;
    } items[] = {{"sequence", 1, CH_CHP_NUMBER_MAX}, {"attempt", 2, UINT32_MAX}};
    ch_chp_place inside = *place;
    for (size_t i = 0; i < 2; i++) {
        int64_t number;
        ch_str whole;
        inside.field = items[i].name;
        (void)ch_mp_skip(&reader, &whole);
        ch_status status = read_int(&inside, head_of(whole), items[i].least, items[i].most, &number);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

typedef ch_status item_check(const ch_chp_place *place, ch_str bytes);

static ch_status check_items(const ch_chp_place *place, const ch_chp_argument *argument, ch_str bytes,
                             item_check *check)
{
    ch_mp_value head;
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_str whole;
    ch_chp_place item = *place;
    (void)ch_mp_next(&reader, &head);
    ch_status status = check_item_count(place, argument, head);
    for (item.index = 0; status == CH_OK && ch_mp_skip(&reader, &whole); item.index++) {
        status = check(&item, whole);
    }
    return status;
}

static ch_status check_map(const ch_chp_place *place, ch_str bytes)
{
    return head_of(bytes).kind == CH_MP_MAP ? CH_OK : ch_chp_refuse(place, CH_INVALID, "is not a map");
}

/* Keys that a newer sender knows and we do not are passed over. */
static ch_status read_fields(const ch_chp_place *place, const ch_chp_argument *argument, ch_str bytes,
                             void *base)
{
    ch_chp_place inside = *place;
    ch_status status = check_map(place, bytes);
    for (size_t i = 0; status == CH_OK && i < argument->field_count; i++) {
        ch_str whole;
        inside.field = argument->fields[i].name;
        status = ch_mp_find(bytes, inside.field, NULL, &whole)
                     ? ch_chp_read_value(&inside, &argument->fields[i], whole, base)
                     : ch_chp_refuse(&inside, CH_INVALID, "is missing");
    }
    return status;
}

ch_status ch_chp_read_value(const ch_chp_place *place, const ch_chp_argument *argument, ch_str bytes,
                            void *base)
{
    void *at = (char *)base + argument->offset;
    ch_mp_value value = head_of(bytes);
    int64_t number = 0;
    ch_status status = CH_INVALID;
    switch (argument->kind) {
    case CH_ARG_INT: return read_int(place, value, argument->least, argument->most, at);
    case CH_ARG_INT32:
        status = read_int(place, value, argument->least, argument->most, &number);
        *(uint32_t *)at = (uint32_t)number;
        return status;
    case CH_ARG_BOOL: return read_bool(place, value, at);
    case CH_ARG_TEXT:
    case CH_ARG_NAME: return read_str(place, argument, value, at);
    case CH_ARG_FROM: return read_from(place, bytes, at);
    case CH_ARG_TEST_MODE: return read_test_mode(place, value, at);
    case CH_ARG_PATTERNS:
        return read_patterns(place, argument, bytes, at, (size_t *)((char *)base + argument->count_offset));
    case CH_ARG_FIELDS: return read_fields(place, argument, bytes, base);
    case CH_ARG_MAP: status = check_map(place, bytes); break;
    case CH_ARG_SEQUENCES: status = check_items(place, argument, bytes, check_sequence); break;
    case CH_ARG_ATTEMPTS: status = check_items(place, argument, bytes, check_attempt); break;
    case CH_ARG_ANSWERS: status = check_items(place, argument, bytes, ch_chp_check_answer); break;
    }
    /* Kept encoded. */
    if (status == CH_OK) {
        *(ch_str *)at = bytes;
    }
    return status;
}
