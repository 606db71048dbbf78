/* pace.h - when events are played that were recorded at such and such times: the gaps between them, shortened. Only
 * reckons; who waits is somebody else.
 */
#ifndef CH_REPLAY_PACE_H
#define CH_REPLAY_PACE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_pace {
    int64_t speed; /* so many times faster than it was; 0: no waiting at all */
    int64_t gap_most_ms;
    bool begun;
    int64_t recorded_ms, due_ms, rest; /* rest: of a gap, in parts of a millisecond */
} ch_pace;

/* speed 0 or more, gap_most_ms the most that is waited for one event. */
void ch_pace_init(ch_pace *pace, int64_t speed, int64_t gap_most_ms);
/* When the next event is due, which was recorded at recorded_ms; now_ms is of a clock that never goes back. The first is
 * due at once. What took longer than the gap is caught up within a second; more than that (a program that was stopped) is
 * not, so that nothing is hurried after it. */
int64_t ch_pace_due(ch_pace *pace, int64_t recorded_ms, int64_t now_ms);

#endif
