/* GET /requests, /requests/ID and /servicerequestupdates: one question to the hub a step, so that a long list keeps nobody waiting. */
#include "connectors/transports/open311_visit_inside.h"

#include "connectors/transports/open311_request.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_MOST_MS 30000
#define PAGE_ROWS 200
#define EVENTS_MOST 100 /* of a case, the last ones */
#define DAY_MS ((int64_t)24 * 3600 * 1000)
/* Whose updates are told although nobody names them: cases that are no older at the beginning of the span, and of which
 * nothing was reported later than so. */
#define UPDATES_OPENED_MS (366 * DAY_MS)
#define UPDATES_LATE_MS (7 * DAY_MS)

static int compare_sequences(const void *one, const void *other)
{
    json_int_t a = json_integer_value(json_object_get(*(json_t *const *)one, "sequence"));
    json_int_t b = json_integer_value(json_object_get(*(json_t *const *)other, "sequence"));
    return (a > b) - (a < b);
}

/* As they were recorded, whichever case they are of. */
static void answer_updates(ch_open311_visit *visit)
{
    size_t count = json_array_size(visit->found);
    json_t *document = json_array(), **sorted = calloc(count + 1, sizeof(json_t *));
    for (size_t i = 0; sorted != NULL && i < count; i++) {
        sorted[i] = json_array_get(visit->found, i);
    }
    if (sorted != NULL) {
        qsort(sorted, count, sizeof *sorted, compare_sequences);
    }
    for (size_t i = 0; sorted != NULL && i < count; i++) {
        json_object_del(sorted[i], "sequence");
        json_array_append(document, sorted[i]);
    }
    if (sorted == NULL) {
        json_decref(document);
        document = NULL;
    }
    free(sorted);
    ch_open311_answer_with(visit, document, "service_request_updates");
}

static void answer_list(ch_open311_visit *visit)
{
    json_t *found = visit->found;
    visit->found = NULL;
    ch_open311_answer_with(visit, found, "service_requests");
}

static void answer_no_case(ch_open311_visit *visit)
{
    ch_open311_visit_refuse(visit, CH_HTTP_NOT_FOUND, "service_request_id: there is no such request");
}

static bool is_single(const ch_open311_visit *visit)
{
    return visit->id[0] != '\0';
}

static bool begin_list(ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    visit->until_ms = host->monotonic_ms(host) + LIST_MOST_MS;
    visit->found = json_array();
    visit->names = json_object();
    visit->waiting = json_array();
    if (visit->found == NULL || visit->names == NULL || visit->waiting == NULL) {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no memory to answer");
        return false;
    }
    return true;
}

static void wait_for_filtered(ch_open311_visit *visit)
{
    if (visit->filter.ids != NULL) {
        json_array_extend(visit->waiting, visit->filter.ids);
    }
    visit->more = visit->filter.ids == NULL;
}

void ch_open311_look_begin(ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    if (!begin_list(visit)) {
        return;
    }
    if (is_single(visit)) {
        json_array_append_new(visit->waiting, json_string(visit->id));
        return;
    }
    ch_open311_filter_read(&visit->filter, &visit->form, &visit->site->services, host->wall_ms(host),
                           &visit->problems);
    wait_for_filtered(visit);
}

void ch_open311_updates_begin(ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    if (!begin_list(visit)) {
        return;
    }
    visit->tells_updates = true;
    ch_open311_filter_read_updates(&visit->filter, &visit->form, host->wall_ms(host), &visit->problems);
    wait_for_filtered(visit);
}

/* ---- which cases */

static bool by_id(const ch_open311_visit *visit)
{
    return is_single(visit) || visit->filter.ids != NULL;
}

static json_t *cases_arguments(const ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    ch_str category = ch_open311_filter_category(&visit->filter);
    json_t *arguments = json_pack("{s:s, s:i}", "system", host->system, "limit", PAGE_ROWS);
    int64_t since_ms = visit->filter.start_ms - (visit->tells_updates ? UPDATES_OPENED_MS : 0);
    if (since_ms > 0) {
        json_object_set_new(arguments, "since", json_integer(since_ms));
    }
    if (category.at != NULL) {
        json_object_set_new(arguments, "category", json_stringn(category.at, category.size));
    }
    if (visit->next != NULL) {
        json_object_set_new(arguments, "after", json_string(visit->next));
    }
    return arguments;
}

static bool fits(const ch_open311_visit *visit, const json_t *row)
{
    const char *state = json_string_value(json_object_get(row, "state"));
    if (visit->tells_updates) {
        return json_integer_value(json_object_get(row, "changed")) >=
               visit->filter.start_ms - UPDATES_LATE_MS;
    }
    return state != NULL &&
           ch_open311_filter_fits(&visit->filter, json_integer_value(json_object_get(row, "opened")), state);
}

static void find_cases(ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    json_t *rows = NULL, *row;
    char *next = NULL;
    size_t i;
    ch_open311_asked asked = ch_open311_ask(visit, "cases", cases_arguments(visit), &rows, &next);
    host->release(host, visit->next);
    visit->next = next;
    visit->more = next != NULL;
    if (asked != CH_OPEN311_ROWS) {
        return;
    }
    json_array_clear(visit->waiting);
    visit->waited = 0;
    json_array_foreach(rows, i, row)
    {
        if (fits(visit, row)) {
            json_array_append(visit->waiting, json_object_get(row, "case"));
        }
    }
    json_decref(rows);
}

/* ---- one case */

static void drop_case(ch_open311_visit *visit)
{
    json_decref(visit->row);
    json_decref(visit->events);
    visit->row = visit->events = NULL;
    visit->more_events = visit->closed_before = false;
    visit->waited++;
}

