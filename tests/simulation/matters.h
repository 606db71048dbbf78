/* matters.h - what the clients come to say, invented from the seed: cases opened, observed, commanded, answered, repeated,
 * contradicted and said wrongly; dead letters; grants; and what the hub's reader reports.
 */
#ifndef TESTS_SIMULATION_MATTERS_H
#define TESTS_SIMULATION_MATTERS_H

#include "tests/simulation/witness.h"

typedef struct matters {
    clients *clients;
    witness *witness;
    uint64_t ids;
    ch_buf data, private_data;
} matters;

void matters_init(matters *of, clients *who, witness *seen);
void matters_done(matters *of);
/* Some PUBLISHes into the clients' queues. */
void matters_invent(matters *of);
/* Something of the hub itself, given to the writer as its reader would. */
void matters_report(matters *of);

#endif
