/* event.h - one event: what the producer says and what the hub adds. Attribute names are CloudEvents 1.0's
 * where it has one (https://github.com/cloudevents/spec, "CloudEvents - Version 1.0.2").
 *
 * Encoded as a MessagePack map (wire, log) or a JSON object (files, command line). A ch_event owns nothing:
 * its slices point into the bytes it was decoded from.
 */
#ifndef CH_MODEL_EVENT_H
#define CH_MODEL_EVENT_H

#include "hub/model/mp.h"

#define CH_ID_MAX 200      /* bytes of id, source, ref, actor, correlation attributes */
#define CH_CODE_MAX 63     /* bytes of party, kind, category and other codes */
#define CH_TOPIC_MAX 200   /* bytes of a topic or pattern */
#define CH_CASE_ID_SIZE 48 /* bytes of "T-ZJ-20261123-18446744073709551615" with its zero */
#define CH_HANDOFF_ID_SIZE 64
/* Times are milliseconds of the years 1 to 9999: what RFC 3339 can write. */
#define CH_TIME_LEAST INT64_C(-62135596800000)
#define CH_TIME_MOST INT64_C(253402300799999)

/* One of a-z, 0-9, _ and -: what codes and the tokens of topics consist of. */
bool ch_is_code_byte(char byte);
/* 1 to CH_CODE_MAX of these; of a dotted code ("power.trip") also ".". */
bool ch_is_code(ch_str text, bool dotted);

/* Legal states of a case; X(symbol, name). The order is the order of the lifecycle. */
#define CH_CASE_STATE_LIST(X)                                                                                \
    X(CH_CASE_NONE, "none")                                                                                  \
    X(CH_CASE_RECEIVED, "received")                                                                          \
    X(CH_CASE_ACCEPTED, "accepted")                                                                          \
    X(CH_CASE_ASSIGNED, "assigned")                                                                          \
    X(CH_CASE_IN_PROGRESS, "in_progress")                                                                    \
    X(CH_CASE_WAITING, "waiting")                                                                            \
    X(CH_CASE_RESOLVED, "resolved")                                                                          \
    X(CH_CASE_CLOSED, "closed")                                                                              \
    X(CH_CASE_REJECTED, "rejected")                                                                          \
    X(CH_CASE_CANCELLED, "cancelled")                                                                        \
    X(CH_CASE_MERGED, "merged")
typedef enum ch_case_state {
#define CH_CASE_STATE_ENUM(symbol, name) symbol,
    CH_CASE_STATE_LIST(CH_CASE_STATE_ENUM)
#undef CH_CASE_STATE_ENUM
        CH_CASE_STATE_COUNT
} ch_case_state;
const char *ch_case_state_name(ch_case_state state);
ch_status ch_case_state_from_name(ch_str name, ch_case_state *out_state) CH_MUST_CHECK;

typedef struct ch_event {
    /* From the producer. Absent: a slice with at == NULL. */
    ch_str id;                /* unique per source, 1..CH_ID_MAX bytes */
    ch_str source;            /* e.g. "hotline/81890" */
    ch_str type;              /* e.g. "case.opened" */
    int64_t time_ms;          /* when it happened; "time": RFC 3339 in JSON */
    ch_str subject;           /* case id, or */
    ch_str ref;               /* the case's number in the source system */
    ch_str area;              /* 2 to 15 digits */
    ch_str party;             /* acting for */
    ch_str data;              /* one map, encoded; NULL when absent */
    ch_str private_data;      /* attribute "private": one map, encoded */
    int64_t expected_version; /* "expectedversion"; -1 when absent */
    ch_str handoff_ref;       /* "handoff_ref": the receiver's own number for its part */
    ch_str causation_id, correlation_id, traceparent;
    ch_str mapping; /* version of the mapping that made it */
    ch_str raw;     /* bin: the record it was made from */
    bool test_mode; /* "testmode" */

    /* Added by the hub; 0 or absent in what a producer sends (a producer that sends one is refused). */
    uint64_t sequence;
    uint32_t epoch;
    int64_t recorded_ms; /* "recordedtime" */
    ch_str topic;
    uint32_t case_version;    /* "caseversion": 1, 2, 3 ... in the case; 0 for hub. events */
    ch_case_state case_state; /* "casestate" after the event */
    uint32_t cycle;           /* 1, and one more with each reopening */
    ch_str actor;             /* name of the authenticated client */
    /* "digests": map of field -> bin(8), keyed hashes of opened and amended fields, so that a later case.opened
     * of the same ref can be compared without its text. */
    ch_str digests;
    ch_str sketch; /* bin: of a case.opened, see sketch.h */
    bool anomalous, inferred;
} ch_event;

