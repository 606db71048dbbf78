#include "connectors/transports/open311_intake.h"

#include "hub/base/clock.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#define DESCRIPTION_MOST 4000 /* characters, as GeoReport v2 has it */
#define ATTRIBUTE_TEXT_MOST 4000
#define NUMBER_MOST 40

enum { BAD_REQUEST = 400, NOT_FOUND = 404, NO_MEMORY = 500 };

typedef struct intake {
    const ch_open311_services *services;
    const ch_open311_service *service;
    const ch_form *form;
    ch_open311_problems *problems;
    json_t *record;
} intake;

static size_t count_characters(ch_str text)
{
    size_t count = 0;
    while (text.size > 0) {
        size_t size = ch_str_utf8_size(text);
        text = (ch_str){text.at + size, text.size - size};
        count++;
    }
    return count;
}

static bool is_on_one_line(ch_str text)
{
    return memchr(text.at, '\n', text.size) == NULL && memchr(text.at, '\r', text.size) == NULL;
}

static void put_text(json_t *object, const char *name, ch_str text)
{
    json_object_set_new(object, name, json_stringn(text.at, text.size));
}

/* ---- plain fields */

static bool is_email(ch_str text)
{
    const char *at = memchr(text.at, '@', text.size);
    return at != NULL && at > text.at && at + 1 < text.at + text.size &&
           memchr(text.at, ' ', text.size) == NULL;
}

static bool is_phone(ch_str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        digits += isdigit((unsigned char)text.at[i]) != 0;
        if (!isdigit((unsigned char)text.at[i]) && strchr("+-() .#*", text.at[i]) == NULL) {
            return false;
        }
    }
    return digits >= 3;
}

static bool is_web_address(ch_str text)
{
    size_t scheme = ch_str_starts(text, CH_STR("https://"))  ? strlen("https://")
                    : ch_str_starts(text, CH_STR("http://")) ? strlen("http://")
                                                             : 0;
    if (scheme == 0 || text.size == scheme) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == ' ' || text.at[i] == '\t' || strchr("\"<>\\^`{|}", text.at[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static const struct {
    const char *name;
    size_t characters_most;
    bool one_line;
    bool (*fits)(ch_str text);
    const char *expected;
    bool of_place; /* an update has none */
} plain_fields[] = {
    {"description", DESCRIPTION_MOST, false, NULL, NULL, false},
    {"address_string", 400, true, NULL, NULL, true},
    {"address_id", 60, true, NULL, NULL, true},
    {"email", 100, true, is_email, "an e-mail address", false},
    {"device_id", 200, true, NULL, NULL, false},
    {"account_id", 200, true, NULL, NULL, false},
    {"first_name", 60, true, NULL, NULL, false},
    {"last_name", 60, true, NULL, NULL, false},
    {"phone", 40, true, is_phone, "a phone number", false},
    {"media_url", 2000, true, is_web_address, "an http or https address", false},
};

static void take_plain_fields(intake *in, bool with_place)
{
    for (size_t i = 0; i < sizeof plain_fields / sizeof *plain_fields; i++) {
        const char *name = plain_fields[i].name;
        ch_str text = ch_form_get(in->form, name);
        if (text.at == NULL || (plain_fields[i].of_place && !with_place)) {
            continue;
        }
        if (count_characters(text) > plain_fields[i].characters_most) {
            ch_open311_refuse(in->problems, BAD_REQUEST, "%s: more than %zu characters", name,
                              plain_fields[i].characters_most);
        } else if (plain_fields[i].one_line && !is_on_one_line(text)) {
            ch_open311_refuse(in->problems, BAD_REQUEST, "%s: one line is expected", name);
        } else if (plain_fields[i].fits != NULL && !plain_fields[i].fits(text)) {
            ch_open311_refuse(in->problems, BAD_REQUEST, "%s: %s is expected", name,
                              plain_fields[i].expected);
        } else {
            put_text(in->record, name, text);
        }
    }
}

/* ---- location */

/* Digits, a sign, a point: no hexadecimal, no "inf", no "nan", no spaces. */
static bool read_number(ch_str text, double *out_number)
{
    char copy[NUMBER_MOST + 1], *end;
    if (ch_str_copy(copy, sizeof copy, text) != CH_OK || strspn(copy, "+-.0123456789eE") != text.size) {
        return false;
    }
    double number = strtod(copy, &end);
    if (end == copy || *end != '\0' || !isfinite(number)) {
        return false;
    }
    *out_number = number;
    return true;
}

static void take_degrees(intake *in, const char *name, double most)
{
    double number;
    ch_str text = ch_form_get(in->form, name);
    if (!read_number(text, &number) || number < -most || number > most) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "%s: a number from -%.0f to %.0f is expected", name,
                          most, most);
    } else {
        json_object_set_new(in->record, name, json_real(number));
    }
}

static void take_location(intake *in)
{
    bool lat = ch_form_get(in->form, "lat").at != NULL, lon = ch_form_get(in->form, "long").at != NULL;
    bool address =
        ch_form_get(in->form, "address_string").at != NULL || ch_form_get(in->form, "address_id").at != NULL;
    if (lat != lon) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "lat and long go together: %s is missing",
                          lat ? "long" : "lat");
    } else if (lat) {
        take_degrees(in, "lat", 90);
        take_degrees(in, "long", 180);
    } else if (!address) {
        ch_open311_refuse(in->problems, BAD_REQUEST,
                          "the location is missing: lat and long, address_string or address_id is expected");
    }
}

