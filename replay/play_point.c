#include "replay/play_point.h"

#include "hub/store/whole_file.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define FORMAT                                                                                               \
    "casehub-replay play 1\n"                                                                                \
    "hub %s\n"                                                                                               \
    "into %s\n"                                                                                              \
    "sequence %" PRIu64 "\n"                                                                                 \
    "mark %s\n"
#define HEX_SIZE (2 * CH_HASH_SIZE + 1)
#define FILE_LIMIT 4096

void ch_play_mark(const ch_tape_item *item, uint8_t out_mark[CH_HASH_SIZE])
{
    if (item->is_recorded) {
        memcpy(out_mark, item->record.chain, CH_HASH_SIZE);
        return;
    }
    crypto_generichash(out_mark, CH_HASH_SIZE, (const uint8_t *)item->json.at, item->json.size, NULL, 0);
}

static void print(const ch_play_point *point, ch_buf *out)
{
    char mark[HEX_SIZE];
    sodium_bin2hex(mark, sizeof mark, point->mark, CH_HASH_SIZE);
    ch_buf_append_format(out, FORMAT, point->hub_code, point->into, point->sequence, mark);
}

/* Read, and printed again, it must be the same text. */
static bool parse(const char *text, ch_play_point *out_point)
{
    ch_play_point point = {.sequence = 0};
    char mark[HEX_SIZE];
    size_t size = 0;
    ch_buf again;
    if (sscanf(text, "casehub-replay play 1\nhub %63s\ninto %63s\nsequence %" SCNu64 "\nmark %64s",
               point.hub_code, point.into, &point.sequence, mark) != 4 ||
        sodium_hex2bin(point.mark, CH_HASH_SIZE, mark, strlen(mark), NULL, &size, NULL) != 0 ||
        size != CH_HASH_SIZE) {
        return false;
    }
    ch_buf_init(&again, FILE_LIMIT);
    print(&point, &again);
    bool same = again.failed == CH_OK && ch_str_is(ch_buf_str(&again), text);
    ch_buf_done(&again);
    *out_point = point;
    return same;
}

ch_status ch_play_point_read(const char *path, ch_play_point *out_point, ch_error *error)
{
    ch_buf text;
    ch_buf_init(&text, FILE_LIMIT);
    ch_status status = ch_file_read(&text, path, error);
    if (status == CH_OK) {
        ch_buf_append(&text, "", 1);
        status = text.failed;
    }
    if (status == CH_TOO_LARGE || (status == CH_OK && !parse((const char *)text.at, out_point))) {
        status = ch_error_set(error, CH_CORRUPT, path, "is no file that play --resume has written");
    }
    ch_buf_done(&text);
    return status;
}

ch_status ch_play_point_write(const char *path, const ch_play_point *point, ch_error *error)
{
    ch_whole_file file;
    ch_buf text;
    ch_status status = ch_whole_file_open(&file, path, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&text, FILE_LIMIT);
    print(point, &text);
    fwrite(text.at, 1, text.size, file.file);
    status = text.failed == CH_OK ? ch_whole_file_finish(&file, error)
                                  : ch_error_set(error, text.failed, path, "no memory");
    ch_whole_file_drop(&file);
    ch_buf_done(&text);
    return status;
}
