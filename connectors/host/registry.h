/* registry.h - the transports, formats, senders and writers that this program knows: those compiled in, and those of a
 * plugin.
 */
#ifndef CH_CONNECTORS_REGISTRY_H
#define CH_CONNECTORS_REGISTRY_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

typedef struct ch_registry {
    const casehub_plugin *plugin; /* NULL: none */
} ch_registry;

typedef enum ch_registry_kind {
    CH_REGISTRY_TRANSPORTS,
    CH_REGISTRY_FORMATS,
    CH_REGISTRY_SENDERS,
    CH_REGISTRY_WRITERS
} ch_registry_kind;

/* file "" leaves the built-in ones. A plugin stays loaded for good. CH_NOT_FOUND, CH_UNSUPPORTED (no symbol of this
 * major version, or tables that lack a function), CH_CONFLICT (a built-in name). */
ch_status ch_registry_open(ch_registry *out_registry, const char *file, ch_error *error) CH_MUST_CHECK;
/* NULL when there is none. */
const casehub_transport *ch_registry_transport(const ch_registry *registry, const char *name);
const casehub_format *ch_registry_format(const ch_registry *registry, const char *name);
const casehub_sender *ch_registry_sender(const ch_registry *registry, const char *name);
const casehub_writer *ch_registry_writer(const ch_registry *registry, const char *name);
/* Appends "file_drop, open311", for messages. */
void ch_registry_list(const ch_registry *registry, ch_registry_kind kind, ch_buf *out);

#endif
