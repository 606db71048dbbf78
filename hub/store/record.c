#include "hub/store/record.h"

#include "hub/store/crc32c.h"

#include <sodium.h>

/* What the chain covers of the head: all but the crc before it and the chain behind it. */
#define HASHED_FROM 4
#define HASHED_SIZE (96 - HASHED_FROM)
#define CHAIN_AT 96

static void hash_bytes(uint8_t out[CH_HASH_SIZE], ch_str bytes)
{
    crypto_generichash(out, CH_HASH_SIZE, (const uint8_t *)bytes.at, bytes.size, NULL, 0);
}

static void write_head(uint8_t head[CH_RECORD_HEAD_SIZE], const ch_record *record)
{
    memset(head, 0, CH_RECORD_HEAD_SIZE);
    head[4] = CH_RECORD_FORMAT;
    ch_put_be16(head + 6, record->flags);
    ch_put_be64(head + 8, record->sequence);
    ch_put_be64(head + 16, record->case_number);
    ch_put_be64(head + 24, (uint64_t)record->recorded_ms);
    ch_put_be32(head + 32, record->epoch);
    ch_put_be32(head + 36, record->case_version);
    ch_put_be32(head + 40, (uint32_t)record->public_part.size);
    ch_put_be32(head + 44, (uint32_t)record->sealed.size);
    memcpy(head + 48, record->digest, CH_DIGEST_SIZE);
    memcpy(head + 64, record->sealed_hash, CH_HASH_SIZE);
    memcpy(head + CHAIN_AT, record->chain, CH_HASH_SIZE);
}

static void link_chain(uint8_t out[CH_HASH_SIZE], const uint8_t before[CH_HASH_SIZE],
                       const uint8_t head[CH_RECORD_HEAD_SIZE], ch_str public_part)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CH_HASH_SIZE);
    crypto_generichash_update(&state, before, CH_HASH_SIZE);
    crypto_generichash_update(&state, head + HASHED_FROM, HASHED_SIZE);
    crypto_generichash_update(&state, (const uint8_t *)public_part.at, public_part.size);
    crypto_generichash_final(&state, out, CH_HASH_SIZE);
}

void ch_record_encode(ch_buf *out, ch_record *record, uint8_t chain[CH_HASH_SIZE])
{
    uint8_t head[CH_RECORD_HEAD_SIZE];
    if (record->public_part.size > UINT32_MAX || record->sealed.size > UINT32_MAX) {
        out->failed = CH_TOO_LARGE;
    }
    uint8_t *at = ch_buf_extend(out, sizeof head + record->public_part.size + record->sealed.size);
    if (at == NULL) {
        return;
    }
    memset(record->sealed_hash, 0, CH_HASH_SIZE);
    if (record->sealed.size > 0) {
        hash_bytes(record->sealed_hash, record->sealed);
    }
    write_head(head, record);
    link_chain(record->chain, chain, head, record->public_part);
    memcpy(chain, record->chain, CH_HASH_SIZE);
    memcpy(head + CHAIN_AT, record->chain, CH_HASH_SIZE);
    memcpy(at, head, sizeof head);
    uint8_t *body = at + sizeof head;
    if (record->public_part.size > 0) {
        memcpy(body, record->public_part.at, record->public_part.size);
    }
    if (record->sealed.size > 0) {
        memcpy(body + record->public_part.size, record->sealed.at, record->sealed.size);
    }
    size_t size = sizeof head + record->public_part.size + record->sealed.size;
    ch_put_be32(at, ch_crc32c(0, at + 4, size - 4));
}

static ch_record read_head(const uint8_t *at)
{
    ch_record record = {.flags = ch_get_be16(at + 6),
                        .sequence = ch_get_be64(at + 8),
                        .case_number = ch_get_be64(at + 16),
                        .recorded_ms = (int64_t)ch_get_be64(at + 24),
                        .epoch = ch_get_be32(at + 32),
                        .case_version = ch_get_be32(at + 36)};
    memcpy(record.digest, at + 48, CH_DIGEST_SIZE);
    memcpy(record.sealed_hash, at + 64, CH_HASH_SIZE);
    memcpy(record.chain, at + CHAIN_AT, CH_HASH_SIZE);
    return record;
}

