#include "tests/simulation/matters.h"

#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>

#define DATA_LIMIT ((size_t)64 * 1024)
#define REFS 6
#define KNOT 4 /* cases that much happens to */
#define HOUR_MS INT64_C(3600000)

void matters_init(matters *of, clients *who, witness *seen)
{
    *of = (matters){.clients = who, .witness = seen};
    ch_buf_init(&of->data, DATA_LIMIT);
    ch_buf_init(&of->private_data, DATA_LIMIT);
}

void matters_done(matters *of)
{
    ch_buf_done(&of->data);
    ch_buf_done(&of->private_data);
}

static uint64_t below(matters *of, uint64_t limit)
{
    return clients_below(of->clients, limit);
}

static const char *one_of(matters *of, const char *const *list, size_t count)
{
    return list[below(of, count)];
}
#define ONE_OF(of, list) one_of(of, list, sizeof(list) / sizeof *(list))

static void put(matters *of, const char *key, const char *value)
{
    ch_mp_put_text(&of->data, key);
    ch_mp_put_text(&of->data, value);
}

static void put_number(matters *of, const char *key, int64_t value)
{
    ch_mp_put_text(&of->data, key);
    ch_mp_put_int(&of->data, value);
}

/* What an event is made of before it is encoded. */
typedef struct draft {
    ch_event event;
    char id[32], ref[16], subject[CH_CASE_ID_SIZE], mapping[16];
} draft;

static int64_t some_time(matters *of)
{
    int64_t now = of->clients->machine->wall_ms;
    return below(of, 4) == 0 ? now - (int64_t)below(of, 3600000) : now;
}

static void begin(matters *of, draft *out, const client *by, const char *type)
{
    *out = (draft){.event = {.source = ch_str_of(by->source),
                             .type = ch_str_of(type),
                             .time_ms = some_time(of),
                             .expected_version = -1}};
    snprintf(out->id, sizeof out->id, "e-%" PRIu64, ++of->ids);
    ch_buf_clear(&of->data);
    ch_buf_clear(&of->private_data);
}

static saying *end(matters *of, draft *at, const client *by, unsigned content)
{
    at->event.id = ch_str_of(at->id);
    at->event.ref = at->ref[0] == '\0' ? CH_STR_NONE : ch_str_of(at->ref);
    at->event.subject = at->subject[0] == '\0' ? CH_STR_NONE : ch_str_of(at->subject);
    at->event.data = of->data.size == 0 ? CH_STR_NONE : ch_buf_str(&of->data);
    at->event.private_data = of->private_data.size == 0 ? CH_STR_NONE : ch_buf_str(&of->private_data);
    return clients_say(of->clients, by, &at->event, content);
}

static void pick_ref(matters *of, draft *at)
{
    snprintf(at->ref, sizeof at->ref, "r-%" PRIu64, below(of, REFS));
}

/* One of the first so many cases; of nobody now and then. */
static const ch_case *pick_among(matters *of, draft *at, uint64_t most)
{
    uint64_t count = witness_case_count(of->witness);
    count = count < most ? count : most;
    const ch_case *found = count == 0 ? NULL : witness_case(of->witness, 1 + below(of, count));
    if (found == NULL || below(of, 30) == 0) {
        snprintf(at->subject, sizeof at->subject, "ZJ-20261123-%u", 9999);
        return NULL;
    }
    snprintf(at->subject, sizeof at->subject, "%s", found->id);
    if (below(of, 6) == 0) {
        at->event.expected_version = (int64_t)found->version - (int64_t)below(of, 2);
    }
    return found;
}

static const ch_case *pick_case(matters *of, draft *at)
{
    return pick_among(of, at, UINT64_MAX);
}

/* ---- events of cases */

static saying *open_case(matters *of, const client *by)
{
    static const char *const categories[] = {"power.trip",       "river",      "lamp.out",
                                             "smell.industrial", "water.leak", "service.repair"};
    static const char *const titles[] = {"the lamp at the bridge is out", "lamp at the bridge out again",
                                         "a transformer", "厂房夜里排放刺鼻气味", "厂房夜里有刺鼻气味"};
    draft at;
    begin(of, &at, by, "case.opened");
    at.event.area = below(of, 2) == 0 ? CH_STR("330902003001") : CH_STR_NONE;
    if (below(of, 8) != 0) {
        pick_ref(of, &at);
    }
    at.event.test_mode = below(of, 12) == 0;
    bool is_wrong = below(of, 12) == 0;
    ch_mp_put_map(&of->data, 4);
    put(of, "category", ONE_OF(of, categories));
    put_number(of, "priority", is_wrong ? 9 : 1 + (int64_t)below(of, 5));
    put(of, "title", ONE_OF(of, titles));
    put(of, "kind", below(of, 20) == 0 ? "unheard-of" : "matter");
    if (below(of, 2) == 0) {
        ch_mp_put_map(&of->private_data, 1);
        ch_mp_put_text(&of->private_data, "name");
        ch_mp_put_text(&of->private_data, "Nobody Real");
    }
    return end(of, &at, by, 0);
}

