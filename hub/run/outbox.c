#include "hub/run/outbox.h"

#include <stdlib.h>

ch_status ch_outbox_put(ch_outbox *outbox, ch_str header, ch_shared_body *body, size_t body_size)
{
    size_t size_bytes = header.size + body_size;
    bool fits = outbox->size_bytes + size_bytes <= CH_OUTBOX_BYTES_MOST;
    ch_outgoing *outgoing = fits ? malloc(sizeof *outgoing + header.size) : NULL;
    if (outgoing == NULL) {
        ch_shared_body_unref(body);
        return fits ? CH_NO_MEMORY : CH_FULL;
    }
    *outgoing = (ch_outgoing){.body = body, .size_bytes = size_bytes, .header_size = header.size};
    memcpy(outgoing->header, header.at, header.size);
    if (outbox->last == NULL) {
        outbox->first = outgoing;
    } else {
        outbox->last->next = outgoing;
    }
    outbox->last = outgoing;
    outbox->size_bytes += size_bytes;
    return CH_OK;
}

void ch_outbox_drop_first(ch_outbox *outbox)
{
    ch_outgoing *outgoing = outbox->first;
    outbox->first = outgoing->next;
    outbox->last = outbox->first == NULL ? NULL : outbox->last;
    outbox->size_bytes -= outgoing->size_bytes;
    ch_shared_body_unref(outgoing->body);
    free(outgoing);
}

void ch_outbox_clear(ch_outbox *outbox)
{
    while (outbox->first != NULL) {
        ch_outbox_drop_first(outbox);
    }
}
