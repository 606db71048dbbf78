#include "tests/unit/run/town.h"

#include "hub/config/rules_config.h"
#include "hub/model/json.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#define MAP ((size_t)256 << 20)
#define FILL_BATCH 512

const ch_grant town_operator = {.name = "operator", .role = CH_ROLE_OPERATOR};

void town_start(town *of)
{
    memset(of, 0, sizeof *of);
    folder_make(of->base);
    snprintf(of->dir, sizeof of->dir, "%s/data", of->base);
    snprintf(of->key_file, sizeof of->key_file, "%s/hub.key", of->base);
    ch_random_seeded_init(&of->seeded, 5);
    ch_clock_fake_init(&of->clock, TOWN_START_MS);
    assert_ok(ch_rules_load(&of->rules, CASEHUB_SOURCE_DIR "/schemas", CASEHUB_SOURCE_DIR "/schemas/city",
                            &of->error),
              &of->error);
    const ch_store_options options = {.dir = of->dir,
                                      .hub_key_file = of->key_file,
                                      .hub_code = of->rules->hub_code,
                                      .log_map_bytes = MAP,
                                      .state_map_bytes = MAP,
                                      .hot_cases = 2 * FILL_BATCH,
                                      .random = &of->seeded.random};
    assert_ok(ch_store_open(&of->store, &options, &of->error), &of->error);
    assert_int_equal(ch_metrics_new(&of->metrics), CH_OK);
    assert_int_equal(ch_batch_new(&of->batch, of->store, of->metrics), CH_OK);
    of->hub = (ch_hub){.options = {.version = "1.2.3", .clock = &of->clock.clock, .http_port = -1},
                       .store = of->store,
                       .metrics = of->metrics,
                       .started_ms = TOWN_START_MS};
}

static void forget_rows(town *of)
{
    json_decref(of->rows);
    of->rows = NULL;
}

void town_stop(town *of)
{
    forget_rows(of);
    ch_batch_free(of->batch);
    ch_metrics_free(of->metrics);
    ch_store_close(of->store);
    ch_rules_unref(of->rules);
    folder_remove(of->base);
}

int town_tear_down(void **state)
{
    town_stop(*state);
    return 0;
}

static size_t split(const char *list, char *rows, size_t row_size)
{
    size_t count = 0;
    while (*(list += strspn(list, " ")) != '\0') {
        size_t size = strcspn(list, " ");
        assert_true(size < row_size && count < CH_GRANT_LIST_MAX);
        memcpy(rows + count++ * row_size, list, size);
        list += size;
    }
    return count;
}

ch_grant town_grant(ch_role role, const char *name, ch_private_right right, const char *sources,
                    const char *parties, const char *areas)
{
    ch_grant grant = {.role = role, .private_right = right};
    assert_int_equal(ch_str_copy(grant.name, sizeof grant.name, ch_str_of(name)), CH_OK);
    grant.source_count = split(sources, grant.sources[0], sizeof grant.sources[0]);
    grant.party_count = split(parties, grant.parties[0], sizeof grant.parties[0]);
    grant.area_count = split(areas, grant.areas[0], sizeof grant.areas[0]);
    return grant;
}

/* ---- publishing */

static void encode(town *of, ch_buf *out, const char *event)
{
    char time[CH_TIME_TEXT_SIZE], id[32];
    json_error_t why;
    json_t *map = json_loads(event, 0, &why);
    if (map == NULL) {
        fail_msg("%s: %s", event, why.text);
    }
    snprintf(id, sizeof id, "e-%u", ++of->ids);
    ch_time_format(of->clock.now_ms, 0, time);
    json_object_set_new(map, "specversion", json_string("1.0"));
    json_object_set_new(map, "time", json_string(time));
    if (json_object_get(map, "id") == NULL) {
        json_object_set_new(map, "id", json_string(id));
    }
    char *text = json_dumps(map, 0);
    assert_ok(ch_event_from_json(out, ch_str_of(text), &of->error), &of->error);
    free(text);
    json_decref(map);
}

