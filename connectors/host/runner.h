/* runner.h - one connector instance, from the lock to the last state it tells the hub. */
#ifndef CH_CONNECTORS_RUNNER_H
#define CH_CONNECTORS_RUNNER_H

#include "connectors/host/connector_config.h"
#include "hub/base/clock.h"

/* Runs until stop_fd is readable (CH_OK), an operator asks for a restart (CH_END), or it cannot go on: CH_CONFLICT
 * (another process runs this connector), CH_LOCKED (on this machine), CH_DENIED (the hub refuses its key or its events),
 * CH_INVALID (mapping, tables), CH_IO, CH_NO_MEMORY. */
ch_status ch_runner_run(const ch_connector_config *config, int stop_fd, const ch_clock *clock,
                        ch_error *error) CH_MUST_CHECK;

#endif
