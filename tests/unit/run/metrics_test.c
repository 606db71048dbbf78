/* What a scraper gets: https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include "tests/unit/check.h"

#include "hub/run/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    ch_metrics *metrics;
    ch_buf text;
} fixture;

static int setup(void **state)
{
    static fixture f;
    assert_int_equal(ch_metrics_new(&f.metrics), CH_OK);
    ch_buf_init(&f.text, (size_t)4 << 20);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_metrics_free(f->metrics);
    ch_buf_done(&f->text);
    return 0;
}

static const char *print(fixture *f, int64_t now_ms)
{
    ch_buf_clear(&f->text);
    ch_metrics_print(&f->text, f->metrics, now_ms);
    assert_int_equal(f->text.failed, CH_OK);
    ch_buf_append(&f->text, "", 1);
    return (const char *)f->text.at;
}

/* The value of the line that begins so. */
static double value_of(const char *text, const char *line)
{
    char wanted[200];
    snprintf(wanted, sizeof wanted, "\n%s ", line);
    const char *at = strstr(text, wanted);
    if (at == NULL) {
        fail_msg("no line %s", line);
        return 0;
    }
    return strtod(at + strlen(wanted), NULL);
}

static bool is_name(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz_0123456789", at[i]) == NULL) {
            return false;
        }
    }
    return size > 0 && strncmp(at, "casehub_", 8) == 0;
}

/* {name="value",...}: NULL when it is none; else what follows. */
static const char *skip_labels(const char *at)
{
    if (*at != '{') {
        return at;
    }
    do {
        at++;
        at += strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        if (at[0] != '=' || at[1] != '"') {
            return NULL;
        }
        for (at += 2; *at != '"'; at++) {
            at += *at == '\\';
            if (*at == '\0' || *at == '\n') {
                return NULL;
            }
        }
        at++;
    } while (*at == ',');
    return *at == '}' ? at + 1 : NULL;
}

static bool is_sample(const char *line)
{
    size_t size = strcspn(line, "{ ");
    const char *at = is_name(line, size) ? skip_labels(line + size) : NULL;
    char *end;
    if (at == NULL || *at != ' ') {
        return false;
    }
    (void)strtod(at + 1, &end);
    return end != at + 1 && *end == '\0';
}

static void assert_well_formed(const char *text)
{
    char copy[256], family[128] = "";
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; lines++) {
        size_t size = strcspn(at, "\n");
        assert_true(at[size] == '\n' && size < sizeof copy);
        memcpy(copy, at, size);
        copy[size] = '\0';
        if (strncmp(copy, "# TYPE ", 7) == 0) {
            assert_int_equal(sscanf(copy, "# TYPE %127s ", family), 1);
        } else if (strncmp(copy, "# HELP ", 7) != 0 &&
                   (!is_sample(copy) || strncmp(copy, family, strlen(family)) != 0)) {
            fail_msg("%s", copy);
        }
        at += size + 1;
    }
    assert_true(lines > 80);
}

static void a_new_hub_prints_a_well_formed_page(void **state)
{
    fixture *f = *state;
    const char *text = print(f, 1000);
    assert_well_formed(text);
    assert_true(value_of(text, "casehub_clients") == 0);
    assert_true(value_of(text, "casehub_oldest_reader_age_seconds") == 0);
}

static void every_family_is_told_once(void **state)
{
    fixture *f = *state;
    const char *text = print(f, 0);
    const char *at = text;
    while ((at = strstr(at, "# TYPE ")) != NULL) {
        char line[128];
        assert_int_equal(sscanf(at, "# TYPE %100s", line + 0), 1);
        char wanted[160];
        snprintf(wanted, sizeof wanted, "# TYPE %s ", line);
        assert_non_null(strstr(text, wanted));
        assert_null(strstr(at + 1, wanted));
        at++;
    }
}

static void figures_are_what_was_counted(void **state)
{
    fixture *f = *state;
    ch_metric_set(&f->metrics->clients, 7);
    ch_metric_add(&f->metrics->delivered, 2);
    ch_metric_add(&f->metrics->delivered, 3);
    ch_metrics_count_refusals(f->metrics, CH_DENIED, 4);
    atomic_store(&f->metrics->reader_look_ms, 1000);
    ch_metrics_count_event(f->metrics, CH_STR("case.opened"), CH_STR("hotline"));
    ch_metrics_count_event(f->metrics, CH_STR("case.opened"), CH_STR("hotline"));
    ch_metrics_count_event(f->metrics, CH_STR("case.opened"), CH_STR("forum"));
    const char *text = print(f, 3500);
    assert_well_formed(text);
    assert_true(value_of(text, "casehub_clients") == 7);
    assert_true(value_of(text, "casehub_delivered_events_total") == 5);
    assert_true(value_of(text, "casehub_refusals_total{reason=\"denied\"}") == 4);
    assert_true(value_of(text, "casehub_oldest_reader_age_seconds") == 2.5);
    assert_true(value_of(text, "casehub_events_total{type=\"case.opened\",system=\"hotline\"}") == 2);
    assert_true(value_of(text, "casehub_events_total{type=\"case.opened\",system=\"forum\"}") == 1);
    assert_null(strstr(text, "reason=\"busy\""));
}

#define AT_ONCE 200000

static void *refuse_often(void *context)
{
    for (unsigned i = 0; i < AT_ONCE; i++) {
        ch_metrics_count_refusals(context, CH_BUSY, 1);
    }
    return NULL;
}

