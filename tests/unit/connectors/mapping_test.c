/* Records to events: what a mapping may and may not do, times, ids, and what becomes of a failure. */
#include "connectors/host/local_time.h"
#include "hub/base/clock.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>

#define OPENED                                                                                               \
    "{type:\"case.opened\", id:.id, time:\"2026-11-23T00:15:00Z\", ref:.id, data:{kind:\"matter\"}}"
#define ROW                                                                                                  \
    "{type:\"case.opened\", \"$row\":{key:.id, aspect:\"case\"}, time:$record.time, ref:.id, "               \
    "data:{title:.title}}"

typedef struct run {
    stage *on;
    ch_rows *rows;
    ch_attempt *attempt;
    ch_pipeline *pipeline;
} run;

static run open_run(stage *on, const char *mapping, const char *more)
{
    run r = {.on = on};
    bool lost;
    ch_error error = {.status = CH_OK};
    ch_connector_config_free(on->config);
    on->config = NULL;
    stage_configure(on, mapping, more);
    assert_status(ch_rows_open(&r.rows, NULL, "", 100, &lost, &error), CH_OK);
    ch_status status = ch_pipeline_open(&r.pipeline, on->config, r.rows, NULL, &on->clock.clock, &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
    return r;
}

static void close_run(run *r)
{
    ch_pipeline_close(r->pipeline);
    ch_rows_close(r->rows);
}

static ch_status go(run *r, const char *text, const ch_pipeline_run_options *options)
{
    memory_unit memory;
    ch_error error = {.status = CH_OK};
    memory_unit_init(&memory, "a.csv", "1", text, strlen(text));
    r->on->text[0] = '\0';
    ch_status status = ch_pipeline_run(r->pipeline, &memory.unit, options, stage_take, r->on, &error);
    if (status != CH_OK) {
        stage_print(r->on, "%s %s\n", ch_status_name(status), error.text);
    }
    return status;
}

static void expect(run *r, const char *text, const char *wanted)
{
    const ch_pipeline_run_options options = {.skip_rows = 0};
    assert_status(go(r, text, &options), CH_OK);
    assert_string_equal(r->on->text, wanted);
}

static void expect_once(stage *on, const char *mapping, const char *text, const char *wanted)
{
    run r = open_run(on, mapping, "");
    expect(&r, text, wanted);
    close_run(&r);
}

static void hides_what_reads_beyond_the_record(void **state)
{
    static const char *const names[] = {"input",
                                        "inputs",
                                        "debug",
                                        "stderr",
                                        "env",
                                        "halt",
                                        "halt_error",
                                        "input_filename",
                                        "input_line_number",
                                        "now",
                                        "localtime",
                                        "modulemeta"};
    char mapping[80], wanted[120];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(mapping, sizeof mapping, "%s", names[i]);
        snprintf(wanted, sizeof wanted, "1 !invalid a.csv:2: %s is not for mappings\n", names[i]);
        expect_once(*state, mapping, "id\n1\n", wanted);
    }
    expect_once(*state, "{type:($ENV | keys | tostring)} | error({reason: .type})", "id\n1\n",
                "1 !invalid a.csv:2: []\n");
}

static void refuses_a_program_that_does_not_compile_or_imports(void **state)
{
    static const char *const programs[] = {".a |", "import \"x\" as x; .", "include \"x\"; .",
                                           "nothing_like_this"};
    stage *on = *state;
    stage_configure(on, ".", "");
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        ch_mapping *mapping = NULL;
        const ch_strings tables = {.count = 0};
        ch_error error;
        stage_write(on, "bad.jq", programs[i]);
        assert_status(ch_mapping_open(&mapping, stage_path(on, "bad.jq"), &tables, &error), CH_INVALID);
        assert_non_null(strstr(error.where, "bad.jq"));
        assert_true(error.text[0] != '\0');
    }
}

static void never_repeats_a_value_of_the_record_in_a_reason(void **state)
{
    stage *on = *state;
    expect_once(on, ".id | tonumber", "id\nWangXiaoming\n",
                "1 !invalid a.csv:2: Invalid numeric literal at EOF at line 1, column 12 (*)\n");
    assert_null(strstr(on->text, "Wang"));
    expect_once(on, ".id + 1", "id\nWangXiaoming\n", "1 !invalid a.csv:2: string (*) cannot be added\n");
    expect_once(on, ".[.id][\"x\"]", "id\nid\n",
                "1 !invalid a.csv:2: Cannot index string with string \"*\"\n");
}

