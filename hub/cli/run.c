#include "hub/cli/exit_codes.h"
#include "hub/cli/help.h"
#include "hub/cli/nouns.h"

#include <errno.h>

#define HELP_BYTES_MAX ((size_t)256 << 10)

static ch_status help(ch_cli *cli)
{
    ch_buf text;
    ch_buf_init(&text, HELP_BYTES_MAX);
    ch_status status = ch_help_about(&text, cli->nouns, cli->noun_count, cli->arguments, &cli->error);
    if (status == CH_OK) {
        fprintf(cli->world->out, "%.*s", CH_STR_ARG(ch_buf_str(&text)));
    } else {
        cli->exit_code = CH_EXIT_USAGE;
    }
    ch_buf_done(&text);
    return status;
}

static void print_help(const ch_cli *cli, FILE *out)
{
    ch_buf text;
    const ch_arguments *arguments = cli->arguments;
    ch_buf_init(&text, HELP_BYTES_MAX);
    if (arguments->noun == NULL) {
        ch_help_all(&text, cli->nouns, cli->noun_count);
    } else if (arguments->verb == NULL) {
        ch_help_noun(&text, arguments->noun);
    } else {
        ch_help_verb(&text, arguments->noun, arguments->verb);
    }
    fprintf(out, "%.*s", CH_STR_ARG(ch_buf_str(&text)));
    ch_buf_done(&text);
}

/* For people two lines: what is wrong, and where to read on. */
static int refuse_line(const ch_cli *cli)
{
    const ch_noun *noun = cli->arguments->noun;
    const ch_verb *verb = cli->arguments->verb;
    if (cli->arguments->json) {
        ch_cli_complain(cli, &cli->error);
    } else {
        fprintf(cli->world->err, "casehub: %s\nTry: casehub %s%s%s%s--help\n", cli->error.text,
                noun == NULL ? "" : noun->name, noun == NULL ? "" : " ",
                verb == NULL || verb->name[0] == '\0' ? "" : verb->name,
                verb == NULL || verb->name[0] == '\0' ? "" : " ");
    }
    if (cli->error.status == CH_NO_MEMORY) {
        return CH_EXIT_OS;
    }
    return noun != NULL && noun->usage_exit != 0 ? noun->usage_exit : CH_EXIT_USAGE;
}

static int run(ch_cli *cli)
{
    const ch_arguments *arguments = cli->arguments;
    if (arguments->version) {
        fprintf(cli->world->out, "casehub %s\n", CASEHUB_VERSION);
        return CH_EXIT_OK;
    }
    if (arguments->help) {
        print_help(cli, cli->world->out);
        return CH_EXIT_OK;
    }
    if (arguments->noun == NULL) {
        print_help(cli, cli->world->err);
        return CH_EXIT_USAGE;
    }
    ch_status status = arguments->verb->run(cli);
    if (status != CH_OK) {
        ch_cli_complain(cli, &cli->error);
    }
    return cli->exit_code >= 0 ? cli->exit_code : ch_exit_code(status);
}

/* What was printed must have left, or the shell must know. */
static int finish(const ch_cli *cli, int code)
{
    if (fflush(cli->world->out) == 0 && !ferror(cli->world->out)) {
        return code;
    }
    if (code != CH_EXIT_IO) { /* else it was told */
        fprintf(cli->world->err, "casehub: the output could not be written: %s\n", strerror(errno));
    }
    return code == CH_EXIT_OK ? CH_EXIT_IO : code;
}

int ch_cli_run(int argc, char *const *argv, const ch_cli_world *world)
{
    static const ch_verb help_verbs[] = {{.name = "",
                                          .operands = "TOPIC|NOUN [VERB]",
                                          .operands_most = 2,
                                          .help = "explain everything, a topic, a noun or a verb",
                                          .run = help}};
    const ch_noun nouns[] = {
        ch_noun_status,     ch_noun_check,        ch_noun_event,
        ch_noun_case,       ch_noun_handoff,      ch_noun_clock,
        ch_noun_route,      ch_noun_party,        ch_noun_connector,
        ch_noun_deadletter, ch_noun_subscription, ch_noun_key,
        ch_noun_backup,     ch_noun_audit,        ch_noun_config,
        ch_noun_schema,     ch_noun_report,       {.name = "help", .help = "explain", CH_VERBS(help_verbs)}};
    ch_arguments arguments;
    ch_cli cli = {.world = world,
                  .arguments = &arguments,
                  .nouns = nouns,
                  .noun_count = CH_COUNT_OF(nouns),
                  .exit_code = -1};
    ch_status status = ch_arguments_parse(&arguments, argc, argv, nouns, CH_COUNT_OF(nouns),
                                          ch_clock_wall_ms(world->clock), &cli.error);
    int code = status == CH_OK ? run(&cli) : refuse_line(&cli);
    casehub_free(&cli.hub);
    ch_arguments_done(&arguments);
    return finish(&cli, code);
}
