/* A PUBLISH becomes work: bad events refuse themselves alone, bad messages are refused as a whole. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include "hub/net/inside.h"
#include "hub/run/intake.h"

#include <stdio.h>

typedef struct fixture {
    town of;
    ch_actor *hotline, *rescue, *operator_;
    ch_buf body;
    ch_error error;
    ch_work *work; /* of the last publish that was taken */
} fixture;

static ch_actor *actor_of(const ch_grant *grant)
{
    ch_actor *actor;
    assert_status(ch_actor_new(&actor, grant), CH_OK);
    return actor;
}

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    const ch_grant hotline = town_grant(CH_ROLE_CONNECTOR, "hotline-in", CH_PRIVATE_OWN, "hotline", "", "");
    const ch_grant rescue =
        town_grant(CH_ROLE_DEPARTMENT, "rescue", CH_PRIVATE_OWN, "rescue", "water-rescue", "3307");
    f.hotline = actor_of(&hotline);
    f.rescue = actor_of(&rescue);
    f.operator_ = actor_of(&town_operator);
    ch_buf_init(&f.body, CH_CHP_BODY_MAX + 1024);
    f.work = NULL;
    *state = &f;
    return 0;
}

static void forget(fixture *f)
{
    ch_mail_free(f->work == NULL ? NULL : &f->work->mail);
    f->work = NULL;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_actor *const actors[] = {f->hotline, f->rescue, f->operator_};
    forget(f);
    for (size_t i = 0; i < 3; i++) {
        /* No work has kept one. */
        assert_int_equal(atomic_load(&actors[i]->references), 1);
        ch_actor_unref(actors[i]);
    }
    ch_buf_done(&f->body);
    town_stop(&f->of);
    return 0;
}

static ch_frame *frame_of(ch_str bytes)
{
    zmq_msg_t message;
    assert_status(ch_message_copy(&message, bytes.at, bytes.size), CH_OK);
    ch_frame *frame = ch_frame_take(&message);
    assert_non_null(frame);
    return frame;
}

/* A message as a client sends it, read as the front does. The frames are intake's in any case: a sanitizer sees what it
 * keeps. */
static ch_status read(fixture *f, ch_actor *actor, const ch_chp_publish *publish, ch_str body)
{
    ch_buf header;
    ch_chp_message message = {.verb = CH_CHP_PUBLISH, .request = 7, .publish = *publish};
    ch_buf_init(&header, CH_CHP_HEADER_MAX);
    ch_chp_encode(&header, &message);
    ch_frame *frame = frame_of(ch_buf_str(&header));
    ch_buf_done(&header);
    assert_ok(ch_chp_decode(ch_frame_str(frame), &message, &f->error), &f->error);
    forget(f);
    f->error = (ch_error){.status = CH_OK};
    ch_status status =
        ch_intake_read(&f->work, f->of.rules, actor, &message, frame, frame_of(body), &f->error);
    assert_int_equal(f->error.status, status);
    return status;
}

static void begin(fixture *f, uint32_t count)
{
    ch_buf_clear(&f->body);
    ch_mp_put_array(&f->body, count);
}

static void add(fixture *f, const char *json)
{
    ch_buf event;
    ch_buf_init(&event, 1 << 20);
    assert_ok(ch_event_from_json(&event, ch_str_of(json), &f->error), &f->error);
    ch_mp_put_raw(&f->body, ch_buf_str(&event));
    ch_buf_done(&event);
}

static ch_status publish(fixture *f, ch_actor *actor)
{
    const ch_chp_publish plain = {.dead_letter = 0};
    return read(f, actor, &plain, ch_buf_str(&f->body));
}

static ch_status publish_one(fixture *f, ch_actor *actor, const char *json)
{
    begin(f, 1);
    add(f, json);
    return publish(f, actor);
}

static void assert_refusal(const fixture *f, size_t index, ch_status status, const char *where)
{
    const ch_error *refusal = f->work->items[index].refusal;
    assert_non_null(refusal);
    assert_status(refusal->status, status);
    assert_string_equal(refusal->where, where);
    assert_true(refusal->text[0] != '\0');
}

#define HEAD "\"specversion\":\"1.0\",\"id\":\"e-1\",\"time\":\"2026-11-23T02:27:00Z\""
#define GOOD                                                                                                 \
    "{" HEAD                                                                                                 \
    ",\"source\":\"hotline/1\",\"type\":\"case.opened\",\"ref\":\"A1\",\"data\":{\"kind\":\"matter\"}}"

/* ---- bad messages */

