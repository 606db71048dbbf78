/* event_log.h - the log: sequence -> record, append only, the only truth.
 *
 * One writer thread; readers are independent and may live on other threads or processes. All LMDB errors are
 * translated here.
 */
#ifndef CH_STORE_EVENT_LOG_H
#define CH_STORE_EVENT_LOG_H

#include "hub/store/record.h"

typedef struct ch_event_log ch_event_log;

typedef struct ch_event_log_options {
    size_t map_bytes; /* fixed when the log is made; 64 GiB is fine on 64 bits */
    bool read_only;   /* beside a live hub */
    bool must_exist;  /* an absent or empty log is CH_CORRUPT instead of made */
    bool any_tail;    /* read_only: open also when the last records are damaged, to look for the damage;
                         ch_event_log_last and its like are then 0 */
} ch_event_log_options;

/* dir must exist. Checks the file's size against what LMDB's meta page claims before serving, and the last
 * record's crc and chain link. CH_CORRUPT, CH_UNSUPPORTED, CH_IO, CH_NO_MEMORY. */
ch_status ch_event_log_open(ch_event_log **out_log, const char *dir, const ch_event_log_options *options,
                            ch_error *error) CH_MUST_CHECK;
void ch_event_log_close(ch_event_log *log);

/* Writer: the last record, 0 when empty, and its chain (zeros when empty). */
uint64_t ch_event_log_last(const ch_event_log *log);
const uint8_t *ch_event_log_chain(const ch_event_log *log);
int64_t ch_event_log_last_recorded_ms(const ch_event_log *log);

/* Writer: appends encoded records (bytes concatenated in `records`, sizes[i] each) with sequences last+1 ...
 * in one transaction, synced when it returns CH_OK; chain is the chain after the last. On any failure nothing
 * was appended: CH_STORAGE_FULL (map or disk), CH_CONFLICT (first is not last + 1), CH_IO (a sync failed: the
 * process must not acknowledge anything more; ch_event_log_broken() is then true). */
ch_status ch_event_log_append(ch_event_log *log, uint64_t first, ch_str records, const uint32_t *sizes,
                              size_t count, const uint8_t chain[CH_HASH_SIZE], int64_t recorded_ms,
                              ch_error *error) CH_MUST_CHECK;
bool ch_event_log_broken(const ch_event_log *log);

typedef struct ch_log_usage {
    uint64_t used_bytes, map_bytes, disk_free_bytes;
} ch_log_usage;
ch_status ch_event_log_usage(ch_event_log *log, ch_log_usage *out_usage) CH_MUST_CHECK;

/* A short look at the log: open, a slice of reading, close within 5 s (LMDB reuses no page that a reader may
 * see). */
typedef struct ch_log_reader ch_log_reader;
ch_status ch_log_reader_open(ch_log_reader **out_reader, ch_event_log *log, ch_error *error) CH_MUST_CHECK;
void ch_log_reader_close(ch_log_reader *reader);
/* Last sequence this look can see. */
uint64_t ch_log_reader_last(const ch_log_reader *reader);
/* The record at sequence, or the next one behind it. Slices live until the reader closes. CH_END behind the
 * last, CH_CORRUPT (crc; error names the sequence); ch_log_reader_next then goes on behind it. */
ch_status ch_log_reader_seek(ch_log_reader *reader, uint64_t sequence, ch_record *out_record,
                             ch_error *error) CH_MUST_CHECK;
ch_status ch_log_reader_next(ch_log_reader *reader, ch_record *out_record, ch_error *error) CH_MUST_CHECK;
/* After CH_CORRUPT: what the head of the damaged record claims. Nothing of it is certain, and the parts are
 * left out. CH_NOT_FOUND when there is no head to read. */
ch_status ch_log_reader_damaged(const ch_log_reader *reader, ch_record *out_claims) CH_MUST_CHECK;
/* Closes the transaction but keeps the handle; renew before the next use. */
void ch_log_reader_rest(ch_log_reader *reader);
ch_status ch_log_reader_renew(ch_log_reader *reader, ch_error *error) CH_MUST_CHECK;

/* Walks the whole log: crc, chain, sequence without gap, sealed hashes. CH_CORRUPT names the first bad
 * sequence; *out_good is the last good one, then too. */
ch_status ch_event_log_verify(ch_event_log *log, uint64_t *out_good, ch_error *error) CH_MUST_CHECK;
/* A compact copy of the log into an existing empty folder, beside a running writer. */
ch_status ch_event_log_copy(ch_event_log *log, const char *dir, ch_error *error) CH_MUST_CHECK;

#endif