/* ---- attributes */

/* "attribute[CODE]" and "attribute[CODE][]" name CODE. */
static bool read_attribute_name(ch_str name, ch_str *out_code)
{
    const ch_str prefix = CH_STR("attribute[");
    if (!ch_str_starts(name, prefix)) {
        return false;
    }
    ch_str code = {name.at + prefix.size, name.size - prefix.size};
    const char *end = code.size == 0 ? NULL : memchr(code.at, ']', code.size);
    if (end == NULL) {
        return false;
    }
    ch_str rest = {end + 1, code.size - (size_t)(end - code.at) - 1};
    *out_code = (ch_str){code.at, (size_t)(end - code.at)};
    return rest.size == 0 || ch_str_is(rest, "[]");
}

static const ch_open311_attribute *find_attribute(const ch_open311_service *service, ch_str code)
{
    for (size_t i = 0; i < service->attribute_count; i++) {
        if (service->attributes[i].variable && ch_str_equal(service->attributes[i].code, code)) {
            return &service->attributes[i];
        }
    }
    return NULL;
}

static void refuse_unknown_attributes(intake *in)
{
    for (size_t i = 0; i < in->form->count; i++) {
        ch_str code, name = in->form->fields[i].name;
        if (ch_str_starts(name, CH_STR("attribute")) &&
            (!read_attribute_name(name, &code) || find_attribute(in->service, code) == NULL)) {
            ch_open311_refuse(in->problems, BAD_REQUEST,
                              "field %zu of the form: the service has no such attribute", i + 1);
        }
    }
}

static const char *expectation(const ch_open311_attribute *attribute, ch_str value)
{
    double number;
    int64_t time_ms;
    switch (attribute->datatype) {
    case CH_OPEN311_STRING:
        return !is_on_one_line(value) || count_characters(value) > ATTRIBUTE_TEXT_MOST ? "one line of text"
                                                                                       : NULL;
    case CH_OPEN311_TEXT: return count_characters(value) > ATTRIBUTE_TEXT_MOST ? "a shorter text" : NULL;
    case CH_OPEN311_NUMBER: return read_number(value, &number) ? NULL : "a number";
    case CH_OPEN311_DATETIME:
        return ch_open311_time(value, &time_ms) == CH_OK ? NULL : "a time such as 2026-11-23T10:27:00+08:00";
    case CH_OPEN311_SINGLE:
    case CH_OPEN311_MULTI:
        return ch_open311_choice_find(attribute, value) != NULL ? NULL : "one of the listed keys";
    }
    return NULL;
}

