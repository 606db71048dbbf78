/* outbox.h - what waits until libzmq's queue of one client has room again: answers come in bursts that are faster than
 * any network. In order, bounded in bytes. Belongs to the front.
 */
#ifndef CH_RUN_OUTBOX_H
#define CH_RUN_OUTBOX_H

#include "hub/net/router.h"

#define CH_OUTBOX_BYTES_MOST ((size_t)48 * 1024 * 1024) /* beyond it the client does not read */

typedef struct ch_outgoing {
    struct ch_outgoing *next;
    ch_shared_body *body; /* NULL: none */
    size_t size_bytes;    /* of header and body */
    size_t header_size;
    char header[];
} ch_outgoing;

/* Zeroed: empty. */
typedef struct ch_outbox {
    ch_outgoing *first, *last;
    size_t size_bytes;
} ch_outbox;

/* Copies the header, takes one reference of body (which may be NULL) in any case. CH_FULL, CH_NO_MEMORY. */
ch_status ch_outbox_put(ch_outbox *outbox, ch_str header, ch_shared_body *body,
                        size_t body_size) CH_MUST_CHECK;
/* Not when it is empty. */
void ch_outbox_drop_first(ch_outbox *outbox);
void ch_outbox_clear(ch_outbox *outbox);

#endif
