/* cfg_file.h - a libconfig file without libconfig's traps: integers that would wrap, @include, and floats or
 * groups where something else is meant, and comments that never end are refused with file:line; a byte order
 * mark and a missing last newline are not.
 *
 * Inside hub/config only. One thread.
 */
#ifndef CH_CONFIG_CFG_FILE_H
#define CH_CONFIG_CFG_FILE_H

#include "hub/base/bytes.h"

#include <libconfig.h>

typedef struct ch_cfg {
    config_t config;
    char file[256]; /* as given, for messages */
} ch_cfg;

/* CH_INVALID with file:line, CH_NOT_FOUND, CH_IO, CH_NO_MEMORY. */
ch_status ch_cfg_open(ch_cfg *out_cfg, const char *file, ch_error *error) CH_MUST_CHECK;
void ch_cfg_close(ch_cfg *cfg);

/* CH_INVALID at the setting's line. */
ch_status ch_cfg_fail(const ch_cfg *cfg, const config_setting_t *at, ch_error *error, const char *format, ...)
    CH_PRINTF(4, 5);
/* "lifecycle.cfg:12", without the folder. */
void ch_cfg_place(const ch_cfg *cfg, const config_setting_t *at, char *out, size_t size);

/* group must be a group with no member but those of names (NULL ends them). */
ch_status ch_cfg_check_members(const ch_cfg *cfg, const config_setting_t *group, const char *const *names,
                               ch_error *error) CH_MUST_CHECK;
/* The list (or array) called name, NULL when absent. CH_INVALID when it is something else. */
ch_status ch_cfg_list(const ch_cfg *cfg, const config_setting_t *group, const char *name,
                      const config_setting_t **out_list, ch_error *error) CH_MUST_CHECK;
/* Absent members leave *out as it is. */
ch_status ch_cfg_text(const ch_cfg *cfg, const config_setting_t *group, const char *name, char *out,
                      size_t size, ch_error *error) CH_MUST_CHECK;
ch_status ch_cfg_flag(const ch_cfg *cfg, const config_setting_t *group, const char *name, bool *out,
                      ch_error *error) CH_MUST_CHECK;
ch_status ch_cfg_int(const ch_cfg *cfg, const config_setting_t *group, const char *name, int64_t least,
                     int64_t most, int64_t *out, ch_error *error) CH_MUST_CHECK;
/* "3h", or plain milliseconds. */
ch_status ch_cfg_time(const ch_cfg *cfg, const config_setting_t *group, const char *name, int64_t *out,
                      ch_error *error) CH_MUST_CHECK;

#endif
