/* cases, case, timeline, handoffs: what is found, what is left out, and how it is paged. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct fixture {
    town of;
    ch_grant hotline, forum; /* connectors */
    ch_grant urban, water;   /* departments */
    ch_grant haishu, jinhua; /* supervisor of 330203, read-only of 3307 */
    ch_grant auditor;        /* everything, personal too */
    char lamp[CH_CASE_ID_SIZE], leak[CH_CASE_ID_SIZE], post[CH_CASE_ID_SIZE];
} fixture;

#define LAMP                                                                                                 \
    "{\"type\":\"case.opened\",\"source\":\"hotline/"                                                        \
    "1\",\"ref\":\"A1\",\"area\":\"330203\",\"data\":{\"kind\":"                                             \
    "\"matter\",\"title\":\"Lamp is out\",\"category\":\"lamp.out\",\"priority\":2},\"private\":{\"phone\":" \
    "\"13800000000\"}}"
#define LEAK                                                                                                 \
    "{\"type\":\"case.opened\",\"source\":\"hotline/"                                                        \
    "2\",\"ref\":\"A2\",\"area\":\"330703\",\"data\":{\"kind\":"                                             \
    "\"matter\",\"title\":\"A pipe "                                                                         \
    "leaks\",\"category\":\"water.leak\"},\"private\":{\"phone\":\"13911111111\"}}"
#define POST                                                                                                 \
    "{\"type\":\"case.opened\",\"source\":\"forum\",\"ref\":\"A1\",\"area\":\"330203\",\"data\":{\"kind\":"  \
    "\"post\","                                                                                              \
    "\"title\":\"Dark street\",\"category\":\"advice\"}}"

static void publish(fixture *f, const ch_grant *grant, const char *event)
{
    assert_ok(town_publish(&f->of, grant, event), &f->of.error);
    f->of.clock.now_ms += 60000;
}

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.hotline = town_grant(CH_ROLE_CONNECTOR, "hotline", CH_PRIVATE_OWN, "hotline", "", "");
    f.forum = town_grant(CH_ROLE_CONNECTOR, "forum", CH_PRIVATE_NONE, "forum", "", "");
    f.urban = town_grant(CH_ROLE_DEPARTMENT, "urban", CH_PRIVATE_OWN, "desk", "urban-mgmt", "");
    f.water = town_grant(CH_ROLE_DEPARTMENT, "water", CH_PRIVATE_NONE, "desk", "water", "");
    f.haishu = town_grant(CH_ROLE_SUPERVISOR, "haishu", CH_PRIVATE_NONE, "", "", "330203");
    f.jinhua = town_grant(CH_ROLE_READ_ONLY, "jinhua", CH_PRIVATE_ALL, "", "", "3307");
    f.auditor = town_grant(CH_ROLE_AUDITOR, "auditor", CH_PRIVATE_ALL, "", "", "");
    publish(&f, &f.hotline, LAMP);
    memcpy(f.lamp, f.of.case_id, sizeof f.lamp);
    publish(&f, &f.hotline, LEAK);
    memcpy(f.leak, f.of.case_id, sizeof f.leak);
    publish(&f, &f.forum, POST);
    memcpy(f.post, f.of.case_id, sizeof f.post);
    *state = &f;
    return 0;
}

static const char *about(const char *case_id, const char *more)
{
    static char text[4][256];
    static unsigned next;
    char *out = text[next++ % 4];
    snprintf(out, sizeof text[0], "{\"case\":\"%s\"%s}", case_id, more);
    return out;
}

static void command(fixture *f, const ch_grant *grant, const char *type, const char *case_id,
                    const char *data)
{
    char event[512];
    snprintf(event, sizeof event, "{\"type\":\"%s\",\"source\":\"desk\",\"subject\":\"%s\",\"data\":%s}",
             type, case_id, data);
    publish(f, grant, event);
}

/* ---- who sees what */

static void each_client_sees_its_own_cases_newest_first(void **state)
{
    fixture *f = *state;
    const struct {
        const ch_grant *grant;
        const char *titles;
    } seen[] = {{&town_operator, "A1 A2 A1"},
                {&f->auditor, "A1 A2 A1"},
                {&f->hotline, "A2 A1"},
                {&f->forum, "A1"},
                {&f->urban, "A1"},
                {&f->water, "A2"},
                {&f->haishu, "A1 A1"},
                {&f->jinhua, "A2"}};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        town_get(&f->of, seen[i].grant, "cases", NULL);
        assert_list(&f->of, "ref", seen[i].titles);
        assert_false(f->of.more);
    }
    town_get(&f->of, &f->urban, "cases", NULL);
    assert_list(&f->of, "case", f->lamp);
}

