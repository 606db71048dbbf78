/* A backup: the log, what it says about itself, and, in a place of their own, the keys. */
#include "hub/store/store.h"

#include "hub/store/disk_file.h"
#include "hub/store/erasures.h"
#include "hub/store/store_format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES ((size_t)64 * 1024)
#define HEX_SIZE (2 * CH_HASH_SIZE + 1)
#define MANIFEST_LIMIT 65536

static const char *const manifest_files[] = {"log/data.mdb", "FORMAT"};
#define FILE_COUNT (sizeof manifest_files / sizeof *manifest_files)

typedef struct file_sum {
    uint64_t size;
    char hash[HEX_SIZE];
} file_sum;

/* Reads a file to its end, hashes it, and writes it to `to` unless that is -1. */
static ch_status pump(int from, int to, const char *path, file_sum *out_sum, ch_error *error)
{
    uint8_t part[COPY_BYTES], hash[CH_HASH_SIZE];
    crypto_generichash_state state;
    off_t at = 0;
    ssize_t got;
    crypto_generichash_init(&state, NULL, 0, CH_HASH_SIZE);
    while ((got = pread(from, part, sizeof part, at)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || (to >= 0 && ch_disk_write(to, part, (size_t)got, at) != CH_OK)) {
            return ch_disk_fail(error, path, "cannot be copied");
        }
        crypto_generichash_update(&state, part, (size_t)got);
        at += got;
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    out_sum->size = (uint64_t)at;
    sodium_bin2hex(out_sum->hash, sizeof out_sum->hash, hash, sizeof hash);
    return CH_OK;
}

static ch_status sum_file(const char *dir, const char *name, file_sum *out_sum, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, name, error);
    if (status != CH_OK) {
        return status;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return ch_error_set(error, CH_CORRUPT, path, "is missing");
    }
    if (fd < 0) {
        return ch_disk_fail(error, path, "cannot be opened");
    }
    status = pump(fd, -1, path, out_sum, error);
    close(fd);
    return status;
}

static ch_status copy_open_files(int from, int to, const char *path, ch_error *error)
{
    file_sum sum;
    ch_status status = pump(from, to, path, &sum, error);
    if (status == CH_OK && fsync(to) != 0) {
        status = ch_disk_fail(error, path, "cannot be synced");
    }
    return status;
}

/* Nothing was erased yet, and the folder is a new one. */
static bool is_absent(const ch_store *store, const char *name)
{
    char path[CH_PATH_SIZE];
    return ch_path_join(path, store->dir, name, NULL) == CH_OK && access(path, F_OK) != 0 && errno == ENOENT;
}

/* keys/NAME of the store to keys_dir/NAME, as a whole or not at all. */
static ch_status copy_keys(const ch_store *store, const char *keys_dir, const char *name, ch_error *error)
{
    char from_path[CH_PATH_SIZE], to_path[CH_PATH_SIZE], beside[CH_PATH_SIZE];
    int from_size = snprintf(from_path, sizeof from_path, "%s/keys/%s", store->dir, name);
    int to_size = snprintf(to_path, sizeof to_path, "%s/%s", keys_dir, name);
    int beside_size = snprintf(beside, sizeof beside, "%s/%s.new", keys_dir, name);
    if (from_size >= CH_PATH_SIZE || to_size >= CH_PATH_SIZE || beside_size >= CH_PATH_SIZE) {
        return ch_error_set(error, CH_TOO_LARGE, keys_dir, "the path is too long");
    }
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    int to = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ch_status status = from < 0 || to < 0
                           ? ch_disk_fail(error, from < 0 ? from_path : beside, "cannot be opened")
                           : copy_open_files(from, to, to_path, error);
    if (from >= 0) {
        close(from);
    }
    if (to >= 0) {
        close(to);
    }
    if (status == CH_OK && rename(beside, to_path) != 0) {
        status = ch_disk_fail(error, to_path, "cannot be replaced");
    }
    return status;
}

