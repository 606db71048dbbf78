/* file_put.c - each message becomes a file in a folder that the legacy system reads.
 *
 * Written under a hidden name, synced, renamed, and the folder synced: whoever sees the file sees all of it, and a file
 * that was reported as sent outlives a power failure. The folder may be on a share that comes and goes.
 */
#include "connectors/senders/senders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MOST 200
#define PIECE_SIZE 65536

enum { OPTION_FOLDER, OPTION_ENDING };
static const casehub_option options[] = {
    [OPTION_FOLDER] = {"folder", CASEHUB_OPTION_PATH, NULL, 1, 900, "folder that the files are put into"},
    [OPTION_ENDING] = {"ending", CASEHUB_OPTION_TEXT, "", 0, 20,
                       "end of the name of a message that the mapping gives none, as \".csv\""},
};

typedef struct put {
    const casehub_host *host;
    const casehub_value *values;
} put;

/* Of the file that is being written; one at a time, so that what a crash left behind is overwritten. */
#define HIDDEN_SIZE 80
static void name_hidden(const put *p, char out[HIDDEN_SIZE])
{
    snprintf(out, HIDDEN_SIZE, ".casehub-%.50s.part", p->host->connector);
}

static int open_put(void *state, const casehub_host *host, const casehub_value *values)
{
    put *p = state;
    *p = (put){host, values};
    if (strpbrk(values[OPTION_ENDING].text, "/\\") != NULL) {
        host->fail(host, "ending: it holds a slash");
        return -1;
    }
    return 0;
}

static void close_put(void *state)
{
    (void)state;
}

static int put_fd(void *state)
{
    (void)state;
    return -1;
}

static int step_put(void *state)
{
    (void)state;
    return CASEHUB_STEP_WAIT;
}

static void settle(const put *p, casehub_sent sent, const char *reason)
{
    p->host->settle(p->host, sent, reason, -1, NULL, 0);
}

static void settle_errno(const put *p, const char *what)
{
    char text[200];
    int why = errno;
    snprintf(text, sizeof text, "%s: %s", what, strerror(why));
    settle(p, why == ENAMETOOLONG || why == EILSEQ ? CASEHUB_UNDELIVERABLE : CASEHUB_LATER, text);
}

/* A name may come from a case. One that begins with a dot is hidden, or leads out of the folder. */
static bool is_safe(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || strchr("/\\", name[i]) != NULL) {
            return false;
        }
    }
    return size > 0 && size <= NAME_MOST && name[0] != '.';
}

static void choose_name(const put *p, const casehub_message *message, char *out, size_t size)
{
    if (message->name != NULL) {
        snprintf(out, size, "%s", message->name);
        return;
    }
    snprintf(out, size, "%s%s", message->id, p->values[OPTION_ENDING].text);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at == '/' ? '-' : *at;
    }
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool write_hidden(int folder, const char *hidden, const casehub_message *message)
{
    int fd = openat(folder, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0) {
        return false;
    }
    bool written = write_all(fd, message->body, message->body_size) && fsync(fd) == 0;
    int why = errno;
    written = close(fd) == 0 && written;
    errno = written ? 0 : why;
    return written;
}

/* Takes no other file's place. A share that cannot do this in one step is asked first: nobody else puts files of these
 * names there. */
static bool rename_hidden(int folder, const char *hidden, const char *name)
{
    struct stat of;
    if (renameat2(folder, hidden, folder, name, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return false;
    }
    if (fstatat(folder, name, &of, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && renameat(folder, hidden, folder, name) == 0;
}

/* -1: it cannot be told now. */
static int compare(int fd, const char *bytes, size_t size)
{
    char piece[PIECE_SIZE];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -1 : size == 0;
        }
        if ((size_t)got > size || memcmp(piece, bytes, (size_t)got) != 0) {
            return 0;
        }
        bytes += got;
        size -= (size_t)got;
    }
}

/* It was put there before a crash, or it is somebody else's. */
static void settle_existing(const put *p, int folder, const char *name, const casehub_message *message)
{
    struct stat of;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int same = -1;
    if (fd >= 0) {
        same =
            fstat(fd, &of) == 0 && S_ISREG(of.st_mode) ? compare(fd, message->body, message->body_size) : 0;
        same = same == 1 && (fsync(fd) != 0 || fsync(folder) != 0) ? -1 : same;
    }
    if (same == 1) {
        settle(p, CASEHUB_SENT, NULL);
    } else if (same == 0 || errno == ELOOP) {
        settle(p, CASEHUB_UNDELIVERABLE, "there is something else of that name already");
    } else {
        settle_errno(p, "the file of that name cannot be read");
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void put_file(const put *p, int folder, const char *name, const casehub_message *message)
{
    char hidden[HIDDEN_SIZE];
    name_hidden(p, hidden);
    if (!write_hidden(folder, hidden, message)) {
        settle_errno(p, "the file cannot be written");
    } else if (rename_hidden(folder, hidden, name)) {
        if (fsync(folder) == 0) {
            settle(p, CASEHUB_SENT, NULL);
            return;
        }
        settle_errno(p, "the folder cannot be synced");
    } else if (errno == EEXIST) {
        settle_existing(p, folder, name, message);
    } else {
        settle_errno(p, "the file cannot get its name");
    }
    unlinkat(folder, hidden, 0);
}

static void send_put(void *state, const casehub_message *message)
{
    const put *p = state;
    char name[NAME_MOST + 200];
    choose_name(p, message, name, sizeof name);
    if (message->target != NULL) {
        settle(p, CASEHUB_UNDELIVERABLE, "file_put has one folder and no targets");
        return;
    }
    if (!is_safe(name)) {
        settle(
            p, CASEHUB_UNDELIVERABLE,
            "name: 1 to 200 bytes without a slash or a control character are expected, and no dot in front");
        return;
    }
    int folder = open(p->values[OPTION_FOLDER].text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        settle_errno(p, "the folder cannot be opened");
        return;
    }
    put_file(p, folder, name, message);
    close(folder);
}

const casehub_sender ch_sender_file_put = {CASEHUB_SIZED(casehub_sender),
                                           .name = "file_put",
                                           .help = "puts each message as a file into a folder",
                                           .options = options,
                                           .option_count = sizeof options / sizeof *options,
                                           .writer = "json",
                                           .state_size = sizeof(put),
                                           .open = open_put,
                                           .close = close_put,
                                           .fd = put_fd,
                                           .step = step_put,
                                           .send = send_put};
