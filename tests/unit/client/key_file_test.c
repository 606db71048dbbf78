/* Key files: made, read, refused. */
#include "tests/unit/client/peer.h"

#include "hub/client/key_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD_LINE "public = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n"

static const char server_key[] =
    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"; /* of the CurveZMQ documentation */
static char dir[64], file[96], public_file[104];

static int start(void **context)
{
    (void)context;
    (void)snprintf(dir, sizeof dir, "/tmp/casehub-keys-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    (void)snprintf(file, sizeof file, "%s/desk.key", dir);
    (void)snprintf(public_file, sizeof public_file, "%s.pub", file);
    return 0;
}

static int stop(void **context)
{
    (void)context;
    (void)unlink(file);
    (void)unlink(public_file);
    return rmdir(dir);
}

static void write_file(const char *text, mode_t mode)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(file, mode), 0);
}

static void assert_refused(int why)
{
    char public_key[41];
    errno = 0;
    assert_int_equal(casehub_key_public(file, public_key), -1);
    assert_int_equal(errno, why);
}

static void a_missing_file_is_told(void **context)
{
    (void)context;
    assert_refused(ENOENT);
}

static void malformed_files_are_refused(void **context)
{
    (void)context;
    const char *const bad[] = {
        "",
        "# nothing\n",
        "public\n",
        "public = rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\n",
        "public = \"short\"\n",
        "public = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\\\"\n",
        GOOD_LINE GOOD_LINE,
        GOOD_LINE "password = \"x\"\n",
        "server = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file(bad[i], 0600);
        assert_refused(EINVAL);
    }
}

static void a_file_that_never_ends_is_refused(void **context)
{
    (void)context;
    char public_key[41];
    assert_int_equal(casehub_key_public("/dev/zero", public_key), -1);
    assert_int_equal(errno, EINVAL);
}

static void a_secret_that_others_may_read_is_refused(void **context)
{
    (void)context;
    char public_key[41];
    assert_int_equal(casehub_key_new(file, server_key, public_key), 0);
    static const mode_t open_modes[] = {0640, 0604, 0620, 0601};
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_int_equal(chmod(file, open_modes[i]), 0);
        assert_refused(EPERM);
        const casehub_options options = {CASEHUB_SIZE(casehub_options), .endpoint = "tcp://127.0.0.1:1",
                                         .key_file = file, .name = "t"};
        assert_null(casehub_new(&options));
        assert_int_equal(errno, EPERM);
    }
}

static void a_key_without_the_hubs_opens_no_connection(void **context)
{
    (void)context;
    char public_key[41];
    assert_int_equal(casehub_key_new(file, NULL, public_key), 0);
    const casehub_options options = {CASEHUB_SIZE(casehub_options), .endpoint = "tcp://127.0.0.1:1",
                                     .key_file = file, .name = "t"};
    assert_null(casehub_new(&options));
    assert_int_equal(errno, ENOKEY);
}

static void a_key_that_is_there_is_never_overwritten(void **context)
{
    (void)context;
    char first[41], second[41];
    assert_int_equal(casehub_key_new(file, server_key, first), 0);
    assert_int_equal(casehub_key_new(file, server_key, second), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(unlink(file), 0); /* the public half alone is in the way, too */
    assert_int_equal(casehub_key_new(file, server_key, second), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(access(file, F_OK), -1);
    assert_int_equal(casehub_key_public(public_file, second), 0);
    assert_string_equal(first, second);
}

static void a_malformed_server_key_makes_no_file(void **context)
{
    (void)context;
    char public_key[41];
    assert_int_equal(casehub_key_new(file, "no key", public_key), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(access(file, F_OK), -1);
}

static void a_new_pair_can_be_read_from_either_file(void **context)
{
    (void)context;
    char made[41], read_back[41];
    struct stat facts;
    ch_key_file keys, public_half;
    assert_int_equal(casehub_key_new(file, server_key, made), 0);
    assert_int_equal(stat(file, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(casehub_key_public(file, read_back), 0);
    assert_string_equal(read_back, made);
    assert_int_equal(casehub_key_public(public_file, read_back), 0);
    assert_string_equal(read_back, made);
    assert_true(ch_key_file_read(file, &keys));
    assert_string_equal(keys.server_key, server_key);
    assert_int_equal(strlen(keys.secret_key), 40);
    assert_true(ch_key_file_read(public_file, &public_half));
    assert_string_equal(public_half.server_key, server_key);
    assert_string_equal(public_half.secret_key, "");
}

static void spaces_comments_and_windows_line_ends_are_fine(void **context)
{
    (void)context;
    char public_key[41];
    write_file("# of the power desk\r\n\r\n  public=\"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\t\r\n",
               0644);
    assert_int_equal(casehub_key_public(file, public_key), 0);
    assert_string_equal(public_key, server_key);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_missing_file_is_told),
        WITH_FOLDER(malformed_files_are_refused),
        WITH_FOLDER(a_file_that_never_ends_is_refused),
        WITH_FOLDER(a_secret_that_others_may_read_is_refused),
        WITH_FOLDER(a_key_without_the_hubs_opens_no_connection),
        WITH_FOLDER(a_key_that_is_there_is_never_overwritten),
        WITH_FOLDER(a_malformed_server_key_makes_no_file),
        WITH_FOLDER(a_new_pair_can_be_read_from_either_file),
        WITH_FOLDER(spaces_comments_and_windows_line_ends_are_fine),
    };
    return cmocka_run_group_tests_name("key_file", tests, NULL, NULL);
}