static void a_case_that_may_not_be_read_is_not_found(void **state)
{
    fixture *f = *state;
    static const char *const queries[] = {"case", "timeline", "handoffs", "clocks"};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char text[320];
        const char *place = "QUERY.arguments.case";
        assert_refused(&f->of, town_ask(&f->of, &town_operator, queries[i], about("ZJ-20261123-99", "")),
                       CH_NOT_FOUND, place);
        memcpy(text, f->of.error.text, sizeof text);
        assert_refused(&f->of, town_ask(&f->of, &f->water, queries[i], about(f->lamp, "")), CH_NOT_FOUND,
                       place);
        assert_string_equal(f->of.error.text, text);
        assert_refused(&f->of, town_ask(&f->of, &f->forum, queries[i], about("A2", "")), CH_NOT_FOUND, place);
        assert_refused(&f->of,
                       town_ask(&f->of, &f->jinhua, queries[i], about("A1", ",\"source\":\"hotline/1\"")),
                       CH_NOT_FOUND, place);
    }
}

static void an_id_with_another_date_is_no_case(void **state)
{
    fixture *f = *state;
    char id[CH_CASE_ID_SIZE];
    memcpy(id, f->lamp, sizeof id);
    id[3] = '3';
    assert_refused(&f->of, town_ask(&f->of, &town_operator, "case", about(id, "")), CH_NOT_FOUND,
                   "QUERY.arguments.case");
}

static void personal_data_is_told_only_with_the_right(void **state)
{
    fixture *f = *state;
    const struct {
        const ch_grant *grant;
        bool phone;
    } seen[] = {{&town_operator, false},
                {&f->auditor, true},
                {&f->hotline, true},
                {&f->urban, true},
                {&f->haishu, false}};
    static const char *const queries[] = {"case", "timeline"};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
            town_get(&f->of, seen[i].grant, queries[q], about(f->lamp, ""));
            assert_true(town_says(&f->of, "Lamp is out"));
            assert_int_equal(town_says(&f->of, "13800000000"), seen[i].phone);
        }
        town_get(&f->of, seen[i].grant, "cases", NULL);
        assert_false(town_says(&f->of, "Lamp is out"));
        assert_false(town_says(&f->of, "13800000000"));
    }
}

static void what_was_erased_is_told_to_nobody(void **state)
{
    fixture *f = *state;
    assert_ok(ch_slots_erase(f->of.store->case_slots, 1, &f->of.error), &f->of.error);
    town_get(&f->of, &f->auditor, "case", about(f->lamp, ""));
    assert_list(&f->of, "category", "lamp.out");
    assert_false(town_says(&f->of, "Lamp is out"));
    assert_false(town_says(&f->of, "13800000000"));
}

/* ---- cases */

static void filters_leave_out_what_does_not_fit(void **state)
{
    fixture *f = *state;
    command(f, &f->urban, "handoff.accepted", f->lamp, "{}");
    publish(f, &f->hotline,
            "{\"type\":\"case.opened\",\"source\":\"hotline/"
            "1\",\"ref\":\"T1\",\"testmode\":true,\"area\":\"330203\","
            "\"data\":{\"kind\":\"matter\",\"category\":\"lamp.out\"}}");
    static const struct {
        const char *arguments, *refs;
    } asked[] = {
        {"{}", "A1 A2 A1"},
        {"{\"state\":\"merged\"}", ""},
        {"{\"state\":\"received\"}", "A1 A2"},
        {"{\"state\":\"assigned\"}", "A1"},
        {"{\"system\":\"hotline\"}", "A2 A1"},
        {"{\"system\":\"hot\"}", ""},
        {"{\"area\":\"3307\"}", "A2"},
        {"{\"area\":\"330\"}", "A1 A2 A1"},
        {"{\"category\":\"lamp\"}", "A1"},
        {"{\"category\":\"lamp.out\"}", "A1"},
        {"{\"category\":\"lam\"}", ""},
        {"{\"category\":\"lamp.out.x\"}", ""},
        {"{\"party\":\"urban-mgmt\"}", "A1"},
        {"{\"party\":\"urban\"}", ""},
        {"{\"anomalous\":true}", ""},
        {"{\"anomalous\":false}", "A1 A2 A1"},
        {"{\"ref\":\"A1\"}", "A1 A1"},
        {"{\"ref\":\"A1\",\"system\":\"forum\"}", "A1"},
        {"{\"ref\":\"A1\",\"limit\":1}", "A1"},
        {"{\"ref\":\"A9\"}", ""},
        {"{\"test\":\"include\"}", "T1 A1 A2 A1"},
        {"{\"test\":\"only\"}", "T1"},
        {"{\"since\":1795400880000}", "A1 A2"},
        {"{\"since\":1795500000000}", ""},
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        town_get(&f->of, &town_operator, "cases", asked[i].arguments);
        if (strcmp(town_list(&f->of, "ref"), asked[i].refs) != 0) {
            fail_msg("%s: %s", asked[i].arguments, town_list(&f->of, "ref"));
        }
    }
}