/* On the list before the first key is there: a case may be erased meanwhile, and this may end half done. */
static ch_status back_up_keys(const ch_store *store, const char *dir, ch_error *error)
{
    static const char *const names[] = {"cases.slots", "deadletters.slots"};
    char keys_dir[CH_PATH_SIZE];
    int size = snprintf(keys_dir, sizeof keys_dir, "%s.keys", dir);
    if (size >= CH_PATH_SIZE) {
        return ch_error_set(error, CH_TOO_LARGE, dir, "the path is too long");
    }
    ch_status status = ch_dir_make(keys_dir, error);
    if (status == CH_OK) {
        status = ch_key_copies_add(store, keys_dir, error);
    }
    for (size_t i = 0; i < 2 && status == CH_OK; i++) {
        status = copy_keys(store, keys_dir, names[i], error);
    }
    if (status == CH_OK && !is_absent(store, "keys/erasures")) {
        status = copy_keys(store, keys_dir, "erasures", error);
    }
    /* Whoever serves from this one erases in the other copies, too; and in this one. */
    if (status == CH_OK) {
        status = copy_keys(store, keys_dir, "copies", error);
    }
    return status == CH_OK ? ch_dir_sync(keys_dir, error) : status;
}

/* Walks through the copied log; where it ends. */
static ch_status check_log_copy(const char *dir, uint64_t *out_last, char out_chain[HEX_SIZE],
                                ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_event_log *copy;
    uint64_t good;
    ch_status status = ch_path_join(path, dir, "log", error);
    if (status == CH_OK) {
        status = ch_event_log_open(&copy, path, &(ch_event_log_options){.read_only = true}, error);
    }
    if (status != CH_OK) {
        return status;
    }
    status = ch_event_log_verify(copy, &good, error);
    if (status == CH_OK) {
        *out_last = ch_event_log_last(copy);
        sodium_bin2hex(out_chain, HEX_SIZE, ch_event_log_chain(copy), CH_HASH_SIZE);
    }
    ch_event_log_close(copy);
    return status;
}

static ch_status print_manifest(ch_buf *out, const ch_store_format *format, const char *dir, ch_error *error)
{
    uint64_t last = 0;
    char chain[HEX_SIZE];
    ch_status status = check_log_copy(dir, &last, chain, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_append_format(out, "casehub-backup 1\nhub %s\nepoch %" PRIu32 "\nsequence %" PRIu64 "\nchain %s\n",
                         format->hub_code, format->epoch, last, chain);
    for (size_t i = 0; i < FILE_COUNT && status == CH_OK; i++) {
        file_sum sum;
        status = sum_file(dir, manifest_files[i], &sum, error);
        if (status == CH_OK) {
            ch_buf_append_format(out, "file %s %" PRIu64 " %s\n", manifest_files[i], sum.size, sum.hash);
        }
    }
    return status == CH_OK && out->failed != CH_OK ? ch_error_set(error, out->failed, dir, "no memory")
                                                   : status;
}

static ch_status copy_log(ch_event_log *log, const char *dir, const char *name, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, name, error);
    if (status == CH_OK) {
        status = ch_dir_make(path, error);
    }
    return status == CH_OK ? ch_event_log_copy(log, path, error) : status;
}

static ch_status write_texts(const ch_store *store, const char *dir, ch_buf *text, ch_error *error)
{
    ch_store_format format = {.epoch = store->epoch, .is_backup = true};
    memcpy(format.hub_code, store->hub_code, sizeof format.hub_code);
    memcpy(format.key_check, store->key_check, sizeof format.key_check);
    ch_store_format_print(text, &format);
    if (text->failed != CH_OK) {
        return ch_error_set(error, text->failed, dir, "no memory");
    }
    ch_status status = ch_file_replace(dir, "FORMAT", ch_buf_str(text), error);
    ch_buf_clear(text);
    if (status == CH_OK) {
        status = print_manifest(text, &format, dir, error);
    }
    return status == CH_OK ? ch_file_replace(dir, "MANIFEST", ch_buf_str(text), error) : status;
}

