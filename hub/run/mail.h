/* mail.h - what crosses threads: fixed-size heads that own encoded frames. Whoever pops one owns it.
 *
 *   main    -> front, writer, reader   RULES, STOP
 *   front   -> writer                  WORK          writer -> front    WORK (answered), GRANT
 *   front   -> reader                  TASK          reader -> front    PARCEL
 *   reader  -> writer                  WORK          writer -> reader   REDELIVER, and a bell for each commit
 */
#ifndef CH_RUN_MAIL_H
#define CH_RUN_MAIL_H

#include "hub/model/rules.h"
#include "hub/net/router.h"
#include "hub/run/actor.h"
#include "hub/store/record.h"
#include "hub/wire/chp.h"

typedef enum ch_mail_kind {
    CH_MAIL_WORK,
    CH_MAIL_TASK,
    CH_MAIL_PARCEL,
    CH_MAIL_GRANT,
    CH_MAIL_REDELIVER,
    CH_MAIL_RULES,
    CH_MAIL_STOP
} ch_mail_kind;

typedef struct ch_mail {
    ch_mail_kind kind;
} ch_mail;

/* Of the kinds without a struct of their own. NULL: no memory. */
ch_mail *ch_mail_new(ch_mail_kind kind);
/* Frees any kind with all it owns. NULL is fine. */
void ch_mail_free(ch_mail *mail);

/* slot in the front's table, and how often the slot was used: a number never comes again while the hub runs.
 * 0: nobody, the hub itself. */
typedef uint64_t ch_session_id;
static inline uint32_t ch_session_slot(ch_session_id session)
{
    return (uint32_t)session;
}

typedef struct ch_work_item {
    ch_event event;    /* produced form, schema and rights checked; slices into the work's frames or arena */
    ch_str encoded;    /* as it was sent */
    ch_error *refusal; /* NULL, or why it cannot be accepted whatever the state is; in the arena */
    uint8_t fingerprint[CH_FINGERPRINT_SIZE]; /* of the event; not of one that is refused */
} ch_work_item;
/* Of the event that it has now. room: cleared and filled. CH_TOO_LARGE (room's limit), CH_NO_MEMORY. */
ch_status ch_work_item_fingerprint(ch_work_item *item, ch_buf *room) CH_MUST_CHECK;

/* One PUBLISH on its way through the writer and back. */
typedef struct ch_work {
    ch_mail mail;
    ch_session_id session; /* 0: nobody waits for an answer */
    uint64_t request;
    ch_actor *actor;        /* NULL: the hub itself */
    ch_chp_publish publish; /* slices into header */
    ch_frame *header, *body;
    ch_arena arena;
    ch_work_item *items; /* in the arena */
    size_t count;
    size_t size_bytes;      /* of its frames */
    size_t memory_bytes;    /* with all that was made of them: many small events take more than their bytes */
    uint64_t turn;          /* by the writer: counts the works in the order in which it took them */
    bool from_reader;       /* counted in the hub's `unsettled` */
    bool beyond_window;     /* its client was told how much it may have unanswered: busy */
    ch_chp_answer *answers; /* by the writer, one an item; in the arena */
    ch_error *failure;      /* by the writer: why nothing of it was looked at; in the arena */
    ch_buf answer;          /* filled by the writer: a PUBLISHED or ERROR frame */
    struct ch_work *next;   /* in whoever's queue it stands */
} ch_work;

/* Room for `count` items, all zero. CH_NO_MEMORY. */
ch_status ch_work_new(ch_work **out_work, size_t count) CH_MUST_CHECK;
/* One event of the hub itself, given encoded in produced form with its id; copied. CH_INVALID is a mistake in the
 * program that made it. */
ch_status ch_work_of_hub(ch_work **out_work, const ch_event *event, ch_error *error) CH_MUST_CHECK;
/* The same, about one thing of a case: its data says which, and no more. */
typedef struct ch_work_about {
    const char *hub_code, *type, *event_id, *case_id;
    const char *key, *thing; /* "handoff" or "clock", and its id */
    int64_t time_ms;
} ch_work_about;
ch_status ch_work_of_thing(ch_work **out_work, const ch_work_about *about, ch_error *error) CH_MUST_CHECK;

typedef enum ch_task_kind {
    CH_TASK_MESSAGE, /* SUBSCRIBE, ACK, NAK, CREDIT, SEEK, UNSUBSCRIBE, READ, QUERY of a client */
    CH_TASK_GONE,    /* the session ended */
    CH_TASK_ACTOR,   /* the session's rights changed */
    CH_TASK_FULL,    /* its client takes what it is sent too slowly: no more events for now */
    CH_TASK_ROOM     /* all was taken */
} ch_task_kind;

typedef struct ch_task {
    ch_mail mail;
    ch_task_kind kind;
    ch_session_id session;
    ch_actor *actor;
    ch_chp_message message; /* slices into header */
    ch_frame *header;
} ch_task;
ch_status ch_task_new(ch_task **out_task, ch_task_kind kind, ch_session_id session,
                      ch_actor *actor) CH_MUST_CHECK;

/* A message to one client. */
typedef struct ch_parcel {
    ch_mail mail;
    ch_session_id session;
    ch_buf header;
    ch_buf body; /* nothing in it: no body frame */
} ch_parcel;
ch_status ch_parcel_new(ch_parcel **out_parcel, ch_session_id session) CH_MUST_CHECK;

typedef struct ch_grant_mail {
    ch_mail mail;
    ch_grant grant;
} ch_grant_mail;

/* An operator has a delivery that became a dead letter tried again. */
typedef struct ch_redelivery {
    uint64_t dead_letter;
    char subscription[CH_CODE_MAX + 1];
    uint64_t sequence;
} ch_redelivery;

typedef struct ch_redeliver_mail {
    ch_mail mail;
    ch_redelivery redelivery;
} ch_redeliver_mail;

typedef struct ch_rules_mail {
    ch_mail mail;
    ch_rules *rules; /* one reference */
} ch_rules_mail;

#endif
