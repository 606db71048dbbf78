/* deadletter_groups.h - dead letters counted by what they have in common. */
#ifndef CH_CLI_DEADLETTER_GROUPS_H
#define CH_CLI_DEADLETTER_GROUPS_H

#include "hub/cli/cli.h"

/* What one can count by: fields of a row, ends with NULL. */
extern const char *const ch_deadletter_groupings[];

/* Asks for all that fit the arguments (taken) and prints a row a group, the largest first, `limit` at most: count, what
 * they share, when the oldest and the newest came. CH_TOO_LARGE when they have too little in common. */
ch_status ch_deadletter_groups(ch_cli *cli, json_t *arguments, const char *by, int64_t limit) CH_MUST_CHECK;

#endif
