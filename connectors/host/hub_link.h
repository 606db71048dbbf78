/* hub_link.h - the connection to the hub, as the host needs it: libcasehub with statuses instead of strings, a port
 * for delivery, and what an operator asks of this connector. One thread.
 */
#ifndef CH_CONNECTORS_HUB_LINK_H
#define CH_CONNECTORS_HUB_LINK_H

#include "connectors/host/delivery.h"
#include "connectors/host/outward.h"

/* What an operator asks, in the order asked. */
typedef enum ch_request_kind {
    CH_REQUEST_RETRY,
    CH_REQUEST_PAUSE,
    CH_REQUEST_RESUME,
    CH_REQUEST_RESTART
} ch_request_kind;
typedef struct ch_request {
    ch_request_kind kind;
    uint64_t sequence;    /* of the event that asks */
    uint64_t dead_letter; /* of a retry */
} ch_request;

typedef struct ch_hub_link ch_hub_link;

/* stop_fd: readable once the process should stop. Returns at once; CH_IO (the key file), CH_NO_MEMORY. */
ch_status ch_hub_link_open(ch_hub_link **out_link, const ch_connector_config *config, int stop_fd,
                           const ch_clock *clock, ch_error *error) CH_MUST_CHECK;
void ch_hub_link_close(ch_hub_link *link);
/* Answers of a publish go there; NULL: nowhere. */
void ch_hub_link_set_delivery(ch_hub_link *link, ch_delivery *delivery);
ch_hub_port ch_hub_link_port(ch_hub_link *link);

/* Until the hub has welcomed this client. CH_UNAVAILABLE: stopping; CH_DENIED for good. */
ch_status ch_hub_link_wait(ch_hub_link *link, ch_error *error) CH_MUST_CHECK;
/* Subscribes to what operators ask. CH_DENIED, ... */
ch_status ch_hub_link_listen(ch_hub_link *link, ch_error *error) CH_MUST_CHECK;
/* Subscribes to what goes out, durably as "outward-NAME"; one event is under way at a time. CH_DENIED, ... */
ch_status ch_hub_link_carry(ch_hub_link *link, ch_outward *outward, ch_error *error) CH_MUST_CHECK;
ch_outward_port ch_hub_link_outward_port(ch_hub_link *link);
const char *ch_hub_link_hub_code(const ch_hub_link *link); /* "" before the welcome */
/* Serves the connection, and waits up to wait_ms (-1: without end) for it, for one of fds (-1: none) or for the end.
 * CH_DENIED: the hub refuses this client for good. */
#define CH_HUB_LINK_FDS 2
ch_status ch_hub_link_serve(ch_hub_link *link, const int fds[CH_HUB_LINK_FDS], int64_t wait_ms,
                            ch_error *error) CH_MUST_CHECK;
bool ch_hub_link_stopping(const ch_hub_link *link);
bool ch_hub_link_connected(const ch_hub_link *link);

/* The oldest request; it stays until done acknowledges it. False: nothing is asked. */
bool ch_hub_link_next(ch_hub_link *link, ch_request *out_request);
void ch_hub_link_done(ch_hub_link *link);

/* As casehub_query; free() both texts. */
ch_status ch_hub_link_query(ch_hub_link *link, const char *name, const char *arguments, int timeout_ms,
                            char **out_json, char **out_next, ch_error *error) CH_MUST_CHECK;
/* One event beside the connector's records, in JSON; not waited for. */
ch_status ch_hub_link_say(ch_hub_link *link, const char *json, ch_error *error) CH_MUST_CHECK;
/* Waits until what was said is answered. */
void ch_hub_link_flush(ch_hub_link *link, int timeout_ms);

#endif
