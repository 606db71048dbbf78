#include "hub/cli/arguments.h"

#include "hub/cli/suggest.h"
#include "hub/cli/times.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const ch_argument ch_global_arguments[] = {
    CH_TAKES_TEXT(
        "hub", "ENDPOINT", NULL,
        "the hub, e.g. tcp://127.0.0.1:7070 (else $CASEHUB_HUB, else ipc://$CASEHUB_STORE/hub.ipc)"),
    CH_TAKES_TEXT("key", "FILE", NULL,
                  "secret key, as `casehub key new` writes it (else $CASEHUB_KEY); not needed for ipc"),
    CH_TAKES_FLAG("json", NULL, "one JSON object a line"),
    CH_TAKES_FLAG("help", NULL, "explain"),
    CH_TAKES_FLAG("version", NULL, "name the version"),
};
const size_t ch_global_argument_count = CH_COUNT_OF(ch_global_arguments);

typedef struct parser {
    ch_arguments *out;
    const ch_noun *nouns;
    size_t noun_count;
    char *const *rest; /* next word, up to NULL */
    int64_t now_ms;
    bool options_ended;
    ch_error *error;
} parser;

static const char *noun_name(const void *table, size_t index)
{
    return ((const ch_noun *)table)[index].name;
}

static const char *verb_name(const void *table, size_t index)
{
    return ((const ch_verb *)table)[index].name;
}

static const char *argument_name(const void *table, size_t index)
{
    return ((const ch_argument *)table)[index].name;
}

static const char *word_at(const void *table, size_t index)
{
    return ((const char *const *)table)[index];
}

/* "; did you mean `list`?", or nothing. */
static const char *hint(char out[128], const char *prefix, const char *suggestion)
{
    out[0] = '\0';
    if (suggestion != NULL) {
        snprintf(out, 128, "; did you mean `%s%s`?", prefix, suggestion);
    }
    return out;
}

static ch_status take_noun(parser *p, const char *word)
{
    char text[128];
    for (size_t i = 0; i < p->noun_count; i++) {
        if (strcmp(p->nouns[i].name, word) == 0) {
            p->out->noun = &p->nouns[i];
            /* A noun that is a command itself has one verb without a name. */
            p->out->verb = p->nouns[i].verbs[0].name[0] == '\0' ? &p->nouns[i].verbs[0] : NULL;
            return CH_OK;
        }
    }
    return ch_error_set(p->error, CH_INVALID, NULL, "there is no command `%s`%s", word,
                        hint(text, "", ch_suggest(word, p->nouns, p->noun_count, noun_name)));
}

static ch_status take_verb(parser *p, const char *word)
{
    char text[128];
    const ch_noun *noun = p->out->noun;
    for (size_t i = 0; i < noun->verb_count; i++) {
        if (strcmp(noun->verbs[i].name, word) == 0) {
            p->out->verb = &noun->verbs[i];
            return CH_OK;
        }
    }
    return ch_error_set(p->error, CH_INVALID, NULL, "`%s` cannot `%s`%s", noun->name, word,
                        hint(text, "", ch_suggest(word, noun->verbs, noun->verb_count, verb_name)));
}

static ch_status take_operand(parser *p, const char *word)
{
    const ch_verb *verb = p->out->verb;
    if (p->out->operand_count >= verb->operands_most) {
        return ch_error_set(p->error, CH_INVALID, NULL, "`%s` is one word too many", word);
    }
    if (!ch_str_is_utf8(ch_str_of(word))) {
        return ch_error_set(p->error, CH_INVALID, NULL, "`%s` is not UTF-8", word);
    }
    p->out->operands[p->out->operand_count++] = word;
    return CH_OK;
}

static ch_status take_word(parser *p, const char *word)
{
    if (p->out->noun == NULL) {
        return take_noun(p, word);
    }
    return p->out->verb == NULL ? take_verb(p, word) : take_operand(p, word);
}

static const ch_argument *find_in(const ch_argument *table, size_t count, ch_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (ch_str_is(name, table[i].name)) {
            return &table[i];
        }
    }
    return NULL;
}

static const ch_argument *find_argument(const parser *p, ch_str name)
{
    const ch_verb *verb = p->out->verb;
    const ch_argument *found = verb == NULL ? NULL : find_in(verb->arguments, verb->argument_count, name);
    return found != NULL ? found : find_in(ch_global_arguments, ch_global_argument_count, name);
}

static ch_status refuse_argument(const parser *p, const char *name)
{
    char text[128];
    const ch_verb *verb = p->out->verb;
    const char *near =
        verb == NULL ? NULL : ch_suggest(name, verb->arguments, verb->argument_count, argument_name);
    if (near == NULL) {
        near = ch_suggest(name, ch_global_arguments, ch_global_argument_count, argument_name);
    }
    return ch_error_set(p->error, CH_INVALID, NULL, "there is no option `--%s`%s%s", name,
                        verb == NULL ? " before the verb" : "", hint(text, "--", near));
}

