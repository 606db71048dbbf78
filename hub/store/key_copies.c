/* The copies of the keys that backups left. */
#include "hub/store/erasures.h"

#include "hub/store/disk_file.h"

#include <errno.h>
#include <stdlib.h>

#define COPIES "copies"
#define COPIES_LIMIT ((size_t)4 * 1024 * 1024)
#define COPIES_MOST 1000

static ch_status read_copies(const ch_store *store, char keys_dir[CH_PATH_SIZE], ch_buf *out, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(keys_dir, store->dir, "keys", error);
    if (status == CH_OK) {
        status = ch_path_join(path, keys_dir, COPIES, error);
    }
    if (status == CH_OK) {
        status = ch_file_read(out, path, error);
    }
    return status == CH_NOT_FOUND ? CH_OK : status;
}

static size_t count_lines(ch_str text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.at[i] == '\n';
    }
    return lines;
}

/* The lines but for this one, if it is there, and no more than leave room for another. */
static void keep_lines(ch_buf *out, ch_str text, const char *line)
{
    size_t lines = count_lines(text), left_out = lines < COPIES_MOST ? 0 : lines - COPIES_MOST + 1;
    while (text.size > 0) {
        const char *end = memchr(text.at, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.at);
        if (left_out > 0) {
            left_out--;
        } else if (!ch_str_is((ch_str){text.at, size}, line)) {
            ch_buf_append(out, text.at, size);
            ch_buf_append_text(out, "\n");
        }
        size_t taken = size + (end != NULL);
        text = (ch_str){text.at + taken, text.size - taken};
    }
}

ch_status ch_key_copies_add(const ch_store *store, const char *copy_dir, ch_error *error)
{
    char keys_dir[CH_PATH_SIZE];
    ch_buf before, after;
    char *whole = realpath(copy_dir, NULL);
    if (whole == NULL || strchr(whole, '\n') != NULL) {
        free(whole);
        return ch_error_set(error, CH_IO, copy_dir, "cannot be named: %s", strerror(errno));
    }
    ch_buf_init(&before, COPIES_LIMIT);
    ch_buf_init(&after, COPIES_LIMIT + CH_PATH_SIZE);
    ch_status status = read_copies(store, keys_dir, &before, error);
    if (status == CH_OK) {
        keep_lines(&after, ch_buf_str(&before), whole);
        ch_buf_append_format(&after, "%s\n", whole);
        status = after.failed == CH_OK ? ch_file_replace(keys_dir, COPIES, ch_buf_str(&after), error)
                                       : ch_error_set(error, after.failed, COPIES, "no memory");
    }
    ch_buf_done(&before);
    ch_buf_done(&after);
    free(whole);
    return status;
}

/* The slots first: a list without zeros behind it would pass for done. */
static ch_status erase_in(const ch_store *store, const char *copy_dir, const ch_erasures *list, ch_str text,
                          ch_error *error)
{
    char slots[CH_PATH_SIZE];
    ch_status status = ch_path_join(slots, copy_dir, "cases.slots", error);
    for (size_t i = 0; i < list->count && status == CH_OK; i++) {
        status = ch_slots_erase_copy(store->case_slots, slots, list->at[i].number, error);
    }
    return status == CH_OK && list->count > 0 ? ch_file_replace(copy_dir, "erasures", text, error) : status;
}

static void erase_each(const ch_store *store, char *copies, const ch_erasures *list, ch_str text,
                       ch_key_copy_visitor visit, void *context)
{
    char *rest = copies, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        ch_error outcome = {.status = CH_OK};
        if (line[0] == '\0') {
            continue;
        }
        outcome.status = erase_in(store, line, list, text, &outcome);
        visit(context, line, &outcome);
    }
}

static ch_status read_list(const char *keys_dir, ch_erasures *out_list, ch_buf *out_text, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_erasures_read(out_list, keys_dir, error);
    if (status == CH_OK && out_list->count > 0) {
        status = ch_path_join(path, keys_dir, "erasures", error);
        status = status == CH_OK ? ch_file_read(out_text, path, error) : status;
    }
    return status;
}

ch_status ch_key_copies_erase(const ch_store *store, ch_key_copy_visitor visit, void *context,
                              ch_error *error)
{
    char keys_dir[CH_PATH_SIZE];
    ch_buf copies, text;
    ch_erasures list = {.at = NULL};
    ch_buf_init(&copies, COPIES_LIMIT);
    ch_buf_init(&text, (size_t)256 * 1024 * 1024);
    ch_status status = read_copies(store, keys_dir, &copies, error);
    if (status == CH_OK) {
        status = read_list(keys_dir, &list, &text, error);
    }
    if (status == CH_OK) {
        ch_buf_append(&copies, "", 1);
        status = copies.failed == CH_OK ? CH_OK : ch_error_set(error, copies.failed, COPIES, "no memory");
    }
    if (status == CH_OK) {
        erase_each(store, (char *)copies.at, &list, ch_buf_str(&text), visit, context);
    }
    ch_erasures_done(&list);
    ch_buf_done(&copies);
    ch_buf_done(&text);
    return status;
}
