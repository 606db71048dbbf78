#include "connectors/host/connector_config.h"

#include "hub/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define OPTION_NAME_SIZE 96
#define PLUGIN_PATH_SIZE 1024

#define AT(member) offsetof(ch_connector_config, member)
#define MIB (1024 * 1024)
static const ch_option host_options[] = {
    {"name", CH_OPTION_STRING, AT(name), "", 0, 0, "the connector; the command line's NAME goes before it"},
    {"source", CH_OPTION_STRING, AT(source), NULL, 1, 63, "source of its events: \"<system>/<instance>\""},
    {"transport", CH_OPTION_STRING, AT(transport), NULL, 1, 40,
     "how records come in; has a group of that name"},
    {"format", CH_OPTION_STRING, AT(format), "", 0, 40,
     "how a unit becomes records; default: the transport's"},
    {"charset", CH_OPTION_STRING, AT(charset), "UTF-8", 1, 39,
     "character set of the units, as iconv calls it"},
    {"mapping", CH_OPTION_PATH, AT(mapping), NULL, 1, 1000, "jq program that makes events of a record"},
    {"tables", CH_OPTION_STRINGS, AT(tables), "", 0, 0, "CSV code tables, the mapping's $tables"},
    {"default_kind", CH_OPTION_STRING, AT(default_kind), "matter", 1, 63,
     "kind of a case whose opening is unknown"},
    {"history_until", CH_OPTION_STRING, AT(history_until), "", 0, 40,
     "RFC 3339: what happened before is history, is offered to nobody and starts no clock"},
    {"keep_raw", CH_OPTION_BOOL, AT(keep_raw), "true", 0, 0, "events carry the record they were made from"},
    {"hub", CH_OPTION_STRING, AT(hub), "", 0, 300, "endpoint of the hub; default: $CASEHUB_HUB"},
    {"key", CH_OPTION_PATH, AT(key), "", 0, 1000, "key file; default: $CASEHUB_KEY"},
    {"state_dir", CH_OPTION_PATH, AT(state_dir), "state", 1, 1000,
     "folder of the files NAME.lock, .rows, .attempt"},
    {"plugin", CH_OPTION_PATH, AT(plugin), "", 0, PLUGIN_PATH_SIZE - 1,
     "shared object with more transports and formats"},
    {"batch", CH_OPTION_INT, AT(batch), "256", 1, 256, "events that commit together"},
    {"record_most", CH_OPTION_SIZE, AT(record_most), "1MiB", 1024, 4 * MIB, "bytes of one record"},
    {"field_most", CH_OPTION_SIZE, AT(field_most), "256KiB", 64, 4 * MIB, "bytes of one value"},
    {"map_timeout", CH_OPTION_TIME, AT(map_timeout), "5s", 10, 600000,
     "processor time that one record may take"},
    {"memory_most", CH_OPTION_SIZE, AT(memory_most), "2GiB", 0, (int64_t)1024 * 1024 * MIB,
     "address space of the process; 0: no bound"},
    {"rows_most", CH_OPTION_INT, AT(rows_most), "2000000", 1, 8000000, "row states that are kept ($row)"},
    {"answer_timeout", CH_OPTION_TIME, AT(answer_timeout), "10s", 100, 120000,
     "how long a request waits until its event is durable"},
};
#define HOST_OPTION_COUNT (sizeof host_options / sizeof *host_options)

/* What ch_settings writes into is what a plugin reads. */
_Static_assert(offsetof(casehub_value, text_count) - offsetof(casehub_value, texts) ==
                   offsetof(ch_strings, count),
               "texts and text_count lie as ch_strings does");

static ch_option_kind kind_of(casehub_option_kind kind)
{
    switch (kind) {
    case CASEHUB_OPTION_TEXT: return CH_OPTION_STRING;
    case CASEHUB_OPTION_PATH: return CH_OPTION_PATH;
    case CASEHUB_OPTION_INT: return CH_OPTION_INT;
    case CASEHUB_OPTION_SIZE: return CH_OPTION_SIZE;
    case CASEHUB_OPTION_TIME: return CH_OPTION_TIME;
    case CASEHUB_OPTION_BOOL: return CH_OPTION_BOOL;
    case CASEHUB_OPTION_TEXTS: return CH_OPTION_STRINGS;
    }
    return CH_OPTION_STRING; /* of a plugin's table with a kind of a later version */
}

