#include "replay/pace.h"

#define CAUGHT_UP_MS 1000

void ch_pace_init(ch_pace *pace, int64_t speed, int64_t gap_most_ms)
{
    *pace = (ch_pace){.speed = speed, .gap_most_ms = gap_most_ms};
}

/* Recorded times do not go back in one log; of a damaged one they might. */
static int64_t gap_of(ch_pace *pace, int64_t recorded_ms)
{
    int64_t gap = 0;
    if (recorded_ms <= pace->recorded_ms || __builtin_sub_overflow(recorded_ms, pace->recorded_ms, &gap)) {
        return 0;
    }
    int64_t wait = gap / pace->speed;
    if (wait >= pace->gap_most_ms) {
        pace->rest = 0;
        return pace->gap_most_ms;
    }
    pace->rest += gap % pace->speed;
    if (pace->rest >= pace->speed) {
        pace->rest -= pace->speed;
        wait++;
    }
    return wait;
}

int64_t ch_pace_due(ch_pace *pace, int64_t recorded_ms, int64_t now_ms)
{
    if (pace->speed == 0) {
        return now_ms;
    }
    int64_t due = pace->begun ? pace->due_ms + gap_of(pace, recorded_ms) : now_ms;
    pace->begun = true;
    pace->recorded_ms = recorded_ms;
    pace->due_ms = due < now_ms - CAUGHT_UP_MS ? now_ms : due;
    return pace->due_ms;
}
