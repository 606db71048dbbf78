/* The ring is the usual one of a single producer and a single consumer: each side owns one index, publishes it with
 * release, and keeps its last look at the other's, so that the shared lines move only when a side seems to run out.
 *
 * The bell must never lose a wake-up, and should cost a system call only when the consumer sleeps. Both sides
 * exchange `asleep`:
 *   consumer, ch_pipe_silence: empty the eventfd, then asleep := true; then pop until NULL, then poll
 *   producer, ch_pipe_ring:    after its pushes asleep := false; if it was true, write the eventfd
 * Exchanges of one object happen in one order, and a later one sees what came before the earlier one.
 *   Ring before silence: the consumer's next pop sees the pushes; it does not sleep on them.
 *   Silence before ring: the ring finds true and writes the eventfd; the poll returns.
 * The eventfd is emptied before asleep is set, never after: otherwise a ring in between would be swallowed while
 * asleep is false, and the next one would stay silent. What remains possible is a wake-up for nothing.
 */
#include "hub/net/pipe.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CAPACITY_LEAST 2
#define CAPACITY_MOST 65536
#define CACHE_LINE 64

/* Indices only grow; their low bits are the place in the ring. The padding keeps the two sides' lines apart. */
struct ch_pipe { /* NOLINT(clang-analyzer-optin.performance.Padding) */
    void **slots;
    size_t capacity;
    int bell;
    alignas(CACHE_LINE) atomic_size_t pushed; /* written by the producer */
    size_t popped_seen;                       /* the producer's last look at popped */
    alignas(CACHE_LINE) atomic_size_t popped; /* written by the consumer */
    size_t pushed_seen;                       /* the consumer's last look at pushed */
    alignas(CACHE_LINE) atomic_bool asleep;   /* the consumer sleeps, or is about to */
};

static ch_status open_pipe(ch_pipe *pipe, size_t capacity)
{
    atomic_init(&pipe->pushed, 0);
    atomic_init(&pipe->popped, 0);
    atomic_init(&pipe->asleep, true);
    pipe->popped_seen = pipe->pushed_seen = 0;
    pipe->capacity = capacity;
    pipe->bell = -1;
    pipe->slots = calloc(capacity, sizeof *pipe->slots);
    if (pipe->slots == NULL) {
        return CH_NO_MEMORY;
    }
    pipe->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return pipe->bell < 0 ? CH_IO : CH_OK;
}

static void close_pipe(ch_pipe *pipe)
{
    if (pipe->bell >= 0) {
        close(pipe->bell);
    }
    free(pipe->slots);
    free(pipe);
}

ch_status ch_pipe_new(ch_pipe **out_pipe, size_t capacity)
{
    if (capacity < CAPACITY_LEAST || capacity > CAPACITY_MOST || (capacity & (capacity - 1)) != 0) {
        return CH_INVALID;
    }
    ch_pipe *pipe = aligned_alloc(alignof(ch_pipe), sizeof *pipe);
    if (pipe == NULL) {
        return CH_NO_MEMORY;
    }
    ch_status status = open_pipe(pipe, capacity);
    if (status != CH_OK) {
        close_pipe(pipe);
        return status;
    }
    *out_pipe = pipe;
    return CH_OK;
}

void ch_pipe_free(ch_pipe *pipe)
{
    if (pipe == NULL) {
        return;
    }
    assert(ch_pipe_count(pipe) == 0);
    close_pipe(pipe);
}

ch_status ch_pipe_push(ch_pipe *pipe, void *item)
{
    assert(item != NULL);
    size_t at = atomic_load_explicit(&pipe->pushed, memory_order_relaxed);
    if (at - pipe->popped_seen == pipe->capacity) {
        pipe->popped_seen = atomic_load_explicit(&pipe->popped, memory_order_acquire);
        if (at - pipe->popped_seen == pipe->capacity) {
            return CH_FULL;
        }
    }
    pipe->slots[at & (pipe->capacity - 1)] = item;
    atomic_store_explicit(&pipe->pushed, at + 1, memory_order_release);
    return CH_OK;
}

void ch_pipe_ring(ch_pipe *pipe)
{
    const uint64_t one = 1;
    if (!atomic_exchange_explicit(&pipe->asleep, false, memory_order_acq_rel)) {
        return;
    }
    /* EAGAIN would mean that the counter is at its top: then the bell is ringing already. */
    while (write(pipe->bell, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void *ch_pipe_pop(ch_pipe *pipe)
{
    size_t at = atomic_load_explicit(&pipe->popped, memory_order_relaxed);
    if (at == pipe->pushed_seen) {
        pipe->pushed_seen = atomic_load_explicit(&pipe->pushed, memory_order_acquire);
        if (at == pipe->pushed_seen) {
            return NULL;
        }
    }
    void *item = pipe->slots[at & (pipe->capacity - 1)];
    atomic_store_explicit(&pipe->popped, at + 1, memory_order_release);
    return item;
}

int ch_pipe_fd(const ch_pipe *pipe)
{
    return pipe->bell;
}

void ch_pipe_silence(ch_pipe *pipe)
{
    uint64_t rings;
    /* EAGAIN: nobody rang. */
    while (read(pipe->bell, &rings, sizeof rings) < 0 && errno == EINTR) {
    }
    atomic_exchange_explicit(&pipe->asleep, true, memory_order_acq_rel);
}

/* popped first: it never overtakes pushed, so the difference never wraps. */
size_t ch_pipe_count(const ch_pipe *pipe)
{
    size_t popped = atomic_load_explicit(&pipe->popped, memory_order_acquire);
    size_t pushed = atomic_load_explicit(&pipe->pushed, memory_order_acquire);
    return pushed - popped;
}
