#include "tests/unit/store/ledger.h"

#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>

void ledger_init(ledger *of, ch_event_log *log, ch_state *state)
{
    *of = (ledger){.log = log, .state = state, .now.sequence = ch_event_log_last(log)};
    memcpy(of->now.chain, ch_event_log_chain(log), CH_HASH_SIZE);
    ch_buf_init(&of->public_part, (size_t)1 << 20);
    ch_buf_init(&of->records, (size_t)1 << 20);
    ch_buf_init(&of->data, (size_t)1 << 20);
}

void ledger_done(ledger *of)
{
    ch_buf_done(&of->public_part);
    ch_buf_done(&of->records);
    ch_buf_done(&of->data);
}

ch_status ledger_write(ledger *of, ch_event event, uint64_t case_number, uint16_t flags)
{
    char id[32];
    ch_event decoded;
    snprintf(id, sizeof id, "id-%" PRIu64, of->now.sequence + 1);
    event.id = event.id.at == NULL ? ch_str_of(id) : event.id;
    event.source = event.source.at == NULL ? CH_STR("hotline/1") : event.source;
    event.recorded_ms = LEDGER_START_MS + (int64_t)of->now.sequence * 1000;
    event.time_ms = event.time_ms == 0 ? event.recorded_ms : event.time_ms;
    event.expected_version = -1;
    event.sequence = of->now.sequence + 1;
    event.epoch = 1;
    event.topic = event.topic.at == NULL ? CH_STR("case.noted.hotline._._") : event.topic;
    event.actor = CH_STR("tester");
    ch_buf_clear(&of->public_part);
    ch_event_store(&of->public_part, &event);
    assert_int_equal(of->public_part.failed, CH_OK);
    ch_record record = {.flags = (uint16_t)(flags | ch_record_flags_of(&event)),
                        .sequence = event.sequence,
                        .case_number = case_number,
                        .recorded_ms = event.recorded_ms,
                        .epoch = 1,
                        .case_version = event.case_version,
                        .digest = {(uint8_t)event.sequence},
                        .public_part = ch_buf_str(&of->public_part)};
    assert_int_equal(ch_record_event(&record, &decoded), CH_OK);
    uint8_t chain[CH_HASH_SIZE];
    size_t before = of->records.size;
    assert_true(of->held < LEDGER_BATCH_MAX);
    memcpy(chain, of->now.chain, CH_HASH_SIZE);
    ch_record_encode(&of->records, &record, chain);
    of->sizes[of->held++] = (uint32_t)(of->records.size - before);
    ch_status status = of->state == NULL ? CH_OK : ch_state_fold(of->state, &record, &decoded, &of->error);
    if (status != CH_OK) {
        ledger_drop(of);
        return status;
    }
    of->now.sequence++;
    memcpy(of->now.chain, chain, CH_HASH_SIZE);
    return of->holding ? CH_OK : ledger_flush(of);
}

ch_status ledger_flush(ledger *of)
{
    ch_status status = ch_event_log_append(of->log, of->now.sequence + 1 - of->held, ch_buf_str(&of->records),
                                           of->sizes, of->held, of->now.chain,
                                           LEDGER_START_MS + (int64_t)of->now.sequence * 1000, &of->error);
    ledger_drop(of);
    return status;
}

void ledger_drop(ledger *of)
{
    ch_buf_clear(&of->records);
    of->held = 0;
}

static void write_hub(ledger *of, const char *type)
{
    ch_event event = {.type = ch_str_of(type), .data = ch_buf_str(&of->data)};
    assert_ok(ledger_write(of, event, 0, 0), &of->error);
}

void ledger_hub(ledger *of, const char *type, ...)
{
    va_list fields;
    uint32_t count = 0;
    const char *key;
    ch_buf_clear(&of->data);
    size_t begun = ch_mp_begin_map(&of->data);
    va_start(fields, type);
    while ((key = va_arg(fields, const char *)) != NULL) {
        ch_mp_put_text(&of->data, key);
        ch_mp_put_text(&of->data, va_arg(fields, const char *));
        count++;
    }
    va_end(fields);
    ch_mp_end_map(&of->data, begun, count);
    write_hub(of, type);
}

void ledger_hub_number(ledger *of, const char *type, const char *action, int64_t number)
{
    ch_buf_clear(&of->data);
    ch_mp_put_map(&of->data, 2);
    ch_mp_put_text(&of->data, "action");
    ch_mp_put_text(&of->data, action);
    ch_mp_put_text(&of->data, "number");
    ch_mp_put_int(&of->data, number);
    write_hub(of, type);
}

static void write_case_event(ledger *of, ch_event event, uint64_t number, uint16_t flags)
{
    char id[CH_CASE_ID_SIZE];
    assert_true(number <= LEDGER_CASES_MAX);
    ch_case_id_format(id, "ZJ", LEDGER_START_MS, 480, number, false);
    event.subject = ch_str_of(id);
    event.case_version = of->now.versions[number] + 1;
    event.case_state = CH_CASE_RECEIVED;
    event.cycle = 1;
    assert_ok(ledger_write(of, event, number, flags), &of->error);
    of->now.versions[number]++;
}

