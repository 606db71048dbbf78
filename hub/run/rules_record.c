#include "hub/run/rules_record.h"

#include "hub/base/diag.h"
#include "hub/run/start_record.h"

#include <inttypes.h>
#include <stdio.h>

#define PART_BYTES ((size_t)150000) /* of content; as schemas/events.cfg */
#define EVENT_BYTES ((size_t)192 * 1024)

typedef struct part {
    const ch_rules_files *files;
    const char *code;
    int64_t number, count;
    ch_str content;
} part;

static void put_files(ch_buf *out, const ch_rules_files *files)
{
    ch_mp_put_text(out, "files");
    ch_mp_put_array(out, (uint32_t)files->count);
    for (size_t i = 0; i < files->count; i++) {
        ch_mp_put_map(out, 3);
        ch_mp_put_text(out, "name");
        ch_mp_put_text(out, files->at[i].name);
        ch_mp_put_text(out, "size");
        ch_mp_put_int(out, files->at[i].size);
        ch_mp_put_text(out, "hash");
        ch_mp_put_text(out, files->at[i].hash);
    }
}

static void put_data(ch_buf *out, const part *of)
{
    ch_mp_put_map(out, of->number == 1 ? 6 : 5);
    ch_mp_put_text(out, "code");
    ch_mp_put_text(out, of->code);
    ch_mp_put_text(out, "hash");
    ch_mp_put_text(out, of->files->hash);
    ch_mp_put_text(out, "part");
    ch_mp_put_int(out, of->number);
    ch_mp_put_text(out, "parts");
    ch_mp_put_int(out, of->count);
    if (of->number == 1) {
        put_files(out, of->files);
    }
    ch_mp_put_text(out, "content");
    ch_mp_put_bin(out, of->content);
}

/* Rules may come back that were in force before: the id says where in the log. */
static ch_status make_work(const ch_hub *hub, const part *of, uint64_t sequence, ch_work **out_work,
                           ch_error *error)
{
    char source[4 + CH_CODE_MAX + 1], id[64];
    ch_buf data;
    snprintf(source, sizeof source, "hub/%s", hub->store->hub_code);
    snprintf(id, sizeof id, "config/%" PRIu64 "/%" PRId64, sequence, of->number);
    ch_buf_init(&data, EVENT_BYTES);
    put_data(&data, of);
    const ch_event event = {.id = ch_str_of(id),
                            .source = ch_str_of(source),
                            .type = CH_STR("hub.config"),
                            .time_ms = ch_clock_wall_ms(hub->options.clock),
                            .data = ch_buf_str(&data),
                            .expected_version = -1};
    ch_status status = data.failed == CH_OK ? ch_work_of_hub(out_work, &event, error)
                                            : ch_error_set(error, data.failed, "hub.config", "no memory");
    ch_buf_done(&data);
    return status;
}

ch_status ch_rules_record_take(ch_batch *batch, const ch_hub *hub, const ch_rules *rules, const char *code,
                               uint64_t sequence, ch_error *error)
{
    ch_str left = rules->files.packed;
    part of = {
        .files = &rules->files, .code = code, .count = (int64_t)((left.size + PART_BYTES - 1) / PART_BYTES)};
    ch_status status = CH_OK;
    while (status == CH_OK && left.size > 0) {
        ch_work *work;
        size_t size = left.size < PART_BYTES ? left.size : PART_BYTES;
        of.number++;
        of.content = (ch_str){left.at, size};
        left = (ch_str){left.at + size, left.size - size};
        status = make_work(hub, &of, sequence, &work, error);
        if (status == CH_OK) {
            status = ch_batch_take_own(batch, work, error);
        }
    }
    return status;
}

static bool take_hash(void *context, uint64_t sequence, ch_str value)
{
    char *hash = context;
    (void)sequence;
    ch_str_copy_cut(hash, CH_RULES_HASH_SIZE, ch_mp_find_str(value, "hash"));
    return false;
}

/* "" before the first. */
static ch_status find_recorded(const ch_hub *hub, char out_hash[CH_RULES_HASH_SIZE], ch_error *error)
{
    ch_state_reader *reader;
    out_hash[0] = '\0';
    ch_status status = ch_state_reader_open(&reader, hub->store->state, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_reader_configs(reader, UINT64_MAX, take_hash, out_hash);
    ch_state_reader_close(reader);
    return status == CH_OK ? CH_OK
                           : ch_error_set(error, status, "state", "the recorded rules cannot be read");
}

static ch_status fill(void *context, ch_batch *batch, ch_error *error)
{
    const ch_hub *hub = context;
    return ch_rules_record_take(batch, hub, hub->options.rules, "start",
                                ch_event_log_last(hub->store->log) + 1, error);
}

ch_status ch_rules_record_settle(const ch_hub *hub, ch_error *error)
{
    char recorded[CH_RULES_HASH_SIZE];
    const ch_rules_files *files = &hub->options.rules->files;
    if (files->packed.size == 0) {
        return CH_OK;
    }
    ch_status status = find_recorded(hub, recorded, error);
    if (status != CH_OK || strcmp(recorded, files->hash) == 0) {
        return status;
    }
    ch_diag(CH_DIAG_INFO, "main", "tables and rules %.12s are in force", files->hash);
    return ch_start_record(hub, fill, (void *)(uintptr_t)hub, error);
}
