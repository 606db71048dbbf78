#include "connectors/transports/open311_server.h"

#include "connectors/transports/open311_places.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#define SLICE_MS 50
#define CONNECTION_BYTES ((size_t)32 * 1024)
#define DRAIN_MOST ((size_t)1024 * 1024) /* of a body that nobody reads */
#define ANSWER_MOST ((size_t)64 * 1024 * 1024)
#define RETRY_AFTER "5"

/* One request on its way; lives as long as libmicrohttpd holds it. */
typedef struct exchange exchange;
struct exchange {
    struct MHD_Connection *connection;
    exchange *next_job;
    ch_open311_visit *visit;
    ch_buf body;
    size_t drained;
    bool read;
};

struct ch_open311_server {
    struct MHD_Daemon *daemon;
    ch_open311_site *site;
    ch_open311_places places;
    int port;
    exchange *jobs; /* suspended, the next one to be served first; no more than there are places */
};

static int64_t now_ms(const ch_open311_server *server)
{
    return server->site->host->monotonic_ms(server->site->host);
}

/* ---- connections */

static void set_turn(ch_open311_server *server, struct MHD_Connection *connection, ch_open311_turn turn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info != NULL && info->socket_context != NULL) {
        ch_open311_place_turn(&server->places, info->socket_context, turn, now_ms(server));
    }
}

static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    ch_open311_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context =
            info == NULL ? NULL : ch_open311_places_enter(&server->places, info->connect_fd, now_ms(server));
    } else if (*socket_context != NULL) {
        ch_open311_place_leave(*socket_context);
    }
}

/* ---- the head */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static size_t content_length(struct MHD_Connection *connection)
{
    const char *text = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t size = 0;
    if (text == NULL) {
        return 0;
    }
    return ch_str_to_int(ch_str_of(text), &size) == CH_OK && size >= 0 ? (size_t)size : SIZE_MAX;
}

static bool is_form(const char *content_type)
{
    static const char form[] = "application/x-www-form-urlencoded";
    if (content_type == NULL || strncasecmp(content_type, form, strlen(form)) != 0) {
        return false;
    }
    const char *rest = content_type + strlen(form), *charset = strcasestr(rest, "charset=");
    return (*rest == '\0' || *rest == ';' || *rest == ' ') &&
           (charset == NULL || strcasestr(charset, "utf-8") != NULL);
}

static void check_head(exchange *of, ch_open311_method method)
{
    if (method != CH_OPEN311_POST) {
        return;
    }
    const char *key = header(of->connection, "Idempotency-Key");
    if (header(of->connection, MHD_HTTP_HEADER_CONTENT_LENGTH) == NULL) {
        ch_open311_visit_refuse(of->visit, MHD_HTTP_LENGTH_REQUIRED, "Content-Length: it is missing");
    } else if (content_length(of->connection) > CH_FORM_BYTES_MOST) {
        ch_open311_visit_refuse(of->visit, MHD_HTTP_CONTENT_TOO_LARGE, "a form has at most 65536 bytes");
    } else if (!is_form(header(of->connection, MHD_HTTP_HEADER_CONTENT_TYPE))) {
        ch_open311_visit_refuse(of->visit, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                "Content-Type: application/x-www-form-urlencoded in UTF-8 is expected");
    }
    if (key != NULL && key[0] != '\0') {
        ch_open311_visit_set_idempotency_key(of->visit, key);
    }
}

static ch_open311_method method_of(const char *name)
{
    return strcmp(name, MHD_HTTP_METHOD_GET) == 0 || strcmp(name, MHD_HTTP_METHOD_HEAD) == 0 ? CH_OPEN311_GET
           : strcmp(name, MHD_HTTP_METHOD_POST) == 0                                         ? CH_OPEN311_POST
                                                     : CH_OPEN311_OTHER;
}

/* ---- the answer */

static void render_answer(const exchange *of, ch_buf *out)
{
    const ch_open311_answer *answer = ch_open311_visit_answer(of->visit);
    if (ch_open311_render(out, answer->document, answer->root, ch_open311_visit_format(of->visit)) != CH_OK) {
        ch_buf_done(out);
    }
}

static bool add_headers(struct MHD_Response *response, const exchange *of, bool close)
{
    const ch_open311_answer *answer = ch_open311_visit_answer(of->visit);
    const char *type = ch_open311_content_type(ch_open311_visit_format(of->visit));
    bool later = answer->code == MHD_HTTP_SERVICE_UNAVAILABLE;
    return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
           MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
           MHD_add_response_header(response, MHD_HTTP_HEADER_X_CONTENT_TYPE_OPTIONS, "nosniff") == MHD_YES &&
           (answer->allow == NULL ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow) == MHD_YES) &&
           (!later ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER) == MHD_YES) &&
           (!later || answer->key[0] == '\0' ||
            MHD_add_response_header(response, "Idempotency-Key", answer->key) == MHD_YES) &&
           (!close || MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES);
}

