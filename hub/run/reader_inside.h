/* reader_inside.h - what the files of the reader share: reader.c (the loop, start and end), reader_tasks.c (what clients
 * ask for), reader_queries.c (READ, QUERY), delivery.c (events to subscribers), stepping.c (past what a narrow one does
 * not want), redelivery.c (failures), backup_job.c, auditing.c (who looked).
 */
#ifndef CH_RUN_READER_INSIDE_H
#define CH_RUN_READER_INSIDE_H

#include "hub/run/queries.h"
#include "hub/run/reader.h"
#include "hub/run/slices.h"
#include "hub/run/subscription.h"

#include <pthread.h>
#include <semaphore.h>

typedef struct ch_mail_list {
    struct ch_mail_link *first, *last;
    size_t count;
} ch_mail_list;

/* A question that waits until the state has come far enough. */
typedef struct ch_waiting_query {
    ch_task *task;
    uint64_t sequence;
    int64_t until_ms; /* monotonic */
} ch_waiting_query;

#define CH_WAITING_QUERIES_MOST 256
#define CH_WAITING_OF_SESSION_MOST 64

typedef struct ch_backup_job ch_backup_job;

struct ch_reader {
    ch_hub *hub;
    ch_store *store;
    pthread_t thread;
    ch_rules *rules;
    ch_slices *slices;
    ch_log_reader *log;     /* rested between looks */
    ch_state_reader *state; /* opened in a look that needs it */
    bool looking;
    uint64_t last;       /* of the log, in this look */
    uint64_t erasures;   /* that the slices know of */
    uint64_t state_last; /* that the state has folded, in this look at it */
    ch_subscription **subscriptions;
    size_t subscription_count, subscription_capacity, next_turn;
    ch_mail_list parcels, works; /* that found a full pipe; while there are any, nothing is delivered */
    bool ring_front, ring_writer;
    ch_waiting_query waiting[CH_WAITING_QUERIES_MOST];
    size_t waiting_count;
    uint64_t *retried; /* dead letters whose event is under way again, as the cursors do not hold yet */
    size_t retried_count, retried_capacity;
    ch_backup_job *backup;
    ch_buf work;
    int64_t cursors_at_ms; /* when changed cursors are written next */
    bool stopping, ending; /* nothing more is done for clients; nothing more comes from the writer either */
    sem_t quiet;           /* posted when it has nothing more to say to the writer */
};

/* reader.c */
int64_t ch_reader_now(const ch_reader *reader);
/* Take the parcel, the work. */
void ch_reader_send(ch_reader *reader, ch_parcel *parcel);
void ch_reader_publish(ch_reader *reader, ch_work *work);
/* One event of the hub itself, with a map in reader->work as data. Logs a failure: nobody else waits for it. */
void ch_reader_report(ch_reader *reader, const char *type, const char *id, ch_str subject, ch_str data);
void ch_reader_error(ch_reader *reader, ch_session_id session, uint64_t request, const ch_error *error,
                     int64_t position);
void ch_reader_answer(ch_reader *reader, ch_session_id session, const ch_chp_message *message);
/* Begins to look at the log (and the state), if it does not yet. */
ch_status ch_reader_look(ch_reader *reader, ch_error *error) CH_MUST_CHECK;
ch_status ch_reader_look_at_state(ch_reader *reader, ch_error *error) CH_MUST_CHECK;
ch_subscription *ch_reader_find(ch_reader *reader, ch_session_id session, int64_t number);
ch_subscription *ch_reader_find_durable(ch_reader *reader, ch_str name);
ch_status ch_reader_add(ch_reader *reader,
                        ch_subscription *subscription) CH_MUST_CHECK;    /* CH_FULL, CH_NO_MEMORY */
void ch_reader_remove(ch_reader *reader, ch_subscription *subscription); /* frees it */
/* What only the hub's options say. */
void ch_reader_set_defaults(const ch_reader *reader, ch_subscription *subscription);
/* At once and synced, not only within the second. */
ch_status ch_reader_write_cursor(ch_reader *reader, const ch_subscription *subscription,
                                 ch_error *error) CH_MUST_CHECK;
