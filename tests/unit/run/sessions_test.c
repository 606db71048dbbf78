/* The table of welcomed clients: who is found by what, and whose turn it is. */
#include "tests/unit/check.h"

#include "hub/run/sessions.h"

#include <stdio.h>

#define CAPACITY 8

typedef struct fixture {
    ch_sessions *sessions;
    ch_actor *actor;
} fixture;

static int setup(void **state)
{
    static fixture f;
    const ch_grant grant = {.key = "key", .name = "water"};
    assert_status(ch_sessions_new(&f.sessions, CAPACITY), CH_OK);
    assert_status(ch_actor_new(&f.actor, &grant), CH_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_sessions_free(f->sessions);
    /* The sessions have given back what they held. */
    assert_int_equal(atomic_load(&f->actor->references), 1);
    ch_actor_unref(f->actor);
    return 0;
}

static ch_status try_open(fixture *f, bool local, const char *route, ch_session **out_session)
{
    return ch_sessions_open(f->sessions, local, (const uint8_t *)route, strlen(route), f->actor, out_session);
}

static ch_session *open_at(fixture *f, const char *route)
{
    ch_session *session = NULL;
    assert_status(try_open(f, false, route, &session), CH_OK);
    return session;
}

static ch_session *at_route(fixture *f, bool local, const char *route)
{
    return ch_sessions_by_route(f->sessions, local, (const uint8_t *)route, strlen(route));
}

static void queue_work(fixture *f, ch_session *session, uint64_t request)
{
    ch_work *work;
    assert_status(ch_work_new(&work, 0), CH_OK);
    work->request = request;
    ch_sessions_queue(f->sessions, session, work);
}

/* What the front does with a turn: the first of the queue goes. */
static uint64_t take_work(ch_session *session)
{
    ch_work *work = session->queue;
    uint64_t request = work->request;
    session->queue = work->next;
    session->last = session->queue == NULL ? NULL : session->last;
    ch_mail_free(&work->mail);
    return request;
}

/* ---- bad ones */

static void a_full_table_takes_nobody(void **state)
{
    fixture *f = *state;
    char route[8];
    ch_session *session, *none = NULL;
    for (unsigned i = 0; i < CAPACITY; i++) {
        snprintf(route, sizeof route, "r%u", i);
        session = open_at(f, route);
    }
    assert_status(try_open(f, false, "more", &none), CH_FULL);
    assert_null(none);
    assert_null(at_route(f, false, "more"));
    assert_int_equal(ch_sessions_count(f->sessions), CAPACITY);
    ch_sessions_close(f->sessions, session);
    session = open_at(f, "more");
    assert_ptr_equal(at_route(f, false, "more"), session);
}

static void who_was_never_welcomed_is_not_found(void **state)
{
    fixture *f = *state;
    ch_session *session = open_at(f, "one");
    assert_null(ch_sessions_by_id(f->sessions, 0));
    assert_null(ch_sessions_by_id(f->sessions, session->id + 1));
    assert_null(ch_sessions_by_id(f->sessions, session->id + (UINT64_C(1) << 32)));
    assert_null(ch_sessions_by_id(f->sessions, UINT64_MAX));
    assert_null(at_route(f, false, "on"));
    assert_null(at_route(f, false, "ones"));
    assert_null(at_route(f, false, ""));
}

static void the_same_route_over_the_other_socket_is_somebody_else(void **state)
{
    fixture *f = *state;
    ch_session *remote = open_at(f, "one"), *local = NULL;
    assert_null(at_route(f, true, "one"));
    assert_status(try_open(f, true, "one", &local), CH_OK);
    assert_ptr_equal(at_route(f, true, "one"), local);
    assert_ptr_equal(at_route(f, false, "one"), remote);
}

static void the_number_of_a_closed_session_is_never_found_again(void **state)
{
    fixture *f = *state;
    ch_session_id old[1000];
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        ch_session *session = open_at(f, "one");
        old[i] = session->id;
        assert_ptr_equal(ch_sessions_by_id(f->sessions, old[i]), session);
        ch_sessions_close(f->sessions, session);
        assert_null(ch_sessions_by_id(f->sessions, old[i]));
    }
    ch_session *last = open_at(f, "one");
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        assert_int_equal(ch_session_slot(old[i]), ch_session_slot(last->id));
        assert_null(ch_sessions_by_id(f->sessions, old[i]));
    }
}

static void a_closed_session_is_found_nowhere(void **state)
{
    fixture *f = *state;
    ch_session *session = open_at(f, "one");
    size_t slot = ch_session_slot(session->id);
    assert_ptr_equal(ch_sessions_at(f->sessions, slot), session);
    ch_sessions_close(f->sessions, session);
    assert_null(at_route(f, false, "one"));
    assert_null(ch_sessions_at(f->sessions, slot));
    assert_int_equal(ch_sessions_count(f->sessions), 0);
}

/* ---- routes */

