#include "hub/store/store_import.h"

#include "hub/store/disk_file.h"
#include "hub/store/store.h"
#include "hub/store/store_format.h"
#include "hub/store/store_making.h"
#include "hub/store/whole_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#define MAP_BYTES ((size_t)256 << 30) /* takes room only as it fills */
#define HOT_CASES 8192
#define BATCH_RECORDS 1024
#define BATCH_BYTES ((size_t)4 << 20)
#define COPY_BYTES ((size_t)64 << 10)

typedef struct import {
    const ch_store_import_options *options;
    ch_archive_reader *reader;
    const ch_archive_head *head;
    int lock_fd;
    ch_store_format format; /* as it was; epoch 0: there was no store */
    uint8_t hub_key[CH_KEY_SIZE];
    ch_event_log *log;
    ch_log_reader *look; /* at what is there already */
    ch_slots *slots[2];
    uint64_t numbers[2]; /* highest case, and dead letter, of the archive */
    uint64_t before;
    bool begun; /* something is new */
    uint8_t chain[CH_HASH_SIZE];
    int64_t recorded_ms;
    ch_buf batch;
    uint32_t sizes[BATCH_RECORDS];
    size_t count;
} import;

static const char *const slot_files[] = {"cases.slots", "deadletters.slots"};

static bool is_new(const import *run)
{
    return run->format.epoch == 0;
}

static ch_status join(char out[CH_PATH_SIZE], const import *run, const char *name, ch_error *error)
{
    return ch_path_join(out, run->options->dir, name, error);
}

static bool holds(const import *run, const char *name)
{
    char path[CH_PATH_SIZE];
    return join(path, run, name, NULL) == CH_OK && access(path, F_OK) == 0;
}

static ch_status take_key(import *run, ch_error *error)
{
    uint8_t check[CH_DIGEST_SIZE];
    ch_status status = ch_hub_key_read(run->options->hub_key_file, run->hub_key, error);
    if (status != CH_OK) {
        return status;
    }
    ch_hub_key_check(run->hub_key, check);
    return sodium_memcmp(check, run->head->key_check, sizeof check) == 0
               ? CH_OK
               : ch_error_set(error, CH_DENIED, run->options->hub_key_file,
                              "is not the hub key that the archive was sealed under");
}

/* A backup stays what its MANIFEST says; a copy of it may be imported into once a hub, or this, has locked it. */
static ch_status check_folder(import *run, ch_error *error)
{
    const char *dir = run->options->dir;
    ch_status status = ch_store_format_read(dir, &run->format, error);
    if (status == CH_NOT_FOUND) {
        run->format = (ch_store_format){.epoch = 0};
        return CH_OK;
    }
    if (status != CH_OK) {
        return status;
    }
    if (strcmp(run->format.hub_code, run->head->hub_code) != 0) {
        return ch_error_set(error, CH_INVALID, dir, "belongs to hub %s, and the archive to %s",
                            run->format.hub_code, run->head->hub_code);
    }
    if (sodium_memcmp(run->format.key_check, run->head->key_check, CH_DIGEST_SIZE) != 0) {
        return ch_error_set(error, CH_INVALID, dir, "has another hub key than the archive");
    }
    return holds(run, "MANIFEST") && !holds(run, "lock")
               ? ch_error_set(error, CH_INVALID, dir, "is a backup, which nothing is added to")
               : CH_OK;
}

static ch_status make_folders(const import *run, ch_error *error)
{
    static const char *const names[] = {"keys", "log", "state"};
    char path[CH_PATH_SIZE];
    ch_status status = CH_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == CH_OK; i++) {
        status = join(path, run, names[i], error);
        if (status == CH_OK) {
            status = ch_dir_make(path, error);
        }
    }
    return status;
}

