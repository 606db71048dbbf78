#include "connectors/transports/http_listener.h"

#include "connectors/transports/http_places.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SLICE_MS 50
#define CONNECTION_BYTES ((size_t)32 * 1024)
#define DRAIN_MOST ((size_t)1024 * 1024) /* of a body that nobody reads */
#define ANSWER_MOST ((size_t)64 * 1024 * 1024)

struct ch_http_call {
    struct MHD_Connection *connection;
    ch_http_call *next_job;
    const char *method;
    char *path;
    void *work; /* the answerer's */
    ch_buf body;
    size_t drained;
    bool read;
};

struct ch_http_listener {
    struct MHD_Daemon *daemon;
    const casehub_host *host;
    const ch_http_answerer *answerer;
    ch_http_listener_options options;
    ch_http_places places;
    int port;
    ch_http_call *jobs; /* suspended, the next one to be served first; no more than there are places */
};

static int64_t now_ms(const ch_http_listener *listener)
{
    return listener->host->monotonic_ms(listener->host);
}

/* ---- connections */

static void set_turn(ch_http_listener *listener, struct MHD_Connection *connection, ch_http_turn turn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info != NULL && info->socket_context != NULL) {
        ch_http_place_turn(&listener->places, info->socket_context, turn, now_ms(listener));
    }
}

static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    ch_http_listener *listener = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context =
            info == NULL ? NULL : ch_http_places_enter(&listener->places, info->connect_fd, now_ms(listener));
    } else if (*socket_context != NULL) {
        ch_http_place_leave(*socket_context);
    }
}

/* ---- what the answerer may ask */

const char *ch_http_call_method(const ch_http_call *call)
{
    return call->method;
}

const char *ch_http_call_path(const ch_http_call *call)
{
    return call->path;
}

const char *ch_http_call_header(const ch_http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

typedef struct length_search {
    size_t count;
    const char *text;
} length_search;

static enum MHD_Result find_length(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    length_search *search = context;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        search->count++;
        search->text = value;
    }
    return MHD_YES;
}

ch_status ch_http_call_length(const ch_http_call *call, size_t *out_size)
{
    length_search search = {.count = 0};
    int64_t size = 0;
    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, find_length, &search);
    if (search.count == 0 || ch_http_call_header(call, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
        return CH_NOT_FOUND;
    }
    if (search.count > 1 || ch_str_to_int(ch_str_of(search.text), &size) != CH_OK || size < 0) {
        return CH_INVALID;
    }
    *out_size = (size_t)size;
    return CH_OK;
}

typedef struct query_reading {
    ch_http_field_fn each;
    void *context;
    ch_status status;
} query_reading;

static enum MHD_Result take_query_field(void *context, enum MHD_ValueKind kind, const char *name,
                                        size_t name_size, const char *value, size_t value_size)
{
    query_reading *reading = context;
    (void)kind;
    reading->status = reading->each(reading->context, (ch_str){name, name_size},
                                    value == NULL ? CH_STR("") : (ch_str){value, value_size});
    return reading->status == CH_OK ? MHD_YES : MHD_NO;
}

ch_status ch_http_call_query(const ch_http_call *call, ch_http_field_fn each, void *context)
{
    query_reading reading = {each, context, CH_OK};
    MHD_get_connection_values_n(call->connection, MHD_GET_ARGUMENT_KIND, take_query_field, &reading);
    return reading.status;
}

ch_str ch_http_call_body(const ch_http_call *call)
{
    return call->body.size == 0 ? CH_STR("") : ch_buf_str(&call->body);
}

/* ---- the answer */

void ch_http_reply_add(ch_http_reply *reply, const char *name, const char *value)
{
    if (reply->field_count < CH_HTTP_FIELDS_MOST) {
        reply->names[reply->field_count] = name;
        reply->values[reply->field_count++] = value;
    }
}

static bool add_headers(struct MHD_Response *response, const ch_http_reply *reply, bool close)
{
    bool added =
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_X_CONTENT_TYPE_OPTIONS, "nosniff") == MHD_YES;
    for (size_t i = 0; added && i < reply->field_count; i++) {
        added = MHD_add_response_header(response, reply->names[i], reply->values[i]) == MHD_YES;
    }
    return added &&
           (!close || MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES);
}

static struct MHD_Response *make_response(ch_http_reply *reply)
{
    size_t size = 0;
    uint8_t *bytes = ch_buf_take(&reply->body, &size);
    struct MHD_Response *response = bytes == NULL
                                        ? MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT)
                                        : MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
    }
    return response;
}

