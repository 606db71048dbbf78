/* exit_codes.h - the one table from what happened to what the shell sees, after sysexits.h. */
#ifndef CH_CLI_EXIT_CODES_H
#define CH_CLI_EXIT_CODES_H

#include "hub/base/bytes.h"

#define CH_EXIT_OK 0
#define CH_EXIT_USAGE 64
#define CH_EXIT_DATA 65
#define CH_EXIT_NO_INPUT 66
#define CH_EXIT_UNAVAILABLE 69
#define CH_EXIT_SOFTWARE 70
#define CH_EXIT_OS 71
#define CH_EXIT_IO 74
#define CH_EXIT_TEMPORARY 75
#define CH_EXIT_PROTOCOL 76
#define CH_EXIT_DENIED 77
#define CH_EXIT_INTERRUPTED 130 /* as a shell says of SIGINT */
#define CH_EXIT_PIPE 141        /* as a shell says of SIGPIPE */

int ch_exit_code(ch_status status);

/* For `casehub help exit-codes`: one line a code, with the statuses that give it. */
void ch_exit_codes_print(ch_buf *out);

#endif
