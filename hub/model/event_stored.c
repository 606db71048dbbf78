/* The form of an event in a record of the log: short, because it is hashed, summed, copied and kept for ever. */
#include "hub/model/event_attributes.h"

/* An attribute's number in a record is its place here: never changed, only added to (at most 127). */
static const ch_attribute_index kept[] = {
    CH_ATTRIBUTE_IS_ID,          CH_ATTRIBUTE_IS_SOURCE,      CH_ATTRIBUTE_IS_TYPE,
    CH_ATTRIBUTE_IS_TIME,        CH_ATTRIBUTE_IS_SUBJECT,     CH_ATTRIBUTE_IS_REF,
    CH_ATTRIBUTE_IS_AREA,        CH_ATTRIBUTE_IS_PARTY,       CH_ATTRIBUTE_IS_EXPECTEDVERSION,
    CH_ATTRIBUTE_IS_HANDOFF_REF, CH_ATTRIBUTE_IS_CAUSATIONID, CH_ATTRIBUTE_IS_CORRELATIONID,
    CH_ATTRIBUTE_IS_TRACEPARENT, CH_ATTRIBUTE_IS_MAPPING,     CH_ATTRIBUTE_IS_TOPIC,
    CH_ATTRIBUTE_IS_CASESTATE,   CH_ATTRIBUTE_IS_CYCLE,       CH_ATTRIBUTE_IS_ACTOR,
    CH_ATTRIBUTE_IS_DIGESTS,     CH_ATTRIBUTE_IS_DATA,        CH_ATTRIBUTE_IS_SKETCH,
};
#define KEPT (sizeof kept / sizeof *kept)

void ch_event_store(ch_buf *out, const ch_event *event)
{
    size_t present[KEPT];
    uint32_t count = 0;
    for (size_t i = 0; i < KEPT; i++) {
        if (ch_attribute_is_present(event, kept[i])) {
            present[count++] = i;
        }
    }
    ch_mp_put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        ch_mp_put_uint(out, present[i]);
        if (kept[present[i]] == CH_ATTRIBUTE_IS_CASESTATE) {
            ch_mp_put_uint(out, event->case_state);
        } else {
            ch_attribute_put_value(out, event, kept[present[i]]);
        }
    }
}

/* False: not a value of that kind. whole: all bytes of a tree. */
static bool keep_value(ch_event *event, const ch_attribute *attribute, const ch_mp_value *value, ch_str whole)
{
    void *member = (char *)event + attribute->offset;
    switch (attribute->kind) {
    case CH_ATTRIBUTE_TEXT: *(ch_str *)member = value->str; return value->kind == CH_MP_STR;
    case CH_ATTRIBUTE_MAP: *(ch_str *)member = whole; return value->kind == CH_MP_MAP;
    case CH_ATTRIBUTE_TIME:
    case CH_ATTRIBUTE_VERSION: *(int64_t *)member = value->integer; return value->kind == CH_MP_INT;
    case CH_ATTRIBUTE_COUNT32:
        *(uint32_t *)member = (uint32_t)value->integer;
        return value->kind == CH_MP_INT;
    case CH_ATTRIBUTE_STATE:
        *(ch_case_state *)member = (ch_case_state)value->integer;
        return value->kind == CH_MP_INT && value->integer > CH_CASE_NONE &&
               value->integer < CH_CASE_STATE_COUNT;
    case CH_ATTRIBUTE_BIN: *(ch_str *)member = value->str; return value->kind == CH_MP_BIN;
    case CH_ATTRIBUTE_SPEC:
    case CH_ATTRIBUTE_COUNT64:
    case CH_ATTRIBUTE_FLAG: break; /* not kept */
    }
    return false;
}

ch_status ch_event_restore(ch_str stored, ch_event *out_event)
{
    ch_event event = {.expected_version = -1};
    ch_mp_reader reader = ch_mp_reader_of(stored);
    ch_mp_value head, number, value;
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return CH_CORRUPT;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        ch_str whole = CH_STR_NONE;
        if (!ch_mp_next(&reader, &number) || number.kind != CH_MP_INT || number.integer < 0 ||
            number.integer >= (int64_t)KEPT) {
            return CH_CORRUPT;
        }
        ch_mp_reader before = reader;
        if (!ch_mp_next(&reader, &value)) {
            return CH_CORRUPT;
        }
        if (value.kind == CH_MP_MAP && !ch_mp_skip(&before, &whole)) {
            return CH_CORRUPT;
        }
        reader = value.kind == CH_MP_MAP ? before : reader;
        if (!keep_value(&event, &ch_attributes[kept[number.integer]], &value, whole)) {
            return CH_CORRUPT;
        }
    }
    if (event.id.at == NULL || event.source.at == NULL || event.type.at == NULL || event.topic.at == NULL) {
        return CH_CORRUPT;
    }
    *out_event = event;
    return CH_OK;
}
