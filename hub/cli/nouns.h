/* nouns.h - the command line's table of contents; each noun stands in the file of its name. */
#ifndef CH_CLI_NOUNS_H
#define CH_CLI_NOUNS_H

#include "hub/cli/cli.h"

#define CH_ARGUMENTS(array) .arguments = (array), .argument_count = CH_COUNT_OF(array)
#define CH_VERBS(array) .verbs = (array), .verb_count = CH_COUNT_OF(array)

extern const ch_noun ch_noun_status, ch_noun_check, ch_noun_event, ch_noun_case, ch_noun_handoff,
    ch_noun_clock, ch_noun_connector, ch_noun_deadletter, ch_noun_subscription, ch_noun_party, ch_noun_route,
    ch_noun_key, ch_noun_backup, ch_noun_schema, ch_noun_report, ch_noun_config, ch_noun_audit;

/* Verbs with a file of their own. */
ch_status ch_event_publish(ch_cli *cli);
ch_status ch_event_tail(ch_cli *cli);
ch_status ch_case_show(ch_cli *cli);
ch_status ch_case_timeline(ch_cli *cli);
ch_status ch_case_erase(ch_cli *cli);
ch_status ch_case_hold(ch_cli *cli);
ch_status ch_check(ch_cli *cli);
ch_status ch_schema_export(ch_cli *cli);
ch_status ch_route_simulate(ch_cli *cli);

#endif
