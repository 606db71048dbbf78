#include "replay/replay.h"

static ch_status (*const verbs[CH_VERB_COUNT])(ch_replay *replay, ch_error *error) = {
#define VERB_ROW(symbol, name, operands, count, help) [symbol] = ch_replay_##name,
    CH_REPLAY_VERB_LIST(VERB_ROW)
#undef VERB_ROW
};

static const int exit_codes[CH_STATUS_COUNT] = {
    [CH_OK] = CH_REPLAY_OK,
    [CH_INVALID] = CH_REPLAY_USAGE,
    [CH_REFUSED] = CH_REPLAY_WRONG,
    [CH_DENIED] = CH_REPLAY_DENIED,
    [CH_NOT_FOUND] = CH_REPLAY_NO_INPUT,
    [CH_CONFLICT] = CH_REPLAY_WRONG,
    [CH_BUSY] = CH_REPLAY_TEMPORARY,
    [CH_STORAGE_FULL] = CH_REPLAY_TEMPORARY,
    [CH_TOO_LARGE] = CH_REPLAY_WRONG,
    [CH_FULL] = CH_REPLAY_TEMPORARY,
    [CH_NO_MEMORY] = CH_REPLAY_OS,
    [CH_CORRUPT] = CH_REPLAY_WRONG,
    [CH_IO] = CH_REPLAY_IO,
    [CH_UNSUPPORTED] = CH_REPLAY_UNAVAILABLE,
    [CH_LOCKED] = CH_REPLAY_TEMPORARY,
    [CH_TIMEOUT] = CH_REPLAY_INTERRUPTED,
    [CH_UNAVAILABLE] = CH_REPLAY_UNAVAILABLE,
    [CH_RULE_LOOP] = CH_REPLAY_WRONG,
    [CH_DIVERGED] = CH_REPLAY_WRONG,
    [CH_GAP] = CH_REPLAY_WRONG,
    [CH_ERASED] = CH_REPLAY_NO_INPUT,
    [CH_END] = CH_REPLAY_OK,
};

static int print_help(const ch_replay_world *world, const ch_replay_options *options)
{
    ch_buf text;
    ch_buf_init(&text, 65536);
    if (options->version) {
        ch_buf_append_text(&text, "casehub-replay " CASEHUB_VERSION "\n");
    } else {
        ch_replay_help(&text, options->verb);
    }
    bool told = text.failed == CH_OK && fwrite(text.at, 1, text.size, world->out) == text.size &&
                fflush(world->out) == 0;
    ch_buf_done(&text);
    return told ? CH_REPLAY_OK : CH_REPLAY_IO;
}

static void complain(const ch_replay_world *world, const ch_error *error)
{
    fprintf(world->err, "casehub-replay: %s%s%s\n", error->where, error->where[0] == '\0' ? "" : ": ",
            error->text[0] == '\0' ? ch_status_text(error->status) : error->text);
}

/* What was printed must also have arrived. */
static int close_output(const ch_replay_world *world, int code)
{
    if (fflush(world->out) == 0 && !ferror(world->out)) {
        return code;
    }
    fprintf(world->err, "casehub-replay: standard output cannot be written\n");
    return CH_REPLAY_IO;
}

int ch_replay_run(int argc, char *const *argv, const ch_replay_world *world)
{
    ch_replay_options options;
    ch_error error = {.status = CH_OK};
    ch_status status = ch_replay_options_parse(&options, argc, argv, &error);
    if (status == CH_OK && (options.help || options.version)) {
        return print_help(world, &options);
    }
    if (status == CH_OK) {
        ch_replay replay = {.world = world, .options = &options};
        status = verbs[options.verb](&replay, &error);
        if (status == CH_OK) {
            return close_output(world, replay.wrong ? CH_REPLAY_WRONG : CH_REPLAY_OK);
        }
    }
    error.status = status;
    complain(world, &error);
    return close_output(world, exit_codes[status]);
}
