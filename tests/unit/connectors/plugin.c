/* A plugin for registry_test.c, built several times: of a version that knew no senders (PLUGIN_OLD), with a table that
 * lacks a function (PLUGIN_BROKEN), with a name that is built in (PLUGIN_NAME), and as it should be.
 */
#include "connectors/sdk/casehub_connector.h"

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "pigeon"
#endif

static int open_pigeon(void *state, const casehub_host *host, const casehub_value *values)
{
    (void)state, (void)host, (void)values;
    return 0;
}

static void close_pigeon(void *state)
{
    (void)state;
}

static int no_fd(void *state)
{
    (void)state;
    return -1;
}

static int step(void *state)
{
    (void)state;
    return CASEHUB_STEP_WAIT;
}

static const casehub_transport pigeon_in = {CASEHUB_SIZED(casehub_transport),
                                            .name = "pigeon_in",
                                            .help = "for a test",
                                            .open = open_pigeon,
                                            .close = close_pigeon,
                                            .fd = no_fd,
                                            .step = step};
static const casehub_transport *const transports[] = {&pigeon_in};

#ifdef PLUGIN_OLD
/* The table as it was: what lies behind it is not the plugin's. */
typedef struct old_plugin {
    size_t size;
    const char *name, *version;
    const casehub_transport *const *transports;
    size_t transport_count;
    const casehub_format *const *formats;
    size_t format_count;
} old_plugin;
CASEHUB_CONNECTOR_EXPORT extern const old_plugin casehub_connector_v1;
const old_plugin casehub_connector_v1 = {CASEHUB_SIZED(old_plugin), .name = "old", .version = "1",
                                         .transports = transports, .transport_count = 1};
#else
#ifdef PLUGIN_BROKEN
#define SEND NULL
#else
static void send_pigeon(void *state, const casehub_message *message)
{
    (void)state, (void)message;
}
#define SEND send_pigeon
#endif
static int write_pigeon(const char *json, size_t json_size, const casehub_output *output)
{
    return output->append(output, json, json_size) ? 0 : -1;
}

static const casehub_sender pigeon = {CASEHUB_SIZED(casehub_sender),
                                      .name = PLUGIN_NAME,
                                      .help = "for a test",
                                      .writer = "pigeon_post",
                                      .open = open_pigeon,
                                      .close = close_pigeon,
                                      .fd = no_fd,
                                      .step = step,
                                      .send = SEND};
static const casehub_sender *const senders[] = {&pigeon};
static const casehub_writer post = {CASEHUB_SIZED(casehub_writer), .name = "pigeon_post",
                                    .help = "for a test", .media_type = "text/x-pigeon",
                                    .write = write_pigeon};
static const casehub_writer *const writers[] = {&post};
CASEHUB_CONNECTOR_EXPORT extern const casehub_plugin casehub_connector_v1;
const casehub_plugin casehub_connector_v1 = {CASEHUB_SIZED(casehub_plugin),
                                             .name = "new",
                                             .version = "1",
                                             .transports = transports,
                                             .transport_count = 1,
                                             .senders = senders,
                                             .sender_count = 1,
                                             .writers = writers,
                                             .writer_count = 1};
#endif
