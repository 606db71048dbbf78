/* Time zones from files that the tests write: RFC 8536, second part. */
#include "tests/unit/check.h"
#include "tests/unit/config/scratch.h"

#include "hub/config/zone_file.h"

#define HOUR INT64_C(3600)
#define SPRING INT64_C(1774746000) /* 2026-03-29T01:00:00Z */
#define AUTUMN INT64_C(1792890000) /* 2026-10-25T01:00:00Z */
#define AFTER_2026 (INT64_C(1798761600) * 1000)

static void put_head(ch_buf *out, char version, uint32_t times, uint32_t types)
{
    const uint32_t counts[] = {0, 0, 0, times, types, 4};
    ch_buf_append_text(out, "TZif");
    ch_buf_append(out, &version, 1);
    memset(ch_buf_extend(out, 15), 0, 15);
    for (size_t i = 0; i < 6; i++) {
        ch_put_be32(ch_buf_extend(out, 4), counts[i]);
    }
}

static void put_types(ch_buf *out, uint32_t types)
{
    for (uint32_t i = 0; i < types; i++) {
        uint8_t *type = ch_buf_extend(out, 6);
        memset(type, 0, 6);
        ch_put_be32(type, (uint32_t)((int64_t)(i + 1) * HOUR));
    }
    ch_buf_append(out, "ABC", 4);
}

/* Two hours in summer, one in winter, as the two changes say. */
static void put_zone(ch_buf *out, const char *rule)
{
    const int64_t times[] = {SPRING, AUTUMN};
    ch_buf_init(out, 4096);
    put_head(out, '2', 0, 1);
    put_types(out, 1);
    put_head(out, '2', 2, 2);
    for (size_t i = 0; i < 2; i++) {
        ch_put_be64(ch_buf_extend(out, 8), (uint64_t)times[i]);
    }
    ch_buf_append(out, "\1\0", 2);
    put_types(out, 2);
    ch_buf_append_text(out, rule);
}

static ch_status read_zone(const scratch *in, const char *name, int64_t until_ms, ch_zone *out,
                           ch_arena *arena, ch_error *error)
{
    ch_arena_reset(arena);
    return ch_zone_read(out, arena, in->folder, name, until_ms, error);
}

static void what_is_no_zone_is_refused(void **state)
{
    scratch *in = *state;
    ch_arena arena;
    ch_zone zone;
    ch_error error;
    ch_buf good;
    ch_arena_init(&arena, 1 << 20);
    put_zone(&good, "\nCET-1\n");
    assert_status(read_zone(in, "None", AFTER_2026, &zone, &arena, &error), CH_NOT_FOUND);
    assert_string_equal(error.text, "there is no time zone None");
    assert_status(read_zone(in, "/etc/passwd", AFTER_2026, &zone, &arena, &error), CH_INVALID);
    assert_status(read_zone(in, "a b", AFTER_2026, &zone, &arena, &error), CH_INVALID);
    assert_string_equal(error.text, "a b is no name of a time zone");
    scratch_text(in, "Text", "TZ is no zone, but a text that is long enough to hold the head of one");
    assert_status(read_zone(in, "Text", AFTER_2026, &zone, &arena, &error), CH_INVALID);
    assert_string_equal(error.text, "the data of time zone Text cannot be read");
    /* Cut anywhere before the rule, it cannot be read, and nothing beyond its end is looked at. */
    size_t whole = good.size - strlen("\nCET-1\n");
    for (size_t size = 0; size < whole; size++) {
        scratch_write(in, "Cut", (ch_str){(const char *)good.at, size});
        assert_status(read_zone(in, "Cut", AFTER_2026, &zone, &arena, &error), CH_INVALID);
    }
    /* A change to a type that is not there. */
    good.at[whole - 4 - 2 * 6 - 1] = 2;
    scratch_write(in, "Type", ch_buf_str(&good));
    assert_status(read_zone(in, "Type", AFTER_2026, &zone, &arena, &error), CH_INVALID);
    ch_buf_done(&good);
    ch_arena_done(&arena);
}

static void a_zone_that_gives_only_a_rule_for_that_time_is_refused(void **state)
{
    scratch *in = *state;
    ch_arena arena;
    ch_zone zone;
    ch_error error;
    ch_buf bytes;
    ch_arena_init(&arena, 1 << 20);
    put_zone(&bytes, "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
    scratch_write(in, "Rule", ch_buf_str(&bytes));
    ch_buf_done(&bytes);
    assert_status(read_zone(in, "Rule", AFTER_2026 + 2 * 366 * CH_DAY_MS, &zone, &arena, &error), CH_INVALID);
    assert_string_equal(error.text, "the data of time zone Rule ends too early");
    assert_ok(read_zone(in, "Rule", AFTER_2026, &zone, &arena, &error), &error);
    ch_arena_done(&arena);
}

static void a_zone_s_clocks_change_when_its_file_says(void **state)
{
    scratch *in = *state;
    ch_arena arena;
    ch_zone zone;
    ch_error error;
    ch_buf bytes;
    ch_arena_init(&arena, 1 << 20);
    put_zone(&bytes, "\nCET-1\n");
    scratch_write(in, "Zone", ch_buf_str(&bytes));
    ch_buf_done(&bytes);
    assert_ok(read_zone(in, "Zone", AFTER_2026, &zone, &arena, &error), &error);
    assert_int_equal(zone.count, 3);
    assert_int_equal(ch_zone_local_ms(&zone, 0), HOUR * 1000);
    assert_int_equal(ch_zone_local_ms(&zone, SPRING * 1000 - 1), (SPRING + HOUR) * 1000 - 1);
    assert_int_equal(ch_zone_local_ms(&zone, SPRING * 1000), (SPRING + 2 * HOUR) * 1000);
    assert_int_equal(ch_zone_local_ms(&zone, AUTUMN * 1000), (AUTUMN + HOUR) * 1000);
    ch_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test(a_zone_that_gives_only_a_rule_for_that_time_is_refused),
        cmocka_unit_test(a_zone_s_clocks_change_when_its_file_says),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
