/* as_of.h - a moment of the past: a sequence of the log, or a time; then what was recorded up to it counts. */
#ifndef CH_CLI_AS_OF_H
#define CH_CLI_AS_OF_H

#include "hub/cli/cli.h"
#include "hub/cli/rows.h"

#include "hub/model/event.h"

#define CH_TAKES_AS_OF(h) CH_TAKES_TEXT("as-of", "SEQUENCE|TIME", NULL, h)

typedef struct ch_as_of {
    bool given, is_time;
    uint64_t sequence;
    int64_t time_ms; /* of a sequence: when that was recorded, 0: this key may not know */
} ch_as_of;

/* The argument --as-of of the verb; not given: nothing is passed. Connects. CH_INVALID; CH_NOT_FOUND when the log has not
 * come to that sequence. */
ch_status ch_as_of_read(ch_cli *cli, ch_as_of *out_as_of) CH_MUST_CHECK;
/* Was this recorded later? */
bool ch_as_of_is_passed(const ch_as_of *as_of, uint64_t sequence, int64_t recorded_ms);
/* Of an event as a row. */
bool ch_as_of_is_passed_by(const ch_as_of *as_of, const json_t *event);

#endif
