/* Frames that come, and bodies that go: what libzmq and we hand to each other without copying. */
#include "hub/net/inside.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Lending a body to libzmq costs two allocations, an atomic count and a free() on its thread, wherever the body
 * was made; up to about this size a copy costs less. */
#define COPY_BELOW_BYTES 1024

struct ch_frame {
    zmq_msg_t message;
};

struct ch_shared_body {
    atomic_size_t references;
    size_t size;
    uint8_t *at;
};

ch_frame *ch_frame_take(zmq_msg_t *message)
{
    ch_frame *frame = malloc(sizeof *frame);
    if (frame != NULL) {
        zmq_msg_init(&frame->message);
        zmq_msg_move(&frame->message, message);
    }
    return frame;
}

/* libzmq wants a message that may change, even for looking at it; it changes nothing. */
ch_str ch_frame_str(const ch_frame *frame)
{
    zmq_msg_t *message = (zmq_msg_t *)&frame->message;
    return (ch_str){zmq_msg_data(message), zmq_msg_size(message)};
}

void ch_frame_free(ch_frame *frame)
{
    if (frame != NULL) {
        zmq_msg_close(&frame->message);
        free(frame);
    }
}

ch_status ch_message_copy(zmq_msg_t *out_message, const void *at, size_t size)
{
    if (zmq_msg_init_size(out_message, size) != 0) {
        zmq_msg_init(out_message);
        return CH_NO_MEMORY;
    }
    if (size > 0) {
        memcpy(zmq_msg_data(out_message), at, size);
    }
    return CH_OK;
}

/* The count is stored with release, not just set up: whoever takes the last reference, on libzmq's thread perhaps,
 * frees bytes that this thread wrote. */
ch_status ch_shared_body_new(ch_shared_body **out_body, uint8_t *at, size_t size)
{
    ch_shared_body *body = malloc(sizeof *body);
    if (body == NULL) {
        free(at);
        return CH_NO_MEMORY;
    }
    body->size = size;
    body->at = at;
    atomic_store_explicit(&body->references, 1, memory_order_release);
    *out_body = body;
    return CH_OK;
}

ch_shared_body *ch_shared_body_ref(ch_shared_body *body)
{
    atomic_fetch_add_explicit(&body->references, 1, memory_order_relaxed);
    return body;
}

void ch_shared_body_unref(ch_shared_body *body)
{
    if (body != NULL && atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) == 1) {
        free(body->at);
        free(body);
    }
}

ch_status ch_body_message(zmq_msg_t *out_message, uint8_t *at, size_t size)
{
    ch_shared_body *body;
    if (size < COPY_BELOW_BYTES) {
        ch_status status = ch_message_copy(out_message, at, size);
        free(at);
        return status;
    }
    ch_status status = ch_shared_body_new(&body, at, size);
    return status == CH_OK ? ch_shared_body_message(out_message, body) : status;
}

/* Called by libzmq, on whichever thread lets go of the message last. */
static void release(void *at, void *body)
{
    (void)at;
    ch_shared_body_unref(body);
}

ch_status ch_shared_body_message(zmq_msg_t *out_message, ch_shared_body *body)
{
    ch_status status = CH_OK;
    if (body->size < COPY_BELOW_BYTES) {
        status = ch_message_copy(out_message, body->at, body->size);
        ch_shared_body_unref(body);
    } else if (zmq_msg_init_data(out_message, body->at, body->size, release, body) != 0) {
        ch_shared_body_unref(body);
        status = CH_NO_MEMORY;
    }
    return status;
}
