/* script.h - what a source has to say, as a function of a number: whoever lost an answer can say the same again.
 *
 * Numbers go 1, 2, 3 ...; eight of them are about one case. Among them are a repeat, an event against the schema and another
 * event under an id that is taken, all on purpose.
 */
#ifndef CRASH_SCRIPT_H
#define CRASH_SCRIPT_H

#include "hub/base/bytes.h"

#define CRASH_CASES_BACK 4 /* a case is spoken of again, by its id, when so many more have been opened */
/* Numbers under way at most: by then the id of that case is known. */
#define CRASH_UNDER_WAY_MOST 24

#define CRASH_STEP_LIST(X)                                                                                   \
    X(CRASH_OPENED, "opened") /* in turn: the rules hand it to power-supply; to urban-mgmt; to nobody */     \
    X(CRASH_NOTED, "noted")                                                                                  \
    X(CRASH_REPEATED, "repeated")                                                                            \
    X(CRASH_INVALID, "invalid")                                                                              \
    X(CRASH_PROGRESS, "progress") /* a fact from a connector; a command may be refused */                    \
    X(CRASH_BY_CASE, "by-case")                                                                              \
    X(CRASH_TAKEN, "taken")                                                                                  \
    X(CRASH_STRAY, "stray") /* of a ref that nobody opened */
typedef enum crash_step {
#define CRASH_STEP_ENUM(symbol, name) symbol,
    CRASH_STEP_LIST(CRASH_STEP_ENUM)
#undef CRASH_STEP_ENUM
        CRASH_STEP_COUNT
} crash_step;

#define CRASH_ID_SIZE 32
#define CRASH_CASE_SIZE 64

typedef struct crash_script {
    char source[80];
    char cases[2 * CRASH_CASES_BACK][CRASH_CASE_SIZE]; /* ids of the newest cases, by their number */
} crash_script;

crash_step crash_script_step(uint64_t number);
const char *crash_script_kind(uint64_t number);
void crash_script_id(uint64_t number, char out[CRASH_ID_SIZE]);
/* The answer to this number named that case. */
void crash_script_learn(crash_script *script, uint64_t number, const char *case_id);
/* The event in MessagePack. False: the case that it speaks of was not learnt. */
bool crash_script_event(const crash_script *script, uint64_t number, ch_buf *out);

#endif
