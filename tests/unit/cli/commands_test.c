/* Commands against a hub that follows a script: what they ask, publish, print, and exit with. */
#include "tests/unit/cli/check.h"

#include "tests/unit/cli/shell.h"

#include <stdlib.h>

#define CASE_ROW                                                                                             \
    "[{\"case\":\"ZJ-20261123-1\",\"state\":\"in_progress\",\"party\":\"power-supply\",\"version\":5,"       \
    "\"cycle\":1,\"kind\":\"request\",\"category\":\"power.overload\",\"area\":\"330902\",\"priority\":2,"   \
    "\"source\":\"grid/zhoushan\",\"refs\":[\"G-17\"],\"opened\":1795400820000,\"since\":1795404420000,"     \
    "\"feedback_score\":4,\"feedback_satisfied\":true,"                                                      \
    "\"handoffs\":[{\"handoff\":\"ZJ-20261123-1/h1\",\"party\":\"power-supply\",\"state\":\"started\","      \
    "\"offered\":1795400820000}],"                                                                           \
    "\"steps\":[{\"state\":\"received\",\"cycle\":1,\"entered\":1795400820000,\"left\":1795404420000},"      \
    "{\"state\":\"in_progress\",\"party\":\"power-supply\",\"cycle\":1,\"entered\":1795404420000}],"         \
    "\"opened_event\":{\"type\":\"case.opened\",\"time\":1795400820000,"                                     \
    "\"data\":{\"title\":\"变压器过载\",\"text\":\"first\\nsecond\",\"due\":1795404420000}}}]"

static shell *given_queries(void **state, const fake_query *queries, size_t count)
{
    shell *self = *state;
    memcpy(self->hub->queries, queries, count * sizeof *queries);
    self->hub->query_count = count;
    return self;
}
#define GIVEN(state, ...)                                                                                    \
    given_queries(state, (const fake_query[]){__VA_ARGS__},                                                  \
                  sizeof((const fake_query[]){__VA_ARGS__}) / sizeof(fake_query))

static void without_a_hub_a_question_is_unavailable(void **state)
{
    shell *self = *state;
    self->hub->connection = FAKE_ABSENT;
    shell_run(self, "case", "list");
    assert_int_equal(self->code, 69);
    assert_string_equal(self->out, "");
    assert_holds(self->err, "unavailable: ipc:///nowhere/hub.ipc: no hub answers");
}

static void a_key_without_a_grant_is_denied(void **state)
{
    shell *self = *state;
    self->hub->connection = FAKE_DENIED;
    shell_run(self, "--json", "status");
    assert_int_equal(self->code, 77);
    assert_string_equal(self->err, "{\"error\":\"denied\",\"text\":\"no grant holds this key\"}\n");
}

static void an_answer_that_is_no_json_is_not_believed(void **state)
{
    shell *self = GIVEN(state, {.name = "status", .rows = "<html>"});
    shell_run(self, "status");
    assert_int_equal(self->code, 70);
    assert_holds(self->err, "corrupt");
}

static void an_unknown_case_is_not_found(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = "[]"});
    shell_run(self, "case", "show", "ZJ-20261123-9");
    assert_int_equal(self->code, 66);
    assert_holds(self->err, "there is no case ZJ-20261123-9");
}

static void a_refused_command_tells_the_rule_and_the_present_state(void **state)
{
    shell *self = *state;
    self->hub->answers[0] = (casehub_answer){.code = "refused",
                                             .text = "case.accepted is not legal in state closed",
                                             .where = "type",
                                             .present_state = "closed",
                                             .caseversion = 7};
    self->hub->answer_count = 1;
    shell_run(self, "case", "accept", "ZJ-20261123-1");
    assert_int_equal(self->code, 65);
    assert_string_equal(self->out, "");
    assert_holds(self->err, "refused: type: case.accepted is not legal in state closed");
    assert_holds(self->err, "case ZJ-20261123-1 is now closed, version 7");
}

static void a_conflict_that_does_not_tell_the_state_has_it_asked_for(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW});
    self->hub->answers[0] = (casehub_answer){.code = "conflict", .text = "is already accepted", .where = ""};
    self->hub->answer_count = 1;
    shell_run(self, "handoff", "accept", "ZJ-20261123-1/h1", "--party", "power-supply", "--json");
    assert_int_equal(self->code, 65);
    assert_holds(self->err, "\"error\":\"conflict\"");
    assert_holds(self->err, "\"state\":\"in_progress\",\"caseversion\":5");
}

static void an_answer_that_does_not_come_is_temporary(void **state)
{
    shell *self = *state;
    self->hub->answers[0] = (casehub_answer){.code = "busy", .text = "later"};
    self->hub->answer_count = 1;
    shell_run(self, "case", "note", "ZJ-20261123-1", "--text", "x");
    assert_int_equal(self->code, 75);
}

static void what_is_no_handoff_is_a_wrong_command_line(void **state)
{
    shell *self = *state;
    shell_run(self, "handoff", "accept", "ZJ-20261123-1/c1");
    assert_int_equal(self->code, 64);
    assert_int_equal(self->hub->published_count, 0);
    shell_run(self, "deadletter", "retry", "3", "x");
    assert_int_equal(self->code, 64);
    assert_int_equal(self->hub->published_count, 0);
}

static void dead_letters_in_bulk_must_be_narrowed_or_meant(void **state)
{
    shell *self = *state;
    shell_run(self, "deadletter", "retry");
    assert_int_equal(self->code, 64);
    shell_run(self, "deadletter", "retry", "--connector", "grid");
    assert_int_equal(self->code, 64);
    shell_run(self, "deadletter", "retry", "--all");
    assert_int_equal(self->code, 64);
    assert_holds(self->err, "or --yes");
    shell_run(self, "deadletter", "retry", "--all", "--yes", "3");
    assert_int_equal(self->code, 64);
    shell_run(self, "deadletter", "drop", "--all", "--reason", "a test");
    assert_int_equal(self->code, 64);
    shell_run(self, "deadletter", "list", "--by", "weather");
    assert_int_equal(self->code, 64);
    assert_int_equal(self->hub->published_count + self->hub->queries_asked, 0);
}

