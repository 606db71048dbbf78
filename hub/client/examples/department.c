/* A whole department: takes every handoff that it is offered, and says so.
 *
 *     example_department PARTY [ENDPOINT [KEY_FILE]]      else CASEHUB_HUB and CASEHUB_KEY are asked
 */
#include <casehub.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stopped;

typedef struct department {
    casehub *hub;
    const char *party;
    int subscription;
} department;

static void stop(int signal_number)
{
    stopped = signal_number;
}

static const char form[] =
    "{\"specversion\":\"1.0\",\"id\":\"%s/%s\",\"source\":\"%s\",\"type\":\"handoff.%s\",\"time\":\"%s\","
    "\"subject\":\"%s\",\"party\":\"%s\",\"data\":{\"handoff\":\"%s\",\"text\":\"%s by the example\"}}";

/* Made of nothing but the offer: when it comes twice, the hub takes the same answers once. */
static bool answer(department *desk, const casehub_event *offer, const char *step, uint64_t token)
{
    char text[1024];
    char *handoff = casehub_event_get(offer, "data.handoff"),
         *time = casehub_event_get(offer, "recordedtime");
    int size = handoff == NULL || time == NULL
                   ? -1
                   : snprintf(text, sizeof text, form, handoff, step, desk->party, step, time, offer->subject,
                              desk->party, handoff, step);
    free(handoff);
    free(time);
    return size > 0 && (size_t)size < sizeof text &&
           casehub_publish_json(desk->hub, text, (size_t)size, token) == 0;
}

/* Acknowledged when the hub has the answers, not here: a crash between brings the offer again. */
static void on_offer(void *context, casehub *hub, const casehub_event *offer)
{
    department *desk = context;
    if (!answer(desk, offer, "accepted", 0) || !answer(desk, offer, "started", 0) ||
        !answer(desk, offer, "completed", offer->sequence)) {
        fprintf(stderr, "%s: cannot answer: %s\n", offer->subject, casehub_error_text(hub));
        casehub_nak(hub, desk->subscription, offer->sequence, 1000, "desk-busy");
    }
}

static void on_answer(void *context, const casehub_answer *given)
{
    department *desk = context;
    printf("%s %s %s\n", given->case_id, given->code, given->text);
    if (given->token != 0) {
        casehub_ack(desk->hub, desk->subscription, given->token);
    }
}

static void on_state(void *context, bool connected, const char *text)
{
    (void)context;
    fprintf(stderr, "%s: %s\n", connected ? "connected" : "not connected", text);
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 2 ? argv[2] : getenv("CASEHUB_HUB");
    const char *key_file = argc > 3 ? argv[3] : getenv("CASEHUB_KEY");
    char pattern[256];
    department desk = {.party = argc > 1 ? argv[1] : NULL};
    if (desk.party == NULL || endpoint == NULL) {
        fprintf(stderr, "usage: %s PARTY [ENDPOINT [KEY_FILE]]\n", argv[0]);
        return 64;
    }
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = stop}, NULL);
    const casehub_options options = {CASEHUB_SIZE(casehub_options),
                                     .endpoint = endpoint,
                                     .key_file = key_file,
                                     .name = "example-department/1.0",
                                     .context = &desk,
                                     .on_answer = on_answer,
                                     .on_state = on_state};
    desk.hub = casehub_new(&options);
    if (desk.hub == NULL) {
        perror(endpoint);
        return 78;
    }
    snprintf(pattern, sizeof pattern, "handoff.offered.*.%s.>", desk.party);
    const casehub_subscription offers = {CASEHUB_SIZE(casehub_subscription),
                                         .name = desk.party,
                                         .patterns = (const char *const[]){pattern},
                                         .pattern_count = 1,
                                         .from = "all",
                                         .credit = 64,
                                         .context = &desk,
                                         .on_event = on_offer};
    desk.subscription = casehub_subscribe(desk.hub, &offers);
    int result = desk.subscription < 0 ? -1 : 0;
    while (result == 0 && !stopped) {
        result = casehub_poll(desk.hub, 1000);
    }
    if (result != 0 || casehub_flush(desk.hub, 2000) != 0) {
        fprintf(stderr, "%s: %s\n", casehub_error_code(desk.hub), casehub_error_text(desk.hub));
        result = 1;
    }
    casehub_free(&desk.hub);
    return result;
}
