/* The parts that need no store: what progress says, the lines of an export, the table of versions. */
#include "tests/unit/check.h"

#include "replay/export_format.h"
#include "replay/progress.h"
#include "replay/secrets.h"
#include "replay/versions.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEADER                                                                                               \
    "{\"format\":\"casehub-export 1\",\"hub\":\"ZJ\",\"epoch\":3,\"first\":2,\"last\":9,\"chain\":\"" HEX    \
    "\"}"
#define TRAILER "{\"end\":\"casehub-export 1\",\"count\":8,\"hash\":\"" HEX "\"}"

static void what_was_opened_is_overwritten_and_was_never_elsewhere(void **state)
{
    static const uint8_t nothing[1000];
    ch_buf buf;
    (void)state;
    ch_secrets_hold(&buf, sizeof nothing);
    const uint8_t *at = buf.at;
    for (size_t i = 0; i < sizeof nothing; i++) {
        ch_buf_append(&buf, "s", 1);
    }
    assert_ptr_equal(buf.at, at);
    assert_int_equal(buf.failed, CH_OK);
    ch_secrets_wipe(&buf);
    assert_int_equal(buf.size, 0);
    assert_memory_equal(buf.at, nothing, sizeof nothing);
    ch_buf_done(&buf);
}

static void a_header_that_differs_anywhere_is_corrupt(void **state)
{
    char line[sizeof HEADER];
    ch_export_header header;
    (void)state;
    assert_status(ch_export_header_parse(CH_STR(HEADER), &header), CH_OK);
    for (size_t size = 0; size < sizeof HEADER - 1; size++) {
        memcpy(line, HEADER, sizeof line);
        line[size] = '\0';
        assert_status(ch_export_header_parse((ch_str){line, size}, &header), CH_CORRUPT);
        line[size] = '!';
        assert_status(ch_export_header_parse((ch_str){line, sizeof HEADER - 1}, &header), CH_CORRUPT);
    }
    assert_status(ch_export_header_parse(CH_STR(HEADER " "), &header), CH_CORRUPT);
    assert_status(ch_export_header_parse(CH_STR(""), &header), CH_CORRUPT);
}

static void a_header_with_impossible_sequences_is_corrupt(void **state)
{
    static const char *const ranges[] = {"\"first\":0,\"last\":9", "\"first\":9,\"last\":2",
                                         "\"first\":99999999999999999999,\"last\":9",
                                         "\"first\":-1,\"last\":9"};
    char line[256];
    ch_export_header header;
    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        snprintf(line, sizeof line,
                 "{\"format\":\"casehub-export 1\",\"hub\":\"ZJ\",\"epoch\":3,%s,\"chain\":\"" HEX "\"}",
                 ranges[i]);
        assert_status(ch_export_header_parse(ch_str_of(line), &header), CH_CORRUPT);
    }
}

static void a_newer_header_is_unsupported(void **state)
{
    ch_export_header header;
    (void)state;
    assert_status(ch_export_header_parse(CH_STR("{\"format\":\"casehub-export 7\"}"), &header),
                  CH_UNSUPPORTED);
}

static void a_damaged_trailer_is_told_from_an_event(void **state)
{
    ch_export_trailer trailer;
    (void)state;
    assert_status(ch_export_trailer_parse(CH_STR("{\"id\":\"1\"}"), &trailer), CH_NOT_FOUND);
    assert_status(ch_export_trailer_parse(CH_STR("{\"end\":\"casehub-export 1\"}"), &trailer), CH_CORRUPT);
    assert_status(ch_export_trailer_parse(CH_STR(TRAILER "x"), &trailer), CH_CORRUPT);
    assert_status(ch_export_trailer_parse(CH_STR(TRAILER), &trailer), CH_OK);
    assert_int_equal(trailer.count, 8);
    assert_string_equal(trailer.hash, HEX);
}

static void progress_tells_rate_and_what_is_left(void **state)
{
    char line[160];
    (void)state;
    ch_progress_format(line, sizeof line, "folded", 1200, 4800, 2000);
    assert_string_equal(line, "folded 1200 of 4800 records (25%), 600/s, 6s left");
    ch_progress_format(line, sizeof line, "folded", 4800, 4800, 8000);
    assert_string_equal(line, "folded 4800 of 4800 records (100%), 600/s");
    ch_progress_format(line, sizeof line, "folded", 0, 0, 0);
    assert_string_equal(line, "folded 0 of 0 records (100%), 0/s");
}

/* What a walk of twenty seconds says where there is no terminal; the caller's. */
static char *walk_for_long(bool asked)
{
    ch_clock_fake fake;
    char *text = NULL;
    size_t size = 0;
    FILE *err = open_memstream(&text, &size);
    assert_non_null(err);
    ch_clock_fake_init(&fake, 1000);
    const ch_replay_world world = {.err = err, .clock = &fake.clock};
    const ch_replay_options options = {.progress = asked};
    const ch_replay replay = {.world = &world, .options = &options};
    ch_progress progress;
    ch_progress_begin(&progress, &replay, "folded", 1, 4000);
    ch_progress_at(&progress, 1000);
    assert_int_equal(size, 0);
    fake.now_ms += 10000;
    ch_progress_at(&progress, 2000);
    ch_progress_at(&progress, 2100);
    ch_progress_end(&progress);
    fclose(err);
    return text;
}

static void nobody_is_told_of_progress_unasked(void **state)
{
    (void)state;
    char *text = walk_for_long(false);
    assert_string_equal(text, "");
    free(text);
}

static void progress_is_told_now_and_then(void **state)
{
    (void)state;
    char *text = walk_for_long(true);
    assert_string_equal(text, "casehub-replay: folded 2000 of 4000 records (50%), 200/s, 10s left\n");
    free(text);
}

static uint32_t version_of(const ch_versions *versions, uint64_t number)
{
    ch_error error;
    uint32_t version = 99;
    assert_ok(ch_versions_get(versions, number, &version, &error), &error);
    return version;
}

static void versions_are_kept_for_cases_far_apart(void **state)
{
    ch_versions *versions;
    ch_error error;
    (void)state;
    assert_ok(ch_versions_new(&versions, "/tmp", &error), &error);
    assert_int_equal(version_of(versions, 5), 0);
    assert_ok(ch_versions_set(versions, 5, 3, &error), &error);
    assert_ok(ch_versions_set(versions, 600000, 7, &error), &error);
    assert_int_equal(version_of(versions, 5), 3);
    assert_int_equal(version_of(versions, 6), 0);
    assert_int_equal(version_of(versions, 600000), 7);
    assert_int_equal(version_of(versions, UINT64_MAX), 0);
    assert_status(ch_versions_set(versions, UINT64_MAX, 1, &error), CH_TOO_LARGE);
    ch_versions_free(versions);
    assert_status(ch_versions_new(&versions, "/nowhere", &error), CH_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_opened_is_overwritten_and_was_never_elsewhere),
        cmocka_unit_test(a_header_that_differs_anywhere_is_corrupt),
        cmocka_unit_test(a_header_with_impossible_sequences_is_corrupt),
        cmocka_unit_test(a_newer_header_is_unsupported),
        cmocka_unit_test(a_damaged_trailer_is_told_from_an_event),
        cmocka_unit_test(progress_tells_rate_and_what_is_left),
        cmocka_unit_test(nobody_is_told_of_progress_unasked),
        cmocka_unit_test(nobody_is_told_of_progress_unasked),
        cmocka_unit_test(progress_is_told_now_and_then),
        cmocka_unit_test(versions_are_kept_for_cases_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
