#include "hub/cli/log_walk.h"

#include "hub/base/interrupt.h"
#include "hub/cli/exit_codes.h"
#include "hub/cli/rows.h"

#define READ_MS 30000
#define PIECE_BYTES_MAX ((size_t)16 << 20) /* a hub ends one at about 64 KiB */
#define SIZE_BYTES 4                       /* before each event of a piece */

/* Kept until the library has returned: inside its callback nothing may be asked. */
static void keep(void *context, casehub *hub, const casehub_event *event)
{
    ch_buf *piece = context;
    uint8_t *room = ch_buf_extend(piece, SIZE_BYTES + event->encoded_size);
    (void)hub;
    if (room != NULL) {
        ch_put_be32(room, (uint32_t)event->encoded_size);
        memcpy(room + SIZE_BYTES, event->encoded, event->encoded_size);
    }
}

static ch_status visit_piece(ch_cli *cli, const ch_buf *piece, ch_log_visit *visit, void *context)
{
    ch_event event;
    if (piece->failed != CH_OK) {
        return ch_error_set(&cli->error, piece->failed, NULL, "the hub sent more at once than it may");
    }
    for (size_t at = 0; at < piece->size;) {
        size_t size = ch_get_be32(piece->at + at);
        const ch_str bytes = {(const char *)piece->at + at + SIZE_BYTES, size};
        ch_status status = ch_event_decode(bytes, CH_EVENT_RECORDED, &event, &cli->error);
        if (status == CH_OK) {
            status = visit(context, &event);
        }
        if (status != CH_OK) {
            return status;
        }
        at += SIZE_BYTES + size;
    }
    return CH_OK;
}

static ch_status find_end(ch_cli *cli, uint64_t *out_sequence)
{
    json_t *row = NULL;
    ch_status status = ch_cli_query_one(cli, "status", NULL, "status", &row);
    if (status == CH_OK) {
        *out_sequence = (uint64_t)ch_row_int(row, "sequence", 0);
    }
    json_decref(row);
    return status;
}

ch_status ch_log_walk_part(ch_cli *cli, uint64_t from, uint64_t to, const char *const *patterns,
                           size_t pattern_count, ch_log_visit *visit, void *context)
{
    ch_buf piece;
    ch_status status = CH_OK;
    ch_buf_init(&piece, PIECE_BYTES_MAX);
    for (uint64_t next = from; status == CH_OK && next != 0 && next <= to;) {
        ch_buf_clear(&piece);
        if (ch_interrupted()) {
            cli->exit_code = CH_EXIT_INTERRUPTED;
            break;
        }
        status =
            casehub_read(cli->hub, next, to, patterns, pattern_count, 0, READ_MS, &piece, keep, &next) == 0
                ? visit_piece(cli, &piece, visit, context)
                : ch_cli_fail(cli);
    }
    ch_buf_done(&piece);
    return status;
}

ch_status ch_log_walk(ch_cli *cli, const char *const *patterns, size_t pattern_count, ch_log_visit *visit,
                      void *context)
{
    uint64_t end = 0;
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = find_end(cli, &end);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_interrupt_catch();
    return ch_log_walk_part(cli, 1, end, patterns, pattern_count, visit, context);
}
