#include "connectors/transports/open311_request.h"

#include "connectors/transports/open311_filter.h"
#include "hub/base/clock.h"

#include <stdio.h>

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static const json_t *opened_data(const json_t *row)
{
    return json_object_get(json_object_get(row, "opened_event"), "data");
}

/* Texts that are absent are null, as GeoReport v2 has it. */
static void put_text(json_t *document, const char *name, const char *text)
{
    json_object_set_new(document, name, text == NULL ? json_null() : json_string(text));
}

static void put_time(json_t *document, const char *name, const json_t *time_ms)
{
    char text[CH_TIME_TEXT_SIZE];
    if (!json_is_integer(time_ms)) {
        json_object_set_new(document, name, json_null());
        return;
    }
    ch_time_format(json_integer_value(time_ms), 0, text);
    json_object_set_new(document, name, json_string(text));
}

/* ---- who has it, and until when */

static bool is_open_handoff(const json_t *handoff)
{
    static const char *const open[] = {"offered", "delivered", "accepted", "started"};
    const char *state = text_at(handoff, "state");
    for (size_t i = 0; state != NULL && i < sizeof open / sizeof *open; i++) {
        if (strcmp(open[i], state) == 0) {
            return true;
        }
    }
    return false;
}

const char *ch_open311_responsible(const json_t *row)
{
    const char *lead = text_at(row, "party"), *last = NULL;
    const json_t *handoffs = json_object_get(row, "handoffs");
    if (lead != NULL) {
        return lead;
    }
    for (size_t i = 0; i < json_array_size(handoffs); i++) {
        const json_t *handoff = json_array_get(handoffs, i);
        last =
            is_open_handoff(handoff) && text_at(handoff, "party") != NULL ? text_at(handoff, "party") : last;
    }
    return last;
}

/* The latest promise that is still open; else the time that was asked for. */
static const json_t *expected_time(const json_t *row)
{
    const json_t *handoffs = json_object_get(row, "handoffs"), *latest = NULL;
    for (size_t i = 0; i < json_array_size(handoffs); i++) {
        const json_t *handoff = json_array_get(handoffs, i), *due = json_object_get(handoff, "due");
        if (is_open_handoff(handoff) && json_is_integer(due) &&
            (latest == NULL || json_integer_value(due) > json_integer_value(latest))) {
            latest = due;
        }
    }
    return latest != NULL ? latest : json_object_get(opened_data(row), "due");
}

/* ---- what was said about it */

bool ch_open311_is_for_citizen(const json_t *event, bool trusted)
{
    static const char *const answers[] = {"handoff.completed", "case.resolved", "case.rejected",
                                          "case.cancelled", "case.closed"};
    const char *type = text_at(event, "type");
    if (type != NULL && strcmp(type, "case.replied") == 0) {
        return trusted || json_is_true(json_object_get(json_object_get(event, "data"), "public"));
    }
    for (size_t i = 0; type != NULL && i < sizeof answers / sizeof *answers; i++) {
        if (strcmp(answers[i], type) == 0) {
            return true;
        }
    }
    return false;
}

const char *ch_open311_said(const json_t *event)
{
    const json_t *data = json_object_get(event, "data");
    const char *text = text_at(data, "text");
    return text != NULL ? text : text_at(data, "resolution");
}

static const char *last_answer(const ch_open311_case *of)
{
    for (size_t i = json_array_size(of->events); i > 0; i--) {
        const json_t *event = json_array_get(of->events, i - 1);
        if (ch_open311_is_for_citizen(event, of->trusted) && ch_open311_said(event) != NULL) {
            return ch_open311_said(event);
        }
    }
    return NULL;
}

/* ---- what it is about */

static const ch_open311_service *service_of(const ch_open311_services *services, const json_t *row)
{
    const char *code = text_at(opened_data(row), "category_local"), *category = text_at(row, "category");
    const ch_open311_service *service =
        code == NULL ? NULL : ch_open311_service_find(services, ch_str_of(code));
    return service != NULL || category == NULL
               ? service
               : ch_open311_service_of_category(services, ch_str_of(category));
}

ch_str ch_open311_service_code(const ch_open311_services *services, const json_t *row)
{
    const ch_open311_service *service = service_of(services, row);
    return service != NULL ? service->code : ch_str_of(text_at(row, "category"));
}

static void put_service(json_t *document, const ch_open311_services *services, const json_t *row)
{
    const ch_open311_service *service = service_of(services, row);
    put_text(document, "service_name", service != NULL ? service->name.at : text_at(row, "category"));
    put_text(document, "service_code", service != NULL ? service->code.at : text_at(row, "category"));
}

static const char *media_url(const json_t *data)
{
    const json_t *attachments = json_object_get(data, "attachments");
    for (size_t i = 0; i < json_array_size(attachments); i++) {
        const char *url = text_at(json_array_get(attachments, i), "url");
        if (url != NULL) {
            return url;
        }
    }
    return NULL;
}

static void put_number(json_t *document, const char *name, const json_t *number)
{
    json_object_set_new(document, name,
                        json_is_number(number) ? json_real(json_number_value(number)) : json_null());
}

/* For those with a key only: it may tell who asked, or where somebody lives. */
static void put_details(json_t *document, const json_t *row)
{
    const json_t *data = opened_data(row);
    const json_t *personal = json_object_get(json_object_get(row, "opened_event"), "private");
    put_text(document, "description", text_at(data, "text"));
    put_text(document, "address", text_at(personal, "address"));
    put_text(document, "address_id", text_at(data, "address_id"));
    put_number(document, "lat", json_object_get(data, "lat"));
    put_number(document, "long", json_object_get(data, "lon"));
    put_text(document, "media_url", media_url(data));
}

json_t *ch_open311_request_document(const ch_open311_services *services, const ch_open311_case *of)
{
    const json_t *row = of->row;
    const char *state = text_at(row, "state"), *party = ch_open311_responsible(row);
    const char *name = party == NULL ? NULL : text_at(of->names, party);
    json_t *document = json_object();
    put_text(document, "service_request_id", text_at(row, "case"));
    put_text(document, "status", state != NULL && ch_open311_is_closed(state) ? "closed" : "open");
    put_text(document, "status_notes", last_answer(of));
    put_service(document, services, row);
    put_text(document, "agency_responsible", name != NULL ? name : party);
    put_text(document, "service_notice", of->notice[0] == '\0' ? NULL : of->notice);
    put_time(document, "requested_datetime", json_object_get(row, "opened"));
    put_time(document, "updated_datetime", json_object_get(row, "changed"));
    put_time(document, "expected_datetime", expected_time(row));
    if (of->trusted) {
        put_details(document, row);
    }
    return document;
}

json_t *ch_open311_update_document(const json_t *event, const char *case_id)
{
    char id[100];
    const char *state = text_at(event, "casestate");
    json_t *document = json_object();
    ch_open311_update_id(id, sizeof id, case_id,
                         (uint64_t)json_integer_value(json_object_get(event, "caseversion")));
    put_text(document, "update_id", id);
    put_text(document, "service_request_id", case_id);
    put_text(document, "status", state != NULL && ch_open311_is_closed(state) ? "closed" : "open");
    put_time(document, "updated_datetime", json_object_get(event, "recordedtime"));
    put_text(document, "description", ch_open311_said(event));
    put_text(document, "media_url", NULL);
    return document;
}

void ch_open311_update_id(char *out, size_t size, const char *case_id, uint64_t version)
{
    snprintf(out, size, "%s/%llu", case_id, (unsigned long long)version);
}
