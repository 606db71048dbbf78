/* Groups from seeds: whatever is offered to whom and however it ends, these hold after every event. That folding gives
 * the same case as deciding, and its encoding is lossless, the city checks. */
#include "hub/base/random.h"
#include "tests/unit/check.h"
#include "tests/unit/model/city.h"

#include <stdio.h>

#define SEEDS 150
#define EVENTS_A_SEED 120
#define CASES 3
#define PICK(random, table) (table)[ch_random_below(random, sizeof(table) / sizeof *(table))]

static const char *const parties[] = {"power-supply", "water",    "urban-mgmt",    "environment",
                                      "work-safety",  "health",   "firm-repair-a", "firm-repair-b",
                                      "police",       "ambulance"};
static const char *const forms[] = {"sequence", "parallel", "parallel", "joint", "cc"};
static const char *const needs[] = {"all", "any", "2"};

typedef struct figures {
    size_t groups, satisfied, arbitrations, resolved, tried_next;
} figures;

static const char *offer_data(ch_random_seeded *random, char *out, size_t size)
{
    const char *form = PICK(random, forms);
    unsigned first = (unsigned)ch_random_below(random, 10), count = 2 + (unsigned)ch_random_below(random, 3);
    size_t at = (size_t)snprintf(out, size, "{\"due\":%d,\"parties\":[", 5000);
    for (unsigned i = 0; i < count; i++) {
        at += (size_t)snprintf(out + at, size - at, "%s\"%s\"", i == 0 ? "" : ",", parties[(first + i) % 10]);
    }
    at += (size_t)snprintf(out + at, size - at, "],\"form\":\"%s\"", form);
    if (strcmp(form, "parallel") == 0) {
        at += (size_t)snprintf(out + at, size - at, ",\"need\":\"%s\"", PICK(random, needs));
    }
    if (strcmp(form, "joint") == 0) {
        at += (size_t)snprintf(out + at, size - at, ",\"lead\":\"%s\"", parties[(first + 1) % 10]);
    }
    snprintf(out + at, size - at, "}");
    return out;
}

static void offer(city *of, ch_random_seeded *random, uint64_t number)
{
    char data[400];
    if (ch_random_below(random, 4) == 0) {
        snprintf(data, sizeof data, "{\"party\":\"%s\"}", PICK(random, parties));
        (void)city_command(of, "handoff.offered", number, data);
    } else {
        (void)city_command(of, "handoff.offered", number, offer_data(random, data, sizeof data));
    }
}

static void move(city *of, ch_random_seeded *random, uint64_t number)
{
    static const char *const types[] = {"handoff.accepted",  "handoff.accepted",    "handoff.accepted",
                                        "handoff.started",   "handoff.completed",   "handoff.completed",
                                        "handoff.completed", "handoff.rejected",    "handoff.failed",
                                        "handoff.returned",  "handoff.transferred", "handoff.withdrawn",
                                        "handoff.delivered", "handoff.expired"};
    char data[200];
    const ch_case *the_case = city_case(of, number);
    const char *type = PICK(random, types);
    if (the_case->handoff_count == 0) {
        return;
    }
    snprintf(data, sizeof data, "{\"handoff\":\"%s/h%u\"%s%s%s}", the_case->id,
             1 + (unsigned)ch_random_below(random, the_case->handoff_count),
             strcmp(type, "handoff.transferred") == 0 ? ",\"party\":\"" : "",
             strcmp(type, "handoff.transferred") == 0 ? PICK(random, parties) : "",
             strcmp(type, "handoff.transferred") == 0 ? "\"" : "");
    if (strcmp(type, "handoff.delivered") == 0 || strcmp(type, "handoff.expired") == 0) {
        (void)city_report(of, type, number, data);
    } else if (ch_random_below(random, 4) == 0) {
        (void)city_observe(of, type, number, data);
    } else {
        (void)city_command(of, type, number, data);
    }
}

