#include "hub/store/store_format.h"

#include "hub/store/disk_file.h"

#include <inttypes.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#define VERSION 1
#define FILE_LIMIT 4096

static ch_status bad_format(ch_error *error, const char *path)
{
    return ch_error_set(error, CH_CORRUPT, path, "is not the FORMAT of a store");
}

static ch_status parse(const char *text, const char *path, ch_store_format *out_format, ch_error *error)
{
    unsigned long version;
    ch_store_format format = {.epoch = 0};
    char check[2 * CH_DIGEST_SIZE + 1];
    size_t size = 0;
    if (sscanf(text, "casehub-store %lu", &version) != 1) {
        return bad_format(error, path);
    }
    if (version > VERSION) {
        return ch_error_set(error, CH_UNSUPPORTED, path, "format %lu is newer than this program's %d",
                            version, VERSION);
    }
    _Static_assert(CH_CODE_MAX == 63 && CH_DIGEST_SIZE == 16, "the widths below");
    int fields = sscanf(text, "casehub-store 1\nhub %63s\nepoch %" SCNu32 "\nkey %32s", format.hub_code,
                        &format.epoch, check);
    if (fields != 3 || format.epoch == 0 ||
        sodium_hex2bin(format.key_check, CH_DIGEST_SIZE, check, strlen(check), NULL, &size, NULL) != 0 ||
        size != CH_DIGEST_SIZE) {
        return bad_format(error, path);
    }
    format.is_backup = strstr(text, "\nbackup\n") != NULL;
    *out_format = format;
    return CH_OK;
}

ch_status ch_store_format_read(const char *dir, ch_store_format *out_format, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_buf text;
    ch_status status = ch_path_join(path, dir, "FORMAT", error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&text, FILE_LIMIT);
    status = ch_file_read(&text, path, error);
    if (status == CH_OK) {
        ch_buf_append(&text, "", 1);
        status = text.failed == CH_OK ? parse((const char *)text.at, path, out_format, error)
                                      : bad_format(error, path);
    }
    ch_buf_done(&text);
    return status == CH_TOO_LARGE ? bad_format(error, path) : status;
}

void ch_store_format_print(ch_buf *out, const ch_store_format *format)
{
    char check[2 * CH_DIGEST_SIZE + 1];
    sodium_bin2hex(check, sizeof check, format->key_check, CH_DIGEST_SIZE);
    ch_buf_append_format(out, "casehub-store %d\nhub %s\nepoch %" PRIu32 "\nkey %s\n%s", VERSION,
                         format->hub_code, format->epoch, check, format->is_backup ? "backup\n" : "");
}

ch_status ch_hub_key_read(const char *path, uint8_t out_key[CH_KEY_SIZE], ch_error *error)
{
    struct stat seen;
    ch_buf bytes;
    if (stat(path, &seen) == 0 && (seen.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return ch_error_set(error, CH_INVALID, path, "holds a secret and may be opened by others: chmod 600");
    }
    ch_buf_init(&bytes, CH_KEY_SIZE);
    ch_status status = ch_file_read(&bytes, path, error);
    if (status == CH_TOO_LARGE || (status == CH_OK && bytes.size != CH_KEY_SIZE)) {
        status = ch_error_set(error, CH_INVALID, path, "a hub key is %d bytes", CH_KEY_SIZE);
    }
    if (status == CH_OK) {
        memcpy(out_key, bytes.at, CH_KEY_SIZE);
    }
    if (bytes.at != NULL) {
        sodium_memzero(bytes.at, bytes.capacity);
    }
    ch_buf_done(&bytes);
    return status;
}

ch_status ch_hub_key_make(const char *path, const ch_random *random, uint8_t out_key[CH_KEY_SIZE],
                          ch_error *error)
{
    char dir[CH_PATH_SIZE], name[CH_PATH_SIZE];
    uint8_t key[CH_KEY_SIZE];
    if (ch_str_copy(dir, sizeof dir, ch_str_of(path)) != CH_OK) {
        return ch_error_set(error, CH_TOO_LARGE, path, "the path is too long");
    }
    memcpy(name, dir, sizeof name);
    if (random->fill(random->context, key, sizeof key) != CH_OK) {
        return ch_error_set(error, CH_IO, path, "no random bytes");
    }
    ch_status status =
        ch_file_replace(dirname(dir), basename(name), (ch_str){(const char *)key, sizeof key}, error);
    if (status == CH_OK) {
        memcpy(out_key, key, CH_KEY_SIZE);
    }
    sodium_memzero(key, sizeof key);
    return status;
}

void ch_hub_key_check(const uint8_t key[CH_KEY_SIZE], uint8_t out_check[CH_DIGEST_SIZE])
{
    static const char of[] = "casehub hub key";
    crypto_generichash(out_check, CH_DIGEST_SIZE, (const uint8_t *)of, sizeof of - 1, key, CH_KEY_SIZE);
}
