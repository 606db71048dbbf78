/* http_secrets.h - the secrets of a file, one a line: tokens, or keys of signatures. Several, so that one can follow the
 * other without a gap; the first is the one to sign with. Lines that begin with # are comments.
 *
 * The file belongs to this user or to root and is for nobody else. It is read again when it has changed.
 */
#ifndef CH_CONNECTORS_HTTP_SECRETS_H
#define CH_CONNECTORS_HTTP_SECRETS_H

#include "hub/base/bytes.h"

#include <sys/stat.h>

#define CH_HTTP_SECRETS_MOST 16
#define CH_HTTP_SECRET_LEAST 16 /* bytes */
#define CH_HTTP_SECRET_MOST 200

typedef struct ch_http_secrets {
    char *file;
    struct stat seen;
    size_t count;
    char at[CH_HTTP_SECRETS_MOST][CH_HTTP_SECRET_MOST + 1];
} ch_http_secrets;

/* What ch_secret_file_read answers; CH_INVALID with file:line, CH_NO_MEMORY. */
ch_status ch_http_secrets_open(ch_http_secrets *out_secrets, const char *file, ch_error *error) CH_MUST_CHECK;
/* Also of one that was never opened, all zeros. */
void ch_http_secrets_done(ch_http_secrets *secrets);
/* Reads the file again if it has changed; when that fails there are none, until it is right again. As open. */
ch_status ch_http_secrets_refresh(ch_http_secrets *secrets, ch_error *error) CH_MUST_CHECK;
/* The time that it takes tells nothing about them. */
bool ch_http_secrets_hold(const ch_http_secrets *secrets, ch_str given);

/* ---- Signatures: HMAC-SHA256 in hexadecimal, of the parts joined by points: "timestamp.id.body", "timestamp.body",
 * "body". */

#define CH_HTTP_SIGNATURE_SIZE 65 /* with its zero */

typedef struct ch_http_signed {
    const char *timestamp, *id; /* NULL: not part of it */
    ch_str body;
} ch_http_signed;

void ch_http_sign(const char *secret, const ch_http_signed *of, char out[CH_HTTP_SIGNATURE_SIZE]);
/* True when one of the secrets made it. */
bool ch_http_signature_fits(const ch_http_secrets *secrets, const ch_http_signed *of, const char *signature);

#endif
