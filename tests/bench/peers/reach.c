#include "tests/bench/peers/reach.h"

#include "tests/bench/drive/drive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bench_address bench_address_of(const char *endpoint)
{
    static const char scheme[] = "tcp://";
    const char *at =
        strncmp(endpoint, scheme, sizeof scheme - 1) == 0 ? endpoint + sizeof scheme - 1 : endpoint;
    const char *colon = strrchr(at, ':');
    bench_address address;
    int64_t port = 0;
    if (colon == NULL || ch_str_to_int(ch_str_of(colon + 1), &port) != CH_OK || port < 1 ||
        port > UINT16_MAX ||
        ch_str_copy(address.host, sizeof address.host, (ch_str){at, (size_t)(colon - at)}) != CH_OK) {
        bench_fail("%s is no address such as 127.0.0.1:7070", endpoint);
    }
    address.port = (int)port;
    return address;
}

static bool connects(int family, const struct sockaddr *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        bench_fail("no socket: %s", strerror(errno));
    }
    bool reached = connect(fd, address, size) == 0;
    close(fd);
    return reached;
}

bool bench_reach(const char *endpoint)
{
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        struct sockaddr_un local = {.sun_family = AF_UNIX};
        if (snprintf(local.sun_path, sizeof local.sun_path, "%s", endpoint + 6) >=
            (int)sizeof local.sun_path) {
            bench_fail("%s is too long for a socket", endpoint);
        }
        return connects(AF_UNIX, (const struct sockaddr *)&local, sizeof local);
    }
    bench_address address = bench_address_of(endpoint);
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons((uint16_t)address.port)};
    return inet_pton(AF_INET, address.host, &inet.sin_addr) == 1 &&
           connects(AF_INET, (const struct sockaddr *)&inet, sizeof inet);
}
