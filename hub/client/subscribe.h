/* subscribe.h - one subscription as the client keeps it: what was asked for, what is under way, what is to be
 * sent.
 *
 * Credit: the hub may have `credit` events under way. Each event that is dealt with, dropped or delivered a
 * second time gives one back, sent at the end of the turn.
 */
#ifndef CH_CLIENT_SUBSCRIBE_H
#define CH_CLIENT_SUBSCRIBE_H

#include "hub/client/client_inside.h"
#include "hub/client/under_way.h"

#define CH_HOLDS_MAX 64 /* cases of one subscription whose later events are dropped */

typedef struct ch_nak {
    uint64_t sequence;
    int delay_ms;
    char reason[CH_CODE_MAX + 1];
    bool final;
    char text[CH_CHP_NAK_TEXT_MAX + 1], where[CH_CHP_NAK_WHERE_MAX + 1]; /* of a final one */
} ch_nak;

/* After a NAK, later events of that case may still be on their way here; the hub sends them again after
 * the failing one. Dropped until something of the case comes a second time; the time is for a failing
 * event that does not come again because it became a dead letter. */
typedef struct ch_hold {
    char case_id[CH_CASE_ID_SIZE];
    uint64_t sequence;
    int64_t until_ms;
} ch_hold;

typedef enum ch_subscription_state {
    CH_SUBSCRIPTION_WANTED, /* to be sent, from retry_at_ms on */
    CH_SUBSCRIPTION_ASKED,
    CH_SUBSCRIPTION_OPEN,
    CH_SUBSCRIPTION_REFUSED, /* for good, until casehub_unsubscribe */
    CH_SUBSCRIPTION_LEAVING  /* casehub_unsubscribe was called */
} ch_subscription_state;

struct ch_subscription {
    ch_subscription_state state;
    uint64_t request; /* of the last SUBSCRIBE */
    int64_t retry_at_ms;
    ch_chp_subscribe wire; /* its slices point into texts */
    char *texts;
    void *context;
    ch_event_call *on_event;

    ch_under_way under_way;
    uint64_t *singles; /* room for `credit` */
    size_t single_count;
    uint64_t upto; /* 0: none */
    ch_nak *naks;  /* room for nak_capacity, at most `credit` */
    size_t nak_count, nak_capacity;
    int64_t returned; /* credit to give back */
    ch_hold holds[CH_HOLDS_MAX];
    size_t hold_next; /* the oldest gives way */

    uint64_t next; /* live: where to go on in a new session; 0: as was asked */
    int64_t epoch; /* of next */
};

/* subscribe.c */
ch_subscription *ch_subscription_find(const casehub *hub, int64_t number);
/* subscription.c: making and releasing. CH_INVALID, CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_subscription_new(ch_subscription **out_subscription, const casehub_subscription *wanted,
                              int number, ch_error *error) CH_MUST_CHECK;
void ch_subscription_free(ch_subscription *subscription);
/* acknowledge.c: sends what is decided. CH_FULL, CH_NO_MEMORY, CH_UNAVAILABLE: the rest stays. */
ch_status ch_acknowledge_work(casehub *hub, ch_subscription *subscription) CH_MUST_CHECK;
void ch_acknowledge_forget(ch_subscription *subscription);

#endif
