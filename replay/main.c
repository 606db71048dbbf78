#include "replay/guard.h"
#include "replay/replay.h"

#include "hub/base/interrupt.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    return getenv(name);
}

int main(int argc, char **argv)
{
    const ch_replay_world world = {.out = stdout,
                                   .err = stderr,
                                   .in_fd = STDIN_FILENO,
                                   .err_is_terminal = isatty(STDERR_FILENO) == 1,
                                   .clock = ch_clock_real(),
                                   .variable = variable};
    if (sodium_init() < 0) {
        fprintf(stderr, "casehub-replay: libsodium cannot be started\n");
        return CH_REPLAY_OS;
    }
    ch_guard_install();
    ch_interrupt_catch();
    return ch_replay_run(argc, argv, &world);
}