static ch_status read_number(const parser *p, ch_value *value)
{
    const ch_argument *argument = value->argument;
    int64_t number;
    if (ch_str_to_int(ch_str_of(value->text), &number) != CH_OK || number < argument->least ||
        number > argument->most) {
        return ch_error_set(p->error, CH_INVALID, NULL,
                            "--%s must be a number from %" PRId64 " to %" PRId64 ", not `%s`", argument->name,
                            argument->least, argument->most, value->text);
    }
    value->number = number;
    return CH_OK;
}

static ch_status read_word(const parser *p, const ch_value *value)
{
    char text[128];
    size_t count = 0;
    for (; value->argument->words[count] != NULL; count++) {
        if (strcmp(value->argument->words[count], value->text) == 0) {
            return CH_OK;
        }
    }
    return ch_error_set(p->error, CH_INVALID, NULL, "--%s cannot be `%s`%s", value->argument->name,
                        value->text,
                        hint(text, "", ch_suggest(value->text, value->argument->words, count, word_at)));
}

static ch_status read_yes_no(const parser *p, ch_value *value)
{
    if (strcmp(value->text, "yes") != 0 && strcmp(value->text, "no") != 0) {
        return ch_error_set(p->error, CH_INVALID, NULL, "--%s must be yes or no, not `%s`",
                            value->argument->name, value->text);
    }
    value->number = value->text[0] == 'y';
    return CH_OK;
}

static ch_status read_from(const parser *p, const ch_value *value)
{
    char from[CH_FROM_SIZE];
    if (ch_from_parse(value->text, p->now_ms, from) != CH_OK) {
        return ch_error_set(p->error, CH_INVALID, NULL,
                            "--%s must be all, new, a sequence or a time, not `%s`", value->argument->name,
                            value->text);
    }
    return CH_OK;
}

static ch_status read_value(const parser *p, ch_value *value)
{
    switch (value->argument->kind) {
    case CH_ARGUMENT_FLAG: return CH_OK;
    case CH_ARGUMENT_TEXT:
        if (!ch_str_is_utf8(ch_str_of(value->text))) {
            return ch_error_set(p->error, CH_INVALID, NULL, "--%s is not UTF-8", value->argument->name);
        }
        return CH_OK;
    case CH_ARGUMENT_NUMBER: return read_number(p, value);
    case CH_ARGUMENT_WORD: return read_word(p, value);
    case CH_ARGUMENT_YES_NO: return read_yes_no(p, value);
    case CH_ARGUMENT_FROM: return read_from(p, value);
    case CH_ARGUMENT_TIME:
        if (ch_times_parse(value->text, p->now_ms, &value->number) != CH_OK) {
            return ch_error_set(p->error, CH_INVALID, NULL,
                                "--%s `%s` is no time: 2026-11-23, \"2026-11-23 10:27\", "
                                "2026-11-23T02:27:00Z, now, -2h or +3d",
                                value->argument->name, value->text);
        }
        return CH_OK;
    }
    return CH_INVALID;
}

static void keep_global(ch_arguments *out, const ch_argument *argument, const char *text)
{
    if (strcmp(argument->name, "hub") == 0) {
        out->hub = text;
    } else if (strcmp(argument->name, "key") == 0) {
        out->key = text;
    } else if (strcmp(argument->name, "json") == 0) {
        out->json = true;
    } else if (strcmp(argument->name, "help") == 0) {
        out->help = true;
    } else {
        out->version = true;
    }
}

static ch_status keep_value(parser *p, const ch_argument *argument, const char *text)
{
    ch_value value = {.argument = argument, .text = text};
    ch_status status = read_value(p, &value);
    if (status != CH_OK) {
        return status;
    }
    if (find_in(ch_global_arguments, ch_global_argument_count, ch_str_of(argument->name)) == argument) {
        keep_global(p->out, argument, text);
    } else {
        p->out->values[p->out->value_count++] = value;
    }
    return CH_OK;
}

/* word without its dashes; value after "=" or the next word. */
static ch_status take_argument(parser *p, const char *word)
{
    const char *equals = strchr(word, '=');
    ch_str name = {word, equals == NULL ? strlen(word) : (size_t)(equals - word)};
    const ch_argument *argument = find_argument(p, name);
    if (argument == NULL) {
        char typed[64] = "";
        return refuse_argument(p, ch_str_copy(typed, sizeof typed, name) == CH_OK ? typed : word);
    }
    if (argument->kind == CH_ARGUMENT_FLAG) {
        return equals != NULL
                   ? ch_error_set(p->error, CH_INVALID, NULL, "--%s takes no value", argument->name)
                   : keep_value(p, argument, NULL);
    }
    if (equals == NULL && *p->rest == NULL) {
        return ch_error_set(p->error, CH_INVALID, NULL, "--%s needs a value: %s", argument->name,
                            argument->value);
    }
    return keep_value(p, argument, equals != NULL ? equals + 1 : *p->rest++);
}

