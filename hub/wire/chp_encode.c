#include "hub/wire/chp_table.h"

#include <assert.h>

static void put_from(ch_buf *out, const ch_chp_from *from)
{
    bool has_epoch = from->kind == CH_FROM_SEQUENCE && from->epoch != 0;
    ch_mp_put_map(out, has_epoch ? 2 : 1);
    switch (from->kind) {
    case CH_FROM_NEW:
        ch_mp_put_text(out, "new");
        ch_mp_put_bool(out, true);
        break;
    case CH_FROM_ALL:
        ch_mp_put_text(out, "all");
        ch_mp_put_bool(out, true);
        break;
    case CH_FROM_SEQUENCE:
        ch_mp_put_text(out, "sequence");
        ch_mp_put_int(out, from->value);
        break;
    case CH_FROM_TIME:
        ch_mp_put_text(out, "time");
        ch_mp_put_int(out, from->value);
        break;
    }
    if (has_epoch) {
        ch_mp_put_text(out, "epoch");
        ch_mp_put_uint(out, from->epoch);
    }
}

static void put_patterns(ch_buf *out, const ch_str *patterns, size_t count)
{
    assert(count <= CH_CHP_PATTERNS_MAX);
    ch_mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ch_mp_put_str(out, patterns[i]);
    }
}

static size_t pattern_count(const ch_chp_argument *argument, const void *base)
{
    return *(const size_t *)((const char *)base + argument->count_offset);
}

static void put_fields(ch_buf *out, const ch_chp_argument *argument, const void *base)
{
    ch_mp_put_map(out, (uint32_t)argument->field_count);
    for (size_t i = 0; i < argument->field_count; i++) {
        ch_mp_put_text(out, argument->fields[i].name);
        ch_chp_put_value(out, &argument->fields[i], base);
    }
}

void ch_chp_put_value(ch_buf *out, const ch_chp_argument *argument, const void *base)
{
    const void *at = (const char *)base + argument->offset;
    switch (argument->kind) {
    case CH_ARG_INT: ch_mp_put_int(out, *(const int64_t *)at); break;
    case CH_ARG_INT32: ch_mp_put_uint(out, *(const uint32_t *)at); break;
    case CH_ARG_BOOL: ch_mp_put_bool(out, *(const bool *)at); break;
    case CH_ARG_TEXT:
    case CH_ARG_NAME: ch_mp_put_str(out, *(const ch_str *)at); break;
    case CH_ARG_FROM: put_from(out, at); break;
    case CH_ARG_TEST_MODE: ch_mp_put_text(out, ch_chp_test_modes[*(const ch_test_mode *)at]); break;
    case CH_ARG_PATTERNS: put_patterns(out, at, pattern_count(argument, base)); break;
    case CH_ARG_FIELDS: put_fields(out, argument, base); break;
    case CH_ARG_MAP:
    case CH_ARG_SEQUENCES:
    case CH_ARG_ATTEMPTS:
    case CH_ARG_ANSWERS: ch_mp_put_raw(out, *(const ch_str *)at); break;
    }
}

static bool is_left_out(const ch_chp_argument *argument, const void *base)
{
    const void *at = (const char *)base + argument->offset;
    if (argument->required) {
        return false;
    }
    switch (argument->kind) {
    case CH_ARG_INT: return *(const int64_t *)at == argument->otherwise;
    case CH_ARG_INT32: return *(const uint32_t *)at == 0;
    case CH_ARG_BOOL: return !*(const bool *)at;
    case CH_ARG_FROM: return ((const ch_chp_from *)at)->kind == CH_FROM_NEW;
    case CH_ARG_TEST_MODE: return *(const ch_test_mode *)at == CH_TEST_EXCLUDE;
    case CH_ARG_PATTERNS: return pattern_count(argument, base) == 0;
    case CH_ARG_TEXT:
    case CH_ARG_NAME:
    case CH_ARG_FIELDS:
    case CH_ARG_MAP:
    case CH_ARG_SEQUENCES:
    case CH_ARG_ATTEMPTS:
    case CH_ARG_ANSWERS: return ((const ch_str *)at)->at == NULL;
    }
    return false;
}

void ch_chp_encode(ch_buf *out, const ch_chp_message *message)
{
    const ch_chp_form *form = ch_chp_form_of(message->verb);
    assert(form != NULL && message->verb != CH_CHP_PUBLISHED);
    /* Every member of the union begins where it begins. */
    const void *base = &message->hello;
    size_t count = form->count;
    while (count > 0 && is_left_out(&form->arguments[count - 1], base)) {
        count--;
    }
    ch_mp_put_array(out, (uint32_t)(3 + count));
    ch_mp_put_uint(out, CH_CHP_VERSION);
    ch_mp_put_uint(out, message->verb);
    ch_mp_put_uint(out, message->request);
    for (size_t i = 0; i < count; i++) {
        if (is_left_out(&form->arguments[i], base)) {
            ch_mp_put_nil(out);
        } else {
            ch_chp_put_value(out, &form->arguments[i], base);
        }
    }
}