static void a_connector_that_cannot_do_it_is_not_asked(void **state)
{
    static const char stopped[] = "[{\"connector\":\"grid\",\"state\":\"stopped\"}]";
    static const char paused[] = "[{\"connector\":\"grid\",\"state\":\"paused\"}]";
    shell *self = GIVEN(state, {.name = "connectors", .rows = "[]"}, {.name = "connectors", .rows = stopped},
                        {.name = "connectors", .rows = stopped}, {.name = "connectors", .rows = paused});
    shell_run(self, "connector", "pause", "grit");
    assert_int_equal(self->code, 66);
    assert_holds(self->err, "there is no connector grit");
    shell_run(self, "connector", "resume", "grid");
    assert_int_equal(self->code, 65);
    assert_holds(self->err, "connector grid is stopped");
    shell_run(self, "connector", "restart", "grid");
    assert_int_equal(self->code, 65);
    shell_run(self, "connector", "pause", "grid");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->out, "connector grid  paused already\n");
    assert_int_equal(self->hub->published_count, 0);
}

static void a_full_disk_is_told_and_an_event_that_was_not_written_is_not_acknowledged(void **state)
{
    shell *self = *state;
    static const char *const events[] = {"{\"sequence\":1,\"type\":\"case.opened\"}"};
    self->hub->events = events;
    self->hub->event_count = 1;
    self->full = true;
    shell_run(self, "event", "tail", ">", "--count", "1");
    assert_int_equal(self->code, 74);
    assert_holds(self->err, "cannot be written");
    assert_int_equal(self->hub->acknowledged_count, 0);
}

static void without_a_hub_every_event_is_answered_with_an_error(void **state)
{
    shell *self = *state;
    self->hub->connection = FAKE_ABSENT;
    self->input = "{\"id\":\"1\"}\n{\"id\":\"2\"}\n\n{\"id\":\"3\"}\n";
    shell_run(self, "event", "publish", "--timeout", "2");
    assert_int_equal(self->code, 75);
    assert_string_equal(
        self->out,
        "{\"error\":\"unavailable\",\"where\":\"\",\"line\":1,\"text\":\"no hub answered for 2 s\"}\n"
        "{\"error\":\"unavailable\",\"where\":\"\",\"line\":2,\"text\":\"no hub answered for 2 s\"}\n"
        "{\"error\":\"unavailable\",\"where\":\"\",\"line\":4,\"text\":\"no hub answered for 2 s\"}\n");
}

static void without_a_hub_also_events_beyond_the_window_are_answered(void **state)
{
    shell *self = *state;
    size_t size, lines = 0;
    char *input = NULL;
    FILE *text = open_memstream(&input, &size);
    for (int i = 0; i < 3000; i++) {
        fprintf(text, "{\"id\":\"%d\"}\n", i);
    }
    fclose(text);
    self->input = input;
    self->hub->silent_after = 10;
    shell_run(self, "event", "publish");
    for (const char *at = self->out; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    free(input);
    assert_int_equal(self->code, 75);
    assert_int_equal(lines, 3000);
    assert_int_equal(self->hub->answered, 10);
    assert_int_equal(self->hub->published_count, 10 + 256);
    assert_holds(self->out, "\"line\":3000,");
}

static void a_bad_line_is_answered_in_its_place_and_the_others_go_on(void **state)
{
    shell *self = *state;
    self->input = "{\"id\":\"1\"}\nnonsense\n{\"id\":\"2\"}\n{\"id\":\"3\"}\n";
    self->hub->backwards = true;
    self->hub->answers[0] =
        (casehub_answer){.code = "ok", .sequence = 7, .caseversion = 1, .case_id = "ZJ-20261123-1"};
    self->hub->answers[1] = (casehub_answer){
        .code = "refused", .text = "not legal", .where = "type", .present_state = "closed", .caseversion = 4};
    self->hub->answers[2] = (casehub_answer){.code = "ok", .sequence = 8, .case_id = "", .duplicate = true};
    self->hub->answer_count = 3;
    shell_run(self, "event", "publish", "-");
    assert_int_equal(self->code, 65);
    assert_string_equal(
        self->out,
        "{\"sequence\":7,\"case\":\"ZJ-20261123-1\",\"caseversion\":1,\"duplicate\":false}\n"
        "{\"error\":\"invalid\",\"where\":\"line 1, column 1\",\"line\":2,\"text\":\"no JSON object\"}\n"
        "{\"error\":\"refused\",\"where\":\"type\",\"line\":3,\"text\":\"not legal\",\"state\":\"closed\","
        "\"caseversion\":4}\n"
        "{\"sequence\":8,\"duplicate\":true}\n");
}

static void a_large_file_goes_through_a_small_window(void **state)
{
    shell *self = *state;
    size_t size, lines = 0;
    char *input = NULL;
    FILE *text = open_memstream(&input, &size);
    for (int i = 0; i < 4000; i++) {
        fprintf(text, "{\"id\":\"%d\"}\n", i);
    }
    fclose(text);
    self->input = input;
    shell_run(self, "event", "publish");
    for (const char *at = self->out; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    free(input);
    assert_int_equal(self->code, 0);
    assert_int_equal(lines, 4000);
    assert_holds(self->out, "{\"sequence\":4000,");
    /* Whoever looks next sees them all. */
    assert_string_equal(self->hub->asked[0], "status {\"sequence\":4000}");
}

static void a_command_is_an_event_of_the_desk_and_waits_to_see_its_effect(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW});
    self->hub->answers[0] =
        (casehub_answer){.code = "ok", .sequence = 12, .caseversion = 5, .case_id = "ZJ-20261123-1"};
    self->hub->answer_count = 1;
    shell_run(self, "case", "feedback", "ZJ-20261123-1", "--score", "4", "--satisfied", "yes", "--text", "好",
              "--party", "power-supply", "--expect", "4", "--id", "f1", "--time", "2026-11-23 10:00");
    assert_int_equal(self->code, 0);
    assert_string_equal(
        self->hub->published[0],
        "{\"specversion\":\"1.0\",\"id\":\"f1\",\"source\":\"desk/wang\",\"type\":\"case.feedback\","
        "\"time\":\"2026-11-23T02:00:00Z\",\"data\":{\"score\":4,\"satisfied\":true,\"text\":\"好\"},"
        "\"subject\":\"ZJ-20261123-1\",\"party\":\"power-supply\",\"expectedversion\":4}");
    assert_string_equal(self->hub->asked[0], "case {\"case\":\"ZJ-20261123-1\",\"sequence\":12}");
    assert_string_equal(self->out,
                        "sequence 12  case ZJ-20261123-1  version 5  state in_progress  with power-supply\n");
}

