#include "connectors/transports/open311_visit_inside.h"

#include "hub/base/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define QUERY_TIMEOUT_MS 5000
#define NAME_MOST 63 /* bytes of a case's id or of the refs made here */

struct ch_open311_page {
    const char *path;
    void (*begin)(ch_open311_visit *visit);
    void (*step)(ch_open311_visit *visit); /* NULL: begin answers */
    ch_open311_method method;
    bool with_id;
    bool free; /* it needs no jurisdiction_id */
};

/* ---- answers */

static void settle_problems(ch_open311_visit *visit)
{
    if (visit->problems.code != 0 && visit->answer.code == 0) {
        visit->answer.code = visit->problems.code;
        visit->answer.root = "errors";
        visit->answer.document = json_incref(visit->problems.list);
    }
}

void ch_open311_visit_refuse(ch_open311_visit *visit, unsigned code, const char *why)
{
    if (visit->answer.code == 0) {
        ch_open311_refuse(&visit->problems, code, "%s", why);
        settle_problems(visit);
    }
}

void ch_open311_answer_with(ch_open311_visit *visit, json_t *document, const char *root)
{
    if (document == NULL) {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no memory to answer");
        return;
    }
    visit->answer.code = CH_HTTP_OK;
    visit->answer.document = document;
    visit->answer.root = root;
}

void ch_open311_answer_later(ch_open311_visit *visit, const char *why)
{
    ch_open311_visit_refuse(visit, CH_HTTP_UNAVAILABLE, why);
}

/* ---- questions to the hub */

static ch_open311_asked explain_failure(ch_open311_visit *visit, const char *name,
                                        const casehub_outcome *outcome)
{
    const casehub_host *host = visit->site->host;
    ch_status status;
    char text[420];
    if (strcmp(outcome->code, ch_status_name(CH_NOT_FOUND)) == 0) {
        return CH_OPEN311_NO_ROWS;
    }
    if (ch_status_from_name(outcome->code, &status) == CH_OK && ch_status_is_temporary(status)) {
        ch_open311_answer_later(visit, "the hub does not answer now");
    } else {
        snprintf(text, sizeof text, "query %s: %s (%s)", name, outcome->reason, outcome->code);
        host->log(host, CASEHUB_ERROR, text);
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "the hub refuses to answer");
    }
    return CH_OPEN311_FAILED;
}

ch_open311_asked ch_open311_ask(ch_open311_visit *visit, const char *name, json_t *arguments,
                                json_t **out_rows, char **out_next)
{
    const casehub_host *host = visit->site->host;
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    char *text = NULL, *asked;
    if (visit->site->seen > 0) {
        json_object_set_new(arguments, "sequence", json_integer((json_int_t)visit->site->seen));
    }
    asked = json_dumps(arguments, JSON_COMPACT);
    json_decref(arguments);
    if (asked == NULL) {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no memory to ask the hub");
        return CH_OPEN311_FAILED;
    }
    if (!host->connected(host)) {
        free(asked);
        ch_open311_answer_later(visit, "the hub is away");
        return CH_OPEN311_FAILED;
    }
    int result = host->query(host, name, asked, QUERY_TIMEOUT_MS, &text, out_next, &outcome);
    free(asked);
    if (result != 0) {
        return explain_failure(visit, name, &outcome);
    }
    *out_rows = json_loads(text, 0, NULL);
    host->release(host, text);
    if (!json_is_array(*out_rows)) {
        json_decref(*out_rows);
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no memory to read the hub's answer");
        return CH_OPEN311_FAILED;
    }
    return CH_OPEN311_ROWS;
}

/* A ref may name other systems' cases as well, and those are none of this page's business. */
static bool is_own(const ch_open311_visit *visit, const json_t *row, const char *id, bool by_ref)
{
    const char *source = json_string_value(json_object_get(row, "source"));
    const char *number = json_string_value(json_object_get(row, "case"));
    return source != NULL && number != NULL && strcmp(source, visit->site->host->source) == 0 &&
           (by_ref || strcmp(number, id) == 0);
}

ch_open311_asked ch_open311_ask_case(ch_open311_visit *visit, const char *id, bool by_ref, json_t **out_row)
{
    if (strlen(id) > NAME_MOST) {
        return CH_OPEN311_NO_ROWS;
    }
    json_t *rows, *arguments = json_pack("{s:s}", "case", id);
    if (by_ref) {
        json_object_set_new(arguments, "source", json_string(visit->site->host->source));
    }
    ch_open311_asked asked = ch_open311_ask(visit, "case", arguments, &rows, NULL);
    if (asked != CH_OPEN311_ROWS) {
        return asked;
    }
    json_t *row = json_array_get(rows, 0);
    bool own = is_own(visit, row, id, by_ref);
    if (own) {
        *out_row = json_incref(row);
    }
    json_decref(rows);
    return own ? CH_OPEN311_ROWS : CH_OPEN311_NO_ROWS;
}

