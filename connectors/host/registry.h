/* registry.h - the transports and formats that this program knows: those compiled in, and those of a plugin. */
#ifndef CH_CONNECTORS_REGISTRY_H
#define CH_CONNECTORS_REGISTRY_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

typedef struct ch_registry {
    const casehub_plugin *plugin; /* NULL: none */
} ch_registry;

/* file "" leaves the built-in ones. A plugin stays loaded for good. CH_NOT_FOUND, CH_UNSUPPORTED (no symbol of this
 * major version, or tables that lack a function), CH_CONFLICT (a built-in name). */
ch_status ch_registry_open(ch_registry *out_registry, const char *file, ch_error *error) CH_MUST_CHECK;
/* NULL when there is none. */
const casehub_transport *ch_registry_transport(const ch_registry *registry, const char *name);
const casehub_format *ch_registry_format(const ch_registry *registry, const char *name);
/* "file_drop, open311", for messages. */
void ch_registry_list_transports(const ch_registry *registry, ch_buf *out);
void ch_registry_list_formats(const ch_registry *registry, ch_buf *out);

#endif