ch_work *town_work(town *of, const ch_grant *grant, const char *const *events, size_t count)
{
    ch_work *work;
    ch_buf encoded;
    ch_buf_init(&encoded, 1 << 20);
    assert_int_equal(ch_work_new(&work, count), CH_OK);
    assert_int_equal(ch_actor_new(&work->actor, grant), CH_OK);
    for (size_t i = 0; i < count; i++) {
        ch_work_item *item = &work->items[i];
        ch_buf_clear(&encoded);
        encode(of, &encoded, events[i]);
        item->encoded = ch_arena_str(&work->arena, ch_buf_str(&encoded));
        assert_ok(ch_event_decode(item->encoded, CH_EVENT_PRODUCED, &item->event, &of->error), &of->error);
        assert_int_equal(ch_work_item_fingerprint(item, &encoded), CH_OK);
    }
    ch_buf_done(&encoded);
    return work;
}

void town_begin(town *of)
{
    const ch_log_head head = ch_log_head_of(of->store->log);
    assert_ok(ch_batch_begin(of->batch, of->rules, &head, NULL, of->clock.now_ms, &of->error), &of->error);
}

void town_commit_log(town *of)
{
    (void)ch_batch_end(of->batch);
    assert_ok(ch_batch_commit(of->batch, &of->error), &of->error);
    ch_state_set_chain(of->store->state, ch_event_log_chain(of->store->log));
    ch_batch_answer(of->batch);
    assert_ok(ch_batch_erase_letters(of->batch, &of->error), &of->error);
}

void town_commit(town *of)
{
    town_commit_log(of);
    assert_ok(ch_state_commit(of->store->state, &of->error), &of->error);
}

static ch_status take_answer(town *of)
{
    ch_work *work = ch_batch_next(of->batch);
    assert_non_null(work);
    ch_status status = work->failure != NULL ? work->failure->status : work->answers[0].status;
    if (status == CH_OK) {
        assert_int_equal(ch_str_copy(of->case_id, sizeof of->case_id, work->answers[0].case_id), CH_OK);
    } else if (work->failure == NULL) {
        (void)ch_error_set(&of->error, status, NULL, "%.*s", CH_STR_ARG(work->answers[0].text));
    }
    ch_mail_free(&work->mail);
    return status;
}

ch_status town_write(town *of, ch_work *work)
{
    town_begin(of);
    assert_ok(ch_batch_take(of->batch, work, &of->error), &of->error);
    town_commit(of);
    return take_answer(of);
}

void town_fill(town *of, const ch_grant *grant, const char *prefix, unsigned count, const char *event)
{
    char text[1024];
    const char *const filled = text;
    for (unsigned done = 0; done < count;) {
        unsigned until = done + FILL_BATCH < count ? done + FILL_BATCH : count, begun = done;
        town_begin(of);
        for (; done < until; done++) {
            assert_true(snprintf(text, sizeof text, "{\"ref\":\"%s%u\",%s", prefix, done + 1, event + 1) <
                        (int)sizeof text);
            assert_ok(ch_batch_take(of->batch, town_work(of, grant, &filled, 1), &of->error), &of->error);
        }
        town_commit(of);
        for (; begun < until; begun++) {
            assert_ok(take_answer(of), &of->error);
        }
    }
}

ch_status town_publish(town *of, const ch_grant *grant, const char *event)
{
    return town_write(of, town_work(of, grant, &event, 1));
}

ch_work *town_feed_work(town *of, const ch_grant *grant, const char *from, const char *to,
                        const char *const *events, size_t count)
{
    ch_work *work = town_work(of, grant, events, count);
    work->publish = (ch_chp_publish){.connector = ch_str_of(grant->name),
                                     .from = ch_str_of(from),
                                     .to = ch_str_of(to),
                                     .default_kind = CH_STR("matter")};
    return work;
}

