#include "connectors/transports/http_round.h"

#include "connectors/formats/percent.h"
#include "connectors/transports/http_client.h"
#include "hub/base/array.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEN_FIRST 32
#define PLAN_DIGEST_SIZE 17

static bool is_set(const char *text)
{
    return text[0] != '\0';
}

/* ---- URLs */

static uint64_t digest_of(ch_str text)
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text.at, text.size, NULL, 0);
    return ch_get_be64(hash);
}

/* The pattern with its placeholder (NULL: none) filled in. */
static ch_status fill(char out[CH_HTTP_URL_MOST + 1], const char *pattern, const char *placeholder,
                      const char *value, ch_error *error)
{
    ch_buf url;
    const char *hole = placeholder == NULL ? NULL : strstr(pattern, placeholder);
    ch_buf_init(&url, CH_HTTP_URL_MOST);
    if (hole == NULL) {
        ch_buf_append_text(&url, pattern);
    } else {
        ch_buf_append(&url, pattern, (size_t)(hole - pattern));
        ch_percent_encode(&url, ch_str_of(value));
        ch_buf_append_text(&url, hole + strlen(placeholder));
    }
    ch_status status = url.failed;
    if (status == CH_OK) {
        status = ch_str_copy(out, CH_HTTP_URL_MOST + 1, ch_buf_str(&url));
    }
    ch_buf_done(&url);
    return status == CH_OK
               ? CH_OK
               : ch_error_set(error, status, "url", "a URL has %d bytes at most", CH_HTTP_URL_MOST);
}

static ch_status fill_page(char out[CH_HTTP_URL_MOST + 1], const ch_http_plan *plan, uint64_t page,
                           ch_error *error)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, plan->first_page + (int64_t)page - 1);
    return fill(out, plan->url, "{page}", number, error);
}

static bool counts_pages(const ch_http_plan *plan)
{
    return strstr(plan->url, "{page}") != NULL;
}

/* The URL that a round begins with. */
static ch_status first_url(char out[CH_HTTP_URL_MOST + 1], const ch_http_plan *plan, const char *cursor,
                           ch_error *error)
{
    return counts_pages(plan)
               ? fill_page(out, plan, 1, error)
               : fill(out, plan->url, "{cursor}", is_set(cursor) ? cursor : plan->first_cursor, error);
}

/* A link of the page, as a browser would follow it, but never to another server. */
static ch_status resolve(char out[CH_HTTP_URL_MOST + 1], const char *base, const char *link, ch_error *error)
{
    char *text = NULL;
    CURLU *url = curl_url();
    bool valid = url != NULL && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
                 curl_url_set(url, CURLUPART_URL, link, 0) == CURLUE_OK &&
                 curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK;
    ch_status status = CH_OK;
    if (!valid) {
        status = ch_error_set(error, CH_INVALID, "next", "it is no URL");
    } else if (!ch_http_url_is_same_origin(base, text)) {
        status = ch_error_set(error, CH_INVALID, "next", "it leads to another server");
    } else {
        status = fill(out, text, NULL, NULL, error);
    }
    curl_free(text);
    curl_url_cleanup(url);
    return status;
}

/* ---- the plan */

static ch_status check_url(const char *url, const char *name, const char *placeholder, ch_error *error)
{
    char filled[CH_HTTP_URL_MOST + 1];
    ch_status status = fill(filled, url, placeholder, "1", error);
    if (status == CH_OK && !ch_http_url_is_valid(filled)) {
        status = ch_error_set(error, CH_INVALID, NULL, "an http or https URL without a user is expected");
    }
    if (status != CH_OK) {
        ch_error_prefix(error, name);
    }
    return status;
}

static ch_status check_pointers(const ch_http_pointers *pointers, ch_error *error)
{
    const char *const names[] = {"records", "next", "cursor"};
    const char *const values[] = {pointers->records, pointers->next, pointers->cursor};
    for (size_t i = 0; i < CH_COUNT_OF(values); i++) {
        if (ch_http_pointer_check(values[i], error) != CH_OK) {
            ch_error_prefix(error, names[i]);
            return error->status;
        }
    }
    return CH_OK;
}

