/* Events on their way out: what the hub and the sender see, each of them a script. */
#include "connectors/host/outward.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>
#include <stdlib.h>

#define SETTLES_MOST 16

typedef struct settled {
    casehub_sent sent;
    const char *reason;
    int64_t wait_ms;
    bool later_step; /* not from within send */
    const char *answer;
} settled;

typedef struct bench {
    stage on;
    casehub_host host;
    casehub_sender sender;
    ch_outward *outward;
    ch_attempt *attempt;
    uint64_t session;
    const settled *script; /* of each send; behind it everything is sent */
    size_t script_count, sends;
    const settled *waiting;
    bool failed;
    casehub_verdict verdict; /* on answers */
    char reason[80];
    const char *refusal; /* what the hub answers when it is asked; NULL: a case */
} bench;

static void deliver_case(bench *b, unsigned sequence, unsigned attempt, const char *of);

static bench *current; /* a sender's functions are given its own state only */

/* ---- the sender */

static int open_sender(void *state, const casehub_host *host, const casehub_value *values)
{
    (void)state, (void)values;
    current = host->context;
    return 0;
}

static void close_sender(void *state)
{
    (void)state;
}

static int sender_fd(void *state)
{
    (void)state;
    return -1;
}

static void settle(bench *b, const settled *how)
{
    ch_outward_settle(b->outward, how->sent, how->reason, how->wait_ms, ch_str_of(how->answer));
}

static int step_sender(void *state)
{
    (void)state;
    const settled *how = current->waiting;
    current->waiting = NULL;
    if (how != NULL) {
        settle(current, how);
    }
    return current->failed ? CASEHUB_STEP_FAILED : CASEHUB_STEP_WAIT;
}

static void send_message(void *state, const casehub_message *message)
{
    static const settled fine = {.sent = CASEHUB_SENT, .wait_ms = -1};
    bench *b = current;
    (void)state;
    stage_print(&b->on, "send %s #%u %.*s", message->id, message->attempt, (int)message->body_size,
                message->body);
    stage_print(&b->on, "%s%s%s%s%s%s\n", message->target == NULL ? "" : " to ",
                message->target == NULL ? "" : message->target, message->name == NULL ? "" : " as ",
                message->name == NULL ? "" : message->name, message->parameters == NULL ? "" : " with ",
                message->parameters == NULL ? "" : message->parameters);
    const settled *how = b->sends < b->script_count ? &b->script[b->sends] : &fine;
    assert_true(b->sends++ < SETTLES_MOST);
    if (how->later_step) {
        b->waiting = how;
    } else {
        settle(b, how);
    }
}

/* ---- the hub */

static uint64_t session_of(void *context)
{
    return ((bench *)context)->session;
}

static void acknowledge(void *context, uint64_t sequence)
{
    stage_print(&((bench *)context)->on, "ack %llu\n", (unsigned long long)sequence);
}

static void delay(void *context, uint64_t sequence, int64_t delay_ms)
{
    stage_print(&((bench *)context)->on, "later %llu %lld\n", (unsigned long long)sequence,
                (long long)delay_ms);
}

static void fail_event(void *context, uint64_t sequence, const char *code, const char *text,
                       const char *where)
{
    stage_print(&((bench *)context)->on, "fail %llu %s %s: %s\n", (unsigned long long)sequence, code, where,
                text);
}

/* Of case "hidden" it shows nothing, and what comes while it is asked about "moving" is another event, of a new session. */
static int query(const casehub_host *host, const char *name, const char *arguments, int timeout_ms,
                 char **out_json, char **out_next, casehub_outcome *outcome)
{
    bench *b = host->context;
    (void)out_next;
    assert_string_equal(name, "case");
    assert_true(timeout_ms <= 5000);
    if (strstr(arguments, "moving") != NULL && b->session == 1) {
        b->session++;
        deliver_case(b, 8, 1, "ZJ-1");
    }
    if (b->refusal != NULL) {
        snprintf(outcome->code, sizeof outcome->code, "%s", b->refusal);
        snprintf(outcome->reason, sizeof outcome->reason, "it does not tell");
        return -1;
    }
    *out_json = strdup(strstr(arguments, "hidden") != NULL ? "[]" : "[{\"title\":\"a lamp\"}]");
    return 0;
}

