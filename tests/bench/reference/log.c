#include "tests/bench/reference/log.h"

#include "tests/bench/drive/drive.h"
#include "tests/bench/reference/reference.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAP_BYTES (UINT64_C(64) << 30)
#define EVENT_MOST 4096

struct reference_log {
    MDB_env *env;
    MDB_dbi events;
    uint64_t last;
    pthread_t thread;
    int submitted_fd, done_fd;
    reference_batch *under_way; /* NULL: idle; "stop" is a submission without a batch */
    uint8_t records[REFERENCE_FRAME_BYTES + EVENT_MOST];
};

static void check(int result, const char *what)
{
    if (result != MDB_SUCCESS) {
        bench_fail("reference: %s: %s", what, mdb_strerror(result));
    }
}

static void ring(int fd)
{
    const uint64_t one = 1;
    if (write(fd, &one, sizeof one) != sizeof one) {
        bench_fail("reference: eventfd: %s", strerror(errno));
    }
}

static void await_ring(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof count) != sizeof count) {
        if (errno != EINTR) {
            bench_fail("reference: eventfd: %s", strerror(errno));
        }
    }
}

/* The next record of a frame; false at its end, or when it is cut short. */
static bool next_record(uint8_t **at, const uint8_t *end, MDB_val *out_record)
{
    uint32_t size;
    if ((size_t)(end - *at) < sizeof size) {
        return false;
    }
    memcpy(&size, *at, sizeof size);
    if (size > EVENT_MOST || (size_t)(end - *at) - sizeof size < size) {
        return false;
    }
    *out_record = (MDB_val){.mv_size = size, .mv_data = *at + sizeof size};
    *at += sizeof size + size;
    return true;
}

uint32_t reference_count(void *records, size_t size)
{
    uint8_t *at = records, *end = at + size;
    uint32_t count = 0;
    MDB_val record;
    while (next_record(&at, end, &record)) {
        count++;
    }
    return at == end ? count : 0;
}

static void commit(reference_log *log, reference_batch *batch)
{
    MDB_txn *transaction;
    MDB_cursor *cursor;
    uint64_t sequence = batch->first;
    check(mdb_txn_begin(log->env, NULL, 0, &transaction), "begin");
    check(mdb_cursor_open(transaction, log->events, &cursor), "cursor");
    for (unsigned i = 0; i < batch->count; i++) {
        uint8_t *at = zmq_msg_data(&batch->frames[i]), *end = at + zmq_msg_size(&batch->frames[i]);
        MDB_val key = {.mv_size = sizeof sequence, .mv_data = &sequence}, record;
        for (; next_record(&at, end, &record); sequence++) {
            check(mdb_cursor_put(cursor, &key, &record, MDB_APPEND), "append");
        }
    }
    mdb_cursor_close(cursor);
    check(mdb_txn_commit(transaction), "commit");
}

static void *commit_batches(void *context)
{
    reference_log *log = context;
    for (;;) {
        await_ring(log->submitted_fd);
        if (log->under_way == NULL) {
            return NULL;
        }
        commit(log, log->under_way);
        ring(log->done_fd);
    }
}

static uint64_t find_last(reference_log *log, MDB_txn *transaction)
{
    MDB_cursor *cursor;
    MDB_val key, record;
    uint64_t last = 0;
    check(mdb_cursor_open(transaction, log->events, &cursor), "cursor");
    if (mdb_cursor_get(cursor, &key, &record, MDB_LAST) == MDB_SUCCESS) {
        memcpy(&last, key.mv_data, sizeof last);
    }
    mdb_cursor_close(cursor);
    return last;
}

reference_log *reference_log_open(const char *folder)
{
    reference_log *log = bench_new(1, sizeof *log);
    MDB_txn *transaction;
    check(mdb_env_create(&log->env), "environment");
    check(mdb_env_set_mapsize(log->env, MAP_BYTES), "map size");
    check(mdb_env_open(log->env, folder, 0, 0600), folder);
    check(mdb_txn_begin(log->env, NULL, 0, &transaction), "begin");
    check(mdb_dbi_open(transaction, NULL, MDB_INTEGERKEY, &log->events), "table");
    log->last = find_last(log, transaction);
    check(mdb_txn_commit(transaction), "commit");
    log->submitted_fd = eventfd(0, EFD_CLOEXEC);
    log->done_fd = eventfd(0, EFD_CLOEXEC);
    if (log->submitted_fd < 0 || log->done_fd < 0 ||
        pthread_create(&log->thread, NULL, commit_batches, log) != 0) {
        bench_fail("reference: no thread");
    }
    return log;
}

void reference_log_close(reference_log *log)
{
    if (log->under_way != NULL) {
        reference_log_take(log);
    }
    ring(log->submitted_fd);
    pthread_join(log->thread, NULL);
    mdb_env_close(log->env);
    close(log->submitted_fd);
    close(log->done_fd);
    free(log);
}

int reference_log_fd(const reference_log *log)
{
    return log->done_fd;
}

bool reference_log_is_busy(const reference_log *log)
{
    return log->under_way != NULL;
}

void reference_log_submit(reference_log *log, reference_batch *batch)
{
    batch->first = batch->last = log->last + 1;
    for (unsigned i = 0; i < batch->count; i++) {
        batch->last += batch->events[i];
    }
    batch->last--;
    log->under_way = batch;
    ring(log->submitted_fd);
}

reference_batch *reference_log_take(reference_log *log)
{
    reference_batch *batch = log->under_way;
    await_ring(log->done_fd);
    log->under_way = NULL;
    log->last = batch->last;
    return batch;
}

uint64_t reference_log_last(const reference_log *log)
{
    return log->last;
}

uint64_t reference_log_read(reference_log *log, uint64_t from, zmq_msg_t *out_records)
{
    MDB_txn *transaction;
    MDB_cursor *cursor;
    MDB_val key = {.mv_size = sizeof from, .mv_data = &from}, record;
    size_t filled = 0;
    check(mdb_txn_begin(log->env, NULL, MDB_RDONLY, &transaction), "begin");
    check(mdb_cursor_open(transaction, log->events, &cursor), "cursor");
    int found = mdb_cursor_get(cursor, &key, &record, MDB_SET);
    for (; found == MDB_SUCCESS && from <= log->last && filled < REFERENCE_FRAME_BYTES; from++) {
        uint32_t size = (uint32_t)record.mv_size;
        memcpy(log->records + filled, &size, sizeof size);
        memcpy(log->records + filled + sizeof size, record.mv_data, size);
        filled += sizeof size + size;
        found = mdb_cursor_get(cursor, &key, &record, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(transaction);
    if (zmq_msg_init_size(out_records, filled) != 0) {
        bench_fail("reference: out of memory");
    }
    memcpy(zmq_msg_data(out_records), log->records, filled);
    return from;
}
