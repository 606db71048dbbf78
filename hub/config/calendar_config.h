/* calendar_config.h - one calendar of sla.cfg: its own settings, its table of days, its time zone. Inside hub/config only. */
#ifndef CH_CONFIG_CALENDAR_CONFIG_H
#define CH_CONFIG_CALENDAR_CONFIG_H

#include "hub/config/cfg_file.h"
#include "hub/model/rules.h"

/* file: sla.cfg, beside which the table of days lies. rules already know the city's offset. What is allocated lives in rules->arena. CH_INVALID with file:line, CH_NOT_FOUND,
 * CH_IO, CH_NO_MEMORY. */
ch_status ch_rules_read_calendar(ch_rules *rules, const ch_cfg *cfg, const char *file,
                                 const config_setting_t *at, ch_calendar *calendar,
                                 ch_error *error) CH_MUST_CHECK;

#endif
