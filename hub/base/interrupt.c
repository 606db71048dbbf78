#include "hub/base/interrupt.h"

#include <signal.h>
#include <stddef.h>

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

bool ch_interrupted(void)
{
    return interrupted != 0;
}

ch_status ch_interrupt_check(ch_error *error)
{
    return ch_interrupted() ? ch_error_set(error, CH_TIMEOUT, NULL, "interrupted") : CH_OK;
}
