/* journal.h - what an actor was told, a line each, written before anything else is done with it.
 *
 * A line goes out with one write, so that kill -9 of this process leaves whole lines; a torn last one is cut off when the
 * file is opened again. Fields are separated by tabs. Not locked: a journal belongs to one thread.
 */
#ifndef CRASH_JOURNAL_H
#define CRASH_JOURNAL_H

#include "hub/client/casehub.h"

#include <stdio.h>

typedef struct crash_journal {
    int fd;
} crash_journal;

/* Opens or makes; every line that is there goes to on_line (NULL is fine), without its end. False with errno. */
bool crash_journal_open(crash_journal *journal, const char *path, void *context,
                        void (*on_line)(void *context, const char *line));
/* Ends the process when the line cannot be written: the test would prove nothing without it. */
void crash_journal_write(const crash_journal *journal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A KEY ID KIND CODE SEQUENCE CASE VERSION DUPLICATE DEAD_LETTER. key: what the actor finds its place again with. */
void crash_journal_answer(const crash_journal *journal, uint64_t key, const char *id, const char *kind,
                          const casehub_answer *answer);
/* From here on deliveries may come again. */
void crash_journal_session(const crash_journal *journal);

#endif
