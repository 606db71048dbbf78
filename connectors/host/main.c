/* main.c - casehub-connect: the command line, the signals, the exit code. */
#include "connectors/host/checker.h"
#include "connectors/host/diff.h"
#include "connectors/host/outward_checker.h"
#include "connectors/host/runner.h"
#include "connectors/host/watchdog.h"
#include "hub/base/diag.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#define PROGRAM "casehub-connect"
#define FOLDER "/etc/casehub/connectors"

static const char usage[] =
    "usage: casehub-connect run NAME [--config FILE]      one connector, until SIGTERM\n"
    "       casehub-connect check NAME|--config FILE SAMPLE [--time RFC3339]\n"
    "                                                     what a file becomes, without a hub\n"
    "       casehub-connect check NAME|--config FILE --outward EVENTS\n"
    "                                                     what goes out of events, a line each\n"
    "       casehub-connect diff OLD NEW [RECORDS]        what two configurations make of the same records\n"
    "       casehub-connect diff NAME|--config FILE --mapping OLD NEW [RECORDS]\n"
    "                                                     the same of two mappings of one configuration\n"
    "       casehub-connect help [TRANSPORT|FORMAT|SENDER|WRITER]\n"
    "                                                     settings\n"
    "       casehub-connect --version\n"
    "Without --config it is $CASEHUB_CONNECTORS/NAME.cfg, or " FOLDER "/NAME.cfg.\n"
    "RECORDS are those of --samples FILE [--time RFC3339]; else those that the hub keeps of\n"
    "[--connector NAME] [--since RFC3339] [--limit N], asked for at [--hub ENDPOINT] with [--key FILE].\n"
    "What is not said is as in OLD. The key's grant must have private = all.\n"
    "Exit: 0 done, 64 usage, 65 a record failed or differs, 66 no such file or record, 69 hub or folder,\n"
    "70 a mapping ran away or memory ran out, 75 another process runs this connector or a restart was\n"
    "asked for, 77 denied, 78 configuration.\n";

typedef struct arguments {
    const char *verb, *config, *time, *outward, *mappings[2], *samples, *connector, *since, *limit, *hub,
        *key;
    const char *words[2];
    size_t word_count;
} arguments;

/* Of which verbs, and how many values. */
static const struct {
    const char *name, *verbs;
    size_t offset, values;
} options[] = {
    {"--config", "run check diff", offsetof(arguments, config), 1},
    {"--time", "check diff", offsetof(arguments, time), 1},
    {"--outward", "check", offsetof(arguments, outward), 1},
    {"--mapping", "diff", offsetof(arguments, mappings), 2},
    {"--samples", "diff", offsetof(arguments, samples), 1},
    {"--connector", "diff", offsetof(arguments, connector), 1},
    {"--since", "diff", offsetof(arguments, since), 1},
    {"--limit", "diff", offsetof(arguments, limit), 1},
    {"--hub", "diff", offsetof(arguments, hub), 1},
    {"--key", "diff", offsetof(arguments, key), 1},
};
#define OPTION_COUNT (sizeof options / sizeof *options)

static int fail_usage(const char *what, const char *word)
{
    fprintf(stderr, PROGRAM ": %s%s\n%s", what, word, usage);
    return EX_USAGE;
}

static const struct {
    ch_status status;
    int code;
} exits[] = {
    {CH_OK, EX_OK},
    {CH_END, EX_TEMPFAIL},
    {CH_CONFLICT, EX_TEMPFAIL},
    {CH_LOCKED, EX_TEMPFAIL},
    {CH_DENIED, EX_NOPERM},
    {CH_NOT_FOUND, EX_NOINPUT},
    {CH_INVALID, EX_CONFIG},
    {CH_UNSUPPORTED, EX_CONFIG},
    {CH_REFUSED, EX_DATAERR},
    {CH_NO_MEMORY, EX_SOFTWARE},
};

static int exit_code(ch_status status)
{
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++) {
        if (exits[i].status == status) {
            return exits[i].code;
        }
    }
    return EX_UNAVAILABLE;
}

