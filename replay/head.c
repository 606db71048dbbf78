/* head and key: a signed line that says how far the log has come, and the key that signs. */
#include "replay/guard.h"
#include "replay/heads.h"
#include "replay/report.h"
#include "replay/tape.h"

#include <sodium.h>

#define LINE_LIMIT 1024

static ch_status report_key(const ch_replay *replay, const char *path, ch_error *error)
{
    ch_report lines;
    char public_path[CH_PATH_SIZE];
    snprintf(public_path, sizeof public_path, "%s.pub", path);
    ch_report_begin(&lines, replay);
    ch_report_text(&lines, "key", path);
    ch_report_text(&lines, "public", public_path);
    return ch_report_end(&lines, error);
}

ch_status ch_replay_key(ch_replay *replay, ch_error *error)
{
    const char *const *words = replay->options->operands.at;
    if (strcmp(words[0], "new") != 0) {
        return ch_error_set(error, CH_INVALID, NULL, "key %s: only key new FILE is known", words[0]);
    }
    ch_status status = ch_signing_key_make(words[1], error);
    return status == CH_OK ? report_key(replay, words[1], error) : status;
}

/* The last record that there is; of an empty log the sequence 0. */
static ch_status find_head(ch_place *place, ch_head *out_head, ch_error *error)
{
    ch_log_reader *look;
    ch_record record;
    ch_head head = {.epoch = place->epoch};
    memcpy(head.hub_code, place->hub_code, sizeof head.hub_code);
    ch_status status = ch_log_reader_open(&look, place->log, error);
    if (status != CH_OK) {
        return status;
    }
    uint64_t last = ch_log_reader_last(look);
    if (last > 0) {
        status = ch_log_reader_seek(look, last, &record, error);
    }
    if (status == CH_OK && last > 0) {
        head.epoch = record.epoch;
        head.sequence = record.sequence;
        memcpy(head.chain, record.chain, CH_HASH_SIZE);
    }
    ch_log_reader_close(look);
    *out_head = head;
    return status;
}

static ch_status print_head(const ch_replay *replay, const ch_head *head,
                            const uint8_t key[CH_SIGNING_KEY_SIZE], ch_error *error)
{
    ch_buf line;
    ch_buf_init(&line, LINE_LIMIT);
    ch_head_sign(&line, head, ch_clock_wall_ms(replay->world->clock), key);
    ch_status status = line.failed;
    if (status == CH_OK) {
        fwrite(line.at, 1, line.size, replay->world->out);
    }
    ch_buf_done(&line);
    return status == CH_OK ? CH_OK : ch_error_set(error, status, NULL, "no memory for a line");
}

ch_status ch_replay_head(ch_replay *replay, ch_error *error)
{
    ch_place place;
    ch_head head;
    uint8_t key[CH_SIGNING_KEY_SIZE];
    ch_status status = ch_place_open_given(&place, replay, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_signing_key_read(replay->options->key, key, error);
    if (status != CH_OK) {
        ch_place_close(&place);
        return status;
    }
    ch_guard_begin("the log", false);
    status = find_head(&place, &head, error);
    ch_guard_end();
    ch_place_close(&place);
    if (status == CH_OK) {
        status = print_head(replay, &head, key, error);
    }
    sodium_memzero(key, sizeof key);
    return status;
}
