/* The vectors are other people's only proof that they understood CHP1.md: bytes and meaning must agree. */
#include "tests/unit/wire/check.h"

#include "hub/model/json.h"
#include "hub/wire/chp_table.h"
#include "tests/unit/wire/vectors.h"

#include <stdlib.h>

static vectors good, bad;

static int load(void **state)
{
    (void)state;
    vectors_load(&good);
    vectors_load_refused(&bad);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    vectors_done(&good);
    vectors_done(&bad);
    return 0;
}

static void assert_bytes(const char *name, ch_str made, ch_str expected)
{
    if (!ch_str_equal(made, expected)) {
        fail_msg("%s: %zu bytes made, %zu expected, or others", name, made.size, expected.size);
    }
}

static const ch_mp_limits wide = {.size_bytes = CH_CHP_BODY_MAX,
                                  .depth = CH_MP_DEPTH_MAX,
                                  .map_pairs = CH_MP_PAIRS_MAX,
                                  .array_items = CH_CHP_ITEMS_MAX,
                                  .str_bytes = CH_CHP_BODY_MAX};

static void put_json(ch_buf *out, const json_t *value)
{
    ch_error error;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_ok(ch_json_to_mp(out, ch_str_of(text), &wide, &error), &error);
    free(text);
}

static unsigned verb_of(const vector *one)
{
    const char *name = json_string_value(json_object_get(one->json, "verb"));
    for (unsigned verb = 1; ch_chp_form_of(verb) != NULL; verb++) {
        if (strcmp(ch_chp_verb_name(verb), name) == 0) {
            return verb;
        }
    }
    fail_msg("%s: there is no verb %s", one->name, name);
    return 0;
}

static bool is_lenient(const vector *one)
{
    return json_is_true(json_object_get(one->json, "lenient"));
}

/* The whole refused, not only what stands before the cut. */
static void assert_cut_is_refused(const vector *one, ch_str whole, bool is_body)
{
    for (size_t size = 0; size < whole.size; size++) {
        /* A copy of its own, so that an address sanitizer sees each byte read behind the cut. */
        char *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, whole.at, size);
        ch_error error;
        ch_chp_message message;
        ch_mp_reader reader;
        uint32_t count;
        char *cut = realloc(copy, size == 0 ? 1 : size);
        assert_non_null(cut);
        ch_status status =
            is_body ? ch_chp_body_check((ch_str){cut, size}, CH_CHP_ITEMS_MAX, &count, &reader, &error)
                    : ch_chp_decode((ch_str){cut, size}, &message, &error);
        free(cut);
        if (status != CH_INVALID) {
            fail_msg("%s cut to %zu bytes: %s", one->name, size, ch_status_name(status));
        }
    }
}

static void refuses_every_frame_that_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < good.count; i++) {
        assert_cut_is_refused(&good.of[i], good.of[i].header, false);
        if (good.of[i].body.at != NULL) {
            assert_cut_is_refused(&good.of[i], good.of[i].body, true);
        }
    }
}

static void refuses_every_frame_with_a_byte_behind_it(void **state)
{
    (void)state;
    ch_buf longer;
    ch_buf_init(&longer, CH_CHP_HEADER_MAX);
    for (size_t i = 0; i < good.count; i++) {
        ch_error error;
        ch_chp_message message;
        ch_buf_clear(&longer);
        ch_buf_append_str(&longer, good.of[i].header);
        ch_buf_append(&longer, "", 1);
        assert_status(ch_chp_decode(ch_buf_str(&longer), &message, &error), CH_INVALID);
        assert_string_equal(error.where, "header");
    }
    ch_buf_done(&longer);
}

static void refuses_what_must_be_refused_and_says_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < bad.count; i++) {
        const vector *one = &bad.of[i];
        ch_error error = {.where = "nowhere"};
        ch_chp_message message;
        ch_mp_reader reader;
        uint32_t count;
        ch_status status = ch_chp_decode(one->header, &message, &error);
        if (one->body.at != NULL) {
            assert_ok(status, &error);
            status = ch_chp_body_check(one->body, CH_CHP_BATCH_MAX, &count, &reader, &error);
        }
        const char *code = json_string_value(json_object_get(one->json, "code"));
        const char *where = json_string_value(json_object_get(one->json, "where"));
        if (strcmp(ch_status_name(status), code) != 0 || strcmp(error.where, where) != 0) {
            fail_msg("%s: %s at %s, not %s at %s", one->name, ch_status_name(status), error.where, code,
                     where);
        }
        assert_int_equal(message.request, json_integer_value(json_object_get(one->json, "request")));
    }
}

