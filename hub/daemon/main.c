/* casehubd: configuration, signals, start and stop. Exit codes after sysexits.h: 64 usage, 74 the store cannot be
 * trusted or written any more, 78 configuration.
 */
#include "hub/base/diag.h"
#include "hub/config/rules_config.h"
#include "hub/daemon/daemon_config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#define GRANTS_MOST (CH_OPERATORS_MOST + 1) /* and the ipc endpoint */

typedef struct daemon {
    const char *file;
    ch_daemon_config config;
    char public_key[CH_KEY_Z85_SIZE], secret_key[CH_KEY_Z85_SIZE];
    ch_rules *rules;
    ch_grant grants[GRANTS_MOST];
    size_t grant_count;
    ch_hub *hub;
} daemon_state;

/* LMDB maps its files: one that was cut short under us ends here. */
static void on_bus_error(int number)
{
    static const char text[] =
        "casehubd: a data file is shorter than it was (SIGBUS): restore the last backup, see "
        "casehub backup and deploy/README.md\n";
    (void)number;
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(EX_IOERR);
}

/* LMDB follows what stands in a damaged page wherever it leads, or stops at it with an assertion: so a fault may be the
 * disk's as well as ours. Says so, and lets it happen. */
static void on_fault(int number)
{
    static const char text[] =
        "casehubd: a fault (SIGSEGV or SIGABRT): unless casehub-replay verify or rebuild finds "
        "the store damaged, this is an error in casehubd: please report it\n";
    (void)number;
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
}

static void on_fatal(void *context, const ch_error *error)
{
    (void)context;
    (void)error;
    _exit(EX_IOERR);
}

static void tell_faults(void)
{
    static const int numbers[] = {SIGSEGV, SIGABRT};
    const struct sigaction fault = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};
    struct sigaction present;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        /* A sanitizer has its own. */
        if (sigaction(numbers[i], NULL, &present) == 0 && present.sa_handler == SIG_DFL) {
            sigaction(numbers[i], &fault, NULL);
        }
    }
}

static void set_signals(sigset_t *waited)
{
    struct sigaction bus = {.sa_handler = on_bus_error};
    sigemptyset(waited);
    sigaddset(waited, SIGTERM);
    sigaddset(waited, SIGINT);
    sigaddset(waited, SIGHUP);
    pthread_sigmask(SIG_BLOCK, waited, NULL); /* threads inherit it */
    sigaction(SIGBUS, &bus, NULL);
    tell_faults();
    signal(SIGPIPE, SIG_IGN);
}

/* Thousands of idle connections must not use up what the store needs; libzmq even aborts when files run out. Where the
 * limit cannot be raised, fewer may connect. */
static void fit_file_limit(int64_t *sockets)
{
    enum { OTHERS = 2048, ENDPOINTS = 2 };
    struct rlimit limit;
    rlim_t wanted = ENDPOINTS * (rlim_t)*sockets + OTHERS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    const struct rlimit raised = {.rlim_cur = wanted,
                                  .rlim_max = limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > OTHERS + ENDPOINTS * 16) {
        *sockets = (int64_t)((limit.rlim_cur - OTHERS) / ENDPOINTS);
    }
    ch_diag(CH_DIAG_WARN, "main", "%llu files may be open: at most %lld connections an endpoint",
            (unsigned long long)limit.rlim_cur, (long long)*sockets);
}

/* Those of the configuration, into state->grants. */
static ch_status read_grants(daemon_state *state, ch_error *error)
{
    ch_role role;
    size_t count = 0;
    const ch_daemon_config *config = &state->config;
    for (size_t i = 0; i < config->operator_keys.count; i++) {
        ch_grant *grant = &state->grants[count];
        *grant = (ch_grant){.role = CH_ROLE_OPERATOR, .private_right = CH_PRIVATE_ALL};
        snprintf(grant->name, sizeof grant->name, "operator");
        memcpy(grant->key, config->operator_keys.at[i], CH_KEY_Z85_SIZE);
        count++;
    }
    if (config->ipc[0] != '\0') {
        ch_grant *grant = &state->grants[count++];
        if (ch_role_from_name(ch_str_of(config->local_role), &role) != CH_OK || role == CH_ROLE_HUB ||
            role == CH_ROLE_NONE) {
            return ch_error_set(error, CH_INVALID, state->file,
                                "local_role: %s is no role that can be granted", config->local_role);
        }
        *grant = (ch_grant){
            .key = "local", .name = "local", .role = role, .private_right = CH_PRIVATE_ALL, .party_count = 1};
        grant->parties[0][0] = '*';
    }
    state->grant_count = count;
    return CH_OK;
}

static ch_status read_everything(daemon_state *state, ch_error *error)
{
    ch_status status = ch_daemon_config_read(&state->config, state->file, error);
    if (status == CH_OK) {
        status = read_grants(state, error);
    }
    return status == CH_OK
               ? ch_rules_load_packed(&state->rules, state->config.schemas_dir, state->config.city_dir, error)
               : status;
}

