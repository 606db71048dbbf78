#include "hub/cli/cli.h"
#include "hub/cli/times.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Only for the width of characters; texts are UTF-8 everywhere. */
static void use_utf8(void)
{
    const char *set = setlocale(LC_CTYPE, "");
    if (set == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
}

int main(int argc, char **argv)
{
    /* Whoever reads us may stop reading: then we end without a word, even if our parent ignores the signal. */
    signal(SIGPIPE, SIG_DFL);
    use_utf8();
    ch_times_use_zone();
    const ch_cli_world world = {.out = stdout,
                                .err = stderr,
                                .in_fd = STDIN_FILENO,
                                .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                                .clock = ch_clock_real(),
                                .random = ch_random_real(),
                                .variable = variable};
    return ch_cli_run(argc, argv, &world);
}
