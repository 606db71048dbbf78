/* Every argument of every verb, from the table: what is wrong with one of them is refused, and with its place. */
#include "tests/unit/wire/check.h"

#include "hub/wire/chp_table.h"

#include <stdio.h>

#define WHERE_SIZE 160

/* A value that is allowed and is no default. */
static void put_sample(ch_buf *out, const ch_chp_argument *argument)
{
    switch (argument->kind) {
    case CH_ARG_INT:
    case CH_ARG_INT32: ch_mp_put_int(out, argument->most); break;
    case CH_ARG_BOOL: ch_mp_put_bool(out, true); break;
    case CH_ARG_TEXT: ch_mp_put_text(out, "电 x"); break;
    case CH_ARG_NAME: ch_mp_put_text(out, "x-1"); break;
    case CH_ARG_FROM:
        ch_mp_put_map(out, 2);
        ch_mp_put_text(out, "sequence");
        ch_mp_put_int(out, 4712);
        ch_mp_put_text(out, "epoch");
        ch_mp_put_int(out, 2);
        break;
    case CH_ARG_TEST_MODE: ch_mp_put_text(out, "include"); break;
    case CH_ARG_PATTERNS:
        ch_mp_put_array(out, 1);
        ch_mp_put_text(out, "case.>");
        break;
    case CH_ARG_FIELDS:
        ch_mp_put_map(out, (uint32_t)argument->field_count);
        for (size_t i = 0; i < argument->field_count; i++) {
            ch_mp_put_text(out, argument->fields[i].name);
            put_sample(out, &argument->fields[i]);
        }
        break;
    case CH_ARG_MAP:
        ch_mp_put_map(out, 1);
        ch_mp_put_text(out, "a");
        ch_mp_put_nil(out);
        break;
    case CH_ARG_SEQUENCES:
        ch_mp_put_array(out, 1);
        ch_mp_put_int(out, 4712);
        break;
    case CH_ARG_ATTEMPTS:
        ch_mp_put_array(out, 1);
        ch_mp_put_array(out, 2);
        ch_mp_put_int(out, 4712);
        ch_mp_put_int(out, 2);
        break;
    case CH_ARG_ANSWERS: ch_mp_put_array(out, 0); break;
    }
}

/* A frame of the verb whose argument number `at` is this value, and others as `present` (bits) says. */
static void put_frame(ch_buf *out, unsigned verb, uint32_t present, size_t at, ch_str value)
{
    const ch_chp_form *form = ch_chp_form_of(verb);
    size_t count = form->count;
    while (count > 0 && count - 1 != at && (present >> (count - 1) & 1) == 0) {
        count--;
    }
    ch_buf_clear(out);
    ch_mp_put_array(out, (uint32_t)(3 + count));
    ch_mp_put_int(out, CH_CHP_VERSION);
    ch_mp_put_int(out, verb);
    ch_mp_put_int(out, 7);
    for (size_t i = 0; i < count; i++) {
        if (i == at) {
            ch_mp_put_raw(out, value);
        } else if ((present >> i & 1) != 0) {
            put_sample(out, &form->arguments[i]);
        } else {
            ch_mp_put_nil(out);
        }
    }
}

static uint32_t all_of(const ch_chp_form *form)
{
    return (UINT32_C(1) << form->count) - 1;
}

static void assert_refused_with(unsigned verb, size_t at, ch_str value, ch_status expected, const char *field)
{
    ch_buf frame;
    ch_error error = {.where = "nowhere"};
    ch_chp_message message;
    char where[WHERE_SIZE];
    ch_buf_init(&frame, CH_CHP_HEADER_MAX);
    put_frame(&frame, verb, all_of(ch_chp_form_of(verb)), at, value);
    snprintf(where, sizeof where, "%s.%s%s", ch_chp_verb_name(verb), ch_chp_form_of(verb)->arguments[at].name,
             field);
    ch_status status = ch_chp_decode(ch_buf_str(&frame), &message, &error);
    if (status != expected || strcmp(error.where, where) != 0) {
        fail_msg("%s at %s (%s), not %s at %s", ch_status_name(status), error.where, error.text,
                 ch_status_name(expected), where);
    }
    /* The answer can still name what it answers. */
    assert_int_equal(message.verb, verb);
    assert_int_equal(message.request, 7);
    ch_buf_done(&frame);
}