static ch_status start(daemon_state *state, ch_error *error)
{
    ch_daemon_config *config = &state->config;
    ch_hub_options options = config->hub;
    ch_status status = ch_daemon_keys(config->curve_key_file, state->public_key, state->secret_key, error);
    if (status != CH_OK) {
        return status;
    }
    options.store = (ch_store_options){.dir = config->data_dir,
                                       .hub_key_file = config->hub_key_file,
                                       .hub_code = state->rules->hub_code,
                                       .log_map_bytes = (size_t)config->log_map_bytes,
                                       .state_map_bytes = (size_t)config->state_map_bytes,
                                       .hot_cases = (size_t)config->hot_cases,
                                       .reserve_bytes = (uint64_t)config->reserve_bytes,
                                       .random = ch_random_real()};
    options.version = CASEHUB_VERSION;
    options.tcp_endpoint = config->tcp[0] == '\0' ? NULL : config->tcp;
    options.ipc_endpoint = config->ipc[0] == '\0' ? NULL : config->ipc;
    options.public_key = state->public_key;
    options.secret_key = state->secret_key;
    options.http_port = (int)config->http_port;
    options.grants = state->grants;
    options.grant_count = state->grant_count;
    options.rules = state->rules;
    options.clock = ch_clock_real();
    options.on_fatal = on_fatal;
    return ch_hub_start(&state->hub, &options, error);
}

/* One line for whoever started it. */
static void announce(const daemon_state *state)
{
    const char *tcp = ch_hub_endpoint(state->hub);
    printf("{\"pid\":%ld,\"version\":\"%s\",\"tcp\":\"%s\",\"ipc\":\"%s\",\"http_port\":%d,\"public_key\":\"",
           (long)getpid(), CASEHUB_VERSION, tcp == NULL ? "" : tcp, state->config.ipc,
           ch_hub_http_port(state->hub));
    /* Z85 has neither quotes nor backslashes. */
    printf("%s\"}\n", state->public_key);
    fflush(stdout);
    ch_diag(CH_DIAG_INFO, "main", "ready: %s", tcp == NULL ? state->config.ipc : tcp);
}

/* All of it or nothing: what cannot be read changes nothing. */
static void reload(daemon_state *state)
{
    ch_error error;
    ch_rules *rules;
    ch_daemon_config config;
    ch_status status = ch_daemon_config_read(&config, state->file, &error);
    if (status != CH_OK) {
        ch_diag_failure("main", &error, "the configuration is kept as it was");
        return;
    }
    status = ch_rules_load_packed(&rules, config.schemas_dir, config.city_dir, &error);
    ch_daemon_config_done(&config);
    if (status == CH_OK && strcmp(rules->hub_code, state->rules->hub_code) != 0) {
        status = ch_error_set(&error, CH_INVALID, "routing.cfg", "hub_code cannot change while the hub runs");
        ch_rules_unref(rules);
    }
    if (status != CH_OK) {
        ch_diag_failure("main", &error, "the rules are kept as they were");
        return;
    }
    status = ch_hub_change_rules(state->hub, rules);
    if (status == CH_OK) {
        ch_rules_unref(state->rules);
        state->rules = rules;
        ch_diag(CH_DIAG_INFO, "main", "rules reloaded");
        return;
    }
    ch_rules_unref(rules);
    ch_diag(CH_DIAG_ERROR, "main", "the rules are kept as they were: %s", ch_status_text(status));
}

static int serve(daemon_state *state)
{
    ch_error error;
    sigset_t waited;
    int number = 0;
    set_signals(&waited);
    fit_file_limit(&state->config.hub.sockets_most);
    ch_status status = start(state, &error);
    if (status != CH_OK) {
        ch_diag_failure("main", &error, "casehubd cannot start");
        return status == CH_INVALID || status == CH_NOT_FOUND    ? EX_CONFIG
               : status == CH_LOCKED || status == CH_UNAVAILABLE ? EX_TEMPFAIL
                                                                 : EX_IOERR;
    }
    announce(state);
    while (sigwait(&waited, &number) == 0 && number == SIGHUP) {
        reload(state);
    }
    ch_diag(CH_DIAG_INFO, "main", "stopping");
    ch_hub_stop(state->hub);
    return EX_OK;
}

static int usage(FILE *out, int code)
{
    fprintf(out, "usage: casehubd --config FILE [--check | --make-keys]\n"
                 "       casehubd --help | --version\n");
    return code;
}

static int help(void)
{
    ch_buf text;
    ch_buf_init(&text, 1 << 20);
    ch_daemon_config_help(&text);
    usage(stdout, EX_OK);
    printf("\nsettings of the configuration file:\n%.*s", CH_STR_ARG(ch_buf_str(&text)));
    ch_buf_done(&text);
    return EX_OK;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"make-keys", no_argument, NULL, 'm'},    {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0}};
    daemon_state state = {.file = NULL};
    bool check = false, make_keys = false;
    ch_error error;
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': state.file = optarg; break;
        case 'k': check = true; break;
        case 'm': make_keys = true; break;
        case 'h': return help();
        case 'v': printf("casehubd %s\n", CASEHUB_VERSION); return EX_OK;
        default: return usage(stderr, EX_USAGE);
        }
    }
    if (state.file == NULL || optind != argc) {
        return usage(stderr, EX_USAGE);
    }
    ch_diag_setup("casehubd", CH_DIAG_INFO);
    ch_status status = read_everything(&state, &error);
    if (status == CH_OK && make_keys) {
        status = ch_daemon_keys(state.config.curve_key_file, state.public_key, state.secret_key, &error);
    }
    if (status != CH_OK) {
        fprintf(stderr, "casehubd: %s: %s\n", error.where, error.text);
    }
    int code = status == CH_OK ? EX_OK : EX_CONFIG;
    if (status == CH_OK && make_keys) {
        printf("%s\n", state.public_key);
    } else if (status == CH_OK && check) {
        printf("%s: good\n", state.file);
    } else if (status == CH_OK) {
        code = serve(&state);
    }
    ch_rules_unref(state.rules);
    ch_daemon_config_done(&state.config);
    explicit_bzero(&state, sizeof state);
    return code;
}
