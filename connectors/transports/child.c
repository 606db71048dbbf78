#include "connectors/transports/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MOST ((size_t)4 * 1024 * 1024)
#define LINES_A_SECOND 20
#define READS_AT_ONCE 16

/* What the new process needs, made before the fork: behind it only system calls are safe. */
typedef struct plan {
    char **arguments, **environment;
    const char *folder;
    int input, output, words, failed; /* its ends of the pipes */
    pid_t parent;
} plan;

static int fail(const ch_child *child, const char *what, const char *why)
{
    char text[320];
    snprintf(text, sizeof text, "%.150s: %.150s", what, why);
    child->host->fail(child->host, text);
    return -1;
}

bool ch_child_open(ch_child *child, const casehub_host *host, const casehub_value *values)
{
    *child = (ch_child){.host = host,
                        .values = values,
                        .events = epoll_create1(EPOLL_CLOEXEC),
                        .input = -1,
                        .output = -1,
                        .words = -1,
                        .exit_fd = -1};
    ch_buf_init(&child->pending, INPUT_MOST);
    if (child->events < 0) {
        return fail(child, "epoll", strerror(errno)) == 0;
    }
    return values[CH_CHILD_PROGRAM].text_count > 0 || fail(child, "program", "it is empty") == 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void close_pipes(ch_child *child)
{
    close_fd(&child->input);
    close_fd(&child->output);
    close_fd(&child->words);
    close_fd(&child->exit_fd);
    ch_buf_clear(&child->pending);
    child->pending_since_ms = 0;
}

/* "NAME" is taken from the connector's own environment, if it is there. Owned by the caller. */
static char *entry_of(const char *item)
{
    char *entry = NULL;
    const char *value = strchr(item, '=') == NULL ? getenv(item) : NULL;
    if (strchr(item, '=') != NULL) {
        return strdup(item);
    }
    return value == NULL || asprintf(&entry, "%s=%s", item, value) < 0 ? NULL : entry;
}

static void free_environment(char **environment)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        free(environment[i]);
    }
    free(environment);
}

static char **make_environment(const casehub_value *from, const char *position)
{
    char **environment = calloc(from->text_count + 2, sizeof *environment);
    size_t count = 0;
    for (size_t i = 0; environment != NULL && i < from->text_count; i++) {
        char *entry = entry_of(from->texts[i]);
        count += (environment[count] = entry) != NULL;
    }
    if (environment != NULL && position != NULL &&
        asprintf(&environment[count], "CASEHUB_POSITION=%s", position) < 0) {
        environment[count] = NULL;
        free_environment(environment);
        return NULL;
    }
    return environment;
}

static _Noreturn void give_up(int failed)
{
    int why = errno;
    ssize_t written = write(failed, &why, sizeof why);
    (void)written;
    _exit(127);
}

/* Memory of its own: the connector's bound is for its mapping. */
static void lift_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_AS, &limit);
    }
}

static _Noreturn void become(const plan *p)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != p->parent) {
        _exit(127); /* it ended before it could be watched */
    }
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    lift_limits();
    if (dup2(p->input, STDIN_FILENO) < 0 || dup2(p->output, STDOUT_FILENO) < 0 ||
        dup2(p->words, STDERR_FILENO) < 0 || close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0 ||
        chdir(p->folder) != 0) {
        give_up(p->failed);
    }
    execvpe(p->arguments[0], p->arguments, p->environment);
    give_up(p->failed);
}

