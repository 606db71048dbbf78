/* rules_config.h - reads a rules folder into one ch_rules snapshot.
 *
 *   events.cfg      event types, fields, classes          categories.csv  code,parent,name
 *   lifecycle.cfg   transitions of cases and handoffs     areas.csv       code,name
 *   routing.cfg     ordered routes                        parties.csv code,name,kind,supervisor,areas,reach[,duty]
 *   sla.cfg         clocks and calendars                  calendar.csv    date,kind,name (sla.cfg names it)
 *   (the .cfg of events and lifecycle stand in `schemas_dir`, the city's tables in `city_dir`)
 */
#ifndef CH_CONFIG_RULES_CONFIG_H
#define CH_CONFIG_RULES_CONFIG_H

#include "hub/model/rules.h"

/* CH_INVALID with "file:line: field", CH_NOT_FOUND for a missing file, CH_IO, CH_NO_MEMORY. */
ch_status ch_rules_load(ch_rules **out_rules, const char *schemas_dir, const char *city_dir,
                        ch_error *error) CH_MUST_CHECK;

/* The same, with the files packed for the record (rules_files.h). */
ch_status ch_rules_load_packed(ch_rules **out_rules, const char *schemas_dir, const char *city_dir,
                               ch_error *error) CH_MUST_CHECK;

/* With another routing.cfg than the city's, to try it. */
ch_status ch_rules_load_routing(ch_rules **out_rules, const char *schemas_dir, const char *city_dir,
                                const char *routing_file, ch_error *error) CH_MUST_CHECK;

/* Event types only, for whoever looks at them without a hub: such rules cannot judge. */
ch_status ch_rules_load_events(ch_rules **out_rules, const char *events_file, ch_error *error) CH_MUST_CHECK;

#endif