static bool holds_key(const json_t *values, ch_str key)
{
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *there = json_string_value(json_object_get(json_array_get(values, i), "key"));
        if (there != NULL && ch_str_is(key, there)) {
            return true;
        }
    }
    return false;
}

static void take_value(intake *in, const ch_open311_attribute *attribute, ch_str value, json_t *values)
{
    const char *expected = expectation(attribute, value);
    if (expected != NULL) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "attribute[%.*s]: %s is expected",
                          CH_STR_ARG(attribute->code), expected);
        return;
    }
    if (holds_key(values, value)) {
        return;
    }
    const ch_open311_choice *choice = ch_open311_choice_find(attribute, value);
    json_t *entry = json_object();
    put_text(entry, "key", value);
    put_text(entry, "name", choice == NULL ? value : choice->name);
    json_array_append_new(values, entry);
}

static void take_attribute(intake *in, const ch_open311_attribute *attribute, json_t *list)
{
    json_t *values = json_array();
    size_t sent = 0;
    for (size_t i = 0; i < in->form->count; i++) {
        ch_str code;
        if (read_attribute_name(in->form->fields[i].name, &code) && ch_str_equal(code, attribute->code)) {
            take_value(in, attribute, in->form->fields[i].value, values);
            sent++;
        }
    }
    if (sent == 0 && attribute->required) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "attribute[%.*s]: it is required",
                          CH_STR_ARG(attribute->code));
    } else if (json_array_size(values) > 1 && attribute->datatype != CH_OPEN311_MULTI) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "attribute[%.*s]: it takes one value",
                          CH_STR_ARG(attribute->code));
    }
    if (json_array_size(values) > 0) {
        json_t *entry = json_object();
        put_text(entry, "code", attribute->code);
        put_text(entry, "name", attribute->description);
        json_object_set(entry, "values", values);
        json_array_append_new(list, entry);
    }
    json_decref(values);
}

static void take_attributes(intake *in)
{
    json_t *list = json_array();
    refuse_unknown_attributes(in);
    for (size_t i = 0; i < in->service->attribute_count; i++) {
        if (in->service->attributes[i].variable) {
            take_attribute(in, &in->service->attributes[i], list);
        }
    }
    if (json_array_size(list) > 0) {
        json_object_set(in->record, "attributes", list);
    }
    json_decref(list);
}

/* ---- */

static void take_service(intake *in)
{
    ch_str code = ch_form_get(in->form, "service_code");
    in->service = code.at == NULL ? NULL : ch_open311_service_find(in->services, code);
    if (code.at == NULL) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "service_code: it is missing");
    } else if (in->service == NULL) {
        ch_open311_refuse(in->problems, NOT_FOUND, "service_code: there is no such service");
    } else {
        put_text(in->record, "service_code", code);
    }
}

json_t *ch_open311_intake(const ch_open311_services *services, const ch_form *form,
                          ch_open311_problems *problems)
{
    intake in = {.services = services, .form = form, .problems = problems, .record = json_object()};
    const ch_form_field *twice = ch_form_contradiction(form);
    if (in.record == NULL) {
        ch_open311_refuse(problems, NO_MEMORY, "no memory to read the request");
        return NULL;
    }
    if (twice != NULL) {
        ch_open311_refuse(problems, BAD_REQUEST, "%s: it comes twice with different values", twice->name.at);
    }
    take_service(&in);
    take_location(&in);
    take_plain_fields(&in, true);
    if (in.service != NULL) {
        take_attributes(&in);
    }
    if (problems->code != 0) {
        json_decref(in.record);
        return NULL;
    }
    return in.record;
}

/* ---- updates */

#define AHEAD_MOST_MS ((int64_t)10 * 60 * 1000) /* so far a client's clock may be ahead */

