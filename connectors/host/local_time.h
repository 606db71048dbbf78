/* local_time.h - times as legacy systems write them: a civil time without an offset, in a named zone.
 *
 * "2026-11-23 08:15", "2026/11/3 8:15:07", "2026-11-23T08:15", "2026-11-23" (midnight); with an offset or Z it is RFC
 * 3339 and the zone is not looked at. Zones are those of the system's tzdata. An hour that comes twice (clocks go
 * back) is the first of the two, as in RFC 5545; one that does not exist (clocks go forward) is refused.
 *
 * The C library knows one zone at a time, so this switches the process's TZ: call it from one thread, and let nobody
 * else in the process ask for local time. The zone is switched only when it differs from the last one.
 */
#ifndef CH_CONNECTORS_LOCAL_TIME_H
#define CH_CONNECTORS_LOCAL_TIME_H

#include "hub/base/bytes.h"

/* CH_INVALID: no such time, zone or form; the text says which and never repeats the value. */
ch_status ch_local_time_parse(ch_str text, const char *zone, int64_t *out_time_ms,
                              ch_error *error) CH_MUST_CHECK;

#endif
