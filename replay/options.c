#include "replay/options.h"

#include <stddef.h>
#include <stdio.h>

#define OF(verb) (1u << (verb))
#define EVERY (OF(CH_VERB_COUNT) - 1)
#define ONE_PLACE (EVERY & ~OF(CH_VERB_KEY))
#define CAT_AND_PLAY (OF(CH_VERB_CAT) | OF(CH_VERB_PLAY))
#define FIELD(name) offsetof(ch_replay_options, name)

typedef enum option_kind { FLAG, TEXT, TEXTS, NUMBER } option_kind;

typedef struct option {
    const char *name, *value, *help;
    size_t field;
    option_kind kind;
    unsigned verbs;
} option;

static const option table[] = {
    {"store", "DIR", "the data folder, or a backup of it (CASEHUB_STORE)", FIELD(store), TEXT, ONE_PLACE},
    {"file", "FILE", "an archive or export instead of a store", FIELD(file), TEXT,
     CAT_AND_PLAY | OF(CH_VERB_DIFF) | OF(CH_VERB_IMPORT) | OF(CH_VERB_STATE) | OF(CH_VERB_VERIFY)},
    {"json", NULL, "one JSON object a line", FIELD(json), FLAG, EVERY},
    {"from", "WHERE", "a sequence, or a recorded time (RFC 3339)", FIELD(from), TEXT,
     OF(CH_VERB_CAT) | OF(CH_VERB_EXPORT) | OF(CH_VERB_PLAY)},
    {"to", "WHERE", "the last one: a sequence, or a recorded time", FIELD(to), TEXT,
     CAT_AND_PLAY | OF(CH_VERB_EXPORT)},
    {"as-of", "WHERE", "the moment: a sequence, or a recorded time (the end)", FIELD(as_of), TEXT,
     OF(CH_VERB_STATE)},
    {"at", "WHERE", "twice: two moments of one log, each a sequence or a recorded time", FIELD(at), TEXTS,
     OF(CH_VERB_DIFF)},
    {"topic", "PATTERN", "only topics that match, * one token, > the rest; may be repeated", FIELD(topics),
     TEXTS, CAT_AND_PLAY},
    {"case", "ID", "only this case; of state also by a ref", FIELD(case_id), TEXT,
     CAT_AND_PLAY | OF(CH_VERB_STATE)},
    {"system", "NAME", "only cases that began in this system", FIELD(system), TEXT, CAT_AND_PLAY},
    {"party", "CODE", "only what this party received, leads or did; of state its open handoffs", FIELD(party),
     TEXT, CAT_AND_PLAY | OF(CH_VERB_STATE)},
    {"actor", "NAME", "only what this client sent", FIELD(actor), TEXT, CAT_AND_PLAY},
    {"mapping", "VERSION", "only what this version of a mapping made", FIELD(mapping), TEXT, CAT_AND_PLAY},
    {"hash", NULL, "one hash over the whole state", FIELD(hash), FLAG, OF(CH_VERB_STATE)},
    {"anomalous", NULL, "only what no lifecycle allows", FIELD(anomalous), FLAG, CAT_AND_PLAY},
    {"limit", "N", "stop after so many", FIELD(limit), NUMBER, CAT_AND_PLAY},
    {"table", NULL, "columns for people", FIELD(table), FLAG, OF(CH_VERB_CAT)},
    {"follow", NULL, "wait for what a running hub appends", FIELD(follow), FLAG, OF(CH_VERB_CAT)},
    {"key", "FILE",
     "the hub key: cat prints sealed texts, too; import needs it. Of head: the key that signs. Of "
     "play: this client's key at the hub, as `casehub key new` makes it",
     FIELD(key), TEXT, CAT_AND_PLAY | OF(CH_VERB_HEAD) | OF(CH_VERB_IMPORT)},
    {"keys", "DIR", "the folder of key slots (keys/ of a store, DIR.keys of a backup)", FIELD(keys), TEXT,
     CAT_AND_PLAY | OF(CH_VERB_IMPORT)},
    {"personal", NULL, "with the hub key: personal data and raw records, too", FIELD(personal), FLAG,
     CAT_AND_PLAY},
    {"heads", "FILE", "signed heads that the log must fit, one a line", FIELD(heads), TEXT,
     OF(CH_VERB_VERIFY)},
    {"public", "KEY", "with --heads: FILE.pub of the key that signed, or its 64 digits", FIELD(public_key),
     TEXT, OF(CH_VERB_VERIFY)},
    {"output", "FILE", "where to write; - for standard output", FIELD(output), TEXT,
     OF(CH_VERB_EXPORT) | OF(CH_VERB_PLAY)},
    {"format", "WORD", "archive (default), or jsonl: events as CloudEvents, one a line", FIELD(format), TEXT,
     OF(CH_VERB_EXPORT)},
    {"sealed", NULL, "with the sealed parts, as they are, for an import", FIELD(sealed), FLAG,
     OF(CH_VERB_EXPORT)},
    {"without-sealed", NULL, "leave out what is sealed (default)", FIELD(without_sealed), FLAG,
     OF(CH_VERB_EXPORT)},
    {"into", "DIR", "an empty folder that keeps the new state", FIELD(into), TEXT, OF(CH_VERB_REBUILD)},
    {"swap", NULL, "replace the state of a stopped hub by the new one", FIELD(swap), FLAG,
     OF(CH_VERB_REBUILD)},
    {"progress", NULL, "tell how far it is, also when nobody looks", FIELD(progress), FLAG,
     OF(CH_VERB_EXPORT) | OF(CH_VERB_IMPORT) | OF(CH_VERB_PLAY) | OF(CH_VERB_REBUILD) | OF(CH_VERB_STATE) |
         OF(CH_VERB_VERIFY)},
    {"prefix", NULL, "one may go on where the other ends", FIELD(prefix), FLAG, OF(CH_VERB_DIFF)},
    {"into-hub", "ENDPOINT", "the hub to play into: tcp:// with --key, or ipc://", FIELD(into_hub), TEXT,
     OF(CH_VERB_PLAY)},
    {"report-key", "FILE", "a connector's key there, for what connectors reported", FIELD(report_key), TEXT,
     OF(CH_VERB_PLAY)},
    {"same-hub", NULL, "play although it seems to be the hub of this log", FIELD(same_hub), FLAG,
     OF(CH_VERB_PLAY)},
    {"subscription", NULL, "print what a subscriber would see, derived events too", FIELD(subscription), FLAG,
     OF(CH_VERB_PLAY)},
    {"hub-key", "FILE", "the key of the played hub: what is sealed is played, too", FIELD(hub_key), TEXT,
     OF(CH_VERB_PLAY)},
    {"drill", NULL, "all in test mode: touches no real department", FIELD(drill), FLAG, OF(CH_VERB_PLAY)},
    {"speed", "N", "N times faster than it was recorded; 1: as it was (default: no waiting)", FIELD(speed),
     NUMBER, OF(CH_VERB_PLAY)},
    {"gap-most", "TIME", "with --speed: wait for one event at most so long (10s)", FIELD(gap_most), TEXT,
     OF(CH_VERB_PLAY)},
    {"step", NULL, "one event for each line read from standard input", FIELD(step), FLAG, OF(CH_VERB_PLAY)},
    {"resume", "FILE", "keeps how far it came, and goes on from there (FILE.cases belongs to it)",
     FIELD(resume), TEXT, OF(CH_VERB_PLAY)},
    {"help", NULL, "this text", FIELD(help), FLAG, EVERY},
    {"version", NULL, "which program this is", FIELD(version), FLAG, EVERY},
};
#define OPTION_COUNT (sizeof table / sizeof *table)

