/* Whose session ends, without the front's thread and its clients. */
#include "tests/unit/check.h"

#include "tests/unit/store/folder.h"

#include "hub/run/front_inside.h"

#include <stdio.h>
#include <stdlib.h>

#define HEARTBEAT_MS 1000
#define GONE_MS (3 * HEARTBEAT_MS + 1)
#define NEVER INT64_MAX /* nobody is asked: nothing is sent */

typedef struct fixture {
    char base[FOLDER_PATH_SIZE];
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
    folder_make(f->base);
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
    ch_router_free(f->front.router);
    ch_buf_done(&f->front.header);
    ch_sessions_free(f->front.sessions);
    ch_actor_unref(f->actor);
    ch_metrics_free(f->hub.metrics);
    folder_remove(f->base);
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

static bool knows_nobody(void *context, const char key_z85[CH_KEY_Z85_SIZE])
{
    (void)context;
    (void)key_z85;
    return false;
}

/* What is sent to it goes to nobody. */
static void start_router(fixture *f)
{
    ch_error error;
    char ipc[FOLDER_PATH_SIZE * 2];
    snprintf(ipc, sizeof ipc, "ipc://%s/ipc", f->base);
    const ch_router_options options = {.ipc_endpoint = ipc,
                                       .max_message_bytes = 1024,
                                       .send_high_water = 16,
                                       .max_sockets = 16,
                                       .handshake_ms = 1000,
                                       .heartbeat_ms = HEARTBEAT_MS,
                                       .is_known = knows_nobody};
    assert_ok(ch_router_new(&f->front.router, &options, &error), &error);
    ch_buf_init(&f->front.header, CH_CHP_HEADER_MAX);
}

static void whose_packet_was_lost_begins_again_and_nobody_else(void **state)
{
    fixture *f = *state;
    ch_session *other;
    ch_packet lost = {.route = "1", .route_size = 1};
    const ch_packet strange = {.route = "3", .route_size = 1};
    start_router(f);
    assert_status(ch_sessions_open(f->front.sessions, false, (const uint8_t *)"2", 1, f->actor, &other),
                  CH_OK);
    ch_front_miss_packet(&f->front, &strange);
    assert_int_equal(ch_sessions_count(f->front.sessions), 2);
    ch_front_miss_packet(&f->front, &lost);
    assert_null(ch_sessions_by_route(f->front.sessions, false, lost.route, lost.route_size));
    assert_int_equal(ch_sessions_count(f->front.sessions), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_says_nothing_for_three_heartbeats_is_gone),
        TEST(while_nobody_listens_nobody_is_silent),
        TEST(whose_packet_was_lost_begins_again_and_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
