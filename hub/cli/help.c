#include "hub/cli/help.h"

#include "hub/cli/exit_codes.h"
#include "hub/cli/suggest.h"

#define NAME_COLUMNS 26

static void print_times(ch_buf *out)
{
    ch_buf_append_text(
        out, "  2026-11-23                 midnight, in the zone of TZ (else +08:00, Asia/Shanghai)\n"
             "  \"2026-11-23 10:27\"         with minutes, or seconds\n"
             "  2026-11-23T02:27:00Z       RFC 3339, with its own offset\n"
             "  now, -90m, +3d             from now; s, m, h, d\n"
             "\nTables show the same zone; --json shows RFC 3339 in UTC.\n");
}

static void print_environment(ch_buf *out)
{
    ch_buf_append_text(
        out, "  CASEHUB_HUB    endpoint, where --hub is not given\n"
             "  CASEHUB_STORE  data folder of a hub on this machine, where neither --hub nor CASEHUB_HUB "
             "is given;\n"
             "                 only if the hub's ipc is hub.ipc in that folder (ipc://<data_dir>/hub.ipc)\n"
             "  CASEHUB_KEY    secret key file, where --key is not given\n"
             "  CASEHUB_SCHEMAS  folder of events.cfg and lifecycle.cfg, else the installed one\n"
             "  TZ             zone of the times that people see and type\n");
}

static const struct topic {
    const char *name, *help;
    void (*print)(ch_buf *out);
} topics[] = {
    {"exit-codes", "what the shell sees, and why", ch_exit_codes_print},
    {"times", "how to write a time", print_times},
    {"environment", "variables that give defaults", print_environment},
};
#define TOPIC_COUNT CH_COUNT_OF(topics)

static void print_row(ch_buf *out, const char *name, const char *help)
{
    size_t size = strlen(name);
    if (size + 1 > NAME_COLUMNS) {
        ch_buf_append_format(out, "  %s\n  %*s%s\n", name, NAME_COLUMNS, "", help);
    } else {
        ch_buf_append_format(out, "  %-*s%s\n", NAME_COLUMNS, name, help);
    }
}

static void print_argument(ch_buf *out, const ch_argument *argument)
{
    char name[80];
    ch_buf left;
    ch_buf_init(&left, sizeof name);
    ch_buf_append_format(&left, "--%s%s%s%s", argument->name, argument->value == NULL ? "" : " ",
                         argument->value == NULL ? "" : argument->value, argument->repeated ? "..." : "");
    ch_status status = ch_str_copy(name, sizeof name, ch_buf_str(&left));
    print_row(out, status == CH_OK ? name : argument->name, argument->help);
    ch_buf_done(&left);
}

static void print_synopsis(ch_buf *out, const ch_noun *noun, const ch_verb *verb)
{
    ch_buf_append_format(out, "casehub %s%s%s", noun->name, verb->name[0] == '\0' ? "" : " ", verb->name);
    if (verb->operands != NULL) {
        ch_buf_append_format(out, verb->operands_least > 0 ? " %s" : " [%s]", verb->operands);
    }
    for (size_t i = 0; i < verb->argument_count; i++) {
        const ch_argument *argument = &verb->arguments[i];
        if (argument->required) {
            ch_buf_append_format(out, " --%s %s", argument->name, argument->value);
        }
    }
    ch_buf_append_text(out, "\n");
}

void ch_help_verb(ch_buf *out, const ch_noun *noun, const ch_verb *verb)
{
    print_synopsis(out, noun, verb);
    ch_buf_append_format(out, "  %s\n", verb->help);
    if (verb->argument_count > 0) {
        ch_buf_append_text(out, "\n");
    }
    for (size_t i = 0; i < verb->argument_count; i++) {
        print_argument(out, &verb->arguments[i]);
    }
}

void ch_help_noun(ch_buf *out, const ch_noun *noun)
{
    ch_buf_append_format(out, "casehub %s: %s\n", noun->name, noun->help);
    for (size_t i = 0; i < noun->verb_count; i++) {
        ch_buf_append_text(out, "\n");
        ch_help_verb(out, noun, &noun->verbs[i]);
    }
}

void ch_help_all(ch_buf *out, const ch_noun *nouns, size_t count)
{
    ch_buf_append_text(out, "casehub [--hub ENDPOINT] [--key FILE] [--json] NOUN VERB ...\n\n");
    for (size_t i = 0; i < count; i++) {
        print_row(out, nouns[i].name, nouns[i].help);
    }
    ch_buf_append_text(out, "\nAnywhere on the line:\n");
    for (size_t i = 0; i < ch_global_argument_count; i++) {
        print_argument(out, &ch_global_arguments[i]);
    }
    ch_buf_append_text(out, "\nMore: casehub NOUN --help, and casehub help about\n");
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        print_row(out, topics[i].name, topics[i].help);
    }
}

static const char *topic_name(const void *table, size_t index)
{
    return ((const struct topic *)table)[index].name;
}

static ch_status help_topic(ch_buf *out, const char *word, ch_error *error)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        if (strcmp(topics[i].name, word) == 0) {
            topics[i].print(out);
            return CH_OK;
        }
    }
    const char *near = ch_suggest(word, topics, TOPIC_COUNT, topic_name);
    return near == NULL ? CH_NOT_FOUND
                        : ch_error_set(error, CH_INVALID, NULL,
                                       "there is no help about `%s`; did you mean `%s`?", word, near);
}

ch_status ch_help_about(ch_buf *out, const ch_noun *nouns, size_t count, const ch_arguments *arguments,
                        ch_error *error)
{
    if (arguments->operand_count == 0) {
        ch_help_all(out, nouns, count);
        return CH_OK;
    }
    ch_status status = help_topic(out, arguments->operands[0], error);
    if (status != CH_NOT_FOUND) {
        return status;
    }
    /* Nouns and verbs are looked up, and suggested, as on any command line. */
    char *const line[] = {(char *)"casehub", (char *)arguments->operands[0],
                          arguments->operand_count > 1 ? (char *)arguments->operands[1] : (char *)"--help",
                          (char *)"--help", NULL};
    ch_arguments asked;
    status = ch_arguments_parse(&asked, 4, line, nouns, count, 0, error);
    if (status == CH_OK && asked.verb != NULL) {
        ch_help_verb(out, asked.noun, asked.verb);
    } else if (status == CH_OK) {
        ch_help_noun(out, asked.noun);
    }
    ch_arguments_done(&asked);
    return status;
}
