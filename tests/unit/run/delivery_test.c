/* Events to one subscriber as the reader gives them out, without its thread. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include "hub/run/reader_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CREDIT 10

typedef struct fixture {
    town of;
    ch_grant hotline;
    ch_reader reader;
    ch_subscription *subscription;
} fixture;

static void publish(fixture *f)
{
    assert_ok(
        town_publish(&f->of, &f->hotline,
                     "{\"type\":\"case.opened\",\"source\":\"hotline/1\",\"data\":{\"kind\":\"matter\"}}"),
        &f->of.error);
}

/* Larger than the hub takes any: no client could be given it. */
static void append_huge(fixture *f)
{
    enum { HUGE = 2 << 20 };
    static char text[HUGE];
    ch_event_log *log = f->of.store->log;
    uint64_t sequence = ch_event_log_last(log) + 1;
    uint8_t chain[CH_HASH_SIZE];
    ch_buf data, encoded, bytes;
    ch_buf *const buffers[] = {&data, &encoded, &bytes};
    for (size_t i = 0; i < 3; i++) {
        ch_buf_init(buffers[i], 2 * sizeof text);
    }
    memset(text, 'x', sizeof text);
    ch_mp_put_map(&data, 1);
    ch_mp_put_text(&data, "text");
    ch_mp_put_str(&data, (ch_str){text, sizeof text});
    const ch_event event = {.id = CH_STR("huge"),
                            .source = CH_STR("hub/ZJ"),
                            .type = CH_STR("hub.alert"),
                            .time_ms = TOWN_START_MS,
                            .data = ch_buf_str(&data),
                            .expected_version = -1,
                            .sequence = sequence,
                            .epoch = 1,
                            .recorded_ms = TOWN_START_MS,
                            .topic = CH_STR("hub.alert.hub.-.-")};
    ch_event_store(&encoded, &event);
    ch_record record = {
        .sequence = sequence, .epoch = 1, .recorded_ms = TOWN_START_MS, .public_part = ch_buf_str(&encoded)};
    memcpy(chain, ch_event_log_chain(log), sizeof chain);
    ch_record_encode(&bytes, &record, chain);
    const uint32_t size = (uint32_t)bytes.size;
    assert_ok(
        ch_event_log_append(log, sequence, ch_buf_str(&bytes), &size, 1, chain, TOWN_START_MS, &f->of.error),
        &f->of.error);
    for (size_t i = 0; i < 3; i++) {
        ch_buf_done(buffers[i]);
    }
}

static void begin(fixture *f)
{
    const ch_str everything = CH_STR(">");
    ch_hub *hub = &f->of.hub;
    assert_status(ch_pipe_new(&hub->reader_to_front, 16), CH_OK);
    f->reader = (ch_reader){.hub = hub, .store = f->of.store};
    assert_status(ch_slices_new(&f->reader.slices, f->of.store), CH_OK);
    assert_status(ch_subscription_new(&f->subscription), CH_OK);
    assert_status(ch_subscription_set_patterns(f->subscription, &everything, 1), CH_OK);
    assert_status(ch_actor_new(&f->subscription->actor, &town_operator), CH_OK);
    f->subscription->session = 1;
    f->subscription->credit = CREDIT;
    f->subscription->held_most = 8;
    f->subscription->next = 1;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    town_start(&f->of);
    f->hotline = town_grant(CH_ROLE_CONNECTOR, "hotline", CH_PRIVATE_OWN, "hotline", "", "");
    publish(f);
    begin(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_mail *mail;
    while ((mail = ch_pipe_pop(f->of.hub.reader_to_front)) != NULL) {
        ch_mail_free(mail);
    }
    ch_pipe_free(f->of.hub.reader_to_front);
    ch_subscription_free(f->subscription);
    ch_log_reader_close(f->reader.log);
    ch_state_reader_close(f->reader.state);
    ch_slices_free(f->reader.slices);
    town_stop(&f->of);
    free(f);
    return 0;
}

/* What one round of delivering writes to standard error. */
static void deliver(fixture *f, char *said, size_t size)
{
    int kept = dup(STDERR_FILENO), ends[2];
    assert_true(kept >= 0);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    f->reader.last = ch_event_log_last(f->of.store->log);
    atomic_store(&f->of.hub.log_position, f->reader.last);
    (void)ch_reader_deliver(&f->reader, f->subscription);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    ssize_t got = read(ends[0], said, size - 1);
    said[got < 0 ? 0 : got] = '\0';
    close(kept);
    close(ends[0]);
    close(ends[1]);
}

static void an_event_that_cannot_be_read_is_told_and_waits(void **state)
{
    fixture *f = *state;
    char said[1024];
    append_huge(f);
    deliver(f, said, sizeof said);
    assert_non_null(strstr(said, "a subscription could not be served"));
    assert_non_null(strstr(said, "cannot be read"));
    assert_int_equal(f->subscription->next, f->reader.last); /* the others went out */
    assert_int_equal(ch_pipe_count(f->of.hub.reader_to_front), 1);
}

static void what_can_be_read_is_delivered_without_a_word(void **state)
{
    fixture *f = *state;
    char said[1024];
    deliver(f, said, sizeof said);
    assert_string_equal(said, "");
    assert_int_equal(f->subscription->next, f->reader.last + 1);
    assert_int_equal(ch_pipe_count(f->of.hub.reader_to_front), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_that_cannot_be_read_is_told_and_waits),
        TEST(what_can_be_read_is_delivered_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
