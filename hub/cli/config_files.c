#include "hub/cli/config_files.h"

#include "hub/cli/log_walk.h"
#include "hub/cli/rows.h"
#include "hub/config/rules_files.h"

#include <inttypes.h>

static ch_status take_part(void *context, const ch_event *event)
{
    ch_buf *packed = context;
    ch_mp_value content;
    if (ch_mp_find(event->data, "content", &content, NULL) && content.kind == CH_MP_BIN) {
        ch_buf_append_str(packed, content.str);
    }
    return CH_OK;
}

static ch_status corrupt(ch_cli *cli, const json_t *row)
{
    return ch_error_set(&cli->error, CH_CORRUPT, NULL,
                        "the files recorded at %" PRId64 " are not what their hashes say",
                        ch_row_int(row, "sequence", 0));
}

static ch_status fetch(ch_cli *cli, const json_t *row, ch_buf *packed)
{
    static const char *const patterns[] = {"hub.config.>"};
    int64_t from = ch_row_int(row, "sequence", 0), parts = ch_row_int(row, "parts", 1);
    if (from < 1 || parts < 1 || parts > (int64_t)CH_RULES_PACKED_MAX) {
        return corrupt(cli, row);
    }
    ch_status status =
        ch_log_walk_part(cli, (uint64_t)from, (uint64_t)(from + parts - 1), patterns, 1, take_part, packed);
    return status == CH_OK && packed->failed != CH_OK ? ch_cli_no_memory(cli) : status;
}

/* 0: no sizes that could be. */
static size_t size_of_all(const json_t *files)
{
    size_t index, size = 0;
    const json_t *file;
    json_array_foreach(files, index, file)
    {
        int64_t own = ch_row_int(file, "size", -1);
        if (own < 0 || own > (int64_t)CH_RULES_RAW_MAX || size + (size_t)own > CH_RULES_RAW_MAX) {
            return 0;
        }
        size += (size_t)own;
    }
    return size;
}

static ch_status visit_all(ch_cli *cli, const json_t *row, ch_str raw, ch_config_file_visit *visit,
                           void *context)
{
    size_t index;
    const json_t *file, *files = json_object_get(row, "files");
    json_array_foreach(files, index, file)
    {
        char hash[CH_RULES_HASH_SIZE];
        size_t size = (size_t)ch_row_int(file, "size", 0);
        const ch_str content = {raw.at, size};
        ch_rules_file_hash(content, hash);
        if (strcmp(hash, ch_row_text(file, "hash")) != 0) {
            return corrupt(cli, row);
        }
        raw = (ch_str){raw.at + size, raw.size - size};
        visit(context, ch_row_text(file, "name"), content);
    }
    return CH_OK;
}

ch_status ch_config_files(ch_cli *cli, const json_t *row, ch_config_file_visit *visit, void *context)
{
    ch_buf packed, raw;
    size_t size = size_of_all(json_object_get(row, "files"));
    ch_buf_init(&packed, CH_RULES_PACKED_MAX);
    ch_buf_init(&raw, CH_RULES_RAW_MAX);
    ch_status status = size == 0 ? corrupt(cli, row) : fetch(cli, row, &packed);
    if (status == CH_OK && cli->exit_code < 0) {
        status = ch_rules_unpack(&raw, ch_buf_str(&packed), size);
        status = status == CH_OK        ? visit_all(cli, row, ch_buf_str(&raw), visit, context)
                 : status == CH_CORRUPT ? corrupt(cli, row)
                                        : ch_cli_no_memory(cli);
    }
    ch_buf_done(&packed);
    ch_buf_done(&raw);
    return status;
}