/* MHD_NO cuts the connection. */
static enum MHD_Result send_answer(ch_http_listener *listener, ch_http_call *call, bool close)
{
    ch_http_reply reply = {.code = 0};
    enum MHD_Result result = MHD_NO;
    ch_buf_init(&reply.body, ANSWER_MOST);
    struct MHD_Response *response =
        listener->answerer->reply(call->work, &reply) == CH_OK ? make_response(&reply) : NULL;
    if (response != NULL && add_headers(response, &reply, close)) {
        result = MHD_queue_response(call->connection, reply.code, response);
    }
    if (response != NULL) {
        MHD_destroy_response(response);
    }
    ch_buf_done(&reply.body);
    set_turn(listener, call->connection, CH_HTTP_READING);
    return result;
}

/* ---- requests that take more than a slice */

static void add_job(ch_http_listener *listener, ch_http_call *call)
{
    ch_http_call **end = &listener->jobs;
    while (*end != NULL) {
        end = &(*end)->next_job;
    }
    call->next_job = NULL;
    *end = call;
}

static void drop_job(ch_http_listener *listener, const ch_http_call *call)
{
    ch_http_call **at = &listener->jobs;
    while (*at != NULL && *at != call) {
        at = &(*at)->next_job;
    }
    if (*at != NULL) {
        *at = call->next_job;
    }
}

/* ---- one request */

static enum MHD_Result begin(ch_http_listener *listener, struct MHD_Connection *connection, const char *path,
                             const char *method, void **out_call)
{
    size_t length = 0;
    ch_http_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return MHD_NO;
    }
    *out_call = call;
    call->connection = connection;
    call->method = method;
    call->path = strdup(path);
    ch_buf_init(&call->body, listener->options.body_most + 1);
    call->work = call->path == NULL ? NULL : listener->answerer->begin(listener->answerer->context, call);
    if (call->work == NULL) {
        return MHD_NO;
    }
    /* To close a socket with unread bytes would take the answer away from the client: a small body is read first. */
    bool small = ch_http_call_length(call, &length) == CH_NOT_FOUND || length <= DRAIN_MOST;
    return listener->answerer->is_answered(call->work) && !small ? send_answer(listener, call, true)
                                                                 : MHD_YES;
}

static enum MHD_Result take_body(const ch_http_listener *listener, ch_http_call *call, const char *bytes,
                                 size_t *size)
{
    bool wanted = !listener->answerer->is_answered(call->work);
    if (wanted && *size > listener->options.body_most - call->body.size) {
        call->body.failed = CH_TOO_LARGE;
    }
    if (wanted && call->body.failed == CH_OK) {
        ch_buf_append(&call->body, bytes, *size);
    } else {
        call->drained += *size;
    }
    *size = 0;
    return call->drained <= DRAIN_MOST ? MHD_YES : MHD_NO;
}

static void read_body(const ch_http_listener *listener, ch_http_call *call)
{
    if (call->body.size > 0) {
        ch_buf_append(&call->body, "", 1);
        call->body.size -= call->body.failed == CH_OK;
    }
    listener->answerer->read(call->work, call, call->body.failed);
    ch_buf_done(&call->body);
}

/* False: more than a slice is needed. */
static bool work(const ch_http_listener *listener, ch_http_call *call)
{
    int64_t until = now_ms(listener) + SLICE_MS;
    bool done;
    do {
        done = listener->answerer->step(call->work);
    } while (!done && now_ms(listener) < until);
    return done;
}

static enum MHD_Result finish(ch_http_listener *listener, ch_http_call *call)
{
    if (!call->read) {
        call->read = true;
        set_turn(listener, call->connection, CH_HTTP_WAITING);
        if (!listener->answerer->is_answered(call->work)) {
            read_body(listener, call);
        }
        if (!work(listener, call)) {
            MHD_suspend_connection(call->connection);
            add_job(listener, call);
            return MHD_YES;
        }
    }
    return send_answer(listener, call, false);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    ch_http_call *call = *request;
    (void)version;
    if (call == NULL) {
        return begin(context, connection, path, method, request);
    }
    return *upload_size > 0 ? take_body(context, call, upload, upload_size) : finish(context, call);
}

static void note_completed(void *context, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    ch_http_listener *listener = context;
    ch_http_call *call = *request;
    (void)code;
    if (call != NULL) {
        drop_job(listener, call);
        if (call->work != NULL) {
            listener->answerer->end(call->work);
        }
        ch_buf_done(&call->body);
        free(call->path);
        free(call);
        *request = NULL;
    }
    set_turn(listener, connection, CH_HTTP_ASKING);
}