static void what_is_no_list_of_events_is_refused(void **state)
{
    fixture *f = *state;
    const ch_chp_publish plain = {.dead_letter = 0};
    const ch_str bad[] = {
        CH_STR(""),
        CH_STR("\xc0"),
        CH_STR("\x80"),
        CH_STR("\x91"),
        CH_STR("\x90\xc0"),
        CH_STR("\x91\xc1"),
        CH_STR("\xdd\xff\xff\xff\xff"),
        CH_STR("\x92\xc0"),
        CH_STR("\x91\x81\xa1"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ch_status status = read(f, f->hotline, &plain, bad[i]);
        assert_true(status == CH_INVALID || status == CH_TOO_LARGE);
        assert_null(f->work);
    }
}

static void nothing_at_all_is_refused_without_a_checkpoint_to_move(void **state)
{
    fixture *f = *state;
    const ch_chp_publish moves = {.connector = CH_STR("hotline-in"), .from = CH_STR(""), .to = CH_STR("1")};
    begin(f, 0);
    assert_status(publish(f, f->hotline), CH_INVALID);
    assert_string_equal(f->error.where, "PUBLISH");
    assert_ok(read(f, f->hotline, &moves, ch_buf_str(&f->body)), &f->error);
    assert_int_equal(f->work->count, 0);
}

static void more_events_than_a_batch_holds_are_refused(void **state)
{
    fixture *f = *state;
    begin(f, CH_CHP_BATCH_MAX + 1);
    for (size_t i = 0; i <= CH_CHP_BATCH_MAX; i++) {
        add(f, GOOD);
    }
    assert_status(publish(f, f->hotline), CH_TOO_LARGE);
    begin(f, CH_CHP_BATCH_MAX);
    for (size_t i = 0; i < CH_CHP_BATCH_MAX; i++) {
        add(f, GOOD);
    }
    assert_ok(publish(f, f->hotline), &f->error);
    assert_int_equal(f->work->count, CH_CHP_BATCH_MAX);
}

static void a_checkpoint_is_moved_by_its_connector_alone(void **state)
{
    fixture *f = *state;
    const ch_chp_publish other = {.connector = CH_STR("forum-in"), .from = CH_STR(""), .to = CH_STR("1")};
    const ch_chp_publish own = {.connector = CH_STR("hotline-in"), .from = CH_STR(""), .to = CH_STR("1")};
    const ch_chp_publish rescue = {.connector = CH_STR("rescue"), .from = CH_STR(""), .to = CH_STR("1")};
    begin(f, 1);
    add(f, GOOD);
    const ch_str body = ch_buf_str(&f->body);
    assert_status(read(f, f->hotline, &other, body), CH_DENIED);
    assert_string_equal(f->error.where, "PUBLISH.checkpoint.connector");
    assert_status(read(f, f->operator_, &own, body), CH_DENIED);
    assert_status(read(f, f->rescue, &rescue, body), CH_DENIED);
    assert_ok(read(f, f->hotline, &own, body), &f->error);
    assert_true(ch_str_is(f->work->publish.connector, "hotline-in"));
    assert_true(ch_str_is(f->work->publish.to, "1"));
}

static void a_dead_letter_is_tried_again_by_a_connector_alone(void **state)
{
    fixture *f = *state;
    const ch_chp_publish again = {.dead_letter = 3};
    begin(f, 1);
    add(f, GOOD);
    assert_status(read(f, f->hotline, &again, ch_buf_str(&f->body)), CH_INVALID);
    assert_string_equal(f->error.where, "PUBLISH.dead_letter");
}

/* ---- bad events */

static void a_bad_event_is_refused_alone_with_its_place(void **state)
{
    fixture *f = *state;
    begin(f, 4);
    add(f, GOOD);
    ch_mp_put_int(&f->body, 5); /* no event at all */
    add(f, "{" HEAD ",\"source\":\"hotline/1\",\"type\":\"case.opened\",\"data\":{\"priority\":9}}");
    add(f, GOOD);
    assert_ok(publish(f, f->hotline), &f->error);
    assert_int_equal(f->work->count, 4);
    assert_null(f->work->items[0].refusal);
    assert_non_null(f->work->items[1].refusal);
    assert_status(f->work->items[1].refusal->status, CH_INVALID);
    assert_refusal(f, 2, CH_INVALID, "data.priority");
    assert_null(f->work->items[3].refusal);
    assert_true(ch_str_is(f->work->items[3].event.ref, "A1"));
}

static void each_kind_of_bad_event_says_where(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *rest, *where;
        ch_status status;
    } bad[] = {
        {",\"source\":\"hotline/1\",\"type\":\"case.exploded\"", "type", CH_INVALID},
        {",\"source\":\"hotline/1\",\"type\":\"handoff.expired\"", "type", CH_INVALID},
        {",\"source\":\"hotline/1\",\"type\":\"case.waiting\",\"ref\":\"A\",\"data\":{\"reason\":\"tired\"}",
         "data.reason", CH_INVALID},
        {",\"source\":\"hotline/1\",\"type\":\"case.opened\",\"ref\":\"A\",\"data\":{\"due\":\"soon\"}",
         "data.due", CH_INVALID},
        {",\"source\":\"hotline/1\",\"type\":\"case.noted\",\"ref\":\"A\",\"sequence\":5", "sequence",
         CH_INVALID},
        {",\"source\":\"forum\",\"type\":\"case.noted\",\"ref\":\"A\"", "source", CH_DENIED},
        {",\"source\":\"hub/ZJ\",\"type\":\"case.noted\",\"ref\":\"A\"", "source", CH_DENIED},
        {",\"source\":\"hotline/1\",\"type\":\"hub.grant\",\"data\":{\"key\":\"k\",\"name\":\"n\"}", "type",
         CH_DENIED},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char event[512];
        snprintf(event, sizeof event, "{" HEAD "%s}", bad[i].rest);
        assert_ok(publish_one(f, f->hotline, event), &f->error);
        assert_refusal(f, 0, bad[i].status, bad[i].where);
    }
}

