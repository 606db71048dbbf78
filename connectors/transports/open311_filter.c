#include "connectors/transports/open311_filter.h"

#include "connectors/transports/open311_intake.h"

#include <assert.h>

enum { BAD_REQUEST = 400, NOT_FOUND = 404 };

/* A code of a comma list that is not at its end; spaces around it do not count. */
static ch_str next_item(ch_str *list)
{
    assert(list->at != NULL);
    const char *comma = memchr(list->at, ',', list->size);
    ch_str item = {list->at, comma == NULL ? list->size : (size_t)(comma - list->at)};
    size_t step = item.size + (comma != NULL);
    *list = (ch_str){list->at + step, list->size - step};
    while (item.size > 0 && item.at[0] == ' ') {
        item = (ch_str){item.at + 1, item.size - 1};
    }
    while (item.size > 0 && item.at[item.size - 1] == ' ') {
        item.size--;
    }
    return item;
}

static void read_ids(ch_open311_filter *filter, ch_str list, ch_open311_problems *problems)
{
    filter->ids = json_array();
    while (list.size > 0) {
        ch_str id = next_item(&list);
        if (id.size > 0) {
            json_array_append_new(filter->ids, json_stringn(id.at, id.size));
        }
    }
    if (json_array_size(filter->ids) > CH_OPEN311_REQUESTS_MOST) {
        ch_open311_refuse(problems, BAD_REQUEST, "service_request_id: more than %d",
                          CH_OPEN311_REQUESTS_MOST);
    }
}

static void read_services(ch_open311_filter *filter, ch_str list, const ch_open311_services *services,
                          ch_open311_problems *problems)
{
    while (list.size > 0) {
        ch_str code = next_item(&list);
        const ch_open311_service *service = ch_open311_service_find(services, code);
        if (service == NULL) {
            ch_open311_refuse(problems, NOT_FOUND, "service_code: there is no such service");
            return;
        }
        if (filter->service_count == CH_OPEN311_CODES_MOST) {
            ch_open311_refuse(problems, BAD_REQUEST, "service_code: more than %d", CH_OPEN311_CODES_MOST);
            return;
        }
        filter->services[filter->service_count++] = service;
    }
}

static void read_states(ch_open311_filter *filter, ch_str list, ch_open311_problems *problems)
{
    filter->open = filter->closed = list.at == NULL;
    while (list.size > 0) {
        ch_str state = next_item(&list);
        bool open = ch_str_is(state, "open"), closed = ch_str_is(state, "closed");
        if (!open && !closed) {
            ch_open311_refuse(problems, BAD_REQUEST, "status: open or closed is expected");
            return;
        }
        filter->open |= open;
        filter->closed |= closed;
    }
}

static bool read_time(ch_str text, const char *name, int64_t *out_ms, ch_open311_problems *problems)
{
    if (text.at != NULL && ch_open311_time(text, out_ms) != CH_OK) {
        ch_open311_refuse(problems, BAD_REQUEST,
                          "%s: a time with its zone is expected, such as 2026-11-23T10:27:00Z", name);
    }
    return text.at != NULL;
}

static void read_span(ch_open311_filter *filter, const ch_form *form, int64_t now_ms,
                      ch_open311_problems *problems)
{
    bool start = read_time(ch_form_get(form, "start_date"), "start_date", &filter->start_ms, problems);
    bool end = read_time(ch_form_get(form, "end_date"), "end_date", &filter->end_ms, problems);
    if (problems->code != 0) {
        return;
    }
    if (!end) {
        /* A matter may be reported a moment ahead of this clock. */
        filter->end_ms = start ? filter->start_ms + CH_OPEN311_SPAN_MS : INT64_MAX;
    }
    if (!start) {
        filter->start_ms = (end ? filter->end_ms : now_ms) - CH_OPEN311_SPAN_MS;
    }
    if (start && end && filter->end_ms < filter->start_ms) {
        ch_open311_refuse(problems, BAD_REQUEST, "end_date: it lies before start_date");
    } else if (start && end && filter->end_ms - filter->start_ms > CH_OPEN311_SPAN_MS) {
        ch_open311_refuse(problems, BAD_REQUEST,
                          "start_date and end_date: a span of at most 90 days is expected");
    }
}

void ch_open311_filter_read(ch_open311_filter *out_filter, const ch_form *form,
                            const ch_open311_services *services, int64_t now_ms,
                            ch_open311_problems *problems)
{
    ch_str ids = ch_form_get(form, "service_request_id");
    const ch_form_field *twice = ch_form_contradiction(form);
    *out_filter =
        (ch_open311_filter){.open = true, .closed = true, .end_ms = INT64_MAX, .start_ms = INT64_MIN};
    if (twice != NULL) {
        ch_open311_refuse(problems, BAD_REQUEST, "%s: it comes twice with different values", twice->name.at);
        return;
    }
    if (ids.at != NULL) {
        read_ids(out_filter, ids, problems);
        return;
    }
    read_services(out_filter, ch_form_get(form, "service_code"), services, problems);
    read_states(out_filter, ch_form_get(form, "status"), problems);
    read_span(out_filter, form, now_ms, problems);
}

void ch_open311_filter_read_updates(ch_open311_filter *out_filter, const ch_form *form, int64_t now_ms,
                                    ch_open311_problems *problems)
{
    ch_str ids = ch_form_get(form, "service_request_id");
    const ch_form_field *twice = ch_form_contradiction(form);
    *out_filter =
        (ch_open311_filter){.open = true, .closed = true, .end_ms = INT64_MAX, .start_ms = INT64_MIN};
    if (twice != NULL) {
        ch_open311_refuse(problems, BAD_REQUEST, "%s: it comes twice with different values", twice->name.at);
        return;
    }
    if (ids.at != NULL) {
        read_ids(out_filter, ids, problems);
    }
    if (ids.at == NULL || ch_form_get(form, "start_date").at != NULL ||
        ch_form_get(form, "end_date").at != NULL) {
        read_span(out_filter, form, now_ms, problems);
    }
}

void ch_open311_filter_done(ch_open311_filter *filter)
{
    json_decref(filter->ids);
    filter->ids = NULL;
}

bool ch_open311_is_closed(const char *case_state)
{
    static const char *const closed[] = {"resolved", "closed", "rejected", "cancelled", "merged"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        if (strcmp(closed[i], case_state) == 0) {
            return true;
        }
    }
    return false;
}

bool ch_open311_filter_fits(const ch_open311_filter *filter, int64_t opened_ms, const char *case_state)
{
    bool wanted = ch_open311_is_closed(case_state) ? filter->closed : filter->open;
    return wanted && opened_ms >= filter->start_ms && opened_ms <= filter->end_ms;
}

bool ch_open311_filter_wants(const ch_open311_filter *filter, ch_str service_code)
{
    for (size_t i = 0; i < filter->service_count; i++) {
        if (ch_str_equal(filter->services[i]->code, service_code)) {
            return true;
        }
    }
    return filter->service_count == 0;
}

ch_str ch_open311_filter_category(const ch_open311_filter *filter)
{
    for (size_t i = 1; i < filter->service_count; i++) {
        if (!ch_str_equal(filter->services[i]->category, filter->services[0]->category)) {
            return CH_STR_NONE;
        }
    }
    return filter->service_count == 0 ? CH_STR_NONE : filter->services[0]->category;
}
