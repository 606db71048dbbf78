/* open311.c - an Open311 GeoReport v2 server: citizens' clients send requests and see how far they are. */
#include "connectors/transports/open311_server.h"
#include "connectors/transports/transports.h"

#include <sodium.h>
#include <stdio.h>

enum {
    OPTION_LISTEN,
    OPTION_PORT,
    OPTION_PUBLIC_URL,
    OPTION_SERVICES,
    OPTION_ATTRIBUTES,
    OPTION_API_KEYS,
    OPTION_JURISDICTION,
    OPTION_CONTACT,
    OPTION_KEY_SERVICE,
    OPTION_NOTICE,
    OPTION_CONNECTIONS,
    OPTION_TIMEOUT
};
static const casehub_option options[] = {
    [OPTION_LISTEN] = {"listen", CASEHUB_OPTION_TEXT, "127.0.0.1", 1, 60, "numeric address to listen on"},
    [OPTION_PORT] = {"port", CASEHUB_OPTION_INT, "0", 0, 65535, "port to listen on; 0: a free one"},
    [OPTION_PUBLIC_URL] = {"public_url", CASEHUB_OPTION_TEXT, "", 0, 250,
                           "address that clients use, told by /discovery; default: that of listen and port"},
    [OPTION_SERVICES] = {"services", CASEHUB_OPTION_PATH, NULL, 1, 900, "CSV table of the services"},
    [OPTION_ATTRIBUTES] = {"attributes", CASEHUB_OPTION_PATH, "", 0, 900,
                           "CSV table of the services' attributes"},
    [OPTION_API_KEYS] =
        {"api_keys", CASEHUB_OPTION_TEXTS, "", 0, 0,
         "keys of client programs; without one a request is not taken, nor its details shown"},
    [OPTION_JURISDICTION] = {"jurisdiction_id", CASEHUB_OPTION_TEXT, "", 0, 100,
                             "what clients must name as jurisdiction_id; default: nothing"},
    [OPTION_CONTACT] = {"contact", CASEHUB_OPTION_TEXT, "", 0, 300,
                        "whom to write about this server, in /discovery"},
    [OPTION_KEY_SERVICE] = {"key_service", CASEHUB_OPTION_TEXT, "", 0, 300,
                            "how to get an API key, in /discovery"},
    [OPTION_NOTICE] = {"service_notice", CASEHUB_OPTION_TEXT, "", 0, 1000, "told with every request"},
    [OPTION_CONNECTIONS] = {"connections", CASEHUB_OPTION_INT, "128", 1, 4096, "connections at a time"},
    [OPTION_TIMEOUT] = {"request_timeout", CASEHUB_OPTION_TIME, "15s", 1000, 600000,
                        "how long a client may take to send a request, and to read its answer"},
};

typedef struct open311 {
    const casehub_host *host;
    ch_open311_site site;
    bool site_open;
    ch_open311_server *server;
} open311;

static int fail(const open311 *o, const ch_error *error)
{
    char text[500];
    snprintf(text, sizeof text, "%s%s%s", error->where, error->where[0] == '\0' ? "" : ": ", error->text);
    o->host->fail(o->host, text);
    return -1;
}

static ch_status open_site(open311 *o, const casehub_value *values, ch_error *error)
{
    if (sodium_init() < 0) {
        return ch_error_set(error, CH_IO, "libsodium", "it does not start");
    }
    o->site = (ch_open311_site){.host = o->host,
                                .random = ch_random_real(),
                                .api_keys = values[OPTION_API_KEYS].texts,
                                .api_key_count = values[OPTION_API_KEYS].text_count,
                                .jurisdiction = values[OPTION_JURISDICTION].text,
                                .contact = values[OPTION_CONTACT].text,
                                .key_service = values[OPTION_KEY_SERVICE].text,
                                .notice = values[OPTION_NOTICE].text,
                                .started_ms = o->host->wall_ms(o->host)};
    o->site_open = true;
    return ch_open311_services_read(&o->site.services, values[OPTION_SERVICES].text,
                                    values[OPTION_ATTRIBUTES].text, error);
}

static void tell_address(open311 *o, const casehub_value *values)
{
    char address[200];
    const char *url = values[OPTION_PUBLIC_URL].text;
    ch_http_listener_address(ch_open311_server_listener(o->server), address, sizeof address);
    snprintf(o->site.url, sizeof o->site.url, "%s", url[0] == '\0' ? address : url);
    o->host->set_address(o->host, address);
}

static int open_open311(void *state, const casehub_host *host, const casehub_value *values)
{
    open311 *o = state;
    ch_error error = {.status = CH_OK};
    const ch_http_listener_options server = {.listen = values[OPTION_LISTEN].text,
                                             .port = (int)values[OPTION_PORT].number,
                                             .connections_most = (int)values[OPTION_CONNECTIONS].number,
                                             .request_timeout_ms = values[OPTION_TIMEOUT].number};
    o->host = host;
    ch_status status = open_site(o, values, &error);
    if (status == CH_OK) {
        status = ch_open311_server_start(&o->server, &o->site, &server, &error);
    }
    if (status != CH_OK) {
        return fail(o, &error);
    }
    tell_address(o, values);
    return 0;
}

static void close_open311(void *state)
{
    open311 *o = state;
    ch_open311_server_stop(o->server);
    if (o->site_open) {
        ch_open311_services_done(&o->site.services);
    }
}

static int open311_fd(void *state)
{
    return ch_http_listener_fd(ch_open311_server_listener(((open311 *)state)->server));
}

static int step_open311(void *state)
{
    return ch_open311_server_step(((open311 *)state)->server);
}

static int step_paused(void *state)
{
    open311 *o = state;
    o->site.paused = true;
    int wait_ms = ch_open311_server_step(o->server);
    o->site.paused = false;
    return wait_ms;
}

const casehub_transport ch_transport_open311 = {
    CASEHUB_SIZED(casehub_transport),
    .name = "open311",
    .help = "an Open311 GeoReport v2 server for citizens' clients",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .format = "json",
    .state_size = sizeof(open311),
    .open = open_open311,
    .close = close_open311,
    .fd = open311_fd,
    .step = step_open311,
    .step_paused = step_paused,
};
