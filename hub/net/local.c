/* We make the listening socket ourselves and lend it to libzmq (ZMQ_USE_FD). libzmq would bind first and leave a
 * chmod to us, so that anybody could connect in between, and it removes whatever lies at the path, another hub's
 * living socket or a data file alike.
 */
#include "hub/net/inside.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCHEME "ipc://"
#define BACKLOG 512

static ch_status fail(ch_error *error, const char *path, const char *what)
{
    int code = errno;
    char text[128];
    return ch_error_set(error, CH_IO, path, "%s: %s", what, strerror_r(code, text, sizeof text));
}

static ch_status read_path(ch_local *local, const char *endpoint, ch_error *error)
{
    ch_str path = ch_str_of(endpoint);
    if (!ch_str_starts(path, CH_STR(SCHEME)) || path.size == sizeof SCHEME - 1) {
        return ch_error_set(error, CH_INVALID, endpoint, "is not " SCHEME "PATH");
    }
    path.at += sizeof SCHEME - 1;
    path.size -= sizeof SCHEME - 1;
    if (path.at[0] == '@' || path.at[0] == '*') {
        return ch_error_set(error, CH_INVALID, endpoint, "has no file whose mode could guard it");
    }
    if (ch_str_copy(local->path, sizeof local->path, path) != CH_OK) {
        return ch_error_set(error, CH_INVALID, endpoint, "is longer than %zu bytes", sizeof local->path - 1);
    }
    return CH_OK;
}

static struct sockaddr_un address_of(const ch_local *local)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", local->path);
    return address;
}

/* CH_OK when nobody listens there. */
static ch_status check_unused(const ch_local *local, ch_error *error)
{
    struct sockaddr_un address = address_of(local);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(error, local->path, "no socket");
    }
    ch_status status = CH_OK;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN) {
        status = ch_error_set(error, CH_LOCKED, local->path, "another process listens there");
    } else if (errno != ECONNREFUSED) {
        status = fail(error, local->path, "cannot tell whether somebody listens there");
    }
    close(fd);
    return status;
}

static ch_status make_room(const ch_local *local, ch_error *error)
{
    struct stat seen;
    if (lstat(local->path, &seen) != 0) {
        return errno == ENOENT ? CH_OK : fail(error, local->path, "cannot be looked at");
    }
    if (!S_ISSOCK(seen.st_mode)) {
        return ch_error_set(error, CH_INVALID, local->path, "exists and is not a socket");
    }
    ch_status status = check_unused(local, error);
    if (status == CH_OK && unlink(local->path) != 0) {
        status = fail(error, local->path, "cannot be replaced");
    }
    return status;
}

/* On Linux the file gets the mode that the socket has before it is bound. */
static ch_status listen_at(ch_local *local, int fd, ch_error *error)
{
    struct sockaddr_un address = address_of(local);
    struct stat seen;
    if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        return fail(error, local->path, "cannot be bound");
    }
    local->bound = true;
    if (lstat(local->path, &seen) != 0 || listen(fd, BACKLOG) != 0) {
        return fail(error, local->path, "cannot listen");
    }
    local->device = seen.st_dev;
    local->inode = seen.st_ino;
    return CH_OK;
}

ch_status ch_local_bind(ch_local *local, void *socket_to_bind, const char *endpoint, ch_error *error)
{
    ch_status status = read_path(local, endpoint, error);
    if (status == CH_OK) {
        status = make_room(local, error);
    }
    if (status != CH_OK) {
        return status;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(error, local->path, "no socket");
    }
    status = listen_at(local, fd, error);
    if (status == CH_OK) {
        status = ch_socket_set_int(socket_to_bind, ZMQ_USE_FD, fd, error);
    }
    if (status == CH_OK && zmq_bind(socket_to_bind, endpoint) != 0) {
        status = ch_zmq_fail(error, endpoint, "cannot be bound");
    }
    if (status != CH_OK) {
        close(fd);
    }
    return status;
}

void ch_local_remove(ch_local *local)
{
    struct stat seen;
    if (local->bound && lstat(local->path, &seen) == 0 && seen.st_dev == local->device &&
        seen.st_ino == local->inode) {
        unlink(local->path);
    }
    local->bound = false;
}
