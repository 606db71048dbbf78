/* inside.h - what the files of the router share; nobody outside hub/net includes it.
 *
 * Everything here belongs to the thread that made the router, except the release of a body, which libzmq's own
 * thread calls.
 */
#ifndef CH_NET_INSIDE_H
#define CH_NET_INSIDE_H

#include "hub/net/router.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <zmq.h>

#define CH_ENDPOINT_SIZE 256
#define CH_USER_LOCAL "local"
/* The ZAP domains of the two sockets: by these the handler knows which rules hold. */
#define CH_ZAP_DOMAIN_TCP "casehub"
#define CH_ZAP_DOMAIN_LOCAL "casehub-local"

/* ---- socket.c: a ROUTER with every limit set; libzmq's errors in our words */

/* Sets *error from errno. */
ch_status ch_zmq_fail(ch_error *error, const char *where, const char *what);
ch_status ch_socket_open(void **out_socket, void *zmq, const ch_router_options *options, bool local,
                         ch_error *error) CH_MUST_CHECK;
ch_status ch_socket_set_int(void *socket, int option, int value, ch_error *error) CH_MUST_CHECK;
ch_status ch_socket_set_text(void *socket, int option, const char *text, ch_error *error) CH_MUST_CHECK;
/* A frame without waiting; repeated when a signal came between. False: errno says why. */
bool ch_socket_take(void *socket, zmq_msg_t *frame);
bool ch_socket_give(void *socket, zmq_msg_t *frame, int flags);

/* ---- zap.c: who is let in */

typedef struct ch_zap {
    void *socket;
    bool (*is_known)(void *context, const char key_z85[CH_KEY_Z85_SIZE]);
    void *context;
} ch_zap;

/* Before any other socket is bound. */
ch_status ch_zap_open(ch_zap *zap, void *zmq, const ch_router_options *options,
                      ch_error *error) CH_MUST_CHECK;
void ch_zap_close(ch_zap *zap);
/* Answers what has been asked, a bounded number of times; poll again for the rest. */
void ch_zap_serve(ch_zap *zap);

/* ---- connections.c: how many at most
 *
 * libzmq accepts until the table of descriptors is full; from then on its thread spins, and an ipc listener ends the
 * process. ZMQ_MAX_SOCKETS is no help, it counts sockets of the context, not connections. So libzmq's own reports
 * are counted, and a connection beyond the limit is cut. */

typedef struct ch_connections {
    void *monitor; /* where the reports of one socket come in; NULL: not watched */
    int *fds;      /* of the open ones */
    size_t count, limit;
} ch_connections;

/* Watches socket, before it is bound. */
ch_status ch_connections_open(ch_connections *connections, void *zmq, void *socket, const char *name,
                              size_t limit, ch_error *error) CH_MUST_CHECK;
/* After ch_monitor_stop(socket). */
void ch_connections_close(ch_connections *connections);
/* Takes the reports that are there. */
void ch_connections_serve(ch_connections *connections);

/* A PAIR that gets the reports named by events (ZMQ_EVENT_...). */
ch_status ch_monitor_open(void **out_monitor, void *zmq, void *socket, const char *name, int events,
                          ch_error *error) CH_MUST_CHECK;
/* Before the monitor is closed: libzmq's thread would wait for ever to report to it. */
void ch_monitor_stop(void *socket);
/* The next report, without waiting. */
bool ch_monitor_take(void *monitor, int *out_event, int *out_value);

/* ---- local.c: the ipc listener */

typedef struct ch_local {
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    bool bound;
    dev_t device;
    ino_t inode;
} ch_local;

/* Binds socket to "ipc://PATH", mode 0600 from the first moment; replaces a file that a dead process left behind,
 * and nothing else. CH_INVALID, CH_LOCKED (somebody listens there), CH_IO. */
ch_status ch_local_bind(ch_local *local, void *socket, const char *endpoint, ch_error *error) CH_MUST_CHECK;
/* Removes the file, unless it is somebody else's by now. */
void ch_local_remove(ch_local *local);

/* ---- curve.c */

/* Are these two a CURVE pair? */
ch_status ch_curve_check(const char *public_key, const char *secret_key, ch_error *error) CH_MUST_CHECK;

/* ---- frame.c */

/* Takes the content of *message. NULL: no memory, *message still holds it. */
ch_frame *ch_frame_take(zmq_msg_t *message);
/* Makes *out_message of the body, and takes the body (one reference of a shared one) in any case. */
ch_status ch_body_message(zmq_msg_t *out_message, uint8_t *at, size_t size) CH_MUST_CHECK;
ch_status ch_shared_body_message(zmq_msg_t *out_message, ch_shared_body *body) CH_MUST_CHECK;
/* A copy. *out_message is a message in any case, an empty one when there is no memory. */
ch_status ch_message_copy(zmq_msg_t *out_message, const void *at, size_t size) CH_MUST_CHECK;

/* ---- the router itself */

enum { CH_TCP, CH_IPC, CH_SOCKET_COUNT };

struct ch_router {
    void *zmq;
    ch_zap zap;
    ch_local local;
    void *sockets[CH_SOCKET_COUNT]; /* NULL: not configured */
    ch_connections connections[CH_SOCKET_COUNT];
    bool drained[CH_SOCKET_COUNT];   /* gave nothing at the last look */
    bool is_deaf;                    /* waits for everything but messages */
    size_t turn;                     /* which socket is asked next */
    char endpoint[CH_ENDPOINT_SIZE]; /* of tcp, as bound */
    char public_key[CH_KEY_Z85_SIZE];
};

#endif
