#include "hub/cli/log_walk.h"

#include "hub/base/interrupt.h"
#include "hub/cli/exit_codes.h"
#include "hub/cli/rows.h"

#define READ_MS 30000

typedef struct walk {
    ch_cli *cli;
    ch_log_visit *visit;
    void *context;
    ch_status status;
} walk;

static void on_event(void *context, casehub *hub, const casehub_event *event)
{
    walk *of = context;
    ch_event decoded;
    (void)hub;
    if (of->status != CH_OK) {
        return;
    }
    of->status = ch_event_decode((ch_str){event->encoded, event->encoded_size}, CH_EVENT_RECORDED, &decoded,
                                 &of->cli->error);
    if (of->status == CH_OK) {
        of->status = of->visit(of->context, &decoded);
    }
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

ch_status ch_log_walk(ch_cli *cli, const char *const *patterns, size_t pattern_count, ch_log_visit *visit,
                      void *context)
{
    walk of = {.cli = cli, .visit = visit, .context = context};
    uint64_t end = 0;
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = find_end(cli, &end);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_interrupt_catch();
    for (uint64_t next = 1; next != 0 && next <= end && of.status == CH_OK;) {
        if (ch_interrupted()) {
            cli->exit_code = CH_EXIT_INTERRUPTED;
            return CH_OK;
        }
        if (casehub_read(cli->hub, next, end, patterns, pattern_count, 0, READ_MS, &of, on_event, &next) !=
            0) {
            return ch_cli_fail(cli);
        }
    }
    return of.status;
}