ch_status ch_record_claims(ch_str bytes, ch_record *out_claims)
{
    if (bytes.size < CH_RECORD_HEAD_SIZE) {
        return CH_NOT_FOUND;
    }
    *out_claims = read_head((const uint8_t *)bytes.at);
    return CH_OK;
}

/* cut: the sealed part has a size, but is not there. */
static ch_status read_parts(ch_str bytes, bool cut, ch_record *out_record)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    if (at[4] != CH_RECORD_FORMAT) {
        return at[4] > CH_RECORD_FORMAT ? CH_UNSUPPORTED : CH_CORRUPT;
    }
    size_t public_size = ch_get_be32(at + 40), sealed_size = ch_get_be32(at + 44);
    if (at[5] != 0 || bytes.size - CH_RECORD_HEAD_SIZE != public_size + (cut ? 0 : sealed_size)) {
        return CH_CORRUPT;
    }
    const char *sealed = cut || sealed_size == 0 ? NULL : bytes.at + CH_RECORD_HEAD_SIZE + public_size;
    ch_record record = read_head(at);
    record.public_part = (ch_str){bytes.at + CH_RECORD_HEAD_SIZE, public_size};
    record.sealed = (ch_str){sealed, sealed_size};
    *out_record = record;
    return CH_OK;
}

ch_status ch_record_decode(ch_str bytes, ch_record *out_record)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    if (bytes.size < CH_RECORD_HEAD_SIZE || ch_get_be32(at) != ch_crc32c(0, at + 4, bytes.size - 4)) {
        return CH_CORRUPT;
    }
    return read_parts(bytes, false, out_record);
}

ch_status ch_record_decode_cut(ch_str bytes, ch_record *out_record)
{
    return bytes.size < CH_RECORD_HEAD_SIZE ? CH_CORRUPT : read_parts(bytes, true, out_record);
}

ch_str ch_record_bytes(const ch_record *record)
{
    return (ch_str){record->public_part.at - CH_RECORD_HEAD_SIZE,
                    CH_RECORD_HEAD_SIZE + record->public_part.size + record->sealed.size};
}

uint16_t ch_record_flags_of(const ch_event *event)
{
    return (uint16_t)((event->anomalous ? CH_RECORD_ANOMALOUS : 0) |
                      (event->inferred ? CH_RECORD_INFERRED : 0) | (event->test_mode ? CH_RECORD_TEST : 0));
}

ch_status ch_record_event(const ch_record *record, ch_event *out_event)
{
    ch_status status = ch_event_restore(record->public_part, out_event);
    if (status != CH_OK) {
        return status;
    }
    out_event->sequence = record->sequence;
    out_event->epoch = record->epoch;
    out_event->recorded_ms = record->recorded_ms;
    out_event->case_version = record->case_version;
    out_event->anomalous = (record->flags & CH_RECORD_ANOMALOUS) != 0;
    out_event->inferred = (record->flags & CH_RECORD_INFERRED) != 0;
    out_event->test_mode = (record->flags & CH_RECORD_TEST) != 0;
    return CH_OK;
}

bool ch_record_follows(const ch_record *record, const uint8_t chain[CH_HASH_SIZE])
{
    uint8_t head[CH_RECORD_HEAD_SIZE], expected[CH_HASH_SIZE], sealed_hash[CH_HASH_SIZE] = {0};
    write_head(head, record);
    link_chain(expected, chain, head, record->public_part);
    if (memcmp(expected, record->chain, CH_HASH_SIZE) != 0) {
        return false;
    }
    if (record->sealed.size > 0 && record->sealed.at == NULL) {
        return true;
    }
    if (record->sealed.size > 0) {
        hash_bytes(sealed_hash, record->sealed);
    }
    return memcmp(sealed_hash, record->sealed_hash, CH_HASH_SIZE) == 0;
}