static void a_reference_stands_for_its_case(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW}, {.name = "case", .rows = CASE_ROW});
    shell_run(self, "case", "note", "HL-20261123-5", "--text", "x", "--json");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->hub->asked[0], "case {\"case\":\"HL-20261123-5\"}");
    assert_holds(self->hub->published[0], "\"subject\":\"ZJ-20261123-1\"");
    assert_string_equal(self->out,
                        "{\"sequence\":1,\"case\":\"ZJ-20261123-1\",\"caseversion\":1,\"duplicate\":false,"
                        "\"state\":\"in_progress\",\"party\":\"power-supply\"}\n");
}

static void a_reference_of_two_cases_is_asked_back_and_nothing_is_done(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = "[]", .next = "n1"},
                        {.name = "case", .rows = "[{\"case\":\"ZJ-20261123-1\"}]", .next = "n2"},
                        {.name = "case", .rows = "[{\"case\":\"ZJ-20261123-2\"}]"});
    shell_run(self, "case", "cancel", "17");
    assert_int_equal(self->code, 65);
    assert_int_equal(self->hub->published_count, 0);
    assert_string_equal(self->hub->asked[2], "case {\"case\":\"17\",\"after\":\"n2\"}");
    assert_holds(self->err, "there is more than one case 17: ZJ-20261123-1 and ZJ-20261123-2");
}

static void two_commands_have_different_ids(void **state)
{
    shell *self = *state;
    shell_run(self, "case", "accept", "ZJ-20261123-1");
    shell_run(self, "case", "accept", "ZJ-20261123-1");
    assert_int_equal(self->hub->published_count, 2);
    assert_string_not_equal(self->hub->published[0], self->hub->published[1]);
}

static void a_handoff_goes_to_one_party_and_is_answered_by_its_id(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW}, {.name = "case", .rows = CASE_ROW},
                        {.name = "case", .rows = CASE_ROW});
    shell_run(self, "handoff", "offer", "ZJ-20261123-1", "--to", "power-supply", "--reason", "overload",
              "--due", "+1h", "--json");
    assert_holds(self->hub->published[0], "\"type\":\"handoff.offered\"");
    assert_holds(self->hub->published[0],
                 "\"data\":{\"party\":\"power-supply\",\"reason\":\"overload\",\"due\":1795404420000}");
    assert_holds(self->out, "\"handoff\":\"ZJ-20261123-1/h1\",\"handoff_state\":\"started\"");
    shell_run(self, "handoff", "transfer", "ZJ-20261123-1/h1", "--to", "water", "--party", "power-supply");
    assert_holds(
        self->hub->published[1],
        "\"data\":{\"party\":\"water\",\"handoff\":\"ZJ-20261123-1/h1\"},\"subject\":\"ZJ-20261123-1\","
        "\"party\":\"power-supply\"");
    shell_run(self, "handoff", "start", "ZJ-20261123-1");
    assert_holds(self->hub->published[2], "\"data\":{},\"subject\":\"ZJ-20261123-1\"");
}

static void one_offer_may_go_to_several_parties(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW}, {.name = "case", .rows = CASE_ROW});
    shell_run(self, "handoff", "offer", "ZJ-20261123-1", "--to", "power-supply", "--to", "water", "--form",
              "joint", "--lead", "water");
    assert_int_equal(self->code, 0);
    assert_holds(self->hub->published[0],
                 "\"data\":{\"parties\":[\"power-supply\",\"water\"],\"form\":\"joint\","
                 "\"lead\":\"water\"}");
    shell_run(self, "handoff", "offer", "ZJ-20261123-1", "--to", "power-supply", "--to", "water", "--form",
              "parallel", "--need", "any");
    assert_holds(self->hub->published[1], "\"form\":\"parallel\",\"need\":\"any\"}");
    shell_run(self, "handoff", "offer", "ZJ-20261123-1", "--to", "water", "--form", "paralel");
    assert_int_equal(self->code, 64);
    assert_holds(self->err, "--form cannot be `paralel`; did you mean `parallel`?");
}

static void a_verdict_names_who_gets_the_case(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW});
    shell_run(self, "case", "arbitrate", "ZJ-20261123-1");
    assert_int_equal(self->code, 64);
    shell_run(self, "case", "arbitrate", "ZJ-20261123-1", "--to", "water", "--text", "by the list of duties");
    assert_int_equal(self->code, 0);
    assert_holds(self->hub->published[0], "\"type\":\"case.arbitrated\"");
    assert_holds(self->hub->published[0],
                 "\"data\":{\"party\":\"water\",\"text\":\"by the list of duties\"}");
}

