#include "tests/unit/model/city.h"

#include "hub/config/rules_config.h"
#include "hub/model/json.h"
#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void city_start_with_clocks(city *of)
{
    *of = (city){.now_ms = CITY_START_MS};
    ch_status status = ch_rules_load(&of->rules, CASEHUB_SOURCE_DIR "/schemas",
                                     CASEHUB_SOURCE_DIR "/schemas/city", &of->error);
    if (status != CH_OK) {
        print_error("%s: %s\n", of->error.where, of->error.text);
    }
    assert_int_equal(status, CH_OK);
    assert_int_equal(ch_decision_new(&of->decision), CH_OK);
    ch_arena_init(&of->arena, (size_t)64 * 1024 * 1024);
}

void city_start(city *of)
{
    city_start_with_clocks(of);
    of->rules->clock_count = 0;
}

void city_stop(city *of)
{
    for (size_t i = 1; i <= of->case_count; i++) {
        ch_case_free(of->cases[i]);
    }
    ch_arena_done(&of->arena);
    ch_decision_free(of->decision);
    ch_rules_unref(of->rules);
}

ch_str city_json(city *of, const char *text)
{
    ch_buf out;
    ch_error error;
    ch_buf_init(&out, 1 << 20);
    ch_status status = ch_json_to_mp(&out, ch_str_of(text), &ch_mp_limits_event, &error);
    if (status != CH_OK) {
        print_error("%s: %s: %s\n", text, error.where, error.text);
    }
    assert_int_equal(status, CH_OK);
    ch_str kept = ch_arena_str(&of->arena, ch_buf_str(&out));
    ch_buf_done(&out);
    return kept;
}

static ch_status case_by_number(void *context, uint64_t number, const ch_case **out_case)
{
    const city *of = context;
    if (number == 0 || number > of->case_count) {
        return CH_NOT_FOUND;
    }
    *out_case = of->cases[number];
    return CH_OK;
}

static ch_status case_by_ref(void *context, ch_str source, ch_str ref, uint64_t *out_number)
{
    const city *of = context;
    for (size_t i = 0; i < of->ref_count; i++) {
        if (ch_str_is(source, of->refs[i].source) && ch_str_is(ref, of->refs[i].ref)) {
            *out_number = of->refs[i].number;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

static ch_status digest(void *context, uint64_t number, ch_str bytes, uint8_t out_digest[8])
{
    (void)context;
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ number;
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ (uint8_t)bytes.at[i]) * UINT64_C(0x100000001b3);
    }
    ch_put_be64(out_digest, hash);
    return CH_OK;
}

static ch_status hashes(void *context, const ch_str *bytes, size_t count, uint64_t *out_hashes)
{
    uint8_t hash[8];
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(digest(context, 0, bytes[i], hash), CH_OK);
        out_hashes[i] = (ch_get_be64(hash) ^ ch_get_be64(hash) >> 32) * UINT64_C(0xd6e8feb86659fd93);
    }
    return CH_OK;
}

static ch_status sketches(void *context, const char *place, int64_t since_ms, int64_t until_ms,
                          ch_sketched *out_rows, size_t *count)
{
    const city *of = context;
    size_t most = *count;
    *count = 0;
    for (size_t i = of->case_count; i > 0 && *count < most; i--) {
        const ch_case *the_case = of->cases[i];
        if (strcmp(of->sketches[i].place, place) == 0 && the_case->opened_ms >= since_ms &&
            the_case->opened_ms <= until_ms) {
            ch_sketched *row = &out_rows[(*count)++];
            row->number = i;
            memcpy(row->sketch, of->sketches[i].sketch, CH_SKETCH_SIZE);
        }
    }
    return CH_OK;
}

static void remember_sketch(city *of, const ch_event *opened)
{
    if (opened->sketch.at != NULL) {
        assert_int_equal(opened->sketch.size, CH_SKETCH_SIZE);
        assert_true(ch_sketch_place(of->sketches[of->case_count].place, opened->area,
                                    ch_mp_find_str(opened->data, "category"), opened->test_mode));
        memcpy(of->sketches[of->case_count].sketch, opened->sketch.at, CH_SKETCH_SIZE);
    }
}

static void note_types(city *of)
{
    size_t at = 0;
    for (size_t i = 0; i < of->decision->count; i++) {
        const ch_event *event = &of->decision->events[i].event;
        at += (size_t)snprintf(of->types + at, sizeof of->types - at, "%s%s%s%s%.*s", i == 0 ? "" : " ",
                               event->inferred ? "~" : "", event->anomalous ? "!" : "",
                               i == of->decision->incoming ? "*" : "", CH_STR_ARG(event->type));
        assert_true(at < sizeof of->types);
    }
}

