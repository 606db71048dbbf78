/* Delivery against a hub that is a table of answers. */
#include "connectors/host/delivery.h"
#include "hub/model/event.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>
#include <stdlib.h>

#define PUBLISHES_MOST 100

/* What the hub answers to the n-th publish; behind the script it takes everything. */
typedef struct reply {
    ch_status status; /* of the publish */
    ch_status event;  /* of one of its events */
    size_t index;     /* which one; the others are taken */
    uint64_t dead_letter;
    bool commits_anyway; /* the answer is lost behind the commit */
} reply;

typedef struct fake_hub {
    stage *on;
    ch_delivery *delivery;
    const reply *script;
    size_t script_count, publishes, pauses, stop_after_pauses;
    char *checkpoint;
    int64_t now_ms, last_pause_ms;
} fake_hub;

static void print_batch(stage *on, const casehub_batch *batch)
{
    stage_print(on, "%s", batch->connector == NULL ? "free" : "batch");
    if (batch->dead_letter != 0) {
        stage_print(on, " letter %llu", (unsigned long long)batch->dead_letter);
    }
    for (size_t i = 0; i < batch->count; i++) {
        ch_event event;
        ch_error error;
        const ch_str bytes = {batch->encoded[i], batch->encoded_sizes[i]};
        assert_status(ch_event_decode(bytes, CH_EVENT_PRODUCED, &event, &error), CH_OK);
        stage_print(on, " %.*s", CH_STR_ARG(event.id));
    }
    stage_print(on, "\n");
}

static void answer_events(fake_hub *hub, const casehub_batch *batch, const reply *say)
{
    for (size_t i = 0; i < batch->count; i++) {
        ch_status status = i == say->index ? say->event : CH_OK;
        const casehub_answer answer = {.token = i,
                                       .code = ch_status_name(status),
                                       .sequence = 7,
                                       .case_id = "ZJ-20261124-1",
                                       .text = status == CH_OK ? "" : "no",
                                       .where = "",
                                       .dead_letter = i == say->index ? say->dead_letter : 0};
        ch_delivery_answer(hub->delivery, &answer);
    }
}

static ch_status publish(void *context, const casehub_batch *batch, int timeout_ms, ch_error *error)
{
    static const reply fine = {.status = CH_OK};
    fake_hub *hub = context;
    const reply *say = hub->publishes < hub->script_count ? &hub->script[hub->publishes] : &fine;
    assert_true(hub->publishes++ < PUBLISHES_MOST && timeout_ms > 0);
    print_batch(hub->on, batch);
    if (batch->connector != NULL && strcmp(batch->from, hub->checkpoint) != 0) {
        return ch_error_set(error, CH_CONFLICT, "PUBLISH.checkpoint.from", "moved");
    }
    if (batch->connector != NULL && (say->status == CH_OK || say->commits_anyway)) {
        char *moved = strdup(batch->to);
        free(hub->checkpoint);
        hub->checkpoint = moved;
    }
    if (say->status != CH_OK) {
        return ch_error_set(error, say->status, "", "as scripted");
    }
    answer_events(hub, batch, say);
    return CH_OK;
}

static ch_status checkpoint(void *context, char **out_value, ch_error *error)
{
    (void)error;
    *out_value = strdup(((fake_hub *)context)->checkpoint);
    return CH_OK;
}

static bool pause_for(void *context, int64_t wait_ms)
{
    fake_hub *hub = context;
    hub->now_ms += wait_ms;
    hub->last_pause_ms = wait_ms;
    hub->pauses++;
    return hub->stop_after_pauses == 0 || hub->pauses < hub->stop_after_pauses;
}

static int64_t monotonic_ms(void *context)
{
    return ((fake_hub *)context)->now_ms;
}

typedef struct bench {
    stage on;
    fake_hub hub;
    ch_hub_port port;
    ch_rows *rows;
    ch_pipeline *pipeline;
    ch_delivery *delivery;
} bench;

#define ROW                                                                                                  \
    "{type:\"case.opened\", \"$row\":{key:.id, aspect:\"case\"}, time:$record.time, ref:.id, "               \
    "data:{title:.title}}"

static int enter(void **state)
{
    static bench b;
    ch_error error = {.status = CH_OK};
    bool lost;
    b = (bench){.rows = NULL};
    stage_enter(&b.on);
    stage_configure(&b.on, ROW, "batch = 2;");
    b.hub = (fake_hub){.on = &b.on, .checkpoint = strdup("")};
    b.port = (ch_hub_port){&b.hub, publish, checkpoint, pause_for, monotonic_ms};
    assert_status(ch_rows_open(&b.rows, NULL, "", 1000, &lost, &error), CH_OK);
    assert_status(ch_pipeline_open(&b.pipeline, b.on.config, b.rows, NULL, &b.on.clock.clock, &error), CH_OK);
    assert_status(ch_delivery_open(&b.delivery, b.on.config, b.rows, &b.port, "", &error), CH_OK);
    b.hub.delivery = b.delivery;
    *state = &b;
    return 0;
}

