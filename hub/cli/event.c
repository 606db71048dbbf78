#include "hub/cli/nouns.h"

static const ch_argument publish_arguments[] = {
    CH_TAKES_NUMBER("timeout", "S", 1, 86400, NULL,
                    "seconds without a hub after which the rest is answered with errors (10)")};

static const char *const test_modes[] = {"exclude", "include", "only", NULL};
static const ch_argument tail_arguments[] = {
    CH_TAKES_TEXT("name", "DURABLE", NULL, "goes on where this name stopped; without one: from now"),
    {.name = "from",
     .kind = CH_ARGUMENT_FROM,
     .value = "all|new|SEQ|TIME",
     .help = "where a new subscription begins (new); see `casehub help times`"},
    CH_TAKES_NUMBER("count", "N", 1, INT64_MAX, NULL, "stop after so many events"),
    CH_TAKES_FLAG("involved", NULL, "later events of the cases that my parties took part in, too"),
    CH_TAKES_WORD("test", "exclude|include|only", test_modes, NULL, "events of drills (exclude)"),
};

static const ch_verb verbs[] = {
    {.name = "publish",
     .operands = "FILE|-",
     .operands_most = 1,
     CH_ARGUMENTS(publish_arguments),
     .help = "JSON lines in (standard input where no FILE is named), one answer a line in their order",
     .run = ch_event_publish},
    {.name = "tail",
     .operands = "PATTERN...",
     .operands_least = 1,
     .operands_most = 64,
     CH_ARGUMENTS(tail_arguments),
     .help = "events whose topic fits, as they come: '>' is all, '*.*.*.power-supply.>' a department's",
     .run = ch_event_tail},
};

const ch_noun ch_noun_event = {
    .name = "event", .help = "put events in, watch them come out", CH_VERBS(verbs)};
