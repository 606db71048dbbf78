/* connector_config.h - one connector's .cfg: the host's settings, those of its transport and format, and, in the group
 * `outward`, those of its way out.
 *
 * A connector has an inward part (a transport), an outward part (the group), or both.
 */
#ifndef CH_CONNECTORS_CONNECTOR_CONFIG_H
#define CH_CONNECTORS_CONNECTOR_CONFIG_H

#include "connectors/host/registry.h"
#include "hub/config/settings.h"

#define CH_CONNECTOR_NAME_MAX 40
#define CH_PLUGIN_PATH_MOST 1023

/* How events go out. sender_table NULL: they do not. */
typedef struct ch_outward_config {
    char *sender, *writer, *charset, *mapping, *from, *test_mode;
    ch_strings topics;
    bool involved, with_case, answers;
    int64_t retry_first, retry_most, give_up, alert_after;
    /* Not in the file. */
    const casehub_sender *sender_table;
    const casehub_writer *writer_table;
    const casehub_value *sender_values;
} ch_outward_config;

typedef struct ch_connector_config {
    char *name, *source, *transport, *format, *charset, *mapping, *default_kind, *history_until, *hub, *key,
        *state_dir, *plugin;
    ch_strings tables;
    bool keep_raw;
    int64_t batch, record_most, field_most, map_timeout, memory_most, rows_most, answer_timeout;
    /* Not in the file. */
    char *system;                             /* of source; owned */
    int64_t history_until_ms;                 /* 0: nothing is history */
    const casehub_transport *transport_table; /* NULL: nothing comes in */
    const casehub_format *format_table;       /* NULL: nothing is taken in, no answers either */
    const casehub_value *transport_values, *format_values;
    ch_outward_config outward;
    ch_settings *settings;
} ch_connector_config;

/* name: as given on the command line, before the file's; NULL: the file's. The hub and key default to the
 * environment's CASEHUB_HUB and CASEHUB_KEY. CH_INVALID with file:line (with the file alone when it names what
 * is not there, or is no name), CH_NOT_FOUND, CH_NO_MEMORY, and what ch_registry_open answers. */
ch_status ch_connector_config_read(ch_connector_config **out_config, const char *file, const char *name,
                                   ch_error *error) CH_MUST_CHECK;
void ch_connector_config_free(ch_connector_config *config);
/* The host's settings, or those of one transport, format, sender or writer: a line an option. CH_NOT_FOUND. */
void ch_connector_config_help(ch_buf *out);
ch_status ch_connector_config_help_of(ch_buf *out, const ch_registry *registry,
                                      const char *name) CH_MUST_CHECK;

/* connector_choice.c: which tables the file names, before its other settings can be read. CH_INVALID, and what
 * ch_registry_open answers. */
ch_status ch_connector_config_choose(ch_connector_config *config, const char *file,
                                     ch_error *error) CH_MUST_CHECK;

#endif