static void groups_are_shown_where_there_are_any(void **state)
{
    shell *self = GIVEN(
        state,
        {.name = "case",
         .rows =
             "[{\"case\":\"ZJ-20261123-1\",\"state\":\"received\",\"handoffs\":[{\"handoff\":\"ZJ-20261123-1/"
             "h1\","
             "\"party\":\"water\",\"state\":\"offered\",\"group\":\"ZJ-20261123-1/g1\",\"form\":\"sequence\","
             "\"need\":\"any\",\"next\":[\"health\",\"land\"]}]}]"},
        {.name = "handoffs",
         .rows = "[{\"handoff\":\"ZJ-20261123-1/h1\",\"party\":\"water\",\"state\":\"offered\","
                 "\"group\":\"ZJ-20261123-1/g1\",\"form\":\"joint\",\"need\":\"all\",\"lead\":true}]"});
    shell_run(self, "case", "show", "ZJ-20261123-1");
    assert_holds(self->out, "REASON  GROUP             FORM      NEED  LEAD  NEXT\n");
    assert_holds(self->out, "ZJ-20261123-1/g1  sequence  any         health,land\n");
    shell_run(self, "handoff", "list");
    assert_holds(self->out, "STATE    GROUP             FORM   NEED  LEAD  FROM");
    assert_holds(self->out, "offered  ZJ-20261123-1/g1  joint  all   yes ");
}

static void two_cases_are_tied_by_their_ids_or_refs(void **state)
{
    static const char found[] = "[{\"case\":\"ZJ-20261123-7\",\"state\":\"received\"}]";
    shell *self = GIVEN(state, {.name = "case", .rows = found}, {.name = "case", .rows = found},
                        {.name = "case", .rows = found}, {.name = "case", .rows = found});
    shell_run(self, "case", "merge", "ZJ-20261123-1");
    assert_int_equal(self->code, 64);
    shell_run(self, "case", "link", "ZJ-20261123-1", "G-17", "--relation", "cousin");
    assert_int_equal(self->code, 64);
    assert_int_equal(self->hub->published_count, 0);
    shell_run(self, "case", "link", "ZJ-20261123-1", "G-17", "--relation", "parent", "--text", "same estate");
    assert_int_equal(self->code, 0);
    assert_holds(self->hub->asked[0], "case {\"case\":\"G-17\"");
    assert_holds(self->hub->published[0], "\"type\":\"case.linked\"");
    assert_holds(self->hub->published[0], "\"subject\":\"ZJ-20261123-1\"");
    assert_holds(self->hub->published[0], "\"data\":{\"relation\":\"parent\",\"text\":\"same estate\","
                                          "\"other\":\"ZJ-20261123-7\"}");
    shell_run(self, "case", "unlink", "ZJ-20261123-1", "ZJ-20261123-7");
    assert_holds(self->hub->published[1], "\"type\":\"case.unlinked\"");
    assert_holds(self->hub->published[1], "\"data\":{\"other\":\"ZJ-20261123-7\"}");
    shell_run(self, "case", "merge", "ZJ-20261123-1", "ZJ-20261123-7");
    assert_holds(self->hub->published[2], "\"type\":\"case.merged\"");
    assert_holds(self->hub->published[2], "\"data\":{\"into\":\"ZJ-20261123-7\"}");
}

static void a_split_says_which_case_it_opened(void **state)
{
    static const char whole[] = "[{\"case\":\"ZJ-20261123-1\",\"state\":\"received\"}]";
    static const char event[] = "[{\"type\":\"case.split\",\"data\":{\"into\":[\"ZJ-20261123-8\"]}}]";
    shell *self = GIVEN(state, {.name = "case", .rows = whole}, {.name = "timeline", .rows = event},
                        {.name = "case", .rows = whole}, {.name = "timeline", .rows = event});
    shell_run(self, "case", "split", "ZJ-20261123-1");
    assert_int_equal(self->code, 64);
    shell_run(self, "case", "split", "ZJ-20261123-1", "--title", "a lamp", "--category", "lamp.out", "--area",
              "330203", "--priority", "2");
    assert_int_equal(self->code, 0);
    assert_holds(self->hub->published[0], "\"type\":\"case.split\"");
    assert_holds(self->hub->published[0], "\"area\":\"330203\"");
    assert_holds(self->hub->published[0],
                 "\"data\":{\"title\":\"a lamp\",\"category\":\"lamp.out\",\"priority\":2}");
    assert_holds(self->out, "  into ZJ-20261123-8\n");
    shell_run(self, "case", "split", "ZJ-20261123-1", "--title", "a lamp", "--json");
    assert_holds(self->out, "\"into\":\"ZJ-20261123-8\"");
}

#define MERGED_ROW "[{\"case\":\"ZJ-20261123-1\",\"state\":\"merged\",\"merged_into\":\"ZJ-20261123-7\"}]"

static void a_merged_case_is_shown_as_the_one_that_stands_for_it(void **state)
{
    static const char last[] = "[{\"case\":\"ZJ-20261123-7\",\"state\":\"received\",\"links\":[{\"case\":"
                               "\"ZJ-20261123-1\",\"relation\":\"merged\"}]}]";
    shell *self = GIVEN(state, {.name = "case", .rows = MERGED_ROW}, {.name = "case", .rows = last},
                        {.name = "case", .rows = MERGED_ROW}, {.name = "case", .rows = last});
    shell_run(self, "case", "show", "G-17");
    assert_int_equal(self->code, 0);
    assert_holds(self->err, "Case ZJ-20261123-1 was merged into ZJ-20261123-7\n");
    assert_holds(self->out, "case            ZJ-20261123-7\n");
    assert_holds(self->out, "\nOther cases\nCASE           RELATION  SCORE\nZJ-20261123-1  merged");
    shell_run(self, "case", "show", "G-17", "--json");
    assert_holds(self->out, "\"case\":\"ZJ-20261123-7\"");
    assert_holds(self->out, "\"asked\":\"ZJ-20261123-1\"");
}

