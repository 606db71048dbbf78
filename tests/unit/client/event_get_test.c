/* casehub_event_get, casehub_event_json. */
#include "tests/unit/client/peer.h"

#include <stdlib.h>

static ch_buf encoded;
static casehub_event event;

static int start(void **context)
{
    (void)context;
    ch_buf data;
    ch_buf_init(&data, 1000);
    ch_mp_put_map(&data, 5);
    ch_mp_put_text(&data, "handoff");
    ch_mp_put_text(&data, "ZJ-20261123-1/h1");
    ch_mp_put_text(&data, "priority");
    ch_mp_put_int(&data, 2);
    ch_mp_put_text(&data, "lead");
    ch_mp_put_bool(&data, true);
    ch_mp_put_text(&data, "nothing");
    ch_mp_put_nil(&data);
    ch_mp_put_text(&data, "place");
    ch_mp_put_map(&data, 1);
    ch_mp_put_text(&data, "lon");
    ch_mp_put_float(&data, 121.5);
    const ch_event made = {.id = CH_STR("7"),
                           .source = CH_STR("hotline/81890"),
                           .type = CH_STR("handoff.offered"),
                           .time_ms = 1795400820000,
                           .subject = CH_STR("ZJ-20261123-1"),
                           .data = ch_buf_str(&data),
                           .expected_version = -1,
                           .sequence = 12,
                           .epoch = 1,
                           .recorded_ms = 1795400820001,
                           .topic = CH_STR("handoff.offered.hotline.power-supply._"),
                           .case_version = 2,
                           .case_state = CH_CASE_ACCEPTED,
                           .cycle = 1,
                           .actor = CH_STR("hub")};
    ch_buf_init(&encoded, 4096);
    ch_event_encode(&encoded, &made);
    ch_buf_done(&data);
    event = (casehub_event){.encoded = encoded.at, .encoded_size = encoded.size};
    return encoded.failed == CH_OK ? 0 : -1;
}

static int stop(void **context)
{
    (void)context;
    ch_buf_done(&encoded);
    return 0;
}

static void what_is_absent_is_null(void **context)
{
    (void)context;
    const char *const absent[] = {
        "",     ".", "data.", "data.none", "nobody", "data.handoff.more", "private.phone", "data.nothing",
        "type."};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        assert_null(casehub_event_get(&event, absent[i]));
    }
    assert_null(casehub_event_get(&event, NULL));
}

static void values_come_as_text(void **context)
{
    (void)context;
    static const struct {
        const char *path, *text;
    } rows[] = {{"type", "handoff.offered"},
                {"data.handoff", "ZJ-20261123-1/h1"},
                {"data.priority", "2"},
                {"data.lead", "true"},
                {"data.place", "{\"lon\":121.5}"},
                {"data.place.lon", "121.5"},
                {"sequence", "12"},
                {"time", "2026-11-23T02:27:00Z"},
                {"recordedtime", "2026-11-23T02:27:00.001Z"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = casehub_event_get(&event, rows[i].path);
        assert_non_null(text);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void the_event_is_one_json_object(void **context)
{
    (void)context;
    char *json = casehub_event_json(&event);
    assert_non_null(json);
    assert_true(json[0] == '{' && json[strlen(json) - 1] == '}');
    assert_non_null(strstr(json, "\"time\":\"2026-11-23T02:27:00Z\""));
    assert_non_null(strstr(json, "\"lon\":121.5"));
    free(json);
}

#define WITH_EVENT(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EVENT(what_is_absent_is_null),
        WITH_EVENT(values_come_as_text),
        WITH_EVENT(the_event_is_one_json_object),
    };
    return cmocka_run_group_tests_name("event_get", tests, NULL, NULL);
}
