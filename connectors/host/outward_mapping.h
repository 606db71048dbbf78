/* outward_mapping.h - an event becomes messages: mapping, writer, character set. Knows neither the hub nor a sender.
 *
 * The mapping's input is the event as `casehub event tail` prints it, $record is {file: "", line: 0, row: its sequence,
 * time: when it was recorded}; with `with_case` the event has its case as member `case` (outward_case.h); refuse, lookup and $tables as in every mapping. Each output is a message:
 *   {"body": any JSON value, "target": text, "name": text, "parameters": {...}}       only the body is needed
 * One thread; the caller bounds time and memory (watchdog.h).
 */
#ifndef CH_CONNECTORS_OUTWARD_MAPPING_H
#define CH_CONNECTORS_OUTWARD_MAPPING_H

#include "connectors/host/connector_config.h"

/* What the host itself wants to know of an event. json is not owned. */
typedef struct ch_outward_event {
    ch_str json;
    uint64_t sequence;
    uint32_t epoch;
    int64_t recorded_ms;
} ch_outward_event;

/* CH_INVALID: it is no event of a hub's log. */
ch_status ch_outward_event_read(ch_outward_event *out_event, ch_str json, ch_error *error) CH_MUST_CHECK;

typedef struct ch_outward_mapping ch_outward_mapping;

/* config must outlive it. Reads mapping and tables. As ch_mapping_open; CH_UNSUPPORTED: the character set. */
ch_status ch_outward_mapping_open(ch_outward_mapping **out_mapping, const ch_connector_config *config,
                                  ch_error *error) CH_MUST_CHECK;
void ch_outward_mapping_close(ch_outward_mapping *mapping);
const char *ch_outward_mapping_version(const ch_outward_mapping *mapping);

/* Makes the messages of one event, *out_count of them, and keeps them until the next call. CH_INVALID, CH_NOT_FOUND,
 * CH_TOO_LARGE: why it can never go, where is the field; no value is repeated. CH_NO_MEMORY. */
ch_status ch_outward_mapping_run(ch_outward_mapping *mapping, const ch_outward_event *event,
                                 size_t *out_count, ch_error *error) CH_MUST_CHECK;
/* Fills in what the mapping and the writer made; id and attempt are the caller's. */
void ch_outward_mapping_message(const ch_outward_mapping *mapping, size_t index, casehub_message *out);

#endif
