/* The grid teams' samples: what they become is kept beside them. */
#include "tests/unit/connectors/sample.h"

#include <stdlib.h>

#define GRID CASEHUB_SOURCE_DIR "/connectors/grid/"
#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

static void an_export_becomes_what_is_kept_beside_it(void **state)
{
    (void)state;
    expect_sample(GRID "grid.cfg", GRID "samples/diary-20261123.csv", NOW_MS,
                  GRID "samples/diary-20261123.jsonl", 0);
    expect_sample(GRID "grid.cfg", GRID "samples/diary-20261124.csv", NOW_MS,
                  GRID "samples/diary-20261124.jsonl", 0);
}

static void faulty_rows_fail_with_their_place_and_the_others_do_not(void **state)
{
    (void)state;
    expect_sample(GRID "grid.cfg", GRID "samples/diary-faulty.csv", NOW_MS, GRID "samples/diary-faulty.jsonl",
                  6);
}

static long read_file(void *context, void *out, size_t most)
{
    return (long)fread(out, 1, most, context);
}

static void read_export(stage *on, ch_pipeline *pipeline, const char *sample)
{
    const ch_pipeline_run_options options = {.skip_rows = 0};
    ch_error error = {.status = CH_OK};
    FILE *file = fopen(sample, "rb");
    assert_non_null(file);
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit), .name = "diary.csv", .identity = sample,
                               .time_ms = NOW_MS,           .read = read_file,   .context = file};
    on->text[0] = '\0';
    assert_status(ch_pipeline_run(pipeline, &unit, &options, stage_take, on, &error), CH_OK);
    assert_int_equal(fclose(file), 0);
}

static void the_next_export_tells_only_what_changed(void **state)
{
    static stage on;
    ch_connector_config *config = NULL;
    ch_rows *rows = NULL;
    ch_pipeline *pipeline = NULL;
    ch_error error;
    bool lost;
    (void)state;
    assert_status(ch_connector_config_read(&config, GRID "grid.cfg", NULL, &error), CH_OK);
    assert_status(ch_rows_open(&rows, NULL, "", 1000, &lost, &error), CH_OK);
    assert_status(ch_pipeline_open(&pipeline, config, rows, NULL, ch_clock_real(), &error), CH_OK);
    read_export(&on, pipeline, GRID "samples/diary-20261123.csv");
    read_export(&on, pipeline, GRID "samples/diary-20261124.csv");
    assert_string_equal(on.text, "1 ZS20261123001/state/1 case.accepted\n"
                                 "2 ZS20261123002/state/2 case.assigned\n"
                                 "3 ZS20261123003/case/2 case.opened\n"
                                 "3 ZS20261123003/state/2 case.progressed\n"
                                 "6 ZS20261124001/case/1 case.opened\n");
    read_export(&on, pipeline, GRID "samples/diary-20261124.csv");
    assert_string_equal(on.text, "");
    ch_pipeline_close(pipeline);
    ch_rows_close(rows);
    ch_connector_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_export_becomes_what_is_kept_beside_it),
        TEST(faulty_rows_fail_with_their_place_and_the_others_do_not),
        TEST(the_next_export_tells_only_what_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