static void release(const casehub_host *host, char *text)
{
    (void)host;
    free(text);
}

static casehub_verdict take_answer(void *context, const casehub_unit *unit, casehub_outcome *outcome)
{
    bench *b = context;
    char bytes[100];
    long size = unit->read(unit->context, bytes, sizeof bytes);
    stage_print(&b->on, "answer to %s (%s): %.*s\n", unit->name, unit->identity, (int)size, bytes);
    assert_int_equal(unit->read(unit->context, bytes, sizeof bytes), 0);
    snprintf(outcome->reason, sizeof outcome->reason, "%s", b->verdict == CASEHUB_DONE ? "" : "odd");
    return b->verdict;
}

/* ---- the bench */

static ch_status open_outward(bench *b, const char *more, const char *mapping, ch_error *error)
{
    char text[1500];
    stage_write(&b->on, "out.jq", mapping);
    snprintf(
        text, sizeof text,
        "outward = { sender = \"file_put\"; mapping = \"out.jq\"; topics = [ \">\" ]; retry_first = \"1s\";\n"
        "retry_most = \"5s\"; file_put = { folder = \"out\"; };\n%s };",
        more);
    stage_configure(&b->on, ".", text);
    b->on.config->outward.sender_table = &b->sender;
    const ch_outward_options options = {
        .config = b->on.config,
        .hub_code = "ZJ",
        .port = {b, session_of, acknowledge, delay, fail_event},
        .host = &b->host,
        .intake = {b, take_answer},
        .reason = b->reason,
        .attempt = b->attempt,
        .clock = &b->on.clock.clock,
    };
    return ch_outward_open(&b->outward, &options, error);
}

static void begin(bench *b, const char *more, const char *mapping)
{
    ch_error error = {.status = CH_OK};
    if (open_outward(b, more, mapping, &error) != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
}

static int enter(void **state)
{
    static bench b;
    b = (bench){.session = 1, .reason = "broken"};
    stage_enter(&b.on);
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host), .context = &b, .connector = "test", .query = query,
                            .release = release};
    b.sender = (casehub_sender){CASEHUB_SIZED(casehub_sender), .name = "scripted",    .writer = "json",
                                .open = open_sender,           .close = close_sender, .fd = sender_fd,
                                .step = step_sender,           .send = send_message};
    *state = &b;
    return 0;
}

static int leave(void **state)
{
    bench *b = *state;
    ch_outward_close(b->outward);
    ch_attempt_close(b->attempt);
    stage_leave(&b->on);
    return 0;
}

static void follow(bench *b, const settled *script, size_t count)
{
    b->script = script;
    b->script_count = count;
    b->sends = 0;
}

/* An event whose data is the JSON value `data`, of this epoch. */
static void deliver_of(bench *b, unsigned epoch, unsigned sequence, unsigned attempt, const char *data)
{
    char *json = NULL;
    assert_true(
        asprintf(&json,
                 "{\"sequence\":%u,\"epoch\":%u,\"recordedtime\":\"2026-11-24T12:00:00.000Z\",\"data\":%s}",
                 sequence, epoch, data) > 0);
    ch_outward_take(b->outward, sequence, attempt, json);
}

static void deliver(bench *b, unsigned sequence, unsigned attempt, const char *data)
{
    deliver_of(b, 1, sequence, attempt, data);
}

static void deliver_case(bench *b, unsigned sequence, unsigned attempt, const char *of)
{
    char *json = NULL;
    assert_true(asprintf(&json,
                         "{\"sequence\":%u,\"recordedtime\":\"2026-11-24T12:00:00.000Z\",\"subject\":\"%s\"}",
                         sequence, of) > 0);
    ch_outward_take(b->outward, sequence, attempt, json);
}

