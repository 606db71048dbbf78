/* duty.h - when a party is on duty: days of the week and hours, by the city's clocks. */
#ifndef CH_MODEL_DUTY_H
#define CH_MODEL_DUTY_H

#include "hub/base/bytes.h"

#define CH_DUTY_TIMES_MAX 8

/* On each of these days (Monday is 1) from one minute of it until another, perhaps of the next. */
typedef struct ch_duty_time {
    int first_day, last_day;
    int from, until; /* from < until; 1440 is midnight, and more is the next day */
} ch_duty_time;

typedef struct ch_duty {
    ch_duty_time times[CH_DUTY_TIMES_MAX];
    size_t count; /* 0: always */
} ch_duty;

/* "24h", or "1-5 08:30-17:30", several with ";". "6 20:00-06:00" goes on until the next morning. CH_INVALID. */
ch_status ch_duty_parse(ch_str text, ch_duty *out_duty) CH_MUST_CHECK;
/* local_ms: what the city's clocks show, as if it were UTC. */
bool ch_duty_holds(const ch_duty *duty, int64_t local_ms);

#endif
