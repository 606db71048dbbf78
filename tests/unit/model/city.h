/* city.h - a hub without a store for the tests of decide: the real rules of schemas/, cases in an array, and a
 * log that is folded beside each decision.
 *
 * Every accepted decision is checked: its events, encoded, without their sealed fields and decoded again, must
 * fold to the same bytes as decision->scratch and decision->other.
 */
#ifndef TESTS_UNIT_MODEL_CITY_H
#define TESTS_UNIT_MODEL_CITY_H

#include "hub/model/decide.h"

#define CITY_CASES_MAX 256
#define CITY_REFS_MAX 512
#define CITY_START_MS INT64_C(1795400820000)

typedef struct city {
    ch_rules *rules;
    ch_decision *decision;
    ch_error error;
    ch_arena arena;                     /* of the test's own texts */
    ch_case *cases[CITY_CASES_MAX + 1]; /* by number */
    size_t case_count;
    struct {
        char source[CH_ID_MAX + 1], ref[CH_ID_MAX + 1];
        uint64_t number;
    } refs[CITY_REFS_MAX];
    size_t ref_count;
    struct {
        char place[CH_SKETCH_PLACE_SIZE]; /* "": it has none */
        uint8_t sketch[CH_SKETCH_SIZE];
    } sketches[CITY_CASES_MAX + 1]; /* by number */
    uint64_t sequence;              /* of the last event */
    int64_t now_ms;
    int64_t history_until_ms; /* of every connector; 0: nothing is history */
    uint64_t held;            /* number of a case that is under a legal hold; 0: none */
    unsigned ids;
    char types[8192]; /* of the last decision, see city_types */
} city;

/* Without the city's clocks, which would follow nearly everything. */
void city_start(city *of);
void city_start_with_clocks(city *of);
void city_stop(city *of);

/* JSON text as an encoded map that lives as long as the city. */
ch_str city_json(city *of, const char *text);
/* Decides the event; fields left empty get an id, a source and the time. parties: codes separated by spaces
 * that the client's grant holds. */
ch_status city_publish(city *of, ch_role role, const char *parties, ch_event event);
/* The usual ones. */
ch_status city_open(city *of, const char *source, const char *ref, const char *data);
ch_status city_observe(city *of, const char *type, uint64_t number, const char *data);
ch_status city_command(city *of, const char *type, uint64_t number, const char *data);
ch_status city_answer(city *of, const char *type, const char *party, uint64_t number, const char *data);
ch_status city_report(city *of, const char *type, uint64_t number, const char *data);

/* Types of the last decision in log order: "~" inferred, "!" anomalous, "*" the producer's own. */
const char *city_types(const city *of);
const ch_event *city_event(const city *of, size_t index);
const ch_case *city_case(const city *of, uint64_t number);

#define assert_types(of, expected) assert_string_equal(city_types(of), expected)
#define assert_refused(of, result, expected, said)                                                           \
    do {                                                                                                     \
        assert_string_equal(ch_status_name(result), ch_status_name(expected));                               \
        assert_string_equal((of)->error.text, said);                                                         \
    } while (0)

#endif
