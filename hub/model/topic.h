/* topic.h - topics of events and the patterns that match them.
 *
 * topic   = type "." system "." party "." area
 *           e.g. handoff.offered.emergency.water-rescue.33.07.02.001
 * type    = two tokens; system = first part of the case's source ("hotline" of "hotline/81890"); party "_"
 *           when there is none; area split 2.2.2.3.3.3, "_" when there is none.
 * pattern = tokens, "*" for exactly one, ">" as the last for one or more.
 */
#ifndef CH_MODEL_TOPIC_H
#define CH_MODEL_TOPIC_H

#include "hub/model/event.h"

/* Appends. Absent parts are CH_STR_NONE. CH_TOO_LARGE beyond CH_TOPIC_MAX. */
ch_status ch_topic_format(ch_buf *out, ch_str type, ch_str system, ch_str party, ch_str area) CH_MUST_CHECK;
/* "hotline/81890" gives "hotline". */
ch_str ch_topic_system_of(ch_str source);
typedef struct ch_topic_parts {
    ch_str type, system, party, area; /* area still dotted; "_" parts are CH_STR_NONE */
} ch_topic_parts;
ch_status ch_topic_split(ch_str topic, ch_topic_parts *out_parts) CH_MUST_CHECK;

/* CH_INVALID with the place: empty token, ">" not last, "*" or ">" inside a token, too long, bad
 * character. */
ch_status ch_pattern_check(ch_str pattern, ch_error *error) CH_MUST_CHECK;
/* pattern must be checked. */
bool ch_pattern_matches(ch_str pattern, ch_str topic);

#endif
