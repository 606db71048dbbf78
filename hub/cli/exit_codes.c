#include "hub/cli/exit_codes.h"

static const int codes[CH_STATUS_COUNT] = {
    [CH_OK] = CH_EXIT_OK,
    [CH_INVALID] = CH_EXIT_DATA,
    [CH_REFUSED] = CH_EXIT_DATA,
    [CH_DENIED] = CH_EXIT_DENIED,
    [CH_NOT_FOUND] = CH_EXIT_NO_INPUT,
    [CH_CONFLICT] = CH_EXIT_DATA,
    [CH_BUSY] = CH_EXIT_TEMPORARY,
    [CH_STORAGE_FULL] = CH_EXIT_TEMPORARY,
    [CH_TOO_LARGE] = CH_EXIT_DATA,
    [CH_FULL] = CH_EXIT_TEMPORARY,
    [CH_NO_MEMORY] = CH_EXIT_OS,
    [CH_CORRUPT] = CH_EXIT_SOFTWARE,
    [CH_IO] = CH_EXIT_IO,
    [CH_UNSUPPORTED] = CH_EXIT_PROTOCOL,
    [CH_LOCKED] = CH_EXIT_TEMPORARY,
    [CH_TIMEOUT] = CH_EXIT_TEMPORARY,
    [CH_UNAVAILABLE] = CH_EXIT_UNAVAILABLE,
    [CH_RULE_LOOP] = CH_EXIT_DATA,
    [CH_DIVERGED] = CH_EXIT_DATA,
    [CH_GAP] = CH_EXIT_DATA,
    [CH_ERASED] = CH_EXIT_NO_INPUT,
    [CH_END] = CH_EXIT_OK,
};

static const struct {
    int code;
    const char *text;
} meanings[] = {
    {CH_EXIT_OK, "done"},
    {CH_EXIT_USAGE, "the command line is wrong; nothing was done"},
    {CH_EXIT_DATA, "the hub, or the program itself, refused what was given"},
    {CH_EXIT_NO_INPUT, "there is no such case, handoff, key, file ..."},
    {CH_EXIT_UNAVAILABLE, "no hub answers at the endpoint"},
    {CH_EXIT_SOFTWARE, "what came back makes no sense"},
    {CH_EXIT_OS, "out of memory"},
    {CH_EXIT_IO, "reading or writing failed"},
    {CH_EXIT_TEMPORARY, "not done now; the same command may succeed later"},
    {CH_EXIT_PROTOCOL, "the hub and this program do not understand each other"},
    {CH_EXIT_DENIED, "the key holds no grant for it"},
    {CH_EXIT_INTERRUPTED, "interrupted from the keyboard"},
    {CH_EXIT_PIPE, "whoever read the output went away"},
};

int ch_exit_code(ch_status status)
{
    return (unsigned)status < CH_STATUS_COUNT ? codes[status] : CH_EXIT_SOFTWARE;
}

void ch_exit_codes_print(ch_buf *out)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        ch_buf_append_format(out, "  %3d  %s", meanings[i].code, meanings[i].text);
        const char *before = " (";
        for (unsigned status = CH_OK + 1; status < CH_END; status++) {
            if (codes[status] == meanings[i].code) {
                ch_buf_append_format(out, "%s%s", before, ch_status_name((ch_status)status));
                before = ", ";
            }
        }
        ch_buf_append_text(out, before[0] == ',' ? ")\n" : "\n");
    }
    ch_buf_append_text(out, "\n`casehub event publish`: 0 when every event is in the log, 65 when one was "
                            "refused, 75 when one was not answered.\n`casehub deadletter retry` and `drop`: "
                            "65 when one of the letters was refused.\n`casehub check` alone answers as "
                            "monitoring plugins do: 0 OK, 1 WARNING, "
                            "2 CRITICAL, 3 UNKNOWN.\n");
}