/* The hub takes no dead letter that is not UTF-8; the connector could never go on. stage_take decodes it as the hub does. */
static void long_names_and_reasons_are_cut_between_characters(void **state)
{
#define WEN10 "\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587"
    static const char *const mappings[] = {
        "refuse(\"x\" + \"\u6587\" * 60; \"bad\")",
        "refuse(\"title\"; \"\u6587\" * 200)",
        "refuse(\"title\"; \"x\" + \"\u6587\" * 200)",
        "error(\"\u6587\" * 200)",
        OPENED " | .time = {\"$time\": \"2026-11-23 08:15\", zone: (\"xx\" + \"\u6587\" * 20)}",
        OPENED " | .data[\"\u6587\" * 20] = {\"$time\": \"soon\"}",
        OPENED " | .data.a[\"x\" + \"\u6587\" * 200].b.c.d = {\"$time\": \"soon\"}",
    };
    stage *on = *state;
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++) {
        run r = open_run(on, mappings[i], "");
        memory_unit memory;
        const ch_pipeline_run_options options = {.skip_rows = 0};
        ch_error error;
        memory_unit_init(&memory, "xx" WEN10 WEN10 WEN10 WEN10 ".csv", "1", "id\n1\n", 5);
        on->text[0] = '\0';
        assert_status(ch_pipeline_run(r.pipeline, &memory.unit, &options, stage_take, on, &error), CH_OK);
        assert_true(on->text[0] != '\0' && ch_str_is_utf8(ch_str_of(on->text)));
        close_run(&r);
    }
    const ch_pipeline_run_options options = {.skip_rows = 0};
    run r = open_run(on, OPENED, "");
#define LONG_NAME "x" WEN10 WEN10 WEN10 WEN10 WEN10 WEN10 WEN10
    assert_status(go(&r, LONG_NAME "," LONG_NAME "\n1,2\n", &options), CH_REFUSED);
    assert_true(ch_str_is_utf8(ch_str_of(on->text)));
    close_run(&r);
}

static void what_cannot_be_read_at_all_becomes_a_dead_letter_where_nobody_else_has_its_bytes(void **state)
{
    static const char text[] = "a,a\n1,2\n";
    stage *on = *state;
    run r = open_run(on, OPENED, "");
    memory_unit memory;
    ch_error error = {.status = CH_OK};
    ch_pipeline_run_options options = {.skip_rows = 0};
    for (int answered = 0; answered < 2; answered++) {
        memory_unit_init(&memory, "a.csv", "1", text, strlen(text));
        memory.unit.answered = answered != 0;
        memory.unit.raw = text;
        memory.unit.raw_size = strlen(text);
        on->text[0] = '\0';
        assert_status(ch_pipeline_run(r.pipeline, &memory.unit, &options, stage_take, on, &error),
                      answered ? CH_REFUSED : CH_OK);
        assert_string_equal(on->text,
                            answered ? "" : "1 !refused a.csv:1: heading row: two columns are called a\n");
    }
    options.skip_rows = 1; /* it is in the hub already */
    memory_unit_init(&memory, "a.csv", "1", text, strlen(text));
    memory.unit.raw = text;
    memory.unit.raw_size = strlen(text);
    assert_status(ch_pipeline_run(r.pipeline, &memory.unit, &options, stage_take, on, &error), CH_OK);
    assert_string_equal(on->text, "");
    close_run(&r);
}

static void refuses_what_is_no_event(void **state)
{
    stage *on = *state;
    expect_once(on, "17", "id\n1\n",
                "1 !invalid a.csv:2: the mapping answers something else than an event\n");
    expect_once(on, "{id:.id}", "id\n1\n", "1 !invalid a.csv:2: type: the event has no type\n");
    expect_once(on, OPENED " | .source = \"x\"", "id\n1\n",
                "1 !invalid a.csv:2: source: this attribute is the host's\n");
    expect_once(on, OPENED " | .[\"$row\"] = {key:\"1\"}", "id\n1\n",
                "1 !invalid a.csv:2: id: an event with $row gets its id from the host\n");
    expect_once(on,
                "range(65) | "
                "{type:\"case.noted\", id:tostring, ref:\"1\", time:$record.time}",
                "id\n1\n", "1 !too-large a.csv:2: the mapping makes more than 64 events of it\n");
    expect_once(on,
                "def f: {a: f}; [limit(40; repeat(1))] | reduce .[] as $i (1; {a: .}) | "
                "{type:\"case.noted\", data:.}",
                "id\n1\n",
                "1 !too-large a.csv:2: data.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a: nested deeper than 16\n");
}