static ch_status open_log(import *run, ch_error *error)
{
    char path[CH_PATH_SIZE];
    const ch_event_log_options options = {.map_bytes = MAP_BYTES, .must_exist = !is_new(run)};
    ch_status status = join(path, run, "log", error);
    if (status == CH_OK) {
        status = ch_event_log_open(&run->log, path, &options, error);
    }
    if (status != CH_OK) {
        return status;
    }
    run->before = ch_event_log_last(run->log);
    if (is_new(run) && run->before > 0) {
        return ch_error_set(error, CH_CORRUPT, run->options->dir, "holds a log, but its FORMAT is missing");
    }
    if (run->head->first > run->before + 1) {
        return ch_error_set(error, CH_GAP, run->options->dir,
                            "ends at record %" PRIu64 ", and the archive begins at %" PRIu64, run->before,
                            run->head->first);
    }
    return run->before == 0 ? CH_OK : ch_log_reader_open(&run->look, run->log, error);
}

static ch_status open_store(import *run, ch_error *error)
{
    ch_status status = take_key(run, error);
    if (status == CH_OK) {
        status = check_folder(run, error);
    }
    if (status == CH_OK) {
        status = ch_dir_make(run->options->dir, error);
    }
    if (status == CH_OK) {
        status = ch_store_lock(run->options->dir, &run->lock_fd, error);
    }
    if (status == CH_OK && is_new(run)) {
        status = ch_store_making_begin(run->options->dir, error);
    }
    if (status == CH_OK) {
        status = make_folders(run, error);
    }
    return status == CH_OK ? open_log(run, error) : status;
}

static ch_status open_slots(const import *run, const char *dir, size_t which, bool read_only,
                            ch_slots **out_slots, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, slot_files[which], error);
    if (status != CH_OK) {
        return status;
    }
    return read_only ? ch_slots_open_read_only(out_slots, path, run->hub_key, error)
                     : ch_slots_open(out_slots, path, run->hub_key, run->options->random, error);
}

static ch_status pump(FILE *from, ch_whole_file *to, const char *path, ch_error *error)
{
    uint8_t part[COPY_BYTES];
    size_t size;
    while ((size = fread(part, 1, sizeof part, from)) > 0) {
        if (fwrite(part, 1, size, to->file) != size) {
            return ch_disk_fail(error, to->path, "cannot be written");
        }
    }
    return ferror(from) ? ch_disk_fail(error, path, "cannot be read") : CH_OK;
}

/* Of a new store: a file of its keys as it is. */
static ch_status copy_file(const import *run, const char *keys, const char *name, ch_error *error)
{
    char from_path[CH_PATH_SIZE], to_path[CH_PATH_SIZE];
    ch_whole_file to;
    ch_status status = ch_path_join(from_path, run->options->keys_dir, name, error);
    if (status == CH_OK) {
        status = ch_path_join(to_path, keys, name, error);
    }
    if (status != CH_OK) {
        return status;
    }
    FILE *from = fopen(from_path, "rbe");
    if (from == NULL) {
        return errno == ENOENT ? ch_error_set(error, CH_NOT_FOUND, from_path, "is not there")
                               : ch_disk_fail(error, from_path, "cannot be opened");
    }
    status = ch_whole_file_open(&to, to_path, error);
    if (status == CH_OK) {
        status = pump(from, &to, from_path, error);
        if (status == CH_OK) {
            status = ch_whole_file_finish(&to, error);
        }
        ch_whole_file_drop(&to);
    }
    fclose(from);
    return status;
}

/* What was erased later than the archive ends, and where other copies of the keys are: each on its list, when there is one. */
static ch_status copy_lists(const import *run, ch_error *error)
{
    static const char *const lists[] = {"erasures", "copies"};
    char keys[CH_PATH_SIZE];
    if (!is_new(run) || run->options->keys_dir == NULL) {
        return CH_OK;
    }
    ch_status status = join(keys, run, "keys", error);
    for (size_t i = 0; i < sizeof lists / sizeof *lists && status == CH_OK; i++) {
        status = copy_file(run, keys, lists[i], error);
        status = status == CH_NOT_FOUND ? CH_OK : status;
    }
    return status;
}

