/* arguments.h - the command line by tables: the same rows parse, check, complain, suggest and document.
 *
 * casehub [global options] NOUN [VERB] [operands and options]; "--" ends the options; "--name=value" is fine.
 * Global options may stand anywhere.
 */
#ifndef CH_CLI_ARGUMENTS_H
#define CH_CLI_ARGUMENTS_H

#include "hub/base/array.h"
#include "hub/base/bytes.h"

typedef struct ch_cli ch_cli; /* cli.h */

typedef enum ch_argument_kind {
    CH_ARGUMENT_FLAG,
    CH_ARGUMENT_TEXT,
    CH_ARGUMENT_NUMBER,
    CH_ARGUMENT_TIME, /* times.h */
    CH_ARGUMENT_FROM, /* where to start reading: times.h */
    CH_ARGUMENT_WORD, /* one of words */
    CH_ARGUMENT_YES_NO
} ch_argument_kind;

typedef struct ch_argument {
    const char *name;  /* "limit" for --limit */
    const char *value; /* what the help calls it: "N"; of a flag NULL */
    const char *help;
    const char *field;        /* of the event's data, or of a query, that it fills; NULL: none by itself */
    const char *const *words; /* of a WORD; ends with NULL */
    int64_t least, most;      /* of a NUMBER */
    ch_argument_kind kind;
    bool required, repeated;
} ch_argument;

/* Rows of such tables. v: value, f: field (NULL: none), h: help. */
#define CH_TAKES_FLAG(n, f, h)                                                                               \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_FLAG, .field = f, .help = h                                           \
    }
#define CH_TAKES_TEXT(n, v, f, h)                                                                            \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_TEXT, .value = v, .field = f, .help = h                               \
    }
#define CH_NEEDS_TEXT(n, v, f, h)                                                                            \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_TEXT, .value = v, .field = f, .help = h, .required = true             \
    }
#define CH_TAKES_TEXTS(n, v, f, h)                                                                           \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_TEXT, .value = v, .field = f, .help = h, .repeated = true             \
    }
#define CH_TAKES_NUMBER(n, v, from, to, f, h)                                                                \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_NUMBER, .value = v, .least = from, .most = to, .field = f, .help = h  \
    }
#define CH_TAKES_TIME(n, f, h)                                                                               \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_TIME, .value = "TIME", .field = f, .help = h                          \
    }
#define CH_NEEDS_TIME(n, f, h)                                                                               \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_TIME, .value = "TIME", .field = f, .help = h, .required = true        \
    }
#define CH_TAKES_YES_NO(n, f, h)                                                                             \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_YES_NO, .value = "yes|no", .field = f, .help = h                      \
    }
#define CH_TAKES_WORD(n, v, list, f, h)                                                                      \
    {                                                                                                        \
        .name = n, .kind = CH_ARGUMENT_WORD, .value = v, .words = list, .field = f, .help = h                \
    }

typedef struct ch_verb {
    const char *name;     /* "" where the noun itself is the command */
    const char *operands; /* as the help shows them, NULL: none */
    size_t operands_least, operands_most;
    const ch_argument *arguments;
    size_t argument_count;
    const char *help;
    /* An error is told by its caller, once, from cli->error. */
    ch_status (*run)(ch_cli *cli);
    const char *type; /* of the event that it publishes, NULL: none */
} ch_verb;

typedef struct ch_noun {
    const char *name, *help;
    const ch_verb *verbs;
    size_t verb_count;
    int usage_exit; /* of a wrong command line; 0: CH_EXIT_USAGE */
} ch_noun;

typedef struct ch_value {
    const ch_argument *argument;
    const char *text; /* of a flag NULL */
    int64_t number;   /* of NUMBER, TIME (ms), YES_NO (1, 0) */
} ch_value;

/* Points into argv and the tables. */
typedef struct ch_arguments {
    const ch_noun *noun; /* NULL with help, version or an empty command line */
    const ch_verb *verb; /* NULL with help */
    bool help, version, json;
    const char *hub, *key; /* NULL: not given */
    ch_value *values;      /* of the verb's arguments, in the order given */
    size_t value_count;
    const char **operands;
    size_t operand_count;
} ch_arguments;

extern const ch_argument ch_global_arguments[];
extern const size_t ch_global_argument_count;

/* CH_INVALID with a sentence for the person (suggestion included), noun and verb set as far as they are known;
 * CH_NO_MEMORY. Release with ch_arguments_done either way. now_ms: for times such as "-2h". */
ch_status ch_arguments_parse(ch_arguments *out, int argc, char *const *argv, const ch_noun *nouns,
                             size_t noun_count, int64_t now_ms, ch_error *error) CH_MUST_CHECK;
void ch_arguments_done(ch_arguments *arguments);

/* The last value given, NULL or fallback when there is none. The verb must have such an argument. */
const char *ch_argument_text(const ch_arguments *arguments, const char *name);
int64_t ch_argument_number(const ch_arguments *arguments, const char *name, int64_t fallback);
bool ch_argument_given(const ch_arguments *arguments, const char *name);

#endif
