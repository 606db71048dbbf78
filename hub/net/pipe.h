/* pipe.h - a bounded queue of pointers from one thread to one other, with a bell that a poll loop can wait
 * for.
 *
 * Single producer, single consumer, lock-free. Never grows: a full pipe refuses, and the producer decides.
 */
#ifndef CH_NET_PIPE_H
#define CH_NET_PIPE_H

#include "hub/base/status.h"

typedef struct ch_pipe ch_pipe;

/* capacity: a power of two, 2..65536. CH_INVALID, CH_NO_MEMORY, CH_IO. */
ch_status ch_pipe_new(ch_pipe **out_pipe, size_t capacity) CH_MUST_CHECK;
/* Must be empty; the owner of what is in it drains it first. */
void ch_pipe_free(ch_pipe *pipe);
/* Producer. CH_FULL: nothing moved. Does not ring. */
ch_status ch_pipe_push(ch_pipe *pipe, void *item) CH_MUST_CHECK;
/* Producer: wakes the consumer if it may be asleep; once after a row of pushes. */
void ch_pipe_ring(ch_pipe *pipe);
/* Consumer: NULL when empty. */
void *ch_pipe_pop(ch_pipe *pipe);
/* Consumer: the descriptor to poll for reading, and how to silence it. The order is: silence, pop until NULL,
 * poll. */
int ch_pipe_fd(const ch_pipe *pipe);
void ch_pipe_silence(ch_pipe *pipe);
/* Either side, a snapshot. */
size_t ch_pipe_count(const ch_pipe *pipe);

#endif