static void a_merged_case_is_shown_itself_where_the_other_may_not_be_read(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = MERGED_ROW},
                        {.name = "case", .code = "not-found", .text = "there is no such case"});
    shell_run(self, "case", "show", "G-17");
    assert_int_equal(self->code, 0);
    assert_holds(self->out, "case            ZJ-20261123-1\n");
    assert_holds(self->out, "merged into     ZJ-20261123-7\n");
}

#define CLOCKS                                                                                               \
    "[{\"clock\":\"ZJ-20261123-1/"                                                                           \
    "c1\",\"rule\":\"post-accepted\",\"party\":\"water\",\"state\":\"breached\","                            \
    "\"started\":1795400820000,\"due\":1795411620000,\"level\":2,\"handoff\":\"ZJ-20261123-1/h1\"}]"

static void clocks_are_listed_and_stand_with_their_case(void **state)
{
    shell *self = GIVEN(state, {.name = "clocks", .rows = CLOCKS},
                        {.name = "case", .rows = "[{\"case\":\"ZJ-20261123-1\",\"clocks\":" CLOCKS "}]"});
    shell_run(self, "clock", "list", "--party", "water", "--state", "breached", "--due-before",
              "2026-11-23T06:00:00Z");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->hub->asked[0], "clocks {\"party\":\"water\",\"state\":\"breached\","
                                             "\"due_before\":1795413600000,\"open\":true,\"limit\":100}");
    assert_holds(self->out, "ZJ-20261123-1/c1  post-accepted  water  breached  2026-11-23 10:27:00  "
                            "2026-11-23 13:27:00 ");
    shell_run(self, "case", "show", "ZJ-20261123-1");
    assert_holds(self->out, "\nClocks\nCLOCK             RULE           PARTY  STATE ");
    shell_run(self, "clock", "list", "--state", "late");
    assert_int_equal(self->code, 64);
    shell_run(self, "clok", "list");
    assert_int_equal(self->code, 64);
    assert_holds(self->err, "clock");
}

static void show_answers_who_has_it_how_far_it_is_and_what_the_citizen_said(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW});
    self->hub->clock.now_ms = INT64_C(1795404420000) + 60000;
    shell_run(self, "case", "show", "G-17");
    assert_int_equal(self->code, 0);
    assert_string_equal(
        self->out,
        "case            ZJ-20261123-1\n"
        "title           变压器过载\n"
        "text            first\n"
        "                second\n"
        "kind            request\n"
        "category        power.overload\n"
        "area            330902\n"
        "priority        2 of 5\n"
        "source          grid/zhoushan\n"
        "ref             G-17\n"
        "opened          2026-11-23 10:27:00 (+08:00, as all times here)\n"
        "state           in_progress\n"
        "since           2026-11-23 11:27:00, 1m 00s ago\n"
        "with            power-supply\n"
        "version         5\n"
        "feedback        4 of 5, satisfied\n"
        "\n"
        "Handoffs\n"
        "HANDOFF           PARTY         STATE    OFFERED              ACCEPTED  ENDED  DUE  REASON\n"
        "ZJ-20261123-1/h1  power-supply  started  2026-11-23 10:27:00                        \n"
        "\n"
        "Steps\n"
        "STEP         WITH          FROM                 UNTIL                TOOK    CYCLE\n"
        "received                   2026-11-23 10:27:00  2026-11-23 11:27:00  1h 00m      1\n"
        "in_progress  power-supply  2026-11-23 11:27:00                       1m 00s      1\n");
}

static void a_case_that_is_over_takes_no_more_time(void **state)
{
    shell *self =
        GIVEN(state, {.name = "case",
                      .rows = "[{\"case\":\"ZJ-20261123-1\",\"state\":\"closed\",\"steps\":[{\"state\":"
                              "\"resolved\",\"cycle\":1,\"entered\":1795400760000,"
                              "\"left\":1795400820000},{\"state\":\"closed\",\"cycle\":1,"
                              "\"entered\":1795400820000}]}]"});
    self->hub->clock.now_ms += 3600000;
    shell_run(self, "case", "show", "ZJ-20261123-1");
    assert_holds(self->out, "resolved        2026-11-23 10:26:00  2026-11-23 10:27:00  1m 00s      1\n");
    assert_holds(self->out, "closed          2026-11-23 10:27:00                                   1\n");
}

static void json_shows_every_time_in_utc_and_nothing_else_as_one(void **state)
{
    shell *self = GIVEN(state, {.name = "case", .rows = CASE_ROW});
    shell_run(self, "case", "show", "ZJ-20261123-1", "--json");
    assert_int_equal(self->code, 0);
    assert_holds(self->out, "\"opened\":\"2026-11-23T02:27:00Z\"");
    assert_holds(self->out, "\"since\":\"2026-11-23T03:27:00Z\"");
    assert_holds(self->out, "\"entered\":\"2026-11-23T02:27:00Z\",\"left\":\"2026-11-23T03:27:00Z\"");
    assert_holds(self->out, "\"due\":\"2026-11-23T03:27:00Z\"");
    assert_holds(self->out, "\"version\":5");
    assert_lacks(self->out, "17954");
}

