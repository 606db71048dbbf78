/* desk.h - what a person at a desk does to a case: one event of source "desk/<actor>", checked as a command. */
#ifndef CH_CLI_DESK_H
#define CH_CLI_DESK_H

#include "hub/cli/cli.h"

/* What most of them can say. */
#define CH_DESK_TEXT CH_TAKES_TEXT("text", "TEXT", "text", "in words, for whoever may read the case")
#define CH_DESK_REASON CH_TAKES_TEXT("reason", "CODE", "reason", "why, as a code such as not-ours")

/* Arguments that every such verb has. */
#define CH_DESK_ARGUMENTS                                                                                    \
    CH_TAKES_TEXT("party", "PARTY", NULL, "acting for this party"),                                          \
        CH_TAKES_NUMBER("expect", "VERSION", 1, UINT32_MAX, NULL,                                            \
                        "refuse (conflict) unless the case is still at this version"),                       \
        CH_TAKES_TIME("time", NULL, "when it happened (now); see `casehub help times`"),                     \
        CH_TAKES_TEXT("id", "ID", NULL, "of the event, so that a repeat changes nothing (random)")

/* An event of this desk, of now, with an id by chance; data is taken, the event is the caller's. */
ch_status ch_desk_event(ch_cli *cli, const char *type, json_t *data, json_t **out_event) CH_MUST_CHECK;

/* A hub event (hub.grant, ...) without a case, from now; data is taken. What the hub said. */
ch_status ch_desk_report(ch_cli *cli, const char *type, json_t *data) CH_MUST_CHECK;

/* The verb's event on this case, with the arguments above; data is taken. What the hub said; where it refused
 * and did not say, the case's present state and version are asked for. */
ch_status ch_desk_command(ch_cli *cli, const char *case_id, json_t *data) CH_MUST_CHECK;

/* A case id as it is; anything else is looked up as a reference. CH_NOT_FOUND, CH_TOO_LARGE. */
ch_status ch_desk_find_case(ch_cli *cli, const char *id_or_ref, char out_case_id[64]) CH_MUST_CHECK;

/* Prints the answer to a command: sequence, case, state; and, unless handoff is NULL, that handoff's ("": the
 * newest one of party). The state is read once the hub has come as far as the event. */
ch_status ch_desk_print(ch_cli *cli, const char *handoff, const char *party) CH_MUST_CHECK;

#endif
