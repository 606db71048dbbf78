#include "tests/simulation/clients.h"

#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_FIRST_MS 100
#define WAIT_MOST_MS 5000
#define EVENT_LIMIT ((size_t)256 * 1024)

static const struct {
    ch_grant grant;
    const char *source, *default_kind;
} roles[CLIENTS] = {
    [CLIENT_GRID] = {{.name = "grid", .role = CH_ROLE_CONNECTOR, .source_count = 1, .sources = {"grid"}},
                     "grid/1",
                     "matter"},
    [CLIENT_HOTLINE] =
        {{.name = "hotline", .role = CH_ROLE_CONNECTOR, .source_count = 1, .sources = {"hotline"}},
         "hotline/81890",
         NULL},
    [CLIENT_DEPARTMENT] = {{.name = "works",
                            .role = CH_ROLE_DEPARTMENT,
                            .source_count = 1,
                            .sources = {"works"},
                            .party_count = 4,
                            .parties = {"power-supply", "urban-mgmt", "water-rescue", "environment"}},
                           "works/desk",
                           NULL},
    [CLIENT_OFFICE] = {{.name = "office", .role = CH_ROLE_SUPERVISOR, .party_count = 1, .parties = {"*"}},
                       "office/1",
                       NULL},
    [CLIENT_OPERATOR] = {{.name = "operator", .role = CH_ROLE_OPERATOR}, "console/1", NULL},
};

void clients_init(clients *of, machine *on, ch_random_seeded *chance)
{
    *of = (clients){.machine = on, .chance = chance};
    for (size_t i = 0; i < CLIENTS; i++) {
        client *by = &of->at[i];
        assert_int_equal(ch_actor_new(&by->actor, &roles[i].grant), CH_OK);
        by->source = roles[i].source;
        by->default_kind = roles[i].default_kind;
        by->session = (UINT64_C(1) << 32) + i;
    }
}

void clients_done(clients *of)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        ch_actor_unref(of->at[i].actor);
    }
    while (of->sayings != NULL) {
        saying *said = of->sayings;
        of->sayings = said->next;
        free(said->at);
        free(said->normal_data);
        free(said);
    }
}

bool client_is_connector(const client *by)
{
    return by->actor->grant.role == CH_ROLE_CONNECTOR;
}

static ch_status normalize(saying *said, const ch_schema *schema, ch_error *error)
{
    ch_buf room;
    bool changed = false;
    size_t size;
    ch_buf_init(&room, EVENT_LIMIT);
    ch_status status = ch_schema_normalize(schema, &said->event, &room, &changed, error);
    if (status == CH_OK && changed) {
        said->normal_data = ch_buf_take(&room, &size);
        said->event.data = (ch_str){(const char *)said->normal_data, size};
    }
    ch_buf_done(&room);
    return status;
}

saying *clients_say_as_hub(clients *of, const ch_event *event)
{
    ch_buf encoded;
    ch_error why;
    saying *said = calloc(1, sizeof *said);
    assert_non_null(said);
    ch_buf_init(&encoded, EVENT_LIMIT);
    ch_event_encode(&encoded, event);
    assert_int_equal(encoded.failed, CH_OK);
    said->at = ch_buf_take(&encoded, &said->size);
    said->next = of->sayings;
    of->sayings = said;
    assert_ok(
        ch_event_decode((ch_str){(const char *)said->at, said->size}, CH_EVENT_PRODUCED, &said->event, &why),
        &why);
    return said;
}

saying *clients_say(clients *of, const client *by, const ch_event *event, unsigned content)
{
    const ch_schema *schema = of->machine->rules->schema;
    saying *said = clients_say_as_hub(of, event);
    ch_error why = {.status = CH_OK};
    said->content = content;
    ch_status status = ch_grant_may_publish(&by->actor->grant, &said->event, &why);
    status = status == CH_OK ? normalize(said, schema, &why) : status;
    status = status == CH_OK ? ch_schema_check(schema, &said->event, false, &why) : status;
    said->refusal = status == CH_OK ? (ch_error){.status = CH_OK} : why;
    return said;
}

posting *clients_queue(clients *of, client *by)
{
    (void)of;
    if (by->queued == CLIENT_QUEUE) {
        return NULL;
    }
    posting *next = &by->queue[by->queued++];
    *next = (posting){.serial = ++by->serials};
    return next;
}