/* ---- what needs no hub */

static void list_services(ch_open311_visit *visit)
{
    ch_open311_answer_with(visit, ch_open311_services_document(&visit->site->services), "services");
}

static void define_service(ch_open311_visit *visit)
{
    const ch_open311_service *service = ch_open311_service_find(&visit->site->services, ch_str_of(visit->id));
    if (service == NULL) {
        ch_open311_visit_refuse(visit, CH_HTTP_NOT_FOUND, "service_code: there is no such service");
    } else {
        ch_open311_answer_with(visit, ch_open311_service_document(service), "service_definition");
    }
}

static void discover(ch_open311_visit *visit)
{
    const ch_open311_site *site = visit->site;
    char changeset[CH_TIME_TEXT_SIZE];
    ch_time_format(site->started_ms, 0, changeset);
    ch_open311_answer_with(visit,
                           json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:s, s:[s, s]}]}", "changeset",
                                     changeset, "contact", site->contact, "key_service", site->key_service,
                                     "endpoints", "specification", "http://wiki.open311.org/GeoReport_v2",
                                     "url", site->url, "changeset", changeset, "type", "production",
                                     "formats", "text/xml", "application/json"),
                           "discovery");
}

/* ---- pages */

static const ch_open311_page pages[] = {
    {"/discovery", discover, NULL, CH_OPEN311_GET, .free = true},
    {"/services", list_services, NULL, CH_OPEN311_GET, .with_id = false},
    {"/services", define_service, NULL, CH_OPEN311_GET, .with_id = true},
    {"/requests", ch_open311_look_begin, ch_open311_look_step, CH_OPEN311_GET, .with_id = false},
    {"/requests", ch_open311_look_begin, ch_open311_look_step, CH_OPEN311_GET, .with_id = true},
    {"/requests", ch_open311_post, NULL, CH_OPEN311_POST, .with_id = false},
    {"/servicerequestupdates", ch_open311_updates_begin, ch_open311_look_step, CH_OPEN311_GET,
     .with_id = false},
    {"/servicerequestupdates", ch_open311_update, NULL, CH_OPEN311_POST, .with_id = false},
    {"/tokens", ch_open311_look_up_token, NULL, CH_OPEN311_GET, .with_id = true},
};

static bool cut_ending(ch_str *path, const char *ending)
{
    size_t size = strlen(ending);
    bool ends = path->size > size && memcmp(path->at + path->size - size, ending, size) == 0;
    path->size -= ends ? size : 0;
    return ends;
}

/* The ending of the path decides, else the Accept header; XML is what every client has to know. */
static void choose_format(ch_open311_visit *visit, ch_str *path, const char *accept)
{
    if (cut_ending(path, ".json")) {
        visit->format = CH_OPEN311_JSON;
    } else if (cut_ending(path, ".xml")) {
        visit->format = CH_OPEN311_XML;
    } else {
        visit->format = accept != NULL && strcasestr(accept, "application/json") != NULL ? CH_OPEN311_JSON
                                                                                         : CH_OPEN311_XML;
    }
}

static void choose_page(ch_open311_visit *visit, ch_open311_method method, ch_str path)
{
    bool known = false, posts = false;
    const char *slash = path.size < 2 ? NULL : memchr(path.at + 1, '/', path.size - 1);
    ch_str base = {path.at, slash == NULL ? path.size : (size_t)(slash - path.at)};
    ch_str id = slash == NULL ? CH_STR_NONE : (ch_str){slash + 1, path.size - base.size - 1};
    bool fits = id.at == NULL || (id.size > 0 && memchr(id.at, '/', id.size) == NULL && ch_str_is_utf8(id) &&
                                  ch_str_copy(visit->id, sizeof visit->id, id) == CH_OK);
    for (size_t i = 0; fits && i < sizeof pages / sizeof *pages; i++) {
        if (ch_str_is(base, pages[i].path) && pages[i].with_id == (id.at != NULL)) {
            known = true;
            posts |= pages[i].method == CH_OPEN311_POST;
            visit->page = pages[i].method == method ? &pages[i] : visit->page;
        }
    }
    if (!known) {
        ch_open311_visit_refuse(visit, CH_HTTP_NOT_FOUND, "there is no such page");
    } else if (visit->page == NULL) {
        visit->answer.allow = posts ? "GET, HEAD, POST" : "GET, HEAD";
        ch_open311_visit_refuse(visit, CH_HTTP_METHOD_NOT_ALLOWED, "this page does not know that method");
    }
}

