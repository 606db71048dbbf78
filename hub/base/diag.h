/* diag.h - the diagnostic log: one line of JSON on standard error for each thing an operator should know.
 *
 * Only programs and threads call it, where a decision is made; library code returns a ch_error instead.
 * Safe from any thread. Fields never carry case texts or personal data.
 */
#ifndef CH_BASE_DIAG_H
#define CH_BASE_DIAG_H

#include "hub/base/bytes.h"

typedef enum ch_diag_level { CH_DIAG_DEBUG, CH_DIAG_INFO, CH_DIAG_WARN, CH_DIAG_ERROR } ch_diag_level;

/* Process-wide; call once before any thread starts. program is kept, not copied. */
void ch_diag_setup(const char *program, ch_diag_level least);
void ch_diag(ch_diag_level level, const char *component, const char *format, ...) CH_PRINTF(3, 4);
/* The same with an error's status, where and text appended. */
void ch_diag_failure(const char *component, const ch_error *error, const char *what);
/* s as the inside of a JSON string: quotes, backslashes and control characters escaped, bytes that are no
 * UTF-8 replaced by U+FFFD. */
void ch_diag_escape(ch_buf *out, ch_str s);

#endif