/* ---- the daemon */

static ch_status resolve(const ch_http_listener_options *options, struct addrinfo **out_address,
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

static ch_status start_daemon(ch_http_listener *listener, const ch_http_listener_options *options,
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
    listener->daemon = MHD_start_daemon(
        flags, (uint16_t)options->port, NULL, NULL, handle, listener, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->connections_most, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, seconds, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, note_completed, listener, MHD_OPTION_NOTIFY_CONNECTION, note_connection,
        listener, MHD_OPTION_END);
    int failure = errno;
    freeaddrinfo(address);
    return listener->daemon != NULL
               ? CH_OK
               : ch_error_set(error, CH_IO, "port", "%s port %d cannot be opened: %s", options->listen,
                              options->port,
                              failure == 0 ? "libmicrohttpd does not start" : strerror(failure));
}

static ch_status learn_port(ch_http_listener *listener, ch_error *error)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info == NULL || info->port == 0) {
        return ch_error_set(error, CH_IO, "port", "the port cannot be told");
    }
    listener->port = info->port;
    return CH_OK;
}

ch_status ch_http_listener_start(ch_http_listener **out_listener, const casehub_host *host,
                                 const ch_http_answerer *answerer, const ch_http_listener_options *options,
                                 ch_error *error)
{
    ch_http_listener *listener = calloc(1, sizeof *listener);
    size_t count = (size_t)options->connections_most;
    if (listener == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "connections", "no memory");
    }
    listener->host = host;
    listener->answerer = answerer;
    listener->options = *options;
    ch_status status = ch_http_places_init(&listener->places, count, options->request_timeout_ms);
    status = status == CH_OK
                 ? start_daemon(listener, options, error)
                 : ch_error_set(error, status, "connections", "no memory for %zu connections", count);
    if (status == CH_OK) {
        status = learn_port(listener, error);
    }
    if (status != CH_OK) {
        ch_http_listener_stop(listener);
        return status;
    }
    *out_listener = listener;
    return CH_OK;
}

void ch_http_listener_stop(ch_http_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    for (ch_http_call *call = listener->jobs; call != NULL; call = call->next_job) {
        MHD_resume_connection(call->connection); /* it may not be stopped with one asleep */
    }
    if (listener->daemon != NULL) {
        MHD_stop_daemon(listener->daemon);
    }
    ch_http_places_done(&listener->places);
    free(listener);
}

int ch_http_listener_port(const ch_http_listener *listener)
{
    return listener->port;
}

void ch_http_listener_address(const ch_http_listener *listener, char *out, size_t size)
{
    bool six = strchr(listener->options.listen, ':') != NULL;
    snprintf(out, size, "http://%s%s%s:%d", six ? "[" : "", listener->options.listen, six ? "]" : "",
             listener->port);
}

int ch_http_listener_fd(const ch_http_listener *listener)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info == NULL ? -1 : info->epoll_fd;
}

/* The oldest of the long requests gets a slice; whoever is done goes on with the next run. */
static void serve_job(ch_http_listener *listener)
{
    ch_http_call *call = listener->jobs;
    drop_job(listener, call);
    if (work(listener, call)) {
        MHD_resume_connection(call->connection);
    } else {
        add_job(listener, call);
    }
}

static int wait_ms(const ch_http_listener *listener)
{
    MHD_UNSIGNED_LONG_LONG inner = 0;
    int64_t wait = INT64_MAX;
    if (listener->jobs != NULL) {
        return 0;
    }
    if (MHD_get_timeout(listener->daemon, &inner) == MHD_YES) {
        wait = inner > INT_MAX ? INT_MAX : (int64_t)inner;
    }
    int64_t places = ch_http_places_wait_ms(&listener->places, now_ms(listener));
    wait = places < wait ? places : wait;
    return wait == INT64_MAX ? -1 : wait > INT_MAX ? INT_MAX : (int)wait;
}

int ch_http_listener_step(ch_http_listener *listener)
{
    ch_http_places_cut_off(&listener->places, now_ms(listener));
    if (MHD_run(listener->daemon) == MHD_NO) {
        return SLICE_MS;
    }
    if (listener->jobs != NULL) {
        serve_job(listener);
        MHD_run(listener->daemon);
    }
    return wait_ms(listener);
}
