#include "hub/model/duty.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MINUTES 1440
#define WEEK_MINUTES (7 * DAY_MINUTES)

/* Takes the byte if it is the next. */
static bool skip(ch_str *rest, char byte)
{
    if (rest->size == 0 || rest->at[0] != byte) {
        return false;
    }
    *rest = (ch_str){rest->at + 1, rest->size - 1};
    return true;
}

static bool take_digits(ch_str *rest, size_t digits, int most, int *out)
{
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        if (rest->size == 0 || rest->at[0] < '0' || rest->at[0] > '9') {
            return false;
        }
        *out = *out * 10 + (rest->at[0] - '0');
        *rest = (ch_str){rest->at + 1, rest->size - 1};
    }
    return *out <= most;
}

static bool take_days(ch_str *rest, ch_duty_time *out)
{
    if (!take_digits(rest, 1, 7, &out->first_day)) {
        return false;
    }
    out->last_day = out->first_day;
    return (!skip(rest, '-') || take_digits(rest, 1, 7, &out->last_day)) && out->first_day >= 1 &&
           out->last_day >= out->first_day;
}

static bool take_minutes(ch_str *rest, int *out)
{
    int hours, minutes;
    if (!take_digits(rest, 2, 24, &hours) || !skip(rest, ':') || !take_digits(rest, 2, 59, &minutes)) {
        return false;
    }
    *out = hours * 60 + minutes;
    return *out <= DAY_MINUTES;
}

static bool take_time(ch_str *rest, ch_duty_time *out)
{
    if (!take_days(rest, out) || !skip(rest, ' ') || !take_minutes(rest, &out->from) || !skip(rest, '-') ||
        !take_minutes(rest, &out->until) || out->from == DAY_MINUTES || out->from == out->until) {
        return false;
    }
    out->until += out->until < out->from ? DAY_MINUTES : 0;
    return true;
}

ch_status ch_duty_parse(ch_str text, ch_duty *out_duty)
{
    ch_str rest = text;
    out_duty->count = 0;
    if (ch_str_is(text, "24h")) {
        return CH_OK;
    }
    do {
        while (skip(&rest, ' ')) {
        }
        if (out_duty->count == CH_DUTY_TIMES_MAX || !take_time(&rest, &out_duty->times[out_duty->count++])) {
            return CH_INVALID;
        }
    } while (skip(&rest, ';'));
    return rest.size == 0 ? CH_OK : CH_INVALID;
}

static bool time_holds(const ch_duty_time *time, int64_t minute)
{
    for (int day = time->first_day; day <= time->last_day; day++) {
        int64_t begun = (int64_t)(day - 1) * DAY_MINUTES, since = minute - begun;
        /* The night from Sunday to Monday belongs to the end of the week. */
        int64_t since_last_week = since + WEEK_MINUTES;
        if ((since >= time->from && since < time->until) ||
            (since_last_week >= time->from && since_last_week < time->until)) {
            return true;
        }
    }
    return false;
}

bool ch_duty_holds(const ch_duty *duty, int64_t local_ms)
{
    /* The first of January 1970 was a Thursday. */
    int64_t minutes = local_ms / MINUTE_MS - (local_ms % MINUTE_MS < 0) + 3 * DAY_MINUTES;
    int64_t minute = (minutes % WEEK_MINUTES + WEEK_MINUTES) % WEEK_MINUTES;
    bool holds = duty->count == 0;
    for (size_t i = 0; !holds && i < duty->count; i++) {
        holds = time_holds(&duty->times[i], minute);
    }
    return holds;
}