static bool watch(const ch_child *child, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    return epoll_ctl(child->events, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Waits until the program is there, or could not be. */
static bool has_become(int failed, char *reason, size_t reason_size)
{
    int why = 0;
    ssize_t got;
    do {
        got = read(failed, &why, sizeof why);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        snprintf(reason, reason_size, "%s", strerror(why));
    }
    return got == 0;
}

static bool adopt(ch_child *child, char *reason, size_t reason_size)
{
    child->exit_fd = pidfd_open(child->pid, 0);
    if (child->exit_fd < 0 || !watch(child, child->exit_fd, EPOLLIN) ||
        !watch(child, child->output, EPOLLIN) || !watch(child, child->words, EPOLLIN)) {
        snprintf(reason, reason_size, "%s", strerror(errno));
        return false;
    }
    return true;
}

/* Ours never block. */
static bool make_pipes(ch_child *child, plan *p, bool with_input, int failed[2])
{
    int input[2] = {-1, -1}, output[2] = {-1, -1}, words[2] = {-1, -1};
    bool made = pipe2(failed, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0 &&
                pipe2(words, O_CLOEXEC) == 0 &&
                (with_input ? pipe2(input, O_CLOEXEC) == 0
                            : (input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
    child->input = input[1];
    child->output = output[0];
    child->words = words[0];
    p->input = input[0];
    p->output = output[1];
    p->words = words[1];
    p->failed = failed[1];
    return made && fcntl(output[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(words[0], F_SETFL, O_NONBLOCK) == 0 &&
           (!with_input || fcntl(input[1], F_SETFL, O_NONBLOCK) == 0);
}

static bool spawn(ch_child *child, plan *p, bool with_input, char *reason, size_t reason_size)
{
    int failed[2] = {-1, -1};
    bool started = make_pipes(child, p, with_input, failed);
    child->pid = started ? fork() : -1;
    if (child->pid == 0) {
        become(p);
    }
    if (child->pid < 0) {
        snprintf(reason, reason_size, "%s", strerror(errno));
        child->pid = 0;
        started = false;
    }
    close_fd(&p->input);
    close_fd(&p->output);
    close_fd(&p->words);
    close_fd(&failed[1]);
    started = started && has_become(failed[0], reason, reason_size) && adopt(child, reason, reason_size);
    close_fd(&failed[0]);
    return started;
}

bool ch_child_start(ch_child *child, const char *position, bool with_input, char *reason, size_t reason_size)
{
    const casehub_value *program = &child->values[CH_CHILD_PROGRAM];
    plan p = {.folder = child->values[CH_CHILD_FOLDER].text,
              .arguments = calloc(program->text_count + 1, sizeof *p.arguments),
              .environment = make_environment(&child->values[CH_CHILD_ENVIRONMENT], position),
              .input = -1,
              .output = -1,
              .words = -1,
              .parent = getpid()};
    bool started = false;
    close_pipes(child);
    child->kill_at_ms = 0;
    child->line_size = 0;
    if (p.arguments == NULL || p.environment == NULL) {
        snprintf(reason, reason_size, "no memory");
    } else {
        memcpy(p.arguments, program->texts, program->text_count * sizeof *p.arguments);
        started = spawn(child, &p, with_input, reason, reason_size);
    }
    if (!started && child->pid != 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        child->pid = 0;
    }
    if (!started) {
        close_pipes(child);
    }
    free(p.arguments);
    free_environment(p.environment);
    return started;
}

void ch_child_end(ch_child *child)
{
    if (child->pid != 0 && child->kill_at_ms == 0) {
        kill(-child->pid, SIGTERM);
        child->kill_at_ms = child->host->monotonic_ms(child->host) + child->values[CH_CHILD_GRACE].number;
    }
    /* Who does not stop writing, or has closed what is written to, would be ready for ever. */
    close_fd(&child->input);
    close_fd(&child->output);
}

static void describe(int status, char *how, size_t how_size)
{
    if (WIFSIGNALED(status)) {
        snprintf(how, how_size, "signal %d", WTERMSIG(status));
    } else {
        snprintf(how, how_size, "exit %d", WEXITSTATUS(status));
    }
}

bool ch_child_has_ended(ch_child *child, char *how, size_t how_size, bool *out_clean)
{
    siginfo_t info = {.si_pid = 0};
    int status = 0;
    if (child->kill_at_ms != 0 && child->host->monotonic_ms(child->host) >= child->kill_at_ms) {
        kill(-child->pid, SIGKILL);
    }
    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
        return false;
    }
    /* Not reaped yet, so that the group's number is still its own. */
    kill(-child->pid, SIGKILL);
    waitpid(child->pid, &status, 0);
    child->pid = 0;
    close_fd(&child->input);
    close_fd(&child->exit_fd);
    describe(status, how, how_size);
    *out_clean = WIFEXITED(status) && WEXITSTATUS(status) == 0 && child->kill_at_ms == 0;
    return true;
}

void ch_child_close(ch_child *child)
{
    char how[40];
    bool clean;
    ch_child_end(child);
    while (child->pid != 0 && !ch_child_has_ended(child, how, sizeof how, &clean)) {
        struct pollfd ended = {.fd = child->exit_fd, .events = POLLIN};
        int64_t left = child->kill_at_ms - child->host->monotonic_ms(child->host);
        poll(&ended, 1, left > 0 ? (int)left : 1);
    }
    close_pipes(child);
    close_fd(&child->events);
    ch_buf_done(&child->pending);
}

void ch_child_rest(ch_child *child, int64_t wait_ms)
{
    int64_t most = child->values[CH_CHILD_PAUSE_MOST].number, now_ms = child->host->monotonic_ms(child->host);
    int64_t pause = child->values[CH_CHILD_PAUSE].number;
    for (unsigned i = 0; i < child->failures && pause < most; i++) {
        pause *= 2;
    }
    child->failures = wait_ms >= 0 ? 0 : child->failures + 1;
    child->start_at_ms = now_ms + (wait_ms >= 0 ? wait_ms : pause < most ? pause : most);
}

void ch_child_did_well(ch_child *child)
{
    child->failures = 0;
}

static void say(ch_child *child, const char *text)
{
    int64_t now_ms = child->host->monotonic_ms(child->host);
    if (now_ms - child->logged_since_ms >= 1000) {
        if (child->lines_left_out > 0) {
            char left_out[80];
            snprintf(left_out, sizeof left_out, "%zu more lines are left out", child->lines_left_out);
            child->host->log(child->host, CASEHUB_INFO, left_out);
        }
        child->logged_since_ms = now_ms;
        child->lines_logged = child->lines_left_out = 0;
    }
    if (child->lines_logged < LINES_A_SECOND) {
        child->lines_logged++;
        child->host->log(child->host, CASEHUB_INFO, text);
    } else {
        child->lines_left_out++;
    }
}

/* A line beyond the room is cut. */
static void take_words(ch_child *child, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            child->line[child->line_size] = '\0';
            if (child->line_size > 0) {
                say(child, child->line);
            }
            child->line_size = 0;
        } else if (child->line_size + 1 < sizeof child->line) {
            child->line[child->line_size++] = bytes[i];
        }
    }
}

void ch_child_listen(ch_child *child)
{
    char bytes[4096];
    for (unsigned i = 0; i < READS_AT_ONCE && child->words >= 0; i++) {
        ssize_t got = read(child->words, bytes, sizeof bytes);
        if (got > 0) {
            take_words(child, bytes, (size_t)got);
        } else if (got == 0) {
            take_words(child, "\n", 1);
            close_fd(&child->words);
        } else if (errno != EINTR) {
            return;
        }
    }
}

long ch_child_read(ch_child *child, void *out, size_t most)
{
    ssize_t got;
    if (child->output < 0) {
        return 0;
    }
    do {
        got = read(child->output, out, most);
    } while (got < 0 && errno == EINTR);
    if (got == 0) {
        close_fd(&child->output); /* it would be readable for ever */
    }
    return (long)got;
}

/* Waits for room only while there is something to write. */
static void await_room(ch_child *child, bool waiting)
{
    if (waiting && child->pending_since_ms == 0) {
        child->pending_since_ms = child->host->monotonic_ms(child->host);
        watch(child, child->input, EPOLLOUT);
    } else if (!waiting && child->pending_since_ms != 0) {
        child->pending_since_ms = 0;
        epoll_ctl(child->events, EPOLL_CTL_DEL, child->input, NULL);
    }
}

bool ch_child_write(ch_child *child, const void *bytes, size_t size)
{
    ch_buf_append(&child->pending, bytes, size);
    if (child->input < 0 || child->pending.failed != CH_OK) {
        return false;
    }
    while (child->pending.size > 0) {
        ssize_t written = write(child->input, child->pending.at, child->pending.size);
        if (written < 0 && errno != EINTR) {
            break;
        }
        size_t gone = written > 0 ? (size_t)written : 0;
        memmove(child->pending.at, child->pending.at + gone, child->pending.size - gone);
        child->pending.size -= gone;
    }
    bool open = child->pending.size == 0 || errno == EAGAIN;
    await_room(child, child->pending.size > 0);
    return open;
}

int64_t ch_child_wait_ms(const ch_child *child, int64_t now_ms)
{
    int64_t at_ms = child->pid == 0 ? child->start_at_ms : child->kill_at_ms;
    if (child->pid != 0 && at_ms == 0) {
        return -1;
    }
    return at_ms > now_ms ? at_ms - now_ms : 0;
}