static ch_status adopt_slots(import *run, size_t which, ch_error *error)
{
    ch_slots *from;
    ch_status status = open_slots(run, run->options->keys_dir, which, true, &from, error);
    if (status == CH_OK) {
        status = ch_slots_adopt(run->slots[which], from, error);
        ch_slots_close(from);
    }
    return status;
}

static ch_status take_slots(import *run, size_t which, ch_error *error)
{
    char keys[CH_PATH_SIZE];
    bool given = run->options->keys_dir != NULL;
    ch_status status = join(keys, run, "keys", error);
    if (status == CH_OK && given && is_new(run)) {
        status = copy_file(run, keys, slot_files[which], error);
    }
    if (status == CH_OK) {
        status = open_slots(run, keys, which, false, &run->slots[which], error);
    }
    return status == CH_OK && given && !is_new(run) ? adopt_slots(run, which, error) : status;
}

static ch_status write_format(const import *run, ch_error *error)
{
    ch_buf text;
    ch_store_format format = {.epoch = run->head->epoch, .is_backup = true};
    format.epoch = format.epoch < run->format.epoch ? run->format.epoch : format.epoch;
    memcpy(format.hub_code, run->head->hub_code, sizeof format.hub_code);
    memcpy(format.key_check, run->head->key_check, sizeof format.key_check);
    ch_buf_init(&text, 4096);
    ch_store_format_print(&text, &format);
    ch_status status = text.failed == CH_OK
                           ? ch_file_replace(run->options->dir, "FORMAT", ch_buf_str(&text), error)
                           : ch_error_set(error, text.failed, "FORMAT", "no memory");
    ch_buf_done(&text);
    return status;
}

/* Before the first new record: keys, and of a store that is there already the mark. What is there was compared. */
static ch_status begin(import *run, ch_error *error)
{
    if (run->begun) {
        return CH_OK;
    }
    if (!is_new(run) && run->options->keys_dir == NULL) {
        return ch_error_set(error, CH_INVALID, NULL,
                            "the store needs the keys of what is new: --keys, a copy of the hub's keys/");
    }
    ch_log_reader_close(run->look);
    run->look = NULL;
    ch_status status = take_slots(run, 0, error);
    if (status == CH_OK) {
        status = take_slots(run, 1, error);
    }
    if (status == CH_OK) {
        status = copy_lists(run, error);
    }
    if (status == CH_OK && !is_new(run)) {
        status = write_format(run, error);
    }
    run->begun = status == CH_OK;
    return status;
}

static ch_status flush(import *run, ch_error *error)
{
    ch_status status = ch_event_log_append(run->log, ch_event_log_last(run->log) + 1, ch_buf_str(&run->batch),
                                           run->sizes, run->count, run->chain, run->recorded_ms, error);
    ch_buf_clear(&run->batch);
    run->count = 0;
    return status;
}

static ch_status compare(import *run, const ch_record *record, ch_error *error)
{
    ch_record there;
    ch_status status = ch_log_reader_seek(run->look, record->sequence, &there, error);
    if (status != CH_OK) {
        return status;
    }
    memcpy(run->chain, record->chain, CH_HASH_SIZE);
    return there.sequence == record->sequence && memcmp(there.chain, record->chain, CH_HASH_SIZE) == 0
               ? CH_OK
               : ch_error_set(error, CH_DIVERGED, run->options->dir,
                              "record %" PRIu64 " is another one than in the archive: nothing was imported",
                              record->sequence);
}

