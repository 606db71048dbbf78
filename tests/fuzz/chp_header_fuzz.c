#include "hub/wire/chp.h"
#include "tests/fuzz/fuzz.h"

static void encode(ch_buf *out, const ch_chp_message *message)
{
    if (message->verb != CH_CHP_PUBLISHED) {
        ch_chp_encode(out, message);
        return;
    }
    ch_chp_answer answer;
    ch_mp_reader reader = ch_mp_reader_of(message->results);
    uint32_t count = 0;
    size_t begun_at = ch_chp_published_begin(out, message->request);
    for (; ch_chp_answer_next(&reader, &answer); count++) {
        REQUIRE(ch_str_is_utf8(answer.text) && ch_str_is_utf8(answer.where));
        ch_chp_published_append(out, &answer);
    }
    ch_chp_published_end(out, begun_at, count);
}

/* What was decoded and encoded decodes again, and is then encoded to the same bytes. */
static void check_round_trip(const ch_chp_message *message)
{
    ch_buf once, twice;
    ch_chp_message again;
    ch_buf_init(&once, CH_CHP_HEADER_MAX);
    ch_buf_init(&twice, CH_CHP_HEADER_MAX);
    encode(&once, message);
    REQUIRE(once.failed == CH_OK);
    REQUIRE(ch_chp_decode(ch_buf_str(&once), &again, NULL) == CH_OK);
    encode(&twice, &again);
    REQUIRE(ch_str_equal(ch_buf_str(&once), ch_buf_str(&twice)));
    ch_buf_done(&once);
    ch_buf_done(&twice);
}

static void check_header(ch_str frame)
{
    ch_error error;
    ch_chp_message message;
    ch_status status = ch_chp_decode(frame, &message, &error);
    REQUIRE(message.request <= (uint64_t)CH_CHP_NUMBER_MAX);
    if (status == CH_OK) {
        REQUIRE(ch_chp_verb_sender(message.verb) != 0);
        check_round_trip(&message);
        return;
    }
    REQUIRE(status == CH_INVALID || status == CH_UNSUPPORTED || status == CH_TOO_LARGE);
    REQUIRE(error.status == status && error.where[0] != '\0' && error.text[0] != '\0');
    /* It goes out again in an ERROR. */
    ch_chp_message answer = {.verb = CH_CHP_ERROR, .request = message.request};
    answer.error.code = ch_str_of(ch_status_name(status));
    answer.error.text = ch_str_of(error.text);
    answer.error.where = ch_str_of(error.where);
    check_round_trip(&answer);
}

static void check_body(ch_str frame)
{
    uint32_t count;
    ch_mp_reader reader;
    ch_str item;
    ch_error error;
    if (ch_chp_body_check(frame, CH_CHP_BATCH_MAX, &count, &reader, &error) == CH_OK) {
        REQUIRE(count <= CH_CHP_BATCH_MAX);
        for (uint32_t i = 0; i < count; i++) {
            REQUIRE(ch_mp_skip(&reader, &item));
        }
        REQUIRE(!ch_mp_skip(&reader, &item));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_str frame = {(const char *)data, size};
    check_header(frame);
    check_body(frame);
    return 0;
}
