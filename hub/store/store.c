#include "hub/store/store.h"

#include "hub/store/disk_file.h"
#include "hub/store/erasures.h"
#include "hub/store/store_format.h"
#include "hub/store/store_making.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CURSORS_MAP_BYTES ((size_t)1 << 30)

ch_status ch_store_lock(const char *dir, int *out_fd, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, "lock", error);
    if (status != CH_OK) {
        return status;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ch_disk_fail(error, path, "cannot be opened");
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? ch_error_set(error, CH_LOCKED, dir, "another daemon has it open")
                                      : ch_disk_fail(error, path, "cannot be locked");
        close(fd);
        return status;
    }
    *out_fd = fd;
    return CH_OK;
}

static ch_status take_key(const ch_store_options *options, bool is_new, uint8_t out_key[CH_KEY_SIZE],
                          ch_error *error)
{
    ch_status status = ch_hub_key_read(options->hub_key_file, out_key, error);
    if (status != CH_NOT_FOUND) {
        return status;
    }
    if (!is_new) {
        return ch_error_set(error, CH_INVALID, options->hub_key_file,
                            "is missing, and without the hub key nothing sealed can be opened");
    }
    return ch_hub_key_make(options->hub_key_file, options->random, out_key, error);
}

static ch_status check_identity(const ch_store *store, const ch_store_format *found,
                                const ch_store_options *options, ch_error *error)
{
    if (strcmp(found->hub_code, store->hub_code) != 0) {
        return ch_error_set(error, CH_INVALID, store->dir, "belongs to hub %s, not %s", found->hub_code,
                            store->hub_code);
    }
    if (sodium_memcmp(found->key_check, store->key_check, CH_DIGEST_SIZE) != 0) {
        return ch_error_set(error, CH_INVALID, options->hub_key_file, "is not the hub key of this store");
    }
    return CH_OK;
}

static ch_status make_folders(const ch_store *store, ch_error *error)
{
    static const char *const names[] = {"keys", "log", "state", "cursors"};
    char path[CH_PATH_SIZE];
    ch_status status = CH_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == CH_OK; i++) {
        status = ch_path_join(path, store->dir, names[i], error);
        if (status == CH_OK) {
            status = ch_dir_make(path, error);
        }
    }
    return status;
}

static ch_status open_slots(const ch_store *store, const char *name, bool is_new,
                            const uint8_t key[CH_KEY_SIZE], const ch_random *random, ch_slots **out_slots,
                            ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, store->dir, name, error);
    if (status == CH_OK && !is_new && access(path, F_OK) != 0) {
        status = ch_error_set(error, CH_CORRUPT, path, "is missing");
    }
    return status == CH_OK ? ch_slots_open(out_slots, path, key, random, error) : status;
}

static ch_status open_log(ch_store *store, const ch_store_options *options, bool is_new, ch_error *error)
{
    char path[CH_PATH_SIZE];
    const ch_event_log_options log_options = {.map_bytes = options->log_map_bytes, .must_exist = !is_new};
    ch_status status = ch_path_join(path, store->dir, "log", error);
    if (status == CH_OK) {
        status = ch_event_log_open(&store->log, path, &log_options, error);
    }
    if (status == CH_OK && is_new && ch_event_log_last(store->log) > 0) {
        status = ch_error_set(error, CH_CORRUPT, store->dir, "holds a log, but its FORMAT is missing");
    }
    return status;
}

static ch_status open_state(ch_store *store, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, store->dir, "state", error);
    if (status == CH_OK) {
        status = ch_state_open(&store->state, path, &store->state_options, store->case_slots, error);
    }
    if (status == CH_OK) {
        status = ch_erasures_apply(store, error);
    }
    if (status == CH_OK) {
        status = ch_state_catch_up(store->state, store->log, error);
    }
    return status == CH_OK ? ch_erasures_settle(store, error) : status;
}

static ch_status open_cursors(ch_store *store, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, store->dir, "cursors", error);
    return status == CH_OK ? ch_cursors_open(&store->cursors, path, CURSORS_MAP_BYTES, error) : status;
}

static ch_status open_parts(ch_store *store, const ch_store_options *options, bool is_new,
                            const uint8_t key[CH_KEY_SIZE], ch_error *error)
{
    ch_status status = make_folders(store, error);
    if (status == CH_OK) {
        status = open_log(store, options, is_new, error);
    }
    if (status == CH_OK) {
        status =
            open_slots(store, "keys/cases.slots", is_new, key, options->random, &store->case_slots, error);
    }
    if (status == CH_OK) {
        status = open_slots(store, "keys/deadletters.slots", is_new, key, options->random,
                            &store->dead_letter_slots, error);
    }
    if (status == CH_OK) {
        status = open_cursors(store, error);
    }
    return status == CH_OK ? open_state(store, error) : status;
}

