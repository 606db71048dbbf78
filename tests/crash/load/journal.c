#include "tests/crash/load/journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define LINE_MOST 1024

/* The bytes of whole lines. */
static off_t read_lines(FILE *file, void *context, void (*on_line)(void *context, const char *line))
{
    char line[LINE_MOST];
    off_t whole = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *end = strchr(line, '\n');
        if (end == NULL) {
            break;
        }
        whole += end + 1 - line;
        *end = '\0';
        if (on_line != NULL) {
            on_line(context, line);
        }
    }
    return whole;
}

bool crash_journal_open(crash_journal *journal, const char *path, void *context,
                        void (*on_line)(void *context, const char *line))
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fopen(path, "re");
    bool good = file != NULL && ftruncate(fd, read_lines(file, context, on_line)) == 0;
    if (file != NULL) {
        fclose(file);
    }
    if (!good && fd >= 0) {
        close(fd);
    }
    journal->fd = good ? fd : -1;
    return good;
}

void crash_journal_write(const crash_journal *journal, const char *format, ...)
{
    char line[LINE_MOST];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof line || write(journal->fd, line, (size_t)size) != size) {
        perror("a journal");
        _exit(EX_IOERR);
    }
}

void crash_journal_answer(const crash_journal *journal, uint64_t key, const char *id, const char *kind,
                          const casehub_answer *answer)
{
    crash_journal_write(journal,
                        "A\t%" PRIu64 "\t%s\t%s\t%s\t%" PRIu64 "\t%s\t%" PRIu32 "\t%d\t%" PRIu64 "\n", key,
                        id, kind, answer->code, answer->sequence, answer->case_id, answer->caseversion,
                        answer->duplicate, answer->dead_letter);
}

void crash_journal_session(const crash_journal *journal)
{
    crash_journal_write(journal, "S\n");
}