static int report(ch_status status, const ch_error *error)
{
    fprintf(stderr, PROGRAM ": %s%s%s (%s)\n", error->where, error->where[0] == '\0' ? "" : ": ", error->text,
            ch_status_name(status));
    return exit_code(status);
}

/* The values behind argv[i]; how many they are in *out_used. */
static int parse_option(int argc, char **argv, int i, arguments *out, int *out_used)
{
    for (size_t o = 0; o < OPTION_COUNT; o++) {
        const char **values = (const char **)(void *)((char *)out + options[o].offset);
        if (strcmp(argv[i], options[o].name) != 0) {
            continue;
        }
        if (out->verb == NULL || strstr(options[o].verbs, out->verb) == NULL) {
            return fail_usage("not an option of this verb: ", argv[i]);
        }
        if ((size_t)(argc - i) <= options[o].values) {
            return fail_usage("a value is missing behind ", argv[i]);
        }
        for (size_t v = 0; v < options[o].values; v++) {
            values[v] = argv[i + 1 + (int)v];
        }
        *out_used = (int)options[o].values;
        return EX_OK;
    }
    return fail_usage("there is no option ", argv[i]);
}

static int parse(int argc, char **argv, arguments *out)
{
    for (int i = 1; i < argc; i++) {
        int used = 0, code = EX_OK;
        if (argv[i][0] == '-') {
            code = parse_option(argc, argv, i, out, &used);
        } else if (out->verb == NULL) {
            out->verb = argv[i];
        } else if (out->word_count == sizeof out->words / sizeof *out->words) {
            code = fail_usage("one word too many: ", argv[i]);
        } else {
            out->words[out->word_count++] = argv[i];
        }
        if (code != EX_OK) {
            return code;
        }
        i += used;
    }
    return out->verb == NULL ? fail_usage("what to do?", "") : EX_OK;
}

static ch_status read_config(ch_connector_config **out_config, const arguments *args, const char *name,
                             ch_error *error)
{
    char file[PATH_MAX];
    const char *folder = getenv("CASEHUB_CONNECTORS");
    if (args->config != NULL) {
        return ch_connector_config_read(out_config, args->config, name, error);
    }
    snprintf(file, sizeof file, "%s/%s.cfg", folder == NULL ? FOLDER : folder, name);
    return ch_connector_config_read(out_config, file, name, error);
}

/* SIGTERM and SIGINT become a descriptor, before any thread is made. SIGPIPE never ends the process. */
static int stop_descriptor(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    return sigprocmask(SIG_BLOCK, &stop, NULL) == 0 ? signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
}

static int run(const arguments *args)
{
    ch_connector_config *config = NULL;
    ch_error error = {.status = CH_OK};
    if (args->word_count > 1 || (args->word_count == 0 && args->config == NULL)) {
        return fail_usage("run needs a NAME or a --config FILE", "");
    }
    ch_status status = read_config(&config, args, args->word_count == 1 ? args->words[0] : NULL, &error);
    if (status != CH_OK) {
        return report(status, &error);
    }
    int stop_fd = stop_descriptor();
    status = stop_fd < 0 ? ch_error_set(&error, CH_IO, "signals", "no descriptor for them")
                         : ch_watchdog_setup(config->memory_most, &error);
    if (status == CH_OK) {
        status = ch_runner_run(config, stop_fd, ch_clock_real(), &error);
    }
    if (stop_fd >= 0) {
        close(stop_fd);
    }
    ch_connector_config_free(config);
    return status == CH_OK || status == CH_END ? exit_code(status) : report(status, &error);
}

/* The exit code of a check that was made to its end. */
static int close_check(uint64_t failures)
{
    return fflush(stdout) != 0 ? EX_IOERR : failures > 0 ? EX_DATAERR : EX_OK;
}

