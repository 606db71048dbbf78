#include "replay/heads.h"

#include "hub/base/array.h"
#include "hub/base/clock.h"
#include "hub/base/new_file.h"
#include "hub/store/disk_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KEY_HEX_SIZE (2 * CH_PUBLIC_KEY_SIZE + 1)
#define SIGNATURE_HEX_SIZE (2 * crypto_sign_BYTES + 1)
#define FILE_LIMIT ((size_t)64 << 20)
#define LINE_MOST 512
#define HEADS_FIRST 64
#define SIGNATURE_IS ",\"signature\":\""
_Static_assert(CH_PUBLIC_KEY_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(CH_SIGNING_KEY_SIZE == crypto_sign_SECRETKEYBYTES, "Ed25519");

/* ---- keys */

static ch_status write_hex(const char *path, mode_t mode, const uint8_t bytes[CH_PUBLIC_KEY_SIZE],
                           ch_error *error)
{
    char text[KEY_HEX_SIZE + 1];
    sodium_bin2hex(text, KEY_HEX_SIZE, bytes, CH_PUBLIC_KEY_SIZE);
    text[KEY_HEX_SIZE - 1] = '\n';
    bool made = ch_new_file_write(path, mode, (ch_str){text, KEY_HEX_SIZE});
    sodium_memzero(text, sizeof text);
    if (made) {
        return CH_OK;
    }
    return errno == EEXIST ? ch_error_set(error, CH_INVALID, path, "is there already, and stays as it is")
                           : ch_disk_fail(error, path, "cannot be made");
}

ch_status ch_signing_key_make(const char *path, ch_error *error)
{
    uint8_t seed[crypto_sign_SEEDBYTES], public_key[CH_PUBLIC_KEY_SIZE], key[CH_SIGNING_KEY_SIZE];
    char public_path[CH_PATH_SIZE];
    _Static_assert(sizeof seed == CH_PUBLIC_KEY_SIZE, "both are written alike");
    if (snprintf(public_path, sizeof public_path, "%s.pub", path) >= (int)sizeof public_path) {
        return ch_error_set(error, CH_INVALID, path, "the path is too long");
    }
    randombytes_buf(seed, sizeof seed);
    crypto_sign_seed_keypair(public_key, key, seed);
    ch_status status = write_hex(path, 0600, seed, error);
    if (status == CH_OK) {
        status = write_hex(public_path, 0644, public_key, error);
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(key, sizeof key);
    return status;
}

static bool parse_hex(ch_str text, uint8_t *out, size_t size)
{
    size_t got = 0;
    while (text.size > 0 && (text.at[text.size - 1] == '\n' || text.at[text.size - 1] == '\r')) {
        text.size--;
    }
    return text.size == 2 * size && sodium_hex2bin(out, size, text.at, text.size, NULL, &got, NULL) == 0 &&
           got == size;
}

static ch_status read_hex(const char *path, uint8_t out[CH_PUBLIC_KEY_SIZE], ch_error *error)
{
    ch_buf text;
    ch_buf_init(&text, 2 * KEY_HEX_SIZE);
    ch_status status = ch_file_read(&text, path, error);
    if (status == CH_TOO_LARGE ||
        (status == CH_OK && !parse_hex(ch_buf_str(&text), out, CH_PUBLIC_KEY_SIZE))) {
        status = ch_error_set(error, CH_INVALID, path, "holds no key: %d hexadecimal digits are one",
                              KEY_HEX_SIZE - 1);
    }
    if (text.at != NULL) {
        sodium_memzero(text.at, text.capacity);
    }
    ch_buf_done(&text);
    return status;
}

ch_status ch_signing_key_read(const char *path, uint8_t out_key[CH_SIGNING_KEY_SIZE], ch_error *error)
{
    uint8_t seed[crypto_sign_SEEDBYTES], public_key[CH_PUBLIC_KEY_SIZE];
    struct stat seen;
    if (stat(path, &seen) == 0 && (seen.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return ch_error_set(error, CH_INVALID, path, "holds a secret and may be opened by others: chmod 600");
    }
    ch_status status = read_hex(path, seed, error);
    if (status == CH_OK) {
        crypto_sign_seed_keypair(public_key, out_key, seed);
    }
    sodium_memzero(seed, sizeof seed);
    return status;
}

/* ---- lines */

static void print_signed(ch_buf *out, const ch_head *head, const char *time, const char *public_hex)
{
    char chain[2 * CH_HASH_SIZE + 1];
    sodium_bin2hex(chain, sizeof chain, head->chain, CH_HASH_SIZE);
    ch_buf_append_format(out,
                         "{\"head\":\"casehub-head 1\",\"hub\":\"%s\",\"epoch\":%" PRIu32
                         ",\"sequence\":%" PRIu64 ",\"chain\":\"%s\",\"time\":\"%s\",\"public_key\":\"%s\"",
                         head->hub_code, head->epoch, head->sequence, chain, time, public_hex);
}

void ch_head_sign(ch_buf *out, const ch_head *head, int64_t time_ms, const uint8_t key[CH_SIGNING_KEY_SIZE])
{
    uint8_t public_key[CH_PUBLIC_KEY_SIZE], signature[crypto_sign_BYTES];
    char time[CH_TIME_TEXT_SIZE], public_hex[KEY_HEX_SIZE], hex[SIGNATURE_HEX_SIZE];
    size_t begin = out->size;
    crypto_sign_ed25519_sk_to_pk(public_key, key);
    sodium_bin2hex(public_hex, sizeof public_hex, public_key, sizeof public_key);
    ch_time_format(time_ms, 0, time);
    print_signed(out, head, time, public_hex);
    if (out->failed != CH_OK) {
        return;
    }
    crypto_sign_detached(signature, NULL, out->at + begin, out->size - begin, key);
    sodium_bin2hex(hex, sizeof hex, signature, sizeof signature);
    ch_buf_append_format(out, SIGNATURE_IS "%s\"}\n", hex);
}

/* What was signed is exactly what would be printed of it: nothing else is believed. */
static bool parse(const char *line, ch_head *out_head, char public_hex[KEY_HEX_SIZE])
{
    ch_head head = {.epoch = 0};
    char chain[2 * CH_HASH_SIZE + 1], time[CH_TIME_TEXT_SIZE];
    ch_buf again;
    _Static_assert(CH_CODE_MAX == 63 && CH_HASH_SIZE == 32 && CH_TIME_TEXT_SIZE == 40, "the widths below");
    int fields = sscanf(line,
                        "{\"head\":\"casehub-head 1\",\"hub\":\"%63[A-Z0-9]\",\"epoch\":%" SCNu32
                        ",\"sequence\":%" SCNu64 ",\"chain\":\"%64[0-9a-f]\",\"time\":\"%39[0-9TZ:.+-]\""
                        ",\"public_key\":\"%64[0-9a-f]\"",
                        head.hub_code, &head.epoch, &head.sequence, chain, time, public_hex);
    if (fields != 6 || !parse_hex(ch_str_of(chain), head.chain, CH_HASH_SIZE)) {
        return false;
    }
    ch_buf_init(&again, LINE_MOST);
    print_signed(&again, &head, time, public_hex);
    bool same = again.failed == CH_OK && ch_str_starts(ch_str_of(line), ch_buf_str(&again));
    ch_buf_done(&again);
    *out_head = head;
    return same;
}

static bool is_signed(ch_str line, const uint8_t public_key[CH_PUBLIC_KEY_SIZE])
{
    uint8_t signature[crypto_sign_BYTES];
    size_t behind = strlen(SIGNATURE_IS) + SIGNATURE_HEX_SIZE - 1 + 2;
    if (line.size <= behind) {
        return false;
    }
    ch_str text = {line.at, line.size - behind}, rest = {line.at + text.size, behind};
    return ch_str_starts(rest, CH_STR(SIGNATURE_IS)) && memcmp(rest.at + behind - 2, "\"}", 2) == 0 &&
           parse_hex((ch_str){rest.at + strlen(SIGNATURE_IS), SIGNATURE_HEX_SIZE - 1}, signature,
                     sizeof signature) &&
           crypto_sign_verify_detached(signature, (const uint8_t *)text.at, text.size, public_key) == 0;
}

/* ---- a file of them */

static const char *judge_line(const char *line, const char *hub_code,
                              const uint8_t public_key[CH_PUBLIC_KEY_SIZE], ch_head *out_head)
{
    char named[KEY_HEX_SIZE], expected[KEY_HEX_SIZE];
    sodium_bin2hex(expected, sizeof expected, public_key, CH_PUBLIC_KEY_SIZE);
    if (!parse(line, out_head, named)) {
        return "is no head";
    }
    if (strcmp(named, expected) != 0 || !is_signed(ch_str_of(line), public_key)) {
        return "is not signed with that key: it is forged, or damaged";
    }
    return strcmp(out_head->hub_code, hub_code) == 0 ? NULL : "is of another hub";
}

static ch_status take_line(ch_heads *heads, const char *line, uint64_t number, const char *hub_code,
                           const uint8_t public_key[CH_PUBLIC_KEY_SIZE])
{
    ch_head head = {.epoch = 0};
    head.wrong = judge_line(line, hub_code, public_key, &head);
    head.line = number;
    ch_status status =
        ch_array_reserve(&heads->at, &heads->capacity, heads->count + 1, HEADS_FIRST, sizeof head);
    if (status == CH_OK) {
        heads->at[heads->count++] = head;
    }
    return status;
}

static int compare(const void *left, const void *right)
{
    const ch_head *a = left, *b = right;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static ch_status take_lines(ch_heads *heads, char *text, const char *hub_code,
                            const uint8_t public_key[CH_PUBLIC_KEY_SIZE], ch_error *error)
{
    char *line;
    for (uint64_t number = 1; (line = strsep(&text, "\n")) != NULL; number++) {
        if (line[0] != '\0' && take_line(heads, line, number, hub_code, public_key) != CH_OK) {
            return ch_error_set(error, CH_NO_MEMORY, heads->path, "no memory for its heads");
        }
    }
    if (heads->count == 0) {
        return ch_error_set(error, CH_INVALID, heads->path, "holds no head");
    }
    qsort(heads->at, heads->count, sizeof *heads->at, compare);
    return CH_OK;
}

ch_status ch_heads_read(ch_heads *out_heads, const char *path, const char *public_key, const char *hub_code,
                        ch_error *error)
{
    uint8_t key[CH_PUBLIC_KEY_SIZE];
    ch_buf text;
    *out_heads = (ch_heads){.path = path};
    ch_status status =
        parse_hex(ch_str_of(public_key), key, sizeof key) ? CH_OK : read_hex(public_key, key, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&text, FILE_LIMIT);
    status = ch_file_read(&text, path, error);
    if (status == CH_OK) {
        ch_buf_append(&text, "", 1);
        status = text.failed == CH_OK ? take_lines(out_heads, (char *)text.at, hub_code, key, error)
                                      : ch_error_set(error, text.failed, path, "no memory to read it");
    }
    ch_buf_done(&text);
    return status;
}

void ch_heads_done(ch_heads *heads)
{
    free(heads->at);
    heads->at = NULL;
}

void ch_heads_pass(ch_heads *heads, uint64_t sequence, uint32_t epoch, const uint8_t chain[CH_HASH_SIZE])
{
    for (; heads->next < heads->count && heads->at[heads->next].sequence <= sequence; heads->next++) {
        ch_head *head = &heads->at[heads->next];
        if (head->wrong != NULL) {
            continue;
        }
        heads->outside += head->sequence < sequence;
        heads->checked += head->sequence == sequence;
        if (head->sequence == sequence &&
            (memcmp(head->chain, chain, CH_HASH_SIZE) != 0 || (epoch != 0 && head->epoch != epoch))) {
            head->wrong = "another chain was signed for this record: the log was replaced or changed";
        }
    }
}

static void tell(const ch_heads *heads, const ch_head *head, const char *what, ch_findings *findings)
{
    char text[256];
    snprintf(text, sizeof text, "%.100s:%" PRIu64 ": %s", heads->path, head->line, what);
    const ch_finding finding = {.kind = CH_FINDING_HEAD, .sequence = head->sequence, .text = text};
    ch_findings_add(findings, &finding);
}

void ch_heads_end(ch_heads *heads, uint64_t last, ch_findings *findings)
{
    char what[128];
    bool any = false;
    for (size_t i = 0; i < heads->count; i++) {
        const ch_head *head = &heads->at[i];
        if (head->wrong != NULL) {
            tell(heads, head, head->wrong, findings);
        } else if (i >= heads->next) {
            snprintf(what, sizeof what, "it was signed, but the last is %" PRIu64 ": the end is cut off",
                     last);
            tell(heads, head, what, findings);
        }
        any = any || head->wrong != NULL || i >= heads->next;
    }
    if (!any && heads->checked == 0) {
        tell(heads, &heads->at[0], "none of the heads lies in what there is: they prove nothing of it",
             findings);
    }
}
