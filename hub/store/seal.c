/* Sealing and keyed digests: what a slot's key is used for. */
#include "hub/store/record.h"

#include <assert.h>
#include <sodium.h>

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES
#define BOUND_TO_MAX (CH_CASE_ID_SIZE + 2 * (CH_ID_MAX + 1))

_Static_assert(NONCE_SIZE + TAG_SIZE == CH_SEAL_OVERHEAD, "record.h tells another overhead");
_Static_assert(NONCE_SIZE == CH_NONCE_SIZE, "record.h tells another nonce");

/* Case id, zero, source, zero, id. 0 when they are longer than any event's can be. */
static size_t bind_to(uint8_t out[BOUND_TO_MAX], ch_str case_id, ch_str source, ch_str id)
{
    const ch_str parts[] = {case_id, CH_STR("\0"), source, CH_STR("\0"), id};
    size_t size = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].size > BOUND_TO_MAX - size) {
            return 0;
        }
        if (parts[i].size > 0) {
            memcpy(out + size, parts[i].at, parts[i].size);
        }
        size += parts[i].size;
    }
    return size;
}

ch_status ch_nonces_init(ch_nonces *nonces, const ch_random *random)
{
    memset(nonces->next, 0, sizeof nonces->next);
    return random->fill(random->context, nonces->next, NONCE_SIZE - sizeof(uint64_t));
}

void ch_nonces_take(ch_nonces *nonces, uint8_t out_nonce[CH_NONCE_SIZE])
{
    uint8_t *counter = nonces->next + NONCE_SIZE - sizeof(uint64_t);
    memcpy(out_nonce, nonces->next, NONCE_SIZE);
    ch_put_be64(counter, ch_get_be64(counter) + 1);
}

void ch_seal(ch_buf *out, ch_str plain, const uint8_t key[CH_KEY_SIZE], const uint8_t nonce[CH_NONCE_SIZE],
             ch_str case_id, ch_str source, ch_str id)
{
    uint8_t bound_to[BOUND_TO_MAX];
    size_t bound = bind_to(bound_to, case_id, source, id);
    if (bound == 0) {
        out->failed = CH_TOO_LARGE;
    }
    uint8_t *at = ch_buf_extend(out, plain.size + CH_SEAL_OVERHEAD);
    if (at == NULL) {
        return;
    }
    memcpy(at, nonce, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + NONCE_SIZE, NULL, (const uint8_t *)plain.at, plain.size,
                                               bound_to, bound, NULL, nonce, key);
}

ch_status ch_unseal(ch_buf *out, ch_str sealed, const uint8_t key[CH_KEY_SIZE], ch_str case_id, ch_str source,
                    ch_str id)
{
    uint8_t bound_to[BOUND_TO_MAX];
    size_t bound = bind_to(bound_to, case_id, source, id);
    if (sealed.size < CH_SEAL_OVERHEAD || bound == 0) {
        return CH_CORRUPT;
    }
    size_t before = out->size, size = sealed.size - CH_SEAL_OVERHEAD;
    uint8_t *plain = ch_buf_extend(out, size);
    if (plain == NULL && (size > 0 || out->failed != CH_OK)) {
        return out->failed;
    }
    const uint8_t *at = (const uint8_t *)sealed.at;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, at + NONCE_SIZE,
                                                   sealed.size - NONCE_SIZE, bound_to, bound, at, key) != 0) {
        out->size = before;
        return CH_CORRUPT;
    }
    return CH_OK;
}

void ch_digest(uint8_t *out, size_t size, ch_str text, const uint8_t key[CH_KEY_SIZE])
{
    uint8_t hash[CH_DIGEST_SIZE];
    _Static_assert(CH_DIGEST_SIZE == crypto_shorthash_siphashx24_BYTES, "the digest is SipHash's");
    _Static_assert(CH_KEY_SIZE >= crypto_shorthash_siphashx24_KEYBYTES, "the key is long enough");
    assert(size <= sizeof hash);
    crypto_shorthash_siphashx24(hash, (const uint8_t *)text.at, text.size, key);
    memcpy(out, hash, size);
}

void ch_fingerprint(uint8_t out[CH_FINGERPRINT_SIZE], ch_str canonical)
{
    crypto_generichash(out, CH_FINGERPRINT_SIZE, (const uint8_t *)canonical.at, canonical.size, NULL, 0);
}