static void run_with(bench *b, bool paused)
{
    ch_error error = {.status = CH_OK};
    int64_t wait_ms = 0;
    for (int i = 0; i < 100 && (wait_ms == 0 || b->waiting != NULL); i++) {
        assert_status(ch_outward_step(b->outward, paused, &wait_ms, &error), CH_OK);
    }
    assert_int_equal(wait_ms, -1);
}

static void expect(bench *b, const char *text)
{
    run_with(b, false);
    assert_string_equal(b->on.text, text);
    b->on.text[0] = '\0';
}

#define EACH ".data[] | {body: .}"

/* ---- what can never go */

static void a_mapping_that_is_broken_is_told_at_the_start(void **state)
{
    ch_error error = {.status = CH_OK};
    assert_status(open_outward(*state, "", "{body: ", &error), CH_INVALID);
    assert_non_null(strstr(error.where, "out.jq"));
}

static void a_character_set_that_nobody_knows_is_told_at_the_start(void **state)
{
    ch_error error = {.status = CH_OK};
    assert_status(open_outward(*state, "charset = \"klingon\";", EACH, &error), CH_UNSUPPORTED);
}

static void an_event_that_is_refused_is_a_dead_letter_with_its_field(void **state)
{
    begin(*state, "", "if .data == 1 then refuse(\"data\"; \"no\") else lookup({}; .data; \"data\") end");
    deliver(*state, 7, 1, "1");
    expect(*state, "fail 7 invalid data: no\n");
    deliver(*state, 8, 1, "\"x\"");
    expect(*state, "fail 8 not-found data: the code is not in the table\n");
}

static void what_is_no_message_is_a_dead_letter_with_its_member(void **state)
{
    static const struct {
        const char *data, *says;
    } bad[] = {
        {"7", ": a message is an object with a body"},
        {"{\"target\": \"x\"}", "body: a message needs one"},
        {"{\"body\": 1, \"bodies\": 2}", "bodies: a message has no such member"},
        {"{\"body\": 1, \"name\": 2}",
         "name: a text of 1 to 200 bytes without control characters is expected"},
        {"{\"body\": 1, \"name\": \"\"}",
         "name: a text of 1 to 200 bytes without control characters is expected"},
        {"{\"body\": 1, \"target\": \"a\\nb\"}",
         "target: a text of 1 to 200 bytes without control characters is expected"},
        {"{\"body\": 1, \"parameters\": []}", "parameters: an object is expected"},
    };
    begin(*state, "", ".data");
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200];
        deliver(*state, i + 1, 1, bad[i].data);
        snprintf(text, sizeof text, "fail %u invalid %s\n", i + 1, bad[i].says);
        expect(*state, text);
    }
}

static void before_a_message_that_cannot_be_written_none_of_its_event_is_sent(void **state)
{
    begin(*state, "writer = \"csv\";", EACH);
    deliver(*state, 7, 1, "[[\"a\"],[[{}]]]");
    expect(*state, "fail 7 invalid [0][0]: a text, a number, true, false or null is expected\n");
}

static void a_character_that_the_set_lacks_is_told_by_its_number(void **state)
{
    begin(*state, "writer = \"text\"; charset = \"GBK\";", EACH);
    deliver(*state, 7, 1, "[\"灯\\ud83d\\ude00\"]");
    expect(*state, "fail 7 invalid : character 2 of the message is not in GBK\n");
    deliver(*state, 8, 1, "[\"灯\"]");
    expect(*state, "send ZJ/8/1 #1 \xb5\xc6\nack 8\n");
}

