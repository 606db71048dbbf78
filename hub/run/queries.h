/* queries.h - the questions of hub/wire/QUERIES.md that state, log and rules can answer. Runs on the reader thread, in
 * one look: bounded work, then `more`.
 *
 * Every row is checked against the asker's grant; what is not granted is left out, never hinted at.
 */
#ifndef CH_RUN_QUERIES_H
#define CH_RUN_QUERIES_H

#include "hub/run/hub.h"

typedef struct ch_asker {
    const ch_hub *hub;
    const ch_rules *rules;
    const ch_grant *grant;
    ch_state_reader *state;
    ch_log_reader *log;
    int64_t now_ms; /* wall */
} ch_asker;

typedef struct ch_query_answer {
    ch_buf rows; /* an encoded array of maps */
    uint32_t count;
    bool more;
    char next[128]; /* what to ask for `after`; "" at the end */
} ch_query_answer;

/* Is this one answered here? The others (subscriptions, delete_subscription, backup) are the reader's own. */
bool ch_query_is_known(ch_str name);
/* Does its answer depend on how far the state has come? */
bool ch_query_reads_state(ch_str name);
/* Fills *out_answer, whose rows are initialised and empty, with whole rows of at most CH_CHP_BODY_MAX bytes.
 * CH_INVALID (arguments, with where "QUERY.arguments.limit"), CH_NOT_FOUND (where a single thing is asked for), CH_DENIED
 * (not for this role), CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_query_answer_one(const ch_asker *asker, const ch_chp_query *query, ch_query_answer *out_answer,
                              ch_error *error) CH_MUST_CHECK;

/* CH_INVALID; the name is told only when it can stand in a line. */
ch_status ch_query_no_such_argument(ch_str said, ch_error *error) CH_MUST_CHECK;

/* May this client read events of that case with this topic, and their personal data? */
typedef struct ch_read_right {
    bool may_read, personal;
    bool involved; /* one of its parties took part; false where nobody looked */
} ch_read_right;
/* True: the topic says enough, *out_right is the answer. False: it takes a look at the case, and the state must have
 * folded the log that far. */
bool ch_read_right_by_topic(const ch_grant *grant, uint64_t case_number, ch_str topic,
                            ch_read_right *out_right);
/* before: only parties that took part before this sequence count; UINT64_MAX: all. */
ch_status ch_read_right_by_case(const ch_grant *grant, ch_state_reader *state, uint64_t case_number,
                                ch_str topic, uint64_t before, ch_read_right *out_right) CH_MUST_CHECK;
/* The first where it is enough, else the second. */
ch_status ch_read_right_of(const ch_grant *grant, ch_state_reader *state, uint64_t case_number, ch_str topic,
                           uint64_t before, ch_read_right *out_right) CH_MUST_CHECK;
/* Opened for a while, to be ended whatever the status is. CH_END: there is none; CH_ERASED; CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_read_secret(ch_buf *out_secret, ch_store *store, const ch_record *record,
                         const ch_event *event) CH_MUST_CHECK;
void ch_read_secret_done(ch_buf *secret);
/* Appends the event of a record as this client may see it: secrets joined, personal ones by right. What was erased stays
 * away. CH_CORRUPT, CH_IO, CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_read_event(ch_buf *out, ch_store *store, const ch_record *record, const ch_event *event,
                        bool personal) CH_MUST_CHECK;

#endif