static void a_list_is_asked_page_by_page_up_to_its_limit(void **state)
{
    shell *self = GIVEN(state, {.name = "cases", .rows = "[{\"case\":\"a\"},{\"case\":\"b\"}]", .next = "n1"},
                        {.name = "cases", .rows = "[{\"case\":\"c\"}]", .next = "n2"});
    shell_run(self, "case", "list", "--state", "waiting", "--since", "2026-11-23", "--anomalous", "--limit",
              "3");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->hub->asked[0], "cases {\"state\":\"waiting\",\"since\":1795363200000,"
                                             "\"anomalous\":true,\"limit\":3}");
    assert_holds(self->hub->asked[1], "\"limit\":1,\"after\":\"n1\"}");
    assert_int_equal(self->hub->queries_asked, 2);
    assert_holds(self->out, "CASE  STATE");
    assert_holds(self->err, "There is more");
}

static void a_timeline_tells_how_long_after_the_step_before(void **state)
{
    shell *self = GIVEN(
        state,
        {.name = "timeline",
         .rows = "[{\"caseversion\":1,\"type\":\"case.opened\",\"time\":1795400820000,"
                 "\"casestate\":\"received\",\"actor\":\"grid\",\"data\":{\"title\":\"停电\\u001b[2J\"}},"
                 "{\"caseversion\":2,\"type\":\"case.accepted\",\"time\":\"2026-11-23T03:27:00Z\","
                 "\"casestate\":\"accepted\",\"actor\":\"wang\",\"inferred\":true}]"});
    shell_run(self, "case", "timeline", "ZJ-20261123-1");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->out,
                        "VERSION  TIME                 AFTER    WHAT           STATE     BY    \n"
                        "      1  2026-11-23 10:27:00           case.opened    received  grid  停电 [2J\n"
                        "      2  2026-11-23 11:27:00  +1h 00m  case.accepted  accepted  wang  (inferred)\n");
}

static void tail_prints_so_many_events_and_acknowledges_them(void **state)
{
    shell *self = GIVEN(state, {.name = "status", .rows = "[]"});
    static const char *const events[] = {("{\"sequence\":1,\"type\":\"case.opened\",\"time\":\"2026-11-23T02:"
                                          "27:00Z\",\"data\":{\"due\":1795404420000}}"),
                                         "{\"sequence\":2,\"type\":\"case.noted\"}",
                                         "{\"sequence\":3,\"type\":\"case.noted\"}"};
    self->hub->events = events;
    self->hub->event_count = 3;
    shell_run(self, "event", "tail", "case.>", "--name", "desk", "--from", "all", "--count", "2");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->hub->subscribed, "desk all case.> 2");
    assert_int_equal(self->hub->acknowledged_count, 2);
    assert_int_equal(self->hub->unsubscribed_after, 2);
    assert_string_equal(self->out,
                        "{\"sequence\":1,\"type\":\"case.opened\",\"time\":\"2026-11-23T02:27:00Z\","
                        "\"data\":{\"due\":\"2026-11-23T03:27:00Z\"}}\n"
                        "{\"sequence\":2,\"type\":\"case.noted\"}\n");
}

static void check_speaks_as_monitoring_plugins_do(void **state)
{
    shell *self = GIVEN(state,
                        {.name = "status",
                         .rows = "[{\"hub\":\"ZJ\",\"ready\":true,\"sequence\":12,\"state_sequence\":12,"
                                 "\"cases\":3,\"dead_letters\":0,\"disk_free_bytes\":5368709120}]"},
                        {.name = "status",
                         .rows = "[{\"hub\":\"ZJ\",\"ready\":true,\"dead_letters\":2,"
                                 "\"disk_free_bytes\":5368709120}]"},
                        {.name = "status",
                         .rows = "[{\"ready\":false,\"reason\":\"storage-full\","
                                 "\"disk_free_bytes\":5368709120}]"});
    shell_run(self, "check");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->out,
                        "CASEHUB OK - hub ZJ, sequence 12, 3 cases | sequence=12c state_sequence=12c "
                        "cases=3 dead_letters=0 disk_free=5368709120B\n");
    shell_run(self, "check");
    assert_int_equal(self->code, 1);
    assert_holds(self->out, "CASEHUB WARNING - 2 dead letters wait |");
    shell_run(self, "check");
    assert_int_equal(self->code, 2);
    assert_holds(self->out, "CASEHUB CRITICAL - the hub is not ready: storage-full |");
    self->hub->connection = FAKE_ABSENT;
    shell_run(self, "check");
    assert_int_equal(self->code, 2);
    assert_holds(self->out, "CASEHUB CRITICAL - ");
    self->hub->connection = FAKE_DENIED;
    shell_run(self, "check");
    assert_int_equal(self->code, 3);
    shell_run(self, "check", "--dead-leters", "1");
    assert_int_equal(self->code, 3);
}

static void dead_letters_are_shown_before_they_are_tried_again(void **state)
{
    shell *self =
        GIVEN(state, {.name = "deadletter", .rows = "[{\"deadletter\":3,\"code\":\"invalid\"}]"},
              {.name = "deadletter", .rows = "[]"},
              {.name = "deadletter", .rows = "[{\"deadletter\":3,\"raw\":{\"$base64\":\"YSzlgZznlLU=\"}}]"});
    shell_run(self, "deadletter", "retry", "3", "4", "--dry-run");
    assert_int_equal(self->code, 66);
    assert_int_equal(self->hub->published_count, 0);
    assert_holds(self->out, "     3 ");
    assert_holds(self->err, "there is no dead letter 4");
    shell_run(self, "deadletter", "show", "3");
    assert_holds(self->out, "raw             a,停电\n");
    shell_run(self, "deadletter", "retry", "3");
    assert_holds(self->hub->published[0], "\"data\":{\"action\":\"retry\",\"number\":3}");
    shell_run(self, "deadletter", "drop", "3", "--reason", "a test");
    assert_holds(self->hub->published[1],
                 "\"data\":{\"reason\":\"a test\",\"action\":\"drop\",\"number\":3}");
    assert_int_equal(self->code, 0);
}