static ch_status write_format(const ch_store *store, ch_error *error)
{
    ch_store_format format = {.epoch = store->epoch};
    ch_buf text;
    memcpy(format.hub_code, store->hub_code, sizeof format.hub_code);
    memcpy(format.key_check, store->key_check, sizeof format.key_check);
    ch_buf_init(&text, 4096);
    ch_store_format_print(&text, &format);
    ch_status status = text.failed == CH_OK ? ch_file_replace(store->dir, "FORMAT", ch_buf_str(&text), error)
                                            : ch_error_set(error, text.failed, "FORMAT", "no memory");
    ch_buf_done(&text);
    return status;
}

/* A backup that is served from goes its own way from here on, and others may have seen more of the log than it holds. One
 * file holds the mark and the epoch: a crash leaves the one or the other. */
static ch_status choose_epoch(ch_store *store, const ch_store_format *found, ch_error *error)
{
    if (found->is_backup && found->epoch == UINT32_MAX) {
        return ch_error_set(error, CH_FULL, store->dir, "its epoch is the last that there is");
    }
    store->epoch = found->is_backup ? found->epoch + 1 : found->epoch;
    return CH_OK;
}

static ch_status open_locked(ch_store *store, const ch_store_options *options, ch_error *error)
{
    uint8_t key[CH_KEY_SIZE];
    ch_store_format found = {.epoch = 1};
    ch_status status = ch_store_format_read(store->dir, &found, error);
    bool is_new = status == CH_NOT_FOUND;
    if (status != CH_OK && !is_new) {
        return status;
    }
    status = take_key(options, is_new, key, error);
    if (status != CH_OK) {
        return status;
    }
    ch_hub_key_check(key, store->key_check);
    status = choose_epoch(store, &found, error);
    if (status == CH_OK) {
        status =
            is_new ? ch_store_making_begin(store->dir, error) : check_identity(store, &found, options, error);
    }
    if (status == CH_OK) {
        status = open_parts(store, options, is_new, key, error);
    }
    if (status == CH_OK && ch_nonces_init(&store->nonces, options->random) != CH_OK) {
        status = ch_error_set(error, CH_IO, "random", "no random bytes");
    }
    sodium_memzero(key, sizeof key);
    if (status == CH_OK && (is_new || found.is_backup)) {
        status = write_format(store, error);
    }
    return status == CH_OK ? ch_store_making_end(store->dir, error) : status;
}

/* Before anything is made or locked, so that a newer store stays untouched. */
static ch_status check_format(const ch_store *store, ch_error *error)
{
    ch_store_format found;
    ch_status status = ch_store_format_read(store->dir, &found, error);
    return status == CH_NOT_FOUND ? CH_OK : status;
}

static ch_status open_all(ch_store *store, const ch_store_options *options, ch_error *error)
{
    if (sodium_init() < 0) {
        return ch_error_set(error, CH_IO, "libsodium", "cannot be started");
    }
    if (ch_str_copy(store->dir, sizeof store->dir, ch_str_of(options->dir)) != CH_OK ||
        ch_str_copy(store->hub_code, sizeof store->hub_code, ch_str_of(options->hub_code)) != CH_OK ||
        store->hub_code[0] == '\0') {
        return ch_error_set(error, CH_INVALID, options->dir,
                            "the folder's path or the hub's code is too long");
    }
    ch_status status = check_format(store, error);
    if (status == CH_OK) {
        status = ch_dir_make(store->dir, error);
    }
    if (status == CH_OK) {
        status = ch_store_lock(store->dir, &store->lock_fd, error);
    }
    return status == CH_OK ? open_locked(store, options, error) : status;
}

ch_status ch_store_open(ch_store **out_store, const ch_store_options *options, ch_error *error)
{
    ch_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, options->dir, "no memory for the store");
    }
    store->lock_fd = -1;
    store->reserve_bytes = options->reserve_bytes;
    store->state_options =
        (ch_state_options){.map_bytes = options->state_map_bytes, .hot_cases = options->hot_cases};
    atomic_flag_clear(&store->backing_up);
    ch_status status = open_all(store, options, error);
    if (status != CH_OK) {
        ch_store_close(store);
        return status;
    }
    *out_store = store;
    return CH_OK;
}

