#include "connectors/host/registry.h"

#include "connectors/formats/formats.h"
#include "connectors/senders/senders.h"
#include "connectors/transports/transports.h"
#include "connectors/writers/writers.h"

#include <dlfcn.h>

#define NOWHERE SIZE_MAX

/* What a plugin has that was built before the table grew. */
#define FIRST_SIZE offsetof(casehub_plugin, senders)
#define COVERS(plugin, member) ((plugin)->size >= offsetof(casehub_plugin, member) + sizeof((plugin)->member))

/* A kind's tables: those compiled in, and behind them the plugin's. */
static const casehub_transport *transport_at(const ch_registry *registry, size_t index)
{
    return index < ch_transport_count ? ch_transports[index]
                                      : registry->plugin->transports[index - ch_transport_count];
}

static const casehub_format *format_at(const ch_registry *registry, size_t index)
{
    return index < ch_format_count ? ch_formats[index] : registry->plugin->formats[index - ch_format_count];
}

static const casehub_sender *sender_at(const ch_registry *registry, size_t index)
{
    return index < ch_sender_count ? ch_senders[index] : registry->plugin->senders[index - ch_sender_count];
}

static const casehub_writer *writer_at(const ch_registry *registry, size_t index)
{
    return index < ch_writer_count ? ch_writers[index] : registry->plugin->writers[index - ch_writer_count];
}

static size_t built_in_count(ch_registry_kind kind)
{
    switch (kind) {
    case CH_REGISTRY_TRANSPORTS: return ch_transport_count;
    case CH_REGISTRY_FORMATS: return ch_format_count;
    case CH_REGISTRY_SENDERS: return ch_sender_count;
    case CH_REGISTRY_WRITERS: return ch_writer_count;
    }
    return 0;
}

static size_t plugin_count(const casehub_plugin *plugin, ch_registry_kind kind)
{
    switch (kind) {
    case CH_REGISTRY_TRANSPORTS: return plugin->transport_count;
    case CH_REGISTRY_FORMATS: return plugin->format_count;
    case CH_REGISTRY_SENDERS: return COVERS(plugin, sender_count) ? plugin->sender_count : 0;
    case CH_REGISTRY_WRITERS: return COVERS(plugin, writer_count) ? plugin->writer_count : 0;
    }
    return 0;
}

static size_t count(const ch_registry *registry, ch_registry_kind kind)
{
    return built_in_count(kind) + (registry->plugin == NULL ? 0 : plugin_count(registry->plugin, kind));
}

static const char *name_at(const ch_registry *registry, ch_registry_kind kind, size_t index)
{
    switch (kind) {
    case CH_REGISTRY_TRANSPORTS: return transport_at(registry, index)->name;
    case CH_REGISTRY_FORMATS: return format_at(registry, index)->name;
    case CH_REGISTRY_SENDERS: return sender_at(registry, index)->name;
    case CH_REGISTRY_WRITERS: return writer_at(registry, index)->name;
    }
    return "";
}

static size_t find(const ch_registry *registry, ch_registry_kind kind, const char *name)
{
    for (size_t i = 0; i < count(registry, kind); i++) {
        if (strcmp(name_at(registry, kind, i), name) == 0) {
            return i;
        }
    }
    return NOWHERE;
}

const casehub_transport *ch_registry_transport(const ch_registry *registry, const char *name)
{
    size_t index = find(registry, CH_REGISTRY_TRANSPORTS, name);
    return index == NOWHERE ? NULL : transport_at(registry, index);
}

const casehub_format *ch_registry_format(const ch_registry *registry, const char *name)
{
    size_t index = find(registry, CH_REGISTRY_FORMATS, name);
    return index == NOWHERE ? NULL : format_at(registry, index);
}

const casehub_sender *ch_registry_sender(const ch_registry *registry, const char *name)
{
    size_t index = find(registry, CH_REGISTRY_SENDERS, name);
    return index == NOWHERE ? NULL : sender_at(registry, index);
}

const casehub_writer *ch_registry_writer(const ch_registry *registry, const char *name)
{
    size_t index = find(registry, CH_REGISTRY_WRITERS, name);
    return index == NOWHERE ? NULL : writer_at(registry, index);
}