static const struct {
    const char *name, *operands, *help;
    size_t operand_count;
} verbs[CH_VERB_COUNT] = {
#define VERB_ROW(symbol, name, operands, count, help) [symbol] = {#name, operands, help, count},
    CH_REPLAY_VERB_LIST(VERB_ROW)
#undef VERB_ROW
};

static ch_status misuse(ch_error *error, const char *format, ...) CH_PRINTF(2, 3);
static ch_status misuse(ch_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ch_status status = ch_error_setv(error, CH_INVALID, NULL, format, arguments);
    va_end(arguments);
    return status;
}

static const option *find_option(ch_str name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (ch_str_is(name, table[i].name)) {
            return &table[i];
        }
    }
    return NULL;
}

static ch_status add_text(ch_replay_texts *texts, const char *text, const char *name, ch_error *error)
{
    if (texts->count == CH_REPLAY_TEXTS_MAX) {
        return misuse(error, "--%s may be given %d times at most", name, CH_REPLAY_TEXTS_MAX);
    }
    texts->at[texts->count++] = text;
    return CH_OK;
}

static ch_status put_value(ch_replay_options *options, const option *row, const char *text, ch_error *error)
{
    void *field = (char *)options + row->field;
    switch (row->kind) {
    case FLAG: *(bool *)field = true; return CH_OK;
    case TEXTS: return add_text(field, text, row->name, error);
    case TEXT:
        if (*(const char **)field != NULL) {
            return misuse(error, "--%s is given twice", row->name);
        }
        if (*text == '\0') {
            return misuse(error, "--%s is empty", row->name);
        }
        *(const char **)field = text;
        return CH_OK;
    case NUMBER:
        if (ch_str_to_int(ch_str_of(text), field) != CH_OK || *(int64_t *)field < 1) {
            return misuse(error, "--%s %s: must be a number from 1 on", row->name, text);
        }
        return CH_OK;
    }
    return CH_INVALID;
}

