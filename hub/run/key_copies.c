#include "hub/run/key_copies.h"

#include "hub/store/erasures.h"

#include "hub/base/diag.h"
#include "hub/model/mp.h"

#include <pthread.h>
#include <stdlib.h>

#define ROWS_LIMIT ((size_t)1024 * 1024)

struct ch_key_copies {
    ch_store *store;
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    bool owed, at_work, stopping;
    ch_buf rows; /* of the last round */
    uint32_t count;
};

/* What this round meets, before the others see it. */
typedef struct meeting {
    ch_buf rows;
    uint32_t count;
} meeting;

static void put_row(meeting *of, const char *copy_dir, const ch_error *outcome)
{
    bool erased = outcome->status == CH_OK;
    ch_mp_put_map(&of->rows, erased ? 2 : 3);
    ch_mp_put_text(&of->rows, "copy");
    ch_mp_put_text(&of->rows, copy_dir);
    ch_mp_put_text(&of->rows, "erased");
    ch_mp_put_bool(&of->rows, erased);
    if (!erased) {
        ch_mp_put_text(&of->rows, "text");
        ch_mp_put_text(&of->rows, outcome->text);
    }
    of->count++;
}

static void meet(void *context, const char *copy_dir, const ch_error *outcome)
{
    if (outcome->status != CH_OK) {
        ch_diag_failure("keys", outcome, "a copy of the keys still has those of erased cases");
    }
    put_row(context, copy_dir, outcome);
}

/* One row for all: whoever asks must not take "none was met" for "there are none". */
static void put_failure(meeting *of, const ch_error *error)
{
    ch_diag_failure("keys", error, "the copies of the keys cannot be looked through");
    ch_buf_clear(&of->rows);
    of->count = 0;
    put_row(of, "all", error);
}

static void go_round(ch_key_copies *copies)
{
    meeting of = {.count = 0};
    ch_error error;
    ch_buf_init(&of.rows, ROWS_LIMIT);
    ch_status status = ch_key_copies_erase(copies->store, meet, &of, &error);
    if (status == CH_OK && of.rows.failed != CH_OK) {
        status = ch_error_set(&error, of.rows.failed, "keys", "no room to tell of every copy");
    }
    if (status != CH_OK) {
        put_failure(&of, &error);
    }
    pthread_mutex_lock(&copies->lock);
    ch_buf before = copies->rows;
    copies->rows = of.rows;
    copies->count = of.rows.failed == CH_OK ? of.count : 0;
    pthread_mutex_unlock(&copies->lock);
    ch_buf_done(&before);
}

static void *run(void *argument)
{
    ch_key_copies *copies = argument;
    pthread_setname_np(pthread_self(), "key-copies");
    pthread_mutex_lock(&copies->lock);
    while (!copies->stopping) {
        if (!copies->owed) {
            pthread_cond_wait(&copies->changed, &copies->lock);
            continue;
        }
        copies->owed = false;
        copies->at_work = true;
        pthread_mutex_unlock(&copies->lock);
        go_round(copies);
        pthread_mutex_lock(&copies->lock);
        copies->at_work = false;
    }
    pthread_mutex_unlock(&copies->lock);
    return NULL;
}

ch_status ch_key_copies_start(ch_key_copies **out_copies, ch_store *store, ch_error *error)
{
    ch_key_copies *copies = calloc(1, sizeof *copies);
    if (copies == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "keys", "no memory");
    }
    copies->store = store;
    copies->owed = true;
    pthread_mutex_init(&copies->lock, NULL);
    pthread_cond_init(&copies->changed, NULL);
    ch_buf_init(&copies->rows, ROWS_LIMIT);
    if (pthread_create(&copies->thread, NULL, run, copies) != 0) {
        pthread_cond_destroy(&copies->changed);
        pthread_mutex_destroy(&copies->lock);
        free(copies);
        return ch_error_set(error, CH_IO, "keys", "the thread for copies of the keys cannot be started");
    }
    *out_copies = copies;
    return CH_OK;
}

static void set(ch_key_copies *copies, bool *flag)
{
    pthread_mutex_lock(&copies->lock);
    *flag = true;
    pthread_cond_signal(&copies->changed);
    pthread_mutex_unlock(&copies->lock);
}

void ch_key_copies_stop(ch_key_copies *copies)
{
    if (copies == NULL) {
        return;
    }
    set(copies, &copies->stopping);
    pthread_join(copies->thread, NULL);
    pthread_cond_destroy(&copies->changed);
    pthread_mutex_destroy(&copies->lock);
    ch_buf_done(&copies->rows);
    free(copies);
}

void ch_key_copies_wake(ch_key_copies *copies)
{
    set(copies, &copies->owed);
}

bool ch_key_copies_tell(ch_key_copies *copies, ch_buf *out_rows, uint32_t *out_count)
{
    pthread_mutex_lock(&copies->lock);
    bool settled = !copies->owed && !copies->at_work;
    ch_buf_append_str(out_rows, ch_buf_str(&copies->rows));
    *out_count = copies->count;
    pthread_mutex_unlock(&copies->lock);
    return settled;
}
