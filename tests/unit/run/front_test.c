/* Who counts as gone, without the front's thread and sockets. */
#include "tests/unit/check.h"

#include "hub/run/front_inside.h"

#include <stdlib.h>

#define HEARTBEAT_MS 1000
#define GONE_MS (3 * HEARTBEAT_MS + 1)
#define NEVER INT64_MAX /* nobody is asked: nothing is sent */

typedef struct fixture {
    ch_clock_fake clock;
    ch_hub hub;
    ch_front front;
    ch_actor *actor;
    ch_session *session;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    const ch_grant grant = {.name = "desk"};
    assert_non_null(f);
    ch_clock_fake_init(&f->clock, 1000000);
    f->hub.options.clock = &f->clock.clock;
    f->hub.options.heartbeat_ms = HEARTBEAT_MS;
    assert_status(ch_metrics_new(&f->hub.metrics), CH_OK);
    assert_status(ch_pipe_new(&f->hub.front_to_reader, 16), CH_OK);
    f->front.hub = &f->hub;
    assert_status(ch_sessions_new(&f->front.sessions, 4), CH_OK);
    assert_status(ch_actor_new(&f->actor, &grant), CH_OK);
    assert_status(ch_sessions_open(f->front.sessions, false, (const uint8_t *)"1", 1, f->actor, &f->session),
                  CH_OK);
    f->session->heard_ms = f->clock.now_ms;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_mail *mail;
    while ((mail = ch_pipe_pop(f->hub.front_to_reader)) != NULL) {
        ch_mail_free(mail);
    }
    ch_pipe_free(f->hub.front_to_reader);
    ch_sessions_free(f->front.sessions);
    ch_actor_unref(f->actor);
    ch_metrics_free(f->hub.metrics);
    free(f);
    return 0;
}

static size_t left_after(fixture *f, int64_t passed_ms)
{
    f->clock.now_ms += passed_ms;
    ch_front_probe(&f->front, NEVER);
    return ch_sessions_count(f->front.sessions);
}

static void who_says_nothing_for_three_heartbeats_is_gone(void **state)
{
    fixture *f = *state;
    assert_int_equal(left_after(f, GONE_MS - 1), 1);
    assert_int_equal(left_after(f, 1), 0);
    assert_int_equal(ch_pipe_count(f->hub.front_to_reader), 1);
}

static void while_nobody_listens_nobody_is_silent(void **state)
{
    fixture *f = *state;
    f->front.deaf_ms = f->clock.now_ms + GONE_MS;
    assert_int_equal(left_after(f, GONE_MS), 1);
    assert_int_equal(left_after(f, GONE_MS - 1), 1);
    assert_int_equal(left_after(f, 1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_says_nothing_for_three_heartbeats_is_gone),
        TEST(while_nobody_listens_nobody_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