static ch_status take(parser *p)
{
    const char *word = *p->rest++;
    if (p->options_ended || word[0] != '-' || strcmp(word, "-") == 0) {
        return take_word(p, word);
    }
    if (strcmp(word, "--") == 0) {
        p->options_ended = true;
        return CH_OK;
    }
    if (strcmp(word, "-h") == 0) {
        p->out->help = true;
        return CH_OK;
    }
    return word[1] == '-' ? take_argument(p, word + 2)
                          : ch_error_set(p->error, CH_INVALID, NULL, "there is no option `%s`", word);
}

static ch_status refuse_without_verb(const parser *p)
{
    char verbs[256] = "";
    for (size_t i = 0, used = 0; i < p->out->noun->verb_count && used < sizeof verbs; i++) {
        int size = snprintf(verbs + used, sizeof verbs - used, "%s%s", i == 0 ? "" : ", ",
                            p->out->noun->verbs[i].name);
        used += size < 0 ? sizeof verbs : (size_t)size;
    }
    return ch_error_set(p->error, CH_INVALID, NULL, "`%s` needs a verb: %s", p->out->noun->name, verbs);
}

/* What only the whole line can tell. */
static ch_status check_line(const parser *p)
{
    const ch_arguments *out = p->out;
    if (out->help || out->version || out->noun == NULL) {
        return CH_OK;
    }
    if (out->verb == NULL) {
        return refuse_without_verb(p);
    }
    if (out->operand_count < out->verb->operands_least) {
        return ch_error_set(p->error, CH_INVALID, NULL, "what is missing: %s", out->verb->operands);
    }
    for (size_t i = 0; i < out->verb->argument_count; i++) {
        const ch_argument *argument = &out->verb->arguments[i];
        if (argument->required && !ch_argument_given(out, argument->name)) {
            return ch_error_set(p->error, CH_INVALID, NULL, "what is missing: --%s %s", argument->name,
                                argument->value);
        }
    }
    return CH_OK;
}

/* Behind a mistake, for the answer to it. */
static bool asks_for_json(char *const *rest)
{
    while (*rest != NULL && strcmp(*rest, "--") != 0 && strcmp(*rest, "--json") != 0) {
        rest++;
    }
    return *rest != NULL && strcmp(*rest, "--json") == 0;
}

ch_status ch_arguments_parse(ch_arguments *out, int argc, char *const *argv, const ch_noun *nouns,
                             size_t noun_count, int64_t now_ms, ch_error *error)
{
    size_t most = argc > 0 ? (size_t)argc : 1;
    char *const none = NULL;
    *out = (ch_arguments){.values = calloc(most, sizeof *out->values),
                          .operands = calloc(most, sizeof *out->operands)};
    if (out->values == NULL || out->operands == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory for the command line");
    }
    parser p = {.out = out,
                .nouns = nouns,
                .noun_count = noun_count,
                .rest = argc > 0 ? argv + 1 : &none,
                .now_ms = now_ms,
                .error = error};
    while (*p.rest != NULL && !out->help) {
        ch_status status = take(&p);
        if (status != CH_OK) {
            out->json = out->json || asks_for_json(p.rest);
            return status;
        }
    }
    return check_line(&p);
}

void ch_arguments_done(ch_arguments *arguments)
{
    free(arguments->values);
    free(arguments->operands);
    *arguments = (ch_arguments){0};
}

static const ch_value *last_value(const ch_arguments *arguments, const char *name)
{
    assert(find_in(arguments->verb->arguments, arguments->verb->argument_count, ch_str_of(name)) != NULL);
    for (size_t i = arguments->value_count; i > 0; i--) {
        if (strcmp(arguments->values[i - 1].argument->name, name) == 0) {
            return &arguments->values[i - 1];
        }
    }
    return NULL;
}

const char *ch_argument_text(const ch_arguments *arguments, const char *name)
{
    const ch_value *value = last_value(arguments, name);
    return value == NULL ? NULL : value->text;
}

int64_t ch_argument_number(const ch_arguments *arguments, const char *name, int64_t fallback)
{
    const ch_value *value = last_value(arguments, name);
    return value == NULL ? fallback : value->number;
}

bool ch_argument_given(const ch_arguments *arguments, const char *name)
{
    return last_value(arguments, name) != NULL;
}
