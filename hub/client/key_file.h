/* key_file.h - CURVE keys in a text file, as `casehub key new` writes it:
 *
 *     public = "Z85, 40 characters"
 *     secret = "Z85, 40 characters"
 *     server = "Z85 of the hub's public key"
 *
 * Lines that are empty or begin with '#' are skipped; a key stands at most once; anything else is malformed.
 * The public half (`file`.pub) has the same form without the secret.
 */
#ifndef CH_CLIENT_KEY_FILE_H
#define CH_CLIENT_KEY_FILE_H

#include "hub/base/bytes.h"

#define CH_KEY_FILE_KEY_SIZE 41 /* Z85 with its zero */

/* "" for what the file does not hold. */
typedef struct ch_key_file {
    char public_key[CH_KEY_FILE_KEY_SIZE];
    char secret_key[CH_KEY_FILE_KEY_SIZE];
    char server_key[CH_KEY_FILE_KEY_SIZE];
} ch_key_file;

/* False with errno: EINVAL malformed or no public key, EPERM a file with a secret that group or others may
 * open, what open and read say. */
bool ch_key_file_read(const char *file, ch_key_file *out_keys) CH_MUST_CHECK;
/* Overwrites the keys in memory. */
void ch_key_file_wipe(ch_key_file *keys);

#endif
