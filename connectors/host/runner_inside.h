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
    ch_attempt *attempt;
    ch_pipeline *pipeline;
    ch_delivery *delivery;
    casehub_host host; /* lent to the transport */
    void *transport;   /* its state */
    bool transport_open, paused;
    char address[CH_ADDRESS_SIZE], reason[320];
    int64_t since_ms;
    unsigned said;   /* hub.connector events so far */
    ch_status fatal; /* what ends the process, found inside take */
    ch_error fatal_error;
} ch_runner;

/* services.c */
void ch_runner_lend(ch_runner *runner);

/* requests.c: does what operators asked. CH_END: restart. */
ch_status ch_runner_serve_requests(ch_runner *runner, ch_error *error) CH_MUST_CHECK;

/* announce.c: tells the hub (event hub.connector) and the log. state: "running", "paused", "failed", "stopped". */
void ch_runner_announce(ch_runner *runner, const char *state, const char *reason);
/* Was it paused when it last told? Pausing survives a restart. */
ch_status ch_runner_was_paused(ch_runner *runner, bool *out_paused, ch_error *error) CH_MUST_CHECK;

#endif
