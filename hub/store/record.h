/* record.h - one log record, format version 1. Integers big-endian.
 *
 *   0  u32 crc32c of every byte behind it        48  16 bytes digest of the producer's attributes (dedup)
 *   4  u8  format (1)   5  u8  zero               64  32 bytes H(sealed part); zero when there is none
 *   6  u16 flags (below)                          96  32 bytes chain
 *   8  u64 sequence     16 u64 case number (0: none)   128 public part, then sealed part
 *  24  i64 recorded ms  32 u32 epoch
 *  36  u32 case version 40 u32 public size  44 u32 sealed size
 *
 * public part: the event with its public fields, without what the head tells already (ch_event_store).
 * sealed part: nonce (24), XChaCha20-Poly1305 ciphertext and tag of the secret map of ch_schema_split, under
 * the case's slot key, or for a dead letter its own slot's; associated data: case id, zero, source, zero, id.
 * H is BLAKE2b-256. chain = H(chain before, bytes 4..95, public part). The sealed part enters by its hash
 * alone, so an export without it still verifies.
 */
#ifndef CH_STORE_RECORD_H
#define CH_STORE_RECORD_H

#include "hub/base/random.h"
#include "hub/model/event.h"

#define CH_RECORD_FORMAT 1
#define CH_RECORD_HEAD_SIZE 128
#define CH_HASH_SIZE 32
#define CH_DIGEST_SIZE 16
#define CH_FINGERPRINT_SIZE 16
#define CH_KEY_SIZE 32
#define CH_SEAL_OVERHEAD (24 + 16)

enum {
    CH_RECORD_ANOMALOUS = 1,
    CH_RECORD_INFERRED = 2,
    CH_RECORD_TEST = 4,
    CH_RECORD_OPENS_CASE = 8,  /* first record of its case */
    CH_RECORD_TAKES_REF = 16,  /* (source, ref) of the event now names the case */
    CH_RECORD_DERIVED = 32,    /* written by the hub itself, id unique by construction: not in dedup */
    CH_RECORD_DEAD_LETTER = 64 /* sealed under dead letter slot `case number` */
};

/* Numbers of cases and dead letters that a new epoch leaves out: the lost end of the log may have given them. */
#define CH_EPOCH_NUMBERS 10000

typedef struct ch_record {
    uint16_t flags;
    uint64_t sequence, case_number;
    int64_t recorded_ms;
    uint32_t epoch, case_version;
    uint8_t digest[CH_DIGEST_SIZE], sealed_hash[CH_HASH_SIZE], chain[CH_HASH_SIZE];
    ch_str public_part;
    ch_str sealed; /* at NULL with a size: the part was cut away (an export); its hash still stands for it */
} ch_record;

/* Appends the record; computes sealed_hash and, from *chain, the new chain, which replaces *chain and is put
 * into record->chain. Failure shows in out->failed. */
void ch_record_encode(ch_buf *out, ch_record *record, uint8_t chain[CH_HASH_SIZE]);
/* Checks sizes, format and crc. Slices point into bytes. CH_CORRUPT, CH_UNSUPPORTED for a newer format. */
ch_status ch_record_decode(ch_str bytes, ch_record *out_record) CH_MUST_CHECK;
/* The same of one whose sealed part was cut away: head and public part. Its crc covers what is gone, so that only the chain
 * vouches for it (ch_record_follows). */
ch_status ch_record_decode_cut(ch_str bytes, ch_record *out_record) CH_MUST_CHECK;
/* All bytes of a record that ch_record_decode read: they lie together. */
ch_str ch_record_bytes(const ch_record *record);
/* The flags that say what the event says of itself: anomalous, inferred, testmode. */
uint16_t ch_record_flags_of(const ch_event *event);
/* The event, from the public part and the head. CH_CORRUPT. */
ch_status ch_record_event(const ch_record *record, ch_event *out_event) CH_MUST_CHECK;
/* What the head of a damaged record claims, without its parts; nothing of it is certain. CH_NOT_FOUND when
 * there are not even the bytes of a head. */
ch_status ch_record_claims(ch_str bytes, ch_record *out_claims) CH_MUST_CHECK;
/* Is record->chain right after `chain`, and the sealed part (if present) the one that was hashed? */
bool ch_record_follows(const ch_record *record, const uint8_t chain[CH_HASH_SIZE]);

#define CH_NONCE_SIZE 24

/* Nonces of one process: 16 random bytes, drawn once, and a counter. Belongs to whoever seals. */
typedef struct ch_nonces {
    uint8_t next[CH_NONCE_SIZE];
} ch_nonces;
/* CH_IO. */
ch_status ch_nonces_init(ch_nonces *nonces, const ch_random *random) CH_MUST_CHECK;
void ch_nonces_take(ch_nonces *nonces, uint8_t out_nonce[CH_NONCE_SIZE]);

/* A nonce must never seal twice under one key. */
void ch_seal(ch_buf *out, ch_str plain, const uint8_t key[CH_KEY_SIZE], const uint8_t nonce[CH_NONCE_SIZE],
             ch_str case_id, ch_str source, ch_str id);
/* CH_CORRUPT. */
ch_status ch_unseal(ch_buf *out, ch_str sealed, const uint8_t key[CH_KEY_SIZE], ch_str case_id, ch_str source,
                    ch_str id) CH_MUST_CHECK;
/* Keyed SipHash-2-4 (128 bits): of a fingerprint the dedup digest, cut to 8 bytes for single fields. size: 1 to 16.
 * Tells whether two texts are the same, to nobody without the key. */
void ch_digest(uint8_t *out, size_t size, ch_str text, const uint8_t key[CH_KEY_SIZE]);
/* BLAKE2b-128 of an event in canonical form: needs no key, so it can be made before the case is known. Never kept. */
void ch_fingerprint(uint8_t out[CH_FINGERPRINT_SIZE], ch_str canonical);

#endif
