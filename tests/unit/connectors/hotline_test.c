/* The hotline's samples and tables. */
#include "connectors/transports/open311_intake.h"
#include "hub/config/csv.h"
#include "tests/unit/connectors/sample.h"

#include <stdio.h>

#define HOTLINE CASEHUB_SOURCE_DIR "/connectors/hotline/"
#define CITY CASEHUB_SOURCE_DIR "/schemas/city/"
#define REQUESTS HOTLINE "samples/requests-20261123"
#define UPDATES HOTLINE "samples/updates-20261124"
#define POSTED_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

static void records_become_what_is_kept_beside_them(void **state)
{
    (void)state;
    expect_sample(HOTLINE "hotline.cfg", REQUESTS ".json", POSTED_MS, REQUESTS ".jsonl", 1);
}

static void updates_become_what_is_kept_beside_them(void **state)
{
    (void)state;
    expect_sample(HOTLINE "hotline.cfg", UPDATES ".json", POSTED_MS, UPDATES ".jsonl", 1);
}

static void messages_become_what_is_kept_beside_them(void **state)
{
    (void)state;
    expect_sample(HOTLINE "sms.cfg", HOTLINE "samples/sms.json", POSTED_MS, HOTLINE "samples/sms.jsonl", 4);
}

static bool is_category(const ch_csv *categories, size_t column, ch_str code)
{
    for (size_t row = 0; row < categories->row_count; row++) {
        if (ch_str_equal(categories->cells[row * categories->column_count + column], code)) {
            return true;
        }
    }
    return false;
}

static void read_services(ch_open311_services *services)
{
    ch_error error = {.status = CH_OK};
    ch_status status =
        ch_open311_services_read(services, HOTLINE "services.csv", HOTLINE "attributes.csv", &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
}

static void every_service_has_a_category_of_the_city(void **state)
{
    ch_open311_services services;
    ch_arena arena;
    ch_csv categories;
    ch_error error = {.status = CH_OK};
    size_t column;
    (void)state;
    ch_arena_init(&arena, 1024 * 1024);
    read_services(&services);
    assert_status(ch_csv_read(&categories, &arena, CITY "categories.csv", &error), CH_OK);
    assert_status(ch_csv_column(&categories, "code", &column), CH_OK);
    for (size_t i = 0; i < services.count; i++) {
        if (!is_category(&categories, column, services.at[i].category)) {
            fail_msg("%s has the category %s", services.at[i].code.at, services.at[i].category.at);
        }
    }
    ch_open311_services_done(&services);
    ch_arena_done(&arena);
}

/* The first record of the sample, as the transport makes it of a form: without what it adds. */
static json_t *first_record(void)
{
    char text[16 * 1024];
    stage_read(REQUESTS ".json", text, sizeof text);
    *strchr(text, '\n') = '\0';
    json_t *record = json_loads(text, 0, NULL);
    assert_non_null(record);
    assert_int_equal(json_object_del(record, "digest"), 0);
    assert_int_equal(json_object_del(record, "token"), 0);
    return record;
}

static void the_form_becomes_the_first_record(void **state)
{
    char text[4096];
    ch_form form;
    ch_open311_services services;
    ch_open311_problems problems = {.code = 0};
    ch_error error = {.status = CH_OK};
    (void)state;
    read_services(&services);
    stage_read(HOTLINE "samples/lamp.form", text, sizeof text);
    ch_form_init(&form);
    assert_status(ch_form_parse(&form, ch_str_of(text), &error), CH_OK);
    json_t *record = ch_open311_intake(&services, &form, &problems), *wanted = first_record();
    assert_true(json_equal(record, wanted));
    json_decref(record);
    json_decref(wanted);
    ch_form_done(&form);
    ch_open311_services_done(&services);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_become_what_is_kept_beside_them),  TEST(updates_become_what_is_kept_beside_them),
        TEST(messages_become_what_is_kept_beside_them), TEST(every_service_has_a_category_of_the_city),
        TEST(the_form_becomes_the_first_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
