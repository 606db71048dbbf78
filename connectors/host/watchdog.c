#include "connectors/host/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static void end_process(const char *line, size_t size)
{
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written;
    _exit(CH_EXIT_WATCHDOG);
}

static void on_signal(int number)
{
    static const char line[] =
        "{\"level\":\"error\",\"program\":\"casehub-connect\",\"text\":\"the mapping took too long; "
        "the process ends and the record is tried again at its start\"}\n";
    (void)number;
    end_process(line, sizeof line - 1);
}

void ch_watchdog_out_of_memory(void *context)
{
    static const char line[] =
        "{\"level\":\"error\",\"program\":\"casehub-connect\",\"text\":\"the mapping ran out of "
        "memory; the process ends and the record is tried again at its start\"}\n";
    (void)context;
    end_process(line, sizeof line - 1);
}

ch_status ch_watchdog_setup(int64_t memory_bytes, ch_error *error)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGPROF, &action, NULL) != 0) {
        return ch_error_set(error, CH_IO, NULL, "sigaction: %s", strerror(errno));
    }
    /* The soft limit only: a program that the connector runs has memory of its own. */
    struct rlimit limit;
    bool read = getrlimit(RLIMIT_AS, &limit) == 0;
    limit.rlim_cur = (rlim_t)memory_bytes;
    if (memory_bytes > 0 && (!read || setrlimit(RLIMIT_AS, &limit) != 0)) {
        return ch_error_set(error, CH_IO, "memory_most", "setrlimit: %s", strerror(errno));
    }
    return CH_OK;
}

void ch_watchdog_arm(int64_t cpu_ms)
{
    const struct itimerval timer = {
        .it_value = {.tv_sec = (time_t)(cpu_ms / 1000), .tv_usec = (suseconds_t)(cpu_ms % 1000 * 1000)}};
    setitimer(ITIMER_PROF, &timer, NULL);
}

void ch_watchdog_disarm(void)
{
    const struct itimerval off = {.it_value = {.tv_sec = 0}};
    setitimer(ITIMER_PROF, &off, NULL);
}