static void an_unknown_code_is_a_dead_letter_not_a_default(void **state)
{
    stage *on = *state;
    stage_write(on, "codes.csv", "local,code\nA,power.trip\n");
    run r = open_run(on,
                     "lookup($tables.codes; .c; \"c\").code as $c | {type:\"case.opened\", id:$c, ref:\"1\", "
                     "time:$record.time}",
                     "tables = [\"codes.csv\"];");
    expect(&r, "c\nA\nB\n\"\"\n",
           "1 power.trip case.opened\n2 !not-found a.csv:3: c: the code is not in the table\n"
           "3 !not-found a.csv:4: c: the code is not in the table\n");
    close_run(&r);
}

static void a_doubled_code_in_a_table_is_refused(void **state)
{
    stage *on = *state;
    ch_pipeline *pipeline = NULL;
    ch_error error;
    stage_write(on, "codes.csv", "local,code\nA,x\nA,y\n");
    stage_configure(on, ".", "tables = [\"codes.csv\"];");
    assert_status(ch_pipeline_open(&pipeline, on->config, NULL, NULL, &on->clock.clock, &error), CH_INVALID);
    assert_non_null(strstr(error.where, "codes.csv:3"));
}

static void the_version_follows_program_and_tables(void **state)
{
    stage *on = *state;
    char first[CH_MAPPING_VERSION_SIZE];
    stage_write(on, "codes.csv", "local,code\nA,x\n");
    run r = open_run(on, ".", "tables = [\"codes.csv\"];");
    memcpy(first, ch_pipeline_mapping(r.pipeline), sizeof first);
    assert_int_equal(strspn(first, "0123456789abcdef"), 12);
    close_run(&r);
    r = open_run(on, ".", "tables = [\"codes.csv\"];");
    assert_string_equal(ch_pipeline_mapping(r.pipeline), first);
    close_run(&r);
    stage_write(on, "codes.csv", "local,code\nA,y\n");
    r = open_run(on, ".", "tables = [\"codes.csv\"];");
    assert_string_not_equal(ch_pipeline_mapping(r.pipeline), first);
    close_run(&r);
}