typedef void argument_check(unsigned verb, size_t at, const ch_chp_argument *argument, ch_buf *value);

static void each_argument(argument_check *check)
{
    ch_buf value;
    ch_buf_init(&value, CH_CHP_HEADER_MAX);
    for (unsigned verb = 1; ch_chp_form_of(verb) != NULL; verb++) {
        for (size_t at = 0; at < ch_chp_form_of(verb)->count; at++) {
            ch_buf_clear(&value);
            check(verb, at, &ch_chp_form_of(verb)->arguments[at], &value);
        }
    }
    ch_buf_done(&value);
}

static ch_mp_kind kind_of(ch_chp_kind kind)
{
    switch (kind) {
    case CH_ARG_INT:
    case CH_ARG_INT32: return CH_MP_INT;
    case CH_ARG_BOOL: return CH_MP_BOOL;
    case CH_ARG_TEXT:
    case CH_ARG_NAME:
    case CH_ARG_TEST_MODE: return CH_MP_STR;
    case CH_ARG_FROM:
    case CH_ARG_FIELDS:
    case CH_ARG_MAP: return CH_MP_MAP;
    case CH_ARG_PATTERNS:
    case CH_ARG_SEQUENCES:
    case CH_ARG_ATTEMPTS:
    case CH_ARG_ANSWERS: return CH_MP_ARRAY;
    }
    return CH_MP_NIL;
}

static void put_of_kind(ch_buf *out, ch_mp_kind kind)
{
    switch (kind) {
    case CH_MP_NIL: ch_mp_put_nil(out); break;
    case CH_MP_BOOL: ch_mp_put_bool(out, true); break;
    case CH_MP_INT: ch_mp_put_int(out, 1); break;
    case CH_MP_FLOAT: ch_mp_put_float(out, 1.0); break;
    case CH_MP_STR: ch_mp_put_text(out, "x"); break;
    case CH_MP_BIN: ch_mp_put_bin(out, CH_STR("x")); break;
    case CH_MP_ARRAY: ch_mp_put_array(out, 0); break;
    case CH_MP_MAP: ch_mp_put_map(out, 0); break;
    }
}

static void check_wrong_kinds(unsigned verb, size_t at, const ch_chp_argument *argument, ch_buf *value)
{
    for (ch_mp_kind kind = CH_MP_BOOL; kind <= CH_MP_MAP; kind++) {
        if (kind != kind_of(argument->kind)) {
            ch_buf_clear(value);
            put_of_kind(value, kind);
            assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, "");
        }
    }
}

static void refuses_every_other_kind_of_value(void **state)
{
    (void)state;
    each_argument(check_wrong_kinds);
}

static void check_absence(unsigned verb, size_t at, const ch_chp_argument *argument, ch_buf *value)
{
    if (argument->required) {
        ch_mp_put_nil(value);
        assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, "");
    }
}

static void refuses_nil_for_what_is_required(void **state)
{
    (void)state;
    each_argument(check_absence);
}

static void refuses_a_frame_that_ends_before_what_is_required(void **state)
{
    (void)state;
    ch_buf frame;
    ch_buf_init(&frame, CH_CHP_HEADER_MAX);
    for (unsigned verb = 1; ch_chp_form_of(verb) != NULL; verb++) {
        const ch_chp_form *form = ch_chp_form_of(verb);
        for (size_t count = 0; count < form->count; count++) {
            ch_error error;
            ch_chp_message message;
            char where[WHERE_SIZE];
            put_frame(&frame, verb, all_of(form) >> (form->count - count), SIZE_MAX, CH_STR_NONE);
            size_t missing = count;
            while (missing < form->count && !form->arguments[missing].required) {
                missing++;
            }
            if (missing == form->count) {
                continue;
            }
            snprintf(where, sizeof where, "%s.%s", ch_chp_verb_name(verb), form->arguments[missing].name);
            assert_status(ch_chp_decode(ch_buf_str(&frame), &message, &error), CH_INVALID);
            assert_string_equal(error.where, where);
        }
    }
    ch_buf_done(&frame);
}