static ch_work *make_work(const client *by, posting *at)
{
    ch_work *work;
    ch_buf room;
    ch_buf_init(&room, (size_t)1 << 20);
    assert_int_equal(ch_work_new(&work, at->count - at->done), CH_OK);
    work->session = by->session;
    work->request = at->request;
    work->actor = ch_actor_ref(by->actor);
    work->beyond_window = at->beyond_window;
    if (at->with_checkpoint) {
        work->publish = (ch_chp_publish){.connector = ch_str_of(by->actor->grant.name),
                                         .from = ch_arena_str(&work->arena, ch_str_of(at->from)),
                                         .to = ch_arena_str(&work->arena, ch_str_of(at->to)),
                                         .dead_letter = (int64_t)at->dead_letter};
    }
    work->publish.default_kind = ch_str_of(by->default_kind);
    for (size_t i = 0; i < work->count; i++) {
        saying *said = at->items[at->done + i];
        work->items[i] = (ch_work_item){.event = said->event,
                                        .encoded = {(const char *)said->at, said->size},
                                        .refusal = said->refusal.status == CH_OK ? NULL : &said->refusal};
        assert_int_equal(ch_work_item_fingerprint(&work->items[i], &room), CH_OK);
    }
    ch_buf_done(&room);
    return work;
}

static bool send_one(clients *of, size_t who, size_t index)
{
    client *by = &of->at[who];
    posting *at = &by->queue[index];
    size_t events = at->count - at->done;
    if (of->sent_events == MACHINE_BATCH || of->sent_events + events > MACHINE_BATCH) {
        return false;
    }
    at->request = ++of->requests;
    of->sent[of->sent_count++] = (sending){who, at->request};
    of->sent_events += events;
    ch_work *work = make_work(by, at);
    machine_give(of->machine, of->machine->hub->front_to_writer, &work->mail);
    return true;
}

/* Does its second PUBLISH begin with another event than its first? */
static bool could_skip(const client *by)
{
    const posting *first = &by->queue[0], *second = &by->queue[1];
    return by->wait_ms > 0 && by->queued > 1 && first->done < first->count && second->done < second->count &&
           !ch_str_equal(first->items[first->done]->event.id, second->items[second->done]->event.id);
}

/* In turn, one PUBLISH each, as the front takes them. Now and then a client forgets itself and goes on behind what was
 * refused; the hub must not. */
void clients_send(clients *of)
{
    of->sent_count = of->sent_events = 0;
    bool skips[CLIENTS], waits[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        client *by = &of->at[i];
        skips[i] = could_skip(by) && clients_below(of, 8) == 0;
        waits[i] = !skips[i] && by->wait_until_ms > of->machine->monotonic_ms;
    }
    for (size_t turn = 0; turn < CLIENT_QUEUE; turn++) {
        for (size_t i = 0; i < CLIENTS; i++) {
            size_t index = turn + (skips[i] ? 1 : 0);
            if (!waits[i] && index < of->at[i].queued) {
                waits[i] = clients_below(of, 8) == 0 || !send_one(of, i, index) || skips[i];
            }
        }
    }
}

static void forget_posting(client *by, size_t index)
{
    by->queued--;
    memmove(&by->queue[index], &by->queue[index + 1], (by->queued - index) * sizeof *by->queue);
}

posting *client_posting(client *by, uint64_t request)
{
    for (size_t i = 0; i < by->queued; i++) {
        if (by->queue[i].request == request) {
            return &by->queue[i];
        }
    }
    return NULL;
}

void clients_settle(clients *of, size_t who, uint64_t request, bool for_good, size_t from)
{
    client *by = &of->at[who];
    const posting *at = client_posting(by, request);
    assert_non_null(at);
    size_t index = (size_t)(at - by->queue);
    if (for_good) {
        forget_posting(by, index);
        by->wait_ms = index == 0 ? 0 : by->wait_ms;
        return;
    }
    by->queue[index].done = from;
    by->queue[index].beyond_window = false;
    by->wait_ms = by->wait_ms == 0 ? WAIT_FIRST_MS : by->wait_ms * 2;
    by->wait_ms = by->wait_ms > WAIT_MOST_MS ? WAIT_MOST_MS : by->wait_ms;
    by->wait_until_ms = of->machine->monotonic_ms + by->wait_ms;
}

void clients_reconnect(clients *of)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        of->at[i].session += UINT64_C(1) << 32;
        of->at[i].wait_ms = of->at[i].wait_until_ms = 0;
    }
}

bool clients_are_idle(const clients *of)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        if (of->at[i].queued > 0) {
            return false;
        }
    }
    return true;
}
