#include "hub/run/start_record.h"

/* The state is committed, too: its transaction must not outlive this thread's turn. */
static ch_status record(const ch_hub *hub, ch_batch *batch, ch_start_fill *fill, void *context,
                        ch_error *error)
{
    ch_store *store = hub->store;
    const ch_log_head head = ch_log_head_of(store->log);
    ch_status status =
        ch_batch_begin(batch, hub->options.rules, &head, NULL, ch_clock_wall_ms(hub->options.clock), error);
    if (status == CH_OK) {
        status = fill(context, batch, error);
        (void)ch_batch_end(batch);
    }
    if (status == CH_OK) {
        status = ch_batch_commit(batch, error);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_state_set_chain(store->state, ch_event_log_chain(store->log));
    return ch_state_commit(store->state, error);
}

ch_status ch_start_record(const ch_hub *hub, ch_start_fill *fill, void *context, ch_error *error)
{
    ch_batch *batch;
    ch_status status = ch_batch_new(&batch, hub->store, hub->metrics);
    if (status != CH_OK) {
        return ch_error_set(error, status, "start", "no memory");
    }
    status = record(hub, batch, fill, context, error);
    ch_batch_free(batch);
    return status;
}