static void check_integer(unsigned verb, size_t at, const ch_chp_argument *argument, ch_buf *value)
{
    const int64_t wrong[] = {argument->least - 1, argument->most + 1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (argument->kind == CH_ARG_INT) {
            ch_buf_clear(value);
            ch_mp_put_int(value, wrong[i]);
            assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, "");
        }
    }
}

static void refuses_integers_out_of_bounds(void **state)
{
    (void)state;
    each_argument(check_integer);
}

static void put_long_text(ch_buf *value, size_t size)
{
    static char text[4096];
    memset(text, 'x', sizeof text);
    assert_true(size <= sizeof text);
    ch_buf_clear(value);
    ch_mp_put_str(value, (ch_str){text, size});
}

static void check_text(unsigned verb, size_t at, const ch_chp_argument *argument, ch_buf *value)
{
    if (argument->kind != CH_ARG_TEXT && argument->kind != CH_ARG_NAME) {
        return;
    }
    put_long_text(value, (size_t)argument->most + 1);
    assert_refused_with(verb, at, ch_buf_str(value), CH_TOO_LARGE, "");
    if (argument->least > 0) {
        put_long_text(value, 0);
        assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, "");
    }
    static const char *const no_names[] = {"a b", "a\n", "\x7f", "电", " "};
    for (size_t i = 0; argument->kind == CH_ARG_NAME && i < sizeof no_names / sizeof no_names[0]; i++) {
        ch_buf_clear(value);
        ch_mp_put_text(value, no_names[i]);
        assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, "");
    }
}

static void refuses_texts_that_are_empty_or_too_long_and_names_with_other_characters(void **state)
{
    (void)state;
    each_argument(check_text);
}

static bool is_list(const ch_chp_argument *argument)
{
    return kind_of(argument->kind) == CH_MP_ARRAY;
}

static void check_items(unsigned verb, size_t at, const ch_chp_argument *argument, ch_buf *value)
{
    if (!is_list(argument)) {
        return;
    }
    ch_mp_put_array(value, (uint32_t)argument->most + 1);
    for (int64_t i = 0; i <= argument->most; i++) {
        ch_mp_put_int(value, 1);
    }
    assert_refused_with(verb, at, ch_buf_str(value), CH_TOO_LARGE, "");
    if (argument->least > 0) {
        ch_buf_clear(value);
        ch_mp_put_array(value, 0);
        assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, "");
    }
    ch_buf_clear(value);
    ch_mp_put_array(value, 1);
    ch_mp_put_bool(value, true);
    assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, "[0]");
}

static void refuses_arrays_that_are_empty_too_long_or_of_something_else(void **state)
{
    (void)state;
    each_argument(check_items);
}

static void check_field(unsigned verb, size_t at, const ch_chp_argument *argument, ch_buf *value)
{
    for (size_t wrong = 0; wrong < argument->field_count * 2; wrong++) {
        const ch_chp_argument *fields = argument->fields;
        size_t bad = wrong / 2;
        bool missing = wrong % 2 == 0;
        char field[CH_CODE_MAX];
        ch_buf_clear(value);
        ch_mp_put_map(value, (uint32_t)(argument->field_count - missing));
        for (size_t i = 0; i < argument->field_count; i++) {
            if (i != bad || !missing) {
                ch_mp_put_text(value, fields[i].name);
            }
            if (i != bad) {
                put_sample(value, &fields[i]);
            } else if (!missing) {
                ch_mp_put_nil(value);
            }
        }
        snprintf(field, sizeof field, ".%s", fields[bad].name);
        assert_refused_with(verb, at, ch_buf_str(value), CH_INVALID, field);
    }
}

static void refuses_maps_whose_fields_are_missing_or_wrong(void **state)
{
    (void)state;
    each_argument(check_field);
}

static void assert_answer_refused(ch_buf *value, ch_status expected, const char *field)
{
    assert_refused_with(CH_CHP_PUBLISHED, 0, ch_buf_str(value), expected, field);
}

static void check_answer_item(const ch_chp_argument *items, size_t count, bool accepted, size_t bad,
                              int64_t number)
{
    ch_buf value;
    char field[CH_CODE_MAX + 8];
    ch_buf_init(&value, CH_CHP_HEADER_MAX);
    ch_mp_put_array(&value, 1);
    ch_mp_put_array(&value, (uint32_t)(1 + count));
    if (accepted) {
        ch_mp_put_int(&value, 0);
    } else {
        ch_mp_put_text(&value, "busy");
    }
    for (size_t i = 0; i < count; i++) {
        if (i == bad) {
            ch_mp_put_int(&value, number);
        } else {
            put_sample(&value, &items[i]);
        }
    }
    snprintf(field, sizeof field, "[0].%s", items[bad].name);
    assert_answer_refused(&value, CH_INVALID, field);
    ch_buf_done(&value);
}