static const char *const case_types[] = {"case.accepted", "case.assigned",  "case.progressed", "case.waiting",
                                         "case.resumed",  "case.resolved",  "case.feedback",   "case.closed",
                                         "case.reopened", "case.cancelled", "case.noted",      "case.noted",
                                         "case.milestone"};

static void fill_case_event(matters *of, const char *type)
{
    static const char *const reasons[] = {"planned", "citizen", "external"};
    ch_mp_put_map(&of->data, 1);
    if (strcmp(type, "case.assigned") == 0) {
        put(of, "party", "urban-mgmt");
    } else if (strcmp(type, "case.waiting") == 0) {
        put(of, "reason", ONE_OF(of, reasons));
    } else if (strcmp(type, "case.feedback") == 0) {
        put_number(of, "score", (int64_t)below(of, 7)); /* 1 to 5 are right */
    } else if (strcmp(type, "case.milestone") == 0 && below(of, 2) == 0) {
        put(of, "code", "unit.on_scene");
    } else {
        put(of, "text", "said at the window");
    }
}

static saying *observe(matters *of, const client *by)
{
    draft at;
    const char *type = ONE_OF(of, case_types);
    begin(of, &at, by, type);
    pick_ref(of, &at);
    fill_case_event(of, type);
    if (below(of, 4) == 0) {
        at.event.raw = CH_STR("r|17|lamp|out");
    }
    return end(of, &at, by, 0);
}

/* Ties it to another, or to what is none. */
static saying *tie(matters *of, const client *by)
{
    static const char *const types[] = {"case.linked",   "case.linked", "case.linked",
                                        "case.unlinked", "case.merged", "case.split"};
    static const char *const relations[] = {"parent", "child", "related"};
    draft at, other;
    begin(of, &other, by, "case.noted");
    begin(of, &at, by, ONE_OF(of, types));
    uint64_t most = below(of, 2) == 0 ? KNOT : UINT64_MAX;
    (void)pick_among(of, &at, most);
    (void)pick_among(of, &other, most);
    bool merges = ch_str_is(at.event.type, "case.merged");
    if (ch_str_is(at.event.type, "case.split")) {
        ch_mp_put_map(&of->data, 2);
        put(of, "title", "a part of it");
        put(of, "category", "lamp.out");
        return end(of, &at, by, 0);
    }
    ch_mp_put_map(&of->data, merges ? 1 : 2);
    put(of, merges ? "into" : "other", other.subject);
    if (!merges) {
        put(of, "relation", ONE_OF(of, relations));
    }
    return end(of, &at, by, 0);
}

static saying *command(matters *of, const client *by)
{
    draft at;
    if (below(of, 3) == 0) {
        return tie(of, by);
    }
    const char *type = ONE_OF(of, case_types);
    begin(of, &at, by, type);
    (void)pick_case(of, &at);
    fill_case_event(of, type);
    return end(of, &at, by, 0);
}

/* That the department holds. */
static const char *const parties[] = {"power-supply", "urban-mgmt", "water-rescue", "environment"};

/* One that is open, and what brings it on; NULL: there is none. */
static const char *next_answer(matters *of, const ch_case *about, uint64_t *out_index)
{
    size_t count = about == NULL ? 0 : about->handoff_count;
    size_t first = count == 0 ? 0 : (size_t)below(of, count);
    for (size_t i = 0; i < count; i++) {
        const ch_handoff *handoff = &about->handoffs[(first + i) % count];
        if (ch_handoff_is_open(handoff->state)) {
            *out_index = handoff->index;
            return handoff->state <= CH_HANDOFF_DELIVERED ? "handoff.accepted" : "handoff.completed";
        }
    }
    return NULL;
}