ch_open311_visit *ch_open311_visit_new(ch_open311_site *site, ch_open311_method method, const char *path,
                                       const char *accept)
{
    ch_open311_visit *visit = calloc(1, sizeof *visit);
    if (visit == NULL) {
        return NULL;
    }
    visit->site = site;
    ch_form_init(&visit->form);
    ch_str rest = ch_str_of(path);
    choose_format(visit, &rest, accept);
    choose_page(visit, method, rest);
    return visit;
}

void ch_open311_visit_free(ch_open311_visit *visit)
{
    if (visit == NULL) {
        return;
    }
    const casehub_host *host = visit->site->host;
    ch_form_done(&visit->form);
    ch_open311_filter_done(&visit->filter);
    host->release(host, visit->next);
    host->release(host, visit->next_event);
    free(visit->idempotency_key);
    json_decref(visit->problems.list);
    json_decref(visit->answer.document);
    json_decref(visit->waiting);
    json_decref(visit->row);
    json_decref(visit->events);
    json_decref(visit->names);
    json_decref(visit->found);
    free(visit);
}

ch_form *ch_open311_visit_form(ch_open311_visit *visit)
{
    return &visit->form;
}

void ch_open311_visit_set_idempotency_key(ch_open311_visit *visit, const char *key)
{
    free(visit->idempotency_key);
    visit->idempotency_key = strdup(key);
    if (visit->idempotency_key == NULL) {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no memory to read the request");
    }
}

/* ---- who asks */

/* The time it takes tells nothing about the keys. */
static bool is_key(const ch_open311_site *site, ch_str given)
{
    unsigned char asked[crypto_generichash_BYTES], known[crypto_generichash_BYTES];
    bool found = false;
    crypto_generichash(asked, sizeof asked, (const unsigned char *)given.at, given.size, NULL, 0);
    for (size_t i = 0; i < site->api_key_count; i++) {
        const char *key = site->api_keys[i];
        crypto_generichash(known, sizeof known, (const unsigned char *)key, strlen(key), NULL, 0);
        found |= sodium_memcmp(asked, known, sizeof known) == 0;
    }
    return found;
}

static void check_key(ch_open311_visit *visit)
{
    ch_str key = ch_form_get(&visit->form, "api_key");
    visit->trusted = key.at != NULL && is_key(visit->site, key);
    if (key.at != NULL && !visit->trusted) {
        ch_open311_visit_refuse(visit, CH_HTTP_FORBIDDEN, "api_key: it is not known here");
    } else if (key.at == NULL && visit->page->method == CH_OPEN311_POST) {
        ch_open311_visit_refuse(visit, CH_HTTP_FORBIDDEN, "api_key: it is missing");
    }
}

static void check_jurisdiction(ch_open311_visit *visit)
{
    const char *own = visit->site->jurisdiction;
    ch_str asked = ch_form_get(&visit->form, "jurisdiction_id");
    if (own[0] == '\0' || visit->page->free) {
        return;
    }
    if (asked.at == NULL) {
        ch_open311_visit_refuse(visit, CH_HTTP_BAD_REQUEST, "jurisdiction_id: it is missing");
    } else if (!ch_str_is(asked, own)) {
        ch_open311_visit_refuse(visit, CH_HTTP_NOT_FOUND, "jurisdiction_id: it is not this one");
    }
}

void ch_open311_token_of(const ch_open311_visit *visit, const char *key, char out[CH_OPEN311_TOKEN_SIZE])
{
    unsigned char hash[(CH_OPEN311_TOKEN_SIZE - 1) / 2];
    ch_str api_key = ch_form_get(&visit->form, "api_key");
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)api_key.at,
                              api_key.size + 1); /* with its zero */
    crypto_generichash_update(&state, (const unsigned char *)key, strlen(key));
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(out, CH_OPEN311_TOKEN_SIZE, hash, sizeof hash);
}

/* ---- */

bool ch_open311_visit_step(ch_open311_visit *visit)
{
    if (visit->answer.code == 0 && !visit->begun) {
        visit->begun = true;
        check_jurisdiction(visit);
        if (visit->answer.code == 0) {
            check_key(visit);
        }
        if (visit->answer.code == 0) {
            visit->page->begin(visit);
        }
    } else if (visit->answer.code == 0) {
        visit->page->step(visit);
    }
    settle_problems(visit);
    return visit->answer.code != 0;
}

const ch_open311_answer *ch_open311_visit_answer(const ch_open311_visit *visit)
{
    return &visit->answer;
}

ch_open311_format ch_open311_visit_format(const ch_open311_visit *visit)
{
    return visit->format;
}
