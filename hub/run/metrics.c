#include "hub/run/metrics.h"

#include <inttypes.h>
#include <stdlib.h>

ch_status ch_metrics_new(ch_metrics **out_metrics)
{
    ch_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        return CH_NO_MEMORY;
    }
    *out_metrics = metrics;
    return CH_OK;
}

void ch_metrics_free(ch_metrics *metrics)
{
    free(metrics);
}

/* What may stand between quotes as it is. */
static bool is_plain(ch_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = (uint8_t)name.at[i];
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
            return false;
        }
    }
    return name.size > 0 && name.size < sizeof((ch_metric_names *)0)->at[0];
}

static bool find_place(const ch_metric_names *names, unsigned count, ch_str name, unsigned *out_place)
{
    for (unsigned i = 0; i < count; i++) {
        if (ch_str_is(name, names->at[i])) {
            *out_place = i;
            return true;
        }
    }
    return false;
}

/* The name's place; "other" stands for all that find no room or cannot be a label, and always finds room itself. */
static unsigned place_of(ch_metric_names *names, unsigned most, ch_str name)
{
    unsigned place, count = atomic_load_explicit(&names->count, memory_order_relaxed);
    if (is_plain(name) && find_place(names, count, name, &place)) {
        return place;
    }
    ch_str label = is_plain(name) && count < most - 1 ? name : CH_STR("other");
    if (find_place(names, count, label, &place)) {
        return place;
    }
    memcpy(names->at[count], label.at, label.size); /* the table began as zeros */
    atomic_store_explicit(&names->count, count + 1, memory_order_release);
    return count;
}

void ch_metrics_count_event(ch_metrics *metrics, ch_str type, ch_str system)
{
    unsigned row = place_of(&metrics->types, CH_METRIC_TYPES, type);
    unsigned column = place_of(&metrics->systems, CH_METRIC_SYSTEMS, system);
    ch_metric_add(&metrics->events[row][column], 1);
}

void ch_histogram_add(ch_histogram *histogram, uint64_t first, uint64_t value)
{
    unsigned bucket = 0;
    for (uint64_t bound = first; bucket < CH_METRIC_BUCKETS && value > bound; bound *= 2) {
        bucket++;
    }
    ch_metric_add(&histogram->buckets[bucket], 1);
    ch_metric_add(&histogram->sum, value);
}

static void print_head(ch_buf *out, const char *name, const char *kind, const char *help)
{
    ch_buf_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* scale: what one unit of the bound is in the metric's own unit. */
static void print_histogram(ch_buf *out, const ch_histogram *histogram, const char *name, const char *help,
                            uint64_t first, double scale)
{
    uint64_t total = 0, bound = first;
    print_head(out, name, "histogram", help);
    for (unsigned i = 0; i < CH_METRIC_BUCKETS; i++, bound *= 2) {
        total += ch_metric_get(&histogram->buckets[i]);
        ch_buf_append_format(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bound * scale, total);
    }
    total += ch_metric_get(&histogram->buckets[CH_METRIC_BUCKETS]);
    ch_buf_append_format(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, total);
    ch_buf_append_format(out, "%s_sum %g\n%s_count %" PRIu64 "\n", name,
                         (double)ch_metric_get(&histogram->sum) * scale, name, total);
}

static void print_events(ch_buf *out, const ch_metrics *metrics)
{
    unsigned types = atomic_load_explicit(&metrics->types.count, memory_order_acquire);
    unsigned systems = atomic_load_explicit(&metrics->systems.count, memory_order_acquire);
    print_head(out, "casehub_events_total", "counter", "Accepted events by type and system of the producer.");
    for (unsigned row = 0; row < types; row++) {
        for (unsigned column = 0; column < systems; column++) {
            uint64_t count = ch_metric_get(&metrics->events[row][column]);
            if (count > 0) {
                ch_buf_append_format(out, "casehub_events_total{type=\"%s\",system=\"%s\"} %" PRIu64 "\n",
                                     metrics->types.at[row], metrics->systems.at[column], count);
            }
        }
    }
}

static void print_refusals(ch_buf *out, const ch_metrics *metrics)
{
    print_head(out, "casehub_refusals_total", "counter", "Refused events by reason.");
    for (unsigned i = 1; i < CH_STATUS_COUNT; i++) {
        uint64_t count = ch_metric_get(&metrics->refusals[i]);
        if (count > 0) {
            ch_buf_append_format(out, "casehub_refusals_total{reason=\"%s\"} %" PRIu64 "\n",
                                 ch_status_name((ch_status)i), count);
        }
    }
}

void ch_metrics_print(ch_buf *out, const ch_metrics *metrics, int64_t monotonic_ms)
{
#define PRINT(field, kind, name, help)                                                                       \
    print_head(out, name, kind, help);                                                                       \
    ch_buf_append_format(out, "%s %" PRIu64 "\n", name, ch_metric_get(&metrics->field));
    CH_METRIC_LIST(PRINT)
#undef PRINT
    int64_t look = atomic_load_explicit(&metrics->reader_look_ms, memory_order_relaxed);
    print_head(out, "casehub_oldest_reader_age_seconds", "gauge",
               "How long the present look at the log is open.");
    ch_buf_append_format(out, "casehub_oldest_reader_age_seconds %g\n",
                         look == 0 ? 0.0 : (double)(monotonic_ms - look) / 1000.0);
    print_events(out, metrics);
    print_refusals(out, metrics);
    print_histogram(out, &metrics->commit_us, "casehub_log_commit_duration_seconds",
                    "Time of a log commit with its syncs.", CH_METRIC_COMMIT_FIRST_US, 1e-6);
    print_histogram(out, &metrics->batch_events, "casehub_log_batch_events", "Events of a log commit.",
                    CH_METRIC_BATCH_FIRST, 1.0);
}