static void look_at_case(ch_open311_visit *visit)
{
    const char *id = json_string_value(json_array_get(visit->waiting, visit->waited));
    ch_open311_asked asked = ch_open311_ask_case(visit, id == NULL ? "" : id, false, &visit->row);
    if (asked == CH_OPEN311_NO_ROWS && is_single(visit)) {
        answer_no_case(visit);
    } else if (asked == CH_OPEN311_NO_ROWS ||
               (asked == CH_OPEN311_ROWS && !by_id(visit) &&
                !ch_open311_filter_wants(&visit->filter,
                                         ch_open311_service_code(&visit->site->services, visit->row)))) {
        drop_case(visit);
    }
}

/* From the version on that leaves EVENTS_MOST; of updates all. */
static json_t *timeline_arguments(const ch_open311_visit *visit)
{
    json_int_t version =
        visit->tells_updates ? 0 : json_integer_value(json_object_get(visit->row, "version"));
    json_t *arguments =
        json_pack("{s:O, s:i}", "case", json_object_get(visit->row, "case"), "limit", EVENTS_MOST);
    char after[24];
    snprintf(after, sizeof after, "%lld", version > EVENTS_MOST ? (long long)version - EVENTS_MOST : 0LL);
    json_object_set_new(arguments, "after",
                        json_string(visit->next_event != NULL ? visit->next_event : after));
    return arguments;
}

/* Of a page of events. What changes nothing and says nothing is no update. */
static void tell_updates(ch_open311_visit *visit, const json_t *events)
{
    const char *case_id = json_string_value(json_object_get(visit->row, "case"));
    for (size_t i = 0; case_id != NULL && i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        const char *state = json_string_value(json_object_get(event, "casestate"));
        bool closed = state != NULL && ch_open311_is_closed(state);
        bool moved = closed != visit->closed_before;
        int64_t at_ms = json_integer_value(json_object_get(event, "recordedtime"));
        bool told =
            moved || (ch_open311_is_for_citizen(event, visit->trusted) && ch_open311_said(event) != NULL);
        visit->closed_before = closed;
        if (told && at_ms >= visit->filter.start_ms && at_ms <= visit->filter.end_ms) {
            json_t *update = ch_open311_update_document(event, case_id);
            json_object_set(update, "sequence", json_object_get(event, "sequence"));
            if (!ch_open311_is_for_citizen(event, visit->trusted)) {
                json_object_set_new(update, "description", json_null());
            }
            json_array_append_new(visit->found, update);
        }
    }
}

static void look_at_events(ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    json_t *rows = NULL;
    char *next = NULL;
    ch_open311_asked asked = ch_open311_ask(visit, "timeline", timeline_arguments(visit), &rows, &next);
    host->release(host, visit->next_event);
    visit->next_event = next;
    visit->more_events = next != NULL;
    if (asked == CH_OPEN311_NO_ROWS) {
        drop_case(visit); /* taken away between two questions */
    } else if (asked == CH_OPEN311_ROWS && visit->tells_updates) {
        tell_updates(visit, rows);
        if (!visit->more_events) {
            drop_case(visit);
        }
    } else if (asked == CH_OPEN311_ROWS && visit->events == NULL) {
        visit->events = json_incref(rows);
    } else if (asked == CH_OPEN311_ROWS) {
        json_array_extend(visit->events, rows);
    }
    json_decref(rows);
}

/* True when the name is known, or nobody has one. */
static bool knows_name(const ch_open311_visit *visit)
{
    const char *party = ch_open311_responsible(visit->row);
    return party == NULL || json_object_get(visit->names, party) != NULL;
}

static void look_at_party(ch_open311_visit *visit)
{
    const char *party = ch_open311_responsible(visit->row);
    json_t *rows = NULL;
    ch_open311_asked asked = ch_open311_ask(visit, "parties", json_pack("{s:s}", "code", party), &rows, NULL);
    if (asked != CH_OPEN311_FAILED) {
        json_t *name = json_object_get(json_array_get(rows, 0), "name");
        json_object_set(visit->names, party, json_is_string(name) ? name : json_null());
    }
    json_decref(rows);
}

static void tell_case(ch_open311_visit *visit)
{
    const ch_open311_case of = {.row = visit->row,
                                .events = visit->events,
                                .names = visit->names,
                                .notice = visit->site->notice,
                                .trusted = visit->trusted};
    json_array_append_new(visit->found, ch_open311_request_document(&visit->site->services, &of));
    drop_case(visit);
}

void ch_open311_look_step(ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    bool is_full = json_array_size(visit->found) >= CH_OPEN311_REQUESTS_MOST;
    if (host->monotonic_ms(host) > visit->until_ms) {
        ch_open311_answer_later(visit, "it takes too long: ask for fewer requests");
    } else if (visit->tells_updates && json_array_size(visit->found) > CH_OPEN311_REQUESTS_MOST) {
        ch_open311_visit_refuse(visit, CH_HTTP_BAD_REQUEST,
                                "start_date and end_date: more than 1000 updates: ask for a shorter span");
    } else if (visit->row != NULL && (visit->events == NULL || visit->more_events)) {
        look_at_events(visit);
    } else if (visit->row != NULL && !knows_name(visit)) {
        look_at_party(visit);
    } else if (visit->row != NULL) {
        tell_case(visit);
    } else if ((!is_full || visit->tells_updates) && visit->waited < json_array_size(visit->waiting)) {
        look_at_case(visit);
    } else if ((!is_full || visit->tells_updates) && visit->more) {
        find_cases(visit);
    } else if (visit->tells_updates) {
        answer_updates(visit);
    } else if (is_single(visit) && json_array_size(visit->found) == 0) {
        answer_no_case(visit);
    } else {
        answer_list(visit);
    }
}
