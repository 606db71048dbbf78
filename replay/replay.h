/* replay.h - one run of casehub-replay: the world it runs in, what was asked, what was found.
 *
 * A verb is a row of the table in run.c and a file of its name. Only `import` writes to a log, and only
 * `rebuild --swap` and it change a store at all.
 */
#ifndef CH_REPLAY_REPLAY_H
#define CH_REPLAY_REPLAY_H

#include "hub/base/clock.h"
#include "replay/options.h"

#include <stdio.h>

/* After sysexits.h. */
#define CH_REPLAY_OK 0
#define CH_REPLAY_USAGE 64
#define CH_REPLAY_WRONG 65 /* what was read is not as it should be */
#define CH_REPLAY_NO_INPUT 66
#define CH_REPLAY_UNAVAILABLE 69
#define CH_REPLAY_OS 71
#define CH_REPLAY_IO 74
#define CH_REPLAY_TEMPORARY 75
#define CH_REPLAY_DENIED 77
#define CH_REPLAY_INTERRUPTED 130 /* as a shell says of SIGINT */

typedef struct ch_replay_world {
    FILE *out, *err;
    int in_fd;
    bool err_is_terminal;
    const ch_clock *clock;
    const char *(*variable)(const char *name); /* of the environment; NULL: not set */
} ch_replay_world;

typedef struct ch_replay {
    const ch_replay_world *world;
    const ch_replay_options *options;
    bool wrong; /* something is not as it should be, and was told */
} ch_replay;

/* Everything: parse, run, report; what the shell gets. argv ends with NULL. */
int ch_replay_run(int argc, char *const *argv, const ch_replay_world *world);

/* The verbs. What they return is told by the caller; what is found wrong they tell themselves. */
ch_status ch_replay_cat(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_diff(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_export(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_head(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_import(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_key(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_play(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_rebuild(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_state(ch_replay *replay, ch_error *error) CH_MUST_CHECK;
ch_status ch_replay_verify(ch_replay *replay, ch_error *error) CH_MUST_CHECK;

#endif
