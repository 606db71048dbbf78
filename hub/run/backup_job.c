/* A backup reads the whole log: it has a thread of its own, and its answer comes when it has ended. */
#include "hub/run/key_copies.h"
#include "hub/run/reader_inside.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>

struct ch_backup_job {
    pthread_t thread;
    ch_store *store;
    const ch_hub *hub;
    ch_session_id session;
    uint64_t request, last, size_bytes;
    ch_status status;
    ch_error error;
    atomic_bool done;
    char dir[512];
};

/* On the disk: the files have holes. */
static ch_status measure(ch_backup_job *job)
{
    char *const folders[] = {job->dir, NULL};
    FTS *walk = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry = NULL;
    while (walk != NULL && (entry = fts_read(walk)) != NULL) {
        if (entry->fts_info == FTS_F) {
            job->size_bytes += (uint64_t)entry->fts_statp->st_blocks * 512;
        }
    }
    ch_status status = walk == NULL || errno != 0 ? ch_error_set(&job->error, CH_IO, job->dir,
                                                                 "cannot be measured: %s", strerror(errno))
                                                  : CH_OK;
    if (walk != NULL) {
        fts_close(walk);
    }
    return status;
}

static void *run(void *argument)
{
    pthread_setname_np(pthread_self(), "backup");
    ch_backup_job *job = argument;
    job->status = ch_store_backup(job->store, ch_audit_log(job->hub->audit), job->dir, &job->error);
    if (job->hub->key_copies != NULL) {
        ch_key_copies_wake(job->hub->key_copies); /* a key that was read for the copy may be erased by now */
    }
    if (job->status == CH_OK) {
        job->status = ch_backup_check(job->dir, &job->last, &job->error);
    }
    if (job->status == CH_OK) {
        job->status = measure(job);
    }
    atomic_store_explicit(&job->done, true, memory_order_release);
    return NULL;
}

ch_status ch_backup_job_start(ch_reader *reader, ch_session_id session, uint64_t request, const char *dir,
                              ch_error *error)
{
    if (reader->backup != NULL) {
        return ch_error_set(error, CH_BUSY, "QUERY.name", "a backup is being made already");
    }
    ch_backup_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "QUERY.name", "no memory for a backup");
    }
    job->store = reader->store;
    job->hub = reader->hub;
    job->session = session;
    job->request = request;
    atomic_init(&job->done, false);
    ch_status status = ch_str_copy(job->dir, sizeof job->dir, ch_str_of(dir));
    if (status != CH_OK || pthread_create(&job->thread, NULL, run, job) != 0) {
        free(job);
        return ch_error_set(error, CH_IO, "QUERY.name", "the backup's thread cannot be started");
    }
    reader->backup = job;
    return CH_OK;
}

static void answer(ch_reader *reader, const ch_backup_job *job)
{
    ch_parcel *parcel;
    if (job->status != CH_OK) {
        ch_reader_error(reader, job->session, job->request, &job->error, 0);
        return;
    }
    if (ch_parcel_new(&parcel, job->session) != CH_OK) {
        return;
    }
    const ch_chp_message message = {.verb = CH_CHP_RESULT, .request = job->request};
    ch_chp_encode(&parcel->header, &message);
    ch_mp_put_array(&parcel->body, 1);
    ch_mp_put_map(&parcel->body, 3);
    ch_mp_put_text(&parcel->body, "dir");
    ch_mp_put_text(&parcel->body, job->dir);
    ch_mp_put_text(&parcel->body, "sequence");
    ch_mp_put_uint(&parcel->body, job->last);
    ch_mp_put_text(&parcel->body, "bytes");
    ch_mp_put_uint(&parcel->body, job->size_bytes);
    ch_reader_send(reader, parcel);
}

void ch_backup_job_look(ch_reader *reader)
{
    ch_backup_job *job = reader->backup;
    if (job == NULL || !atomic_load_explicit(&job->done, memory_order_acquire)) {
        return;
    }
    pthread_join(job->thread, NULL);
    answer(reader, job);
    free(job);
    reader->backup = NULL;
}

void ch_backup_job_end(ch_reader *reader)
{
    if (reader->backup != NULL) {
        pthread_join(reader->backup->thread, NULL);
        free(reader->backup);
        reader->backup = NULL;
    }
}