static void a_ref_of_several_cases_is_paged_too(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &town_operator, "cases", "{\"ref\":\"A1\",\"limit\":1}");
    assert_list(&f->of, "case", f->post);
    assert_true(f->of.more);
    char arguments[256];
    snprintf(arguments, sizeof arguments, "{\"ref\":\"A1\",\"limit\":1,\"after\":\"%s\"}", f->of.next);
    town_get(&f->of, &town_operator, "cases", arguments);
    assert_list(&f->of, "case", f->lamp);
    assert_false(f->of.more);
}

static void a_page_goes_on_where_the_one_before_ended_whatever_is_opened_meanwhile(void **state)
{
    fixture *f = *state;
    char arguments[256];
    town_get(&f->of, &town_operator, "cases", "{\"limit\":2}");
    assert_list(&f->of, "ref", "A1 A2");
    assert_true(f->of.more);
    snprintf(arguments, sizeof arguments, "{\"limit\":2,\"after\":\"%s\"}", f->of.next);
    publish(f, &f->forum,
            "{\"type\":\"case.opened\",\"source\":\"forum\",\"ref\":\"new\",\"data\":{\"kind\":\"post\"}}");
    town_get(&f->of, &town_operator, "cases", arguments);
    assert_list(&f->of, "case", f->lamp);
    assert_false(f->of.more);
    assert_string_equal(f->of.next, "");
}

static void a_row_tells_what_the_case_is(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &f->urban, "cases", NULL);
    assert_list(&f->of, "system", "hotline");
    assert_list(&f->of, "kind", "matter");
    assert_list(&f->of, "area", "330203");
    assert_list(&f->of, "priority", "2");
    assert_list(&f->of, "party", "urban-mgmt");
    assert_list(&f->of, "opened", "1795400820000");
    assert_list(&f->of, "cycle", "1");
    assert_list(&f->of, "anomalous", "0");
    assert_list(&f->of, "handoffs_open", "1");
    assert_list(&f->of, "test", "false");
    assert_list(&f->of, "source", "-");
}

/* ---- case */

static void a_ref_of_several_cases_gives_those_that_may_be_read(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &town_operator, "case", about("A1", ""));
    assert_list(&f->of, "source", "hotline/1 forum");
    town_get(&f->of, &f->forum, "case", about("A1", ""));
    assert_list(&f->of, "case", f->post);
    town_get(&f->of, &town_operator, "case", about("A1", ",\"source\":\"hotline/1\""));
    assert_list(&f->of, "case", f->lamp);
    town_get(&f->of, &town_operator, "case", about("A1", ",\"after\":\"1\""));
    assert_list(&f->of, "case", f->post);
    assert_refused(&f->of, town_ask(&f->of, &town_operator, "timeline", about("A1", "")), CH_INVALID,
                   "QUERY.arguments.case");
    town_get(&f->of, &f->forum, "timeline", about("A1", ""));
    assert_true(town_says(&f->of, "Dark street"));
}