static void local_times_are_converted_and_impossible_ones_refused(void **state)
{
    static const struct {
        const char *text, *zone, *wanted;
    } cases[] = {
        {"2026-11-23 08:15", "Asia/Shanghai", "2026-11-23T00:15:00Z"},
        {"2026/1/3 8:15:07", "Asia/Shanghai", "2026-01-03T00:15:07Z"},
        {"2026-11-23T08:15", "Asia/Shanghai", "2026-11-23T00:15:00Z"},
        {"2026-11-23", "Asia/Shanghai", "2026-11-22T16:00:00Z"},
        {"2026-11-23T08:15:00+02:00", "", "2026-11-23T06:15:00Z"},
        {"2026-07-01 12:00", "Europe/Berlin", "2026-07-01T10:00:00Z"},
        {"2026-10-25 02:30", "Europe/Berlin", "2026-10-25T00:30:00Z"}, /* comes twice: the first */
        {"2026-03-29 02:30", "Europe/Berlin", NULL},                   /* is skipped */
        {"2026-02-30 08:15", "Asia/Shanghai", NULL},
        {"2026-11-23 24:00", "Asia/Shanghai", NULL},
        {"2026-11-23 08:15", "Asia/Nowhere", NULL},
        {"2026-11-23 08:15", "Asia", NULL}, /* a folder */
        {"2026-11-23 08:15", "../../etc/passwd", NULL},
        {"2026-11-23 08:15", "", NULL},
        {"2026-11/23 08:15", "Asia/Shanghai", NULL},
        {"2026-11-23 08:15 ", "Asia/Shanghai", NULL},
        {"23.11.2026", "Asia/Shanghai", NULL},
        {"", "Asia/Shanghai", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t time_ms = 0;
        ch_error error = {.status = CH_OK};
        char text[CH_TIME_TEXT_SIZE];
        ch_status status = ch_local_time_parse(ch_str_of(cases[i].text), cases[i].zone, &time_ms, &error);
        assert_status(status, cases[i].wanted == NULL ? CH_INVALID : CH_OK);
        if (cases[i].wanted != NULL) {
            ch_time_format(time_ms, 0, text);
            assert_string_equal(text, cases[i].wanted);
        }
    }
}

static void times_stand_anywhere_and_nulls_are_absent(void **state)
{
    expect_once(*state,
                "{type:\"case.opened\", id:.id, ref:.id, time:{\"$time\":\"2026-11-23 08:15\", "
                "zone:\"Asia/Shanghai\"}, "
                "area:null, data:{kind:\"matter\", title:null, due:{\"$time\":\"2026-11-24\", "
                "zone:\"Asia/Shanghai\"}}}",
                "id\n1\n", "1 1 case.opened\n");
    expect_once(*state, OPENED " | .data.due = {\"$time\":\"soon\", zone:\"Asia/Shanghai\"}", "id\n1\n",
                "1 !invalid a.csv:2: data.due: a time such as 2026-11-23 08:15 is expected\n");
}

static void a_value_that_goes_back_and_forth_gives_an_event_each_time(void **state)
{
    run r = open_run(*state, ROW, "");
    expect(&r, "id,title\nk,a\n", "1 k/case/1 case.opened\n");
    expect(&r, "id,title\nk,a\n", "");
    expect(&r, "id,title\nk,b\n", "1 k/case/2 case.opened\n");
    expect(&r, "id,title\nk,a\n", "1 k/case/3 case.opened\n");
    expect(&r, "id,title\nk,b\nk,b\nl,b\n", "1 k/case/4 case.opened\n3 l/case/1 case.opened\n");
    close_run(&r);
}

static void a_state_without_a_type_is_remembered_and_not_told(void **state)
{
    run r = open_run(*state,
                     "{type:(if .title == \"open\" then null else \"case.accepted\" end), \"$row\":{key:.id, "
                     "aspect:\"state\"}, time:$record.time, ref:.id, data:{state_local:.title}}",
                     "");
    expect(&r, "id,title\nk,open\n", "");
    expect(&r, "id,title\nk,taken\n", "1 k/state/1 case.accepted\n");
    expect(&r, "id,title\nk,open\n", "");
    expect(&r, "id,title\nk,taken\n", "1 k/state/2 case.accepted\n");
    close_run(&r);
}

static void a_record_that_fails_leaves_no_counter_behind(void **state)
{
    run r =
        open_run(*state, ROW ", (if .title == \"bad\" then refuse(\"title\"; \"bad\") else empty end)", "");
    expect(&r, "id,title\nk,bad\n", "1 !invalid a.csv:2: title: bad\n");
    expect(&r, "id,title\nk,good\n", "1 k/case/1 case.opened\n");
    close_run(&r);
}

static void a_retried_record_does_not_undo_a_newer_one(void **state)
{
    const ch_pipeline_run_options retrying = {.retrying = true};
    run r = open_run(*state, ROW, "");
    expect(&r, "id,title\nk,new\n", "1 k/case/1 case.opened\n");
    assert_status(go(&r, "id,title\nk,old\n", &retrying), CH_OK);
    assert_string_equal(r.on->text, "");
    /* What the hub refused when it was told first is told again under its number. */
    assert_status(go(&r, "id,title\nk,new\n", &retrying), CH_OK);
    assert_string_equal(r.on->text, "1 k/case/1 case.opened\n");
    assert_status(go(&r, "id,title\nm\n", &retrying), CH_OK);
    assert_string_equal(r.on->text, "1 !invalid a.csv: 1 cells where there are 2 columns\n");
    assert_status(go(&r, "id,title\nm,old\n", &retrying), CH_OK);
    assert_string_equal(r.on->text, "1 m/case/1 case.opened\n");
    close_run(&r);
}

static void goes_on_behind_the_rows_of_the_checkpoint(void **state)
{
    const char *text = "id,title\na,x\nb,x\nc,x\n";
    const ch_pipeline_run_options behind = {.skip_rows = 2, .skip_offset = 13};
    const ch_pipeline_run_options moved = {.skip_rows = 2, .skip_offset = 12};
    run r = open_run(*state, ROW, "");
    assert_status(go(&r, text, &moved), CH_DIVERGED);
    assert_status(go(&r, text, &behind), CH_OK);
    assert_string_equal(r.on->text, "3 c/case/1 case.opened\n");
    close_run(&r);
}

static void a_poison_record_becomes_a_dead_letter_after_three_attempts(void **state)
{
    stage *on = *state;
    ch_error error;
    unsigned number;
    run r = open_run(on, OPENED, "");
    ch_pipeline_close(r.pipeline);
    for (unsigned i = 0; i < CH_ATTEMPTS_MOST; i++) {
        /* Three processes died with the record in hand. */
        assert_status(ch_attempt_open(&r.attempt, stage_path(on, "x.attempt"), &error), CH_OK);
        assert_status(ch_attempt_begin(r.attempt, "a.csv", "1", 1, &number, &error), CH_OK);
        ch_attempt_close(r.attempt);
    }
    assert_status(ch_attempt_open(&r.attempt, stage_path(on, "x.attempt"), &error), CH_OK);
    assert_status(ch_pipeline_open(&r.pipeline, on->config, r.rows, r.attempt, &on->clock.clock, &error),
                  CH_OK);
    expect(&r, "id\n1\n2\n", "1 !poison a.csv:2: the mapping ended the process 3 times\n2 2 case.opened\n");
    ch_attempt_close(r.attempt);
    close_run(&r);
}

static void settings_that_are_unknown_or_out_of_range_never_reach_a_plugin(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"transport = \"pigeon\"; source = \"grid\"; mapping = \"m\";", "is none of file_drop"},
        {"transport = \"file_drop\"; format = \"runes\"; source = \"grid\"; mapping = \"m\";",
         "is none of csv"},
        {"transport = \"file_drop\"; source = \"grid\"; mapping = \"m\"; file_drop = { folder = \"d\"; tail "
         "= 1; };",
         "file_drop.tail"},
        {"transport = \"file_drop\"; source = \"grid\"; mapping = \"m\"; json = { lines = true; }; "
         "file_drop = { folder = \"d\"; };",
         "json"},
        {"transport = \"file_drop\"; source = \"grid\"; mapping = \"m\"; file_drop = { folder = \"d\"; scan "
         "= \"1ms\"; };",
         "file_drop.scan"},
        {"transport = \"file_drop\"; source = \"grid\"; mapping = \"m\";", "file_drop.folder"},
        {"name = \"x\"; transport = \"file_drop\"; source = \"hub/x\"; mapping = \"m\"; file_drop = { folder "
         "= \"d\"; };",
         "source"},
        {"name = \"x\"; transport = \"file_drop\"; source = \"grid\"; mapping = \"m\"; history_until = "
         "\"yesterday\"; file_drop = { folder = \"d\"; };",
         "history_until: a time as in"},
        {"name = \"X y\"; transport = \"file_drop\"; source = \"grid\"; mapping = \"m\"; file_drop = { "
         "folder = \"d\"; };",
         "name"},
    };
    stage *on = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_connector_config *config = NULL;
        ch_error error;
        stage_write(on, "bad.cfg", cases[i].text);
        assert_status(ch_connector_config_read(&config, stage_path(on, "bad.cfg"), NULL, &error), CH_INVALID);
        if (strstr(error.text, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].says, error.text);
        }
    }
}