static saying *answer_handoff(matters *of, const client *by)
{
    static const char *const types[] = {"handoff.accepted",   "handoff.accepted",  "handoff.rejected",
                                        "handoff.started",    "handoff.completed", "handoff.failed",
                                        "handoff.returned",   "handoff.urged",     "handoff.withdrawn",
                                        "handoff.transferred"};
    draft at;
    char handoff[CH_HANDOFF_ID_SIZE];
    begin(of, &at, by, ONE_OF(of, types));
    bool goes_on = below(of, 2) == 0;
    const ch_case *about = pick_among(of, &at, goes_on ? KNOT : UINT64_MAX);
    uint64_t index = 1 + below(of, about == NULL ? 1 : about->handoff_count + 1);
    const char *likely = goes_on ? next_answer(of, about, &index) : NULL;
    at.event.type = likely == NULL ? at.event.type : ch_str_of(likely);
    snprintf(handoff, sizeof handoff, "%s/h%" PRIu64, at.subject, index);
    bool passes_on = ch_str_is(at.event.type, "handoff.transferred");
    ch_mp_put_map(&of->data, 2);
    put(of, "handoff", handoff);
    put(of, passes_on ? "party" : "text", passes_on ? ONE_OF(of, parties) : "we look at it");
    return end(of, &at, by, 0);
}

/* Some of those parties, and how they stand beside each other: three fields. */
static void put_plan(matters *of)
{
    static const char *const forms[] = {"parallel", "sequence", "joint", "cc"};
    static const char *const needs[] = {"all", "any", "2"};
    const char *form = ONE_OF(of, forms);
    uint32_t count = 2 + (uint32_t)below(of, 3), first = (uint32_t)below(of, 2);
    ch_mp_put_text(&of->data, "parties");
    ch_mp_put_array(&of->data, count);
    for (uint32_t i = 0; i < count; i++) {
        ch_mp_put_text(&of->data, parties[(first + i) % (sizeof parties / sizeof *parties)]);
    }
    put(of, "form", form);
    if (strcmp(form, "parallel") == 0) {
        put(of, "need", ONE_OF(of, needs));
    } else if (strcmp(form, "joint") == 0) {
        put(of, "lead", parties[first + below(of, 2)]);
    } else {
        put(of, "text", "one after another, or all");
    }
}

static saying *offer(matters *of, const client *by)
{
    draft at;
    bool extends = below(of, 3) == 0;
    char handoff[CH_HANDOFF_ID_SIZE];
    begin(of, &at, by, extends ? "handoff.extended" : "handoff.offered");
    bool to_several = !extends && below(of, 2) == 0;
    const ch_case *about = pick_among(of, &at, to_several ? KNOT : UINT64_MAX);
    int64_t due = of->clients->machine->wall_ms + (int64_t)below(of, 20000) - 2000;
    due += to_several ? HOUR_MS : 0; /* until enough of them have answered */
    ch_mp_put_map(&of->data, to_several ? 4 : 2);
    put_number(of, "due", due);
    if (extends) {
        uint64_t count = about == NULL ? 0 : about->handoff_count;
        snprintf(handoff, sizeof handoff, "%s/h%" PRIu64, at.subject, 1 + below(of, count + 1));
        put(of, "handoff", handoff);
    } else if (to_several) {
        put_plan(of);
    } else {
        put(of, "party", ONE_OF(of, parties));
    }
    return end(of, &at, by, 0);
}

/* ---- events of the hub's own kinds */

static saying *move_letter(matters *of, const client *by)
{
    draft at;
    uint64_t letters = ch_state_next_dead_letter(of->witness->state);
    begin(of, &at, by, "hub.deadletter");
    ch_mp_put_map(&of->data, 2);
    put(of, "action", below(of, 2) == 0 ? "retry" : "drop");
    put_number(of, "number", 1 + (int64_t)below(of, letters + 1));
    return end(of, &at, by, 0);
}

static saying *grant(matters *of, const client *by)
{
    static const char *const keys[] = {"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
                                       "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"};
    draft at;
    begin(of, &at, by, "hub.grant");
    bool revoked = below(of, 2) == 0;
    ch_mp_put_map(&of->data, revoked ? 2 : 3);
    put(of, "key", ONE_OF(of, keys));
    if (revoked) {
        ch_mp_put_text(&of->data, "revoked");
        ch_mp_put_bool(&of->data, true);
    } else {
        put(of, "name", "newcomer");
        put(of, "role", "read-only");
    }
    return end(of, &at, by, 0);
}

