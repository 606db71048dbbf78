/* deadletter_settle.h - `retry` and `drop`: of dead letters by number, or of all open ones that fit. */
#ifndef CH_CLI_DEADLETTER_SETTLE_H
#define CH_CLI_DEADLETTER_SETTLE_H

#include "hub/cli/cli.h"
#include "hub/cli/table.h"

/* An operand as a number. CH_INVALID, the exit code of misuse. */
ch_status ch_deadletter_number(ch_cli *cli, const char *operand, int64_t *out_number) CH_MUST_CHECK;
/* The row of one; the caller's. CH_NOT_FOUND. */
ch_status ch_deadletter_ask(ch_cli *cli, int64_t number, json_t **out_row) CH_MUST_CHECK;

/* The verb's arguments are --all, --yes, --dry-run, and filters: those with a field of the query `deadletters`. */
typedef struct ch_settling {
    const char *action, *done; /* "retry"; "retried" in "would be retried" */
    const char *why;           /* for hub.deadletter; NULL: none */
    const ch_column *columns;  /* of a dry run */
    size_t column_count;
} ch_settling;

/* One line a letter, also for one that cannot be settled; then the exit code is 65. What stops all of them (no hub, no
 * right) is returned, and what was done before it stays done. Takes filters. */
ch_status ch_deadletter_settle(ch_cli *cli, const ch_settling *how, json_t *filters) CH_MUST_CHECK;

#endif
