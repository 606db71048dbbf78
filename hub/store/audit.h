/* audit.h - who looked at what: a log of its own, records and chain as those of the log, append only.
 *
 * What was done stands in the log already, with its actor. This is for what leaves no event: questions, reads,
 * subscriptions. It holds no text of a case and no personal data; of a person that was asked for only that one was.
 * Belongs to one thread; readers of the file (casehub-replay) are independent.
 */
#ifndef CH_STORE_AUDIT_H
#define CH_STORE_AUDIT_H

#include "hub/store/event_log.h"

typedef struct ch_audit ch_audit;

typedef struct ch_audit_entry {
    int64_t time_ms;
    uint64_t number;       /* from 1; given by the log */
    ch_str actor, role;    /* of the grant */
    ch_str key;            /* public key, Z85, or "local" */
    ch_str private_right;  /* that the grant had: none, own, all */
    ch_str what;           /* "QUERY case", "READ", "SUBSCRIBE" */
    ch_str case_id, party; /* that were named; absent: none */
    ch_str detail;         /* names of the other arguments, patterns */
} ch_audit_entry;

/* Made when it is not there. CH_CORRUPT, CH_UNSUPPORTED, CH_IO, CH_NO_MEMORY. */
ch_status ch_audit_open(ch_audit **out_audit, const char *dir, size_t map_bytes,
                        ch_error *error) CH_MUST_CHECK;
void ch_audit_close(ch_audit *audit);
/* On the disk when it returns CH_OK. CH_STORAGE_FULL, CH_IO, CH_NO_MEMORY. */
ch_status ch_audit_add(ch_audit *audit, const ch_audit_entry *entry, uint32_t epoch,
                       ch_error *error) CH_MUST_CHECK;
uint64_t ch_audit_last(const ch_audit *audit);
/* What a record of such a log says. CH_CORRUPT. */
ch_status ch_audit_decode(const ch_record *record, ch_audit_entry *out_entry) CH_MUST_CHECK;
ch_event_log *ch_audit_log(ch_audit *audit);

#endif