static void refuses_answers_with_items_out_of_bounds_or_of_another_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < ch_chp_accepted_count; i++) {
        check_answer_item(ch_chp_accepted, ch_chp_accepted_count, true, i, ch_chp_accepted[i].least - 1);
        check_answer_item(ch_chp_accepted, ch_chp_accepted_count, true, i, INT64_MAX);
    }
    for (size_t i = 0; i < ch_chp_refused_count; i++) {
        check_answer_item(ch_chp_refused, ch_chp_refused_count, false, i, ch_chp_refused[i].least - 1);
        check_answer_item(ch_chp_refused, ch_chp_refused_count, false, i, INT64_MAX);
    }
}

static bool is_refused_as_a_whole(const ch_chp_message *message, uint32_t present)
{
    bool has_name = (present >> 1 & 1) != 0, has_no_ack = (present >> 7 & 1) != 0;
    return (message->verb == CH_CHP_SUBSCRIBE && has_name && has_no_ack) ||
           (message->verb == CH_CHP_ACK && present >> 1 == 0);
}

static void every_set_of_optional_arguments_comes_back_as_it_was(void **state)
{
    (void)state;
    ch_buf frame, made;
    ch_buf_init(&frame, CH_CHP_HEADER_MAX);
    ch_buf_init(&made, CH_CHP_HEADER_MAX);
    for (unsigned verb = 1; ch_chp_form_of(verb) != NULL; verb++) {
        const ch_chp_form *form = ch_chp_form_of(verb);
        uint32_t required = 0;
        for (size_t i = 0; i < form->count; i++) {
            required |= (uint32_t)form->arguments[i].required << i;
        }
        for (uint32_t present = 0; present <= all_of(form) && verb != CH_CHP_PUBLISHED; present++) {
            ch_error error;
            ch_chp_message message;
            if ((present & required) != required) {
                continue;
            }
            put_frame(&frame, verb, present, SIZE_MAX, CH_STR_NONE);
            ch_status status = ch_chp_decode(ch_buf_str(&frame), &message, &error);
            if (is_refused_as_a_whole(&message, present)) {
                assert_status(status, CH_INVALID);
                continue;
            }
            assert_ok(status, &error);
            ch_buf_clear(&made);
            ch_chp_encode(&made, &message);
            if (!ch_str_equal(ch_buf_str(&made), ch_buf_str(&frame))) {
                fail_msg("%s with arguments %x is encoded to other bytes", ch_chp_verb_name(verb), present);
            }
        }
    }
    ch_buf_done(&frame);
    ch_buf_done(&made);
}

static void an_error_is_not_needed_to_refuse(void **state)
{
    (void)state;
    ch_chp_message message;
    assert_status(ch_chp_decode(CH_STR("\xc1"), &message, NULL), CH_INVALID);
    assert_status(ch_chp_decode(CH_STR("\x93\x02\x01\x01"), &message, NULL), CH_UNSUPPORTED);
    assert_status(ch_chp_decode(CH_STR("\x94\x01\x01\x01\x05"), &message, NULL), CH_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_other_kind_of_value),
        cmocka_unit_test(refuses_nil_for_what_is_required),
        cmocka_unit_test(refuses_a_frame_that_ends_before_what_is_required),
        cmocka_unit_test(refuses_integers_out_of_bounds),
        cmocka_unit_test(refuses_texts_that_are_empty_or_too_long_and_names_with_other_characters),
        cmocka_unit_test(refuses_arrays_that_are_empty_too_long_or_of_something_else),
        cmocka_unit_test(refuses_maps_whose_fields_are_missing_or_wrong),
        cmocka_unit_test(refuses_answers_with_items_out_of_bounds_or_of_another_kind),
        cmocka_unit_test(every_set_of_optional_arguments_comes_back_as_it_was),
        cmocka_unit_test(an_error_is_not_needed_to_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
