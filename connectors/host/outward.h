/* outward.h - events go out, one at a time: mapping, sender, and what the hub is told of the outcome.
 *
 * All messages of an event are made before the first is sent. It is acknowledged when the last is sent; one that waits
 * gives the event back for a growing pause, one that can never go makes a dead letter of it. Hub and sender stand behind
 * tables, so that each of their answers can be tried without them. One thread.
 */
#ifndef CH_CONNECTORS_OUTWARD_H
#define CH_CONNECTORS_OUTWARD_H

#include "connectors/host/attempt.h"
#include "connectors/host/outward_answer.h"
#include "connectors/host/outward_mapping.h"
#include "hub/base/clock.h"

/* The subscription as it is seen from here. None of these may call back. */
typedef struct ch_outward_port {
    void *context;
    /* Grows with each session: of an event of an earlier one the hub wants to hear nothing, it comes again. */
    uint64_t (*session)(void *context);
    void (*acknowledge)(void *context, uint64_t sequence);
    void (*delay)(void *context, uint64_t sequence, int64_t delay_ms);
    void (*fail)(void *context, uint64_t sequence, const char *code, const char *text, const char *where);
} ch_outward_port;

typedef struct ch_outward_options {
    const ch_connector_config *config;
    const char *hub_code;
    ch_outward_port port;
    const casehub_host *host; /* lent to the sender; its settle calls ch_outward_settle */
    ch_outward_intake intake; /* of answers, where the configuration wants them */
    const char *reason;       /* where the host's fail leaves its text */
    ch_attempt *attempt;      /* NULL: none, and no watchdog either */
    const ch_clock *clock;
} ch_outward_options;

/* How messages ended since the start. */
typedef struct ch_outward_health {
    uint64_t sent, later, undeliverable;
    int64_t last_ms;          /* when the last was sent; 0: none was */
    bool failing;             /* since the last that was sent, or the start, one had to wait: */
    int64_t failing_since_ms; /* monotonic */
    char reason[240];         /* of the last that waits */
} ch_outward_health;

typedef struct ch_outward ch_outward;

/* Reads the mapping and opens the sender. All that options point to must outlive it; options itself is copied. */
ch_status ch_outward_open(ch_outward **out_outward, const ch_outward_options *options,
                          ch_error *error) CH_MUST_CHECK;
void ch_outward_close(ch_outward *outward);

/* An event is delivered, the only one of this session that is under way. Owns json. */
void ch_outward_take(ch_outward *outward, uint64_t sequence, unsigned attempt, char *json);
/* Readable when step has something to do; -1: none. */
int ch_outward_fd(const ch_outward *outward);
/* Does what there is to do. Paused, nothing new begins. *out_wait_ms: until it wants to be called again (-1: when the
 * descriptor is readable or an event comes). CH_IO: the sender cannot go on. CH_NO_MEMORY. */
ch_status ch_outward_step(ch_outward *outward, bool paused, int64_t *out_wait_ms,
                          ch_error *error) CH_MUST_CHECK;
/* Lives as long as outward. */
const ch_outward_health *ch_outward_health_of(const ch_outward *outward);
/* settle of casehub_host: only remembered, the next step acts on it. */
void ch_outward_settle(ch_outward *outward, casehub_sent sent, const char *reason, int64_t wait_ms,
                       ch_str answer);

/* "ZJ/17/1", from the second epoch on "ZJ/17/1/e2": sequences are given again after a restore. index from 0. */
#define CH_MESSAGE_ID_SIZE 101
void ch_outward_id(char out[CH_MESSAGE_ID_SIZE], const char *hub_code, const ch_outward_event *event,
                   size_t index);

#endif
