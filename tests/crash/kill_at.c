/* kill_at: runs a program and kills it right before the n-th time that one of its threads changes the file system.
 *
 *     kill_at N [--thread NAME] PROGRAM ARGUMENT ...
 *
 * The first thread, or all of that name. Says nothing itself. Exit codes: 0 it was killed; 1 it ended before that, or, without
 * --thread, came as far as to write to standard output; 71 it cannot be traced here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define KILLED 0
#define CAME_THROUGH 1

static bool writes(long number)
{
    return number == SYS_write || number == SYS_pwrite64 || number == SYS_writev || number == SYS_pwritev;
}

/* The directory calls without "at" are not there on newer machines. */
static bool changes_names(long number)
{
    switch (number) {
#ifdef SYS_mkdir
    case SYS_mkdir:
    case SYS_rename:
    case SYS_unlink:
    case SYS_rmdir:
#endif
#ifdef SYS_renameat
    case SYS_renameat:
#endif
    case SYS_mkdirat:
    case SYS_renameat2:
    case SYS_unlinkat:
    case SYS_linkat: return true;
    default: return false;
    }
}

static bool changes_files(const struct __ptrace_syscall_info *info)
{
    long number = (long)info->entry.nr;
    switch (number) {
    case SYS_ftruncate:
    case SYS_fallocate:
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_msync: return true;
    case SYS_openat: return (info->entry.args[2] & (O_CREAT | O_TRUNC)) != 0;
    default: break;
    }
    /* Standard error is a log, not the store. */
    return changes_names(number) || (writes(number) && info->entry.args[0] != STDERR_FILENO);
}

static bool says_it_is_ready(const struct __ptrace_syscall_info *info)
{
    return writes((long)info->entry.nr) && info->entry.args[0] == STDOUT_FILENO;
}

/* Of the thread that is meant? NULL: of the first one. */
static bool counts(pid_t child, pid_t thread, const char *name)
{
    char path[64], found[32] = "";
    if (name == NULL) {
        return thread == child;
    }
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/comm", (long)child, (long)thread);
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fgets(found, sizeof found, file) != NULL;
    if (file != NULL) {
        fclose(file);
    }
    found[strcspn(found, "\n")] = '\0';
    return good && strcmp(found, name) == 0;
}

static int end(pid_t child, int code)
{
    kill(child, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0) {
    }
    return code;
}

typedef enum verdict { GO_ON, KILL_NOW, READY, LOST } verdict;

static verdict look_at_call(pid_t child, pid_t thread, const char *name, unsigned long *left)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) {
        return errno == ESRCH ? GO_ON : LOST;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) {
        return GO_ON;
    }
    if (name == NULL && says_it_is_ready(&info)) {
        return READY;
    }
    return changes_files(&info) && counts(child, thread, name) && --*left == 0 ? KILL_NOW : GO_ON;
}

/* The signal to hand on: none of those that only tracing brings. */
static int signal_of(int status)
{
    int number = WSTOPSIG(status);
    return number == SIGTRAP || number == SIGSTOP ? 0 : number;
}

static int follow(pid_t child, const char *name, unsigned long left)
{
    int status, passed_on = 0;
    pid_t thread = child;
    for (;;) {
        if (ptrace(PTRACE_SYSCALL, thread, NULL, passed_on) != 0 && errno != ESRCH) {
            return end(child, EX_OSERR);
        }
        do {
            thread = waitpid(-1, &status, __WALL);
        } while (thread > 0 && thread != child && !WIFSTOPPED(status)); /* other threads may end */
        if (thread < 0 || !WIFSTOPPED(status)) {
            return CAME_THROUGH;
        }
        passed_on = 0;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            passed_on = signal_of(status);
            continue;
        }
        switch (look_at_call(child, thread, name, &left)) {
        case GO_ON: break;
        case KILL_NOW: return end(child, KILLED);
        case READY: return end(child, CAME_THROUGH);
        case LOST: return end(child, EX_OSERR);
        }
    }
}

static int become(char **argv)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        return EX_OSERR;
    }
    execv(argv[0], argv); /* stops for the tracer */
    return EX_OSERR;
}

static int usage(void)
{
    fputs("usage: kill_at N [--thread NAME] PROGRAM ARGUMENT ...\n", stderr);
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    unsigned long moment = argc < 3 ? 0 : strtoul(argv[1], NULL, 10);
    bool named = argc > 4 && strcmp(argv[2], "--thread") == 0;
    const char *name = named ? argv[3] : NULL;
    char **program = argv + (named ? 4 : 2);
    int status;
    if (moment == 0) {
        return usage();
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(become(program));
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        fprintf(stderr, "kill_at: %s cannot be traced\n", program[0]);
        return EX_OSERR;
    }
    if (ptrace(PTRACE_SETOPTIONS, child, NULL, named ? options | PTRACE_O_TRACECLONE : options) != 0) {
        return end(child, EX_OSERR);
    }
    return follow(child, name, moment);
}
