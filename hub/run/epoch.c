#include "hub/run/epoch.h"

#include "hub/base/diag.h"
#include "hub/run/start_record.h"

#include <inttypes.h>
#include <stdio.h>

static ch_status epoch_of_log(ch_store *store, uint32_t *out_epoch, ch_error *error)
{
    ch_log_reader *reader;
    ch_record record;
    uint64_t last = ch_event_log_last(store->log);
    if (last == 0) {
        *out_epoch = 1;
        return CH_OK;
    }
    ch_status status = ch_log_reader_open(&reader, store->log, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_log_reader_seek(reader, last, &record, error);
    if (status == CH_OK) {
        *out_epoch = record.epoch;
    }
    ch_log_reader_close(reader);
    return status;
}

static void put_data(ch_buf *out, const ch_store *store, uint64_t next_case, uint64_t left_out)
{
    char detail[128];
    snprintf(detail, sizeof detail, "restored from a backup: epoch %" PRIu32 " begins at sequence %" PRIu64,
             store->epoch, ch_event_log_last(store->log) + 1);
    ch_mp_put_map(out, 4);
    ch_mp_put_text(out, "code");
    ch_mp_put_text(out, "restored");
    ch_mp_put_text(out, "detail");
    ch_mp_put_text(out, detail);
    ch_mp_put_text(out, "next_case");
    ch_mp_put_uint(out, next_case + left_out);
    ch_mp_put_text(out, "next_dead_letter");
    ch_mp_put_uint(out, ch_state_next_dead_letter(store->state) + left_out);
    ch_diag(CH_DIAG_INFO, "store", "%s", detail);
}

static ch_status make_work(const ch_hub *hub, uint64_t left_out, ch_work **out_work, ch_error *error)
{
    char source[4 + CH_CODE_MAX + 1], id[32];
    ch_view view;
    ch_buf data;
    ch_status status = ch_state_view(hub->store->state, hub->store->epoch, &view);
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "cannot be looked at: %s", ch_status_text(status));
    }
    snprintf(source, sizeof source, "hub/%s", hub->store->hub_code);
    snprintf(id, sizeof id, "epoch/%" PRIu32, hub->store->epoch);
    ch_buf_init(&data, 1024);
    put_data(&data, hub->store, view.next_case, left_out);
    const ch_event event = {.id = ch_str_of(id),
                            .source = ch_str_of(source),
                            .type = CH_STR("hub.replay"),
                            .time_ms = ch_clock_wall_ms(hub->options.clock),
                            .data = ch_buf_str(&data),
                            .expected_version = -1};
    status = data.failed == CH_OK ? ch_work_of_hub(out_work, &event, error)
                                  : ch_error_set(error, data.failed, "epoch", "no memory");
    ch_buf_done(&data);
    return status;
}

typedef struct beginning {
    const ch_hub *hub;
    uint64_t left_out;
} beginning;

/* Without this record the numbers would come again. */
static ch_status fill(void *context, ch_batch *batch, ch_error *error)
{
    const beginning *of = context;
    ch_work *work;
    ch_status status = make_work(of->hub, of->left_out, &work, error);
    return status == CH_OK ? ch_batch_take_own(batch, work, error) : status;
}

ch_status ch_epoch_settle(const ch_hub *hub, ch_error *error)
{
    uint32_t epoch = 0;
    ch_status status = epoch_of_log(hub->store, &epoch, error);
    if (status != CH_OK || epoch >= hub->store->epoch) {
        return status;
    }
    /* One that left no record here may have been served, too. */
    beginning of = {.hub = hub, .left_out = (uint64_t)CH_EPOCH_NUMBERS * (hub->store->epoch - epoch)};
    return ch_start_record(hub, fill, &of, error);
}
