/* file_drop.c - a folder that the legacy system writes its exports into. Each file is a unit.
 *
 * What was taken moves to done/, what could not be read at all to rejected/ with NAME.reason.txt beside it. Links, pipes
 * and devices are never opened.
 */
#include "connectors/transports/drop_folder.h"
#include "connectors/transports/transports.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define PURGE_EVERY_MS ((int64_t)3600 * 1000)
#define RETRY_MS 1000

enum { OPTION_FOLDER, OPTION_SETTLE, OPTION_SCAN, OPTION_KEEP };
static const casehub_option options[] = {
    [OPTION_FOLDER] = {"folder", CASEHUB_OPTION_PATH, NULL, 1, 900, "folder that files are dropped into"},
    [OPTION_SETTLE] = {"settle", CASEHUB_OPTION_TIME, "2s", 0, 3600000,
                       "so long a file must stay as it is, unless it was closed or renamed before our eyes"},
    [OPTION_SCAN] = {"scan", CASEHUB_OPTION_TIME, "5s", 100, 3600000,
                     "looks at the folder at least this often"},
    [OPTION_KEEP] = {"keep", CASEHUB_OPTION_TIME, "30d", 0, INT64_MAX,
                     "so long files stay in done/ and rejected/"},
};

typedef struct drop {
    const casehub_host *host;
    const casehub_value *values;
    ch_drop_folder folder;
    bool opened;
    int inotify;
    int64_t scan_at_ms, purge_at_ms, retry_at_ms; /* monotonic */
} drop;

static int fail(const drop *d, const char *what, const char *why)
{
    char text[500];
    snprintf(text, sizeof text, "%s: %s", what, why);
    d->host->fail(d->host, text);
    return -1;
}

static void say(const drop *d, casehub_level level, const char *name, const char *what)
{
    char text[700];
    snprintf(text, sizeof text, "%.300s: %.350s", name, what);
    d->host->log(d->host, level, text);
}

static int open_drop(void *state, const casehub_host *host, const casehub_value *values)
{
    drop *d = state;
    char absolute[PATH_MAX];
    ch_error error;
    const char *path = values[OPTION_FOLDER].text;
    d->host = host;
    d->values = values;
    d->inotify = -1;
    if (ch_drop_folder_open(&d->folder, path, values[OPTION_SETTLE].number, &error) != CH_OK) {
        return fail(d, error.where, error.text);
    }
    d->opened = true;
    d->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (d->inotify < 0 ||
        inotify_add_watch(d->inotify, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) < 0) {
        return fail(d, path, strerror(errno));
    }
    if (realpath(path, absolute) == NULL) {
        return fail(d, path, strerror(errno));
    }
    host->set_address(host, absolute);
    return 0;
}

static void close_drop(void *state)
{
    drop *d = state;
    if (d->inotify >= 0) {
        close(d->inotify);
    }
    if (d->opened) {
        ch_drop_folder_close(&d->folder);
    }
}

static int drop_fd(void *state)
{
    return ((drop *)state)->inotify;
}