static void each_step_is_left_when_the_next_is_entered(void **state)
{
    fixture *f = *state;
    command(f, &f->urban, "handoff.accepted", f->lamp, "{}");
    command(f, &f->urban, "handoff.started", f->lamp, "{}");
    town_get(&f->of, &f->urban, "case", about(f->lamp, ""));
    assert_int_equal(town_count(&f->of), 1);
    const json_t *row = town_row(&f->of, 0), *steps = json_object_get(row, "steps"), *step;
    size_t index, count = json_array_size(steps);
    json_int_t left = -1;
    assert_true(count >= 3);
    json_array_foreach(steps, index, step)
    {
        json_int_t entered = json_integer_value(json_object_get(step, "entered"));
        assert_true(index == 0 || entered == left);
        assert_true((json_object_get(step, "left") == NULL) == (index + 1 == count));
        left = json_integer_value(json_object_get(step, "left"));
    }
    step = json_array_get(steps, count - 1);
    assert_string_equal(json_string_value(json_object_get(step, "state")),
                        json_string_value(json_object_get(row, "state")));
    assert_list(&f->of, "state", "in_progress");
    assert_int_equal(json_integer_value(json_object_get(row, "since")),
                     json_integer_value(json_object_get(step, "entered")));
    const json_t *handoff = json_array_get(json_object_get(row, "handoffs"), 0);
    assert_string_equal(json_string_value(json_object_get(handoff, "state")), "started");
    assert_string_equal(json_string_value(json_object_get(handoff, "party")), "urban-mgmt");
    assert_null(json_object_get(handoff, "case"));
    assert_null(json_object_get(handoff, "ended"));
    assert_true(town_says(&f->of, "\"refs\":[\"A1\"]"));
}

static void a_change_of_party_does_not_make_the_state_younger(void **state)
{
    fixture *f = *state;
    command(f, &town_operator, "case.assigned", f->leak, "{\"party\":\"water\"}");
    town_get(&f->of, &town_operator, "case", about(f->leak, ""));
    json_int_t since = json_integer_value(json_object_get(town_row(&f->of, 0), "since"));
    char before[64];
    snprintf(before, sizeof before, "%s", town_list(&f->of, "state"));
    command(f, &town_operator, "case.assigned", f->leak, "{\"party\":\"environment\"}");
    town_get(&f->of, &town_operator, "case", about(f->leak, ""));
    assert_list(&f->of, "state", before);
    assert_list(&f->of, "party", "environment");
    assert_int_equal(json_integer_value(json_object_get(town_row(&f->of, 0), "since")), since);
}

static void waiting_and_feedback_are_told_while_they_hold(void **state)
{
    fixture *f = *state;
    command(f, &f->urban, "handoff.accepted", f->lamp, "{}");
    command(f, &f->urban, "handoff.started", f->lamp, "{}");
    command(f, &f->urban, "case.waiting", f->lamp, "{\"reason\":\"external\"}");
    town_get(&f->of, &f->urban, "case", about(f->lamp, ""));
    assert_list(&f->of, "waiting_reason", "external");
    assert_list(&f->of, "feedback_score", "-");
    assert_list(&f->of, "feedback_satisfied", "-");
    command(f, &f->urban, "case.resumed", f->lamp, "{}");
    command(f, &f->urban, "case.resolved", f->lamp, "{}");
    command(f, &town_operator, "case.feedback", f->lamp, "{\"score\":4,\"satisfied\":true}");
    town_get(&f->of, &f->urban, "case", about(f->lamp, ""));
    assert_list(&f->of, "waiting_reason", "-");
    assert_list(&f->of, "feedback_score", "4");
    assert_list(&f->of, "feedback_satisfied", "true");
}

/* ---- timeline */

static void a_timeline_is_the_cases_events_page_by_page(void **state)
{
    fixture *f = *state;
    char versions[64] = "", page[64] = "", arguments[160];
    for (int i = 0; i < 3; i++) {
        command(f, &f->urban, "case.noted", f->lamp, "{\"text\":\"seen\"}");
    }
    town_get(&f->of, &f->urban, "timeline", about(f->lamp, ""));
    snprintf(versions, sizeof versions, "%s", town_list(&f->of, "caseversion"));
    assert_true(ch_str_starts(ch_str_of(town_list(&f->of, "type")), CH_STR("case.opened ")));
    size_t count = town_count(&f->of);
    assert_true(count >= 4);
    f->of.next[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        snprintf(arguments, sizeof arguments, ",\"limit\":1,\"after\":%s", i == 0 ? "0" : f->of.next);
        town_get(&f->of, &f->urban, "timeline", about(f->lamp, arguments));
        assert_int_equal(town_count(&f->of), 1);
        assert_int_equal(f->of.more, i + 1 < count);
        strcat(strcat(page, i == 0 ? "" : " "), town_list(&f->of, "caseversion"));
    }
    assert_string_equal(page, versions);
}

