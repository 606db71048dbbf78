#include "tests/unit/run/crowd.h"

#include "hub/model/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WELCOME_MS 20000
#define ANSWER_MS 20000
#define TURN_MS 20        /* of one poll: how late a member may notice that it is over */
#define FINISH_TURNS 5000 /* of these, until what must come counts as missing */
#define REPEAT 1000000    /* token of an event that was published again */
#define REPEAT_EVERY 10   /* events */
#define FAIL_EVERY 7      /* sequences */
#define BACKUP_FROM 100   /* sequence that has been read before */

static void fail(crowd_member *member, const char *what, const char *code, const char *text)
{
    if (member->failed[0] == '\0') {
        snprintf(member->failed, sizeof member->failed, "%s: %s: %s", what, code, text);
    }
}

static void fail_with_error(crowd_member *member, const char *what)
{
    fail(member, what, casehub_error_code(member->hub), casehub_error_text(member->hub));
}

static bool is_over(const crowd_member *member)
{
    return atomic_load(member->over) || member->failed[0] != '\0';
}

casehub *crowd_connect(crowd_member *member, void *context,
                       void (*on_answer)(void *context, const casehub_answer *answer))
{
    const casehub_options options = {CASEHUB_SIZE(casehub_options),
                                     .endpoint = member->endpoint,
                                     .key_file = member->key_file,
                                     .name = "crowd/1",
                                     .context = context,
                                     .on_answer = on_answer};
    member->hub = casehub_new(&options);
    if (member->hub == NULL) {
        fail(member, "new", "errno", strerror(errno));
        return NULL;
    }
    if (casehub_wait(member->hub, WELCOME_MS) != 0 && !is_over(member)) {
        fail_with_error(member, "wait");
    }
    return member->failed[0] == '\0' ? member->hub : NULL;
}

static void start(crowd_member *member, void *(*run)(void *), void *context)
{
    if (pthread_create(&member->thread, NULL, run, context) != 0) {
        abort();
    }
}

void crowd_join(crowd_member *member)
{
    pthread_join(member->thread, NULL);
    casehub_free(&member->hub);
}

/* ---- publishing */

static void take_answer(void *context, const casehub_answer *answer)
{
    publisher *of = context;
    uint64_t unset = 0, index = answer->token % REPEAT;
    if (strcmp(answer->code, "ok") != 0) {
        fail(&of->member, "answer", answer->code, answer->text);
        return;
    }
    if (!atomic_compare_exchange_strong(&of->sequences[index], &unset, answer->sequence) &&
        unset != answer->sequence) {
        fail(&of->member, "answer", "repeat", "says another sequence than the first");
    }
    atomic_fetch_add(&of->member.progress, 1);
}

static bool publish(publisher *of, unsigned index, uint64_t token)
{
    char event[512];
    unsigned in_case = index % CROWD_CASES;
    int size =
        snprintf(event, sizeof event,
                 "{\"specversion\":\"1.0\",\"id\":\"p%u-%u\",\"source\":\"load/%u\",\"type\":\"%s\","
                 "\"time\":\"2026-11-23T02:27:00Z\",\"ref\":\"R%u\",\"area\":\"330703\",\"data\":{%s}}",
                 of->number, index, of->number, index < CROWD_CASES ? "case.opened" : "case.noted", in_case,
                 index < CROWD_CASES ? "\"kind\":\"matter\",\"category\":\"river\"" : "\"text\":\"more\"");
    if (casehub_publish_json(of->member.hub, event, (size_t)size, token) == 0) {
        return true;
    }
    if (strcmp(casehub_error_code(of->member.hub), "full") != 0) {
        fail_with_error(&of->member, "publish");
    }
    return false;
}

/* As much as the window takes. */
static void publish_more(publisher *of)
{
    while (of->next < CROWD_EVENTS_MOST && publish(of, of->next, of->next)) {
        unsigned index = of->next++;
        if (index % REPEAT_EVERY == 0) {
            (void)publish(of, index, REPEAT + index);
        }
    }
}

static void *run_publisher(void *context)
{
    publisher *of = context;
    if (crowd_connect(&of->member, of, take_answer) == NULL) {
        return NULL;
    }
    while (!is_over(&of->member)) {
        publish_more(of);
        (void)casehub_poll(of->member.hub, TURN_MS);
    }
    return NULL;
}

void publisher_start(publisher *of)
{
    start(&of->member, run_publisher, of);
}

/* ---- subscribing */

static bool check_order(subscriber *of, const casehub_event *event)
{
    uint64_t number;
    if (event->subject[0] == '\0' || ch_case_id_number(ch_str_of(event->subject), &number) != CH_OK) {
        return true;
    }
    if (number >= CROWD_LOG_MOST || event->sequence <= of->last_of_case[number]) {
        fail(&of->member, "order", event->subject, "an event came behind a later one of its case");
        return false;
    }
    of->last_of_case[number] = event->sequence;
    return true;
}

