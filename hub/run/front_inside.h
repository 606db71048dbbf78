/* front_inside.h - what the files of the front share: front.c (the loop and what goes out), front_verbs.c (what comes
 * in).
 */
#ifndef CH_RUN_FRONT_INSIDE_H
#define CH_RUN_FRONT_INSIDE_H

#include "hub/run/front.h"
#include "hub/run/sessions.h"

#include <pthread.h>

typedef struct front_task {
    ch_task *task;
    struct front_task *next;
} front_task;

struct ch_front {
    ch_hub *hub;
    pthread_t thread;
    ch_router *router;
    ch_actors *actors;
    ch_sessions *sessions;
    ch_rules *rules;
    ch_buf header;                      /* of what is being sent */
    size_t queued_bytes, queued_events; /* waiting for the writer or with it */
    size_t at_writer;                   /* works with it */
    front_task *tasks,
        *last_task; /* that found the reader's pipe full; while there are any, nothing is read */
    bool ring_reader, more_to_receive;
    int64_t next_sweep_ms, stop_at_ms; /* monotonic; stop 0: go on */
    int64_t deaf_ms;                   /* monotonic: when it last did not listen */
    int64_t flush_at_ms;               /* of the outboxes; 0: all are empty */
};

int64_t ch_front_now(const ch_front *front);
/* Takes what is in *body. What does not fit into libzmq's queue waits; the session ends when its client does not
 * read. */
void ch_front_send(ch_front *front, ch_session *session, ch_str header, ch_buf *body);
void ch_front_error(ch_front *front, ch_session *session, uint64_t request, ch_status status,
                    const char *where, const char *text);
void ch_front_end(ch_front *front, ch_session *session);
/* Ends those that said nothing while they were listened to, and asks those that were told nothing for so long whether they are there. */
void ch_front_probe(ch_front *front, int64_t quiet_ms);
/* Takes the task. */
void ch_front_give_task(ch_front *front, ch_task *task);

/* front_verbs.c. The packet stays the caller's, but for the frames it takes out. */
void ch_front_hear_packet(ch_front *front, ch_packet *packet);
/* One was dropped for want of memory: its session begins again. */
void ch_front_miss_packet(ch_front *front, const ch_packet *packet);

#endif