/* ---- handoffs */

static void open_handoffs_are_in_the_order_of_party_and_case(void **state)
{
    fixture *f = *state;
    town_get(&f->of, &town_operator, "handoffs", NULL);
    assert_list(&f->of, "party", "forum-desk urban-mgmt water");
    assert_list(&f->of, "category", "advice lamp.out water.leak");
    assert_list(&f->of, "area", "330203 330203 330703");
    assert_list(&f->of, "state", "offered offered offered");
    town_get(&f->of, &f->urban, "handoffs", NULL);
    assert_list(&f->of, "case", f->lamp);
    town_get(&f->of, &f->urban, "handoffs", "{\"party\":\"water\"}");
    assert_int_equal(town_count(&f->of), 0);
    town_get(&f->of, &town_operator, "handoffs", "{\"party\":\"water\"}");
    assert_list(&f->of, "case", f->leak);
}

/* Two for each of the three; those of the case are with whoever has it. */
static void clocks_that_run_are_told_newest_case_first(void **state)
{
    fixture *f = *state;
    assert_status(town_ask(&f->of, &town_operator, "clocks", NULL), CH_OK);
    assert_list(&f->of, "rule",
                "post-answered post-accepted call-resolved call-accepted call-resolved call-accepted");
    assert_list(&f->of, "party", "forum-desk forum-desk water water urban-mgmt urban-mgmt");
    assert_status(town_ask(&f->of, &f->urban, "clocks", NULL), CH_OK);
    assert_list(&f->of, "party", "urban-mgmt urban-mgmt");
    assert_status(town_ask(&f->of, &town_operator, "clocks", "{\"party\":\"water\"}"), CH_OK);
    assert_list(&f->of, "rule", "call-resolved call-accepted");
    assert_status(town_ask(&f->of, &town_operator, "clocks", "{\"state\":\"met\"}"), CH_OK);
    assert_int_equal(town_count(&f->of), 0);
    command(f, &town_operator, "handoff.accepted", f->lamp, "{\"party\":\"urban-mgmt\"}");
    command(f, &town_operator, "case.waiting", f->leak, "{\"reason\":\"citizen\"}");
    assert_status(town_ask(&f->of, &town_operator, "clocks", "{\"state\":\"met\"}"), CH_OK);
    assert_list(&f->of, "rule", "call-accepted");
    assert_status(town_ask(&f->of, &town_operator, "clocks", about(f->lamp, "")), CH_OK);
    assert_list(&f->of, "rule", "call-resolved");
    assert_status(town_ask(&f->of, &town_operator, "clocks", about(f->lamp, ",\"open\":false")), CH_OK);
    assert_list(&f->of, "state", "running met");
    assert_status(town_ask(&f->of, &town_operator, "clocks", "{\"state\":\"paused\"}"), CH_OK);
    assert_list(&f->of, "remaining", "5");
    assert_list(&f->of, "due", "-");
}

static void clocks_are_told_by_their_due_time_and_page_by_page(void **state)
{
    fixture *f = *state;
    char arguments[160];
    int64_t three_hours = TOWN_START_MS + 2 * 60000 + INT64_C(10800000); /* after the post */
    snprintf(arguments, sizeof arguments, "{\"due_before\":%lld}", (long long)three_hours);
    assert_status(town_ask(&f->of, &town_operator, "clocks", arguments), CH_OK);
    assert_int_equal(town_count(&f->of), 0);
    snprintf(arguments, sizeof arguments, "{\"due_before\":%lld}", (long long)three_hours + 1);
    assert_status(town_ask(&f->of, &town_operator, "clocks", arguments), CH_OK);
    assert_list(&f->of, "rule", "post-accepted");
    assert_status(town_ask(&f->of, &town_operator, "clocks", "{\"limit\":1}"), CH_OK);
    for (size_t i = 1; i < 6; i++) {
        assert_int_equal(town_count(&f->of), 1);
        assert_true(f->of.more);
        snprintf(arguments, sizeof arguments, "{\"limit\":1,\"after\":\"%s\"}", f->of.next);
        assert_status(town_ask(&f->of, &town_operator, "clocks", arguments), CH_OK);
    }
    assert_list(&f->of, "case", f->lamp);
    assert_list(&f->of, "rule", "call-accepted");
    assert_refused(&f->of, town_ask(&f->of, &town_operator, "clocks", "{\"after\":\"x\"}"), CH_INVALID,
                   "QUERY.arguments.after");
    assert_refused(&f->of, town_ask(&f->of, &town_operator, "clocks", "{\"state\":\"late\"}"), CH_INVALID,
                   "QUERY.arguments.state");
}

