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

ch_status ch_grant_took_part(const ch_grant *grant, ch_state_reader *state, uint64_t case_number,
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

bool ch_read_right_needs_case(const ch_grant *grant, uint64_t case_number, ch_str topic)
{
    return case_number != 0 && grant->party_count > 0 &&
           (ch_grant_may_read(grant, topic, true) != ch_grant_may_read(grant, topic, false) ||
            ch_grant_may_read_personal(grant, topic, true) !=
                ch_grant_may_read_personal(grant, topic, false));
}

ch_status ch_read_right_of(const ch_grant *grant, ch_state_reader *state, uint64_t case_number, ch_str topic,
                           uint64_t before, ch_read_right *out_right)
{
    ch_read_right right = {.may_read = ch_grant_may_read(grant, topic, false),
                           .personal = ch_grant_may_read_personal(grant, topic, false)};
    if (ch_read_right_needs_case(grant, case_number, topic)) {
        ch_status status = ch_grant_took_part(grant, state, case_number, before, &right.involved);
        if (status != CH_OK) {
            return status;
        }
        right.may_read = ch_grant_may_read(grant, topic, right.involved);
        right.personal = ch_grant_may_read_personal(grant, topic, right.involved);
    }
    *out_right = right;
    return CH_OK;
}

ch_status ch_read_event(ch_buf *out, ch_store *store, const ch_record *record, const ch_event *event,
                        bool personal)
{
    ch_buf secret;
    ch_buf_init(&secret, SECRET_LIMIT);
    ch_status status = ch_store_open_secret(store, record, event, &secret);
    if (status == CH_OK || status == CH_END || status == CH_ERASED) {
        ch_str opened = status == CH_OK ? ch_buf_str(&secret) : CH_STR_NONE;
        status = ch_schema_join(out, record->public_part, opened, personal);
    }
    if (secret.size > 0) {
        sodium_memzero(secret.at, secret.size);
    }
    ch_buf_done(&secret);
    return status;
}
