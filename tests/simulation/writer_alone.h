/* writer_alone.h - a machine with the demo city's rules, whose writer a test goes through round by round. */
#ifndef TESTS_SIMULATION_WRITER_ALONE_H
#define TESTS_SIMULATION_WRITER_ALONE_H

#include "tests/simulation/machine.h"

/* commits_beside: on a thread of their own. */
void writer_set_up(machine *of, bool commits_beside);
/* cmocka's; *state is the machine. */
int writer_tear_down(void **state);

#endif