static void hear(void *context, casehub *hub, const casehub_event *event)
{
    subscriber *of = context;
    if (event->sequence >= CROWD_LOG_MOST) {
        fail(&of->member, "event", "sequence", "more than the test follows");
        return;
    }
    if (event->attempt == 1 && event->sequence % FAIL_EVERY == 0 && !of->acknowledged[event->sequence]) {
        of->refused++;
        (void)casehub_nak(hub, of->number, event->sequence, 0, "not-yet");
        return;
    }
    if (!of->acknowledged[event->sequence]) {
        if (!check_order(of, event)) {
            return;
        }
        of->acknowledged[event->sequence] = true;
        of->distinct++;
        of->highest = event->sequence > of->highest ? event->sequence : of->highest;
        atomic_fetch_add(&of->member.progress, 1);
    }
    (void)casehub_ack(hub, of->number, event->sequence);
}

static bool subscribe_to_all(subscriber *of)
{
    static const char *const patterns[] = {">"};
    const casehub_subscription subscription = {CASEHUB_SIZE(casehub_subscription),
                                               .name = "everything",
                                               .patterns = patterns,
                                               .pattern_count = 1,
                                               .from = "all",
                                               .deliveries_most = 1000,
                                               .context = of,
                                               .on_event = hear};
    if (crowd_connect(&of->member, of, NULL) == NULL) {
        return false;
    }
    of->number = casehub_subscribe(of->member.hub, &subscription);
    if (of->number < 0) {
        fail_with_error(&of->member, "subscribe");
    }
    return of->number >= 0;
}

static void *run_subscriber(void *context)
{
    subscriber *of = context;
    if (subscribe_to_all(of)) {
        while (!is_over(&of->member)) {
            (void)casehub_poll(of->member.hub, TURN_MS);
        }
    }
    return NULL;
}

void subscriber_start(subscriber *of)
{
    start(&of->member, run_subscriber, of);
}

void subscriber_finish(subscriber *of, uint64_t last)
{
    if (subscribe_to_all(of)) {
        for (unsigned turns = 0; turns < FINISH_TURNS && of->distinct < last && !is_over(&of->member);
             turns++) {
            (void)casehub_poll(of->member.hub, TURN_MS);
        }
    }
    casehub_free(&of->member.hub);
}

static void listen(void *context, casehub *hub, const casehub_event *event)
{
    listener *of = context;
    (void)hub;
    if (event->sequence <= of->last || event->attempt != 1) {
        fail(&of->member, "live", event->topic, "came twice or out of order");
    }
    of->last = event->sequence;
    atomic_fetch_add(&of->member.progress, 1);
}

static void *run_listener(void *context)
{
    listener *of = context;
    static const char *const patterns[] = {"case.>", "handoff.>"};
    const casehub_subscription subscription = {CASEHUB_SIZE(casehub_subscription),
                                               .patterns = patterns,
                                               .pattern_count = 2,
                                               .no_ack = true,
                                               .context = of,
                                               .on_event = listen};
    if (crowd_connect(&of->member, of, NULL) == NULL) {
        return NULL;
    }
    if (casehub_subscribe(of->member.hub, &subscription) < 0) {
        fail_with_error(&of->member, "subscribe");
    }
    while (!is_over(&of->member)) {
        (void)casehub_poll(of->member.hub, TURN_MS);
    }
    return NULL;
}

void listener_start(listener *of)
{
    start(&of->member, run_listener, of);
}

/* ---- asking */

static void ask(asker *of, const char *query, const char *arguments)
{
    char *json = NULL;
    if (casehub_query(of->member.hub, query, arguments, ANSWER_MS, &json, NULL) == 0) {
        atomic_fetch_add(&of->member.progress, 1);
    } else if (!is_over(&of->member)) {
        fail_with_error(&of->member, query);
    }
    free(json);
}

static void see_read(void *context, casehub *hub, const casehub_event *event)
{
    uint64_t *last = context;
    (void)hub;
    *last = event->sequence;
}

/* The next piece of the log, or the first one again. */
static void read_on(asker *of, uint64_t *from)
{
    uint64_t next = 0;
    if (casehub_read(of->member.hub, *from, 0, NULL, 0, 100, ANSWER_MS, &of->last, see_read, &next) != 0) {
        if (!is_over(&of->member)) {
            fail_with_error(&of->member, "read");
        }
        return;
    }
    *from = next > 0 ? next : 1;
}

static void *run_asker(void *context)
{
    asker *of = context;
    uint64_t from = 1;
    char backup[700];
    snprintf(backup, sizeof backup, "{\"dir\":\"%s\"}", of->backup_dir);
    if (crowd_connect(&of->member, of, NULL) == NULL) {
        return NULL;
    }
    while (!is_over(&of->member)) {
        ask(of, "status", NULL);
        ask(of, "cases", NULL);
        ask(of, "handoffs", NULL);
        ask(of, "subscriptions", NULL);
        read_on(of, &from);
        if (of->last >= BACKUP_FROM && !atomic_load(&of->backed_up) && !is_over(&of->member)) {
            ask(of, "backup", backup);
            atomic_store(&of->backed_up, true);
        }
    }
    return NULL;
}

void asker_start(asker *of)
{
    start(&of->member, run_asker, of);
}
