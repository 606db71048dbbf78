#include "connectors/host/registry.h"

#include "connectors/formats/formats.h"
#include "connectors/transports/transports.h"

#include <dlfcn.h>

static const casehub_transport *transport_at(const ch_registry *registry, size_t index)
{
    if (index < ch_transport_count) {
        return ch_transports[index];
    }
    index -= ch_transport_count;
    return registry->plugin != NULL && index < registry->plugin->transport_count
               ? registry->plugin->transports[index]
               : NULL;
}

static const casehub_format *format_at(const ch_registry *registry, size_t index)
{
    if (index < ch_format_count) {
        return ch_formats[index];
    }
    index -= ch_format_count;
    return registry->plugin != NULL && index < registry->plugin->format_count
               ? registry->plugin->formats[index]
               : NULL;
}

const casehub_transport *ch_registry_transport(const ch_registry *registry, const char *name)
{
    const casehub_transport *transport;
    for (size_t i = 0; (transport = transport_at(registry, i)) != NULL; i++) {
        if (strcmp(transport->name, name) == 0) {
            return transport;
        }
    }
    return NULL;
}

const casehub_format *ch_registry_format(const ch_registry *registry, const char *name)
{
    const casehub_format *format;
    for (size_t i = 0; (format = format_at(registry, i)) != NULL; i++) {
        if (strcmp(format->name, name) == 0) {
            return format;
        }
    }
    return NULL;
}

void ch_registry_list_transports(const ch_registry *registry, ch_buf *out)
{
    const casehub_transport *transport;
    for (size_t i = 0; (transport = transport_at(registry, i)) != NULL; i++) {
        ch_buf_append_format(out, "%s%s", i == 0 ? "" : ", ", transport->name);
    }
}

void ch_registry_list_formats(const ch_registry *registry, ch_buf *out)
{
    const casehub_format *format;
    for (size_t i = 0; (format = format_at(registry, i)) != NULL; i++) {
        ch_buf_append_format(out, "%s%s", i == 0 ? "" : ", ", format->name);
    }
}

/* A name becomes a group of the configuration. */
static bool is_name(const char *name)
{
    size_t size = name == NULL ? 0 : strlen(name);
    return size > 0 && size <= 40 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static bool is_whole_transport(const casehub_transport *transport)
{
    return transport != NULL && transport->size >= sizeof *transport && is_name(transport->name) &&
           transport->open != NULL && transport->close != NULL && transport->fd != NULL &&
           transport->step != NULL;
}

static bool is_whole_format(const casehub_format *format)
{
    return format != NULL && format->size >= sizeof *format && is_name(format->name) &&
           format->open != NULL && format->close != NULL && format->line != NULL && format->end != NULL;
}

static ch_status check_plugin(const casehub_plugin *plugin, const char *file, ch_error *error)
{
    const ch_registry built_in = {.plugin = NULL};
    if (plugin->size < sizeof *plugin) {
        return ch_error_set(error, CH_UNSUPPORTED, file,
                            "the plugin's table is shorter than version 1 has it");
    }
    for (size_t i = 0; i < plugin->transport_count; i++) {
        if (!is_whole_transport(plugin->transports[i])) {
            return ch_error_set(error, CH_UNSUPPORTED, file, "transport %zu lacks a name or a function",
                                i + 1);
        }
        if (ch_registry_transport(&built_in, plugin->transports[i]->name) != NULL) {
            return ch_error_set(error, CH_CONFLICT, file, "transport %s is built in",
                                plugin->transports[i]->name);
        }
    }
    for (size_t i = 0; i < plugin->format_count; i++) {
        if (!is_whole_format(plugin->formats[i])) {
            return ch_error_set(error, CH_UNSUPPORTED, file, "format %zu lacks a name or a function", i + 1);
        }
        if (ch_registry_format(&built_in, plugin->formats[i]->name) != NULL) {
            return ch_error_set(error, CH_CONFLICT, file, "format %s is built in", plugin->formats[i]->name);
        }
    }
    return CH_OK;
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
