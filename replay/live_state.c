#include "replay/live_state.h"

#include "hub/store/disk_file.h"
#include "hub/store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOT_CASES 64 /* nothing is folded */

/* What the child tells; small enough for one write. */
typedef struct answer {
    ch_status status;
    ch_live_state live;
    ch_error error;
} answer;
_Static_assert(sizeof(answer) <= 4096, "PIPE_BUF");

static void read_state(answer *out, const char *dir)
{
    const ch_state_options options = {.hot_cases = HOT_CASES};
    ch_state *state;
    out->status = ch_state_open(&state, dir, &options, NULL, &out->error);
    if (out->status != CH_OK) {
        return;
    }
    out->live.position = ch_state_committed(state);
    out->status = ch_state_hash(state, out->live.hash, &out->error);
    ch_state_close(state);
}

static _Noreturn void be_child(const char *dir, int fd)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    answer told = {.status = CH_IO};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        signal(signals[i], SIG_DFL);
    }
    read_state(&told, dir);
    ssize_t written = write(fd, &told, sizeof told);
    _exit(written == (ssize_t)sizeof told ? 0 : 1);
}

static ch_status hear_child(pid_t child, int fd, const char *dir, answer *out, ch_error *error)
{
    int how = 0;
    ssize_t got;
    do {
        got = read(fd, out, sizeof *out);
    } while (got < 0 && errno == EINTR);
    while (waitpid(child, &how, 0) < 0 && errno == EINTR) {
    }
    if (got == (ssize_t)sizeof *out) {
        return CH_OK;
    }
    return WIFSIGNALED(how) ? ch_error_set(error, CH_CORRUPT, dir, "its pages are damaged and cannot be read")
                            : ch_error_set(error, CH_IO, dir, "cannot be read");
}

ch_status ch_live_state_read(ch_live_state *out_live, const char *dir, ch_error *error)
{
    char path[CH_PATH_SIZE];
    int ends[2];
    answer told = {.status = CH_IO};
    ch_status status = ch_path_join(path, dir, "data.mdb", error);
    if (status != CH_OK) {
        return status;
    }
    if (access(path, F_OK) != 0) {
        return ch_error_set(error, CH_NOT_FOUND, path, "is not there");
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return ch_disk_fail(error, dir, "no pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        be_child(dir, ends[1]);
    }
    close(ends[1]);
    status = child < 0 ? ch_disk_fail(error, dir, "no process to read it")
                       : hear_child(child, ends[0], dir, &told, error);
    close(ends[0]);
    if (status != CH_OK) {
        return status;
    }
    if (told.status == CH_OK) {
        *out_live = told.live;
    } else if (error != NULL) {
        *error = told.error;
    }
    return told.status;
}
