/* delivery.h - what the pipeline made goes to the hub: in batches, with the checkpoint, until it is durable.
 *
 * Temporary refusals (busy, storage-full, timeout, unavailable) are tried again with a growing pause, and nothing is
 * read on meanwhile. A checkpoint that somebody else moved ends it (CH_CONFLICT): another process runs this connector.
 * The hub stands behind a small table, so that every one of its answers can be tried without it. One thread.
 */
#ifndef CH_CONNECTORS_DELIVERY_H
#define CH_CONNECTORS_DELIVERY_H

#include "connectors/host/checkpoint.h"
#include "connectors/host/pipeline.h"
#include "hub/client/casehub.h"

#define CH_BATCH_MOST 256

/* The hub as delivery sees it. */
typedef struct ch_hub_port {
    void *context;
    /* As casehub_publish_batch; each answer goes to ch_delivery_answer before it returns. */
    ch_status (*publish)(void *context, const casehub_batch *batch, int timeout_ms, ch_error *error);
    /* The connector's checkpoint, "" for none; free() it. */
    ch_status (*checkpoint)(void *context, char **out_value, ch_error *error);
    /* Serves the connection for wait_ms. False: the process is stopping. */
    bool (*pause)(void *context, int64_t wait_ms);
    int64_t (*monotonic_ms)(void *context);
} ch_hub_port;

typedef struct ch_delivery ch_delivery;

/* config, rows and port must outlive it. checkpoint: the hub's, as text. CH_INVALID, CH_UNSUPPORTED. */
ch_status ch_delivery_open(ch_delivery **out_delivery, const ch_connector_config *config, ch_rows *rows,
                           const ch_hub_port *port, const char *checkpoint, ch_error *error) CH_MUST_CHECK;
void ch_delivery_close(ch_delivery *delivery);
const ch_checkpoint *ch_delivery_checkpoint(const ch_delivery *delivery);

typedef struct ch_delivery_totals {
    uint64_t records, events, dead_letters;
} ch_delivery_totals;

/* What of the unit is in the hub already. False in *out_done: go on behind skip_rows. */
void ch_delivery_begin(ch_delivery *delivery, const casehub_unit *unit, ch_pipeline_run_options *out_options,
                       bool *out_done);
/* The rows of the checkpoint were not found in the unit: next time it is read from its beginning. */
void ch_delivery_forget_unit(ch_delivery *delivery);
/* A ch_made_fn: gathers, publishes when a batch is full. CH_UNAVAILABLE: stopping; CH_CONFLICT: fenced; CH_DENIED,
 * CH_INVALID, ...: the hub does not take it from this connector. Never CH_REFUSED, which says that a unit cannot be
 * read. */
ch_status ch_delivery_add(void *delivery, const ch_made *made, ch_error *error) CH_MUST_CHECK;
/* Publishes what is left; the unit is done. */
ch_status ch_delivery_finish(ch_delivery *delivery, const casehub_unit *unit, ch_delivery_totals *out_totals,
                             ch_error *error) CH_MUST_CHECK;
/* True once a batch failed for good after its rows were sealed: they would pass for told. The process must end; its next
 * start cuts them off again. */
bool ch_delivery_is_stale(const ch_delivery *delivery);
/* Forgets what was gathered and not published. */
void ch_delivery_drop(ch_delivery *delivery);

/* Events of an answered unit: no checkpoint, at most answer_timeout. *out_answer tells of the first event; its texts
 * live until the next call. A refusal is its status, of whichever event; the others may be in the hub then. */
ch_status ch_delivery_publish_now(ch_delivery *delivery, const ch_made *made, casehub_answer *out_answer,
                                  ch_error *error) CH_MUST_CHECK;
/* Events made of dead letter `number` once more, in one transaction with its end; made->count 0 only ends it. What
 * the hub refuses becomes a new one. Nothing else may be gathered. */
ch_status ch_delivery_retry(ch_delivery *delivery, uint64_t number, const ch_made *made,
                            ch_error *error) CH_MUST_CHECK;

/* From the client's on_answer, while a publish is under way. */
void ch_delivery_answer(ch_delivery *delivery, const casehub_answer *answer);

#endif