/* Puts the header together from the meaning, by the document's rules alone. */
static void put_meaning(ch_buf *out, const vector *one)
{
    const ch_chp_form *form = ch_chp_form_of(verb_of(one));
    const json_t *arguments = json_object_get(one->json, "arguments");
    size_t count = form->count, known = 0;
    while (count > 0 && json_object_get(arguments, form->arguments[count - 1].name) == NULL) {
        count--;
    }
    ch_mp_put_array(out, (uint32_t)(3 + count));
    ch_mp_put_int(out, 1);
    ch_mp_put_uint(out, verb_of(one));
    ch_mp_put_int(out, json_integer_value(json_object_get(one->json, "request")));
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(arguments, form->arguments[i].name);
        known += value != NULL;
        if (value == NULL) {
            ch_mp_put_nil(out);
        } else if (form->arguments[i].kind == CH_ARG_ANSWERS) {
            size_t begun_at = ch_mp_begin_array(out);
            for (size_t k = 0; k < json_array_size(value); k++) {
                put_json(out, json_array_get(value, k));
            }
            ch_mp_end_array(out, begun_at, (uint32_t)json_array_size(value));
        } else {
            put_json(out, value);
        }
    }
    if (known != json_object_size(arguments)) {
        fail_msg("%s has an argument of another verb", one->name);
    }
}

static void header_frames_are_what_their_meaning_says(void **state)
{
    (void)state;
    ch_buf made;
    ch_buf_init(&made, CH_CHP_HEADER_MAX);
    for (size_t i = 0; i < good.count; i++) {
        ch_buf_clear(&made);
        put_meaning(&made, &good.of[i]);
        if (!is_lenient(&good.of[i])) {
            assert_bytes(good.of[i].name, ch_buf_str(&made), good.of[i].header);
        }
    }
    ch_buf_done(&made);
}

static void encode_again(ch_buf *out, const ch_chp_message *message)
{
    if (message->verb != CH_CHP_PUBLISHED) {
        ch_chp_encode(out, message);
        return;
    }
    ch_mp_reader reader = ch_mp_reader_of(message->results);
    ch_chp_answer answer;
    uint32_t count = 0;
    size_t begun_at = ch_chp_published_begin(out, message->request);
    for (; ch_chp_answer_next(&reader, &answer); count++) {
        ch_chp_published_append(out, &answer);
    }
    ch_chp_published_end(out, begun_at, count);
}

/* What the strict form of a lenient vector is, and a strict one itself. */
static void decoded_and_encoded_again_is_the_strict_form(void **state)
{
    (void)state;
    ch_buf made, strict;
    ch_buf_init(&made, CH_CHP_HEADER_MAX);
    ch_buf_init(&strict, CH_CHP_HEADER_MAX);
    for (size_t i = 0; i < good.count; i++) {
        const vector *one = &good.of[i];
        ch_error error;
        ch_chp_message message, again;
        ch_buf_clear(&made);
        ch_buf_clear(&strict);
        assert_ok(ch_chp_decode(one->header, &message, &error), &error);
        assert_int_equal(message.verb, verb_of(one));
        assert_int_equal(message.request, json_integer_value(json_object_get(one->json, "request")));
        encode_again(&made, &message);
        assert_status(made.failed, CH_OK);
        if (!is_lenient(one)) {
            assert_bytes(one->name, ch_buf_str(&made), one->header);
        }
        assert_ok(ch_chp_decode(ch_buf_str(&made), &again, &error), &error);
        encode_again(&strict, &again);
        assert_bytes(one->name, ch_buf_str(&strict), ch_buf_str(&made));
    }
    ch_buf_done(&made);
    ch_buf_done(&strict);
}

