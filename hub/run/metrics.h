/* metrics.h - what the hub counts about itself. Each figure but refusals is written by one thread, relaxed, and read by any.
 *
 * Names and units are Prometheus's (https://prometheus.io/docs/practices/naming/). Labels never hold ids of cases,
 * clients or people: event types and systems are bounded lists.
 */
#ifndef CH_RUN_METRICS_H
#define CH_RUN_METRICS_H

#include "hub/base/bytes.h"

#include <stdatomic.h>

/* X(field, kind, name, help); gauges in base units */
#define CH_METRIC_LIST(X)                                                                                    \
    X(clients, "gauge", "casehub_clients", "Welcomed clients.")                                              \
    X(log_sequence, "gauge", "casehub_log_sequence", "Last durable sequence of the log.")                    \
    X(state_sequence, "gauge", "casehub_state_sequence", "Sequence that the committed state has folded.")    \
    X(epoch, "gauge", "casehub_epoch", "Epoch of the log.")                                                  \
    X(duplicates, "counter", "casehub_duplicates_total", "Events that were there before.")                   \
    X(derived, "counter", "casehub_derived_events_total", "Events that the hub derived.")                    \
    X(anomalous, "counter", "casehub_anomalous_events_total", "Observations kept without effect.")           \
    X(dead_letters, "counter", "casehub_dead_letters_total", "Dead letters made.")                           \
    X(batches, "counter", "casehub_log_commits_total", "Log commits.")                                       \
    X(state_commits, "counter", "casehub_state_commits_total", "State commits.")                             \
    X(writer_queue, "gauge", "casehub_writer_queue_events", "Events waiting for the writer.")                \
    X(reader_queue, "gauge", "casehub_reader_queue_messages", "Messages waiting for the reader.")            \
    X(send_queue, "gauge", "casehub_send_queue_messages", "Messages waiting to be sent.")                    \
    X(undelivered, "counter", "casehub_undelivered_events_total",                                            \
      "Events that became dead letters of a subscription.")                                                  \
    X(delivered, "counter", "casehub_delivered_events_total", "Events sent to subscribers.")                 \
    X(redelivered, "counter", "casehub_redelivered_events_total", "Events sent to a subscriber again.")      \
    X(stepped_over, "counter", "casehub_stepped_over_events_total",                                          \
      "Events that narrow subscriptions and READs passed without reading them.")                             \
    X(subscriptions, "gauge", "casehub_subscriptions", "Subscriptions, durable and live.")                   \
    X(lag_most, "gauge", "casehub_subscription_lag_events",                                                  \
      "Events that the furthest subscription behind has not looked at.")                                     \
    X(held_cases, "gauge", "casehub_held_cases", "Cases held back for a subscription.")                      \
    X(paused_subscriptions, "gauge", "casehub_paused_subscriptions",                                         \
      "Subscriptions at the limit of held cases.")                                                           \
    X(log_used_bytes, "gauge", "casehub_log_map_used_bytes", "Bytes in use of the log's map.")               \
    X(log_map_bytes, "gauge", "casehub_log_map_bytes", "Size of the log's map.")                             \
    X(state_used_bytes, "gauge", "casehub_state_map_used_bytes", "Bytes in use of the state's map.")         \
    X(state_map_bytes, "gauge", "casehub_state_map_bytes", "Size of the state's map.")                       \
    X(disk_free_bytes, "gauge", "casehub_disk_free_bytes", "Free bytes on the disk of the data folder.")     \
    X(dropped_packets, "counter", "casehub_dropped_packets_total",                                           \
      "Packets that were no message of the protocol.")                                                       \
    X(denied_handshakes, "counter", "casehub_denied_keys_total",                                             \
      "Connections with a key that no grant knows.")

#define CH_METRIC_TYPES 160 /* event types; what comes beyond is counted as "other" */
#define CH_METRIC_SYSTEMS 32
#define CH_METRIC_BUCKETS 16
#define CH_METRIC_COMMIT_FIRST_US 50 /* first bounds; the others double */
#define CH_METRIC_BATCH_FIRST 1

typedef struct ch_metric_names {
    atomic_uint count;
    char at[CH_METRIC_TYPES][64]; /* written before count grows; never changed afterwards */
} ch_metric_names;

/* Cumulative when printed. */
typedef struct ch_histogram {
    _Atomic uint64_t buckets[CH_METRIC_BUCKETS + 1], sum;
} ch_histogram;

typedef struct ch_metrics {
#define CH_METRIC_FIELD(field, kind, name, help) _Atomic uint64_t field;
    CH_METRIC_LIST(CH_METRIC_FIELD)
#undef CH_METRIC_FIELD
    _Atomic uint64_t refusals[CH_STATUS_COUNT]; /* by front and writer: ch_metrics_count_refusals */
    ch_metric_names types, systems;             /* of events */
    _Atomic uint64_t events[CH_METRIC_TYPES][CH_METRIC_SYSTEMS];
    ch_histogram commit_us, batch_events;
    _Atomic int64_t
        reader_look_ms;    /* monotonic time at which the reader's present look at the log began; 0: none */
    _Atomic int64_t ready; /* 1: serving */
} ch_metrics;

/* Large: allocate. CH_NO_MEMORY. */
ch_status ch_metrics_new(ch_metrics **out_metrics) CH_MUST_CHECK;
void ch_metrics_free(ch_metrics *metrics);

static inline void ch_metric_add(_Atomic uint64_t *metric, uint64_t more)
{
    atomic_store_explicit(metric, atomic_load_explicit(metric, memory_order_relaxed) + more,
                          memory_order_relaxed);
}
static inline void ch_metric_set(_Atomic uint64_t *metric, uint64_t value)
{
    atomic_store_explicit(metric, value, memory_order_relaxed);
}
static inline uint64_t ch_metric_get(const _Atomic uint64_t *metric)
{
    return atomic_load_explicit(metric, memory_order_relaxed);
}
/* Any thread: so many events. */
static inline void ch_metrics_count_refusals(ch_metrics *metrics, ch_status why, uint64_t count)
{
    atomic_fetch_add_explicit(&metrics->refusals[why], count, memory_order_relaxed);
}
/* Writer thread: one accepted event. */
void ch_metrics_count_event(ch_metrics *metrics, ch_str type, ch_str system);
/* bounds: first, then doubling. */
void ch_histogram_add(ch_histogram *histogram, uint64_t first, uint64_t value);
/* The text exposition format 0.0.4. */
void ch_metrics_print(ch_buf *out, const ch_metrics *metrics, int64_t monotonic_ms);

#endif
