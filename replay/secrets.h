/* secrets.h - opens what is sealed in records, with the hub key and the key slots, both only read. */
#ifndef CH_REPLAY_SECRETS_H
#define CH_REPLAY_SECRETS_H

#include "hub/store/slots.h"
#include "replay/tape.h"

typedef struct ch_secrets {
    char keys_dir[CH_PATH_SIZE];
    uint8_t hub_key[CH_KEY_SIZE];
    ch_slots *case_slots, *dead_letter_slots;
    bool personal;
    ch_buf secret;
    uint64_t erased; /* records whose key was destroyed */
} ch_secrets;

/* key_file and keys_dir (NULL: where the place keeps its keys). CH_NOT_FOUND, CH_DENIED (another hub's key),
 * CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_secrets_open(ch_secrets *out_secrets, const ch_place *place, const ch_replay_options *options,
                          ch_error *error) CH_MUST_CHECK;
void ch_secrets_close(ch_secrets *secrets);
/* For a buffer that opened events get into. hold: its whole limit at once, so that it never moves and leaves a copy
 * behind; without memory it grows as others do. wipe: overwritten and empty, before its ch_buf_done. */
void ch_secrets_hold(ch_buf *buf, size_t limit);
void ch_secrets_wipe(ch_buf *buf);
/* Appends the event with what was sealed; an erased one as it is. CH_CORRUPT: it cannot be opened, and the event
 * is appended as it is. CH_NO_MEMORY. */
ch_status ch_secrets_join(ch_secrets *secrets, const ch_tape_item *item, ch_buf *out_encoded,
                          ch_error *error) CH_MUST_CHECK;

#endif