static void lenient_frames_mean_the_same_as_their_strict_form(void **state)
{
    (void)state;
    ch_buf made, meaning;
    ch_buf_init(&made, CH_CHP_HEADER_MAX);
    ch_buf_init(&meaning, CH_CHP_HEADER_MAX);
    size_t seen = 0;
    for (size_t i = 0; i < good.count; i++) {
        const vector *one = &good.of[i];
        ch_error error;
        ch_chp_message lenient, strict;
        if (!is_lenient(one)) {
            continue;
        }
        ch_buf_clear(&made);
        ch_buf_clear(&meaning);
        put_meaning(&meaning, one);
        assert_ok(ch_chp_decode(one->header, &lenient, &error), &error);
        assert_ok(ch_chp_decode(ch_buf_str(&meaning), &strict, &error), &error);
        encode_again(&made, &lenient);
        size_t first = made.size;
        encode_again(&made, &strict);
        /* Encoded parts (results, attempts) are kept as they came. */
        if (lenient.verb != CH_CHP_EVENTS) {
            assert_int_equal(made.size, first * 2);
            assert_memory_equal(made.at, made.at + first, first);
        }
        seen++;
    }
    assert_true(seen >= 6);
    ch_buf_done(&made);
    ch_buf_done(&meaning);
}

static void body_frames_are_what_their_meaning_says(void **state)
{
    (void)state;
    ch_buf made;
    ch_buf_init(&made, CH_CHP_BODY_MAX);
    for (size_t i = 0; i < good.count; i++) {
        const vector *one = &good.of[i];
        const json_t *events = json_object_get(one->json, "events"),
                     *rows = json_object_get(one->json, "rows");
        assert_int_equal(one->body.at != NULL, ch_chp_verb_bodies(verb_of(one)));
        if (one->body.at == NULL) {
            continue;
        }
        ch_buf_clear(&made);
        ch_mp_put_array(&made, (uint32_t)json_array_size(events == NULL ? rows : events));
        for (size_t k = 0; k < json_array_size(rows); k++) {
            put_json(&made, json_array_get(rows, k));
        }
        for (size_t k = 0; k < json_array_size(events); k++) {
            ch_error error;
            char *text = json_dumps(json_array_get(events, k), JSON_COMPACT);
            assert_ok(ch_event_from_json(&made, ch_str_of(text), &error), &error);
            free(text);
        }
        assert_bytes(one->name, ch_buf_str(&made), one->body);
    }
    ch_buf_done(&made);
}

static void events_of_bodies_decode_and_encode_to_the_same_bytes(void **state)
{
    (void)state;
    ch_buf made;
    ch_buf_init(&made, CH_CHP_BODY_MAX);
    for (size_t i = 0; i < good.count; i++) {
        const vector *one = &good.of[i];
        bool produced = verb_of(one) == CH_CHP_PUBLISH;
        if (one->body.at == NULL || verb_of(one) == CH_CHP_RESULT) {
            continue;
        }
        ch_error error;
        ch_mp_reader reader;
        uint32_t count;
        ch_str encoded;
        assert_ok(ch_chp_body_check(one->body, CH_CHP_BATCH_MAX, &count, &reader, &error), &error);
        ch_buf_clear(&made);
        ch_mp_put_array(&made, count);
        for (uint32_t k = 0; k < count; k++) {
            ch_event event;
            assert_true(ch_mp_skip(&reader, &encoded));
            assert_ok(
                ch_event_decode(encoded, produced ? CH_EVENT_PRODUCED : CH_EVENT_RECORDED, &event, &error),
                &error);
            ch_event_encode(&made, &event);
        }
        assert_false(ch_mp_skip(&reader, &encoded));
        assert_bytes(one->name, ch_buf_str(&made), one->body);
    }
    ch_buf_done(&made);
}

static void every_verb_has_a_vector(void **state)
{
    (void)state;
    for (unsigned verb = 1; ch_chp_form_of(verb) != NULL; verb++) {
        bool found = false;
        for (size_t i = 0; i < good.count && !found; i++) {
            found = verb_of(&good.of[i]) == verb;
        }
        if (!found) {
            fail_msg("no vector of %s", ch_chp_verb_name(verb));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_frame_that_is_cut),
        cmocka_unit_test(refuses_every_frame_with_a_byte_behind_it),
        cmocka_unit_test(refuses_what_must_be_refused_and_says_where),
        cmocka_unit_test(header_frames_are_what_their_meaning_says),
        cmocka_unit_test(decoded_and_encoded_again_is_the_strict_form),
        cmocka_unit_test(lenient_frames_mean_the_same_as_their_strict_form),
        cmocka_unit_test(body_frames_are_what_their_meaning_says),
        cmocka_unit_test(events_of_bodies_decode_and_encode_to_the_same_bytes),
        cmocka_unit_test(every_verb_has_a_vector),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