static void a_mapping_that_ended_the_process_three_times_is_not_run_again(void **state)
{
    bench *b = *state;
    ch_error error = {.status = CH_OK};
    unsigned number;
    for (unsigned i = 1; i <= CH_ATTEMPTS_MOST; i++) {
        assert_status(ch_attempt_open(&b->attempt, stage_path(&b->on, "attempt"), &error), CH_OK);
        assert_status(ch_attempt_begin(b->attempt, "outward", "1", 7, &number, &error), CH_OK);
        assert_int_equal(number, i);
        ch_attempt_close(b->attempt);
    }
    assert_status(ch_attempt_open(&b->attempt, stage_path(&b->on, "attempt"), &error), CH_OK);
    begin(b, "", EACH);
    deliver(b, 7, 1, "[1]");
    expect(b, "fail 7 poison : the mapping ended the process 3 times\n");
    deliver(b, 7, 1, "[1]");
    expect(b, "send ZJ/7/1 #1 1\nack 7\n");
}

static void what_the_sender_cannot_deliver_is_a_dead_letter_at_once(void **state)
{
    static const settled script[] = {{CASEHUB_UNDELIVERABLE, "there is no such target", -1, false, NULL}};
    begin(*state, "", EACH);
    follow(*state, script, 1);
    deliver(*state, 7, 1, "[1, 2]");
    expect(*state, "send ZJ/7/1 #1 1\nfail 7 refused : there is no such target\n");
}

static void a_sender_that_cannot_go_on_ends_the_process_with_its_reason(void **state)
{
    bench *b = *state;
    ch_error error = {.status = CH_OK};
    int64_t wait_ms;
    begin(b, "", EACH);
    b->failed = true;
    assert_status(ch_outward_step(b->outward, false, &wait_ms, &error), CH_IO);
    assert_string_equal(error.text, "broken");
}

/* ---- what goes */

static void messages_of_an_event_go_in_order_and_then_it_is_acknowledged(void **state)
{
    static const settled script[] = {{CASEHUB_SENT, NULL, -1, true, NULL},
                                     {CASEHUB_SENT, NULL, -1, false, NULL}};
    begin(*state, "",
          ".data[] | {body: ., target: \"t\", name: null, parameters: {at: $record.time, n: $record.row}}");
    follow(*state, script, 2);
    deliver(*state, 7, 1, "[\"a\", {\"b\": 1}]");
    expect(*state, "send ZJ/7/1 #1 \"a\" to t with {\"at\":\"2026-11-24T12:00:00Z\",\"n\":7}\n"
                   "send ZJ/7/2 #1 {\"b\":1} to t with {\"at\":\"2026-11-24T12:00:00Z\",\"n\":7}\nack 7\n");
}

static void an_event_of_which_nothing_is_made_is_acknowledged(void **state)
{
    begin(*state, "", "empty");
    deliver(*state, 7, 1, "1");
    expect(*state, "ack 7\n");
}

static void behind_a_restore_ids_name_their_epoch(void **state)
{
    begin(*state, "", EACH);
    deliver_of(*state, 2, 7, 1, "[1]");
    expect(*state, "send ZJ/7/1/e2 #1 1\nack 7\n");
}

static void pauses_double_up_to_their_most_unless_the_receiver_asks_for_another(void **state)
{
    static const settled script[] = {
        {CASEHUB_LATER, "away", -1, false, NULL},    {CASEHUB_LATER, "away", -1, true, NULL},
        {CASEHUB_LATER, "away", -1, false, NULL},    {CASEHUB_LATER, "away", -1, false, NULL},
        {CASEHUB_LATER, "away", 60000, false, NULL}, {CASEHUB_LATER, "away", INT64_MAX, false, NULL}};
    begin(*state, "", EACH);
    follow(*state, script, 6);
    static const long long pauses[] = {1000, 2000, 4000, 5000, 60000, 86400000};
    for (unsigned i = 0; i < 6; i++) {
        char text[80];
        deliver(*state, 7, i + 1, "[1]");
        snprintf(text, sizeof text, "send ZJ/7/1 #%u 1\nlater 7 %lld\n", i + 1, pauses[i]);
        expect(*state, text);
    }
}