/* A field that no schema knows would have to be sealed, and nothing of the hub's own kinds is. */
static saying *report_connector(matters *of, const client *by)
{
    draft at;
    begin(of, &at, by, "hub.connector");
    bool is_strange = below(of, 3) == 0;
    ch_mp_put_map(&of->data, is_strange ? 3 : 2);
    put(of, "connector", by->actor->grant.name);
    put(of, "state", "running");
    if (is_strange) {
        put(of, "strange", "unknown to the schema");
    }
    return end(of, &at, by, 0);
}

static saying *make_letter(matters *of, const client *by)
{
    draft at;
    begin(of, &at, by, "hub.deadletter");
    ch_mp_put_map(&of->data, 4);
    put(of, "action", "made");
    put(of, "connector", by->actor->grant.name);
    put(of, "stage", "parse");
    put(of, "code", "invalid");
    if (below(of, 4) != 0) {
        at.event.raw = CH_STR("a line that nobody can read");
    }
    return end(of, &at, by, 0);
}

/* ---- repeats */

/* Something that this client said before: the same; the same but for what does not count; or another content. */
static saying *repeat(matters *of, const client *by)
{
    saying *said = of->clients->sayings;
    for (uint64_t skip = below(of, 24); said != NULL; said = said->next) {
        if (ch_str_is(said->event.source, by->source) && skip-- == 0) {
            break;
        }
    }
    if (said == NULL || below(of, 3) != 0) {
        return said;
    }
    ch_event again = said->event;
    if (below(of, 2) == 0) {
        again.mapping = CH_STR("v-2");
        again.raw = CH_STR("another record of the same");
        return clients_say(of->clients, by, &again, said->content);
    }
    char correlation[32];
    unsigned content = 1 + (unsigned)below(of, 3);
    snprintf(correlation, sizeof correlation, "other-%u", content);
    again.correlation_id = ch_str_of(correlation);
    return clients_say(of->clients, by, &again, content);
}

/* ---- who says what */

static saying *say_as_connector(matters *of, const client *by)
{
    switch (below(of, 12)) {
    case 0:
    case 1:
    case 2: return open_case(of, by);
    case 3: return report_connector(of, by);
    case 4: return make_letter(of, by);
    case 5: return answer_handoff(of, by);
    default: return observe(of, by);
    }
}

static saying *say_as_operator(matters *of, const client *by)
{
    switch (below(of, 8)) {
    case 0: return grant(of, by);
    case 1:
    case 2: return command(of, by);
    case 3: return offer(of, by);
    default: return move_letter(of, by);
    }
}

static saying *say_as_office(matters *of, const client *by)
{
    switch (below(of, 4)) {
    case 0: return open_case(of, by);
    case 1: return command(of, by);
    case 2: return answer_handoff(of, by);
    default: return offer(of, by);
    }
}

static saying *say(matters *of, size_t who, const client *by)
{
    saying *again = below(of, 6) == 0 ? repeat(of, by) : NULL;
    if (again != NULL) {
        return again;
    }
    switch (who) {
    case CLIENT_DEPARTMENT: return below(of, 4) == 0 ? command(of, by) : answer_handoff(of, by);
    case CLIENT_OFFICE: return say_as_office(of, by);
    case CLIENT_OPERATOR: return say_as_operator(of, by);
    default: return say_as_connector(of, by);
    }
}

/* A connector has read so far; another process of its name would come with a checkpoint of its own. */
static void add_checkpoint(matters *of, client *by, posting *at)
{
    at->with_checkpoint = true;
    memcpy(at->from, by->checkpoint, sizeof at->from);
    uint64_t letters = ch_state_next_dead_letter(of->witness->state);
    uint64_t fate = below(of, 10);
    if (fate == 0) {
        memcpy(at->to, "elsewhere", sizeof "elsewhere");
        memcpy(at->from, "elsewhere", sizeof "elsewhere");
    } else if (fate < 3 && letters > 1) {
        at->dead_letter = 1 + below(of, letters);
        memcpy(at->to, by->checkpoint, sizeof at->to);
    } else {
        snprintf(at->to, sizeof at->to, "c-%u", ++by->checkpoints);
        memcpy(by->checkpoint, at->to, sizeof at->to);
    }
}

/* A PUBLISH that begins with an event that another one still waits with would say that the session begins again there. */
static bool is_waiting(const client *by, const saying *said)
{
    for (size_t i = 0; i + 1 < by->queued; i++) {
        const posting *at = &by->queue[i];
        for (size_t k = at->done; k < at->count; k++) {
            if (ch_str_equal(at->items[k]->event.id, said->event.id)) {
                return true;
            }
        }
    }
    return false;
}

