/* What a client may see of a case: by its topic where that is enough, else by who took part. */
#include "hub/run/queries.h"

#include <sodium.h>

#define SECRET_LIMIT ((size_t)1024 * 1024)

static bool took_part(const ch_case *the_case, const ch_grant *grant, uint64_t before)
{
    if (the_case->lead[0] != '\0' && ch_grant_holds_party(grant, ch_str_of(the_case->lead))) {
        return true;
    }
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        if (handoff->offered_sequence <= before && ch_grant_holds_party(grant, ch_str_of(handoff->party))) {
            return true;
        }
    }
    return false;
}

static ch_status look_at_case(const ch_grant *grant, ch_state_reader *state, uint64_t case_number,
                              uint64_t before, bool *out_involved)
{
    ch_case *the_case;
    ch_status status = ch_case_new(&the_case);
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_reader_case(state, case_number, the_case);
    if (status == CH_OK) {
        *out_involved = took_part(the_case, grant, before);
    }
    ch_case_free(the_case);
    return status == CH_NOT_FOUND ? CH_OK : status;
}

bool ch_read_right_by_topic(const ch_grant *grant, uint64_t case_number, ch_str topic,
                            ch_read_right *out_right)
{
    ch_topic_right apart, involved;
    ch_grant_judge_topic(grant, topic, &apart, &involved);
    *out_right = (ch_read_right){.may_read = apart.may_read, .personal = apart.personal};
    return case_number == 0 || grant->party_count == 0 ||
           (apart.may_read == involved.may_read && apart.personal == involved.personal);
}

ch_status ch_read_right_by_case(const ch_grant *grant, ch_state_reader *state, uint64_t case_number,
                                ch_str topic, uint64_t before, ch_read_right *out_right)
{
    ch_topic_right apart, with;
    bool involved = false;
    ch_status status = case_number == 0 || grant->party_count == 0
                           ? CH_OK
                           : look_at_case(grant, state, case_number, before, &involved);
    if (status != CH_OK) {
        return status;
    }
    ch_grant_judge_topic(grant, topic, &apart, &with);
    const ch_topic_right *right = involved ? &with : &apart;
    *out_right =
        (ch_read_right){.may_read = right->may_read, .personal = right->personal, .involved = involved};
    return CH_OK;
}

ch_status ch_read_right_of(const ch_grant *grant, ch_state_reader *state, uint64_t case_number, ch_str topic,
                           uint64_t before, ch_read_right *out_right)
{
    return ch_read_right_by_topic(grant, case_number, topic, out_right)
               ? CH_OK
               : ch_read_right_by_case(grant, state, case_number, topic, before, out_right);
}

ch_status ch_read_secret(ch_buf *out_secret, ch_store *store, const ch_record *record, const ch_event *event)
{
    ch_buf_init(out_secret, SECRET_LIMIT);
    return ch_store_open_secret(store, record, event, out_secret);
}

void ch_read_secret_done(ch_buf *secret)
{
    if (secret->size > 0) {
        sodium_memzero(secret->at, secret->size);
    }
    ch_buf_done(secret);
}

ch_status ch_read_event(ch_buf *out, ch_store *store, const ch_record *record, const ch_event *event,
                        bool personal)
{
    ch_buf secret;
    ch_status status = ch_read_secret(&secret, store, record, event);
    if (status == CH_OK || status == CH_END || status == CH_ERASED) {
        ch_str opened = status == CH_OK ? ch_buf_str(&secret) : CH_STR_NONE;
        status = ch_schema_join(out, event, opened, personal);
    }
    ch_read_secret_done(&secret);
    return status;
}