static void where_the_configuration_says_so_it_gives_up(void **state)
{
    static const settled script[] = {{CASEHUB_LATER, "away", -1, false, NULL},
                                     {CASEHUB_LATER, "away", -1, false, NULL}};
    begin(*state, "give_up = 2;", EACH);
    follow(*state, script, 2);
    deliver(*state, 7, 1, "[1]");
    expect(*state, "send ZJ/7/1 #1 1\nlater 7 1000\n");
    deliver(*state, 7, 2, "[1]");
    expect(*state, "send ZJ/7/1 #2 1\nfail 7 unavailable : given up after 2 attempts: away\n");
}

static void a_message_that_was_sent_is_not_repeated_while_the_next_one_waits(void **state)
{
    static const settled script[] = {{CASEHUB_SENT, NULL, -1, false, NULL},
                                     {CASEHUB_LATER, "away", -1, false, NULL}};
    begin(*state, "", EACH);
    follow(*state, script, 2);
    deliver(*state, 7, 1, "[1, 2]");
    expect(*state, "send ZJ/7/1 #1 1\nsend ZJ/7/2 #1 2\nlater 7 1000\n");
    deliver(*state, 8, 1, "[1]");
    expect(*state, "send ZJ/8/1 #1 1\nack 8\n");
    deliver(*state, 7, 2, "[1, 2]");
    expect(*state, "send ZJ/7/2 #2 2\nack 7\n");
    deliver(*state, 7, 1, "[1, 2]"); /* an operator moved the subscription back */
    expect(*state, "send ZJ/7/1 #1 1\nsend ZJ/7/2 #1 2\nack 7\n");
}

static void a_pause_lets_nothing_begin(void **state)
{
    bench *b = *state;
    begin(b, "", EACH);
    deliver(b, 7, 1, "[1]");
    run_with(b, true);
    assert_string_equal(b->on.text, "");
    expect(b, "send ZJ/7/1 #1 1\nack 7\n");
}

static void what_became_of_messages_is_counted_and_how_long_none_was_taken(void **state)
{
    static const settled script[] = {{CASEHUB_SENT, NULL, -1, false, NULL},
                                     {CASEHUB_LATER, "away", -1, false, NULL},
                                     {CASEHUB_UNDELIVERABLE, "never", -1, false, NULL},
                                     {CASEHUB_LATER, "still away", -1, false, NULL}};
    bench *b = *state;
    begin(b, "", EACH);
    follow(b, script, 4);
    for (unsigned i = 0; i < 4; i++) {
        deliver(b, i + 1, 1, "[1]");
        run_with(b, false);
    }
    const ch_outward_health *health = ch_outward_health_of(b->outward);
    assert_true(health->sent == 1 && health->later == 2 && health->undeliverable == 1);
    assert_true(health->failing && health->last_ms == ch_clock_wall_ms(&b->on.clock.clock));
    assert_string_equal(health->reason, "still away");
    deliver(b, 9, 1, "[1]");
    run_with(b, false);
    assert_false(health->failing);
}

/* ---- answers */

static const settled answered[] = {{CASEHUB_SENT, NULL, -1, false, "taken"},
                                   {CASEHUB_SENT, NULL, -1, true, ""}};
#define NAMED ".data[] | {body: ., name: \"n\\(.)\"}"

static void answers_are_not_looked_at_unless_the_configuration_says_so(void **state)
{
    begin(*state, "", EACH);
    follow(*state, answered, 2);
    deliver(*state, 7, 1, "[1]");
    expect(*state, "send ZJ/7/1 #1 1\nack 7\n");
}

static void an_answer_is_taken_before_its_event_is_acknowledged(void **state)
{
    begin(*state, "answers = true;", NAMED);
    follow(*state, answered, 2);
    deliver(*state, 7, 1, "[1, 2]");
    expect(*state, "send ZJ/7/1 #1 1 as n1\nanswer to n1 (ZJ/7/1): taken\nsend ZJ/7/2 #1 2 as n2\nack 7\n");
}

