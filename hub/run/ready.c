#include "hub/run/ready.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_below(char out_reason[CH_REASON_SIZE], const char *what, uint64_t free_bytes,
                     uint64_t reserve_bytes)
{
    if (free_bytes >= reserve_bytes) {
        return false;
    }
    snprintf(out_reason, CH_REASON_SIZE, "%s: %" PRIu64 " bytes are free, the reserve is %" PRIu64, what,
             free_bytes, reserve_bytes);
    return true;
}

static uint64_t left(uint64_t map_bytes, uint64_t used_bytes)
{
    return map_bytes > used_bytes ? map_bytes - used_bytes : 0;
}

static bool lacks_room(const ch_hub *hub, char out_reason[CH_REASON_SIZE])
{
    const ch_metrics *metrics = hub->metrics;
    uint64_t reserve = hub->store->reserve_bytes;
    uint64_t log_map = ch_metric_get(&metrics->log_map_bytes);
    uint64_t state_map = ch_metric_get(&metrics->state_map_bytes);
    if (log_map == 0 || state_map == 0) {
        return false; /* not measured yet */
    }
    return is_below(out_reason, "disk", ch_metric_get(&metrics->disk_free_bytes), reserve) ||
           is_below(out_reason, "log", left(log_map, ch_metric_get(&metrics->log_used_bytes)), reserve) ||
           is_below(out_reason, "state", left(state_map, ch_metric_get(&metrics->state_used_bytes)), reserve);
}

bool ch_hub_is_ready(const ch_hub *hub, char out_reason[CH_REASON_SIZE])
{
    out_reason[0] = '\0';
    if (atomic_load_explicit(&hub->metrics->ready, memory_order_relaxed) == 0) {
        snprintf(out_reason, CH_REASON_SIZE, "starting or stopping");
        return false;
    }
    return !lacks_room(hub, out_reason);
}
