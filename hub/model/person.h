/* person.h - what a person is found again by: a phone number or an identity number, in one spelling. */
#ifndef CH_MODEL_PERSON_H
#define CH_MODEL_PERSON_H

#include "hub/base/bytes.h"

/* "phone:<digits>" or "id:<digits and letters>": what is hashed. The kind is in it, so that the two never meet. */
#define CH_PERSON_KEY_SIZE 48
typedef struct ch_person_key {
    char text[CH_PERSON_KEY_SIZE];
} ch_person_key;

#define CH_PERSON_KEYS_MOST 2 /* of one event */

/* From a number as people write it: "+86 138-0000-0000" is 13800000000; an identity number's letter is a capital one.
 * False: it has fewer than 5 digits, or is longer than such numbers are; then nobody is found by it. */
bool ch_person_phone(ch_str written, ch_person_key *out_key);
bool ch_person_id_number(ch_str written, ch_person_key *out_key);

/* Of an event's private map (or none): how many keys it has. */
size_t ch_person_keys(ch_str private_data, ch_person_key out_keys[CH_PERSON_KEYS_MOST]);

#endif