static int leave(void **state)
{
    bench *b = *state;
    ch_delivery_close(b->delivery);
    ch_pipeline_close(b->pipeline);
    ch_rows_close(b->rows);
    free(b->hub.checkpoint);
    stage_leave(&b->on);
    return 0;
}

static void script(bench *b, const reply *replies, size_t count)
{
    b->hub.script = replies;
    b->hub.script_count = count;
    b->hub.publishes = 0;
}
#define SCRIPT(b, ...)                                                                                       \
    script(b, (const reply[]){__VA_ARGS__}, sizeof((const reply[]){__VA_ARGS__}) / sizeof(reply))

/* As the host takes a unit. */
static ch_status take(bench *b, const char *name, const char *text, ch_delivery_totals *out_totals,
                      ch_error *error)
{
    memory_unit memory;
    ch_pipeline_run_options options;
    bool done;
    memory_unit_init(&memory, name, "1", text, strlen(text));
    b->on.text[0] = '\0';
    ch_delivery_begin(b->delivery, &memory.unit, &options, &done);
    if (done) {
        stage_print(&b->on, "done already\n");
        return CH_OK;
    }
    ch_status status =
        ch_pipeline_run(b->pipeline, &memory.unit, &options, ch_delivery_add, b->delivery, error);
    return status == CH_OK ? ch_delivery_finish(b->delivery, &memory.unit, out_totals, error) : status;
}

static const char three[] = "id,title\na,x\nb,x\nc,x\n";

static void is_fenced_when_another_process_moved_the_checkpoint(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    free(b->hub.checkpoint);
    b->hub.checkpoint = strdup("{\"v\":1,\"unit\":\"other\"}");
    assert_status(take(b, "a.csv", three, &totals, &error), CH_CONFLICT);
    assert_string_equal(error.where, "checkpoint");
    assert_int_equal(b->hub.publishes, 1);
}

static void waits_longer_each_time_while_the_hub_is_busy_and_sends_the_same(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    SCRIPT(b, {.status = CH_BUSY}, {.status = CH_STORAGE_FULL}, {.status = CH_UNAVAILABLE},
           {.status = CH_TIMEOUT});
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_string_equal(b->on.text,
                        "batch a/case/1 b/case/1\nbatch a/case/1 b/case/1\nbatch a/case/1 b/case/1\n"
                        "batch a/case/1 b/case/1\nbatch a/case/1 b/case/1\nbatch c/case/1\n");
    assert_int_equal(b->hub.pauses, 4);
    assert_int_equal(b->hub.last_pause_ms, 800);
    assert_int_equal(totals.records, 3);
    assert_int_equal(totals.events, 3);
}

static void stops_waiting_when_the_process_stops_and_is_of_no_use_then(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    SCRIPT(b, {.status = CH_OK}, {.status = CH_UNAVAILABLE});
    b->hub.stop_after_pauses = 1;
    assert_false(ch_delivery_is_stale(b->delivery));
    assert_status(take(b, "a.csv", three, &totals, &error), CH_UNAVAILABLE);
    assert_true(ch_delivery_is_stale(b->delivery));
}

static void an_answer_lost_behind_the_commit_is_no_conflict(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    SCRIPT(b, {.status = CH_TIMEOUT, .commits_anyway = true});
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_string_equal(b->on.text, "batch a/case/1 b/case/1\nbatch a/case/1 b/case/1\nbatch c/case/1\n");
}

/* A unit of one row whose transport tells a position of this size. */
static ch_status finish_at(bench *b, size_t position_size, ch_error *error)
{
    char position[5000];
    ch_delivery_totals totals;
    memory_unit memory;
    ch_pipeline_run_options options;
    bool done;
    memset(position, 'p', position_size);
    position[position_size] = '\0';
    memory_unit_init(&memory, "a.csv", "1", "id,title\na,x\n", 13);
    ch_delivery_begin(b->delivery, &memory.unit, &options, &done);
    assert_status(ch_pipeline_run(b->pipeline, &memory.unit, &options, ch_delivery_add, b->delivery, error),
                  CH_OK);
    memory.unit.position = position;
    return ch_delivery_finish(b->delivery, &memory.unit, &totals, error);
}

static void a_checkpoint_that_no_publish_can_carry_ends_it_before_the_hub_is_asked(void **state)
{
    bench *b = *state;
    ch_error error;
    assert_status(finish_at(b, 4096, &error), CH_TOO_LARGE);
    assert_true(ch_delivery_is_stale(b->delivery)); /* the row is in the file */
    assert_int_equal(b->hub.publishes, 0);
}

