#include "connectors/host/recorded.h"

#include "connectors/host/checkpoint.h"
#include "hub/client/casehub.h"
#include "hub/model/event.h"

#include <inttypes.h>
#include <stdio.h>

#define WELCOME_MS 10000
#define ANSWER_MS 30000
#define RAW_MOST ((size_t)512 * 1024)
#define CUT_NOTE "(raw cut)"

typedef struct reading {
    const ch_recorded_query *query;
    ch_recorded_fn visit;
    void *context;
    ch_error *error;
    ch_buf last; /* the record before */
    uint64_t records, without;
    ch_status status; /* CH_END: enough */
} reading;

static bool is_dead_letter(const ch_event *event)
{
    return ch_str_is(event->type, "hub.deadletter");
}

/* What follows from an event bears its actor, too, but the hub's source. */
static bool is_of_connector(const reading *r, const ch_event *event)
{
    if (is_dead_letter(event)) {
        return ch_str_is(ch_mp_find_str(event->data, "connector"), r->query->connector) &&
               ch_str_is(ch_mp_find_str(event->data, "action"), "made");
    }
    return ch_str_is(event->actor, r->query->connector) && !ch_str_starts(event->source, CH_STR("hub/"));
}

/* A letter of the hub may hold the event that it refused instead of a record: no mapping reads that. */
static bool is_event(ch_str raw)
{
    ch_event event;
    ch_error error;
    return ch_event_decode(raw, CH_EVENT_PRODUCED, &event, &error) == CH_OK;
}

/* Of a record that was too long for a letter only the beginning is kept, and the reason says so. */
static bool is_cut(const ch_event *event)
{
    ch_str reason = ch_mp_find_str(event->data, "reason");
    return reason.size > 0 && memmem(reason.at, reason.size, CUT_NOTE, strlen(CUT_NOTE)) != NULL;
}

static void name_place(const ch_event *event, char out[CH_UNIT_NAME_MAX + 1])
{
    ch_str place = is_dead_letter(event) ? ch_mp_find_str(event->data, "place") : CH_STR_NONE;
    const char *field = place.size == 0 ? NULL : memmem(place.at, place.size, ": ", 2);
    if (field != NULL) {
        place.size = (size_t)(field - place.at);
    }
    ch_str_copy_cut(out, CH_UNIT_NAME_MAX + 1, place);
    if (out[0] == '\0') {
        snprintf(out, CH_UNIT_NAME_MAX + 1, "sequence %" PRIu64, event->sequence);
    }
}

static ch_status take_record(reading *r, const ch_event *event)
{
    char place[CH_UNIT_NAME_MAX + 1];
    if (ch_str_equal(event->raw, ch_buf_str(&r->last)) ||
        (is_dead_letter(event) && (is_cut(event) || is_event(event->raw)))) {
        return CH_OK;
    }
    ch_buf_clear(&r->last);
    ch_buf_append_str(&r->last, event->raw);
    if (r->last.failed != CH_OK) {
        return ch_error_set(r->error, r->last.failed, NULL, "no room for a record");
    }
    name_place(event, place);
    ch_status status = r->visit(r->context, place, event->recorded_ms, event->raw, r->error);
    r->records++;
    return status == CH_OK && r->records == r->query->limit ? CH_END : status;
}

static void on_event(void *context, casehub *hub, const casehub_event *handed)
{
    reading *r = context;
    ch_event event;
    (void)hub;
    if (r->status != CH_OK) {
        return;
    }
    const ch_str bytes = {handed->encoded, handed->encoded_size};
    r->status = ch_event_decode(bytes, CH_EVENT_RECORDED, &event, r->error);
    if (r->status != CH_OK || !is_of_connector(r, &event) || event.recorded_ms < r->query->since_ms) {
        return;
    }
    if (event.raw.size > 0) {
        r->status = take_record(r, &event);
    } else {
        r->without++;
    }
}

static ch_status failure(const casehub *hub, ch_error *error)
{
    ch_status status;
    if (ch_status_from_name(casehub_error_code(hub), &status) != CH_OK || status == CH_OK) {
        status = CH_UNSUPPORTED;
    }
    return ch_error_set(error, status, casehub_error_where(hub), "%s", casehub_error_text(hub));
}

static ch_status read_log(reading *r, casehub *hub)
{
    static const char *const patterns[] = {"case.>", "handoff.>", "hub.deadletter.>"};
    uint64_t next = 1;
    while (next != 0 && r->status == CH_OK) {
        if (casehub_read(hub, next, 0, patterns, sizeof patterns / sizeof *patterns, 0, ANSWER_MS, r,
                         on_event, &next) != 0) {
            return failure(hub, r->error);
        }
    }
    return r->status == CH_END ? CH_OK : r->status;
}

static ch_status judge(const reading *r)
{
    if (r->records > 0) {
        return CH_OK;
    }
    return r->without == 0
               ? ch_error_set(r->error, CH_NOT_FOUND, r->query->connector,
                              "the log holds no event of this connector that may be read here")
               : ch_error_set(r->error, CH_NOT_FOUND, r->query->connector,
                              "none of its %" PRIu64
                              " events and dead letters shows its record: that takes a grant with "
                              "private = all, and keep_raw = true when they were published",
                              r->without);
}

ch_status ch_recorded_read(const ch_recorded_query *query, ch_recorded_fn visit, void *context,
                           ch_error *error)
{
    reading r = {.query = query, .visit = visit, .context = context, .error = error};
    const casehub_options options = {CASEHUB_SIZE(casehub_options), .endpoint = query->hub,
                                     .key_file = query->key[0] == '\0' ? NULL : query->key,
                                     .name = "casehub-connect diff/" CASEHUB_VERSION};
    casehub *hub = casehub_new(&options);
    if (hub == NULL) {
        return ch_error_set(error, CH_IO, query->key,
                            "the key cannot be read, or the endpoint \"%s\" is none", query->hub);
    }
    ch_buf_init(&r.last, RAW_MOST);
    ch_status status = casehub_wait(hub, WELCOME_MS) == 0 ? read_log(&r, hub) : failure(hub, error);
    ch_buf_done(&r.last);
    casehub_free(&hub);
    return status == CH_OK ? judge(&r) : status;
}
