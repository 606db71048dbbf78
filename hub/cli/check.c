#include "hub/cli/nouns.h"
#include "hub/cli/rows.h"

#include <inttypes.h>

/* https://nagios-plugins.org/doc/guidelines.html, "Plugin Return Codes" */
enum { OK = 0, WARNING = 1, CRITICAL = 2, UNKNOWN = 3 };

static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

typedef struct verdict {
    int code;
    char text[256];
} verdict;

/* The worst counts; of equals the first. */
static void say(verdict *v, int code, const char *format, ...) CH_PRINTF(3, 4);
static void say(verdict *v, int code, const char *format, ...)
{
    va_list arguments;
    if (code <= v->code) {
        return;
    }
    v->code = code;
    va_start(arguments, format);
    vsnprintf(v->text, sizeof v->text, format, arguments);
    va_end(arguments);
}

static void judge(verdict *v, const ch_arguments *arguments, const json_t *row)
{
    int64_t free_mib = ch_row_int(row, "disk_free_bytes", 0) >> 20;
    int64_t least_mib = ch_argument_number(arguments, "disk", 1024);
    int64_t dead_letters = ch_row_int(row, "dead_letters", 0);
    int64_t lag = ch_row_int(row, "sequence", 0) - ch_row_int(row, "state_sequence", 0);
    if (!ch_row_bool(row, "ready")) {
        const char *reason = ch_row_text(row, "reason");
        say(v, CRITICAL, "the hub is not ready%s%s", reason[0] == '\0' ? "" : ": ", reason);
    }
    if (free_mib < least_mib / 4) {
        say(v, CRITICAL, "only %" PRId64 " MiB of disk are free", free_mib);
    } else if (free_mib < least_mib) {
        say(v, WARNING, "%" PRId64 " MiB of disk are free", free_mib);
    }
    if (dead_letters >= ch_argument_number(arguments, "dead-letters", 1)) {
        say(v, WARNING, "%" PRId64 " dead letters wait", dead_letters);
    }
    if (lag >= ch_argument_number(arguments, "lag", 100000)) {
        say(v, WARNING, "the state is %" PRId64 " events behind the log", lag);
    }
}

static void print_figures(FILE *out, const json_t *row)
{
    static const struct {
        const char *field, *name, *unit;
    } figures[] = {
        {"sequence", "sequence", "c"},
        {"state_sequence", "state_sequence", "c"},
        {"cases", "cases", ""},
        {"clients", "clients", ""},
        {"subscriptions", "subscriptions", ""},
        {"held", "held", ""},
        {"dead_letters", "dead_letters", ""},
        {"log_bytes", "log", "B"},
        {"disk_free_bytes", "disk_free", "B"},
    };
    fputs(" |", out);
    for (size_t i = 0; i < CH_COUNT_OF(figures); i++) {
        if (json_object_get(row, figures[i].field) != NULL) {
            fprintf(out, " %s=%" PRId64 "%s", figures[i].name, ch_row_int(row, figures[i].field, 0),
                    figures[i].unit);
        }
    }
}

/* Always one line on standard output: that is what a monitoring system shows. */
ch_status ch_check(ch_cli *cli)
{
    json_t *row = NULL;
    FILE *out = cli->world->out;
    verdict v = {.code = OK};
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_cli_query_one(cli, "status", NULL, "status", &row);
    }
    if (status == CH_OK) {
        snprintf(v.text, sizeof v.text, "hub %s, sequence %" PRId64 ", %" PRId64 " cases",
                 ch_row_text(row, "hub"), ch_row_int(row, "sequence", 0), ch_row_int(row, "cases", 0));
        judge(&v, cli->arguments, row);
    } else {
        bool is_down = status == CH_UNAVAILABLE || ch_status_is_temporary(status);
        say(&v, is_down ? CRITICAL : UNKNOWN, "%s%s%s", cli->error.where,
            cli->error.where[0] == '\0' ? "" : ": ", cli->error.text);
    }
    fprintf(out, "CASEHUB %s - %s", words[v.code], v.text);
    if (row != NULL) {
        print_figures(out, row);
    }
    fputc('\n', out);
    json_decref(row);
    cli->exit_code = v.code;
    return CH_OK;
}

static const ch_argument arguments_of_check[] = {
    CH_TAKES_NUMBER("dead-letters", "N", 1, INT64_MAX, NULL, "warn from so many open dead letters on (1)"),
    CH_TAKES_NUMBER("disk", "MIB", 0, INT64_C(1) << 40, NULL,
                    "warn below so many MiB of free disk, critical below a quarter of it (1024)"),
    CH_TAKES_NUMBER("lag", "N", 1, INT64_MAX, NULL,
                    "warn when the state is so many events behind the log (100000)"),
};

static const ch_verb verbs[] = {
    {.name = "",
     CH_ARGUMENTS(arguments_of_check),
     .help = "one line for a monitoring system; exits with 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN",
     .run = ch_check}};

const ch_noun ch_noun_check = {
    .name = "check", .help = "the same for a monitoring system", CH_VERBS(verbs), .usage_exit = UNKNOWN};
