/* event_attributes.h - the one table of an event's attributes, for the files that read and write events.
 *
 * The order is the order of encoding: what identifies an event first, "data" last.
 */
#ifndef CH_MODEL_EVENT_ATTRIBUTES_H
#define CH_MODEL_EVENT_ATTRIBUTES_H

#include "hub/model/event.h"

typedef enum ch_attribute_kind {
    CH_ATTRIBUTE_SPEC,    /* the constant "1.0"; no member */
    CH_ATTRIBUTE_TEXT,    /* ch_str of a str; absent when empty */
    CH_ATTRIBUTE_MAP,     /* ch_str of a whole encoded map */
    CH_ATTRIBUTE_BIN,     /* ch_str of a bin's bytes */
    CH_ATTRIBUTE_TIME,    /* int64_t, CH_TIME_LEAST..CH_TIME_MOST */
    CH_ATTRIBUTE_VERSION, /* int64_t, 0..UINT32_MAX; absent is -1 */
    CH_ATTRIBUTE_COUNT64, /* uint64_t, 1..INT64_MAX; absent is 0 */
    CH_ATTRIBUTE_COUNT32, /* uint32_t, from 1; absent is 0 */
    CH_ATTRIBUTE_STATE,   /* ch_case_state by its name; absent is CH_CASE_NONE */
    CH_ATTRIBUTE_FLAG     /* bool; absent is false */
} ch_attribute_kind;

typedef enum ch_charset {
    CH_CHARSET_ANY,
    CH_CHARSET_PRINTABLE, /* UTF-8 without control characters */
    CH_CHARSET_TYPE,      /* [a-z_.] */
    CH_CHARSET_CODE,      /* [a-z0-9_-] */
    CH_CHARSET_AREA,      /* 2 or more digits */
    CH_CHARSET_TOPIC      /* [a-z0-9_.-] */
} ch_charset;

/* X(symbol, name, member, kind, by the hub, most bytes, charset) */
#define CH_ATTRIBUTE_LIST(X)                                                                                 \
    X(SPECVERSION, "specversion", id, SPEC, false, 3, ANY)                                                   \
    X(ID, "id", id, TEXT, false, CH_ID_MAX, PRINTABLE)                                                       \
    X(SOURCE, "source", source, TEXT, false, CH_ID_MAX, PRINTABLE)                                           \
    X(TYPE, "type", type, TEXT, false, CH_CODE_MAX, TYPE)                                                    \
    X(TIME, "time", time_ms, TIME, false, 0, ANY)                                                            \
    X(SUBJECT, "subject", subject, TEXT, false, CH_CASE_ID_SIZE - 1, PRINTABLE)                              \
    X(REF, "ref", ref, TEXT, false, CH_ID_MAX, PRINTABLE)                                                    \
    X(AREA, "area", area, TEXT, false, 15, AREA)                                                             \
    X(PARTY, "party", party, TEXT, false, CH_CODE_MAX, CODE)                                                 \
    X(EXPECTEDVERSION, "expectedversion", expected_version, VERSION, false, 0, ANY)                          \
    X(HANDOFF_REF, "handoff_ref", handoff_ref, TEXT, false, CH_ID_MAX, PRINTABLE)                            \
    X(CAUSATIONID, "causationid", causation_id, TEXT, false, CH_ID_MAX, PRINTABLE)                           \
    X(CORRELATIONID, "correlationid", correlation_id, TEXT, false, CH_ID_MAX, PRINTABLE)                     \
    X(TRACEPARENT, "traceparent", traceparent, TEXT, false, CH_ID_MAX, PRINTABLE)                            \
    X(MAPPING, "mapping", mapping, TEXT, false, CH_ID_MAX, PRINTABLE)                                        \
    X(TESTMODE, "testmode", test_mode, FLAG, false, 0, ANY)                                                  \
    X(SEQUENCE, "sequence", sequence, COUNT64, true, 0, ANY)                                                 \
    X(EPOCH, "epoch", epoch, COUNT32, true, 0, ANY)                                                          \
    X(RECORDEDTIME, "recordedtime", recorded_ms, TIME, true, 0, ANY)                                         \
    X(TOPIC, "topic", topic, TEXT, true, CH_TOPIC_MAX, TOPIC)                                                \
    X(CASEVERSION, "caseversion", case_version, COUNT32, true, 0, ANY)                                       \
    X(CASESTATE, "casestate", case_state, STATE, true, 0, ANY)                                               \
    X(CYCLE, "cycle", cycle, COUNT32, true, 0, ANY)                                                          \
    X(ACTOR, "actor", actor, TEXT, true, CH_ID_MAX, PRINTABLE)                                               \
    X(DIGESTS, "digests", digests, MAP, true, 0, ANY)                                                        \
    X(SKETCH, "sketch", sketch, BIN, true, 64, ANY)                                                          \
    X(ANOMALOUS, "anomalous", anomalous, FLAG, true, 0, ANY)                                                 \
    X(INFERRED, "inferred", inferred, FLAG, true, 0, ANY)                                                    \
    X(PRIVATE, "private", private_data, MAP, false, 0, ANY)                                                  \
    X(RAW, "raw", raw, BIN, false, 0, ANY)                                                                   \
    X(DATA, "data", data, MAP, false, 0, ANY)

typedef enum ch_attribute_index {
#define CH_ATTRIBUTE_ENUM(symbol, name, member, kind, by_hub, most, charset) CH_ATTRIBUTE_IS_##symbol,
    CH_ATTRIBUTE_LIST(CH_ATTRIBUTE_ENUM)
#undef CH_ATTRIBUTE_ENUM
        CH_ATTRIBUTE_COUNT
} ch_attribute_index;

typedef struct ch_attribute {
    const char *name;
    size_t name_size;
    ch_attribute_kind kind;
    ch_charset charset;
    size_t offset; /* of the member in ch_event */
    size_t most;   /* bytes of a text */
    bool by_hub;
} ch_attribute;

extern const ch_attribute ch_attributes[CH_ATTRIBUTE_COUNT];

/* index: below CH_ATTRIBUTE_COUNT. The value is what stands behind the name in an encoded event. */
bool ch_attribute_is_present(const ch_event *event, unsigned index);
void ch_attribute_put_value(ch_buf *out, const ch_event *event, unsigned index);

/* What an encoded event of this form may be made of: a record also holds what the hub added to a producer's
 * event that went up to its limits. */
const ch_mp_limits *ch_event_limits(ch_event_form form);

#endif