/* MHD_NO cuts the connection. */
static enum MHD_Result send_answer(ch_open311_server *server, exchange *of, bool close)
{
    ch_buf text;
    size_t size = 0;
    ch_buf_init(&text, ANSWER_MOST);
    render_answer(of, &text);
    uint8_t *bytes = ch_buf_take(&text, &size);
    ch_buf_done(&text);
    struct MHD_Response *response =
        bytes == NULL ? NULL : MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
        return MHD_NO;
    }
    enum MHD_Result result =
        add_headers(response, of, close)
            ? MHD_queue_response(of->connection, ch_open311_visit_answer(of->visit)->code, response)
            : MHD_NO;
    MHD_destroy_response(response);
    set_turn(server, of->connection, CH_OPEN311_READING);
    return result;
}

/* ---- requests that take more than a slice */

static void add_job(ch_open311_server *server, exchange *of)
{
    exchange **end = &server->jobs;
    while (*end != NULL) {
        end = &(*end)->next_job;
    }
    of->next_job = NULL;
    *end = of;
}

static void drop_job(ch_open311_server *server, const exchange *of)
{
    exchange **at = &server->jobs;
    while (*at != NULL && *at != of) {
        at = &(*at)->next_job;
    }
    if (*at != NULL) {
        *at = of->next_job;
    }
}

/* ---- one request */

static enum MHD_Result begin(ch_open311_server *server, struct MHD_Connection *connection, const char *path,
                             const char *method, void **out_exchange)
{
    exchange *of = calloc(1, sizeof *of);
    if (of == NULL) {
        return MHD_NO;
    }
    *out_exchange = of;
    of->connection = connection;
    ch_buf_init(&of->body, CH_FORM_BYTES_MOST);
    of->visit = ch_open311_visit_new(server->site, method_of(method), path,
                                     header(connection, MHD_HTTP_HEADER_ACCEPT));
    if (of->visit == NULL) {
        return MHD_NO;
    }
    check_head(of, method_of(method));
    /* To close a socket with unread bytes would take the answer away from the client: a small body is read first. */
    bool refused = ch_open311_visit_answer(of->visit)->code != 0;
    return refused && content_length(connection) > DRAIN_MOST ? send_answer(server, of, true) : MHD_YES;
}

static enum MHD_Result take_body(exchange *of, const char *bytes, size_t *size)
{
    if (ch_open311_visit_answer(of->visit)->code == 0) {
        ch_buf_append(&of->body, bytes, *size);
    }
    of->drained += *size;
    *size = 0;
    return of->drained <= DRAIN_MOST ? MHD_YES : MHD_NO;
}

typedef struct query_reading {
    ch_open311_visit *visit;
    ch_status status;
    ch_error error;
} query_reading;

static enum MHD_Result take_query_field(void *context, enum MHD_ValueKind kind, const char *name,
                                        size_t name_size, const char *value, size_t value_size)
{
    query_reading *reading = context;
    (void)kind;
    reading->status = ch_form_add(ch_open311_visit_form(reading->visit), (ch_str){name, name_size},
                                  value == NULL ? CH_STR("") : (ch_str){value, value_size}, &reading->error);
    return reading->status == CH_OK ? MHD_YES : MHD_NO;
}

static void read_fields(exchange *of)
{
    query_reading reading = {.visit = of->visit, .status = of->body.failed};
    char why[500];
    MHD_get_connection_values_n(of->connection, MHD_GET_ARGUMENT_KIND, take_query_field, &reading);
    if (reading.status == CH_OK) {
        reading.status =
            ch_form_parse(ch_open311_visit_form(of->visit), ch_buf_str(&of->body), &reading.error);
    }
    if (reading.status != CH_OK) {
        snprintf(why, sizeof why, "%s%s%s", reading.error.where, reading.error.where[0] == '\0' ? "" : ": ",
                 reading.error.text);
        ch_open311_visit_refuse(of->visit, reading.status == CH_NO_MEMORY ? 500 : MHD_HTTP_BAD_REQUEST, why);
    }
    ch_buf_done(&of->body);
}

/* False: more than a slice is needed. */
static bool work(const ch_open311_server *server, exchange *of)
{
    int64_t until = now_ms(server) + SLICE_MS;
    bool done;
    do {
        done = ch_open311_visit_step(of->visit);
    } while (!done && now_ms(server) < until);
    return done;
}

static enum MHD_Result finish(ch_open311_server *server, exchange *of)
{
    if (!of->read) {
        of->read = true;
        read_fields(of);
        set_turn(server, of->connection, CH_OPEN311_WAITING);
        if (!work(server, of)) {
            MHD_suspend_connection(of->connection);
            add_job(server, of);
            return MHD_YES;
        }
    }
    return send_answer(server, of, false);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    exchange *of = *request;
    (void)version;
    if (of == NULL) {
        return begin(context, connection, path, method, request);
    }
    return *upload_size > 0 ? take_body(of, upload, upload_size) : finish(context, of);
}