static void step(city *of, ch_random_seeded *random)
{
    char data[120];
    uint64_t number = 1 + ch_random_below(random, CASES);
    switch (ch_random_below(random, 24)) {
    case 0:
    case 1:
    case 2:
    case 3: offer(of, random, number); break;
    case 4: (void)city_command(of, "case.cancelled", number, NULL); break;
    case 5: (void)city_command(of, "case.reopened", number, NULL); break;
    case 6:
        snprintf(data, sizeof data, "{\"party\":\"%s\"}", PICK(random, parties));
        (void)city_command(of, "case.arbitrated", number, data);
        break;
    default: move(of, random, number); break;
    }
}

typedef struct members {
    size_t open, leads_open, completed, withdrawn, counted;
} members;

static members members_of(const ch_case *the_case, uint32_t group)
{
    members of = {.open = 0};
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        if (handoff->group == group && handoff->state != CH_HANDOFF_TRANSFERRED) {
            bool is_open = ch_handoff_is_open(handoff->state);
            of.counted++;
            of.open += is_open;
            of.leads_open += is_open && handoff->lead;
            of.completed += handoff->state == CH_HANDOFF_COMPLETED;
            of.withdrawn += handoff->state == CH_HANDOFF_WITHDRAWN;
        }
    }
    return of;
}

static void check_group(const ch_case *the_case, uint32_t group, figures *seen)
{
    const ch_group *is = &the_case->groups[group - 1];
    const members of = members_of(the_case, group);
    size_t need = is->need == CH_NEED_ALL ? of.counted - of.withdrawn : is->need;
    if (is->form == CH_FORM_SEQUENCE) {
        assert_true(of.open <= 1);
        assert_true(of.open == 0 || of.completed == 0);
    }
    if (is->form == CH_FORM_JOINT && of.open > 0) {
        assert_int_equal(of.leads_open, 1);
    }
    if (is->form == CH_FORM_PARALLEL && of.completed > 0 && of.completed >= need) {
        assert_int_equal(of.open, 0);
        seen->satisfied++;
    }
}

static void check_case(const ch_case *the_case, figures *seen)
{
    size_t arbitrations = 0, open = 0;
    for (uint32_t group = 1; group <= the_case->group_count; group++) {
        check_group(the_case, group, seen);
    }
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        open += ch_handoff_is_open(handoff->state);
        arbitrations += handoff->arbitration && ch_handoff_is_open(handoff->state);
        assert_false(handoff->lead && the_case->groups[handoff->group - 1].form != CH_FORM_JOINT);
    }
    assert_true(arbitrations <= 1);
    assert_true(open == 0 || ch_case_state_is_active(the_case->state));
    seen->arbitrations += arbitrations;
    seen->resolved += the_case->state == CH_CASE_RESOLVED;
    seen->groups += the_case->group_count;
    seen->tried_next += the_case->candidate_count > 0;
}

static void holds_after_every_event(void **unused)
{
    (void)unused;
    figures seen = {.groups = 0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        city of;
        ch_random_seeded random;
        city_start(&of);
        ch_random_seeded_init(&random, seed);
        of.rules->rejection_limit = 1 + (unsigned)ch_random_below(&random, 4);
        for (unsigned i = 0; i < CASES; i++) {
            char ref[8];
            snprintf(ref, sizeof ref, "%u", i);
            assert_int_equal(city_open(&of, "grid/1", ref, NULL), CH_OK);
        }
        for (unsigned i = 0; i < EVENTS_A_SEED; i++) {
            of.now_ms += 1000;
            step(&of, &random);
            for (uint64_t number = 1; number <= CASES; number++) {
                check_case(city_case(&of, number), &seen);
            }
        }
        city_stop(&of);
    }
    assert_true(seen.groups > SEEDS && seen.satisfied > SEEDS && seen.arbitrations > SEEDS);
    assert_true(seen.resolved > SEEDS && seen.tried_next > SEEDS);
}

