/* subscription.h - how far a subscriber has come: a scan position, the events under way, and the cases that are held
 * back because one of their events failed. Nothing here reads or sends; delivery.c does.
 *
 * An event under way is OUT (delivered, waits for its acknowledgement) or WAITS (to be delivered again). Of a held case
 * at most one event is OUT, its first; what the scan passes of it meanwhile is skipped and read again later. Belongs
 * to the reader.
 */
#ifndef CH_RUN_SUBSCRIPTION_H
#define CH_RUN_SUBSCRIPTION_H

#include "hub/model/topic_filter.h"
#include "hub/run/mail.h"

#define CH_PENDING_MOST 4096 /* events under way of one subscription */
#define CH_HELD_MOST 65536   /* cases that a kept one may hold, whatever held_most is by now */

/* Events of no case have no order to keep: in the place of a case's number each has its own, NO_CASE | sequence, so
 * that one that fails holds back no other. */
#define CH_NO_CASE (UINT64_C(1) << 62)

typedef struct ch_pending {
    uint64_t sequence, case_number;
    uint32_t attempts; /* deliveries so far */
    bool out;
    bool offers; /* a handoff to one of the subscriber's parties: its acknowledgement is its delivery */
    int64_t deadline_ms; /* monotonic, of an event that is out */
} ch_pending;

typedef struct ch_held {
    uint64_t case_number;
    uint64_t skipped_from; /* events of the case from here on were not looked at yet */
    int64_t not_before_ms; /* monotonic */
} ch_held;

typedef struct ch_subscription {
    /* who and what */
    ch_session_id session; /* 0: nobody listens at present */
    int64_t number;        /* the client's, in its session */
    bool durable, involved, no_ack;
    bool blocked; /* its client takes what it is sent too slowly */
    ch_test_mode test_mode;
    char name[CH_CODE_MAX + 1];  /* of a durable one */
    char owner[CH_CODE_MAX + 1]; /* the grant's name that made it */
    ch_actor *actor;             /* NULL while nobody listens */
    char (*patterns)[CH_TOPIC_MAX + 1];
    size_t pattern_count;
    ch_topic_filter *wanted; /* what each pattern leaves; NULL: one leaves nothing */
    int64_t credit;
    int64_t ack_timeout_ms, deliveries_most, backoff_first_ms, backoff_most_ms;
    size_t held_most;
    /* how far */
    uint32_t epoch;
    uint64_t next;       /* sequence that is looked at next */
    ch_pending *pending; /* by sequence */
    size_t pending_count, pending_capacity;
    ch_held *held; /* by case number */
    size_t held_count, held_capacity;
    bool loose;               /* some pending events wait that no held case holds back */
    bool changed;             /* since it was written */
    int64_t next_deadline_ms; /* no later than the earliest of pending; INT64_MAX: none is out */
} ch_subscription;

ch_status ch_subscription_new(ch_subscription **out_subscription) CH_MUST_CHECK;
void ch_subscription_free(ch_subscription *subscription);
ch_status ch_subscription_set_patterns(ch_subscription *subscription, const ch_str *patterns,
                                       size_t count) CH_MUST_CHECK;
bool ch_subscription_matches(const ch_subscription *subscription, ch_str topic);
/* Asking a filter makes sense at all; then, whether an event of its block may be wanted. */
bool ch_subscription_is_narrow(const ch_subscription *subscription);
bool ch_subscription_may_want(const ch_subscription *subscription, const ch_topic_filter *block);

/* An event goes out for the first time. CH_NO_MEMORY, CH_FULL. */
ch_status ch_subscription_sent(ch_subscription *subscription, const ch_pending *event) CH_MUST_CHECK;
bool ch_subscription_is_full(const ch_subscription *subscription);
/* NULL: not under way. */
ch_pending *ch_subscription_find(ch_subscription *subscription, uint64_t sequence);
/* Done with. Sets *out_event to what it was; CH_NOT_FOUND: it was not out. */
ch_status ch_subscription_ack(ch_subscription *subscription, uint64_t sequence,
                              ch_pending *out_event) CH_MUST_CHECK;
/* The same for every event that is out with a sequence up to this. */
typedef void ch_pending_visitor(void *context, const ch_pending *event);
void ch_subscription_ack_upto(ch_subscription *subscription, uint64_t upto, ch_pending_visitor *visit,
                              void *context);
/* Not done: it waits, its case is held until not_before_ms, and later events of the case that are out wait too.
 * CH_NOT_FOUND: it was not out; CH_FULL: too many cases are held (it stays out, its deadline moved there). */
ch_status ch_subscription_nak(ch_subscription *subscription, uint64_t sequence,
                              int64_t not_before_ms) CH_MUST_CHECK;
/* The back-off after so many deliveries. */
int64_t ch_subscription_backoff_ms(const ch_subscription *subscription, uint32_t attempts);
/* One that is out and whose time has passed; NULL: none. */
const ch_pending *ch_subscription_overdue(ch_subscription *subscription, int64_t now_ms);

/* The case is held until not_before_ms, from what is looked at next on, unless it was held already. CH_FULL: `most` are. */
ch_status ch_subscription_hold(ch_subscription *subscription, uint64_t case_number, int64_t not_before_ms,
                               size_t most) CH_MUST_CHECK;
ch_held *ch_subscription_held(ch_subscription *subscription, uint64_t case_number);
void ch_subscription_release(ch_subscription *subscription, uint64_t case_number);
/* Scanning waits: no more cases could be held. */
bool ch_subscription_is_paused(const ch_subscription *subscription);
/* The next event to be delivered again: loose ones first, then the first of a held case whose time has come. NULL: none.
 * *out_drained, unless 0, is a held case with nothing under way: its skipped events are next. */
ch_pending *ch_subscription_next_waiting(ch_subscription *subscription, int64_t now_ms,
                                         uint64_t *out_drained);
void ch_subscription_sent_again(ch_subscription *subscription, ch_pending *event, int64_t now_ms);
/* When the next deadline passes or held case may go on, INT64_MAX: never. A case that might have gone on until after_ms
 * waits for something else: credit, an acknowledgement, the state. */
int64_t ch_subscription_wake_ms(const ch_subscription *subscription, int64_t after_ms);

/* Nobody listens any more: everything that is out waits. */
void ch_subscription_detach(ch_subscription *subscription);
/* All under way and held is forgotten. */
void ch_subscription_move(ch_subscription *subscription, uint32_t epoch, uint64_t next);
/* The floor: everything up to here is done. */
uint64_t ch_subscription_floor(const ch_subscription *subscription);

/* subscription_codec.c: as the cursors keep it. CH_CORRUPT. */
void ch_subscription_encode(ch_buf *out, const ch_subscription *subscription);
ch_status ch_subscription_decode(ch_str bytes, ch_subscription *subscription) CH_MUST_CHECK;

#endif
