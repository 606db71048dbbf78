/* zone_file.h - a time zone from the system's data (tzdata), as a table: no TZ, no process-wide state. Inside
 * hub/config only.
 */
#ifndef CH_CONFIG_ZONE_FILE_H
#define CH_CONFIG_ZONE_FILE_H

#include "hub/base/arena.h"
#include "hub/model/calendar.h"

#define CH_ZONES "/usr/share/zoneinfo"

/* folder/zone is a TZif file of version 2 or later (RFC 8536). The table lives in arena. It must tell of every change
 * before until_ms: a file that gives but a rule for that time is refused. CH_NOT_FOUND, CH_INVALID, CH_IO,
 * CH_NO_MEMORY. */
ch_status ch_zone_read(ch_zone *out_zone, ch_arena *arena, const char *folder, const char *zone,
                       int64_t until_ms, ch_error *error) CH_MUST_CHECK;

#endif