static void a_position_of_three_kibibytes_is_carried(void **state)
{
    bench *b = *state;
    ch_error error;
    assert_status(finish_at(b, (size_t)3 * 1024, &error), CH_OK);
    assert_int_equal(strlen(ch_delivery_checkpoint(b->delivery)->position), 3 * 1024);
}

static void a_unit_that_is_done_is_not_read_again(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_string_equal(b->on.text, "done already\n");
}

static void a_read_that_fails_does_not_skip_what_was_gathered(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    memory_unit memory;
    ch_pipeline_run_options options;
    bool done;
    memory_unit_init(&memory, "a.csv", "1", three, strlen(three));
    ch_delivery_begin(b->delivery, &memory.unit, &options, &done);
    assert_status(ch_pipeline_run(b->pipeline, &memory.unit, &options, ch_delivery_add, b->delivery, &error),
                  CH_OK);
    ch_delivery_drop(b->delivery); /* before c left */
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_string_equal(b->on.text, "batch c/case/1\n");
}

static void what_the_hub_refuses_counts_as_a_dead_letter(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    SCRIPT(b, {.event = CH_INVALID, .dead_letter = 5});
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_int_equal(totals.events, 2);
    assert_int_equal(totals.dead_letters, 1);
}

static void a_lost_counter_is_found_again_by_trying_the_next_numbers(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    SCRIPT(b, {.event = CH_CONFLICT, .dead_letter = 5}, {.event = CH_CONFLICT}, {.status = CH_OK});
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_string_equal(b->on.text, "batch a/case/1 b/case/1\nfree a/case/2\nfree a/case/3\nbatch letter 5\n"
                                    "batch c/case/1\n");
    assert_int_equal(totals.events, 3);
    assert_int_equal(totals.dead_letters, 0);
    assert_status(take(b, "b.csv", "id,title\na,y\n", &totals, &error), CH_OK);
    assert_string_equal(b->on.text, "batch a/case/4\n");
}

static void a_letter_that_was_closed_meanwhile_does_not_end_the_unit(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    /* The hub says conflict of the letter, and the checkpoint is where it was. */
    SCRIPT(b, {.event = CH_CONFLICT, .dead_letter = 5}, {.status = CH_OK}, {.status = CH_CONFLICT});
    assert_status(take(b, "a.csv", three, &totals, &error), CH_OK);
    assert_string_equal(b->on.text,
                        "batch a/case/1 b/case/1\nfree a/case/2\nbatch letter 5\nbatch c/case/1\n");
    assert_int_equal(totals.events, 3);
}

static void a_batch_that_the_hub_refuses_is_not_a_unit_that_cannot_be_read(void **state)
{
    bench *b = *state;
    ch_delivery_totals totals;
    ch_error error;
    SCRIPT(b, {.status = CH_REFUSED});
    assert_status(take(b, "a.csv", three, &totals, &error), CH_UNSUPPORTED);
    assert_string_equal(error.text, "as scripted");
    assert_true(ch_delivery_is_stale(b->delivery));
}

static ch_made made_of(const ch_str *event, const ch_made_id *id)
{
    return (ch_made){.count = 1, .events = event, .ids = id, .bytes = event->size};
}

static void encode_event(ch_buf *out, const char *id, const char *type)
{
    char json[300];
    ch_error error;
    snprintf(json, sizeof json,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"grid/test\",\"type\":\"%s\","
             "\"time\":\"2026-11-24T12:00:00Z\",\"ref\":\"w1\"}",
             id, type);
    assert_status(ch_event_from_json(out, ch_str_of(json), &error), CH_OK);
}

static void an_answered_event_is_refused_or_answered_in_time(void **state)
{
    bench *b = *state;
    ch_error error;
    casehub_answer answer;
    ch_buf encoded;
    ch_buf_init(&encoded, 4096);
    encode_event(&encoded, "w1", "case.opened");
    const ch_str event = ch_buf_str(&encoded);
    const ch_made_id id = {.number = 0};
    const ch_made made = made_of(&event, &id);
    SCRIPT(b, {.event = CH_INVALID});
    assert_status(ch_delivery_publish_now(b->delivery, &made, &answer, &error), CH_INVALID);
    assert_string_equal(error.text, "no");
    SCRIPT(b, {.status = CH_BUSY}, {.status = CH_OK});
    assert_status(ch_delivery_publish_now(b->delivery, &made, &answer, &error), CH_OK);
    assert_string_equal(answer.case_id, "ZJ-20261124-1");
    const reply away = {.status = CH_UNAVAILABLE};
    reply always[PUBLISHES_MOST];
    for (size_t i = 0; i < PUBLISHES_MOST; i++) {
        always[i] = away;
    }
    script(b, always, PUBLISHES_MOST);
    assert_status(ch_delivery_publish_now(b->delivery, &made, &answer, &error), CH_UNAVAILABLE);
    assert_true(b->hub.publishes < 20);
    ch_buf_done(&encoded);
}