static int check_sample(const ch_connector_config *config, const arguments *args, int64_t time_ms)
{
    ch_error error = {.status = CH_OK};
    ch_check_totals totals = {.records = 0};
    if (config->format_table == NULL) {
        return fail_usage("nothing comes in by this configuration; what goes out is checked with --outward",
                          "");
    }
    ch_status status = ch_checker_run(config, args->words[args->word_count - 1], time_ms, ch_clock_real(),
                                      stdout, &totals, &error);
    if (status != CH_OK) {
        return report(status, &error);
    }
    fprintf(stderr, "%llu records, %llu events, %llu failed\n", (unsigned long long)totals.records,
            (unsigned long long)totals.events, (unsigned long long)totals.failures);
    return close_check(totals.failures);
}

static int check_outward(const ch_connector_config *config, const arguments *args)
{
    ch_error error = {.status = CH_OK};
    ch_outward_check_totals totals = {.events = 0};
    if (config->outward.sender_table == NULL) {
        return fail_usage("nothing goes out by this configuration", "");
    }
    ch_status status = ch_outward_checker_run(config, args->outward, stdout, &totals, &error);
    if (status != CH_OK) {
        return report(status, &error);
    }
    fprintf(stderr, "%llu events, %llu messages, %llu failed\n", (unsigned long long)totals.events,
            (unsigned long long)totals.messages, (unsigned long long)totals.failures);
    return close_check(totals.failures);
}

static int check(const arguments *args)
{
    ch_connector_config *config = NULL;
    ch_error error = {.status = CH_OK};
    int64_t time_ms = 0;
    size_t samples = args->outward == NULL ? 1 : 0;
    bool named = args->word_count == samples + 1;
    if (!named && (args->config == NULL || args->word_count != samples)) {
        return fail_usage("check needs a NAME or a --config FILE, and a SAMPLE or --outward EVENTS", "");
    }
    if (args->time != NULL && ch_time_parse(ch_str_of(args->time), &time_ms) != CH_OK) {
        return fail_usage("no RFC 3339 time: ", args->time);
    }
    ch_status status = read_config(&config, args, named ? args->words[0] : NULL, &error);
    if (status != CH_OK) {
        return report(status, &error);
    }
    int code = args->outward == NULL ? check_sample(config, args, time_ms) : check_outward(config, args);
    ch_connector_config_free(config);
    return code;
}

/* Two files; or one, and the mappings that stand for its own. */
static ch_status read_versions(const arguments *args, ch_connector_config *versions[2], ch_error *error)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < 2 && status == CH_OK; i++) {
        if (args->mappings[0] == NULL) {
            status = ch_connector_config_read(&versions[i], args->words[i], NULL, error);
            continue;
        }
        status = read_config(&versions[i], args, args->word_count == 1 ? args->words[0] : NULL, error);
        if (status == CH_OK) {
            versions[i]->mapping = (char *)(uintptr_t)args->mappings[i]; /* as long as the command line */
        }
    }
    return status;
}

static int fill_source(const arguments *args, ch_diff_source *out)
{
    int64_t limit = 0;
    *out = (ch_diff_source){
        .samples = args->samples, .connector = args->connector, .hub = args->hub, .key = args->key};
    if (args->samples != NULL && (args->connector != NULL || args->since != NULL || args->limit != NULL ||
                                  args->hub != NULL || args->key != NULL)) {
        return fail_usage("a file of --samples takes --time only, nothing of the hub's", "");
    }
    if (args->samples == NULL && args->time != NULL) {
        return fail_usage("--time is for --samples: the hub knows when it recorded each", "");
    }
    if (args->time != NULL && ch_time_parse(ch_str_of(args->time), &out->time_ms) != CH_OK) {
        return fail_usage("no RFC 3339 time: ", args->time);
    }
    if (args->since != NULL && ch_time_parse(ch_str_of(args->since), &out->since_ms) != CH_OK) {
        return fail_usage("no RFC 3339 time: ", args->since);
    }
    if (args->limit != NULL && (ch_str_to_int(ch_str_of(args->limit), &limit) != CH_OK || limit < 1)) {
        return fail_usage("no number of records: ", args->limit);
    }
    out->limit = (uint64_t)limit;
    return EX_OK;
}