void ch_registry_list(const ch_registry *registry, ch_registry_kind kind, ch_buf *out)
{
    for (size_t i = 0; i < count(registry, kind); i++) {
        ch_buf_append_format(out, "%s%s", i == 0 ? "" : ", ", name_at(registry, kind, i));
    }
}

/* ---- a plugin's tables */

/* A name becomes a group of the configuration. */
static bool is_name(const char *name)
{
    size_t size = name == NULL ? 0 : strlen(name);
    return size > 0 && size <= 40 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static bool is_whole_transport(const casehub_transport *transport)
{
    return transport != NULL && transport->size >= offsetof(casehub_transport, step_paused) &&
           is_name(transport->name) && transport->open != NULL && transport->close != NULL &&
           transport->fd != NULL && transport->step != NULL;
}

static bool is_whole_format(const casehub_format *format)
{
    return format != NULL && format->size >= sizeof *format && is_name(format->name) &&
           format->open != NULL && format->close != NULL && format->line != NULL && format->end != NULL;
}

static bool is_whole_sender(const casehub_sender *sender)
{
    return sender != NULL && sender->size >= sizeof *sender && is_name(sender->name) &&
           sender->open != NULL && sender->close != NULL && sender->fd != NULL && sender->step != NULL &&
           sender->send != NULL;
}

static bool is_whole_writer(const casehub_writer *writer)
{
    return writer != NULL && writer->size >= sizeof *writer && is_name(writer->name) &&
           writer->media_type != NULL && writer->write != NULL;
}

static bool is_whole(const casehub_plugin *plugin, ch_registry_kind kind, size_t index)
{
    switch (kind) {
    case CH_REGISTRY_TRANSPORTS: return is_whole_transport(plugin->transports[index]);
    case CH_REGISTRY_FORMATS: return is_whole_format(plugin->formats[index]);
    case CH_REGISTRY_SENDERS: return is_whole_sender(plugin->senders[index]);
    case CH_REGISTRY_WRITERS: return is_whole_writer(plugin->writers[index]);
    }
    return false;
}

static ch_status check_tables(const casehub_plugin *plugin, ch_registry_kind kind, const char *what,
                              const char *file, ch_error *error)
{
    const ch_registry built_in = {.plugin = NULL}, all = {.plugin = plugin};
    for (size_t i = 0; i < plugin_count(plugin, kind); i++) {
        if (!is_whole(plugin, kind, i)) {
            return ch_error_set(error, CH_UNSUPPORTED, file, "%s %zu lacks a name or a function", what,
                                i + 1);
        }
        const char *name = name_at(&all, kind, built_in_count(kind) + i);
        if (find(&built_in, kind, name) != NOWHERE) {
            return ch_error_set(error, CH_CONFLICT, file, "%s %s is built in", what, name);
        }
    }
    return CH_OK;
}

static ch_status check_plugin(const casehub_plugin *plugin, const char *file, ch_error *error)
{
    static const struct {
        ch_registry_kind kind;
        const char *what;
    } kinds[] = {{CH_REGISTRY_TRANSPORTS, "transport"},
                 {CH_REGISTRY_FORMATS, "format"},
                 {CH_REGISTRY_SENDERS, "sender"},
                 {CH_REGISTRY_WRITERS, "writer"}};
    if (plugin->size < FIRST_SIZE) {
        return ch_error_set(error, CH_UNSUPPORTED, file,
                            "the plugin's table is shorter than version 1 has it");
    }
    ch_status status = CH_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && status == CH_OK; i++) {
        status = check_tables(plugin, kinds[i].kind, kinds[i].what, file, error);
    }
    return status;
}

ch_status ch_registry_open(ch_registry *out_registry, const char *file, ch_error *error)
{
    if (file[0] == '\0') {
        *out_registry = (ch_registry){.plugin = NULL};
        return CH_OK;
    }
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        return ch_error_set(error, CH_NOT_FOUND, file, "%s", dlerror());
    }
    const casehub_plugin *plugin = dlsym(library, CASEHUB_CONNECTOR_SYMBOL);
    if (plugin == NULL) {
        return ch_error_set(error, CH_UNSUPPORTED, file, "it has no symbol " CASEHUB_CONNECTOR_SYMBOL);
    }
    ch_status status = check_plugin(plugin, file, error);
    if (status == CH_OK) {
        *out_registry = (ch_registry){.plugin = plugin};
    }
    return status;
}
