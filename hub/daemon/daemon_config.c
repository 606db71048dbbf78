#include "hub/daemon/daemon_config.h"

#include <stddef.h>

#define AT(member) offsetof(ch_daemon_config, member)
#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define MINUTE INT64_C(60000)

static const ch_option options[] = {
    {"data_dir", CH_OPTION_PATH, AT(data_dir), NULL, 0, 0, "folder of log, state, cursors and key slots"},
    {"hub_key_file", CH_OPTION_PATH, AT(hub_key_file), NULL, 0, 0,
     "key that wraps the key slots; outside of data_dir"},
    {"curve_key_file", CH_OPTION_PATH, AT(curve_key_file), NULL, 0, 0, "the hub's CURVE pair"},
    {"schemas_dir", CH_OPTION_PATH, AT(schemas_dir), NULL, 0, 0, "folder of events.cfg and lifecycle.cfg"},
    {"city_dir", CH_OPTION_PATH, AT(city_dir), NULL, 0, 0, "folder of the city's tables and routing.cfg"},
    {"tcp", CH_OPTION_STRING, AT(tcp), "", 0, 200,
     "endpoint for clients with keys, e.g. tcp://127.0.0.1:7070"},
    {"ipc", CH_OPTION_STRING, AT(ipc), "", 0, 200,
     "endpoint for this machine's user, e.g. ipc:///run/casehub/hub.ipc"},
    {"local_role", CH_OPTION_STRING, AT(local_role), "operator", 1, 63, "role of who comes over ipc"},
    {"operator_keys", CH_OPTION_STRINGS, AT(operator_keys), "", CH_KEY_Z85_SIZE - 1, CH_KEY_Z85_SIZE - 1,
     "public keys (Z85) of the first operators, 32 at most"},
    {"http_port", CH_OPTION_INT, AT(http_port), "0", -1, 65535,
     "health and metrics on 127.0.0.1; 0 a free one, -1 none"},
    {"clients", CH_OPTION_INT, AT(hub.clients_most), "1024", 1, 65536, "welcomed at the same time"},
    {"sockets", CH_OPTION_INT, AT(hub.sockets_most), "12000", 16, 65535, "connections at the same time"},
    {"window_events", CH_OPTION_INT, AT(hub.window_events), "4096", 256, 65536,
     "unanswered events of a client"},
    {"queue_bytes", CH_OPTION_SIZE, AT(hub.queue_bytes), "64MiB", 8 * MIB, 16 * GIB,
     "of events waiting to be written"},
    {"heartbeat", CH_OPTION_TIME, AT(hub.heartbeat_ms), "5s", 100, 60 * MINUTE, "clients speak this often"},
    {"batch_events", CH_OPTION_INT, AT(hub.batch_events), "1024", 1, 65536, "of one log commit, about"},
    {"commit.beside", CH_OPTION_INT, AT(hub.beside_events), "16", 0, 65536,
     "events of a batch that is committed before the next is begun"},
    {"commit.quiet", CH_OPTION_TIME, AT(hub.commit_quiet_ms), "20ms", 1, MINUTE,
     "state commit after so long without work"},
    {"commit.busy", CH_OPTION_TIME, AT(hub.commit_busy_ms), "100ms", 1, MINUTE, "state commit under load"},
    {"commit.events", CH_OPTION_INT, AT(hub.commit_events), "16384", 1, 1000000,
     "state commit after so many records"},
    {"store.log_map", CH_OPTION_SIZE, AT(log_map_bytes), "64GiB", MIB, 16384 * GIB,
     "most that the log can hold"},
    {"store.state_map", CH_OPTION_SIZE, AT(state_map_bytes), "32GiB", MIB, 16384 * GIB,
     "most that the state can hold"},
    {"store.hot_cases", CH_OPTION_INT, AT(hot_cases), "8192", 64, 1000000, "decoded cases kept in memory"},
    {"store.reserve", CH_OPTION_SIZE, AT(reserve_bytes), "256MiB", 0, 1024 * GIB,
     "room kept for answers and deletes"},
    {"subscription.most", CH_OPTION_INT, AT(hub.subscriptions_most), "4096", 1, 65536,
     "durable and live together"},
    {"subscription.credit", CH_OPTION_INT, AT(hub.credit_most), "65536", 1, 65536, "most credit of one"},
    {"subscription.held_cases", CH_OPTION_INT, AT(hub.held_most), "1024", 1, 65536, "held back for one"},
    {"subscription.ack_timeout", CH_OPTION_TIME, AT(hub.ack_timeout_ms), "30s", 10, 24 * 60 * MINUTE,
     "default of one"},
    {"subscription.deliveries", CH_OPTION_INT, AT(hub.deliveries_most), "10", 1, 1000,
     "then a dead letter; default of one"},
    {"subscription.backoff_first", CH_OPTION_TIME, AT(hub.backoff_first_ms), "1s", 1, 60 * MINUTE,
     "after a failed delivery"},
    {"subscription.backoff_most", CH_OPTION_TIME, AT(hub.backoff_most_ms), "5m", 1, 24 * 60 * MINUTE,
     "doubling up to this"},
};
#define OPTION_COUNT (sizeof options / sizeof *options)

ch_status ch_daemon_config_read(ch_daemon_config *out_config, const char *file, ch_error *error)
{
    ch_daemon_config config = {.settings = NULL};
    ch_status status = ch_settings_read(&config.settings, file, options, OPTION_COUNT, &config, error);
    if (status != CH_OK) {
        return status;
    }
    if (config.tcp[0] == '\0' && config.ipc[0] == '\0') {
        ch_settings_free(config.settings);
        return ch_error_set(error, CH_INVALID, file, "neither tcp nor ipc is set: nobody could come in");
    }
    if (config.operator_keys.count > CH_OPERATORS_MOST) {
        ch_settings_free(config.settings);
        return ch_error_set(error, CH_INVALID, file, "operator_keys: more than %d", CH_OPERATORS_MOST);
    }
    *out_config = config;
    return CH_OK;
}

void ch_daemon_config_done(ch_daemon_config *config)
{
    ch_settings_free(config->settings);
    *config = (ch_daemon_config){.settings = NULL};
}

void ch_daemon_config_help(ch_buf *out)
{
    ch_settings_help(out, options, OPTION_COUNT);
}
