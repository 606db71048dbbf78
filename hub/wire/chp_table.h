/* chp_table.h - the arguments of every verb, as data. Decoding, encoding, the places in errors and the tables of
 * CHP1.md all come from here, so they cannot drift apart.
 */
#ifndef CH_WIRE_CHP_TABLE_H
#define CH_WIRE_CHP_TABLE_H

#include "hub/wire/chp.h"

/* What stands on the wire, and what it is in the struct. */
typedef enum ch_chp_kind {
    CH_ARG_INT,       /* int64_t or uint64_t; least..most */
    CH_ARG_INT32,     /* uint32_t; least..most */
    CH_ARG_BOOL,      /* bool */
    CH_ARG_TEXT,      /* ch_str; least..most bytes of UTF-8 */
    CH_ARG_NAME,      /* ch_str; least..most bytes of printable ASCII without the space */
    CH_ARG_FROM,      /* ch_chp_from */
    CH_ARG_TEST_MODE, /* ch_test_mode */
    CH_ARG_PATTERNS,  /* ch_str[CH_CHP_PATTERNS_MAX], and size_t at count_offset; least..most patterns */
    CH_ARG_FIELDS, /* a map with the keys of `fields`, whose offsets count from the same struct; the first is a
                         NAME and is NULL when the whole is absent */
    CH_ARG_MAP,    /* ch_str, encoded */
    CH_ARG_SEQUENCES, /* ch_str, encoded array of sequences; least..most items */
    CH_ARG_ATTEMPTS,  /* ch_str, encoded array of [sequence, attempt]; least..most items */
    CH_ARG_ANSWERS    /* ch_str, encoded array of answers; least..most items */
} ch_chp_kind;

typedef struct ch_chp_argument {
    const char *name;
    ch_chp_kind kind;
    bool required;
    size_t offset;
    int64_t least, most;
    int64_t
        otherwise; /* value of an optional INT that is absent; other kinds: false, NULL, 0 patterns, new, exclude */
    size_t count_offset;                  /* PATTERNS */
    const struct ch_chp_argument *fields; /* FIELDS */
    size_t field_count;
} ch_chp_argument;

typedef struct ch_chp_form {
    bool numbered; /* request must be > 0 */
    const ch_chp_argument *arguments;
    size_t count;
    /* What the arguments must be together; NULL: nothing. */
    ch_status (*check)(const ch_chp_message *message, ch_error *error);
} ch_chp_form;

/* NULL when the verb is unknown. */
const ch_chp_form *ch_chp_form_of(int64_t verb);

/* The two forms of an answer, arrays over ch_chp_answer: CH_OK first, or a code. */
extern const ch_chp_argument ch_chp_accepted[];
extern const size_t ch_chp_accepted_count;
extern const ch_chp_argument ch_chp_refused[];
extern const size_t ch_chp_refused_count;

/* Names of ch_test_mode. */
extern const char *const ch_chp_test_modes[CH_TEST_ONLY + 1];

/* Where in a message something stands, for errors. */
typedef struct ch_chp_place {
    const char *verb;
    const char *argument;
    int64_t index;     /* -1: none */
    const char *field; /* NULL: none */
    ch_error *error;   /* NULL: nobody wants to know */
} ch_chp_place;
/* Fills the error with where "VERB.argument[index].field" and returns status. */
ch_status ch_chp_refuse(const ch_chp_place *place, ch_status status, const char *format, ...) CH_PRINTF(3, 4);
/* Reads one encoded value to where it belongs (chp_value.c). base is the struct that offsets count from. CH_INVALID,
 * CH_TOO_LARGE. */
ch_status ch_chp_read_value(const ch_chp_place *place, const ch_chp_argument *argument, ch_str bytes,
                            void *base) CH_MUST_CHECK;

/* Checks one encoded answer (chp_answer.c). */
ch_status ch_chp_check_answer(const ch_chp_place *place, ch_str bytes) CH_MUST_CHECK;

/* Appends one value (chp_encode.c). */
void ch_chp_put_value(ch_buf *out, const ch_chp_argument *argument, const void *base);

#endif
