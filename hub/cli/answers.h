/* answers.h - answers to lines of input, printed in the order of the lines whatever order they come in.
 *
 * A ring: it holds at most CH_ANSWERS_MAX lines whose turn has not come.
 */
#ifndef CH_CLI_ANSWERS_H
#define CH_CLI_ANSWERS_H

#include "hub/base/bytes.h"

#include <stdio.h>

#define CH_ANSWERS_MAX 1024

typedef struct ch_answers {
    struct {
        uint64_t line;
        char *text; /* NULL: not answered yet */
    } at[CH_ANSWERS_MAX];
    uint64_t head, tail; /* tokens: the oldest that is kept, the next that is given out */
} ch_answers;

static inline bool ch_answers_are_full(const ch_answers *answers)
{
    return answers->tail - answers->head == CH_ANSWERS_MAX;
}
static inline bool ch_answers_are_empty(const ch_answers *answers)
{
    return answers->head == answers->tail;
}

/* The answer to this line is awaited from now on; there must be room. Its token. */
uint64_t ch_answers_await(ch_answers *answers, uint64_t line);
/* The line of a token that is awaited; 0: none. */
uint64_t ch_answers_line(const ch_answers *answers, uint64_t token);
/* Takes text (malloc). For a token that is not awaited, it is dropped. */
void ch_answers_settle(ch_answers *answers, uint64_t token, char *text);
/* Prints and forgets those whose turn it is. */
void ch_answers_print(ch_answers *answers, FILE *out);
void ch_answers_done(ch_answers *answers);

#endif
