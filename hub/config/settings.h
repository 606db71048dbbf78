/* settings.h - a libconfig file read through an option table, so that every program's configuration is
 * parsed, range-checked, documented and refused in the same way.
 *
 * Unknown settings, wrong kinds and values out of range are errors with file:line. Integers may be written as
 * strings with a unit ("64MiB", "20ms", "5s", "3h"); plain ones are range-checked (libconfig wraps silently).
 */
#ifndef CH_CONFIG_SETTINGS_H
#define CH_CONFIG_SETTINGS_H

#include "hub/base/bytes.h"

typedef enum ch_option_kind {
    CH_OPTION_STRING, /* char *, owned by the settings */
    CH_OPTION_PATH,   /* char *, relative to the file's folder */
    CH_OPTION_INT,    /* int64_t */
    CH_OPTION_SIZE,   /* int64_t bytes; "64KiB" "MiB" "GiB" */
    CH_OPTION_TIME,   /* int64_t ms; "20ms" "5s" "10m" "3h" "7d" */
    CH_OPTION_BOOL,   /* bool */
    CH_OPTION_STRINGS /* ch_strings */
} ch_option_kind;

typedef struct ch_strings {
    char **at;
    size_t count;
} ch_strings;

typedef struct ch_option {
    const char *name; /* "commit.quiet": dotted for groups */
    ch_option_kind kind;
    size_t offset;        /* of the field in the target struct */
    const char *fallback; /* as it would be written; NULL: required */
    int64_t least, most;  /* of numbers; bytes of strings. 0, 0: no bound */
    const char *help;
} ch_option;

typedef struct ch_settings ch_settings; /* owns every string it gave out */

/* Reads file into target by table (count options). `@include` is refused. CH_INVALID with "file:line",
 * CH_NOT_FOUND, CH_IO, CH_NO_MEMORY. */
ch_status ch_settings_read(ch_settings **out_settings, const char *file, const ch_option *table, size_t count,
                           void *target, ch_error *error) CH_MUST_CHECK;
/* One string setting (dotted: in a group), without a look at the others: for a file whose table depends on what it
 * chooses. Absent: "". CH_INVALID when it is no string or does not fit. */
ch_status ch_settings_peek(const char *file, const char *name, char *out, size_t out_size,
                           ch_error *error) CH_MUST_CHECK;
/* Is there a setting or group of this name? */
ch_status ch_settings_has(const char *file, const char *name, bool *out_has, ch_error *error) CH_MUST_CHECK;
void ch_settings_free(ch_settings *settings);
/* "name  kind  default  help", one line an option. */
void ch_settings_help(ch_buf *out, const ch_option *table, size_t count);

#endif