ch_status ch_http_plan_check(const ch_http_plan *plan, ch_error *error)
{
    const ch_http_pointers *pointers = &plan->pointers;
    bool cursor_hole = strstr(plan->url, "{cursor}") != NULL,
         next_hole = strstr(plan->next_url, "{next}") != NULL;
    ch_status status = check_pointers(pointers, error);
    if (status != CH_OK) {
        return status;
    }
    if (cursor_hole != is_set(pointers->cursor)) {
        return ch_error_set(error, CH_INVALID, "cursor", "it and {cursor} in url go together");
    }
    if (next_hole != is_set(plan->next_url) || (next_hole && !is_set(pointers->next))) {
        return ch_error_set(error, CH_INVALID, "next_url", "it needs {next} in it, and next");
    }
    if (counts_pages(plan) && (cursor_hole || is_set(pointers->next) || !is_set(pointers->records))) {
        return ch_error_set(error, CH_INVALID, "url", "{page} needs records, and neither next nor cursor");
    }
    status = check_url(plan->url, "url", counts_pages(plan) ? "{page}" : "{cursor}", error);
    if (status == CH_OK && is_set(plan->next_url)) {
        status = check_url(plan->next_url, "next_url", "{next}", error);
    }
    if (status == CH_OK && is_set(plan->next_url) && !ch_http_url_is_same_origin(plan->url, plan->next_url)) {
        status = ch_error_set(error, CH_INVALID, "next_url", "url and next_url are of one server");
    }
    return status;
}

/* ---- the position */

/* A position is worth nothing to another plan. */
static void digest_plan(const ch_http_plan *plan, char out[PLAN_DIGEST_SIZE])
{
    ch_buf text;
    ch_buf_init(&text, (size_t)64 * 1024);
    ch_buf_append_format(&text, "%s\n%s\n%s\n%s\n%s", plan->url, plan->next_url, plan->pointers.records,
                         plan->pointers.next, plan->pointers.cursor);
    snprintf(out, PLAN_DIGEST_SIZE, "%016" PRIx64, digest_of(ch_buf_str(&text)));
    ch_buf_done(&text);
}

static bool take_member(const json_t *object, const char *name, char *out, size_t size)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL && ch_str_copy(out, size, ch_str_of(value)) == CH_OK;
}

static bool decode(ch_http_position *out, const ch_http_plan *plan, const char *text)
{
    char of[PLAN_DIGEST_SIZE], wanted[PLAN_DIGEST_SIZE];
    ch_http_position at = {.page = 1};
    json_t *object = json_loads(text, 0, NULL);
    digest_plan(plan, wanted);
    bool known = take_member(object, "of", of, sizeof of) && strcmp(of, wanted) == 0 &&
                 take_member(object, "cursor", at.cursor, sizeof at.cursor) &&
                 take_member(object, "next", at.next, sizeof at.next) &&
                 take_member(object, "etag", at.marks.etag, sizeof at.marks.etag) &&
                 take_member(object, "modified", at.marks.modified, sizeof at.marks.modified);
    json_int_t page = json_integer_value(json_object_get(object, "page"));
    json_decref(object);
    if (known && page >= 1) {
        at.page = (uint64_t)page;
        *out = at;
    }
    return known && page >= 1;
}

ch_status ch_http_round_position(const ch_http_round *round, char **out_text, ch_error *error)
{
    char of[PLAN_DIGEST_SIZE];
    const ch_http_position *after = &round->after;
    digest_plan(round->plan, of);
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:I,s:s,s:s}", "of", of, "cursor", after->cursor, "next", after->next, "page",
                  (json_int_t)after->page, "etag", after->marks.etag, "modified", after->marks.modified);
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory, or an address is not UTF-8");
    }
    if (strlen(text) > CH_HTTP_POSITION_MOST) {
        free(text);
        return ch_error_set(error, CH_TOO_LARGE, NULL, "the position is too long to be kept");
    }
    *out_text = text;
    return CH_OK;
}

/* ---- the round */

void ch_http_round_init(ch_http_round *round, const ch_http_plan *plan, const char *position, bool *out_known)
{
    *round = (ch_http_round){.plan = plan, .at = {.page = 1}};
    *out_known = is_set(position) && decode(&round->at, plan, position);
}

void ch_http_round_done(ch_http_round *round)
{
    free(round->seen);
    round->seen = NULL;
}

ch_status ch_http_round_begin(ch_http_round *round, ch_error *error)
{
    char first[CH_HTTP_URL_MOST + 1];
    ch_status status = first_url(first, round->plan, round->at.cursor, error);
    if (status != CH_OK) {
        return status;
    }
    bool goes_on = is_set(round->at.next) && ch_http_url_is_same_origin(first, round->at.next);
    memcpy(round->url, goes_on ? round->at.next : first, sizeof first);
    round->page = goes_on ? round->at.page : 1;
    round->conditional = !goes_on;
    if (!goes_on || round->seen_count == 0) {
        round->seen_count = 0;
        round->marks = (ch_http_marks){.etag = ""};
        round->marks_url[0] = '\0';
    }
    return CH_OK;
}

static bool was_seen(const ch_http_round *round, uint64_t digest)
{
    for (size_t i = 0; i < round->seen_count; i++) {
        if (round->seen[i] == digest) {
            return true;
        }
    }
    return false;
}