static void an_answered_unit_is_refused_when_any_of_its_events_is(void **state)
{
    bench *b = *state;
    ch_error error;
    casehub_answer answer;
    ch_buf encoded;
    ch_buf_init(&encoded, 4096);
    encode_event(&encoded, "w1", "case.opened");
    const ch_str events[] = {ch_buf_str(&encoded), ch_buf_str(&encoded)};
    const ch_made_id ids[2] = {{.number = 0}};
    const ch_made made = {.count = 2, .events = events, .ids = ids, .bytes = 2 * encoded.size};
    SCRIPT(b, {.event = CH_DENIED, .index = 1});
    assert_status(ch_delivery_publish_now(b->delivery, &made, &answer, &error), CH_DENIED);
    SCRIPT(b, {.event = CH_BUSY, .index = 1}, {.status = CH_OK});
    assert_status(ch_delivery_publish_now(b->delivery, &made, &answer, &error), CH_OK);
    assert_int_equal(b->hub.publishes, 2);
    ch_buf_done(&encoded);
}

static void a_poison_record_does_not_wait_for_its_batch(void **state)
{
    bench *b = *state;
    ch_error error;
    ch_buf encoded;
    ch_buf_init(&encoded, 4096);
    encode_event(&encoded, "d1", "hub.deadletter");
    const ch_str event = ch_buf_str(&encoded);
    const ch_made_id id = {.number = 0};
    ch_made made = made_of(&event, &id);
    made.dead_letter = made.urgent = true;
    assert_status(ch_delivery_add(b->delivery, &made, &error), CH_OK);
    assert_string_equal(b->on.text, "batch d1\n");
    ch_buf_done(&encoded);
}

static void a_retried_row_that_the_hub_knows_otherwise_is_told_under_the_next_number(void **state)
{
    bench *b = *state;
    ch_error error;
    ch_buf encoded;
    ch_buf_init(&encoded, 4096);
    encode_event(&encoded, "a/case/1", "case.opened");
    const ch_str event = ch_buf_str(&encoded);
    const ch_made_id id = {.key = "a", .aspect = "case", .number = 1};
    const ch_made made = made_of(&event, &id);
    SCRIPT(b, {.event = CH_CONFLICT, .dead_letter = 6});
    assert_status(ch_delivery_retry(b->delivery, 5, &made, &error), CH_OK);
    assert_string_equal(b->on.text, "batch letter 5 a/case/1\nfree a/case/2\nbatch letter 6\n");
    ch_buf_done(&encoded);
}

static void a_letter_that_is_closed_already_is_no_fencing(void **state)
{
    bench *b = *state;
    ch_error error;
    const ch_made nothing = {.count = 0};
    SCRIPT(b, {.status = CH_CONFLICT});
    assert_status(ch_delivery_retry(b->delivery, 5, &nothing, &error), CH_REFUSED);
    SCRIPT(b, {.status = CH_OK});
    assert_status(ch_delivery_retry(b->delivery, 6, &nothing, &error), CH_OK);
}

int main(void)
{
#define ON_BENCH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        ON_BENCH(is_fenced_when_another_process_moved_the_checkpoint),
        ON_BENCH(waits_longer_each_time_while_the_hub_is_busy_and_sends_the_same),
        ON_BENCH(stops_waiting_when_the_process_stops_and_is_of_no_use_then),
        ON_BENCH(an_answer_lost_behind_the_commit_is_no_conflict),
        ON_BENCH(a_checkpoint_that_no_publish_can_carry_ends_it_before_the_hub_is_asked),
        ON_BENCH(a_position_of_three_kibibytes_is_carried),
        ON_BENCH(a_unit_that_is_done_is_not_read_again),
        ON_BENCH(a_read_that_fails_does_not_skip_what_was_gathered),
        ON_BENCH(what_the_hub_refuses_counts_as_a_dead_letter),
        ON_BENCH(a_lost_counter_is_found_again_by_trying_the_next_numbers),
        ON_BENCH(a_letter_that_was_closed_meanwhile_does_not_end_the_unit),
        ON_BENCH(a_batch_that_the_hub_refuses_is_not_a_unit_that_cannot_be_read),
        ON_BENCH(an_answered_event_is_refused_or_answered_in_time),
        ON_BENCH(an_answered_unit_is_refused_when_any_of_its_events_is),
        ON_BENCH(a_poison_record_does_not_wait_for_its_batch),
        ON_BENCH(a_retried_row_that_the_hub_knows_otherwise_is_told_under_the_next_number),
        ON_BENCH(a_letter_that_is_closed_already_is_no_fencing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
