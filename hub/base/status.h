/* status.h - the one list of outcomes, and the error that a person reads.
 *
 * The names double as the error codes of the wire, the command line and the documentation.
 */
#ifndef CH_BASE_STATUS_H
#define CH_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CH_MUST_CHECK __attribute__((warn_unused_result))
#define CH_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))

/* X(symbol, wire name, what it means) */
#define CH_STATUS_LIST(X)                                                                                    \
    X(CH_OK, "ok", "done")                                                                                   \
    X(CH_INVALID, "invalid", "malformed, or against the schema")                                             \
    X(CH_REFUSED, "refused", "against a rule of the lifecycle")                                              \
    X(CH_DENIED, "denied", "no grant covers it")                                                             \
    X(CH_NOT_FOUND, "not-found", "there is no such thing")                                                   \
    X(CH_CONFLICT, "conflict", "another state, version or content than expected")                            \
    X(CH_BUSY, "busy", "temporary: send again from here")                                                    \
    X(CH_STORAGE_FULL, "storage-full", "temporary: no room to store it")                                     \
    X(CH_TOO_LARGE, "too-large", "beyond a stated limit")                                                    \
    X(CH_FULL, "full", "a bounded queue or table has no room")                                               \
    X(CH_NO_MEMORY, "no-memory", "out of memory; the request was not done")                                  \
    X(CH_CORRUPT, "corrupt", "stored data is not what was written")                                          \
    X(CH_IO, "io", "the operating system reported an error")                                                 \
    X(CH_UNSUPPORTED, "unsupported", "a version or feature this program does not know")                      \
    X(CH_LOCKED, "locked", "another process uses it")                                                        \
    X(CH_TIMEOUT, "timeout", "no answer in time")                                                            \
    X(CH_UNAVAILABLE, "unavailable", "the other side cannot be reached")                                     \
    X(CH_RULE_LOOP, "rule-loop", "one event led to more than 64 derived ones")                               \
    X(CH_DIVERGED, "diverged", "the position lies beyond a fork of the log")                                 \
    X(CH_GAP, "gap", "the position is older than what is kept")                                              \
    X(CH_ERASED, "erased", "the key was destroyed, the content is gone")                                     \
    X(CH_END, "end", "nothing more; not an error")

typedef enum ch_status {
#define CH_STATUS_ENUM(symbol, name, text) symbol,
    CH_STATUS_LIST(CH_STATUS_ENUM)
#undef CH_STATUS_ENUM
        CH_STATUS_COUNT
} ch_status;

/* The wire name ("not-found"), and the sentence. Static strings; any value is fine. */
const char *ch_status_name(ch_status status);
const char *ch_status_text(ch_status status);

/* CH_NOT_FOUND when name is none of the list. */
ch_status ch_status_from_name(const char *name, ch_status *out_status) CH_MUST_CHECK;

/* Worth sending again unchanged later: busy, storage-full, timeout, unavailable. */
bool ch_status_is_temporary(ch_status status);

/* Why something failed, for a person: `where` is the place (file:line, field, frame), may be empty.
 * Never holds personal data: texts name fields, not their content. */
typedef struct ch_error {
    ch_status status;
    char where[160];
    char text[320];
} ch_error;

/* Fills *error (NULL is fine) and returns status, so that a function can `return ch_error_set(...)`.
 * where may be NULL; it and the arguments may point into *error. Too long texts are cut between characters.
 */
ch_status ch_error_set(ch_error *error, ch_status status, const char *where, const char *format, ...)
    CH_PRINTF(4, 5);
/* The same for functions that take a format themselves. */
ch_status ch_error_setv(ch_error *error, ch_status status, const char *where, const char *format,
                        va_list arguments) CH_PRINTF(4, 0);

/* Puts "prefix" before where: "hub.cfg:12" + "party" gives "hub.cfg:12: party". */
void ch_error_prefix(ch_error *error, const char *prefix);

#endif
