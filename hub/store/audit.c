#include "hub/store/audit.h"

#include "hub/store/disk_file.h"

#include "hub/model/mp.h"

#include <stdlib.h>

#define ENTRY_LIMIT ((size_t)16 * 1024)
#define TEXT_COUNT (sizeof texts / sizeof *texts)

struct ch_audit {
    ch_event_log *log;
    ch_buf entry, record;
};

static const size_t texts[] = {
    offsetof(ch_audit_entry, actor), offsetof(ch_audit_entry, role),
    offsetof(ch_audit_entry, key),   offsetof(ch_audit_entry, private_right),
    offsetof(ch_audit_entry, what),  offsetof(ch_audit_entry, case_id),
    offsetof(ch_audit_entry, party), offsetof(ch_audit_entry, detail),
};

ch_status ch_audit_open(ch_audit **out_audit, const char *dir, size_t map_bytes, ch_error *error)
{
    const ch_event_log_options options = {.map_bytes = map_bytes};
    ch_audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, dir, "no memory for the audit log");
    }
    ch_buf_init(&audit->entry, ENTRY_LIMIT);
    ch_buf_init(&audit->record, ENTRY_LIMIT + CH_RECORD_HEAD_SIZE);
    ch_status status = ch_dir_make(dir, error);
    if (status == CH_OK) {
        status = ch_event_log_open(&audit->log, dir, &options, error);
    }
    if (status != CH_OK) {
        ch_audit_close(audit);
        return status;
    }
    *out_audit = audit;
    return CH_OK;
}

void ch_audit_close(ch_audit *audit)
{
    if (audit != NULL) {
        ch_event_log_close(audit->log);
        ch_buf_done(&audit->entry);
        ch_buf_done(&audit->record);
        free(audit);
    }
}

static void encode(ch_buf *out, const ch_audit_entry *entry)
{
    ch_buf_clear(out);
    ch_mp_put_array(out, TEXT_COUNT);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        ch_str text = *(const ch_str *)(const void *)((const char *)entry + texts[i]);
        ch_mp_put_str(out, text.at == NULL ? CH_STR("") : text);
    }
}

/* Times do not go back, so that what is newer stands behind. */
ch_status ch_audit_add(ch_audit *audit, const ch_audit_entry *entry, uint32_t epoch, ch_error *error)
{
    uint8_t chain[CH_HASH_SIZE];
    int64_t before_ms = ch_event_log_last_recorded_ms(audit->log);
    int64_t time_ms = entry->time_ms > before_ms ? entry->time_ms : before_ms;
    ch_record record = {.flags = CH_RECORD_DERIVED,
                        .sequence = ch_event_log_last(audit->log) + 1,
                        .recorded_ms = time_ms,
                        .epoch = epoch};
    encode(&audit->entry, entry);
    record.public_part = ch_buf_str(&audit->entry);
    memcpy(chain, ch_event_log_chain(audit->log), CH_HASH_SIZE);
    ch_buf_clear(&audit->record);
    ch_record_encode(&audit->record, &record, chain);
    if (audit->entry.failed != CH_OK || audit->record.failed != CH_OK) {
        return ch_error_set(error, CH_NO_MEMORY, "audit", "no room for an entry");
    }
    const uint32_t size = (uint32_t)audit->record.size;
    return ch_event_log_append(audit->log, record.sequence, ch_buf_str(&audit->record), &size, 1, chain,
                               time_ms, error);
}

uint64_t ch_audit_last(const ch_audit *audit)
{
    return ch_event_log_last(audit->log);
}

ch_event_log *ch_audit_log(ch_audit *audit)
{
    return audit->log;
}

ch_status ch_audit_decode(const ch_record *record, ch_audit_entry *out_entry)
{
    ch_mp_value value;
    ch_mp_reader reader = ch_mp_reader_of(record->public_part);
    ch_audit_entry entry = {.time_ms = record->recorded_ms, .number = record->sequence};
    if (ch_mp_check(record->public_part, &ch_mp_limits_event, NULL) != CH_OK ||
        !ch_mp_next(&reader, &value) || value.kind != CH_MP_ARRAY || value.count != TEXT_COUNT) {
        return CH_CORRUPT;
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (!ch_mp_next(&reader, &value) || value.kind != CH_MP_STR) {
            return CH_CORRUPT;
        }
        *(ch_str *)(void *)((char *)&entry + texts[i]) = value.str;
    }
    *out_entry = entry;
    return CH_OK;
}
