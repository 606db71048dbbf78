#include "hub/run/http.h"

#include "hub/run/ready.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>

#define CONNECTIONS_MOST 64u
#define CONNECTION_BYTES ((size_t)8 * 1024)
#define SILENCE_SECONDS 10u
#define METRICS_LIMIT ((size_t)4 * 1024 * 1024)

struct ch_http {
    struct MHD_Daemon *daemon;
    const ch_hub *hub;
    int port;
};

typedef struct answer {
    unsigned code;
    const char *type;
    ch_buf text;
} answer;

typedef void write_page(const ch_hub *hub, answer *out);

static void write_live(const ch_hub *hub, answer *out)
{
    (void)hub;
    ch_buf_append_text(&out->text, "ok\n");
}

static void write_ready(const ch_hub *hub, answer *out)
{
    char reason[CH_REASON_SIZE];
    bool ready = ch_hub_is_ready(hub, reason);
    out->code = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    ch_buf_append_format(&out->text, "%s\n", ready ? "ready" : reason);
}

static void write_metrics(const ch_hub *hub, answer *out)
{
    out->type = "text/plain; version=0.0.4; charset=utf-8";
    ch_metrics_print(&out->text, hub->metrics, ch_clock_monotonic_ms(hub->options.clock));
}

static const struct {
    const char *path;
    write_page *write;
} pages[] = {{"/livez", write_live}, {"/readyz", write_ready}, {"/metrics", write_metrics}};

static write_page *find_page(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(pages[i].path, path) == 0) {
            return pages[i].write;
        }
    }
    return NULL;
}

static void fill(const ch_hub *hub, const char *path, const char *method, answer *out)
{
    write_page *write = find_page(path);
    if (write == NULL) {
        out->code = MHD_HTTP_NOT_FOUND;
        ch_buf_append_text(&out->text, "there are /livez, /readyz and /metrics\n");
    } else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        out->code = MHD_HTTP_METHOD_NOT_ALLOWED;
        ch_buf_append_text(&out->text, "GET and HEAD only\n");
    } else {
        write(hub, out);
    }
}

static bool add_headers(struct MHD_Response *response, const answer *of)
{
    return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, of->type) == MHD_YES &&
           MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
           MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
           (of->code != MHD_HTTP_METHOD_NOT_ALLOWED ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, answer *of)
{
    size_t size;
    uint8_t *text = of->text.failed == CH_OK ? ch_buf_take(&of->text, &size) : NULL;
    struct MHD_Response *response =
        text == NULL ? NULL : MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    enum MHD_Result result =
        add_headers(response, of) ? MHD_queue_response(connection, of->code, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

/* Called when the head of a request is there. Answering at once leaves a body unread. MHD_NO cuts the connection. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    const ch_http *http = context;
    (void)version, (void)upload, (void)upload_size, (void)request;
    answer out = {.code = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
    ch_buf_init(&out.text, METRICS_LIMIT);
    fill(http->hub, path, method, &out);
    enum MHD_Result result = send_answer(connection, &out);
    ch_buf_done(&out.text);
    return result;
}

/* poll: descriptors of a hub with many clients are beyond what select can name, and with epoll a client that is gone
 * keeps its place until it times out when its end came together with its last bytes. */
static struct MHD_Daemon *start_daemon(ch_http *http, const struct sockaddr_in *address)
{
    errno = 0;
    return MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD, ntohs(address->sin_port), NULL, NULL, handle, http,
                            MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MOST, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_SECONDS,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static ch_status open_port(ch_http *http, int port, ch_error *error)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    http->daemon = start_daemon(http, &address);
    if (http->daemon == NULL) {
        return ch_error_set(error, CH_UNAVAILABLE, "http", "port %d of 127.0.0.1 cannot be opened: %s", port,
                            errno == 0 ? "libmicrohttpd does not start" : strerror(errno));
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info == NULL || info->port == 0) {
        return ch_error_set(error, CH_IO, "http", "the port cannot be told");
    }
    http->port = info->port;
    return CH_OK;
}

ch_status ch_http_start(ch_http **out_http, ch_hub *hub, ch_error *error)
{
    int port = hub->options.http_port;
    if (port < -1 || port > UINT16_MAX) {
        return ch_error_set(error, CH_INVALID, "http", "%d is no port", port);
    }
    if (port == -1) {
        *out_http = NULL;
        return CH_OK;
    }
    ch_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "http", "no memory");
    }
    http->hub = hub;
    ch_status status = open_port(http, port, error);
    if (status != CH_OK) {
        ch_http_stop(http);
        return status;
    }
    *out_http = http;
    return CH_OK;
}

void ch_http_stop(ch_http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->daemon != NULL) {
        MHD_stop_daemon(http->daemon);
    }
    free(http);
}

int ch_http_port(const ch_http *http)
{
    return http == NULL ? -1 : http->port;
}
