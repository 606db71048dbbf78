#include "connectors/transports/http_secrets.h"

#include "connectors/transports/secret_file.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static ch_status fail_line(const char *file, unsigned line, ch_error *error, const char *why)
{
    char place[160];
    snprintf(place, sizeof place, "%s:%u", file, line);
    return ch_error_set(error, CH_INVALID, place, "%s", why);
}

static ch_status take_line(ch_http_secrets *secrets, ch_str line, unsigned number, ch_error *error)
{
    while (line.size > 0 && strchr(" \t\r", line.at[line.size - 1]) != NULL) {
        line.size--;
    }
    if (line.size == 0 || line.at[0] == '#') {
        return CH_OK;
    }
    if (secrets->count == CH_HTTP_SECRETS_MOST) {
        return fail_line(secrets->file, number, error, "16 secrets are the most");
    }
    if (line.size < CH_HTTP_SECRET_LEAST || line.size > CH_HTTP_SECRET_MOST ||
        ch_str_copy(secrets->at[secrets->count], sizeof secrets->at[0], line) != CH_OK) {
        return fail_line(secrets->file, number, error, "a secret has 16 to 200 bytes");
    }
    secrets->count++;
    return CH_OK;
}

static ch_status take_text(ch_http_secrets *secrets, ch_str text, ch_error *error)
{
    ch_status status = CH_OK;
    for (unsigned number = 1; text.size > 0 && status == CH_OK; number++) {
        const char *end = memchr(text.at, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.at);
        status = take_line(secrets, (ch_str){text.at, size}, number, error);
        size += end != NULL;
        text = (ch_str){text.at + size, text.size - size};
    }
    return status == CH_OK && secrets->count == 0
               ? ch_error_set(error, CH_INVALID, secrets->file, "there is no secret in it")
               : status;
}

static void forget(ch_http_secrets *secrets)
{
    sodium_memzero(secrets->at, sizeof secrets->at);
    secrets->count = 0;
}

static ch_status read_file(ch_http_secrets *secrets, ch_error *error)
{
    ch_secret_file file;
    forget(secrets);
    ch_status status = ch_secret_file_read(&file, secrets->file, error);
    secrets->seen = file.seen;
    if (status == CH_OK) {
        status = take_text(secrets, (ch_str){file.text, file.size}, error);
    }
    ch_secret_file_wipe(&file);
    if (status != CH_OK) {
        forget(secrets);
    }
    return status;
}

ch_status ch_http_secrets_open(ch_http_secrets *out_secrets, const char *file, ch_error *error)
{
    *out_secrets = (ch_http_secrets){.file = strdup(file)};
    if (sodium_init() < 0 || out_secrets->file == NULL) {
        free(out_secrets->file);
        *out_secrets = (ch_http_secrets){.file = NULL};
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory for its secrets");
    }
    ch_status status = read_file(out_secrets, error);
    if (status != CH_OK) {
        ch_http_secrets_done(out_secrets);
    }
    return status;
}

void ch_http_secrets_done(ch_http_secrets *secrets)
{
    forget(secrets);
    free(secrets->file);
    secrets->file = NULL;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

ch_status ch_http_secrets_refresh(ch_http_secrets *secrets, ch_error *error)
{
    struct stat now;
    return secrets->count > 0 && stat(secrets->file, &now) == 0 && is_same(&now, &secrets->seen)
               ? CH_OK
               : read_file(secrets, error);
}

/* Hashes are compared, so that neither length nor content shows in the time. */
bool ch_http_secrets_hold(const ch_http_secrets *secrets, ch_str given)
{
    unsigned char asked[crypto_generichash_BYTES], known[crypto_generichash_BYTES];
    bool found = false;
    crypto_generichash(asked, sizeof asked, (const unsigned char *)given.at, given.size, NULL, 0);
    for (size_t i = 0; i < secrets->count; i++) {
        const char *secret = secrets->at[i];
        crypto_generichash(known, sizeof known, (const unsigned char *)secret, strlen(secret), NULL, 0);
        found |= sodium_memcmp(asked, known, sizeof known) == 0;
    }
    return found;
}

/* ---- signatures */

static void add_part(crypto_auth_hmacsha256_state *state, const char *part)
{
    if (part != NULL) {
        crypto_auth_hmacsha256_update(state, (const unsigned char *)part, strlen(part));
        crypto_auth_hmacsha256_update(state, (const unsigned char *)".", 1);
    }
}

static void compute(const char *secret, const ch_http_signed *of,
                    unsigned char out[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    add_part(&state, of->timestamp);
    add_part(&state, of->id);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)of->body.at, of->body.size);
    crypto_auth_hmacsha256_final(&state, out);
}

void ch_http_sign(const char *secret, const ch_http_signed *of, char out[CH_HTTP_SIGNATURE_SIZE])
{
    unsigned char hash[crypto_auth_hmacsha256_BYTES];
    compute(secret, of, hash);
    sodium_bin2hex(out, CH_HTTP_SIGNATURE_SIZE, hash, sizeof hash);
}

bool ch_http_signature_fits(const ch_http_secrets *secrets, const ch_http_signed *of, const char *signature)
{
    unsigned char given[crypto_auth_hmacsha256_BYTES], made[crypto_auth_hmacsha256_BYTES];
    size_t size = 0;
    bool found = false;
    if (strlen(signature) != CH_HTTP_SIGNATURE_SIZE - 1 ||
        sodium_hex2bin(given, sizeof given, signature, strlen(signature), NULL, &size, NULL) != 0 ||
        size != sizeof given) {
        return false;
    }
    for (size_t i = 0; i < secrets->count; i++) {
        compute(secrets->at[i], of, made);
        found |= sodium_memcmp(given, made, sizeof made) == 0;
    }
    return found;
}