/* The log's public part, folded as a rebuild does it. */
static void fold_public(city *of, const ch_decided *decided)
{
    ch_buf data, secret, encoded;
    ch_event stored = decided->event, read;
    ch_error error = {.status = CH_OK};
    ch_buf_init(&data, 1 << 20);
    ch_buf_init(&secret, 1 << 20);
    ch_buf_init(&encoded, 1 << 20);
    assert_int_equal(ch_schema_split(of->rules->schema, &stored, &data, &secret), CH_OK);
    stored.data = data.size == 0 ? CH_STR_NONE : ch_buf_str(&data);
    stored.private_data = stored.raw = CH_STR_NONE;
    ch_event_encode(&encoded, &stored);
    assert_int_equal(encoded.failed, CH_OK);
    ch_status status = ch_event_decode(ch_buf_str(&encoded), CH_EVENT_RECORDED, &read, &error);
    if (status != CH_OK) {
        print_error("%.*s: %s: %s\n", CH_STR_ARG(stored.type), error.where, error.text);
    }
    assert_int_equal(status, CH_OK);
    assert_int_equal(ch_case_evolve(of->cases[decided->case_number], decided->case_number, &read), CH_OK);
    ch_buf_done(&data);
    ch_buf_done(&secret);
    ch_buf_done(&encoded);
}

static void assert_same_case(const ch_case *a, const ch_case *b)
{
    ch_buf left, right;
    ch_buf_init(&left, 1 << 20);
    ch_buf_init(&right, 1 << 20);
    ch_case_encode(&left, a);
    ch_case_encode(&right, b);
    assert_int_equal(left.failed, CH_OK);
    assert_true(ch_str_equal(ch_buf_str(&left), ch_buf_str(&right)));
    ch_case *again;
    assert_int_equal(ch_case_new(&again), CH_OK);
    assert_int_equal(ch_case_decode(ch_buf_str(&left), again), CH_OK);
    ch_buf_clear(&right);
    ch_case_encode(&right, again);
    assert_true(ch_str_equal(ch_buf_str(&left), ch_buf_str(&right)));
    ch_case_free(again);
    ch_buf_done(&left);
    ch_buf_done(&right);
}

static void check_record(const city *of, size_t index)
{
    const ch_decided *decided = &of->decision->events[index];
    const ch_event *event = &decided->event;
    char id[64];
    assert_int_equal(event->sequence, of->sequence + 1 + index);
    assert_int_equal(event->epoch, 1);
    assert_int_equal(event->recorded_ms, of->now_ms);
    assert_true(event->topic.size > 0 && event->actor.size > 0);
    if (index != of->decision->incoming) {
        ch_error error = {.status = CH_OK};
        ch_status status = ch_schema_check(of->rules->schema, event, true, &error);
        if (status != CH_OK) {
            print_error("derived %.*s: %s: %s\n", CH_STR_ARG(event->type), error.where, error.text);
        }
        assert_int_equal(status, CH_OK);
        size_t k = index + (index < of->decision->incoming);
        snprintf(id, sizeof id, "%" PRIu64 "/%zu", of->sequence + 1 + of->decision->incoming, k);
        assert_true(ch_str_is(event->id, id));
        assert_true(ch_str_is(event->source, "hub/ZJ"));
    }
}

static void take_decision(city *of)
{
    ch_decision *decision = of->decision;
    note_types(of);
    for (size_t i = 0; i < decision->count; i++) {
        const ch_decided *decided = &decision->events[i];
        check_record(of, i);
        if (decided->case_number == 0) {
            continue;
        }
        if (decided->opens_case) {
            assert_int_equal(decided->case_number, of->case_count + 1);
            assert_true(of->case_count < CITY_CASES_MAX);
            assert_int_equal(ch_case_new(&of->cases[++of->case_count]), CH_OK);
            remember_sketch(of, &decided->event);
        }
        if (decided->takes_ref) {
            assert_true(of->ref_count < CITY_REFS_MAX);
            assert_int_equal(
                ch_str_copy(of->refs[of->ref_count].source, CH_ID_MAX + 1, decided->event.source), CH_OK);
            assert_int_equal(ch_str_copy(of->refs[of->ref_count].ref, CH_ID_MAX + 1, decided->event.ref),
                             CH_OK);
            of->refs[of->ref_count++].number = decided->case_number;
        }
        fold_public(of, decided);
    }
    if (decision->scratch != NULL) {
        assert_same_case(decision->scratch, of->cases[decision->events[0].case_number]);
    }
    if (decision->other != NULL) {
        assert_same_case(decision->other, of->cases[decision->other->number]);
    }
    of->sequence += decision->count;
}

