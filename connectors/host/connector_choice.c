#include "connectors/host/connector_config.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 41
#define NAMES_LIMIT 1000

/* What the file says of itself that decides which other settings it may have. */
typedef struct choice {
    const char *file;
    ch_registry registry;
    bool outward;
    char transport[NAME_SIZE], format[NAME_SIZE], sender[NAME_SIZE], writer[NAME_SIZE];
} choice;

static ch_status open_registry(choice *c, ch_error *error)
{
    char plugin[CH_PLUGIN_PATH_MOST + 1], path[2 * CH_PLUGIN_PATH_MOST];
    const char *slash = strrchr(c->file, '/');
    ch_status status = ch_settings_peek(c->file, "plugin", plugin, sizeof plugin, error);
    if (status != CH_OK) {
        return status;
    }
    bool relative = plugin[0] != '\0' && plugin[0] != '/' && slash != NULL;
    snprintf(path, sizeof path, "%.*s%s", relative ? (int)(slash - c->file) + 1 : 0, c->file, plugin);
    return ch_registry_open(&c->registry, path, error);
}

static ch_status look(choice *c, ch_error *error)
{
    const struct {
        const char *name;
        char *out;
    } names[] = {{"transport", c->transport},
                 {"format", c->format},
                 {"outward.sender", c->sender},
                 {"outward.writer", c->writer}};
    ch_status status = ch_settings_has(c->file, "outward", &c->outward, error);
    for (size_t i = 0; i < sizeof names / sizeof *names && status == CH_OK; i++) {
        status = ch_settings_peek(c->file, names[i].name, names[i].out, NAME_SIZE, error);
    }
    return status == CH_OK ? open_registry(c, error) : status;
}

static ch_status fail(const choice *c, const char *setting, const char *name, ch_registry_kind kind,
                      ch_error *error)
{
    ch_buf list;
    ch_buf_init(&list, NAMES_LIMIT);
    ch_registry_list(&c->registry, kind, &list);
    ch_status status = ch_error_set(error, CH_INVALID, c->file, "%s \"%s\" is none of %.*s", setting, name,
                                    CH_STR_ARG(ch_buf_str(&list)));
    ch_buf_done(&list);
    return status;
}

/* A table's own choice where the file makes none. */
static const char *chosen(const char *name, const char *fallback)
{
    return name[0] != '\0' ? name : fallback == NULL ? "" : fallback;
}

static ch_status choose_format(const choice *c, ch_connector_config *config, const char *format,
                               ch_error *error)
{
    config->format_table = ch_registry_format(&c->registry, format);
    return config->format_table == NULL ? fail(c, "format", format, CH_REGISTRY_FORMATS, error) : CH_OK;
}

/* Without a transport a format may be there for the answers to what goes out. */
static ch_status choose_inward(const choice *c, ch_connector_config *config, ch_error *error)
{
    if (c->outward && c->transport[0] == '\0') {
        return c->format[0] == '\0' ? CH_OK : choose_format(c, config, c->format, error);
    }
    config->transport_table = ch_registry_transport(&c->registry, c->transport);
    if (config->transport_table == NULL) {
        return fail(c, "transport", c->transport, CH_REGISTRY_TRANSPORTS, error);
    }
    return choose_format(c, config, chosen(c->format, config->transport_table->format), error);
}

static ch_status choose_outward(const choice *c, ch_outward_config *outward, ch_error *error)
{
    if (!c->outward) {
        return CH_OK;
    }
    outward->sender_table = ch_registry_sender(&c->registry, c->sender);
    if (outward->sender_table == NULL) {
        return fail(c, "outward.sender", c->sender, CH_REGISTRY_SENDERS, error);
    }
    const char *writer = chosen(c->writer, outward->sender_table->writer);
    outward->writer_table = ch_registry_writer(&c->registry, writer);
    return outward->writer_table == NULL ? fail(c, "outward.writer", writer, CH_REGISTRY_WRITERS, error)
                                         : CH_OK;
}

ch_status ch_connector_config_choose(ch_connector_config *config, const char *file, ch_error *error)
{
    choice c = {.file = file};
    ch_status status = look(&c, error);
    if (status == CH_OK) {
        status = choose_inward(&c, config, error);
    }
    return status == CH_OK ? choose_outward(&c, &config->outward, error) : status;
}
