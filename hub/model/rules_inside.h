/* rules_inside.h - what the files of ch_rules_check share. Inside the model only. */
#ifndef CH_MODEL_RULES_INSIDE_H
#define CH_MODEL_RULES_INSIDE_H

#include "hub/model/rules.h"

/* The place where it was written, or else its name. */
#define CH_PLACE_OF(row, name) ((row)->place != NULL ? (row)->place : (name))

/* CH_INVALID: no case can have that kind. "" is every kind. */
ch_status ch_rules_check_kind(const ch_rules *rules, const char *kind, const char *place,
                              ch_error *error) CH_MUST_CHECK;

/* clock_rules_check.c: calendars, and clocks, which then know theirs. */
ch_status ch_rules_check_clocks(const ch_rules *rules, ch_error *error) CH_MUST_CHECK;

#endif
