#include "tests/fuzz/event_round_trip.h"
#include "tests/fuzz/fuzz.h"

#define ENCODED_MAX ((size_t)16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_buf encoded;
    ch_event event;
    ch_error error;
    ch_buf_init(&encoded, ENCODED_MAX);
    ch_status status = ch_event_from_json(&encoded, (ch_str){(const char *)data, size}, &error);
    if (status == CH_OK &&
        ch_event_decode(ch_buf_str(&encoded), CH_EVENT_PRODUCED, &event, &error) == CH_OK) {
        check_event_round_trip(&event, CH_EVENT_PRODUCED);
    }
    if (status != CH_OK) {
        REQUIRE(error.status == status && error.text[0] != '\0' && ch_str_is_utf8(ch_str_of(error.text)));
    }
    ch_buf_done(&encoded);
    return 0;
}