/* The option argv[*at], and its value behind a "=" or in the next word. */
static ch_status take_option(ch_replay_options *options, char *const *argv, int *at, uint64_t *given,
                             ch_error *error)
{
    const char *word = argv[*at] + 2;
    const char *equals = strchr(word, '=');
    ch_str name = {word, equals == NULL ? strlen(word) : (size_t)(equals - word)};
    const option *row = find_option(name);
    const char *value = equals == NULL ? NULL : equals + 1;
    if (row == NULL) {
        return misuse(error, "there is no option --%.*s", CH_STR_ARG(name));
    }
    if (row->kind == FLAG && value != NULL) {
        return misuse(error, "--%s takes no value", row->name);
    }
    if (row->kind != FLAG && value == NULL) {
        value = argv[*at + 1];
        if (value == NULL) {
            return misuse(error, "--%s needs a value: %s", row->name, row->value);
        }
        ++*at;
    }
    *given |= UINT64_C(1) << (row - table);
    return put_value(options, row, value, error);
}
_Static_assert(OPTION_COUNT <= 64, "the bits of `given`");

static ch_status take_word(ch_replay_options *options, const char *word, ch_error *error)
{
    if (options->verb != CH_VERB_COUNT) {
        return add_text(&options->operands, word, "operands", error);
    }
    if (strcmp(word, "help") == 0) {
        options->help = true;
        return CH_OK;
    }
    for (size_t i = 0; i < CH_VERB_COUNT; i++) {
        if (strcmp(word, verbs[i].name) == 0) {
            options->verb = (ch_replay_verb)i;
            return CH_OK;
        }
    }
    return misuse(error,
                  "there is no verb %s; there are cat, diff, export, head, import, key, play, rebuild, state "
                  "and verify",
                  word);
}

static ch_status check_export(const ch_replay_options *options, ch_error *error)
{
    const char *format = options->format;
    bool lines = format != NULL && strcmp(format, "jsonl") == 0;
    if (options->output == NULL) {
        return misuse(error, "export needs --output FILE");
    }
    if (format != NULL && !lines && strcmp(format, "archive") != 0) {
        return misuse(error, "--format %s: archive or jsonl", format);
    }
    if (options->sealed && (options->without_sealed || lines)) {
        return misuse(error, "--sealed and %s exclude each other",
                      lines ? "--format jsonl" : "--without-sealed");
    }
    return CH_OK;
}

