#include "connectors/host/connector_config.h"
#include "connectors/host/option_table.h"

#include "hub/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

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
     "folder of the files NAME.lock, .rows, .attempt, .outward.attempt"},
    {"plugin", CH_OPTION_PATH, AT(plugin), "", 0, CH_PLUGIN_PATH_MOST,
     "shared object with more transports, formats, senders and writers"},
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

#define OUT(member) offsetof(ch_connector_config, outward.member)
static const ch_option outward_options[] = {
    {"outward.sender", CH_OPTION_STRING, OUT(sender), NULL, 1, 40,
     "how messages go out; has a group of that name in this one"},
    {"outward.writer", CH_OPTION_STRING, OUT(writer), "", 0, 40,
     "how a message is written; default: the sender's"},
    {"outward.charset", CH_OPTION_STRING, OUT(charset), "UTF-8", 1, 39,
     "character set of the messages, as iconv calls it"},
    {"outward.mapping", CH_OPTION_PATH, OUT(mapping), NULL, 1, 1000,
     "jq program that makes messages of an event"},
    {"outward.topics", CH_OPTION_STRINGS, OUT(topics), NULL, 0, 0, "patterns of the events that it is given"},
    {"outward.involved", CH_OPTION_BOOL, OUT(involved), "false", 0, 0,
     "and every later event of cases that its parties took part in"},
    {"outward.with_case", CH_OPTION_BOOL, OUT(with_case), "false", 0, 0,
     "the mapping sees as `case` what the hub knows of the event's case"},
    {"outward.answers", CH_OPTION_BOOL, OUT(answers), "false", 0, 0,
     "what receivers answer is taken in by `format` and `mapping`; needs no transport"},
    {"outward.test_mode", CH_OPTION_STRING, OUT(test_mode), "exclude", 1, 10,
     "exclude, include or only: test cases"},
    {"outward.from", CH_OPTION_STRING, OUT(from), "new", 1, 40,
     "where the subscription begins when it is made: new, all, a sequence or an RFC 3339 time"},
    {"outward.retry_first", CH_OPTION_TIME, OUT(retry_first), "1s", 10, 3600000,
     "pause after the first attempt that failed; doubled each time"},
    {"outward.retry_most", CH_OPTION_TIME, OUT(retry_most), "5m", 10, 86400000, "longest such pause"},
    {"outward.give_up", CH_OPTION_INT, OUT(give_up), "0", 0, 1000000,
     "attempts until a message becomes a dead letter; 0: it is tried without end"},
    {"outward.alert_after", CH_OPTION_TIME, OUT(alert_after), "15m", 0, 604800000,
     "how long nothing is taken until the hub is told with hub.alert; 0: never"},
};
#define OUTWARD_OPTION_COUNT (sizeof outward_options / sizeof *outward_options)

/* The whole table: what the file may say, given what it has chosen. */
typedef struct table {
    ch_option *options;
    char (*names)[CH_OPTION_NAME_SIZE]; /* of plugins' options */
    size_t count, named, base;          /* base: of the next plugin option's value */
} table;

static void add_own(table *t, const ch_option *options, size_t count)
{
    memcpy(t->options + t->count, options, count * sizeof *options);
    t->count += count;
}

static void add_plugin(table *t, const char *group, const casehub_option *options, size_t count)
{
    ch_option_table_fill(t->options + t->count, t->names + t->named, group, options, count, t->base);
    t->count += count;
    t->named += count;
    t->base += count * sizeof(casehub_value);
}

/* Without an inward part its settings may be left out. */
static void relax(table *t, const ch_connector_config *config)
{
    for (size_t i = 0; i < HOST_OPTION_COUNT; i++) {
        size_t offset = t->options[i].offset;
        if (config->transport_table == NULL && (offset == AT(transport) || offset == AT(mapping))) {
            t->options[i].fallback = "";
            t->options[i].least = 0;
        }
    }
}

static size_t value_count(const ch_connector_config *config)
{
    return (config->transport_table == NULL ? 0 : config->transport_table->option_count) +
           (config->format_table == NULL ? 0 : config->format_table->option_count) +
           (config->outward.sender_table == NULL ? 0 : config->outward.sender_table->option_count);
}

static void fill_table(table *t, const ch_connector_config *config)
{
    const casehub_sender *sender = config->outward.sender_table;
    char group[CH_OPTION_NAME_SIZE];
    add_own(t, host_options, HOST_OPTION_COUNT);
    relax(t, config);
    if (config->transport_table != NULL) {
        add_plugin(t, config->transport_table->name, config->transport_table->options,
                   config->transport_table->option_count);
    }
    if (config->format_table != NULL) {
        add_plugin(t, config->format_table->name, config->format_table->options,
                   config->format_table->option_count);
    }
    if (sender != NULL) {
        add_own(t, outward_options, OUTWARD_OPTION_COUNT);
        snprintf(group, sizeof group, "outward.%s", sender->name);
        add_plugin(t, group, sender->options, sender->option_count);
    }
}