static void an_answer_that_cannot_be_taken_yet_keeps_its_event_waiting(void **state)
{
    bench *b = *state;
    ch_error error = {.status = CH_OK};
    int64_t wait_ms = 0;
    begin(b, "answers = true;", EACH);
    follow(b, answered, 1);
    b->verdict = CASEHUB_RETRY;
    deliver(b, 7, 1, "[1]");
    for (int i = 0; i < 2; i++) {
        assert_status(ch_outward_step(b->outward, false, &wait_ms, &error), CH_OK);
    }
    assert_int_equal(wait_ms, 1000);
    assert_string_equal(b->on.text, "send ZJ/7/1 #1 1\nanswer to ZJ/7/1 (ZJ/7/1): taken\n");
    b->on.text[0] = '\0';
    b->verdict = CASEHUB_DONE;
    expect(b, "answer to ZJ/7/1 (ZJ/7/1): taken\nack 7\n");
}

static void an_answer_that_cannot_be_read_is_a_dead_letter_and_its_message_not_repeated(void **state)
{
    bench *b = *state;
    begin(b, "answers = true;", EACH);
    follow(b, answered, 1);
    b->verdict = CASEHUB_REJECT;
    deliver(b, 7, 1, "[1]");
    expect(b, "send ZJ/7/1 #1 1\nanswer to ZJ/7/1 (ZJ/7/1): taken\n"
              "fail 7 invalid : sent, but the answer cannot be read: odd\n");
    deliver(b, 7, 1, "[1]"); /* an operator retries it */
    expect(b, "ack 7\n");
}

/* ---- another session */

static void begin_sending(bench *b)
{
    static const settled script[] = {{CASEHUB_SENT, NULL, -1, true, NULL}};
    ch_error error = {.status = CH_OK};
    int64_t wait_ms;
    begin(b, "", EACH);
    follow(b, script, 1);
    deliver(b, 7, 1, "[1]");
    assert_status(ch_outward_step(b->outward, false, &wait_ms, &error), CH_OK);
    assert_string_equal(b->on.text, "send ZJ/7/1 #1 1\n");
    b->on.text[0] = '\0';
    b->session++;
}

static void what_comes_again_while_it_is_being_sent_is_sent_once(void **state)
{
    begin_sending(*state);
    deliver(*state, 7, 2, "[1]");
    expect(*state, "ack 7\n");
}

static void what_was_sent_for_an_earlier_session_is_acknowledged_when_it_comes_again(void **state)
{
    begin_sending(*state);
    expect(*state, "");
    deliver(*state, 7, 2, "[1]");
    expect(*state, "ack 7\n");
}

static void another_event_of_a_newer_session_waits_for_the_one_that_is_being_sent(void **state)
{
    begin_sending(*state);
    deliver(*state, 3, 2, "[1]");
    expect(*state, "send ZJ/3/1 #2 1\nack 3\n");
    deliver(*state, 7, 2, "[1]");
    expect(*state, "ack 7\n");
}

static void behind_a_restore_an_event_of_the_same_sequence_is_another(void **state)
{
    begin_sending(*state);
    deliver_of(*state, 2, 7, 1, "[5]");
    expect(*state, "send ZJ/7/1/e2 #1 5\nack 7\n");
}

/* ---- with its case */

#define CASE "{body: (.case.title // \"no case\")}"

static void a_hub_that_cannot_tell_of_the_case_now_is_asked_again_and_one_that_never_will_is_not(void **state)
{
    bench *b = *state;
    begin(b, "with_case = true;", CASE);
    b->refusal = "timeout";
    deliver_case(b, 7, 1, "ZJ-1");
    expect(b, "later 7 1000\n");
    b->refusal = NULL;
    deliver_case(b, 7, 2, "ZJ-1");
    expect(b, "send ZJ/7/1 #2 \"a lamp\"\nack 7\n");
    b->refusal = "denied";
    deliver_case(b, 8, 1, "ZJ-1");
    expect(b, "fail 8 denied case: it does not tell\n");
}