static size_t member_of(casehub_option_kind kind)
{
    switch (kind) {
    case CASEHUB_OPTION_TEXT:
    case CASEHUB_OPTION_PATH: return offsetof(casehub_value, text);
    case CASEHUB_OPTION_INT:
    case CASEHUB_OPTION_SIZE:
    case CASEHUB_OPTION_TIME: return offsetof(casehub_value, number);
    case CASEHUB_OPTION_BOOL: return offsetof(casehub_value, flag);
    case CASEHUB_OPTION_TEXTS: return offsetof(casehub_value, texts);
    }
    return offsetof(casehub_value, text);
}

/* A plugin's options as rows of the host's table: "file_drop.folder", into values[i] at base. */
static void translate(ch_option *out, char (*names)[OPTION_NAME_SIZE], const char *group,
                      const casehub_option *options, size_t count, size_t base)
{
    for (size_t i = 0; i < count; i++) {
        const casehub_option *from = &options[i];
        snprintf(names[i], OPTION_NAME_SIZE, "%s.%s", group, from->name);
        out[i] = (ch_option){.name = names[i],
                             .kind = kind_of(from->kind),
                             .offset = base + i * sizeof(casehub_value) + member_of(from->kind),
                             .fallback = from->fallback,
                             .least = from->least,
                             .most = from->most,
                             .help = from->help};
    }
}

static ch_status choose(ch_connector_config *config, const char *file, ch_error *error)
{
    char plugin[PLUGIN_PATH_SIZE], path[2 * PLUGIN_PATH_SIZE], transport[41], format[41], names[200];
    ch_registry registry;
    ch_buf list;
    const char *slash = strrchr(file, '/');
    ch_status status = ch_settings_peek(file, "plugin", plugin, sizeof plugin, error);
    if (status != CH_OK ||
        (status = ch_settings_peek(file, "transport", transport, sizeof transport, error)) != CH_OK ||
        (status = ch_settings_peek(file, "format", format, sizeof format, error)) != CH_OK) {
        return status;
    }
    bool relative = plugin[0] != '\0' && plugin[0] != '/' && slash != NULL;
    snprintf(path, sizeof path, "%.*s%s", relative ? (int)(slash - file) + 1 : 0, file, plugin);
    status = ch_registry_open(&registry, path, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&list, sizeof names);
    config->transport_table = ch_registry_transport(&registry, transport);
    const char *chosen = format[0] != '\0'                         ? format
                         : config->transport_table == NULL         ? ""
                         : config->transport_table->format == NULL ? ""
                                                                   : config->transport_table->format;
    config->format_table = ch_registry_format(&registry, chosen);
    if (config->transport_table == NULL) {
        ch_registry_list_transports(&registry, &list);
        status = ch_error_set(error, CH_INVALID, file, "transport \"%s\" is none of %.*s", transport,
                              CH_STR_ARG(ch_buf_str(&list)));
    } else if (config->format_table == NULL) {
        ch_registry_list_formats(&registry, &list);
        status = ch_error_set(error, CH_INVALID, file, "format \"%s\" is none of %.*s", chosen,
                              CH_STR_ARG(ch_buf_str(&list)));
    }
    ch_buf_done(&list);
    return status;
}

