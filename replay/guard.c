#include "replay/guard.h"

#include "replay/replay.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Signal handlers can reach nothing but globals. */
static const char *volatile reading; /* NULL: nothing is being read */
static volatile sig_atomic_t as_json;
static atomic_uint_least64_t position;

static size_t put_text(char *out, const char *text)
{
    size_t size = strlen(text);
    memcpy(out, text, size);
    return size;
}

static size_t put_number(char *out, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = digits[count - 1 - i];
    }
    return count;
}

/* Only what may be called in a signal handler. */
static void end_of_reading(int signal_number)
{
    char text[512];
    const char *what = reading;
    if (what == NULL) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        return;
    }
    uint64_t good = atomic_load(&position);
    size_t size = put_text(text, "casehub-replay: ");
    size += put_text(text + size, what);
    size += put_text(text + size, ": its pages behind record ");
    size += put_number(text + size, good);
    size += put_text(text + size, " are damaged and cannot be read; restore it from a backup\n");
    ssize_t ignored = write(STDERR_FILENO, text, size);
    if (as_json) {
        size = put_text(text, "{\"ok\":false,\"good\":");
        size += put_number(text + size, good);
        size += put_text(text + size, ",\"first_bad\":");
        size += put_number(text + size, good + 1);
        size +=
            put_text(text + size, ",\"state_hash\":null,\"error\":\"the pages behind it are damaged\"}\n");
        ignored = write(STDOUT_FILENO, text, size);
    }
    (void)ignored;
    _exit(CH_REPLAY_WRONG);
}

void ch_guard_install(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    struct sigaction action = {.sa_handler = end_of_reading};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaction(signals[i], &action, NULL);
    }
}

void ch_guard_begin(const char *what, bool json)
{
    atomic_store(&position, 0);
    as_json = json;
    reading = what;
}

void ch_guard_at(uint64_t sequence)
{
    atomic_store(&position, sequence);
}

void ch_guard_end(void)
{
    reading = NULL;
}