static ch_status append(import *run, const ch_record *record, ch_error *error)
{
    ch_str bytes = ch_record_bytes(record);
    size_t which = (record->flags & CH_RECORD_DEAD_LETTER) != 0;
    ch_status status = begin(run, error);
    if (status != CH_OK) {
        return status;
    }
    if (!ch_record_follows(record, run->chain)) {
        return ch_error_set(error, CH_CORRUPT, "archive", "record %" PRIu64 " breaks the chain of hashes",
                            record->sequence);
    }
    ch_buf_append_str(&run->batch, bytes);
    if (run->batch.failed != CH_OK) {
        return ch_error_set(error, run->batch.failed, "archive", "no room for a batch");
    }
    run->sizes[run->count++] = (uint32_t)bytes.size;
    memcpy(run->chain, record->chain, CH_HASH_SIZE);
    run->recorded_ms = record->recorded_ms;
    run->numbers[which] =
        record->case_number > run->numbers[which] ? record->case_number : run->numbers[which];
    return run->count == BATCH_RECORDS || run->batch.size >= BATCH_BYTES ? flush(run, error) : CH_OK;
}

static ch_status take_records(import *run, ch_error *error)
{
    ch_record record;
    ch_status status;
    memcpy(run->chain, run->before == 0 ? run->head->chain_before : ch_event_log_chain(run->log),
           CH_HASH_SIZE);
    while ((status = ch_archive_reader_next(run->reader, &record, error)) == CH_OK) {
        status = record.sequence <= run->before ? compare(run, &record, error) : append(run, &record, error);
        if (status == CH_OK && record.sequence % BATCH_RECORDS == 0) {
            status = run->options->look_up(run->options->context, record.sequence, error);
        }
        if (status != CH_OK) {
            return status;
        }
    }
    return status == CH_END ? flush(run, error) : status;
}

static ch_status fold(const import *run, ch_store_imported *out, ch_error *error)
{
    const ch_state_options options = {.map_bytes = MAP_BYTES, .hot_cases = HOT_CASES};
    char path[CH_PATH_SIZE];
    ch_state *state;
    ch_status status = join(path, run, "state", error);
    if (status == CH_OK) {
        status = ch_state_open(&state, path, &options, NULL, error);
    }
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_catch_up(state, run->log, error);
    if (status == CH_OK) {
        status = ch_state_hash(state, out->state_hash, error);
    }
    ch_state_close(state);
    return status;
}

/* Keys that are not there count as erased; FORMAT makes it a store. */
static ch_status finish(import *run, ch_store_imported *out, ch_error *error)
{
    ch_status status = is_new(run) ? begin(run, error) : CH_OK;
    for (size_t i = 0; i < 2 && status == CH_OK && run->begun; i++) {
        status = ch_slots_give_up(run->slots[i], run->numbers[i], error);
    }
    if (status == CH_OK) {
        status = fold(run, out, error);
    }
    if (status == CH_OK && is_new(run)) {
        status = write_format(run, error);
    }
    if (status == CH_OK) {
        status = ch_store_making_end(run->options->dir, error);
    }
    out->before = run->before;
    out->last = ch_event_log_last(run->log);
    memcpy(out->chain, ch_event_log_chain(run->log), CH_HASH_SIZE);
    return status;
}

static void close_all(import *run)
{
    ch_slots_close(run->slots[0]);
    ch_slots_close(run->slots[1]);
    ch_log_reader_close(run->look);
    ch_event_log_close(run->log);
    ch_buf_done(&run->batch);
    sodium_memzero(run->hub_key, sizeof run->hub_key);
    if (run->lock_fd >= 0) {
        close(run->lock_fd);
    }
}

ch_status ch_store_import(const ch_store_import_options *options, ch_archive_reader *reader,
                          ch_store_imported *out_imported, ch_error *error)
{
import run = {.options = options, .reader = reader, .head = ch_archive_reader_head(reader), .lock_fd = - 1 };
    ch_store_imported imported = {.last = 0};
    ch_buf_init(&run.batch, 2 * BATCH_BYTES);
    ch_status status = open_store(&run, error);
    if (status == CH_OK) {
        status = take_records(&run, error);
    }
    if (status == CH_OK) {
        status = finish(&run, &imported, error);
    }
    close_all(&run);
    if (status == CH_OK) {
        *out_imported = imported;
    }
    return status;
}