static void a_case_tells_of_its_clocks(void **state)
{
    fixture *f = *state;
    assert_status(town_ask(&f->of, &town_operator, "case", about(f->post, "")), CH_OK);
    const json_t *clocks = json_object_get(town_row(&f->of, 0), "clocks");
    assert_int_equal(json_array_size(clocks), 2);
    const json_t *accepted = json_array_get(clocks, 1);
    assert_string_equal(json_string_value(json_object_get(accepted, "rule")), "post-accepted");
    assert_non_null(strstr(json_string_value(json_object_get(accepted, "handoff")), "/h1"));
    assert_int_equal(json_integer_value(json_object_get(accepted, "due")) -
                         json_integer_value(json_object_get(accepted, "started")),
                     10800000);
}

static void a_handoff_tells_of_its_group(void **state)
{
    fixture *f = *state;
    char group[CH_CASE_ID_SIZE + 8];
    command(f, &town_operator, "handoff.offered", f->post,
            "{\"parties\":[\"health\",\"police\",\"land\"],\"form\":\"joint\",\"lead\":\"police\"}");
    snprintf(group, sizeof group, "%s/g1 ", f->post);
    town_get(&f->of, &town_operator, "handoffs", about(f->post, ""));
    assert_list(&f->of, "party", "forum-desk police health land");
    assert_list(&f->of, "form", "- joint joint joint");
    assert_list(&f->of, "need", "- all all all");
    assert_non_null(strstr(town_list(&f->of, "group"), group));
    assert_null(json_object_get(town_row(&f->of, 0), "lead"));
    assert_true(json_is_true(json_object_get(town_row(&f->of, 1), "lead")));
    assert_null(json_object_get(town_row(&f->of, 2), "lead"));
    command(f, &town_operator, "handoff.offered", f->post,
            "{\"parties\":[\"water\",\"housing\",\"land\"],\"form\":\"sequence\"}");
    town_get(&f->of, &town_operator, "case", about(f->post, ""));
    const json_t *last = json_array_get(json_object_get(town_row(&f->of, 0), "handoffs"), 4);
    assert_string_equal(json_string_value(json_object_get(last, "form")), "sequence");
    assert_string_equal(json_string_value(json_object_get(last, "need")), "any");
    assert_string_equal(json_string_value(json_array_get(json_object_get(last, "next"), 0)), "housing");
    assert_int_equal(json_array_size(json_object_get(last, "next")), 2);
}

static void arbitration_shows_as_a_form(void **state)
{
    fixture *f = *state;
    command(f, &town_operator, "handoff.rejected", f->lamp, "{\"party\":\"urban-mgmt\"}");
    town_get(&f->of, &town_operator, "handoffs", about(f->lamp, ""));
    assert_list(&f->of, "party", "city-supervision");
    assert_list(&f->of, "form", "arbitration");
    assert_list(&f->of, "group", "-");
    town_get(&f->of, &town_operator, "cases", "{\"party\":\"urban-mgmt\"}");
    assert_list(&f->of, "case", f->lamp);
}

static void ended_handoffs_are_told_on_request(void **state)
{
    fixture *f = *state;
    command(f, &f->urban, "handoff.rejected", f->lamp, "{\"reason\":\"not-ours\"}");
    town_get(&f->of, &f->urban, "handoffs", "{\"party\":\"urban-mgmt\"}");
    assert_int_equal(town_count(&f->of), 0);
    town_get(&f->of, &f->urban, "handoffs", "{\"open\":false,\"party\":\"urban-mgmt\"}");
    assert_list(&f->of, "state", "rejected");
    assert_list(&f->of, "reason", "not-ours");
    town_get(&f->of, &f->urban, "handoffs", about(f->lamp, ",\"open\":false"));
    assert_true(ch_str_starts(ch_str_of(town_list(&f->of, "state")), CH_STR("rejected")));
    town_get(&f->of, &f->urban, "handoffs", about(f->lamp, ",\"party\":\"urban-mgmt\""));
    assert_int_equal(town_count(&f->of), 0);
}