/* Who encodes or decodes: a producer's event may not carry the hub's attributes, a record must. */
typedef enum ch_event_form { CH_EVENT_PRODUCED, CH_EVENT_RECORDED } ch_event_form;

/* Checks bytes against ch_mp_limits_event (a record also holds what the hub added, so a little more), then every
 * attribute: known name, kind, length, charset (id, source, ref: printable UTF-8; type: [a-z_.]; party and codes:
 * [a-z0-9_-]; area: digits), specversion "1.0"; id, source, type and time present; not both subject and ref.
 * nil counts as absent. CH_INVALID, CH_TOO_LARGE; where is the attribute. Slices of *out_event point into bytes. */
ch_status ch_event_decode(ch_str bytes, ch_event_form form, ch_event *out_event,
                          ch_error *error) CH_MUST_CHECK;
/* Appends the map; absent attributes are left out; "data" comes last. Failure shows in out->failed. */
void ch_event_encode(ch_buf *out, const ch_event *event);
/* The same with room for so many pairs more, which the caller puts behind it. */
void ch_event_encode_with(ch_buf *out, const ch_event *event, uint32_t more);

/* The public part of a record: a map of numbers to values, without what the record's head tells (sequence, epoch,
 * recordedtime, caseversion, testmode, anomalous, inferred) and without private and raw. Failure shows in
 * out->failed. */
void ch_event_store(ch_buf *out, const ch_event *event);
/* Of bytes that ch_event_store wrote and a checksum vouches for: read without a second look at every byte. What the
 * head tells is left absent. CH_CORRUPT when they cannot be read. */
ch_status ch_event_restore(ch_str stored, ch_event *out_event) CH_MUST_CHECK;

/* One JSON object <-> one encoded event (not decoded): time and recordedtime as RFC 3339 in UTC. */
ch_status ch_event_from_json(ch_buf *out_encoded, ch_str text, ch_error *error) CH_MUST_CHECK;
ch_status ch_event_to_json(ch_buf *out_text, ch_str encoded) CH_MUST_CHECK;

/* The producer's attributes in canonical form, for the dedup digest: everything up to raw, without
 * expectedversion, traceparent, mapping and raw (the same fact mapped again is the same event). */
ch_status ch_event_canonical(ch_buf *out, const ch_event *event) CH_MUST_CHECK;

/* "ZJ-20261123-18" <-> number 18, and "<case>/h3" <-> 3. */
void ch_case_id_format(char out[CH_CASE_ID_SIZE], const char *hub_code, int64_t opened_ms,
                       int utc_offset_minutes, uint64_t number, bool test_mode);
/* The number at the end of a well-formed id ([T-]CODE-yyyymmdd-n); CH_INVALID. Whether the rest is right only
 * the stored case can tell. */
ch_status ch_case_id_number(ch_str id, uint64_t *out_number) CH_MUST_CHECK;
ch_status ch_handoff_id_split(ch_str id, ch_str *out_case_id, uint32_t *out_index) CH_MUST_CHECK;
/* The same of "<case>/g<k>". */
ch_status ch_group_id_split(ch_str id, ch_str *out_case_id, uint32_t *out_index) CH_MUST_CHECK;
/* And of "<case>/c<k>". */
ch_status ch_clock_id_split(ch_str id, ch_str *out_case_id, uint32_t *out_index) CH_MUST_CHECK;

#endif
