#include "connectors/transports/odbc_worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ch_odbc_worker {
    pthread_t thread;
    int fd;
    bool busy;
    ch_odbc_work work;
    void *context;
};

ch_status ch_odbc_worker_open(ch_odbc_worker **out_worker, ch_error *error)
{
    ch_odbc_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->fd < 0) {
        free(worker);
        return ch_error_set(error, CH_IO, "eventfd", "%s", strerror(errno));
    }
    *out_worker = worker;
    return CH_OK;
}

static void *run(void *context)
{
    ch_odbc_worker *worker = context;
    const uint64_t one = 1;
    worker->work(worker->context);
    ssize_t written = write(worker->fd, &one, sizeof one);
    (void)written;
    return NULL;
}

ch_status ch_odbc_worker_start(ch_odbc_worker *worker, ch_odbc_work work, void *context, ch_error *error)
{
    worker->work = work;
    worker->context = context;
    int result = pthread_create(&worker->thread, NULL, run, worker);
    if (result != 0) {
        return ch_error_set(error, CH_IO, "thread", "%s", strerror(result));
    }
    worker->busy = true;
    return CH_OK;
}

bool ch_odbc_worker_is_busy(const ch_odbc_worker *worker)
{
    return worker->busy;
}

bool ch_odbc_worker_ended(ch_odbc_worker *worker)
{
    uint64_t count;
    if (!worker->busy || read(worker->fd, &count, sizeof count) != (ssize_t)sizeof count) {
        return false;
    }
    pthread_join(worker->thread, NULL);
    worker->busy = false;
    return true;
}

int ch_odbc_worker_fd(const ch_odbc_worker *worker)
{
    return worker->fd;
}

bool ch_odbc_worker_close(ch_odbc_worker *worker, int wait_ms)
{
    struct pollfd ended = {.fd = worker->fd, .events = POLLIN};
    if (worker->busy && (poll(&ended, 1, wait_ms) <= 0 || !ch_odbc_worker_ended(worker))) {
        pthread_detach(worker->thread);
        return false;
    }
    close(worker->fd);
    free(worker);
    return true;
}
