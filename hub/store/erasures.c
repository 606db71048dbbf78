#include "hub/store/erasures.h"

#include "hub/store/disk_file.h"

#include "hub/base/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST "erasures"
#define LIST_LIMIT ((size_t)256 * 1024 * 1024)
#define LIST_FIRST 64

/* ---- the list */

static ch_status take_line(ch_erasures *list, const char *line, size_t number, const char *path,
                           ch_error *error)
{
    ch_erasure erasure;
    int end = 0;
    int fields = sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNd64 "%n", &erasure.number,
                        &erasure.sequence, &erasure.epoch, &erasure.recorded_ms, &end);
    if (fields != 4 || line[end] != '\0' || erasure.number == 0) {
        return ch_error_set(error, CH_CORRUPT, path, "line %zu is no erasure", number);
    }
    ch_status status =
        ch_array_reserve(&list->at, &list->capacity, list->count + 1, LIST_FIRST, sizeof *list->at);
    if (status != CH_OK) {
        return ch_error_set(error, status, path, "no memory to read it");
    }
    list->at[list->count++] = erasure;
    return CH_OK;
}

static ch_status take_lines(ch_erasures *list, char *text, const char *path, ch_error *error)
{
    char *rest = text, *line;
    ch_status status = CH_OK;
    for (size_t number = 1; status == CH_OK && (line = strsep(&rest, "\n")) != NULL; number++) {
        status = line[0] == '\0' ? CH_OK : take_line(list, line, number, path, error);
    }
    return status;
}

ch_status ch_erasures_read(ch_erasures *out_list, const char *keys_dir, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_buf text;
    *out_list = (ch_erasures){.at = NULL};
    ch_status status = ch_path_join(path, keys_dir, LIST, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&text, LIST_LIMIT);
    status = ch_file_read(&text, path, error);
    if (status == CH_OK) {
        ch_buf_append(&text, "", 1);
        status = text.failed == CH_OK ? take_lines(out_list, (char *)text.at, path, error)
                                      : ch_error_set(error, text.failed, path, "no memory to read it");
    }
    ch_buf_done(&text);
    if (status != CH_OK) {
        ch_erasures_done(out_list);
    }
    return status == CH_NOT_FOUND ? CH_OK : status;
}

void ch_erasures_done(ch_erasures *list)
{
    free(list->at);
    *list = (ch_erasures){.at = NULL};
}

static ch_status write_list(const ch_erasures *list, const char *keys_dir, ch_error *error)
{
    ch_buf text;
    ch_buf_init(&text, LIST_LIMIT);
    for (size_t i = 0; i < list->count; i++) {
        const ch_erasure *erasure = &list->at[i];
        ch_buf_append_format(&text, "%" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRId64 "\n", erasure->number,
                             erasure->sequence, erasure->epoch, erasure->recorded_ms);
    }
    ch_status status = text.failed == CH_OK ? ch_file_replace(keys_dir, LIST, ch_buf_str(&text), error)
                                            : ch_error_set(error, text.failed, keys_dir, "no memory");
    ch_buf_done(&text);
    return status;
}

static bool has(const ch_erasures *list, uint64_t number)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].number == number) {
            return true;
        }
    }
    return false;
}

static ch_status add_new(ch_erasures *list, const ch_erasure *erasures, size_t count, bool *out_changed,
                         ch_error *error)
{
    *out_changed = false;
    ch_status status =
        ch_array_reserve(&list->at, &list->capacity, list->count + count, LIST_FIRST, sizeof *list->at);
    if (status != CH_OK) {
        return ch_error_set(error, status, LIST, "no memory to add to it");
    }
    for (size_t i = 0; i < count; i++) {
        if (!has(list, erasures[i].number)) {
            list->at[list->count++] = erasures[i];
            *out_changed = true;
        }
    }
    return CH_OK;
}

/* A slot that was never made has sealed nothing. */
static ch_status destroy(ch_slots *slots, uint64_t number, ch_error *error)
{
    uint8_t key[CH_KEY_SIZE];
    ch_status status = ch_slots_key(slots, number, key);
    explicit_bzero(key, sizeof key);
    if (status == CH_ERASED || status == CH_NOT_FOUND) {
        return CH_OK;
    }
    return ch_slots_erase(slots, number, error);
}

ch_status ch_erasures_carry_out(ch_store *store, const ch_erasure *erasures, size_t count, ch_error *error)
{
    char keys_dir[CH_PATH_SIZE];
    ch_erasures list;
    bool changed;
    ch_status status = ch_path_join(keys_dir, store->dir, "keys", error);
    if (status == CH_OK) {
        status = ch_erasures_read(&list, keys_dir, error);
    }
    if (status != CH_OK) {
        return status;
    }
    status = add_new(&list, erasures, count, &changed, error);
    if (status == CH_OK && changed) {
        status = write_list(&list, keys_dir, error);
    }
    ch_erasures_done(&list);
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        status = destroy(store->case_slots, erasures[i].number, error);
    }
    return status;
}

/* ---- at a start */

typedef struct gathering {
    const ch_store *store;
    ch_erasures marked;
    ch_status status;
} gathering;

static bool gather(void *context, uint64_t case_number, const ch_mark *mark)
{
    gathering *of = context;
    if (mark->erased_sequence == 0) {
        return true;
    }
    of->status = ch_array_reserve(&of->marked.at, &of->marked.capacity, of->marked.count + 1, LIST_FIRST,
                                  sizeof *of->marked.at);
    if (of->status == CH_OK) {
        of->marked.at[of->marked.count++] =
            (ch_erasure){.number = case_number, .sequence = mark->erased_sequence, .epoch = of->store->epoch};
    }
    return of->status == CH_OK;
}

static ch_status gather_marked(gathering *of, ch_error *error)
{
    ch_state_reader *reader;
    ch_status status = ch_state_reader_open(&reader, of->store->state, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_reader_marks(reader, 1, gather, of);
    ch_state_reader_close(reader);
    status = status == CH_OK ? of->status : status;
    return status == CH_OK ? CH_OK
                           : ch_error_set(error, status, "state", "which cases were erased cannot be read");
}

ch_status ch_erasures_apply(ch_store *store, ch_error *error)
{
    char keys_dir[CH_PATH_SIZE];
    ch_erasures list = {.at = NULL};
    ch_status status = ch_path_join(keys_dir, store->dir, "keys", error);
    if (status == CH_OK) {
        status = ch_erasures_read(&list, keys_dir, error);
    }
    for (size_t i = 0; i < list.count && status == CH_OK; i++) {
        status = destroy(store->case_slots, list.at[i].number, error);
    }
    ch_erasures_done(&list);
    return status;
}

ch_status ch_erasures_settle(ch_store *store, ch_error *error)
{
    gathering of = {.store = store, .status = CH_OK};
    ch_status status = gather_marked(&of, error);
    if (status == CH_OK && of.marked.count > 0) {
        status = ch_erasures_carry_out(store, of.marked.at, of.marked.count, error);
    }
    ch_erasures_done(&of.marked);
    return status;
}
