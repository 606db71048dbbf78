/* daemon_config.h - the settings of casehubd: one option table that parses, checks and documents them. */
#ifndef CH_DAEMON_DAEMON_CONFIG_H
#define CH_DAEMON_DAEMON_CONFIG_H

#include "hub/config/settings.h"
#include "hub/run/hub.h"

#define CH_OPERATORS_MOST 32

typedef struct ch_daemon_config {
    ch_settings *settings; /* owns the strings below */
    char *data_dir, *hub_key_file, *curve_key_file, *schemas_dir, *city_dir;
    char *tcp, *ipc, *local_role;
    ch_strings operator_keys;
    int64_t http_port;
    ch_hub_options hub; /* the numbers; the daemon fills in the rest */
    int64_t log_map_bytes, state_map_bytes, hot_cases, reserve_bytes;
} ch_daemon_config;

/* CH_INVALID with file:line, CH_NOT_FOUND, CH_IO, CH_NO_MEMORY. */
ch_status ch_daemon_config_read(ch_daemon_config *out_config, const char *file,
                                ch_error *error) CH_MUST_CHECK;
void ch_daemon_config_done(ch_daemon_config *config);
void ch_daemon_config_help(ch_buf *out);

/* The hub's CURVE pair from its file, which is made (mode 0600, with a .pub beside it) when there is none. CH_INVALID,
 * CH_IO, CH_NO_MEMORY. */
ch_status ch_daemon_keys(const char *file, char out_public[CH_KEY_Z85_SIZE], char out_secret[CH_KEY_Z85_SIZE],
                         ch_error *error) CH_MUST_CHECK;

#endif