int main(void)
{
#define ON_STAGE(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        ON_STAGE(hides_what_reads_beyond_the_record),
        ON_STAGE(refuses_a_program_that_does_not_compile_or_imports),
        ON_STAGE(never_repeats_a_value_of_the_record_in_a_reason),
        ON_STAGE(long_names_and_reasons_are_cut_between_characters),
        ON_STAGE(what_cannot_be_read_at_all_becomes_a_dead_letter_where_nobody_else_has_its_bytes),
        ON_STAGE(refuses_what_is_no_event),
        ON_STAGE(an_unknown_code_is_a_dead_letter_not_a_default),
        ON_STAGE(a_doubled_code_in_a_table_is_refused),
        ON_STAGE(the_version_follows_program_and_tables),
        ON_STAGE(local_times_are_converted_and_impossible_ones_refused),
        ON_STAGE(times_stand_anywhere_and_nulls_are_absent),
        ON_STAGE(a_value_that_goes_back_and_forth_gives_an_event_each_time),
        ON_STAGE(a_state_without_a_type_is_remembered_and_not_told),
        ON_STAGE(a_record_that_fails_leaves_no_counter_behind),
        ON_STAGE(a_retried_record_does_not_undo_a_newer_one),
        ON_STAGE(goes_on_behind_the_rows_of_the_checkpoint),
        ON_STAGE(a_poison_record_becomes_a_dead_letter_after_three_attempts),
        ON_STAGE(settings_that_are_unknown_or_out_of_range_never_reach_a_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