/* The keys go after the log, so that they cover every case in it; MANIFEST last: without it there is no
 * backup. */
static ch_status back_up(ch_store *store, ch_event_log *audit, const char *dir, ch_error *error)
{
    bool empty;
    ch_buf text;
    ch_status status = ch_store_check_room(store, false, error);
    if (status == CH_OK) {
        status = ch_dir_make(dir, error);
    }
    if (status == CH_OK) {
        status = ch_dir_is_empty(dir, &empty, error);
    }
    if (status == CH_OK && !empty) {
        status = ch_error_set(error, CH_INVALID, dir, "is not empty");
    }
    if (status == CH_OK) {
        status = copy_log(store->log, dir, "log", error);
    }
    if (status == CH_OK && audit != NULL) {
        status = copy_log(audit, dir, "audit", error);
    }
    if (status == CH_OK) {
        status = back_up_keys(store, dir, error);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&text, MANIFEST_LIMIT);
    status = write_texts(store, dir, &text, error);
    ch_buf_done(&text);
    return status;
}

ch_status ch_store_backup(ch_store *store, ch_event_log *audit, const char *dir, ch_error *error)
{
    if (atomic_flag_test_and_set(&store->backing_up)) {
        return ch_error_set(error, CH_BUSY, dir, "another backup is running");
    }
    ch_status status = back_up(store, audit, dir, error);
    atomic_flag_clear(&store->backing_up);
    return status;
}

static ch_status check_file_line(const char *dir, const char *manifest, const char *name, ch_error *error)
{
    char line[256];
    file_sum sum;
    ch_status status = sum_file(dir, name, &sum, error);
    if (status != CH_OK) {
        return status;
    }
    snprintf(line, sizeof line, "\nfile %s %" PRIu64 " %s\n", name, sum.size, sum.hash);
    return strstr(manifest, line) != NULL
               ? CH_OK
               : ch_error_set(error, CH_CORRUPT, name, "is not what MANIFEST says");
}

static ch_status check_manifest(const char *dir, const char *manifest, uint64_t *out_last, ch_error *error)
{
    char chain[HEX_SIZE], line[256];
    uint64_t last = 0;
    unsigned long version;
    if (sscanf(manifest, "casehub-backup %lu", &version) != 1) {
        return ch_error_set(error, CH_CORRUPT, dir, "its MANIFEST is damaged");
    }
    if (version != 1) {
        return ch_error_set(error, CH_UNSUPPORTED, dir, "a backup of format %lu", version);
    }
    ch_status status = CH_OK;
    for (size_t i = 0; i < FILE_COUNT && status == CH_OK; i++) {
        status = check_file_line(dir, manifest, manifest_files[i], error);
    }
    if (status == CH_OK) {
        status = check_log_copy(dir, &last, chain, error);
    }
    if (status != CH_OK) {
        return status;
    }
    snprintf(line, sizeof line, "\nsequence %" PRIu64 "\nchain %s\n", last, chain);
    if (strstr(manifest, line) == NULL) {
        return ch_error_set(error, CH_CORRUPT, dir, "the log does not end where MANIFEST says");
    }
    *out_last = last;
    return CH_OK;
}

ch_status ch_backup_check(const char *dir, uint64_t *out_last, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_buf text;
    ch_status status = ch_path_join(path, dir, "MANIFEST", error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&text, MANIFEST_LIMIT);
    status = ch_file_read(&text, path, error);
    if (status == CH_OK) {
        ch_buf_append(&text, "", 1);
        status = text.failed == CH_OK ? check_manifest(dir, (const char *)text.at, out_last, error)
                                      : ch_error_set(error, text.failed, path, "no memory");
    }
    ch_buf_done(&text);
    return status;
}