static ch_status mark_of(void *context, uint64_t number, ch_case_mark *out_mark)
{
    const city *of = context;
    *out_mark = (ch_case_mark){.erased = false, .held = number == of->held};
    return CH_OK;
}

static void make_grant(ch_grant *grant, ch_role role, const char *parties)
{
    *grant = (ch_grant){.role = role, .name = "client"};
    while (parties != NULL && *(parties += strspn(parties, " ")) != '\0') {
        size_t size = strcspn(parties, " ");
        memcpy(grant->parties[grant->party_count++], parties, size);
        parties += size;
    }
}

ch_status city_publish(city *of, ch_role role, const char *parties, ch_event event)
{
    char id[32];
    ch_grant grant;
    make_grant(&grant, role, parties);
    snprintf(id, sizeof id, "e-%u", ++of->ids);
    event.id = event.id.at == NULL ? ch_arena_str(&of->arena, ch_str_of(id)) : event.id;
    event.source = event.source.at == NULL ? CH_STR("desk/1") : event.source;
    event.time_ms = event.time_ms == 0 ? of->now_ms : event.time_ms;
    event.expected_version = event.expected_version == 0 ? -1 : event.expected_version;
    const ch_view view = {.context = of,
                          .case_by_number = case_by_number,
                          .case_by_ref = case_by_ref,
                          .digest = digest,
                          .hashes = hashes,
                          .sketches = sketches,
                          .mark = mark_of,
                          .next_case = of->case_count + 1,
                          .next_sequence = of->sequence + 1,
                          .epoch = 1};
    const ch_intake intake = {.event = &event,
                              .role = role,
                              .actor = CH_STR("client"),
                              .grant = role == CH_ROLE_HUB ? NULL : &grant,
                              .history_until_ms = of->history_until_ms};
    of->error = (ch_error){.status = CH_OK};
    ch_status status = ch_decide(of->decision, of->rules, &view, &intake, of->now_ms, &of->error);
    if (status == CH_OK) {
        take_decision(of);
    } else {
        assert_int_equal(of->error.status, status);
        assert_true(of->error.text[0] != '\0');
        assert_int_equal(of->decision->count, 0);
        assert_null(of->decision->scratch);
        assert_null(of->decision->other);
    }
    return status;
}

static ch_event about(city *of, const char *type, uint64_t number, const char *data)
{
    assert_true(number > 0 && number <= of->case_count);
    return (ch_event){.type = ch_str_of(type),
                      .subject = ch_arena_str(&of->arena, ch_str_of(of->cases[number]->id)),
                      .data = data == NULL ? CH_STR_NONE : city_json(of, data)};
}

ch_status city_open(city *of, const char *source, const char *ref, const char *data)
{
    return city_publish(of, CH_ROLE_CONNECTOR, NULL,
                        (ch_event){.type = CH_STR("case.opened"),
                                   .source = ch_str_of(source),
                                   .ref = ch_str_of(ref),
                                   .area = CH_STR("330203"),
                                   .data = data == NULL ? CH_STR_NONE : city_json(of, data)});
}

ch_status city_observe(city *of, const char *type, uint64_t number, const char *data)
{
    ch_event event = about(of, type, number, data);
    event.source = ch_arena_str(&of->arena, ch_str_of(of->cases[number]->source));
    return city_publish(of, CH_ROLE_CONNECTOR, NULL, event);
}

ch_status city_command(city *of, const char *type, uint64_t number, const char *data)
{
    return city_publish(of, CH_ROLE_OPERATOR, NULL, about(of, type, number, data));
}

ch_status city_answer(city *of, const char *type, const char *party, uint64_t number, const char *data)
{
    return city_publish(of, CH_ROLE_DEPARTMENT, party, about(of, type, number, data));
}

ch_status city_report(city *of, const char *type, uint64_t number, const char *data)
{
    return city_publish(of, CH_ROLE_HUB, NULL, about(of, type, number, data));
}

const char *city_types(const city *of)
{
    return of->types;
}

const ch_event *city_event(const city *of, size_t index)
{
    assert_true(index < of->decision->count);
    return &of->decision->events[index].event;
}

const ch_case *city_case(const city *of, uint64_t number)
{
    assert_true(number > 0 && number <= of->case_count);
    return of->cases[number];
}
