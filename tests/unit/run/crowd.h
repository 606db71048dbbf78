/* crowd.h - clients of a hub on threads of their own, as real ones are: publishers, a durable subscriber, a live one, one
 * that asks. Each notes what the hub promised it; the test holds the hub to it.
 */
#ifndef TESTS_UNIT_RUN_CROWD_H
#define TESTS_UNIT_RUN_CROWD_H

#include "hub/client/casehub.h"

#include <pthread.h>
#include <stdatomic.h>

#define CROWD_EVENTS_MOST 20000 /* of one publisher */
#define CROWD_LOG_MOST 100000   /* sequences that the test follows */
#define CROWD_CASES 8           /* of one publisher */

typedef struct crowd_member {
    const char *endpoint, *key_file;
    const atomic_bool *over; /* the hub is gone: come home */
    pthread_t thread;
    casehub *hub;
    _Atomic unsigned progress; /* answers, events or rows so far */
    char failed[400];          /* what went wrong first; "" */
} crowd_member;

/* Publishes on and on: a few cases, their notes, and now and then what it has said before. */
typedef struct publisher {
    crowd_member member;
    unsigned number;
    unsigned next;                                 /* event that is published next */
    _Atomic uint64_t sequences[CROWD_EVENTS_MOST]; /* where the hub says it is; 0: not answered */
} publisher;

/* Durable, hears everything from the first event on; fails some at first. */
typedef struct subscriber {
    crowd_member member;
    int number;
    bool acknowledged[CROWD_LOG_MOST];
    uint64_t last_of_case[CROWD_LOG_MOST]; /* by case number */
    unsigned distinct, refused;
    uint64_t highest;
} subscriber;

/* Hears what is new, acknowledges nothing. */
typedef struct listener {
    crowd_member member;
    uint64_t last;
} listener;

/* Asks all kinds of questions, reads the log, and has one backup made. */
typedef struct asker {
    crowd_member member;
    char backup_dir[600];
    uint64_t last; /* sequence that it read */
    atomic_bool backed_up;
} asker;

void publisher_start(publisher *of);
void subscriber_start(subscriber *of);
void listener_start(listener *of);
void asker_start(asker *of);
/* After *over is true. */
void crowd_join(crowd_member *member);

/* The same subscriber without a thread: connects again, and hears on until all sequences up to last are acknowledged. */
void subscriber_finish(subscriber *of, uint64_t last);

/* Connected and welcomed; NULL with `failed` set. */
casehub *crowd_connect(crowd_member *member, void *context,
                       void (*on_answer)(void *context, const casehub_answer *answer));

#endif
