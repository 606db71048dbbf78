/* heads.h - signed heads: how far a log had come, and its chain there, signed with Ed25519. Who keeps them elsewhere
 * notices a log that was cut off at its end or replaced as a whole, which no log can tell of itself.
 *
 * A head is one line of JSON, exactly as it is printed here:
 *
 *   {"head":"casehub-head 1","hub":"ZJ","epoch":1,"sequence":30,"chain":"<64 hex>","time":"<RFC 3339>",
 *    "public_key":"<64 hex>","signature":"<128 hex>"}
 *
 * (in one line). The signature is over the bytes from the first brace to the end of the public key's quote, before the
 * comma. epoch and chain are those of the record; sequence 0 is an empty log with a chain of zeros.
 */
#ifndef CH_REPLAY_HEADS_H
#define CH_REPLAY_HEADS_H

#include "replay/findings.h"

#include "hub/store/record.h"

#define CH_PUBLIC_KEY_SIZE 32
#define CH_SIGNING_KEY_SIZE 64

typedef struct ch_head {
    char hub_code[CH_CODE_MAX + 1];
    uint32_t epoch;
    uint64_t sequence;
    uint8_t chain[CH_HASH_SIZE];
    uint64_t line;     /* of the file it was read from */
    const char *wrong; /* NULL: nothing yet; a static text */
} ch_head;

/* Makes path (64 hex digits, mode 0600) and path.pub; neither may be there. CH_INVALID, CH_IO. */
ch_status ch_signing_key_make(const char *path, ch_error *error) CH_MUST_CHECK;
/* CH_NOT_FOUND, CH_INVALID (no key, or others may open it), CH_IO. */
ch_status ch_signing_key_read(const char *path, uint8_t out_key[CH_SIGNING_KEY_SIZE],
                              ch_error *error) CH_MUST_CHECK;
/* Appends the line with its LF. */
void ch_head_sign(ch_buf *out, const ch_head *head, int64_t time_ms, const uint8_t key[CH_SIGNING_KEY_SIZE]);

/* The heads of a file, in the order of their sequences, while a log is gone through. */
typedef struct ch_heads {
    const char *path;
    ch_head *at;
    size_t count, capacity, next;
    uint64_t checked;
    uint64_t outside; /* before the first record that there is */
} ch_heads;

/* public_key: 64 hex digits, or a file of them.
 * CH_NOT_FOUND, CH_INVALID (no key; a file without any line), CH_TOO_LARGE, CH_IO, CH_NO_MEMORY. */
ch_status ch_heads_read(ch_heads *out_heads, const char *path, const char *public_key, const char *hub_code,
                        ch_error *error) CH_MUST_CHECK;
void ch_heads_done(ch_heads *heads);
/* Sequences go up. epoch 0: not known. */
void ch_heads_pass(ch_heads *heads, uint64_t sequence, uint32_t epoch, const uint8_t chain[CH_HASH_SIZE]);
/* Nothing is behind last: tells what is no head, is not signed with the key, does not fit, or lies behind the end. */
void ch_heads_end(ch_heads *heads, uint64_t last, ch_findings *findings);

#endif
