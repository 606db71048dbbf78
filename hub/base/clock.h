/* clock.h - where time comes from, as a value that is passed in; and its text form.
 *
 * Wall time is int64 milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored (POSIX).
 * Only main functions make a real clock; everything below takes `const ch_clock *` or a plain now_ms.
 */
#ifndef CH_BASE_CLOCK_H
#define CH_BASE_CLOCK_H

#include "hub/base/bytes.h"

typedef struct ch_clock {
    int64_t (*wall_ms)(void *context);      /* may jump */
    int64_t (*monotonic_ms)(void *context); /* never goes back */
    void *context;
} ch_clock;

const ch_clock *ch_clock_real(void);
/* Microseconds of the real one that never goes back: only to measure how long something takes. */
int64_t ch_clock_real_us(void);

/* A clock that tests move by hand; monotonic_ms follows wall_ms. */
typedef struct ch_clock_fake {
    ch_clock clock;
    int64_t now_ms;
} ch_clock_fake;
void ch_clock_fake_init(ch_clock_fake *fake, int64_t now_ms);

static inline int64_t ch_clock_wall_ms(const ch_clock *clock)
{
    return clock->wall_ms(clock->context);
}
static inline int64_t ch_clock_monotonic_ms(const ch_clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

/* Civil date of a wall time in a zone that lies offset_minutes east of UTC. */
typedef struct ch_date {
    int year, month, day;         /* month 1..12, day 1..31 */
    int hour, minute, second, ms; /* 0..23, 0..59, 0..59, 0..999 */
    int weekday;                  /* 0 Sunday .. 6 */
} ch_date;
/* Any time is fine; at the ends of int64 the offset is left out. */
ch_date ch_date_of(int64_t time_ms, int offset_minutes);
/* The other way; weekday is ignored. CH_INVALID when there is no such date (31 April) or year is outside
 * 1..9999. */
ch_status ch_date_to_ms(const ch_date *date, int offset_minutes, int64_t *out_time_ms) CH_MUST_CHECK;

#define CH_TIME_TEXT_SIZE 40
/* RFC 3339 with milliseconds only when there are any: "2026-11-23T02:27:00Z", "...+08:00". Outside the years
 * 0..9999, which RFC 3339 cannot write, the year is longer or has a sign. */
void ch_time_format(int64_t time_ms, int offset_minutes, char out[CH_TIME_TEXT_SIZE]);
/* RFC 3339, any offset, fraction of 1 to 9 digits (cut to milliseconds). CH_INVALID; so is a second 60. */
ch_status ch_time_parse(ch_str text, int64_t *out_time_ms) CH_MUST_CHECK;

#endif
