/* Where messages end in a stream, and who may connect. */
#include "connectors/transports/tcp_frames.h"
#include "connectors/transports/tcp_peers.h"
#include "tests/unit/connectors/stage.h"

#include <arpa/inet.h>

#define MOST 12

/* The stream in pieces of every size gives the frames, a line each, and "!status" where it breaks. */
static void expect_frames(ch_framing framing, const char *bytes, size_t size, const char *wanted)
{
    for (size_t piece = 1; piece <= size; piece++) {
        ch_frames frames;
        ch_str text;
        char got[400] = "";
        ch_status status = CH_END;
        ch_frames_init(&frames, framing, framing == CH_FRAMING_END ? CH_STR("</a>") : CH_STR(""), MOST);
        for (size_t at = 0; at < size && status == CH_END; at += piece) {
            size_t room, part = size - at < piece ? size - at : piece;
            void *to = ch_frames_room(&frames, &room);
            assert_true(to != NULL && room >= part);
            memcpy(to, bytes + at, part);
            ch_frames_added(&frames, part);
            while ((status = ch_frames_next(&frames, &text)) == CH_OK) {
                snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s\n", CH_STR_ARG(text));
            }
        }
        if (status != CH_END) {
            snprintf(got + strlen(got), sizeof got - strlen(got), "!%s", ch_status_name(status));
        } else if (ch_frames_begun(&frames)) {
            strcat(got, "...");
        }
        ch_frames_done(&frames);
        assert_string_equal(got, wanted);
    }
}
#define EXPECT(framing, literal, wanted) expect_frames(framing, literal, sizeof(literal) - 1, wanted)

static void a_too_large_frame_ends_the_stream(void **state)
{
    (void)state;
    EXPECT(CH_FRAMING_LINE, "a\n1234567890123\nb\n", "a\n!too-large");
    EXPECT(CH_FRAMING_LINE, "1234567890123", "!too-large");
    EXPECT(CH_FRAMING_LENGTH32, "\0\0\0\015", "!too-large");
    EXPECT(CH_FRAMING_LENGTH32, "\377\377\377\377", "!too-large");
    EXPECT(CH_FRAMING_OCTET_COUNT, "13 ", "!too-large");
    EXPECT(CH_FRAMING_OCTET_COUNT, "9999999999999999999999", "!too-large");
    EXPECT(CH_FRAMING_END, "<a>1234567890</a>", "!too-large");
}

static void what_is_no_frame_ends_the_stream(void **state)
{
    (void)state;
    EXPECT(CH_FRAMING_LENGTH32, "\0\0\0\0", "!invalid");
    EXPECT(CH_FRAMING_OCTET_COUNT, "3 abcx", "abc\n!invalid");
    EXPECT(CH_FRAMING_OCTET_COUNT, "03 abc", "!invalid");
    EXPECT(CH_FRAMING_OCTET_COUNT, " abc", "!invalid");
}

static void glued_and_split_frames_are_told_apart(void **state)
{
    (void)state;
    EXPECT(CH_FRAMING_LINE, "one\r\n\n\r\ntwo\nthr", "one\ntwo\n...");
    EXPECT(CH_FRAMING_LENGTH32, "\0\0\0\003one\0\0\0\001\n\0\0", "one\n\n\n...");
    EXPECT(CH_FRAMING_OCTET_COUNT, "3 one2 \n 12 ", "one\n\n \n...");
    EXPECT(CH_FRAMING_END, " <a>1</a>\n<a><</a></a>\n", "<a>1</a>\n<a><</a>\n</a>\n");
    EXPECT(CH_FRAMING_END, "<a>1</a", "...");
}

static void what_is_written_is_what_is_read_and_nothing_else_is_written(void **state)
{
    static const struct {
        ch_framing framing;
        const char *text;
        ch_status status;
    } rows[] = {
        {CH_FRAMING_LINE, "a\nb", CH_INVALID},      {CH_FRAMING_LINE, "", CH_INVALID},
        {CH_FRAMING_LINE, "<a>1</a>\n", CH_OK},     {CH_FRAMING_LENGTH32, "", CH_INVALID},
        {CH_FRAMING_LENGTH32, "a\nb", CH_OK},       {CH_FRAMING_OCTET_COUNT, "a b", CH_OK},
        {CH_FRAMING_END, "<a/>", CH_INVALID},       {CH_FRAMING_END, "<a>1</a>\n", CH_OK},
        {CH_FRAMING_END, "<a></a><a>", CH_INVALID}, {CH_FRAMING_END, "<a></a></a>", CH_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ch_buf out;
        ch_buf_init(&out, 100);
        ch_str end = CH_STR("</a>");
        assert_status(ch_frame_append(&out, rows[i].framing, end, ch_str_of(rows[i].text)), rows[i].status);
        if (rows[i].status == CH_OK) {
            char wanted[40];
            bool spaces = rows[i].framing == CH_FRAMING_LENGTH32 || rows[i].framing == CH_FRAMING_OCTET_COUNT;
            size_t size = spaces ? strlen(rows[i].text) : strcspn(rows[i].text, "\n");
            snprintf(wanted, sizeof wanted, "%.*s\n", (int)size, rows[i].text);
            expect_frames(rows[i].framing, (const char *)out.at, out.size, wanted);
        }
        ch_buf_done(&out);
    }
}

static bool is_allowed(const ch_peers *peers, int family, const char *text)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    void *to = family == AF_INET ? (void *)&((struct sockaddr_in *)(void *)&address)->sin_addr
                                 : (void *)&((struct sockaddr_in6 *)(void *)&address)->sin6_addr;
    assert_int_equal(inet_pton(family, text, to), 1);
    return ch_peers_allow(peers, &address);
}

static void only_listed_addresses_may_connect(void **state)
{
    static const char *const texts[] = {"192.0.2.128/25", "198.51.100.7", "2001:db8::/33"};
    ch_peers peers;
    ch_error error;
    (void)state;
    assert_status(ch_peers_read(&peers, texts, 3, &error), CH_OK);
    assert_true(is_allowed(&peers, AF_INET, "192.0.2.200"));
    assert_true(is_allowed(&peers, AF_INET6, "::ffff:192.0.2.200"));
    assert_false(is_allowed(&peers, AF_INET, "192.0.2.127"));
    assert_true(is_allowed(&peers, AF_INET, "198.51.100.7"));
    assert_false(is_allowed(&peers, AF_INET, "198.51.100.6"));
    assert_true(is_allowed(&peers, AF_INET6, "2001:db8:7fff::1"));
    assert_false(is_allowed(&peers, AF_INET6, "2001:db8:8000::1"));
    assert_false(is_allowed(&peers, AF_INET, "127.0.0.1"));
    assert_status(ch_peers_read(&peers, NULL, 0, &error), CH_OK);
    assert_true(is_allowed(&peers, AF_INET, "127.0.0.1") && is_allowed(&peers, AF_INET6, "::1"));
    assert_false(is_allowed(&peers, AF_INET, "192.0.2.200"));
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const texts[] = {"unit.example", "192.0.2.0/33", "192.0.2.0/", "2001:db8::/129",
                                        "192.0.2/24"};
    ch_peers peers;
    ch_error error;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_status(ch_peers_read(&peers, &texts[i], 1, &error), CH_INVALID);
        assert_string_equal(error.where, "peers");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_too_large_frame_ends_the_stream),
        TEST(what_is_no_frame_ends_the_stream),
        TEST(glued_and_split_frames_are_told_apart),
        TEST(what_is_written_is_what_is_read_and_nothing_else_is_written),
        TEST(only_listed_addresses_may_connect),
        TEST(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