uint64_t ledger_open(ledger *of, const char *source, const char *ref)
{
    uint64_t number = ++of->now.case_count;
    ch_buf_clear(&of->data);
    ch_mp_put_map(&of->data, 1);
    ch_mp_put_text(&of->data, "kind");
    ch_mp_put_text(&of->data, "matter");
    ch_event event = {.type = CH_STR("case.opened"),
                      .source = ch_str_of(source),
                      .ref = ch_str_of(ref),
                      .data = ch_buf_str(&of->data)};
    uint16_t takes_ref = ref == NULL ? 0 : CH_RECORD_TAKES_REF;
    write_case_event(of, event, number, (uint16_t)(CH_RECORD_OPENS_CASE | takes_ref));
    return number;
}

uint64_t ledger_open_sketched(ledger *of, const char *area, const char *category, int64_t time_ms,
                              uint8_t sketch)
{
    uint8_t bytes[CH_SKETCH_SIZE];
    uint64_t number = ++of->now.case_count;
    memset(bytes, sketch, sizeof bytes);
    ch_buf_clear(&of->data);
    ch_mp_put_map(&of->data, 1);
    ch_mp_put_text(&of->data, "category");
    ch_mp_put_text(&of->data, category);
    write_case_event(of,
                     (ch_event){.type = CH_STR("case.opened"),
                                .time_ms = time_ms,
                                .area = ch_str_of(area),
                                .sketch = {(const char *)bytes, sizeof bytes},
                                .data = ch_buf_str(&of->data)},
                     number, CH_RECORD_OPENS_CASE);
    return number;
}

void ledger_note(ledger *of, uint64_t number)
{
    write_case_event(of, (ch_event){.type = CH_STR("case.noted")}, number, 0);
}

static void put_handoff_data(ledger *of, uint64_t number, uint32_t index, const char *party, int64_t due_ms)
{
    char case_id[CH_CASE_ID_SIZE], id[CH_HANDOFF_ID_SIZE];
    ch_case_id_format(case_id, "ZJ", LEDGER_START_MS, 480, number, false);
    snprintf(id, sizeof id, "%s/h%" PRIu32, case_id, index);
    ch_buf_clear(&of->data);
    ch_mp_put_map(&of->data, 1u + (party != NULL) + (due_ms != 0));
    ch_mp_put_text(&of->data, "handoff");
    ch_mp_put_text(&of->data, id);
    if (party != NULL) {
        ch_mp_put_text(&of->data, "party");
        ch_mp_put_text(&of->data, party);
    }
    if (due_ms != 0) {
        ch_mp_put_text(&of->data, "due");
        ch_mp_put_int(&of->data, due_ms);
    }
}

uint32_t ledger_offer(ledger *of, uint64_t number, const char *party, int64_t due_ms)
{
    uint32_t index = ++of->now.handoffs[number];
    put_handoff_data(of, number, index, party, due_ms);
    write_case_event(of, (ch_event){.type = CH_STR("handoff.offered"), .data = ch_buf_str(&of->data)}, number,
                     0);
    return index;
}

void ledger_move(ledger *of, uint64_t number, uint32_t index, const char *type, int64_t due_ms)
{
    put_handoff_data(of, number, index, NULL, due_ms);
    write_case_event(of, (ch_event){.type = ch_str_of(type), .data = ch_buf_str(&of->data)}, number, 0);
}

void ledger_tie(ledger *of, uint64_t number, const char *type, const char *field, uint64_t other,
                const char *relation)
{
    char id[CH_CASE_ID_SIZE];
    ch_case_id_format(id, "ZJ", LEDGER_START_MS, 480, other, false);
    ch_buf_clear(&of->data);
    ch_mp_put_map(&of->data, 1u + (relation != NULL));
    ch_mp_put_text(&of->data, field);
    ch_mp_put_text(&of->data, id);
    if (relation != NULL) {
        ch_mp_put_text(&of->data, "relation");
        ch_mp_put_text(&of->data, relation);
    }
    write_case_event(of, (ch_event){.type = ch_str_of(type), .data = ch_buf_str(&of->data)}, number, 0);
}

void ledger_clock(ledger *of, uint64_t number, uint32_t index, const char *type, int64_t next_ms)
{
    char case_id[CH_CASE_ID_SIZE], id[CH_HANDOFF_ID_SIZE];
    ch_case_id_format(case_id, "ZJ", LEDGER_START_MS, 480, number, false);
    snprintf(id, sizeof id, "%s/c%" PRIu32, case_id, index);
    ch_buf_clear(&of->data);
    ch_mp_put_map(&of->data, 1u + (next_ms != 0));
    ch_mp_put_text(&of->data, "clock");
    ch_mp_put_text(&of->data, id);
    if (next_ms != 0) {
        ch_mp_put_text(&of->data, "again");
        ch_mp_put_int(&of->data, next_ms);
    }
    write_case_event(of, (ch_event){.type = ch_str_of(type), .data = ch_buf_str(&of->data)}, number, 0);
}