static void refusals_of_two_threads_are_all_counted(void **state)
{
    fixture *f = *state;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, refuse_often, f->metrics), 0);
    refuse_often(f->metrics);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_true(value_of(print(f, 0), "casehub_refusals_total{reason=\"busy\"}") == 2 * AT_ONCE);
}

static void a_histogram_is_cumulative_and_ends_with_its_count(void **state)
{
    fixture *f = *state;
    const uint64_t values[] = {1, 50, 51, 400, 5000000, UINT64_MAX / 2};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        ch_histogram_add(&f->metrics->commit_us, CH_METRIC_COMMIT_FIRST_US, values[i]);
    }
    const char *text = print(f, 0), *at = text;
    const char *bucket = "casehub_log_commit_duration_seconds_bucket{le=\"";
    double before = -1, bound = 0;
    size_t buckets = 0;
    for (; (at = strstr(at, bucket)) != NULL; buckets++) {
        at += strlen(bucket);
        double next_bound = strtod(at, NULL), count = strtod(strchr(at, ' '), NULL);
        assert_true(count >= before && next_bound > bound);
        before = count;
        bound = next_bound;
    }
    assert_int_equal(buckets, CH_METRIC_BUCKETS + 1);
    assert_true(value_of(text, "casehub_log_commit_duration_seconds_bucket{le=\"5e-05\"}") == 2);
    assert_true(value_of(text, "casehub_log_commit_duration_seconds_bucket{le=\"0.0001\"}") == 3);
    assert_true(value_of(text, "casehub_log_commit_duration_seconds_bucket{le=\"0.0004\"}") == 4);
    assert_true(value_of(text, "casehub_log_commit_duration_seconds_bucket{le=\"+Inf\"}") == 6);
    assert_true(value_of(text, "casehub_log_commit_duration_seconds_count") == 6);
}

static void systems_beyond_the_table_are_counted_as_other(void **state)
{
    fixture *f = *state;
    char name[32];
    for (unsigned i = 0; i < CH_METRIC_SYSTEMS + 20; i++) {
        snprintf(name, sizeof name, "system-%u", i);
        ch_metrics_count_event(f->metrics, CH_STR("case.opened"), ch_str_of(name));
    }
    ch_metrics_count_event(f->metrics, CH_STR("case.opened"), CH_STR("system-0"));
    const char *text = print(f, 0);
    assert_well_formed(text);
    assert_true(value_of(text, "casehub_events_total{type=\"case.opened\",system=\"system-0\"}") == 2);
    assert_true(value_of(text, "casehub_events_total{type=\"case.opened\",system=\"other\"}") == 21);
    assert_null(strstr(text, "system-31"));
}

static void types_beyond_the_table_are_counted_as_other(void **state)
{
    fixture *f = *state;
    char name[32];
    for (unsigned i = 0; i < CH_METRIC_TYPES + 5; i++) {
        snprintf(name, sizeof name, "case.type-%u", i);
        ch_metrics_count_event(f->metrics, ch_str_of(name), CH_STR("hotline"));
    }
    const char *text = print(f, 0);
    assert_well_formed(text);
    assert_true(value_of(text, "casehub_events_total{type=\"other\",system=\"hotline\"}") == 6);
    assert_null(strstr(text, "case.type-159"));
}

static void a_system_that_cannot_be_a_label_is_counted_as_other(void **state)
{
    fixture *f = *state;
    char name[65] = "";
    memset(name, 'x', 64);
    ch_metrics_count_event(f->metrics, CH_STR("case.noted"), CH_STR("desk"));
    ch_metrics_count_event(f->metrics, CH_STR("case.noted"), CH_STR("de\"sk"));
    ch_metrics_count_event(f->metrics, CH_STR("case.noted"), CH_STR("desk\\"));
    ch_metrics_count_event(f->metrics, CH_STR("case.noted"), ch_str_of(name));
    const char *text = print(f, 0);
    assert_well_formed(text);
    assert_true(value_of(text, "casehub_events_total{type=\"case.noted\",system=\"desk\"}") == 1);
    assert_true(value_of(text, "casehub_events_total{type=\"case.noted\",system=\"other\"}") == 3);
    for (unsigned i = 0; i < CH_METRIC_SYSTEMS; i++) {
        snprintf(name, sizeof name, "system-%u", i);
        ch_metrics_count_event(f->metrics, CH_STR("case.noted"), ch_str_of(name));
    }
    text = print(f, 0);
    const char *other = "\ncasehub_events_total{type=\"case.noted\",system=\"other\"} ";
    assert_null(strstr(strstr(text, other) + 1, other));
}

static void a_full_page_still_fits(void **state)
{
    fixture *f = *state;
    char type[64], system[64];
    for (unsigned i = 0; i < CH_METRIC_TYPES; i++) {
        snprintf(type, sizeof type, "case.%058u", i);
        for (unsigned k = 0; k < CH_METRIC_SYSTEMS; k++) {
            snprintf(system, sizeof system, "%063u", k);
            ch_metrics_count_event(f->metrics, ch_str_of(type), ch_str_of(system));
        }
    }
    assert_true(strlen(print(f, 0)) < (size_t)2 << 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_hub_prints_a_well_formed_page),
        TEST(every_family_is_told_once),
        TEST(figures_are_what_was_counted),
        TEST(refusals_of_two_threads_are_all_counted),
        TEST(a_histogram_is_cumulative_and_ends_with_its_count),
        TEST(systems_beyond_the_table_are_counted_as_other),
        TEST(types_beyond_the_table_are_counted_as_other),
        TEST(a_system_that_cannot_be_a_label_is_counted_as_other),
        TEST(a_full_page_still_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
