#include "tests/fuzz/event_round_trip.h"

#include "tests/fuzz/fuzz.h"

#define TEXT_MAX ((size_t)16 * 1024 * 1024)

static void check_same(ch_str a, ch_str b)
{
    ch_buf first, second;
    ch_buf_init(&first, TEXT_MAX);
    ch_buf_init(&second, TEXT_MAX);
    REQUIRE(ch_mp_canonical(&first, a) == CH_OK && ch_mp_canonical(&second, b) == CH_OK);
    REQUIRE(ch_str_equal(ch_buf_str(&first), ch_buf_str(&second)));
    ch_buf_done(&first);
    ch_buf_done(&second);
}

void check_event_round_trip(const ch_event *event, ch_event_form form)
{
    ch_buf encoded, text, back;
    ch_event again;
    ch_error error;
    ch_buf_init(&encoded, TEXT_MAX);
    ch_buf_init(&text, TEXT_MAX);
    ch_buf_init(&back, TEXT_MAX);
    ch_event_encode(&encoded, event);
    REQUIRE(encoded.failed == CH_OK);
    REQUIRE(ch_event_decode(ch_buf_str(&encoded), form, &again, &error) == CH_OK);

    REQUIRE(ch_event_to_json(&text, ch_buf_str(&encoded)) == CH_OK);
    REQUIRE(ch_str_is_utf8(ch_buf_str(&text)));
    REQUIRE(ch_event_from_json(&back, ch_buf_str(&text), &error) == CH_OK);
    check_same(ch_buf_str(&encoded), ch_buf_str(&back));

    ch_buf_clear(&text);
    REQUIRE(ch_event_canonical(&text, event) == CH_OK);
    ch_buf_done(&encoded);
    ch_buf_done(&text);
    ch_buf_done(&back);
}
