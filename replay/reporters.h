/* reporters.h - which clients of a log were connectors: what they sent was a report of what has happened, not a command.
 * Its grants (hub.grant) tell.
 */
#ifndef CH_REPLAY_REPORTERS_H
#define CH_REPLAY_REPORTERS_H

#include "hub/model/event.h"

typedef struct ch_reporters {
    char (*names)[CH_CODE_MAX + 1];
    size_t count, capacity;
} ch_reporters;

/* Of every event, in order. CH_NO_MEMORY; CH_TOO_LARGE beyond 10,000. */
ch_status ch_reporters_note(ch_reporters *reporters, const ch_event *event, ch_error *error) CH_MUST_CHECK;
bool ch_reporters_have(const ch_reporters *reporters, ch_str actor);
void ch_reporters_done(ch_reporters *reporters);

#endif
