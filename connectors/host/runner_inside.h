/* runner_inside.h - what runner.c, services.c, requests.c and announce.c share. */
#ifndef CH_CONNECTORS_RUNNER_INSIDE_H
#define CH_CONNECTORS_RUNNER_INSIDE_H

#include "connectors/host/hub_link.h"
#include "connectors/host/runner.h"

#define CH_RUNNER "connector"
#define CH_ADDRESS_SIZE 1000

typedef struct ch_runner {
    const ch_connector_config *config;
    const ch_clock *clock;
    int stop_fd, lock_fd;
    ch_hub_link *link;
    ch_hub_port port;
    ch_rows *rows;
    ch_attempt *attempt, *outward_attempt;
    ch_pipeline *pipeline; /* NULL, with rows and delivery: nothing comes in */
    ch_delivery *delivery;
    ch_outward *outward;             /* NULL: nothing goes out */
    casehub_host host, outward_host; /* lent to the transport and to the sender */
    void *transport;                 /* its state */
    bool transport_open, paused;
    char address[CH_ADDRESS_SIZE], reason[320];
    int64_t since_ms;
    unsigned said;             /* hub.connector events so far */
    ch_delivery_totals totals; /* since the start: what ended well */
    int64_t last_ms;           /* when the last unit did */
    int64_t report_ms;         /* monotonic: when to tell the hub so; 0: it knows */
    uint64_t settled_said;     /* messages that ended, of the way out, as the hub knows */
    bool alerted;              /* the hub was told that nothing goes out */
    ch_status fatal;           /* what ends the process, found inside take */
    ch_error fatal_error;
} ch_runner;

/* services.c: fills in both hosts. */
void ch_runner_lend(ch_runner *runner);

/* requests.c: does what operators asked. CH_END: restart. */
ch_status ch_runner_serve_requests(ch_runner *runner, ch_error *error) CH_MUST_CHECK;

/* announce.c: tells the hub (event hub.connector) and the log. state: "running", "paused", "failed", "stopped". */
void ch_runner_announce(ch_runner *runner, const char *state, const char *reason);
/* A unit ended well; the hub is told within a minute. */
void ch_runner_count(ch_runner *runner, const casehub_outcome *outcome);
/* Tells the hub when it is time, without a word in the log, and of a way out that fails (hub.alert); *io_wait_ms (-1: for ever) ends no later than that. */
void ch_runner_report(ch_runner *runner, int64_t *io_wait_ms);
/* Was it paused when it last told? Pausing survives a restart. */
ch_status ch_runner_was_paused(ch_runner *runner, bool *out_paused, ch_error *error) CH_MUST_CHECK;

#endif