/* Every row once, whatever the page size. */
static void assert_pages(fixture *f, const char *fixed, const char *expected)
{
    char all[4096] = "", arguments[256], next[128] = "";
    unsigned pages = 0;
    do {
        snprintf(arguments, sizeof arguments, "{\"limit\":1%s%s%s%s}", fixed,
                 next[0] == '\0' ? "" : ",\"after\":\"", next, next[0] == '\0' ? "" : "\"");
        town_get(&f->of, &town_operator, "handoffs", arguments);
        assert_true(town_count(&f->of) <= 1);
        if (town_count(&f->of) == 1) {
            strcat(strcat(all, all[0] == '\0' ? "" : " "), town_list(&f->of, "handoff"));
        }
        memcpy(next, f->of.next, sizeof next);
        assert_true(pages++ < 100);
    } while (f->of.more);
    assert_string_equal(all, expected);
}

static void handoffs_are_paged_in_every_order(void **state)
{
    fixture *f = *state;
    char expected[4096];
    command(f, &f->urban, "handoff.rejected", f->lamp, "{\"reason\":\"not-ours\"}");
    command(f, &town_operator, "handoff.offered", f->lamp, "{\"party\":\"power-supply\"}");
    command(f, &town_operator, "handoff.offered", f->leak, "{\"party\":\"power-supply\"}");
    static const char *const fixed[] = {"", ",\"open\":false", ",\"party\":\"power-supply\"",
                                        ",\"open\":false,\"party\":\"power-supply\""};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, "{\"limit\":1000%s}", fixed[i]);
        town_get(&f->of, &town_operator, "handoffs", arguments);
        assert_true(town_count(&f->of) >= 2);
        snprintf(expected, sizeof expected, "%s", town_list(&f->of, "handoff"));
        assert_pages(f, fixed[i], expected);
    }
    snprintf(expected, sizeof expected, ",\"open\":false,\"case\":\"%s\"", f->lamp);
    town_get(&f->of, &town_operator, "handoffs", about(f->lamp, ",\"open\":false"));
    char all[4096];
    snprintf(all, sizeof all, "%s", town_list(&f->of, "handoff"));
    assert_pages(f, expected, all);
}

/* ---- bounds */

static unsigned page_until(fixture *f, const ch_grant *grant, const char *query, const char *fixed,
                           const char *case_id)
{
    char arguments[256], next[128] = "";
    unsigned pages = 0, found = 0;
    do {
        snprintf(arguments, sizeof arguments, "{%s%s%s%s}", fixed, next[0] == '\0' ? "" : ",\"after\":\"",
                 next, next[0] == '\0' ? "" : "\"");
        town_get(&f->of, grant, query, arguments);
        if (town_count(&f->of) == 1) {
            assert_list(&f->of, "case", case_id);
            found++;
        }
        memcpy(next, f->of.next, sizeof next);
        pages++;
    } while (f->of.more && pages < 10);
    assert_int_equal(found, 1);
    return pages;
}

static void one_call_looks_at_no_more_than_it_may(void **state)
{
    fixture *f = *state;
    town_fill(&f->of, &f->hotline, "f", 20001,
              "{\"type\":\"case.opened\",\"source\":\"hotline/"
              "1\",\"data\":{\"kind\":\"matter\",\"category\":\"noise\"}}");
    assert_int_equal(page_until(f, &f->urban, "cases", "\"limit\":10", f->lamp), 2);
    assert_int_equal(page_until(f, &f->urban, "handoffs", "\"limit\":10", f->lamp), 2);
    assert_int_equal(page_until(f, &f->urban, "handoffs", "\"limit\":10,\"open\":false", f->lamp), 2);
    town_get(&f->of, &f->hotline, "cases", "{\"limit\":1000}");
    assert_int_equal(town_count(&f->of), 1000);
    assert_true(f->of.more);
}

static void long_events_end_a_page_early(void **state)
{
    fixture *f = *state;
    static char data[120 * 1000];
    int head = snprintf(
        data, sizeof data,
        "{\"type\":\"case.noted\",\"source\":\"desk\",\"subject\":\"%s\",\"data\":{\"text\":\"", f->lamp);
    memset(data + head, 'x', 90 * 1000);
    strcpy(data + head + 90 * 1000, "\"}}");
    for (int i = 0; i < 20; i++) {
        publish(f, &f->urban, data);
    }
    town_get(&f->of, &f->urban, "timeline", about(f->lamp, ",\"limit\":1000"));
    size_t first = town_count(&f->of);
    assert_true(f->of.more && first > 10 && first < 20);
    char arguments[256];
    snprintf(arguments, sizeof arguments, ",\"limit\":1000,\"after\":\"%s\"", f->of.next);
    town_get(&f->of, &f->urban, "timeline", about(f->lamp, arguments));
    assert_false(f->of.more);
    assert_true(first + town_count(&f->of) >= 21);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, town_tear_down)

