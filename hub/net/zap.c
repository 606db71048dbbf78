/* The ZeroMQ Authentication Protocol (RFC 27/ZAP): libzmq asks on inproc://zeromq.zap.01 before it lets anybody in.
 *
 * The questions come from libzmq itself, in this process, but their credentials come from strangers.
 */
#include "hub/net/inside.h"

#define SERVE_AT_MOST 64
#define CURVE_KEY_BYTES 32

/* The frames of a question; only CURVE sends credentials. */
enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, ROUTING_ID, MECHANISM, CREDENTIALS, FRAME_COUNT };

ch_status ch_zap_open(ch_zap *zap, void *zmq, const ch_router_options *options, ch_error *error)
{
    zap->is_known = options->is_known;
    zap->context = options->context;
    zap->socket = zmq_socket(zmq, ZMQ_REP);
    if (zap->socket == NULL) {
        return ch_zmq_fail(error, "zap", "no socket");
    }
    ch_status status = ch_socket_set_int(zap->socket, ZMQ_LINGER, 0, error);
    if (status == CH_OK && zmq_bind(zap->socket, "inproc://zeromq.zap.01") != 0) {
        status = ch_zmq_fail(error, "zap", "cannot be bound");
    }
    return status;
}

void ch_zap_close(ch_zap *zap)
{
    if (zap->socket != NULL) {
        zmq_close(zap->socket);
    }
}

static bool is(zmq_msg_t *frame, const char *text)
{
    return ch_str_is((ch_str){zmq_msg_data(frame), zmq_msg_size(frame)}, text);
}

/* True when they are let in, and then under which name. */
static bool judge(const ch_zap *zap, zmq_msg_t frames[FRAME_COUNT], size_t count, char user[CH_KEY_Z85_SIZE])
{
    if (count == CREDENTIALS && is(&frames[MECHANISM], "NULL")) {
        memcpy(user, CH_USER_LOCAL, sizeof CH_USER_LOCAL);
        return is(&frames[DOMAIN], CH_ZAP_DOMAIN_LOCAL);
    }
    if (count == FRAME_COUNT && is(&frames[MECHANISM], "CURVE") && is(&frames[DOMAIN], CH_ZAP_DOMAIN_TCP) &&
        zmq_msg_size(&frames[CREDENTIALS]) == CURVE_KEY_BYTES) {
        return zmq_z85_encode(user, zmq_msg_data(&frames[CREDENTIALS]), CURVE_KEY_BYTES) != NULL &&
               zap->is_known(zap->context, user);
    }
    return false;
}

/* A REP socket drops an answer whose asker is gone, and never says no to the rest of one it has begun. */
static void give_text(void *socket, const char *text, int flags)
{
    zmq_msg_t frame;
    ch_status status = ch_message_copy(&frame, text, strlen(text));
    (void)status; /* no memory: an empty status code lets nobody in */
    ch_socket_give(socket, &frame, flags);
    zmq_msg_close(&frame);
}

static void answer(const ch_zap *zap, zmq_msg_t frames[FRAME_COUNT], size_t count)
{
    char user[CH_KEY_Z85_SIZE] = "";
    bool known = judge(zap, frames, count, user);
    give_text(zap->socket, "1.0", ZMQ_SNDMORE);
    ch_socket_give(zap->socket, &frames[REQUEST_ID], ZMQ_SNDMORE);
    give_text(zap->socket, known ? "200" : "400", ZMQ_SNDMORE);
    give_text(zap->socket, known ? "OK" : "unknown key", ZMQ_SNDMORE);
    give_text(zap->socket, known ? user : "", ZMQ_SNDMORE);
    give_text(zap->socket, "", 0);
}

/* How many frames came; more than FRAME_COUNT are read off and counted only. 0: no question. */
static size_t take_question(void *socket, zmq_msg_t frames[FRAME_COUNT])
{
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t spare, *frame = count < FRAME_COUNT ? &frames[count] : &spare;
        zmq_msg_init(frame);
        if (!ch_socket_take(socket, frame)) {
            return 0;
        }
        more = zmq_msg_more(frame);
        if (frame == &spare) {
            zmq_msg_close(frame);
        }
        count++;
    }
    return count;
}

void ch_zap_serve(ch_zap *zap)
{
    for (size_t i = 0; i < SERVE_AT_MOST; i++) {
        zmq_msg_t frames[FRAME_COUNT];
        for (size_t k = 0; k < FRAME_COUNT; k++) {
            zmq_msg_init(&frames[k]);
        }
        size_t count = take_question(zap->socket, frames);
        if (count > 0) {
            answer(zap, frames, count);
        }
        for (size_t k = 0; k < FRAME_COUNT; k++) {
            zmq_msg_close(&frames[k]);
        }
        if (count == 0) {
            return;
        }
    }
}