#define TWO_LETTERS                                                                                          \
    "[{\"deadletter\":3,\"reason\":\"a\",\"recorded\":1795400820000},"                                       \
    "{\"deadletter\":5,\"reason\":\"b\",\"recorded\":1795400821000}]"

static void one_of_many_dead_letters_that_fails_leaves_the_others_alone(void **state)
{
    shell *self = GIVEN(state, {.name = "deadletters", .rows = TWO_LETTERS, .next = "5"},
                        {.name = "deadletters", .rows = "[{\"deadletter\":9}]"});
    self->hub->answers[0] = (casehub_answer){.code = "conflict", .text = "dead letter 3 is dropped"};
    self->hub->answer_count = 1;
    shell_run(self, "deadletter", "retry", "--all", "--connector", "grid", "--reason", "the code");
    assert_int_equal(self->code, 65);
    assert_holds(self->hub->asked[0],
                 "deadletters {\"connector\":\"grid\",\"reason\":\"the code\",\"limit\":1000}");
    assert_holds(self->out, "dead letter 3  cannot be retried: conflict: dead letter 3 is dropped\n");
    assert_holds(self->out, "dead letter 5  retry\n");
    assert_holds(self->out, "dead letter 9  retry\n");
    assert_int_equal(self->hub->published_count, 3);
}

static void what_stops_all_dead_letters_is_told_once(void **state)
{
    shell *self = GIVEN(state, {.name = "deadletters", .rows = TWO_LETTERS});
    self->hub->answers[0] = (casehub_answer){.code = "denied", .text = "role auditor may not"};
    self->hub->answer_count = 1;
    shell_run(self, "deadletter", "drop", "--all", "--yes", "--reason", "a test", "--json");
    assert_int_equal(self->code, 77);
    assert_string_equal(self->out, "");
    assert_int_equal(self->hub->published_count, 1);
}

static void dead_letters_are_counted_by_what_they_share(void **state)
{
    shell *self = GIVEN(
        state, {.name = "deadletters", .rows = TWO_LETTERS, .next = "5"},
        {.name = "deadletters", .rows = "[{\"deadletter\":9,\"reason\":\"b\",\"recorded\":1795400822000}]"},
        {.name = "deadletters", .rows = TWO_LETTERS}, {.name = "deadletters", .rows = TWO_LETTERS});
    shell_run(self, "deadletter", "list", "--by", "reason", "--json");
    assert_string_equal(self->out,
                        "{\"count\":2,\"reason\":\"b\",\"oldest\":\"2026-11-23T02:27:01Z\",\"newest\":"
                        "\"2026-11-23T02:27:02Z\"}\n{\"count\":1,\"reason\":\"a\",\"oldest\":"
                        "\"2026-11-23T02:27:00Z\",\"newest\":\"2026-11-23T02:27:00Z\"}\n");
    shell_run(self, "deadletter", "list", "--by", "code", "--all", "--limit", "1");
    assert_holds(self->hub->asked[2], "{\"status\":\"all\",\"limit\":1000}");
    assert_string_equal(self->out, "COUNT  OLDEST               NEWEST               CODE\n"
                                   "    2  2026-11-23 10:27:00  2026-11-23 10:27:01  \n");
    shell_run(self, "deadletter", "drop", "--all", "--code", "x", "--reason", "a test", "--dry-run");
    assert_int_equal(self->code, 0);
    assert_holds(self->hub->asked[3], "{\"code\":\"x\"}");
    assert_holds(self->err, "2 would be dropped.\n");
    assert_int_equal(self->hub->published_count, 0);
}

static void a_connector_is_asked_in_the_words_that_it_knows(void **state)
{
    static const char running[] = "[{\"connector\":\"grid\",\"state\":\"running\"}]";
    shell *self = GIVEN(state, {.name = "connectors", .rows = running}, {.name = "status", .rows = "[]"},
                        {.name = "connectors", .rows = running});
    shell_run(self, "connector", "pause", "grid");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->out, "connector grid  asked to be paused\n");
    assert_holds(self->hub->published[0], "\"type\":\"hub.connector\"");
    assert_holds(self->hub->published[0],
                 "\"data\":{\"connector\":\"grid\",\"state\":\"paused\",\"reason\":");
    shell_run(self, "connector", "restart", "grid", "--json");
    assert_string_equal(self->out,
                        "{\"connector\":\"grid\",\"state\":\"restarted\",\"asked\":true,\"sequence\":2}\n");
    assert_holds(self->hub->published[1], "\"state\":\"restart\"");
}

static void a_grant_names_its_holder_and_revoking_keeps_the_rest(void **state)
{
    static char key[] = "0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?";
    shell *self =
        GIVEN(state, {.name = "grants",
                      .rows = "[{\"key\":\"0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?\",\"name\":\"li\","
                              "\"role\":\"department\",\"parties\":[\"water\"],\"revoked\":false}]"});
    shell_run(self, "key", "grant", key, "--name", "li", "--role", "department", "--party", "water",
              "--party", "health");
    assert_int_equal(self->code, 0);
    assert_holds(
        self->hub->published[0],
        "\"data\":{\"name\":\"li\",\"role\":\"department\",\"parties\":[\"water\",\"health\"],"
        "\"key\":\"0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?\",\"private\":\"none\",\"revoked\":false,"
        "\"sources\":[\"desk/li\"]}");
    shell_run(self, "key", "revoke", key);
    assert_holds(self->hub->published[1],
                 "\"role\":\"department\",\"parties\":[\"water\"],\"revoked\":true}");
    shell_run(self, "key", "revoke", "nobody.pub");
    assert_int_equal(self->code, 66);
}

