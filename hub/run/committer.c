#include "hub/run/committer.h"

#include "hub/base/clock.h"
#include "hub/net/pipe.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

struct ch_committer {
    pthread_t thread;
    ch_pipe *batches; /* to the thread; the committer itself stands for: stop */
    ch_pipe *results; /* from it */
    ch_commit_result result;
    bool started;
};

/* Sleeps until the pipe has something. */
static void *wait_for(ch_pipe *pipe)
{
    void *item;
    while ((item = ch_pipe_pop(pipe)) == NULL) {
        struct pollfd bell = {.fd = ch_pipe_fd(pipe), .events = POLLIN};
        ch_pipe_silence(pipe);
        if (ch_pipe_count(pipe) == 0) {
            poll(&bell, 1, -1);
        }
    }
    return item;
}

/* There is never more than one item under way, and room for it. */
static void push(ch_pipe *pipe, void *item)
{
    ch_status status = ch_pipe_push(pipe, item);
    if (status != CH_OK) {
        abort();
    }
    ch_pipe_ring(pipe);
}

static void *run(void *argument)
{
    pthread_setname_np(pthread_self(), "committer");
    ch_committer *committer = argument;
    void *item;
    while ((item = wait_for(committer->batches)) != committer) {
        int64_t begun_us = ch_clock_real_us();
        committer->result.status = ch_batch_commit(item, &committer->result.error);
        committer->result.took_us = ch_clock_real_us() - begun_us;
        push(committer->results, item);
    }
    return NULL;
}

ch_status ch_committer_start(ch_committer **out_committer, ch_error *error)
{
    ch_committer *committer = calloc(1, sizeof *committer);
    ch_status status = committer == NULL ? CH_NO_MEMORY : ch_pipe_new(&committer->batches, 2);
    if (status == CH_OK) {
        status = ch_pipe_new(&committer->results, 2);
    }
    if (status == CH_OK) {
        committer->started = pthread_create(&committer->thread, NULL, run, committer) == 0;
        status = committer->started ? CH_OK : CH_IO;
    }
    if (status != CH_OK) {
        ch_committer_stop(committer);
        return ch_error_set(error, status, "committer", "its thread cannot be started");
    }
    *out_committer = committer;
    return CH_OK;
}

void ch_committer_stop(ch_committer *committer)
{
    ch_commit_result result;
    if (committer == NULL) {
        return;
    }
    if (committer->started) {
        push(committer->batches, committer);
        pthread_join(committer->thread, NULL);
        (void)ch_committer_result(committer, false, &result);
    }
    ch_pipe_free(committer->batches);
    ch_pipe_free(committer->results);
    free(committer);
}

void ch_committer_give(ch_committer *committer, ch_batch *batch)
{
    push(committer->batches, batch);
}

bool ch_committer_result(ch_committer *committer, bool wait, ch_commit_result *out_result)
{
    void *item = wait ? wait_for(committer->results) : ch_pipe_pop(committer->results);
    if (item == NULL) {
        return false;
    }
    *out_result = committer->result;
    return true;
}

bool ch_committer_is_done(const ch_committer *committer)
{
    return ch_pipe_count(committer->results) > 0;
}

void ch_committer_silence(ch_committer *committer)
{
    ch_pipe_silence(committer->results);
}

int ch_committer_fd(const ch_committer *committer)
{
    return ch_pipe_fd(committer->results);
}
