#include "hub/net/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

ch_status ch_monitor_open(void **out_monitor, void *zmq, void *socket, const char *name, int events,
                          ch_error *error)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://casehub.monitor.%s", name);
    void *monitor = zmq_socket(zmq, ZMQ_PAIR);
    if (monitor == NULL) {
        return ch_zmq_fail(error, name, "no monitor");
    }
    /* Without a high-water mark: at one, libzmq's thread would stand still until somebody reads here. */
    ch_status status = ch_socket_set_int(monitor, ZMQ_RCVHWM, 0, error);
    if (status == CH_OK) {
        status = ch_socket_set_int(monitor, ZMQ_LINGER, 0, error);
    }
    if (status == CH_OK &&
        (zmq_socket_monitor(socket, endpoint, events) != 0 || zmq_connect(monitor, endpoint) != 0)) {
        status = ch_zmq_fail(error, name, "cannot be monitored");
        ch_monitor_stop(socket);
    }
    if (status != CH_OK) {
        zmq_close(monitor);
        return status;
    }
    *out_monitor = monitor;
    return CH_OK;
}

void ch_monitor_stop(void *socket)
{
    zmq_socket_monitor(socket, NULL, 0);
}

/* Two frames: event (2 bytes) and value (4 bytes) in the machine's order; the endpoint. */
bool ch_monitor_take(void *monitor, int *out_event, int *out_value)
{
    uint16_t event = 0;
    uint32_t value = 0;
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    bool taken = ch_socket_take(monitor, &frame) && zmq_msg_size(&frame) == sizeof event + sizeof value;
    if (taken) {
        const uint8_t *at = zmq_msg_data(&frame);
        memcpy(&event, at, sizeof event);
        memcpy(&value, at + sizeof event, sizeof value);
        taken = ch_socket_take(monitor, &frame);
    }
    zmq_msg_close(&frame);
    if (taken) {
        *out_event = event;
        *out_value = (int)value;
    }
    return taken;
}

ch_status ch_connections_open(ch_connections *connections, void *zmq, void *socket, const char *name,
                              size_t limit, ch_error *error)
{
    connections->limit = limit;
    connections->count = 0;
    connections->fds = calloc(limit, sizeof *connections->fds);
    if (connections->fds == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, name, "no memory for %zu connections", limit);
    }
    return ch_monitor_open(&connections->monitor, zmq, socket, name,
                           ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED, error);
}

void ch_connections_close(ch_connections *connections)
{
    if (connections->monitor != NULL) {
        zmq_close(connections->monitor);
    }
    free(connections->fds);
}

static size_t find(const ch_connections *connections, int fd)
{
    size_t at = 0;
    while (at < connections->count && connections->fds[at] != fd) {
        at++;
    }
    return at;
}

/* The descriptor is libzmq's: it may have closed it since the report, and something else of this process may have
 * got the number. A file does not mind shutdown(), and a connection that is hit by such a chance connects again. */
static void cut(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

static void note_accepted(ch_connections *connections, int fd)
{
    if (find(connections, fd) < connections->count) {
        return;
    }
    if (connections->count == connections->limit) {
        cut(fd);
        return;
    }
    connections->fds[connections->count++] = fd;
}

static void note_disconnected(ch_connections *connections, int fd)
{
    size_t at = find(connections, fd);
    if (at < connections->count) {
        connections->fds[at] = connections->fds[--connections->count];
    }
}

void ch_connections_serve(ch_connections *connections)
{
    int event, fd;
    while (ch_monitor_take(connections->monitor, &event, &fd)) {
        if (event == ZMQ_EVENT_ACCEPTED) {
            note_accepted(connections, fd);
        } else {
            note_disconnected(connections, fd);
        }
    }
}
