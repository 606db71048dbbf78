/* log.h - the reference hub's disk: LMDB, one key an event, appended in batches on a thread of its own.
 *
 * While one batch is being synced the front gathers the next: group commit without a timer. Only reference_log_submit
 * and reference_log_take cross the threads; everything else belongs to the front.
 */
#ifndef BENCH_REFERENCE_LOG_H
#define BENCH_REFERENCE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#define REFERENCE_BATCH_FRAMES 4096

typedef struct reference_batch {
    zmq_msg_t frames[REFERENCE_BATCH_FRAMES]; /* of records */
    unsigned clients[REFERENCE_BATCH_FRAMES]; /* who published them */
    uint32_t events[REFERENCE_BATCH_FRAMES];  /* in each frame */
    unsigned count;
    uint64_t first, last; /* sequences, once it is submitted */
} reference_batch;

typedef struct reference_log reference_log;

reference_log *reference_log_open(const char *folder);
/* Waits for the batch under way. */
void reference_log_close(reference_log *log);

/* Readable when reference_log_take would answer a batch. */
int reference_log_fd(const reference_log *log);
bool reference_log_is_busy(const reference_log *log);
/* Only while it is not busy; batch stays the log's until reference_log_take answers it: it is durable then. */
void reference_log_submit(reference_log *log, reference_batch *batch);
reference_batch *reference_log_take(reference_log *log);

uint64_t reference_log_last(const reference_log *log); /* durable sequence, 0: none */
/* Records from sequence `from` on, into a new message of about REFERENCE_FRAME_BYTES; the sequence behind them. */
uint64_t reference_log_read(reference_log *log, uint64_t from, zmq_msg_t *out_records);

/* How many records a frame holds; 0 when it is none of records. */
uint32_t reference_count(void *records, size_t size);

#endif
