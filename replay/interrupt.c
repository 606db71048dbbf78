#include "replay/interrupt.h"

#include <poll.h>
#include <signal.h>

static volatile sig_atomic_t interrupted;

static void mark(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

void ch_interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = mark, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

ch_status ch_interrupt_check(ch_error *error)
{
    return interrupted == 0 ? CH_OK : ch_error_set(error, CH_TIMEOUT, NULL, "interrupted");
}

void ch_interrupt_sleep_ms(int wait_ms)
{
    poll(NULL, 0, wait_ms);
}