ch_status town_feed(town *of, const ch_grant *grant, const char *from, const char *to, const char *event)
{
    return town_write(of, town_feed_work(of, grant, from, to, &event, 1));
}

/* ---- asking */

static void keep_rows(town *of, const ch_query_answer *answer)
{
    uint32_t count;
    ch_mp_reader reader;
    ch_buf text;
    json_error_t why;
    assert_ok(ch_chp_body_check(ch_buf_str(&answer->rows), UINT32_MAX, &count, &reader, &of->error),
              &of->error);
    assert_int_equal(count, answer->count);
    ch_buf_init(&text, (size_t)64 << 20);
    assert_int_equal(ch_json_from_mp(&text, ch_buf_str(&answer->rows)), CH_OK);
    of->rows = json_loadb((const char *)text.at, text.size, 0, &why);
    assert_non_null(of->rows);
    ch_buf_done(&text);
    of->more = answer->more;
    assert_true(answer->more || answer->next[0] == '\0');
    memcpy(of->next, answer->next, sizeof of->next);
}

static ch_status ask(town *of, const ch_grant *grant, const ch_chp_query *query)
{
    ch_query_answer answer = {.more = true, .next = "old"};
    ch_asker asker = {.hub = &of->hub, .rules = of->rules, .grant = grant, .now_ms = of->clock.now_ms};
    assert_ok(ch_log_reader_open(&asker.log, of->store->log, &of->error), &of->error);
    assert_ok(ch_state_reader_open(&asker.state, of->store->state, &of->error), &of->error);
    ch_buf_init(&answer.rows, CH_CHP_BODY_MAX);
    of->error = (ch_error){.status = CH_OK};
    ch_status status = ch_query_answer_one(&asker, query, &answer, &of->error);
    assert_int_equal(of->error.status, status);
    if (status == CH_OK) {
        keep_rows(of, &answer);
    }
    ch_buf_done(&answer.rows);
    ch_state_reader_close(asker.state);
    ch_log_reader_close(asker.log);
    return status;
}

ch_status town_ask(town *of, const ch_grant *grant, const char *query, const char *arguments)
{
    ch_buf map;
    ch_buf_init(&map, 1 << 20);
    forget_rows(of);
    if (arguments != NULL) {
        assert_ok(ch_json_to_mp(&map, ch_str_of(arguments), &ch_mp_limits_header, &of->error), &of->error);
    }
    const ch_chp_query question = {.name = ch_str_of(query),
                                   .arguments = arguments == NULL ? CH_STR_NONE : ch_buf_str(&map)};
    ch_status status = ask(of, grant, &question);
    ch_buf_done(&map);
    return status;
}

void town_get(town *of, const ch_grant *grant, const char *query, const char *arguments)
{
    assert_ok(town_ask(of, grant, query, arguments), &of->error);
}

size_t town_count(const town *of)
{
    assert_non_null(of->rows);
    return json_array_size(of->rows);
}

json_t *town_row(const town *of, size_t index)
{
    assert_true(index < town_count(of));
    return json_array_get(of->rows, index);
}

const char *town_list(const town *of, const char *field)
{
    static char list[16384];
    size_t at = 0;
    list[0] = '\0';
    for (size_t i = 0; i < town_count(of); i++) {
        const json_t *value = json_object_get(town_row(of, i), field);
        char *text =
            value == NULL || json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        const char *said = value == NULL ? "-" : text == NULL ? json_string_value(value) : text;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i == 0 ? "" : " ", said);
        assert_true(at < sizeof list);
        free(text);
    }
    return list;
}

bool town_says(const town *of, const char *text)
{
    char *all = json_dumps(of->rows, JSON_COMPACT);
    bool found = strstr(all, text) != NULL;
    free(all);
    return found;
}
