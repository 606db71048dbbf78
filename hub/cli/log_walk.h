/* log_walk.h - reads the log as it is now, from its beginning, event by event.
 */
#ifndef CH_CLI_LOG_WALK_H
#define CH_CLI_LOG_WALK_H

#include "hub/cli/cli.h"

#include "hub/model/event.h"

/* An event's slices live until it returns. It may ask the hub. Failing ends the walk; why stands in cli->error, but for
 * CH_END: enough was seen. The walk gives back what it gave. */
typedef ch_status ch_log_visit(void *context, const ch_event *event);

/* Every event of the log that the key may read and a pattern fits (no pattern: all), up to the one that is the last when
 * it begins. Connects when that is still to be done. CH_CORRUPT for what is no event; interrupted, it ends with CH_OK and
 * cli->exit_code set. */
ch_status ch_log_walk(ch_cli *cli, const char *const *patterns, size_t pattern_count, ch_log_visit *visit,
                      void *context) CH_MUST_CHECK;

/* The same of the part of the log from one sequence to another, both with it. Connected. */
ch_status ch_log_walk_part(ch_cli *cli, uint64_t from, uint64_t to, const char *const *patterns,
                           size_t pattern_count, ch_log_visit *visit, void *context) CH_MUST_CHECK;

#endif