static void rights_are_those_of_the_client_that_sends(void **state)
{
    fixture *f = *state;
    static const char note[] =
        "{" HEAD ",\"source\":\"rescue\",\"type\":\"case.noted\",\"subject\":\"ZJ-20261123-1\"%s}";
    char event[512];
    snprintf(event, sizeof event, note, "");
    assert_ok(publish_one(f, f->hotline, event), &f->error);
    assert_refusal(f, 0, CH_DENIED, "source");
    assert_ok(publish_one(f, f->rescue, event), &f->error);
    assert_null(f->work->items[0].refusal);
    snprintf(event, sizeof event, note, ",\"party\":\"health\"");
    assert_ok(publish_one(f, f->rescue, event), &f->error);
    assert_refusal(f, 0, CH_DENIED, "party");
    assert_ok(publish_one(f, f->operator_, event), &f->error);
    assert_null(f->work->items[0].refusal);
    snprintf(event, sizeof event, note, ",\"area\":\"3302\"");
    assert_ok(publish_one(f, f->rescue, event), &f->error);
    assert_refusal(f, 0, CH_DENIED, "area");
}

static void a_grant_that_cannot_be_one_is_refused_before_the_writer_sees_it(void **state)
{
    fixture *f = *state;
    assert_ok(publish_one(f, f->operator_,
                          "{" HEAD ",\"source\":\"desk\",\"type\":\"hub.grant\",\"data\":{\"key\":\"short\","
                          "\"name\":\"n\",\"role\":\"department\"}}"),
              &f->error);
    assert_refusal(f, 0, CH_INVALID, "data.key");
}

/* ---- good ones */

static void times_as_text_become_numbers(void **state)
{
    fixture *f = *state;
    assert_ok(publish_one(f, f->hotline,
                          "{" HEAD
                          ",\"source\":\"hotline/1\",\"type\":\"case.opened\",\"ref\":\"A1\",\"data\":{"
                          "\"kind\":\"matter\",\"due\":\"2026-11-23T12:00:00+08:00\",\"more\":\"kept\"}}"),
              &f->error);
    assert_null(f->work->items[0].refusal);
    const ch_str data = f->work->items[0].event.data;
    assert_int_equal(ch_mp_find_int(data, "due", 0), INT64_C(1795406400000));
    assert_true(ch_str_is(ch_mp_find_str(data, "more"), "kept"));
}

static void each_event_keeps_its_own_times(void **state)
{
    fixture *f = *state;
    begin(f, 3);
    for (unsigned i = 0; i < 3; i++) {
        char event[512];
        snprintf(event, sizeof event,
                 "{" HEAD
                 ",\"source\":\"hotline/1\",\"type\":\"case.opened\",\"data\":{\"kind\":\"matter\",\"due\":"
                 "\"2026-11-23T00:00:0%uZ\"}}",
                 i);
        add(f, event);
    }
    assert_ok(publish(f, f->hotline), &f->error);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ch_mp_find_int(f->work->items[i].event.data, "due", 0),
                         INT64_C(1795392000000) + 1000 * i);
    }
}

static void the_work_holds_what_it_was_made_of(void **state)
{
    fixture *f = *state;
    assert_ok(publish_one(f, f->hotline, GOOD), &f->error);
    assert_int_equal(f->work->request, 7);
    assert_ptr_equal(f->work->actor, f->hotline);
    assert_true(f->work->size_bytes > f->body.size);
    assert_true(f->work->memory_bytes > f->work->size_bytes + sizeof *f->work->items);
    assert_int_equal(f->work->session, 0);
    assert_true(ch_str_is(f->work->items[0].event.source, "hotline/1"));
    assert_int_equal(f->work->items[0].event.time_ms, TOWN_START_MS);
    assert_int_equal(f->work->items[0].encoded.size, f->body.size - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_list_of_events_is_refused),
        TEST(nothing_at_all_is_refused_without_a_checkpoint_to_move),
        TEST(more_events_than_a_batch_holds_are_refused),
        TEST(a_checkpoint_is_moved_by_its_connector_alone),
        TEST(a_dead_letter_is_tried_again_by_a_connector_alone),
        TEST(a_bad_event_is_refused_alone_with_its_place),
        TEST(each_kind_of_bad_event_says_where),
        TEST(rights_are_those_of_the_client_that_sends),
        TEST(a_grant_that_cannot_be_one_is_refused_before_the_writer_sees_it),
        TEST(times_as_text_become_numbers),
        TEST(each_event_keeps_its_own_times),
        TEST(the_work_holds_what_it_was_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
