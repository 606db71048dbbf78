#include "hub/run/erasure_record.h"

#include "hub/run/start_record.h"
#include "hub/store/erasures.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct repeating {
    const ch_hub *hub;
    const ch_erasures *list;
} repeating;

static ch_status make_work(const ch_hub *hub, const ch_erasure *erasure, const char *case_id,
                           ch_work **out_work, ch_error *error)
{
    char source[4 + CH_CODE_MAX + 1], id[48], reason[96];
    ch_buf data;
    snprintf(source, sizeof source, "hub/%s", hub->store->hub_code);
    snprintf(id, sizeof id, "erased/%" PRIu64 "/%" PRIu32, erasure->number, hub->store->epoch);
    snprintf(reason, sizeof reason, "erased before the restore: sequence %" PRIu64 " of epoch %" PRIu32,
             erasure->sequence, erasure->epoch);
    ch_buf_init(&data, 1024);
    ch_mp_put_map(&data, 2);
    ch_mp_put_text(&data, "case");
    ch_mp_put_text(&data, case_id);
    ch_mp_put_text(&data, "reason");
    ch_mp_put_text(&data, reason);
    const ch_event event = {.id = ch_str_of(id),
                            .source = ch_str_of(source),
                            .type = CH_STR("hub.erased"),
                            .time_ms = ch_clock_wall_ms(hub->options.clock),
                            .data = ch_buf_str(&data),
                            .expected_version = -1};
    ch_status status = data.failed == CH_OK ? ch_work_of_hub(out_work, &event, error)
                                            : ch_error_set(error, data.failed, "erased", "no memory");
    ch_buf_done(&data);
    return status;
}

/* A case that this log knows, and of which it does not say so. One that was held at the time of the backup, too: its key is
 * gone all the same. */
static ch_status is_unsaid(const ch_hub *hub, uint64_t number, char out_id[CH_CASE_ID_SIZE], bool *out_unsaid)
{
    ch_view view;
    ch_case_mark mark;
    const ch_case *the_case;
    *out_unsaid = false;
    ch_status status = ch_state_view(hub->store->state, hub->store->epoch, &view);
    if (status == CH_OK) {
        status = view.case_by_number(view.context, number, &the_case);
    }
    if (status == CH_OK) {
        status = view.mark(view.context, number, &mark);
    }
    if (status == CH_OK) {
        memcpy(out_id, the_case->id, CH_CASE_ID_SIZE);
        *out_unsaid = !mark.erased;
    }
    return status == CH_NOT_FOUND ? CH_OK : status;
}

static ch_status fill(void *context, ch_batch *batch, ch_error *error)
{
    const repeating *of = context;
    for (size_t i = 0; i < of->list->count; i++) {
        char id[CH_CASE_ID_SIZE];
        bool unsaid;
        ch_work *work;
        ch_status status = is_unsaid(of->hub, of->list->at[i].number, id, &unsaid);
        if (status != CH_OK) {
            return ch_error_set(error, status, "state", "an erased case cannot be read");
        }
        if (!unsaid) {
            continue;
        }
        status = make_work(of->hub, &of->list->at[i], id, &work, error);
        status = status == CH_OK ? ch_batch_take_own(batch, work, error) : status;
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

static ch_status any_is_unsaid(const ch_hub *hub, const ch_erasures *list, bool *out_any, ch_error *error)
{
    char id[CH_CASE_ID_SIZE];
    *out_any = false;
    for (size_t i = 0; i < list->count && !*out_any; i++) {
        ch_status status = is_unsaid(hub, list->at[i].number, id, out_any);
        if (status != CH_OK) {
            return ch_error_set(error, status, "state", "an erased case cannot be read");
        }
    }
    return CH_OK;
}

ch_status ch_erasure_record_settle(const ch_hub *hub, ch_error *error)
{
    char keys_dir[sizeof hub->store->dir + sizeof "/keys"];
    ch_erasures list;
    bool any;
    snprintf(keys_dir, sizeof keys_dir, "%s/keys", hub->store->dir);
    ch_status status = ch_erasures_read(&list, keys_dir, error);
    if (status != CH_OK) {
        return status;
    }
    repeating of = {.hub = hub, .list = &list};
    status = any_is_unsaid(hub, &list, &any, error);
    if (status == CH_OK && any) {
        status = ch_start_record(hub, fill, &of, error);
        status = status == CH_OK ? ch_erasures_settle(hub->store, error) : status;
    }
    ch_erasures_done(&list);
    return status;
}