/* What the kernel tells is a hint; the scan looks for itself. */
static void take_hints(drop *d)
{
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    ssize_t got;
    while ((got = read(d->inotify, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)(bytes + at);
            if (event->len > 0 && (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) {
                ch_drop_folder_hint(&d->folder, event->name);
            }
            at += (ssize_t)(sizeof *event + event->len);
        }
        d->scan_at_ms = 0;
    }
}

/* By its name, and only what was looked at: another file that took its place meanwhile, or what was written to it, is a
 * unit of its own and stays for the next scan. */
static void move(drop *d, ch_drop_file *file, const char *into, const char *reason)
{
    char *name = NULL;
    ch_error error;
    struct stat now;
    if (fstatat(d->folder.fd, file->name, &now, AT_SYMLINK_NOFOLLOW) != 0 || !ch_drop_is_same(file, &now)) {
        return;
    }
    ch_status status = ch_drop_move(&d->folder, file->name, into, &name, &error);
    if (status == CH_OK && reason != NULL) {
        status = ch_drop_explain(&d->folder, name, reason, &error);
    }
    if (status != CH_OK) {
        say(d, CASEHUB_ERROR, file->name, error.text);
    }
    free(name);
}

static void reject(drop *d, ch_drop_file *file, const casehub_outcome *outcome)
{
    char text[700];
    say(d, CASEHUB_WARN, file->name, outcome->reason);
    snprintf(text, sizeof text, "%s: %s\n", outcome->code, outcome->reason);
    move(d, file, "rejected", text);
}

static void reject_kind(drop *d, ch_drop_file *file)
{
    casehub_outcome outcome = {.code = "invalid", .reason = "it is no regular file"};
    file->taken = true;
    reject(d, file, &outcome);
}

static long read_file(void *context, void *out, size_t most)
{
    ssize_t got;
    do {
        got = read(*(int *)context, out, most);
    } while (got < 0 && errno == EINTR);
    return (long)got;
}

static void settle_file(drop *d, ch_drop_file *file, casehub_verdict verdict, const casehub_outcome *outcome)
{
    char text[160];
    switch (verdict) {
    case CASEHUB_RETRY:
        file->taken = false;
        d->retry_at_ms = d->host->monotonic_ms(d->host) + RETRY_MS;
        break;
    case CASEHUB_REJECT: reject(d, file, outcome); break;
    case CASEHUB_DONE:
        snprintf(text, sizeof text, "%llu records, %llu events, %llu dead letters",
                 (unsigned long long)outcome->records, (unsigned long long)outcome->events,
                 (unsigned long long)outcome->dead_letters);
        say(d, CASEHUB_INFO, file->name, text);
        move(d, file, "done", NULL);
        break;
    }
}

static void take_file(drop *d, ch_drop_file *file)
{
    char identity[CH_DROP_IDENTITY_SIZE];
    struct stat now;
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    int fd = openat(d->folder.fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    file->taken = true;
    if (fd < 0 || fstat(fd, &now) != 0) {
        say(d, CASEHUB_WARN, file->name, strerror(errno));
    } else if (!S_ISREG(now.st_mode)) {
        reject_kind(d, file);
    } else if (ch_drop_is_same(file, &now)) {
        ch_drop_identity(&now, identity);
        const casehub_unit unit = {CASEHUB_SIZED(casehub_unit), .name = file->name,
                                   .identity = identity,        .time_ms = file->mtime_ns / 1000000,
                                   .read = read_file,           .context = &fd};
        casehub_verdict verdict = d->host->take(d->host, &unit, &outcome);
        settle_file(d, file, verdict, &outcome);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void purge(drop *d, int64_t now_ms)
{
    static const char *const folders[] = {"done", "rejected"};
    int64_t keep_ms = d->values[OPTION_KEEP].number, wall_ms = d->host->wall_ms(d->host);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t count = keep_ms > wall_ms ? 0 : ch_drop_purge(&d->folder, folders[i], wall_ms, keep_ms);
        if (count > 0) {
            char text[60];
            snprintf(text, sizeof text, "%zu old files deleted", count);
            say(d, CASEHUB_INFO, folders[i], text);
        }
    }
    d->purge_at_ms = now_ms + PURGE_EVERY_MS;
}

/* Until there is a reason to look again. */
static int wait_ms(const drop *d, int64_t now_ms)
{
    int64_t wait = d->scan_at_ms - now_ms, settle = ch_drop_folder_wait_ms(&d->folder, now_ms);
    wait = settle >= 0 && settle < wait ? settle : wait;
    return wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : (int)wait;
}

static int step_drop(void *state)
{
    drop *d = state;
    ch_error error;
    ch_drop_file *file;
    int64_t now_ms = d->host->monotonic_ms(d->host);
    take_hints(d);
    if (now_ms >= d->purge_at_ms) {
        purge(d, now_ms);
    }
    if (now_ms < d->retry_at_ms) {
        return (int)(d->retry_at_ms - now_ms);
    }
    if ((file = ch_drop_folder_next(&d->folder)) == NULL &&
        (now_ms >= d->scan_at_ms || ch_drop_folder_wait_ms(&d->folder, now_ms) == 0)) {
        if (ch_drop_folder_scan(&d->folder, now_ms, &error) != CH_OK) {
            fail(d, error.where, error.text);
            return CASEHUB_STEP_FAILED;
        }
        d->scan_at_ms = now_ms + d->values[OPTION_SCAN].number;
        file = ch_drop_folder_next(&d->folder);
    }
    if (file == NULL) {
        return wait_ms(d, now_ms);
    }
    if (file->regular) {
        take_file(d, file);
    } else {
        reject_kind(d, file);
    }
    return 0;
}

const casehub_transport ch_transport_file_drop = {
    CASEHUB_SIZED(casehub_transport),
    .name = "file_drop",
    .help = "a folder that the legacy system writes its files into",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .format = "csv",
    .state_size = sizeof(drop),
    .open = open_drop,
    .close = close_drop,
    .fd = drop_fd,
    .step = step_drop,
};