static ch_status read_settings(ch_connector_config *config, const char *file, ch_error *error)
{
    size_t own = value_count(config), count = HOST_OPTION_COUNT + OUTWARD_OPTION_COUNT + own;
    table t = {.options = calloc(count, sizeof *t.options),
               .names = calloc(own + 1, sizeof *t.names),
               .base = sizeof *config};
    ch_status status;
    if (t.options != NULL && t.names != NULL) {
        fill_table(&t, config);
        status = ch_settings_read(&config->settings, file, t.options, t.count, config, error);
    } else {
        status = ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    free(t.options);
    free(t.names);
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

/* What the file says of a part must be of use to it. */
static ch_status check_parts(const ch_connector_config *config, const char *file, ch_error *error)
{
    const ch_outward_config *outward = &config->outward;
    bool reads = config->mapping[0] != '\0' || config->format[0] != '\0';
    if (config->transport_table == NULL && reads && !outward->answers) {
        return ch_error_set(error, CH_INVALID, file, "%s: nothing comes in without a transport",
                            config->mapping[0] != '\0' ? "mapping" : "format");
    }
    if (outward->answers && (config->format_table == NULL || config->mapping[0] == '\0')) {
        return ch_error_set(error, CH_INVALID, file, "outward.answers: a format and a mapping are needed");
    }
    if (outward->sender_table == NULL) {
        return CH_OK;
    }
    if (outward->topics.count == 0) {
        return ch_error_set(error, CH_INVALID, file, "outward.topics: a pattern is expected");
    }
    if (outward->retry_first > outward->retry_most) {
        return ch_error_set(error, CH_INVALID, file, "outward.retry_first is longer than retry_most");
    }
    if (strcmp(outward->test_mode, "exclude") != 0 && strcmp(outward->test_mode, "include") != 0 &&
        strcmp(outward->test_mode, "only") != 0) {
        return ch_error_set(error, CH_INVALID, file,
                            "outward.test_mode: exclude, include or only is expected");
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

/* Their values lie behind the configuration, in the order of the table. */
static void place_values(ch_connector_config *config)
{
    casehub_value *values = (casehub_value *)(void *)(config + 1);
    config->transport_values = values;
    values += config->transport_table == NULL ? 0 : config->transport_table->option_count;
    config->format_values = values;
    values += config->format_table == NULL ? 0 : config->format_table->option_count;
    config->outward.sender_values = values;
}

ch_status ch_connector_config_read(ch_connector_config **out_config, const char *file, const char *name,
                                   ch_error *error)
{
    ch_connector_config chosen = {.name = NULL};
    ch_status status = ch_connector_config_choose(&chosen, file, error);
    if (status != CH_OK) {
        return status;
    }
    ch_connector_config *config =
        calloc(1, sizeof *config + (value_count(&chosen) + 1) * sizeof(casehub_value));
    if (config == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    *config = chosen;
    place_values(config);
    status = read_settings(config, file, error);
    if (status == CH_OK) {
        status = resolve_tables(config, file, error);
    } else {
        config->tables.count = 0; /* nothing of ours in it yet */
    }
    if (status == CH_OK) {
        status = complete(config, file, name, error);
    }
    if (status == CH_OK) {
        status = check_parts(config, file, error);
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
    ch_settings_help(out, outward_options, OUTWARD_OPTION_COUNT);
}

ch_status ch_connector_config_help_of(ch_buf *out, const ch_registry *registry, const char *name)
{
    const casehub_transport *transport = ch_registry_transport(registry, name);
    const casehub_format *format = ch_registry_format(registry, name);
    const casehub_sender *sender = ch_registry_sender(registry, name);
    const casehub_writer *writer = ch_registry_writer(registry, name);
    char group[CH_OPTION_NAME_SIZE];
    ch_status status = CH_NOT_FOUND;
    if (transport != NULL) {
        status = ch_option_table_help(out, name, name, transport->help, transport->options,
                                      transport->option_count);
    }
    if (format != NULL) {
        status = ch_option_table_help(out, name, name, format->help, format->options, format->option_count);
    }
    if (sender != NULL) {
        snprintf(group, sizeof group, "outward.%s", name);
        status = ch_option_table_help(out, group, name, sender->help, sender->options, sender->option_count);
    }
    if (writer != NULL) {
        ch_buf_append_format(out, "%s, as a writer: %s (%s)\n", name, writer->help, writer->media_type);
        status = CH_OK;
    }
    return status;
}