static void a_case_that_is_not_shown_and_an_event_without_one_leave_it_to_the_mapping(void **state)
{
    bench *b = *state;
    begin(b, "with_case = true;", CASE);
    deliver_case(b, 7, 1, "hidden");
    expect(b, "send ZJ/7/1 #1 \"no case\"\nack 7\n");
    b->refusal = "not-found";
    deliver_case(b, 8, 1, "ZJ-1");
    expect(b, "send ZJ/8/1 #1 \"no case\"\nack 8\n");
    deliver(b, 9, 1, "1");
    expect(b, "send ZJ/9/1 #1 \"no case\"\nack 9\n");
}

static void what_the_hub_brings_while_it_is_asked_comes_after_it(void **state)
{
    bench *b = *state;
    begin(b, "with_case = true;", CASE);
    deliver_case(b, 7, 1, "moving");
    expect(b, "send ZJ/7/1 #1 \"a lamp\"\nsend ZJ/8/1 #1 \"a lamp\"\nack 8\n");
}

static void only_where_it_is_wanted_is_the_case_asked_for(void **state)
{
    begin(*state, "", CASE);
    deliver_case(*state, 7, 1, "ZJ-1");
    expect(*state, "send ZJ/7/1 #1 \"no case\"\nack 7\n");
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        WITH(a_mapping_that_is_broken_is_told_at_the_start),
        WITH(a_character_set_that_nobody_knows_is_told_at_the_start),
        WITH(an_event_that_is_refused_is_a_dead_letter_with_its_field),
        WITH(what_is_no_message_is_a_dead_letter_with_its_member),
        WITH(before_a_message_that_cannot_be_written_none_of_its_event_is_sent),
        WITH(a_character_that_the_set_lacks_is_told_by_its_number),
        WITH(a_mapping_that_ended_the_process_three_times_is_not_run_again),
        WITH(what_the_sender_cannot_deliver_is_a_dead_letter_at_once),
        WITH(a_sender_that_cannot_go_on_ends_the_process_with_its_reason),
        WITH(messages_of_an_event_go_in_order_and_then_it_is_acknowledged),
        WITH(an_event_of_which_nothing_is_made_is_acknowledged),
        WITH(behind_a_restore_ids_name_their_epoch),
        WITH(pauses_double_up_to_their_most_unless_the_receiver_asks_for_another),
        WITH(where_the_configuration_says_so_it_gives_up),
        WITH(a_message_that_was_sent_is_not_repeated_while_the_next_one_waits),
        WITH(a_pause_lets_nothing_begin),
        WITH(what_became_of_messages_is_counted_and_how_long_none_was_taken),
        WITH(answers_are_not_looked_at_unless_the_configuration_says_so),
        WITH(an_answer_is_taken_before_its_event_is_acknowledged),
        WITH(an_answer_that_cannot_be_taken_yet_keeps_its_event_waiting),
        WITH(an_answer_that_cannot_be_read_is_a_dead_letter_and_its_message_not_repeated),
        WITH(what_comes_again_while_it_is_being_sent_is_sent_once),
        WITH(what_was_sent_for_an_earlier_session_is_acknowledged_when_it_comes_again),
        WITH(another_event_of_a_newer_session_waits_for_the_one_that_is_being_sent),
        WITH(behind_a_restore_an_event_of_the_same_sequence_is_another),
        WITH(a_hub_that_cannot_tell_of_the_case_now_is_asked_again_and_one_that_never_will_is_not),
        WITH(a_case_that_is_not_shown_and_an_event_without_one_leave_it_to_the_mapping),
        WITH(what_the_hub_brings_while_it_is_asked_comes_after_it),
        WITH(only_where_it_is_wanted_is_the_case_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