/* The URL of the page after this one; "" when this is the last. */
static ch_status find_next(const ch_http_round *round, const ch_http_page *page, bool moved,
                           char out[CH_HTTP_URL_MOST + 1], ch_error *error)
{
    const ch_http_plan *plan = round->plan;
    bool empty = is_set(plan->pointers.records) && ch_http_page_count(page) == 0;
    out[0] = '\0';
    if (round->page >= plan->pages_most) {
        return CH_OK;
    }
    if (counts_pages(plan)) {
        return empty ? CH_OK : fill_page(out, plan, round->page + 1, error);
    }
    if (is_set(plan->pointers.next)) {
        return !is_set(page->next)      ? CH_OK
               : is_set(plan->next_url) ? fill(out, plan->next_url, "{next}", page->next, error)
                                        : resolve(out, round->url, page->next, error);
    }
    return moved && !empty ? first_url(out, plan, round->after.cursor, error) : CH_OK;
}

static ch_status move_cursor(ch_http_round *round, const ch_http_page *page, bool *out_moved, ch_error *error)
{
    *out_moved = is_set(page->cursor) && strcmp(page->cursor, round->at.cursor) != 0;
    if (*out_moved &&
        ch_str_copy(round->after.cursor, sizeof round->after.cursor, ch_str_of(page->cursor)) != CH_OK) {
        return ch_error_set(error, CH_TOO_LARGE, "cursor", "the value has more than %d bytes",
                            CH_HTTP_CURSOR_MOST);
    }
    return CH_OK;
}

/* The marks that the next round may ask with: those of the page that it begins with. */
static ch_status keep_marks(ch_http_round *round, const ch_http_marks *marks, bool last, ch_error *error)
{
    char first[CH_HTTP_URL_MOST + 1];
    ch_status status = first_url(first, round->plan, round->after.cursor, error);
    if (status != CH_OK) {
        return status;
    }
    if (strcmp(round->url, first) == 0) {
        round->marks = *marks;
        memcpy(round->marks_url, first, sizeof first);
    }
    if (last) {
        bool fit = strcmp(round->marks_url, first) == 0;
        round->after.marks = fit ? round->marks : (ch_http_marks){.etag = ""};
    }
    return CH_OK;
}

/* Room for what advance remembers. */
static ch_status reserve_seen(ch_http_round *round, ch_error *error)
{
    if (ch_array_reserve(&round->seen, &round->seen_capacity, round->seen_count + 2, SEEN_FIRST,
                         sizeof *round->seen) != CH_OK) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory to remember the pages");
    }
    return CH_OK;
}

ch_status ch_http_round_turn(ch_http_round *round, const ch_http_page *page, const ch_http_marks *marks,
                             uint64_t digest, bool *out_more, ch_error *error)
{
    static const ch_http_page none = {.document = NULL};
    char next[CH_HTTP_URL_MOST + 1] = "";
    bool moved;
    page = page == NULL ? &none : page;
    round->after = round->at;
    ch_status status = move_cursor(round, page, &moved, error);
    if (status == CH_OK) {
        status = find_next(round, page, moved, next, error);
    }
    if (status != CH_OK) {
        return status;
    }
    /* A page that names itself is the last one. */
    bool more = is_set(next) && strcmp(next, round->url) != 0;
    if (more && (was_seen(round, digest_of(ch_str_of(next))) || was_seen(round, digest))) {
        return ch_error_set(error, CH_INVALID, "next", "page %" PRIu64 " of the round leads in a circle",
                            round->page);
    }
    snprintf(round->after.next, sizeof round->after.next, "%s", more ? next : "");
    round->after.page = more ? round->page + 1 : 1;
    status = keep_marks(round, marks, !more, error);
    if (status == CH_OK) {
        status = reserve_seen(round, error);
    }
    if (status == CH_OK) {
        round->digest = digest;
        *out_more = more;
    }
    return status;
}

void ch_http_round_advance(ch_http_round *round)
{
    round->seen[round->seen_count++] = digest_of(ch_str_of(round->url));
    round->seen[round->seen_count++] = round->digest;
    round->at = round->after;
}

void ch_http_round_abandon(ch_http_round *round)
{
    round->at.next[0] = '\0';
    round->at.page = 1;
}

void ch_http_round_name(const ch_http_round *round, char out[CH_HTTP_NAME_SIZE])
{
    char number[40] = "", *path = NULL;
    CURLU *url = curl_url();
    if (url == NULL || curl_url_set(url, CURLUPART_URL, round->url, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK) {
        path = NULL;
    }
    if (round->page > 1) {
        snprintf(number, sizeof number, " page %" PRIu64, round->page);
    }
    ch_str_copy_cut(out, CH_HTTP_NAME_SIZE - strlen(number), ch_str_of(path == NULL ? "answer" : path));
    strcat(out, number);
    curl_free(path);
    curl_url_cleanup(url);
}
