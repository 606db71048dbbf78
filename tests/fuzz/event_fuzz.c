#include "tests/fuzz/event_round_trip.h"
#include "tests/fuzz/fuzz.h"

static void check(ch_str bytes, ch_event_form form)
{
    ch_event event;
    ch_error error;
    ch_status status = ch_event_decode(bytes, form, &event, &error);
    if (status == CH_OK) {
        check_event_round_trip(&event, form);
        return;
    }
    REQUIRE(status == CH_INVALID || status == CH_TOO_LARGE);
    REQUIRE(error.status == status && error.text[0] != '\0' && ch_str_is_utf8(ch_str_of(error.where)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_str bytes = {(const char *)data, size};
    check(bytes, CH_EVENT_PRODUCED);
    check(bytes, CH_EVENT_RECORDED);
    return 0;
}