static ch_case *case_with_groups(city *of)
{
    city_start(of);
    assert_int_equal(city_open(of, "grid/1", "1", NULL), CH_OK);
    assert_int_equal(city_command(of, "handoff.offered", 1,
                                  "{\"parties\":[\"water\",\"health\",\"police\"],\"form\":\"sequence\"}"),
                     CH_OK);
    assert_int_equal(
        city_command(of, "handoff.offered", 1, "{\"parties\":[\"water\",\"health\"],\"form\":\"joint\"}"),
        CH_OK);
    return of->cases[1];
}

static void notices_a_cut_or_changed_case_with_groups(void **unused)
{
    (void)unused;
    city of;
    ch_buf bytes;
    ch_case *again, *the_case = case_with_groups(&of);
    ch_buf_init(&bytes, 1 << 20);
    ch_case_encode(&bytes, the_case);
    assert_int_equal(ch_case_new(&again), CH_OK);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(ch_case_decode((ch_str){(const char *)bytes.at, size}, again), CH_CORRUPT);
        assert_int_equal(again->group_count, 0);
        assert_int_equal(again->candidate_count, 0);
    }
    for (size_t i = 0; i < bytes.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.at[i] ^= (uint8_t)(1u << bit);
            ch_status status = ch_case_decode(ch_buf_str(&bytes), again);
            assert_true(status == CH_OK || status == CH_CORRUPT);
            for (size_t k = 0; k < again->handoff_count; k++) {
                assert_true(again->handoffs[k].group <= again->group_count);
            }
            bytes.at[i] ^= (uint8_t)(1u << bit);
        }
    }
    ch_case_free(again);
    ch_buf_done(&bytes);
    city_stop(&of);
}

static void refuses_members_that_cannot_be(void **unused)
{
    static const struct {
        const char *data;
        ch_status status;
    } wrong[] = {
        {"\"group\":\"ZJ-20261123-1/g4\",\"form\":\"cc\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-2/g1\",\"form\":\"cc\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/h3\",\"form\":\"cc\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/g3\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/g3\",\"form\":\"heap\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/g3\",\"form\":\"arbitration\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/g3\",\"form\":\"parallel\",\"need\":\"most\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/g3\",\"form\":\"sequence\",\"next\":[3]", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/g3\",\"form\":\"sequence\",\"next\":\"water\"", CH_CORRUPT},
        {"\"group\":\"ZJ-20261123-1/g3\",\"form\":\"sequence\",\"next\":[\"water\"]", CH_OK},
    };
    (void)unused;
    city of;
    ch_buf before, after;
    ch_case *the_case = case_with_groups(&of);
    ch_buf_init(&before, 1 << 20);
    ch_buf_init(&after, 1 << 20);
    ch_case_encode(&before, the_case);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char data[300];
        snprintf(data, sizeof data, "{\"handoff\":\"%s/h4\",\"party\":\"water\",%s}", the_case->id,
                 wrong[i].data);
        ch_event event = {.id = CH_STR("x"),
                          .source = CH_STR("hub/ZJ"),
                          .type = CH_STR("handoff.offered"),
                          .subject = ch_str_of(the_case->id),
                          .data = city_json(&of, data),
                          .sequence = 100,
                          .case_version = the_case->version + 1,
                          .case_state = the_case->state,
                          .cycle = the_case->cycle,
                          .expected_version = -1};
        assert_int_equal(ch_case_evolve(the_case, 1, &event), wrong[i].status);
        ch_buf_clear(&after);
        ch_case_encode(&after, the_case);
        assert_int_equal(ch_str_equal(ch_buf_str(&before), ch_buf_str(&after)), wrong[i].status != CH_OK);
    }
    assert_int_equal(the_case->candidate_count, 3);
    ch_buf_done(&before);
    ch_buf_done(&after);
    city_stop(&of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_after_every_event),
        cmocka_unit_test(notices_a_cut_or_changed_case_with_groups),
        cmocka_unit_test(refuses_members_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
