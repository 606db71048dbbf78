#include "connectors/transports/tcp_listener.h"
#include "connectors/transports/tcp_peers.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MOST 128

static ch_status bind_address(int fd, const struct addrinfo *address, ch_error *error)
{
    const int on = 1;
    bool bound = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, WAITING_MOST) == 0;
    return bound ? CH_OK : ch_error_set(error, CH_IO, "port", "%s", strerror(errno));
}

ch_status ch_tcp_listen(int *out_fd, const char *name, int port, ch_error *error)
{
    char text[12];
    struct addrinfo *address;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    *out_fd = -1;
    snprintf(text, sizeof text, "%d", port);
    if (getaddrinfo(name, text, &hints, &address) != 0) {
        return ch_error_set(error, CH_INVALID, "listen", "a numeric address is expected");
    }
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ch_status status =
        fd < 0 ? ch_error_set(error, CH_IO, "port", "%s", strerror(errno)) : bind_address(fd, address, error);
    freeaddrinfo(address);
    if (status == CH_OK) {
        *out_fd = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    return status;
}

ch_status ch_tcp_address(int fd, char out[CH_TCP_ADDRESS_SIZE], ch_error *error)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char name[CH_PEER_TEXT_SIZE];
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
        return ch_error_set(error, CH_IO, "port", "%s", strerror(errno));
    }
    bool six = bound.ss_family == AF_INET6;
    int port = ntohs(six ? ((struct sockaddr_in6 *)(void *)&bound)->sin6_port
                         : ((struct sockaddr_in *)(void *)&bound)->sin_port);
    ch_peer_text(&bound, name);
    snprintf(out, CH_TCP_ADDRESS_SIZE, six ? "tcp://[%s]:%d" : "tcp://%s:%d", name, port);
    return CH_OK;
}
