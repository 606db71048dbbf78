/* The file of the ipc endpoint. */
#include "tests/unit/net/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int bind_raw(const hub *h)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", h->ipc_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void refuses_what_is_no_path(void **state)
{
    hub *h = *state;
    char longer[256] = "ipc:///tmp/";
    memset(longer + strlen(longer), 'x', 200);
    const char *const bad[] = {"",        "ipc://", "/tmp/hub.ipc", "tcp://127.0.0.1:*", "ipc://@abstract",
                               "ipc://*", longer};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        h->options.ipc_endpoint = bad[i];
        assert_status(ch_router_new(&h->router, &h->options, &h->error), CH_INVALID);
        assert_null(h->router);
    }
}

static void refuses_a_folder_that_does_not_exist(void **state)
{
    hub *h = *state;
    h->options.ipc_endpoint = "ipc:///nonexistent/hub.ipc";
    assert_status(ch_router_new(&h->router, &h->options, &h->error), CH_IO);
    assert_string_equal(h->error.where, "/nonexistent/hub.ipc");
}

static void does_not_replace_a_file_that_is_no_socket(void **state)
{
    hub *h = *state;
    int fd = open(h->ipc_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "data", 4), 4);
    close(fd);
    assert_status(ch_router_new(&h->router, &h->options, &h->error), CH_INVALID);
    struct stat seen;
    assert_int_equal(stat(h->ipc_path, &seen), 0);
    assert_int_equal(seen.st_size, 4);
}

static void does_not_take_the_place_of_a_hub_that_lives(void **state)
{
    hub *h = *state;
    ch_router *second = NULL;
    ch_packet packet;
    hub_start(h);
    assert_status(ch_router_new(&second, &h->options, &h->error), CH_LOCKED);
    assert_null(second);
    peer p = peer_new();
    peer_connect_ipc(&p, h);
    peer_send(&p, "still served", NULL, 0);
    packet = hub_receive(h);
    assert_packet(&packet, "still served");
    ch_packet_done(&packet);
    peer_done(&p);
}

static void replaces_what_a_dead_process_left(void **state)
{
    hub *h = *state;
    close(bind_raw(h));
    assert_int_equal(access(h->ipc_path, F_OK), 0);
    hub_start(h);
    peer p = peer_new();
    peer_connect_ipc(&p, h);
    peer_send(&p, "hello", NULL, 0);
    ch_packet packet = hub_receive(h);
    assert_packet(&packet, "hello");
    ch_packet_done(&packet);
    peer_done(&p);
}

static void only_the_owner_may_connect(void **state)
{
    hub *h = *state;
    struct stat seen;
    mode_t before = umask(0);
    hub_start(h);
    umask(before);
    assert_int_equal(stat(h->ipc_path, &seen), 0);
    assert_true(S_ISSOCK(seen.st_mode));
    assert_int_equal(seen.st_mode & 07777, 0600);
}

static void its_file_goes_with_it(void **state)
{
    hub *h = *state;
    hub_start(h);
    assert_int_equal(access(h->ipc_path, F_OK), 0);
    hub_stop(h);
    assert_int_not_equal(access(h->ipc_path, F_OK), 0);
}

static void a_successor_keeps_its_file(void **state)
{
    hub *h = *state;
    char kept[128];
    snprintf(kept, sizeof kept, "%s.old", h->ipc_path);
    hub_start(h);
    /* The old file stays, so that its inode cannot be given to the new one. */
    assert_int_equal(rename(h->ipc_path, kept), 0);
    int fd = bind_raw(h);
    hub_stop(h);
    assert_int_equal(access(h->ipc_path, F_OK), 0);
    close(fd);
    unlink(kept);
}

#define LOCAL_TEST(name) cmocka_unit_test_setup_teardown(name, hub_setup, hub_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOCAL_TEST(refuses_what_is_no_path),
        LOCAL_TEST(refuses_a_folder_that_does_not_exist),
        LOCAL_TEST(does_not_replace_a_file_that_is_no_socket),
        LOCAL_TEST(does_not_take_the_place_of_a_hub_that_lives),
        LOCAL_TEST(replaces_what_a_dead_process_left),
        LOCAL_TEST(only_the_owner_may_connect),
        LOCAL_TEST(its_file_goes_with_it),
        LOCAL_TEST(a_successor_keeps_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