/* Routes collide: who stands behind one that goes must still be found. */
static void the_others_keep_their_routes(void **state)
{
    fixture *f = *state;
    char route[8];
    for (unsigned round = 0; round < 200; round++) {
        ch_session *sessions[CAPACITY];
        for (unsigned i = 0; i < CAPACITY; i++) {
            snprintf(route, sizeof route, "%u.%u", round, i);
            sessions[i] = open_at(f, route);
        }
        for (unsigned gone = 0; gone < CAPACITY; gone++) {
            ch_sessions_close(f->sessions, sessions[gone]);
            for (unsigned i = 0; i < CAPACITY; i++) {
                snprintf(route, sizeof route, "%u.%u", round, i);
                assert_ptr_equal(at_route(f, false, route), i <= gone ? NULL : sessions[i]);
            }
        }
    }
}

static void a_session_begins_with_nothing(void **state)
{
    fixture *f = *state;
    ch_session *session = open_at(f, "one");
    queue_work(f, session, 1);
    session->unanswered = 5;
    session->at_writer = 3;
    ch_sessions_close(f->sessions, session);
    session = open_at(f, "two");
    assert_null(session->queue);
    assert_int_equal(session->unanswered + session->at_writer + session->unanswered_bytes, 0);
    assert_false(session->in_turn);
    assert_null(ch_sessions_take_turn(f->sessions));
}

/* ---- turns */

static void without_work_nobody_has_a_turn(void **state)
{
    fixture *f = *state;
    ch_session *session = open_at(f, "one");
    assert_null(ch_sessions_take_turn(f->sessions));
    ch_sessions_join_row(f->sessions, session);
    assert_null(ch_sessions_take_turn(f->sessions));
}

static void each_has_its_turn_whoever_has_most(void **state)
{
    fixture *f = *state;
    ch_session *sessions[3] = {open_at(f, "a"), open_at(f, "b"), open_at(f, "c")};
    static const unsigned long asked[] = {5, 1, 2};
    static const char expected[] = "abcacaaa";
    char order[16] = "";
    for (size_t i = 0; i < 3; i++) {
        for (unsigned long k = 0; k < asked[i]; k++) {
            queue_work(f, sessions[i], 10 * i + k);
        }
    }
    ch_session *session;
    unsigned long taken[3] = {0, 0, 0};
    for (size_t at = 0; (session = ch_sessions_take_turn(f->sessions)) != NULL; at++) {
        size_t who = (size_t)(session->route[0] - 'a');
        assert_true(at < sizeof order - 1);
        order[at] = (char)session->route[0];
        assert_int_equal(take_work(session), 10 * who + taken[who]++);
        ch_sessions_join_row(f->sessions, session);
    }
    assert_string_equal(order, expected);
}

static void one_that_is_out_of_the_row_comes_back_behind_the_others(void **state)
{
    fixture *f = *state;
    ch_session *a = open_at(f, "a"), *b = open_at(f, "b");
    queue_work(f, a, 1);
    queue_work(f, b, 2);
    assert_ptr_equal(ch_sessions_take_turn(f->sessions), a);
    queue_work(f, a, 3);
    ch_sessions_join_row(f->sessions, a);
    assert_ptr_equal(ch_sessions_take_turn(f->sessions), b);
    assert_ptr_equal(ch_sessions_take_turn(f->sessions), a);
    assert_null(ch_sessions_take_turn(f->sessions));
}

static void a_closed_session_leaves_the_row_wherever_it_stands(void **state)
{
    fixture *f = *state;
    static const char names[] = "abc";
    for (size_t gone = 0; gone < 3; gone++) {
        ch_session *sessions[3];
        for (size_t i = 0; i < 3; i++) {
            const char route[] = {names[i], '\0'};
            sessions[i] = open_at(f, route);
            queue_work(f, sessions[i], i);
        }
        ch_sessions_close(f->sessions, sessions[gone]);
        ch_session *late = open_at(f, "d");
        queue_work(f, late, 4);
        for (size_t i = 0; i < 3; i++) {
            if (i != gone) {
                assert_ptr_equal(ch_sessions_take_turn(f->sessions), sessions[i]);
                ch_sessions_close(f->sessions, sessions[i]);
            }
        }
        assert_ptr_equal(ch_sessions_take_turn(f->sessions), late);
        assert_null(ch_sessions_take_turn(f->sessions));
        ch_sessions_close(f->sessions, late);
    }
}

static void what_still_waits_is_freed_with_the_table(void **state)
{
    fixture *f = *state;
    ch_session *session = open_at(f, "one");
    queue_work(f, session, 1);
    queue_work(f, session, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_table_takes_nobody),
        TEST(who_was_never_welcomed_is_not_found),
        TEST(the_same_route_over_the_other_socket_is_somebody_else),
        TEST(the_number_of_a_closed_session_is_never_found_again),
        TEST(a_closed_session_is_found_nowhere),
        TEST(the_others_keep_their_routes),
        TEST(a_session_begins_with_nothing),
        TEST(without_work_nobody_has_a_turn),
        TEST(each_has_its_turn_whoever_has_most),
        TEST(one_that_is_out_of_the_row_comes_back_behind_the_others),
        TEST(a_closed_session_leaves_the_row_wherever_it_stands),
        TEST(what_still_waits_is_freed_with_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