static void invent_posting(matters *of, size_t who)
{
    client *by = &of->clients->at[who];
    posting *at = clients_queue(of->clients, by);
    if (at == NULL) {
        return;
    }
    if (client_is_connector(by) && below(of, 4) != 0) {
        add_checkpoint(of, by, at);
    }
    uint64_t count = below(of, 3) == 0 ? 1 + below(of, POSTING_MOST) : 1;
    count = at->with_checkpoint && below(of, 6) == 0 ? 0 : count;
    while (at->count < count) {
        saying *said = say(of, who, by);
        if (at->count > 0 || !is_waiting(by, said)) {
            at->items[at->count++] = said;
        }
    }
    at->beyond_window = below(of, 40) == 0;
}

void matters_invent(matters *of)
{
    uint64_t count = 1 + below(of, 6);
    while (count-- > 0) {
        invent_posting(of, below(of, CLIENTS));
    }
}

/* ---- the hub's reader */

static ch_status draft_delivered(matters *of, draft *at, char handoff[CH_HANDOFF_ID_SIZE], char *id,
                                 size_t size)
{
    const ch_case *about = pick_case(of, at);
    at->event.expected_version = -1;
    if (about == NULL || about->handoff_count == 0) {
        return CH_NOT_FOUND;
    }
    snprintf(handoff, CH_HANDOFF_ID_SIZE, "%s/h%" PRIu64, about->id, 1 + below(of, about->handoff_count));
    snprintf(id, size, "%s/delivered", handoff);
    ch_mp_put_map(&of->data, 1);
    put(of, "handoff", handoff);
    return CH_OK;
}

static void draft_letter(matters *of, char *id, size_t size)
{
    char place[64];
    uint64_t sequence = 1 + below(of, of->witness->position + 1);
    snprintf(id, size, "delivery/desk/%" PRIu64 "/%" PRIu64, sequence, ++of->ids);
    snprintf(place, sizeof place, "sequence %" PRIu64, sequence);
    ch_mp_put_map(&of->data, 6);
    put(of, "action", "made");
    put(of, "connector", "desk");
    put(of, "stage", "deliver");
    put(of, "code", "timeout");
    put(of, "reason", "not acknowledged after 5 deliveries");
    put(of, "place", place);
}

/* What was to be delivered again is under way. CH_NOT_FOUND: none is. */
static ch_status draft_retried(matters *of, char *id, size_t size)
{
    ch_dead_letter letter;
    uint64_t number = 0, end = ch_state_next_dead_letter(of->witness->state);
    for (uint64_t i = 1; i < end && number == 0; i++) {
        assert_int_equal(ch_state_dead_letter(of->witness->state, i, &letter), CH_OK);
        bool is_retried = strcmp(letter.stage, "deliver") == 0 && strcmp(letter.status, "retrying") == 0;
        number = is_retried ? i : 0;
    }
    snprintf(id, size, "dead-letter/%" PRIu64 "/retried/%" PRIu64, number, ++of->ids);
    ch_mp_put_map(&of->data, 2);
    put(of, "action", "retried");
    ch_mp_put_text(&of->data, "number");
    ch_mp_put_uint(&of->data, number);
    return number == 0 ? CH_NOT_FOUND : CH_OK;
}

void matters_report(matters *of)
{
    static const client hub = {.source = "hub/ZJ"};
    draft at;
    char id[CH_ID_MAX + 1], handoff[CH_HANDOFF_ID_SIZE];
    bool delivers = below(of, 3) != 0;
    begin(of, &at, &hub, delivers ? "handoff.delivered" : "hub.deadletter");
    if (!delivers && below(of, 2) == 0) {
        if (draft_retried(of, id, sizeof id) != CH_OK) {
            return;
        }
    } else if (!delivers) {
        draft_letter(of, id, sizeof id);
    } else if (draft_delivered(of, &at, handoff, id, sizeof id) != CH_OK) {
        return;
    }
    at.event.id = ch_str_of(id);
    at.event.subject = delivers ? ch_str_of(at.subject) : CH_STR_NONE;
    at.event.data = ch_buf_str(&of->data);
    ch_work *work;
    machine *on = of->clients->machine;
    assert_ok(ch_work_of_hub(&work, &at.event, &of->witness->error), &of->witness->error);
    machine_give(on, on->hub->reader_to_writer, &work->mail);
    witness_note_report(of->witness, clients_say_as_hub(of->clients, &at.event));
}
