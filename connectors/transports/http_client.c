#include "connectors/transports/http_client.h"

#include "connectors/transports/http_address.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WAIT_MOST_MS (INT64_C(366) * 86400000) /* of a Retry-After */

struct ch_http_client {
    ch_http_client_options options;
    char *ca_file;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    ch_buf body; /* of the answer */
    const char *method;
    int epoll_fd, redirects;
    int64_t started_ms;
    bool under_way, added, denied, opened, ended, global; /* denied, opened: an address was */
    char detail[CURL_ERROR_SIZE];
    ch_http_answer answer;
};

/* ---- what libcurl calls */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    ch_http_client *client = context;
    ch_http_reach reach = ch_http_address_reach(&to->addr, to->addrlen);
    (void)purpose;
    if (reach == CH_HTTP_NOWHERE || (reach == CH_HTTP_PRIVATE && !client->options.private_addresses)) {
        client->denied = true;
        return CURL_SOCKET_BAD;
    }
    client->opened = true;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Another size than asked for ends the transfer: what came until then is the answer, cut. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    ch_http_client *client = context;
    size_t all = size * count, room = client->options.answer_most - client->body.size;
    ch_buf_append(&client->body, bytes, all < room ? all : room);
    client->answer.cut = all > room;
    return client->body.failed == CH_OK && !client->answer.cut ? all : 0;
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    ch_http_client *client = context;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    event.events =
        (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0);
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (known == NULL) {
        curl_multi_assign(client->multi, fd, client);
    }
    int result = epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (result != 0 && errno == EEXIST) {
        result = epoll_ctl(client->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    }
    return result;
}

/* ---- start and end */

static bool set_up_easy(ch_http_client *client)
{
    CURL *easy = client->easy;
    const ch_http_client_options *options = &client->options;
    /* QUICK_EXIT: a name that is looked up for too long is left to its thread, not waited for in here. */
    return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->detail) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "casehub-connect") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           (options->ca_file[0] == '\0' ||
            curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file) == CURLE_OK) &&
           (!options->compressed || curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, client) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, client) == CURLE_OK;
}

static bool set_up(ch_http_client *client)
{
    client->global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!client->global) {
        return false;
    }
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->multi = curl_multi_init();
    client->easy = curl_easy_init();
    return client->epoll_fd >= 0 && client->multi != NULL && client->easy != NULL &&
           curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch) == CURLM_OK &&
           curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
           curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 8L) == CURLM_OK;
}

ch_status ch_http_client_new(ch_http_client **out_client, const ch_http_client_options *options,
                             ch_error *error)
{
    ch_http_client *client = calloc(1, sizeof *client);
    char *ca_file = strdup(options->ca_file);
    if (client == NULL || ca_file == NULL) {
        free(client);
        free(ca_file);
        return ch_error_set(error, CH_NO_MEMORY, "libcurl", "no memory");
    }
    client->options = *options;
    client->options.ca_file = client->ca_file = ca_file;
    client->epoll_fd = -1;
    ch_buf_init(&client->body, options->answer_most + 1);
    if (!set_up(client)) {
        ch_http_client_free(client);
        return ch_error_set(error, CH_IO, "libcurl", "it does not start");
    }
    *out_client = client;
    return CH_OK;
}

static void drop(ch_http_client *client)
{
    if (client->added) {
        curl_multi_remove_handle(client->multi, client->easy);
        client->added = false;
    }
    curl_slist_free_all(client->headers);
    client->headers = NULL;
    client->under_way = false;
}

void ch_http_client_free(ch_http_client *client)
{
    if (client == NULL) {
        return;
    }
    drop(client);
    curl_easy_cleanup(client->easy);
    curl_multi_cleanup(client->multi);
    if (client->epoll_fd >= 0) {
        close(client->epoll_fd);
    }
    if (client->global) {
        curl_global_cleanup();
    }
    ch_buf_done(&client->body);
    free(client->ca_file);
    free(client);
}

/* ---- addresses */

/* Appends the part, lower case where case does not count; false: the URL is none or lacks it. */
static bool append_part(ch_buf *out, CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) {
        return false;
    }
    for (char *at = text; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    ch_buf_append_format(out, "%s|", text);
    curl_free(text);
    return true;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

/* "https|host|443|"; false: it is no URL that is asked here. */
static bool origin_of(ch_buf *out, const char *text)
{
    CURLU *url = curl_url();
    bool valid = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                 append_part(out, url, CURLUPART_SCHEME, 0) && append_part(out, url, CURLUPART_HOST, 0) &&
                 append_part(out, url, CURLUPART_PORT, CURLU_DEFAULT_PORT) &&
                 !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD);
    curl_url_cleanup(url);
    return valid && out->failed == CH_OK &&
           (ch_str_starts(ch_buf_str(out), CH_STR("http|")) ||
            ch_str_starts(ch_buf_str(out), CH_STR("https|")));
}