/* Two logs, or two moments of one. */
static ch_status check_diff(const ch_replay_options *options, ch_error *error)
{
    if (options->at.count == 0) {
        return options->store == NULL && options->file == NULL
                   ? CH_OK
                   : misuse(error, "diff A B names both logs; --store and --file belong to --at");
    }
    if (options->at.count != 2 || options->prefix) {
        return misuse(error, options->prefix ? "--prefix and --at exclude each other"
                                             : "diff needs --at twice: from one moment to another");
    }
    return CH_OK;
}

/* What only makes sense when a hub is played into. */
static ch_status check_play_alone(const ch_replay_options *options, ch_error *error)
{
    const struct {
        const char *name;
        bool given;
    } of_a_hub[] = {{"key", options->key != NULL},
                    {"report-key", options->report_key != NULL},
                    {"same-hub", options->same_hub},
                    {"resume", options->resume != NULL}};
    for (size_t i = 0; i < sizeof of_a_hub / sizeof *of_a_hub; i++) {
        if (of_a_hub[i].given) {
            return misuse(error, "--%s needs --into-hub", of_a_hub[i].name);
        }
    }
    return options->subscription && options->drill
               ? misuse(error, "--subscription and --drill exclude each other")
               : CH_OK;
}

static ch_status check_play_keys(const ch_replay_options *options, ch_error *error)
{
    if (options->hub_key == NULL && (options->personal || options->keys != NULL)) {
        return misuse(error, "--personal and --keys need --hub-key, the file of the hub key");
    }
    return options->file != NULL && options->hub_key != NULL && options->keys == NULL
               ? misuse(error, "a file has no key slots beside it: --hub-key needs --keys, their folder")
               : CH_OK;
}

static ch_status check_play(const ch_replay_options *options, ch_error *error)
{
    if ((options->into_hub != NULL) + (options->output != NULL) + options->subscription != 1) {
        return misuse(error, "play needs one of --into-hub ENDPOINT, --output FILE and --subscription");
    }
    if (options->into_hub != NULL && options->key == NULL && strncmp(options->into_hub, "ipc://", 6) != 0) {
        return misuse(error, "--into-hub %s needs --key, this client's key there", options->into_hub);
    }
    if (options->speed > 0 && options->step) {
        return misuse(error, "--speed and --step exclude each other");
    }
    if (options->speed == 0 && options->gap_most != NULL) {
        return misuse(error, "--gap-most needs --speed");
    }
    ch_status status = options->into_hub == NULL ? check_play_alone(options, error) : CH_OK;
    return status == CH_OK ? check_play_keys(options, error) : status;
}