/* What is lost by a failure is folded again from the log. What the log did not take must not stay. */
static void settle_state(ch_store *store)
{
    uint64_t last = store->log == NULL ? 0 : ch_event_log_last(store->log);
    bool ahead = store->log != NULL && ch_state_position(store->state) > last;
    if (store->log != NULL && ch_state_position(store->state) == last) {
        ch_state_set_chain(store->state, ch_event_log_chain(store->log));
    }
    if (ahead || ch_state_commit(store->state, NULL) != CH_OK) {
        ch_state_rollback(store->state);
    }
}

void ch_store_close(ch_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->state != NULL) {
        settle_state(store);
    }
    ch_cursors_close(store->cursors);
    ch_state_close(store->state);
    ch_slots_close(store->case_slots);
    ch_slots_close(store->dead_letter_slots);
    ch_event_log_close(store->log);
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    free(store);
}

static ch_status check_usage(const ch_log_usage *usage, uint64_t needed, const char *where, ch_error *error)
{
    uint64_t map_free = usage->map_bytes > usage->used_bytes ? usage->map_bytes - usage->used_bytes : 0;
    uint64_t left = map_free < usage->disk_free_bytes ? map_free : usage->disk_free_bytes;
    if (left >= needed) {
        return CH_OK;
    }
    return ch_error_set(error, CH_STORAGE_FULL, where, "%s: %llu bytes are left, %llu must be",
                        map_free < usage->disk_free_bytes ? "the map is nearly full"
                                                          : "the disk is nearly full",
                        (unsigned long long)left, (unsigned long long)needed);
}

ch_status ch_store_check_room(ch_store *store, bool urgent, ch_error *error)
{
    ch_log_usage of_log, of_state;
    uint64_t needed = urgent ? store->reserve_bytes / 4 : store->reserve_bytes;
    ch_status status = ch_event_log_usage(store->log, &of_log);
    if (status == CH_OK) {
        status = ch_state_usage(store->state, &of_state);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, store->dir, "its room cannot be measured");
    }
    status = check_usage(&of_log, needed, "log", error);
    return status == CH_OK ? check_usage(&of_state, needed, "state", error) : status;
}

static ch_status empty_state_folder(const ch_store *store, const char *dir, ch_error *error)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[CH_PATH_SIZE];
    struct stat live, given;
    ch_status status = ch_path_join(path, store->dir, "state", error);
    if (status == CH_OK) {
        status = ch_dir_make(dir, error);
    }
    if (status == CH_OK && stat(path, &live) == 0 && stat(dir, &given) == 0 && live.st_ino == given.st_ino &&
        live.st_dev == given.st_dev) {
        return ch_error_set(error, CH_INVALID, dir, "is the live state");
    }
    for (size_t i = 0; i < sizeof names / sizeof *names && status == CH_OK; i++) {
        status = ch_path_join(path, dir, names[i], error);
        if (status == CH_OK && unlink(path) != 0 && errno != ENOENT) {
            status = ch_disk_fail(error, path, "cannot be removed");
        }
    }
    return status;
}

ch_status ch_store_rebuild(ch_store *store, const char *dir, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
{
    ch_state *fresh;
    ch_status status = empty_state_folder(store, dir, error);
    if (status == CH_OK) {
        status = ch_state_open(&fresh, dir, &store->state_options, NULL, error);
    }
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_catch_up(fresh, store->log, error);
    if (status == CH_OK) {
        status = ch_state_hash(fresh, out_hash, error);
    }
    ch_state_close(fresh);
    return status;
}

ch_status ch_secret_open(ch_slots *case_slots, ch_slots *dead_letter_slots, const ch_record *record,
                         const ch_event *event, ch_buf *out_secret)
{
    uint8_t key[CH_KEY_SIZE];
    bool of_dead_letter = (record->flags & CH_RECORD_DEAD_LETTER) != 0;
    ch_slots *slots = of_dead_letter ? dead_letter_slots : case_slots;
    if (record->sealed.at == NULL || record->sealed.size == 0) {
        return CH_END;
    }
    ch_status status = ch_slots_key(slots, record->case_number, key);
    if (status == CH_OK) {
        status = ch_unseal(out_secret, record->sealed, key, of_dead_letter ? CH_STR_NONE : event->subject,
                           event->source, event->id);
    }
    sodium_memzero(key, sizeof key);
    return status == CH_NOT_FOUND ? CH_CORRUPT : status;
}

ch_status ch_store_open_secret(ch_store *store, const ch_record *record, const ch_event *event,
                               ch_buf *out_secret)
{
    return ch_secret_open(store->case_slots, store->dead_letter_slots, record, event, out_secret);
}
