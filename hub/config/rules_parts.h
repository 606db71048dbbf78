/* rules_parts.h - the files that ch_rules_load puts together, one function each. Inside hub/config only.
 *
 * Each fills its part of *rules; what it allocates lives in rules->arena. CH_INVALID with file:line,
 * CH_NOT_FOUND, CH_IO, CH_NO_MEMORY.
 */
#ifndef CH_CONFIG_RULES_PARTS_H
#define CH_CONFIG_RULES_PARTS_H

#include "hub/model/rules.h"

ch_status ch_rules_read_events(ch_rules *rules, const char *file, ch_error *error) CH_MUST_CHECK;
ch_status ch_rules_read_lifecycle(ch_rules *rules, const char *file, ch_error *error) CH_MUST_CHECK;
ch_status ch_rules_read_routing(ch_rules *rules, const char *file, ch_error *error) CH_MUST_CHECK;
ch_status ch_rules_read_parties(ch_rules *rules, const char *file, ch_error *error) CH_MUST_CHECK;
ch_status ch_rules_read_categories(ch_rules *rules, const char *file, ch_error *error) CH_MUST_CHECK;
ch_status ch_rules_read_areas(ch_rules *rules, const char *file, ch_error *error) CH_MUST_CHECK;
/* After routing, which says where the city lies in time. */
ch_status ch_rules_read_clocks(ch_rules *rules, const char *file, ch_error *error) CH_MUST_CHECK;

/* "parties.csv:12" in the arena: what ch_rules_check shows. */
const char *ch_rules_place(ch_rules *rules, const char *file, unsigned line);

#endif