static void take_update_time(intake *in, int64_t now_ms)
{
    char formatted[CH_TIME_TEXT_SIZE];
    int64_t time_ms = 0;
    ch_str text = ch_form_get(in->form, "updated_datetime");
    if (text.at == NULL) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "updated_datetime: it is missing");
    } else if (ch_open311_time(text, &time_ms) != CH_OK) {
        ch_open311_refuse(in->problems, BAD_REQUEST,
                          "updated_datetime: a time with its zone is expected, such as 2026-11-23T10:27:00Z");
    } else if (time_ms > now_ms + AHEAD_MOST_MS) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "updated_datetime: it lies in the future");
    } else {
        ch_time_format(time_ms, 0, formatted);
        put_text(in->record, "updated_datetime", ch_str_of(formatted));
    }
}

static void take_status(intake *in)
{
    char name[40];
    ch_str status = ch_form_get(in->form, "status");
    if (status.at == NULL) {
        return;
    }
    bool fits = ch_str_copy(name, sizeof name, status) == CH_OK;
    for (char *at = name; fits && *at != '\0'; at++) {
        fits = isalpha((unsigned char)*at) || strchr("_ -", *at) != NULL;
        *at = (char)tolower((unsigned char)*at);
    }
    if (fits) {
        put_text(in->record, "status", ch_str_of(name));
    } else {
        ch_open311_refuse(in->problems, BAD_REQUEST, "status: a word such as open or closed is expected");
    }
}

static void take_judgement(intake *in)
{
    ch_str score = ch_form_get(in->form, "score"), satisfied = ch_form_get(in->form, "satisfied");
    if (score.at != NULL && (score.size != 1 || score.at[0] < '1' || score.at[0] > '5')) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "score: a number from 1 to 5 is expected");
    } else if (score.at != NULL) {
        json_object_set_new(in->record, "score", json_integer(score.at[0] - '0'));
    }
    if (satisfied.at != NULL && !ch_str_is(satisfied, "true") && !ch_str_is(satisfied, "false")) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "satisfied: true or false is expected");
    } else if (satisfied.at != NULL) {
        json_object_set_new(in->record, "satisfied", json_boolean(ch_str_is(satisfied, "true")));
    }
    if (score.at == NULL && satisfied.at == NULL && ch_form_get(in->form, "description").at == NULL) {
        ch_open311_refuse(in->problems, BAD_REQUEST, "description: it is missing");
    }
}

json_t *ch_open311_update_intake(const ch_form *form, int64_t now_ms, ch_open311_problems *problems)
{
    intake in = {.form = form, .problems = problems, .record = json_object()};
    ch_str id = ch_form_get(form, "service_request_id");
    const ch_form_field *twice = ch_form_contradiction(form);
    if (in.record == NULL) {
        ch_open311_refuse(problems, NO_MEMORY, "no memory to read the update");
        return NULL;
    }
    if (twice != NULL) {
        ch_open311_refuse(problems, BAD_REQUEST, "%s: it comes twice with different values", twice->name.at);
    }
    if (id.at == NULL) {
        ch_open311_refuse(problems, BAD_REQUEST, "service_request_id: it is missing");
    } else {
        put_text(in.record, "service_request_id", id);
    }
    take_update_time(&in, now_ms);
    take_plain_fields(&in, false);
    take_status(&in);
    take_judgement(&in);
    if (problems->code != 0) {
        json_decref(in.record);
        return NULL;
    }
    return in.record;
}

ch_status ch_open311_time(ch_str text, int64_t *out_time_ms)
{
    char copy[CH_TIME_TEXT_SIZE];
    if (text.size < strlen("2026-11-23T02:27:00Z") || ch_str_copy(copy, sizeof copy, text) != CH_OK) {
        return CH_INVALID;
    }
    char *space = strchr(copy + strlen("2026-11-23T02:27:00"), ' ');
    if (space != NULL) {
        *space = '+';
    }
    return ch_time_parse(ch_str_of(copy), out_time_ms);
}
