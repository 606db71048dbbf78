#include "hub/cli/nouns.h"

static const ch_argument publish_arguments[] = {
    {.name = "timeout",
     .kind = CH_ARGUMENT_NUMBER,
     .value = "S",
     .least = 1,
     .most = 86400,
     .help = "seconds without a hub after which the rest is answered with errors (10)"}};

static const char *const test_modes[] = {"exclude", "include", "only", NULL};
static const ch_argument tail_arguments[] = {
    {.name = "name",
     .kind = CH_ARGUMENT_TEXT,
     .value = "DURABLE",
     .help = "goes on where this name stopped; without one: from now"},
    {.name = "from",
     .kind = CH_ARGUMENT_FROM,
     .value = "all|new|SEQ|TIME",
     .help = "where a new subscription begins (new); see `casehub help times`"},
    {.name = "count",
     .kind = CH_ARGUMENT_NUMBER,
     .value = "N",
     .least = 1,
     .most = INT64_MAX,
     .help = "stop after so many events"},
    {.name = "involved",
     .kind = CH_ARGUMENT_FLAG,
     .help = "later events of the cases that my parties took part in, too"},
    {.name = "test",
     .kind = CH_ARGUMENT_WORD,
     .value = "exclude|include|only",
     .words = test_modes,
     .help = "events of drills (exclude)"},
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