ch_status ch_reader_delete_cursor(ch_reader *reader, const ch_subscription *subscription,
                                  ch_error *error) CH_MUST_CHECK;

/* reader_tasks.c */
void ch_reader_hear(ch_reader *reader, ch_task *task); /* takes it */
/* Where `from` points to. CH_DIVERGED with *out_next where to go on instead. */
ch_status ch_reader_position(ch_reader *reader, const ch_chp_from *from, const char *where,
                             uint64_t *out_next, ch_error *error) CH_MUST_CHECK;
void ch_reader_report_subscription(ch_reader *reader, const ch_subscription *subscription, const char *action,
                                   const char *actor);

/* auditing.c: records that the client asks this, if it tells of cases; what cannot be recorded is not told. CH_STORAGE_FULL,
 * CH_IO, CH_NO_MEMORY. */
ch_status ch_reader_audit(ch_reader *reader, const ch_task *task, ch_error *error) CH_MUST_CHECK;

/* reader_queries.c */
/* READ and QUERY. Takes the task: it may have to wait. */
void ch_reader_ask(ch_reader *reader, ch_task *task);
void ch_reader_answer_waiting(ch_reader *reader);
int64_t ch_reader_waiting_until(const ch_reader *reader); /* INT64_MAX: nobody waits */

/* stepping.c: whether the whole block of CH_TOPIC_BLOCK sequences that begins at `next`, and ends no later than upto,
 * holds nothing for the subscription, as far as can be told without reading it. */
ch_status ch_reader_may_step_over(ch_reader *reader, const ch_subscription *subscription, uint64_t next,
                                  uint64_t upto, bool *out_may, ch_error *error) CH_MUST_CHECK;

/* delivery.c: true when there may be more to do at once. */
bool ch_reader_deliver(ch_reader *reader, ch_subscription *subscription);

/* delivery.c: whose order the event keeps; CH_NO_CASE | sequence for one of no case. */
uint64_t ch_reader_case_of(const ch_slice_event *event);

/* redelivery.c */
void ch_reader_acknowledge(ch_reader *reader, const ch_pending *event);
typedef struct ch_failure {
    int64_t delay_ms; /* until it is delivered again; -1: the back-off */
    const char *code;
    bool final;         /* it is not: a dead letter at once, which says */
    ch_str text, where; /* why, and of which field */
} ch_failure;
void ch_reader_fail(ch_reader *reader, ch_subscription *subscription, uint64_t sequence,
                    const ch_failure *failure);
void ch_reader_fail_overdue(ch_reader *reader, ch_subscription *subscription);
/* The letter stays `retrying` until the cursors hold that the event is under way again: a crash, or a subscription that is
 * gone or full, loses nothing. */
void ch_reader_redeliver(ch_reader *reader, const ch_redelivery *redelivery);
/* The cursors are written: closes the letters. */
void ch_reader_close_retried(ch_reader *reader);
/* At the start: what is still `retrying`. */
void ch_reader_resume_retries(ch_reader *reader);
/* The next event of a held case that the scan skipped comes under way; without one the case is held no more. */
ch_status ch_reader_drain(ch_reader *reader, ch_subscription *subscription, uint64_t case_number,
                          ch_error *error) CH_MUST_CHECK;

/* Should this subscriber get it? CH_BUSY: the state has not come that far yet. */
typedef struct ch_verdict {
    bool wanted, personal;
} ch_verdict;
ch_status ch_reader_judge(ch_reader *reader, const ch_subscription *subscription, const ch_slice_event *event,
                          ch_verdict *out_verdict, ch_error *error) CH_MUST_CHECK;

/* backup_job.c: one backup beside everything else. CH_BUSY: there is one already. */
ch_status ch_backup_job_start(ch_reader *reader, ch_session_id session, uint64_t request, const char *dir,
                              ch_error *error) CH_MUST_CHECK;
/* Answers a finished one. */
void ch_backup_job_look(ch_reader *reader);
void ch_backup_job_end(ch_reader *reader);

#endif