/* The whole table: host, transport, format, strictly. */
static ch_status read_settings(ch_connector_config *config, const char *file, ch_error *error)
{
    const casehub_transport *transport = config->transport_table;
    const casehub_format *format = config->format_table;
    size_t own = transport->option_count + format->option_count, count = HOST_OPTION_COUNT + own;
    ch_option *table = calloc(count, sizeof *table);
    char(*names)[OPTION_NAME_SIZE] = calloc(own + 1, sizeof *names);
    ch_status status = CH_NO_MEMORY;
    if (table != NULL && names != NULL) {
        size_t base = sizeof *config, format_base = base + transport->option_count * sizeof(casehub_value);
        memcpy(table, host_options, sizeof host_options);
        translate(table + HOST_OPTION_COUNT, names, transport->name, transport->options,
                  transport->option_count, base);
        translate(table + HOST_OPTION_COUNT + transport->option_count, names + transport->option_count,
                  format->name, format->options, format->option_count, format_base);
        status = ch_settings_read(&config->settings, file, table, count, config, error);
    } else {
        status = ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    free(table);
    free(names);
    return status;
}

static bool is_code(const char *text, size_t most)
{
    size_t size = strlen(text);
    return size > 0 && size <= most && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

/* Empty settings fall back to the environment; what is left must fit together. */
static ch_status complete(ch_connector_config *config, const char *file, const char *name, ch_error *error)
{
    static char nothing[] = "";
    char *hub = getenv("CASEHUB_HUB"), *key = getenv("CASEHUB_KEY");
    if (name != NULL) {
        config->name = (char *)(uintptr_t)name; /* lives as long as the command line */
    }
    config->hub = config->hub[0] != '\0' ? config->hub : hub != NULL ? hub : nothing;
    config->key = config->key[0] != '\0' ? config->key : key != NULL ? key : nothing;
    if (!is_code(config->name, CH_CONNECTOR_NAME_MAX)) {
        return ch_error_set(error, CH_INVALID, file, "name: 1 to %d of a-z 0-9 _ - are expected",
                            CH_CONNECTOR_NAME_MAX);
    }
    if (config->history_until[0] != '\0' &&
        (ch_time_parse(ch_str_of(config->history_until), &config->history_until_ms) != CH_OK ||
         config->history_until_ms < 0)) {
        return ch_error_set(error, CH_INVALID, file,
                            "history_until: a time as in 2026-11-23T08:00:00+08:00 is expected");
    }
    size_t size = strcspn(config->source, "/");
    config->system = strndup(config->source, size);
    if (config->system == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    if (!is_code(config->system, CH_CONNECTOR_NAME_MAX) || strcmp(config->system, "hub") == 0) {
        return ch_error_set(error, CH_INVALID, file, "source: \"<system>/<instance>\" is expected");
    }
    return CH_OK;
}

/* ch_settings leaves the paths of a list as they stand. */
static ch_status resolve_tables(ch_connector_config *config, const char *file, ch_error *error)
{
    const char *slash = strrchr(file, '/');
    for (size_t i = 0; i < config->tables.count; i++) {
        const char *name = config->tables.at[i];
        bool relative = name[0] != '/' && slash != NULL;
        char *path = NULL;
        if (asprintf(&path, "%.*s%s", relative ? (int)(slash - file) + 1 : 0, file, name) < 0) {
            config->tables.count = i;
            return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
        }
        config->tables.at[i] = path;
    }
    return CH_OK;
}

ch_status ch_connector_config_read(ch_connector_config **out_config, const char *file, const char *name,
                                   ch_error *error)
{
    ch_connector_config chosen = {.name = NULL};
    ch_status status = choose(&chosen, file, error);
    if (status != CH_OK) {
        return status;
    }
    size_t transport_count = chosen.transport_table->option_count;
    size_t value_count = transport_count + chosen.format_table->option_count;
    ch_connector_config *config = calloc(1, sizeof *config + (value_count + 1) * sizeof(casehub_value));
    if (config == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    casehub_value *values = (casehub_value *)(void *)(config + 1);
    *config = chosen;
    config->transport_values = values;
    config->format_values = values + transport_count;
    status = read_settings(config, file, error);
    if (status == CH_OK) {
        status = resolve_tables(config, file, error);
    } else {
        config->tables.count = 0; /* nothing of ours in it yet */
    }
    if (status == CH_OK) {
        status = complete(config, file, name, error);
    }
    if (status != CH_OK) {
        ch_connector_config_free(config);
        return status;
    }
    *out_config = config;
    return CH_OK;
}

void ch_connector_config_free(ch_connector_config *config)
{
    if (config != NULL) {
        for (size_t i = 0; i < config->tables.count; i++) {
            free(config->tables.at[i]);
        }
        free(config->system);
        ch_settings_free(config->settings);
        free(config);
    }
}

void ch_connector_config_help(ch_buf *out)
{
    ch_settings_help(out, host_options, HOST_OPTION_COUNT);
}

static ch_status help_of(ch_buf *out, const char *name, const char *help, const casehub_option *options,
                         size_t count)
{
    ch_option *table = calloc(count + 1, sizeof *table);
    char(*names)[OPTION_NAME_SIZE] = calloc(count + 1, sizeof *names);
    ch_status status = table == NULL || names == NULL ? CH_NO_MEMORY : CH_OK;
    if (status == CH_OK) {
        ch_buf_append_format(out, "%s: %s\n", name, help);
        translate(table, names, name, options, count, 0);
        ch_settings_help(out, table, count);
    }
    free(table);
    free(names);
    return status;
}

ch_status ch_connector_config_help_of(ch_buf *out, const ch_registry *registry, const char *name)
{
    const casehub_transport *transport = ch_registry_transport(registry, name);
    const casehub_format *format = ch_registry_format(registry, name);
    if (transport != NULL) {
        return help_of(out, name, transport->help, transport->options, transport->option_count);
    }
    return format == NULL ? CH_NOT_FOUND
                          : help_of(out, name, format->help, format->options, format->option_count);
}
