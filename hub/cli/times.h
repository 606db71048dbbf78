/* times.h - times as people read and write them: in the city's zone, and how long something took.
 *
 * The zone is the process's (TZ); ch_times_use_zone makes it the city's where nobody chose another.
 */
#ifndef CH_CLI_TIMES_H
#define CH_CLI_TIMES_H

#include "hub/base/bytes.h"

#define CH_LOCAL_TIME_SIZE 32
#define CH_DURATION_SIZE 32
#define CH_FROM_SIZE 48

/* Call once, before the first thread: TZ from the environment, or else +08:00 (Asia/Shanghai). */
void ch_times_use_zone(void);

/* "2026-11-23 10:27:05" in the zone. */
void ch_local_time(int64_t time_ms, char out[CH_LOCAL_TIME_SIZE]);
/* "+08:00", the zone's offset at that time. */
void ch_local_offset(int64_t time_ms, char out[CH_LOCAL_TIME_SIZE]);
/* "350ms", "12s", "5m 12s", "2h 05m", "3d 04h"; with a minus in front when negative. */
void ch_duration(int64_t duration_ms, char out[CH_DURATION_SIZE]);

/* RFC 3339 with its offset; or "2026-11-23", "2026-11-23 10:27", "2026-11-23T10:27:05" in the zone; or "now",
 * or from now "-90m", "+3d" (s, m, h, d). CH_INVALID. */
ch_status ch_times_parse(const char *text, int64_t now_ms, int64_t *out_time_ms) CH_MUST_CHECK;

/* Where to start reading, as libcasehub takes it: "all", "new" and a sequence stay, a time becomes RFC 3339.
 * CH_INVALID. */
ch_status ch_from_parse(const char *text, int64_t now_ms, char out[CH_FROM_SIZE]) CH_MUST_CHECK;

#endif