static void note_completed(void *context, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    ch_open311_server *server = context;
    exchange *of = *request;
    (void)code;
    if (of != NULL) {
        drop_job(server, of);
        ch_open311_visit_free(of->visit);
        ch_buf_done(&of->body);
        free(of);
        *request = NULL;
    }
    set_turn(server, connection, CH_OPEN311_ASKING);
}

/* ---- the daemon */

static ch_status resolve(const ch_open311_server_options *options, struct addrinfo **out_address,
                         ch_error *error)
{
    char port[8];
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof port, "%d", options->port);
    return getaddrinfo(options->listen, port, &hints, out_address) == 0
               ? CH_OK
               : ch_error_set(error, CH_INVALID, "listen", "a numeric address is expected");
}

static ch_status start_daemon(ch_open311_server *server, const ch_open311_server_options *options,
                              ch_error *error)
{
    struct addrinfo *address;
    ch_status status = resolve(options, &address, error);
    if (status != CH_OK) {
        return status;
    }
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    unsigned seconds = (unsigned)((options->request_timeout_ms + 999) / 1000);
    errno = 0;
    server->daemon = MHD_start_daemon(
        flags, (uint16_t)options->port, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->connections_most, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, seconds, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, note_completed, server, MHD_OPTION_NOTIFY_CONNECTION, note_connection,
        server, MHD_OPTION_END);
    int failure = errno;
    freeaddrinfo(address);
    return server->daemon != NULL
               ? CH_OK
               : ch_error_set(error, CH_IO, "port", "%s port %d cannot be opened: %s", options->listen,
                              options->port,
                              failure == 0 ? "libmicrohttpd does not start" : strerror(failure));
}

static ch_status learn_port(ch_open311_server *server, ch_error *error)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info == NULL || info->port == 0) {
        return ch_error_set(error, CH_IO, "port", "the port cannot be told");
    }
    server->port = info->port;
    return CH_OK;
}

ch_status ch_open311_server_start(ch_open311_server **out_server, ch_open311_site *site,
                                  const ch_open311_server_options *options, ch_error *error)
{
    ch_open311_server *server = calloc(1, sizeof *server);
    size_t count = (size_t)options->connections_most;
    if (server == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "open311", "no memory");
    }
    server->site = site;
    ch_status status = ch_open311_places_init(&server->places, count, options->request_timeout_ms);
    status = status == CH_OK ? start_daemon(server, options, error)
                             : ch_error_set(error, status, "open311", "no memory for %zu connections", count);
    if (status == CH_OK) {
        status = learn_port(server, error);
    }
    if (status != CH_OK) {
        ch_open311_server_stop(server);
        return status;
    }
    *out_server = server;
    return CH_OK;
}

void ch_open311_server_stop(ch_open311_server *server)
{
    if (server == NULL) {
        return;
    }
    for (exchange *of = server->jobs; of != NULL; of = of->next_job) {
        MHD_resume_connection(of->connection); /* it may not be stopped with one asleep */
    }
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    ch_open311_places_done(&server->places);
    free(server);
}

int ch_open311_server_port(const ch_open311_server *server)
{
    return server->port;
}

int ch_open311_server_fd(const ch_open311_server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info == NULL ? -1 : info->epoll_fd;
}

/* The oldest of the long requests gets a slice; whoever is done goes on with the next run. */
static void serve_job(ch_open311_server *server)
{
    exchange *of = server->jobs;
    drop_job(server, of);
    if (work(server, of)) {
        MHD_resume_connection(of->connection);
    } else {
        add_job(server, of);
    }
}

static int wait_ms(const ch_open311_server *server)
{
    MHD_UNSIGNED_LONG_LONG inner = 0;
    int64_t wait = INT64_MAX;
    if (server->jobs != NULL) {
        return 0;
    }
    if (MHD_get_timeout(server->daemon, &inner) == MHD_YES) {
        wait = inner > INT_MAX ? INT_MAX : (int64_t)inner;
    }
    int64_t places = ch_open311_places_wait_ms(&server->places, now_ms(server));
    wait = places < wait ? places : wait;
    return wait == INT64_MAX ? -1 : wait > INT_MAX ? INT_MAX : (int)wait;
}

int ch_open311_server_step(ch_open311_server *server)
{
    ch_open311_places_cut_off(&server->places, now_ms(server));
    if (MHD_run(server->daemon) == MHD_NO) {
        return SLICE_MS;
    }
    if (server->jobs != NULL) {
        serve_job(server);
        MHD_run(server->daemon);
    }
    return wait_ms(server);
}