static void tie(fixture *f, const char *type, const char *subject, const char *field, const char *other)
{
    char event[256];
    snprintf(event, sizeof event,
             "{\"type\":\"%s\",\"source\":\"desk/1\",\"subject\":\"%s\",\"data\":{\"%s\":\"%s\"}}", type,
             subject, field, other);
    publish(f, &town_operator, event);
}

static void tells_which_cases_belong_together_and_which_one_stands_for_it(void **state)
{
    fixture *f = *state;
    tie(f, "case.linked", f->lamp, "other", f->leak);
    assert_status(town_ask(&f->of, &town_operator, "case", about("A1", "")), CH_OK);
    assert_int_equal(town_count(&f->of), 2);
    tie(f, "case.merged", f->post, "into", f->lamp);
    assert_status(town_ask(&f->of, &town_operator, "case", about("A1", "")), CH_OK); /* the ref of both */
    assert_list(&f->of, "case", f->lamp);
    assert_status(town_ask(&f->of, &town_operator, "case", about(f->lamp, "")), CH_OK);
    assert_true(town_says(&f->of, f->leak) && town_says(&f->of, "related"));
    assert_true(town_says(&f->of, f->post) && town_says(&f->of, "merged"));
    assert_list(&f->of, "merged_into", "-");
    tie(f, "case.merged", f->lamp, "into", f->leak);
    assert_status(town_ask(&f->of, &town_operator, "case", about(f->post, "")), CH_OK);
    assert_list(&f->of, "merged_into", f->leak);
    assert_list(&f->of, "state", "merged");
}

static void a_merged_case_is_found_by_its_ref_where_the_other_may_not_be_read(void **state)
{
    fixture *f = *state;
    tie(f, "case.merged", f->post, "into", f->lamp);
    assert_status(town_ask(&f->of, &f->forum, "case", about("A1", "")), CH_OK);
    assert_list(&f->of, "case", f->post);
    assert_list(&f->of, "merged_into", f->lamp);
    assert_status(town_ask(&f->of, &f->forum, "timeline", about("A1", "")), CH_OK);
    assert_status(town_ask(&f->of, &f->hotline, "case", about("A1", "")), CH_OK);
    assert_list(&f->of, "case", f->lamp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_client_sees_its_own_cases_newest_first),
        TEST(a_case_that_may_not_be_read_is_not_found),
        TEST(an_id_with_another_date_is_no_case),
        TEST(tells_which_cases_belong_together_and_which_one_stands_for_it),
        TEST(a_merged_case_is_found_by_its_ref_where_the_other_may_not_be_read),
        TEST(personal_data_is_told_only_with_the_right),
        TEST(what_was_erased_is_told_to_nobody),
        TEST(filters_leave_out_what_does_not_fit),
        TEST(a_ref_of_several_cases_is_paged_too),
        TEST(a_page_goes_on_where_the_one_before_ended_whatever_is_opened_meanwhile),
        TEST(a_row_tells_what_the_case_is),
        TEST(a_ref_of_several_cases_gives_those_that_may_be_read),
        TEST(each_step_is_left_when_the_next_is_entered),
        TEST(a_change_of_party_does_not_make_the_state_younger),
        TEST(waiting_and_feedback_are_told_while_they_hold),
        TEST(a_timeline_is_the_cases_events_page_by_page),
        TEST(open_handoffs_are_in_the_order_of_party_and_case),
        TEST(clocks_that_run_are_told_newest_case_first),
        TEST(clocks_are_told_by_their_due_time_and_page_by_page),
        TEST(a_case_tells_of_its_clocks),
        TEST(a_handoff_tells_of_its_group),
        TEST(arbitration_shows_as_a_form),
        TEST(ended_handoffs_are_told_on_request),
        TEST(handoffs_are_paged_in_every_order),
        TEST(one_call_looks_at_no_more_than_it_may),
        TEST(long_events_end_a_page_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