static int report_differences(const ch_diff_totals *totals)
{
    fprintf(stderr,
            "%llu records, %llu differ: %llu events only in the old, %llu only in the new, %llu fields; "
            "%llu fail in the old, %llu in the new\n",
            (unsigned long long)totals->records, (unsigned long long)totals->differing,
            (unsigned long long)totals->only_old, (unsigned long long)totals->only_new,
            (unsigned long long)totals->fields, (unsigned long long)totals->failed_old,
            (unsigned long long)totals->failed_new);
    return fflush(stdout) != 0 ? EX_IOERR : totals->differing > 0 ? EX_DATAERR : EX_OK;
}

static int diff(const arguments *args)
{
    ch_connector_config *versions[2] = {NULL, NULL};
    ch_error error = {.status = CH_OK};
    ch_diff_totals totals = {.records = 0};
    ch_diff_source source;
    bool fits = args->mappings[0] == NULL
                    ? args->word_count == 2 && args->config == NULL
                    : args->word_count == 1 || (args->word_count == 0 && args->config != NULL);
    if (!fits) {
        return fail_usage("diff needs OLD and NEW, or one configuration and --mapping OLD NEW", "");
    }
    int code = fill_source(args, &source);
    if (code != EX_OK) {
        return code;
    }
    ch_status status = read_versions(args, versions, &error);
    if (status == CH_OK) {
        status = ch_diff_run(versions[0], versions[1], &source, ch_clock_real(), stdout, &totals, &error);
    }
    ch_connector_config_free(versions[0]);
    ch_connector_config_free(versions[1]);
    return status == CH_OK ? report_differences(&totals) : report(status, &error);
}

static void list_names(ch_buf *out)
{
    static const struct {
        const char *title;
        ch_registry_kind kind;
    } kinds[] = {{"transports: ", CH_REGISTRY_TRANSPORTS},
                 {"; formats: ", CH_REGISTRY_FORMATS},
                 {"; senders: ", CH_REGISTRY_SENDERS},
                 {"; writers: ", CH_REGISTRY_WRITERS}};
    const ch_registry built_in = {.plugin = NULL};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        ch_buf_append_text(out, kinds[i].title);
        ch_registry_list(&built_in, kinds[i].kind, out);
    }
}

static int help(const arguments *args)
{
    ch_buf text, names;
    const ch_registry built_in = {.plugin = NULL};
    int code = EX_OK;
    ch_buf_init(&text, 64 * 1024);
    ch_buf_init(&names, 4096);
    list_names(&names);
    if (args->word_count == 0) {
        ch_connector_config_help(&text);
        printf("%s\n%.*s\n%.*s\n", usage, CH_STR_ARG(ch_buf_str(&text)), CH_STR_ARG(ch_buf_str(&names)));
    } else if (ch_connector_config_help_of(&text, &built_in, args->words[0]) == CH_OK) {
        printf("%.*s", CH_STR_ARG(ch_buf_str(&text)));
    } else {
        fprintf(stderr, PROGRAM ": there is no %s; %.*s\n", args->words[0], CH_STR_ARG(ch_buf_str(&names)));
        code = EX_USAGE;
    }
    ch_buf_done(&text);
    ch_buf_done(&names);
    return code;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *verb;
        int (*call)(const arguments *);
    } verbs[] = {{"run", run}, {"check", check}, {"diff", diff}, {"help", help}};
    arguments args = {.verb = NULL};
    ch_diag_setup(PROGRAM, CH_DIAG_INFO);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf(PROGRAM " " CASEHUB_VERSION "\n");
        return EX_OK;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return help(&args);
    }
    int code = parse(argc, argv, &args);
    for (size_t i = 0; code == EX_OK && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(args.verb, verbs[i].verb) == 0) {
            return verbs[i].call(&args);
        }
    }
    return code != EX_OK ? code : fail_usage("there is no ", args.verb);
}
