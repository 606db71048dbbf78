/* schema_tables.h - the event types without a hub: where their file is, and what it says in other tools' words.
 */
#ifndef CH_CLI_SCHEMA_TABLES_H
#define CH_CLI_SCHEMA_TABLES_H

#include "hub/cli/cli.h"

#include "hub/model/rules.h"

#include <limits.h>

#define CH_SCHEMA_PATH_MAX PATH_MAX

/* The path of a file (or folder) of the schemas: in CASEHUB_SCHEMAS, else where they are installed. CH_TOO_LARGE. */
ch_status ch_schemas_find(ch_cli *cli, const char *name, char out[CH_SCHEMA_PATH_MAX]) CH_MUST_CHECK;
/* The types of --schema, or of the file found so; the caller's. Cannot judge. */
ch_status ch_schema_open(ch_cli *cli, ch_rules **out_rules) CH_MUST_CHECK;

/* One type's events in JSON, as the command line takes them (CH_EVENT_PRODUCED) or prints them, in the words that
 * JSON Schema has had since draft 7; the caller's. NULL: out of memory. */
json_t *ch_schema_json(const ch_type *type, ch_event_form form);
/* A client's view of the hub, AsyncAPI 3; the caller's. NULL: out of memory. */
json_t *ch_schema_asyncapi(const ch_schema *schema);

#endif
