/* intake.h - a PUBLISH becomes work: every event is decoded and checked against grant and schema, before the writer,
 * which has better things to do, sees it.
 */
#ifndef CH_RUN_INTAKE_H
#define CH_RUN_INTAKE_H

#include "hub/run/mail.h"

/* Takes both frames, also on failure. A bad event becomes the refusal of its item; a bad message is CH_INVALID,
 * CH_TOO_LARGE, CH_DENIED, CH_NO_MEMORY. */
ch_status ch_intake_read(ch_work **out_work, const ch_rules *rules, ch_actor *actor,
                         const ch_chp_message *message, ch_frame *header, ch_frame *body,
                         ch_error *error) CH_MUST_CHECK;

#endif
