#include "tests/unit/check.h"

#include "hub/base/new_file.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], path[96];

static int start(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/casehub-new-file-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/key", dir);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir); /* fails when anything else was left */
}

static bool is_text(const char *expected)
{
    char text[64] = "";
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t size = fread(text, 1, sizeof text - 1, in);
    (void)fclose(in);
    return size == strlen(expected) && memcmp(text, expected, size) == 0;
}

static void is_there_as_a_whole_with_its_mode(void **state)
{
    (void)state;
    struct stat facts;
    mode_t before = umask(0077);
    assert_true(ch_new_file_write(path, 0644, ch_str_of("public\n")));
    (void)umask(before);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0644);
    assert_true(is_text("public\n"));
}

static void what_is_there_stays(void **state)
{
    (void)state;
    assert_true(ch_new_file_write(path, 0600, ch_str_of("first")));
    assert_false(ch_new_file_write(path, 0600, ch_str_of("second")));
    assert_int_equal(errno, EEXIST);
    assert_true(is_text("first"));
}

static void paths_that_cannot_be_are_refused(void **state)
{
    (void)state;
    char longest[PATH_MAX + 8], missing[128];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(ch_new_file_write(longest, 0600, ch_str_of("x")));
    assert_int_equal(errno, ENAMETOOLONG);
    (void)snprintf(missing, sizeof missing, "%s/none/key", dir);
    assert_false(ch_new_file_write(missing, 0600, ch_str_of("x")));
    assert_int_equal(errno, ENOENT);
}

/* In a child, for the limit is of the whole process. */
static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
        signal(SIGXFSZ, SIG_IGN);
        _exit(setrlimit(RLIMIT_FSIZE, &limit) == 0 && !ch_new_file_write(path, 0600, ch_str_of("more")) &&
                      errno == EFBIG
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(access(path, F_OK), -1);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(is_there_as_a_whole_with_its_mode),
        WITH_FOLDER(what_is_there_stays),
        WITH_FOLDER(paths_that_cannot_be_are_refused),
        WITH_FOLDER(a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