static ch_status check_whole(const ch_replay_options *options, uint64_t given, ch_error *error)
{
    if (options->verb == CH_VERB_COUNT) {
        return misuse(
            error, "a verb is missing: cat, diff, export, head, import, key, play, rebuild, state or verify");
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if ((given & UINT64_C(1) << i) != 0 && (table[i].verbs & OF(options->verb)) == 0) {
            return misuse(error, "--%s does not belong to %s", table[i].name, verbs[options->verb].name);
        }
    }
    size_t operand_count = options->at.count > 0 ? 0 : verbs[options->verb].operand_count;
    if (options->operands.count != operand_count) {
        return misuse(error, "%s%s takes %zu operands, not %zu", verbs[options->verb].name,
                      options->at.count > 0 ? " --at" : verbs[options->verb].operands, operand_count,
                      options->operands.count);
    }
    if (options->verb == CH_VERB_IMPORT) {
        return options->store != NULL && options->file != NULL && options->key != NULL
                   ? CH_OK
                   : misuse(error,
                            "import needs --file, the archive, --store, where to, and --key, the hub key");
    }
    if (options->store != NULL && options->file != NULL) {
        return misuse(error, "--store and --file exclude each other");
    }
    if (options->json && options->table) {
        return misuse(error, "--json and --table exclude each other");
    }
    if (options->verb == CH_VERB_PLAY) {
        return check_play(options, error);
    }
    if (options->key == NULL && (options->personal || options->keys != NULL)) {
        return misuse(error, "--personal and --keys need --key, the file of the hub key");
    }
    if (options->file != NULL && options->follow) {
        return misuse(error, "a file does not grow: no --follow");
    }
    if (options->file != NULL && options->key != NULL && options->keys == NULL) {
        return misuse(error, "a file has no key slots beside it: --key needs --keys, their folder");
    }
    if ((options->heads == NULL) != (options->public_key == NULL)) {
        return misuse(error, "--heads and --public belong together");
    }
    if (options->verb == CH_VERB_HEAD && options->key == NULL) {
        return misuse(error, "head needs --key, the file of a signing key: casehub-replay key new FILE");
    }
    if (options->verb == CH_VERB_STATE &&
        (options->case_id != NULL) + (options->party != NULL) + options->hash != 1) {
        return misuse(error, "state needs one of --case, --party and --hash");
    }
    if (options->into != NULL && options->swap) {
        return misuse(error, "--into and --swap exclude each other");
    }
    if (options->verb == CH_VERB_DIFF) {
        return check_diff(options, error);
    }
    return options->verb == CH_VERB_EXPORT ? check_export(options, error) : CH_OK;
}

ch_status ch_replay_options_parse(ch_replay_options *out_options, int argc, char *const *argv,
                                  ch_error *error)
{
    uint64_t given = 0;
    bool only_words = false;
    ch_status status = CH_OK;
    *out_options = (ch_replay_options){.verb = CH_VERB_COUNT};
    for (int i = 1; i < argc && status == CH_OK; i++) {
        const char *word = argv[i];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && strcmp(word, "-h") == 0) {
            out_options->help = true;
        } else if (!only_words && strncmp(word, "--", 2) == 0) {
            status = take_option(out_options, argv, &i, &given, error);
        } else if (!only_words && word[0] == '-' && word[1] != '\0') {
            status = misuse(error, "there is no option %s", word);
        } else {
            status = take_word(out_options, word, error);
        }
    }
    if (status != CH_OK || out_options->help || out_options->version) {
        return status;
    }
    return check_whole(out_options, given, error);
}

static void help_options(ch_buf *out, ch_replay_verb verb)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if ((table[i].verbs & OF(verb)) != 0) {
            char head[40];
            snprintf(head, sizeof head, "--%s %s", table[i].name,
                     table[i].value == NULL ? "" : table[i].value);
            ch_buf_append_format(out, "  %-20s %s\n", head, table[i].help);
        }
    }
}

void ch_replay_help(ch_buf *out, ch_replay_verb verb)
{
    if (verb != CH_VERB_COUNT) {
        ch_buf_append_format(out, "casehub-replay [--store DIR] %s%s [options]: %s\n\n", verbs[verb].name,
                             verbs[verb].operands, verbs[verb].help);
        help_options(out, verb);
        return;
    }
    ch_buf_append_text(
        out, "casehub-replay [--store DIR | --file FILE] VERB [options]\n\nReads a hub's log: beside "
             "the running hub, of a stopped one, of a backup, an archive or an export.\n\n");
    for (size_t i = 0; i < CH_VERB_COUNT; i++) {
        ch_buf_append_format(out, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    }
    ch_buf_append_text(
        out, "\nhelp VERB explains one. Exit codes: 0 done and right, 64 wrong command line, 65 something "
             "is not as it should be,\n66 no such store or file, 69 made by a newer program, 71 no "
             "memory, 74 reading or writing failed,\n75 the hub has it open, no room, or no hub "
             "answers, 77 another hub's key, 130 interrupted.\n");
}