static void a_key_is_revoked_however_many_grants_there_are(void **state)
{
    static char key[] = "0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?";
    shell *self =
        GIVEN(state, {.name = "grants", .rows = "[{\"key\":\"another\",\"name\":\"wang\"}]", .next = "n1"},
              {.name = "grants",
               .rows = "[{\"key\":\"0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?\",\"name\":\"li\","
                       "\"role\":\"auditor\"}]"});
    shell_run(self, "key", "revoke", key);
    assert_int_equal(self->code, 0);
    assert_string_equal(self->hub->asked[1], "grants {\"after\":\"n1\"}");
    assert_holds(self->hub->published[0], "\"name\":\"li\",\"role\":\"auditor\",\"revoked\":true}");
}

static void who_speaks_for_others_is_bound_to_no_source_and_a_desk_may_always_be_its_own(void **state)
{
    static char key[] = "0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?";
    shell *self = *state;
    shell_run(self, "key", "grant", key, "--name", "li", "--role", "operator");
    assert_lacks(self->hub->published[0], "sources");
    shell_run(self, "key", "grant", key, "--name", "li", "--role", "department", "--source", "water");
    assert_holds(self->hub->published[1], "\"sources\":[\"water\",\"desk/li\"]");
    shell_run(self, "key", "grant", key, "--name", "li", "--role", "connector", "--source", "grid");
    assert_holds(self->hub->published[2], "\"sources\":[\"grid\"]");
}

static void seeking_and_deleting_a_subscription_show_what_came_of_it(void **state)
{
    shell *self = GIVEN(state, {.name = "subscriptions", .rows = "[{\"name\":\"desk\",\"next\":17}]"},
                        {.name = "delete_subscription", .rows = "[{\"name\":\"desk\"}]"});
    shell_run(self, "subscription", "seek", "desk", "--from", "17");
    assert_int_equal(self->code, 0);
    assert_string_equal(self->hub->subscribed, "desk 17");
    assert_holds(self->out, "next            17\n");
    shell_run(self, "subscription", "delete", "desk");
    assert_string_equal(self->out, "deleted         desk\n");
}

static void a_relative_folder_is_named_from_here(void **state)
{
    shell *self =
        GIVEN(state, {.name = "backup", .rows = "[{\"dir\":\"/x\",\"sequence\":4,\"bytes\":2048}]"});
    shell_run(self, "backup", "copy");
    assert_int_equal(self->code, 0);
    assert_holds(self->hub->asked[0], "backup {\"dir\":\"/");
    assert_holds(self->hub->asked[0], "/copy\"}");
    assert_holds(self->out, "size            2.0 KiB\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shell_setup, shell_teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_a_hub_a_question_is_unavailable),
        TEST(a_key_without_a_grant_is_denied),
        TEST(an_answer_that_is_no_json_is_not_believed),
        TEST(an_unknown_case_is_not_found),
        TEST(a_refused_command_tells_the_rule_and_the_present_state),
        TEST(a_conflict_that_does_not_tell_the_state_has_it_asked_for),
        TEST(an_answer_that_does_not_come_is_temporary),
        TEST(what_is_no_handoff_is_a_wrong_command_line),
        TEST(dead_letters_in_bulk_must_be_narrowed_or_meant),
        TEST(a_connector_that_cannot_do_it_is_not_asked),
        TEST(a_full_disk_is_told_and_an_event_that_was_not_written_is_not_acknowledged),
        TEST(without_a_hub_every_event_is_answered_with_an_error),
        TEST(without_a_hub_also_events_beyond_the_window_are_answered),
        TEST(a_bad_line_is_answered_in_its_place_and_the_others_go_on),
        TEST(a_large_file_goes_through_a_small_window),
        TEST(a_command_is_an_event_of_the_desk_and_waits_to_see_its_effect),
        TEST(a_reference_stands_for_its_case),
        TEST(a_reference_of_two_cases_is_asked_back_and_nothing_is_done),
        TEST(two_commands_have_different_ids),
        TEST(a_handoff_goes_to_one_party_and_is_answered_by_its_id),
        TEST(one_offer_may_go_to_several_parties),
        TEST(a_verdict_names_who_gets_the_case),
        TEST(groups_are_shown_where_there_are_any),
        TEST(two_cases_are_tied_by_their_ids_or_refs),
        TEST(a_split_says_which_case_it_opened),
        TEST(a_merged_case_is_shown_as_the_one_that_stands_for_it),
        TEST(a_merged_case_is_shown_itself_where_the_other_may_not_be_read),
        TEST(clocks_are_listed_and_stand_with_their_case),
        TEST(show_answers_who_has_it_how_far_it_is_and_what_the_citizen_said),
        TEST(a_case_that_is_over_takes_no_more_time),
        TEST(json_shows_every_time_in_utc_and_nothing_else_as_one),
        TEST(a_list_is_asked_page_by_page_up_to_its_limit),
        TEST(a_timeline_tells_how_long_after_the_step_before),
        TEST(tail_prints_so_many_events_and_acknowledges_them),
        TEST(check_speaks_as_monitoring_plugins_do),
        TEST(dead_letters_are_shown_before_they_are_tried_again),
        TEST(one_of_many_dead_letters_that_fails_leaves_the_others_alone),
        TEST(what_stops_all_dead_letters_is_told_once),
        TEST(dead_letters_are_counted_by_what_they_share),
        TEST(a_connector_is_asked_in_the_words_that_it_knows),
        TEST(a_grant_names_its_holder_and_revoking_keeps_the_rest),
        TEST(a_key_is_revoked_however_many_grants_there_are),
        TEST(who_speaks_for_others_is_bound_to_no_source_and_a_desk_may_always_be_its_own),
        TEST(seeking_and_deleting_a_subscription_show_what_came_of_it),
        TEST(a_relative_folder_is_named_from_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