#define ORIGIN_MOST 2048
bool ch_http_url_is_valid(const char *url)
{
    ch_buf origin;
    ch_buf_init(&origin, ORIGIN_MOST);
    bool valid = origin_of(&origin, url);
    ch_buf_done(&origin);
    return valid;
}

bool ch_http_url_is_same_origin(const char *one, const char *other)
{
    ch_buf a, b;
    ch_buf_init(&a, ORIGIN_MOST);
    ch_buf_init(&b, ORIGIN_MOST);
    bool same = origin_of(&a, one) && origin_of(&b, other) && ch_str_equal(ch_buf_str(&a), ch_buf_str(&b));
    ch_buf_done(&a);
    ch_buf_done(&b);
    return same;
}

/* ---- a request */

/* A line end would begin another header field. */
static bool is_field(const char *header)
{
    return strchr(header, ':') != NULL && strpbrk(header, "\r\n") == NULL;
}

static ch_status gather_headers(ch_http_client *client, const ch_http_request *request, ch_error *error)
{
    /* Expect: a receiver that does not know it would cost a second. */
    static const char *const own[] = {"Expect:"};
    for (size_t i = 0; i < request->header_count + 1; i++) {
        const char *header = i < request->header_count ? request->headers[i] : own[0];
        if (!is_field(header)) {
            return ch_error_set(error, CH_INVALID, NULL, "header field %zu is none", i + 1);
        }
        struct curl_slist *longer = curl_slist_append(client->headers, header);
        if (longer == NULL) {
            return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory for the request");
        }
        client->headers = longer;
    }
    return CH_OK;
}

static bool prepare(ch_http_client *client, const ch_http_request *request)
{
    CURL *easy = client->easy;
    bool get = strcmp(request->method, "GET") == 0;
    curl_easy_reset(easy);
    return set_up_easy(client) && curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK &&
           (get || (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size) ==
                        CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body == NULL ? "" : request->body) ==
                        CURLE_OK &&
                    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK));
}

/* From the URL that is set, the time that is left. */
static bool send_off(ch_http_client *client)
{
    int64_t left = client->options.timeout_ms;
    if (client->redirects > 0) {
        curl_off_t spent_us = 0;
        curl_easy_getinfo(client->easy, CURLINFO_TOTAL_TIME_T, &spent_us);
        client->started_ms += spent_us / 1000;
        left -= client->started_ms;
    }
    ch_buf_clear(&client->body);
    client->answer = (ch_http_answer){.status = CH_UNAVAILABLE, .retry_after_ms = -1};
    client->denied = client->opened = false;
    client->detail[0] = '\0';
    client->added =
        curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, (long)(left < 1 ? 1 : left)) == CURLE_OK &&
        curl_multi_add_handle(client->multi, client->easy) == CURLM_OK;
    return client->added;
}

ch_status ch_http_client_start(ch_http_client *client, const ch_http_request *request, ch_error *error)
{
    if (!ch_http_url_is_valid(request->url)) {
        return ch_error_set(error, CH_INVALID, NULL, "an http or https URL without a user is expected");
    }
    drop(client);
    ch_status status = gather_headers(client, request, error);
    if (status != CH_OK) {
        return status;
    }
    client->method = request->method;
    client->redirects = 0;
    client->started_ms = 0;
    client->ended = false;
    if (!prepare(client, request) || !send_off(client)) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "libcurl does not take the request");
    }
    client->under_way = true;
    return CH_OK;
}

/* ---- an answer */

static void refuse(ch_http_client *client, ch_status status, const char *reason)
{
    client->answer.status = status;
    snprintf(client->answer.reason, sizeof client->answer.reason, "%s", reason);
}

