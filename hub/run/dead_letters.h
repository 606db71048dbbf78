/* dead_letters.h - what a start makes good about dead letters, and what those of deliveries are about. */
#ifndef CH_RUN_DEAD_LETTERS_H
#define CH_RUN_DEAD_LETTERS_H

#include "hub/run/mail.h"
#include "hub/store/store.h"

/* A crash may have come between the end of a dead letter and the end of its key: destroys such keys. Before the writer
 * starts. CH_IO, CH_CORRUPT, CH_NO_MEMORY. */
ch_status ch_dead_letters_settle(ch_store *store, ch_error *error) CH_MUST_CHECK;

/* Which event of which subscription a letter of stage `deliver` asks for, as it was made by the reader. CH_INVALID. */
ch_status ch_dead_letter_of_delivery(const ch_dead_letter *letter,
                                     ch_redelivery *out_redelivery) CH_MUST_CHECK;

#endif
