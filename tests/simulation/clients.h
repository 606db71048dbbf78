/* clients.h - the hub's clients: what they say, and how they send it as CHP1.md 5 asks: in order, again from the event
 * that was refused for now, again after a restart.
 */
#ifndef TESTS_SIMULATION_CLIENTS_H
#define TESTS_SIMULATION_CLIENTS_H

#include "tests/simulation/machine.h"

#define POSTING_MOST 6 /* events */
#define CLIENT_QUEUE 12
#define CLIENT_VALUE 24 /* bytes of a checkpoint's value */
#define CLIENTS 5

/* One event as it is sent, and sent again. */
typedef struct saying {
    struct saying *next;
    uint8_t *at;
    size_t size;
    ch_event event;       /* into the bytes */
    uint8_t *normal_data; /* NULL, or data as the front makes it out of times as text */
    unsigned content;     /* another number under the same source and id: another content */
    ch_error refusal;     /* of the front; CH_OK: none */
    bool was_refused;     /* by the rules, once; sent again it may be right by then, and come later */
} saying;

/* One PUBLISH. */
typedef struct posting {
    unsigned serial; /* in its client's order */
    saying *items[POSTING_MOST];
    size_t count, done; /* the first ones have their answers */
    bool with_checkpoint;
    char from[CLIENT_VALUE], to[CLIENT_VALUE];
    uint64_t dead_letter;
    bool beyond_window;
    uint64_t request; /* of its last sending */
} posting;

typedef struct client {
    ch_actor *actor;
    const char *source, *default_kind;
    ch_session_id session;
    posting queue[CLIENT_QUEUE]; /* not answered for good yet */
    size_t queued;
    unsigned serials, checkpoints;
    char checkpoint[CLIENT_VALUE]; /* where its queue leads to */
    int64_t wait_ms, wait_until_ms;
} client;

/* Who stands in which queue, as sent in one round. */
typedef struct sending {
    size_t client;
    uint64_t request;
} sending;

typedef struct clients {
    machine *machine;
    ch_random_seeded *chance;
    client at[CLIENTS];
    saying *sayings;
    uint64_t requests;
    sending sent[CLIENTS * CLIENT_QUEUE]; /* in this round, in the order in which the writer gets it */
    size_t sent_count, sent_events;
} clients;

enum { CLIENT_GRID, CLIENT_HOTLINE, CLIENT_DEPARTMENT, CLIENT_OFFICE, CLIENT_OPERATOR };

void clients_init(clients *of, machine *on, ch_random_seeded *chance);
void clients_done(clients *of);
static inline uint64_t clients_below(clients *of, uint64_t limit)
{
    return ch_random_below(of->chance, limit);
}

/* Keeps the event, checked as the front would; lives until clients_done. */
saying *clients_say(clients *of, const client *by, const ch_event *event, unsigned content);
/* The same without the front. */
saying *clients_say_as_hub(clients *of, const ch_event *event);
/* NULL: the client has enough to do. */
posting *clients_queue(clients *of, client *by);
bool client_is_connector(const client *by);

/* Everything that may be sent now goes to the writer, as far as one batch holds it. */
void clients_send(clients *of);
/* NULL: it was answered for good. */
posting *client_posting(client *by, uint64_t request);
/* Its posting was answered: for good, or refused for now from that event on. */
void clients_settle(clients *of, size_t by, uint64_t request, bool for_good, size_t from);
/* New sessions, as after a loss of the connection. */
void clients_reconnect(clients *of);
bool clients_are_idle(const clients *of);

#endif
