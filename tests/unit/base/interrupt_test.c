#include "tests/unit/check.h"

#include "hub/base/interrupt.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child, for the mark is of the whole process and stays. */
static int in_a_child(void (*run)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void be_interrupted_once(int number)
{
    ch_error error = {.status = CH_OK};
    ch_interrupt_catch();
    if (ch_interrupted() || ch_interrupt_check(&error) != CH_OK) {
        _exit(1);
    }
    raise(number);
    if (!ch_interrupted() || ch_interrupt_check(&error) != CH_TIMEOUT || error.status != CH_TIMEOUT ||
        ch_interrupt_check(NULL) != CH_TIMEOUT) {
        _exit(2);
    }
}

static void hear_int(void)
{
    be_interrupted_once(SIGINT);
}

static void hear_term(void)
{
    be_interrupted_once(SIGTERM);
}

static void hear_term_twice(void)
{
    be_interrupted_once(SIGTERM);
    raise(SIGTERM);
}

static void a_signal_sets_the_mark_and_it_stays(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(hear_int), 0);
    assert_int_equal(in_a_child(hear_term), 0);
}

static void the_second_signal_ends_the_program(void **state)
{
    (void)state;
    int status = in_a_child(hear_term_twice);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_sets_the_mark_and_it_stays),
        cmocka_unit_test(the_second_signal_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