static bool is_redirect(long code)
{
    return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

/* A POST that a redirect of the old kinds would turn into a GET is not followed. */
static bool keeps_method(const ch_http_client *client, long code)
{
    return code >= 307 || strcmp(client->method, "GET") == 0;
}

/* True: the request goes on elsewhere. */
static bool follow(ch_http_client *client, long code)
{
    char *to = NULL, *from = NULL, *next;
    curl_easy_getinfo(client->easy, CURLINFO_REDIRECT_URL, &to);
    curl_easy_getinfo(client->easy, CURLINFO_EFFECTIVE_URL, &from);
    if (!is_redirect(code) || to == NULL || client->options.redirects_most == 0) {
        return false;
    }
    if (client->redirects == client->options.redirects_most) {
        refuse(client, CH_REFUSED, "it redirects too often");
    } else if (!keeps_method(client, code)) {
        refuse(client, CH_REFUSED, "it redirects to a page that is only read");
    } else if (from == NULL || !ch_http_url_is_same_origin(from, to)) {
        refuse(client, CH_REFUSED, "it redirects to another host");
    } else if ((next = strdup(to)) != NULL) {
        client->redirects++;
        curl_multi_remove_handle(client->multi, client->easy);
        client->added = false;
        bool sent = curl_easy_setopt(client->easy, CURLOPT_URL, next) == CURLE_OK && send_off(client);
        free(next);
        return sent;
    }
    return false;
}

static int64_t retry_after_ms(const ch_http_client *client, int64_t now_ms)
{
    const char *text = ch_http_client_header(client, "Retry-After");
    int64_t seconds;
    if (text == NULL) {
        return -1;
    }
    if (ch_str_to_int(ch_str_of(text), &seconds) == CH_OK) {
        return seconds < 0 ? -1 : seconds > WAIT_MOST_MS / 1000 ? WAIT_MOST_MS : seconds * 1000;
    }
    time_t at = curl_getdate(text, NULL);
    int64_t wait_ms = (int64_t)at * 1000 - now_ms;
    return at < 0 ? -1 : wait_ms < 0 ? 0 : wait_ms > WAIT_MOST_MS ? WAIT_MOST_MS : wait_ms;
}

static void explain(ch_http_client *client, CURLcode result)
{
    const char *why = curl_easy_strerror(result); /* the detail may hold the URL */
    if (client->denied && !client->opened) {
        refuse(client, CH_DENIED, "its address may not be asked (private, or reserved)");
    } else if (client->body.failed == CH_NO_MEMORY || result == CURLE_OUT_OF_MEMORY) {
        refuse(client, CH_UNAVAILABLE, "no memory for the answer");
    } else if (result == CURLE_OPERATION_TIMEDOUT) {
        refuse(client, CH_TIMEOUT, "no whole answer in time");
    } else if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
               result == CURLE_WEIRD_SERVER_REPLY || result == CURLE_UNSUPPORTED_PROTOCOL) {
        refuse(client, CH_INVALID, why);
    } else {
        refuse(client, CH_UNAVAILABLE, why);
    }
}

static void end(ch_http_client *client, CURLcode result, int64_t now_ms)
{
    long code = 0;
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &code);
    bool whole = result == CURLE_OK || (result == CURLE_WRITE_ERROR && client->answer.cut);
    if (whole && follow(client, code)) {
        return;
    }
    if (!whole) {
        explain(client, result);
    } else if (client->answer.reason[0] == '\0') {
        client->answer.status = CH_OK;
    }
    ch_buf_append(&client->body, "", 1);
    client->answer.code = (unsigned)code;
    client->answer.body = (const char *)client->body.at;
    client->answer.body_size = client->body.size - 1;
    client->answer.retry_after_ms = retry_after_ms(client, now_ms);
    client->ended = true;
    drop(client);
}

/* ---- the loop */

int ch_http_client_fd(const ch_http_client *client)
{
    return client->epoll_fd;
}

static void act(ch_http_client *client)
{
    struct epoll_event events[8];
    int running, count = epoll_wait(client->epoll_fd, events, 8, 0);
    for (int i = 0; i < count; i++) {
        int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(client->multi, events[i].data.fd, what, &running);
    }
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

int ch_http_client_step(ch_http_client *client, int64_t now_ms)
{
    CURLMsg *message;
    int left;
    long wait_ms = -1;
    act(client);
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE && client->under_way) {
            end(client, message->data.result, now_ms);
        }
    }
    curl_multi_timeout(client->multi, &wait_ms);
    return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

const ch_http_answer *ch_http_client_answer(const ch_http_client *client)
{
    return client->ended ? &client->answer : NULL;
}

const char *ch_http_client_header(const ch_http_client *client, const char *name)
{
    struct curl_header *header;
    return curl_easy_header(client->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value
                                                                                           : NULL;
}

bool ch_http_type_is_listed(const char *type, const char *list)
{
    size_t size = strcspn(type, "; \t");
    for (const char *at = list; *at != '\0';) {
        at += strspn(at, ", ");
        size_t wanted = strcspn(at, ",; ");
        if ((wanted == 3 && memcmp(at, "*/*", 3) == 0) ||
            (wanted > 0 && wanted == size && strncasecmp(at, type, size) == 0)) {
            return true;
        }
        at += strcspn(at, ",");
    }
    return false;
}
