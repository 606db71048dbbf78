#include "tests/unit/connectors/receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void receiver_open(receiver *r)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *r = (receiver){.fd = -1};
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(r->listener >= 0);
    assert_int_equal(bind(r->listener, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(r->listener, 8), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&address, &size), 0);
    r->port = ntohs(address.sin_port);
    snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d", r->port);
}

static void hang_up(receiver *r)
{
    if (r->fd >= 0) {
        close(r->fd);
    }
    r->fd = -1;
    r->size = 0;
    r->answered = false;
}

void receiver_close(receiver *r)
{
    hang_up(r);
    close(r->listener);
}

void receiver_answer_with(receiver *r, const char *answer)
{
    assert_true(r->answer_count < RECEIVER_ANSWERS_MOST);
    r->answers[r->answer_count++] = answer;
}

static bool is_whole(const receiver *r)
{
    const char *end = strstr(r->request, "\r\n\r\n"), *length = strcasestr(r->request, "Content-Length:");
    size_t body = length == NULL || length > end ? 0 : strtoul(length + strlen("Content-Length:"), NULL, 10);
    return end != NULL && r->size >= (size_t)(end + 4 - r->request) + body;
}

static void answer(receiver *r)
{
    size_t index = r->request_count < r->answer_count ? r->request_count : r->answer_count - 1;
    const char *text = r->answers[index];
    r->request_count++;
    r->answered = true;
    if (text != NULL) {
        (void)!send(r->fd, text, strlen(text), MSG_NOSIGNAL);
        hang_up(r);
    }
}

void receiver_step(receiver *r)
{
    int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        hang_up(r);
        r->fd = fd;
    }
    ssize_t got = r->fd < 0 ? -1 : recv(r->fd, r->request + r->size, sizeof r->request - 1 - r->size, 0);
    if (got == 0) {
        hang_up(r);
    } else if (got > 0) {
        r->size += (size_t)got;
        r->request[r->size] = '\0';
        if (!r->answered && is_whole(r)) {
            answer(r);
        }
    }
}
