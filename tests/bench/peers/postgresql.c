/* PostgreSQL: a table of events, filled in libpq's pipeline mode. Endpoint: a connection string.
 *
 * Mode "single": an event is a transaction. Mode "batch": what a publisher has ready, its window at most, is one.
 * Subscribers ask for what lies beyond the last id that they saw, every millisecond while there is nothing. (With
 * several publishers a real one would have to look back for ids that commit late; this one is spared that.)
 */
#include "tests/bench/drive/drive.h"
#include "tests/bench/drive/moment.h"
#include "tests/bench/peers/peers.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define OID_NONE ((const Oid *)NULL)
#define PAUSE_NS BENCH_MS

typedef struct publisher {
    PGconn *link;
    bench_publisher *owner;
    bool batches;
    uint64_t unsynced; /* events since the last sync was sent */
    uint64_t inserted,
        acked; /* rows told since the last sync came back; events of all transactions that did */
} publisher;

typedef struct subscriber {
    PGconn *link;
    bench_subscriber *owner;
    uint64_t last;
} subscriber;

static PGconn *try_connect(const bench_target *target)
{
    PGconn *link = PQconnectdb(target->endpoint);
    if (PQstatus(link) != CONNECTION_OK) {
        PQfinish(link);
        return NULL;
    }
    return link;
}

static PGconn *connect_to(const bench_target *target)
{
    PGconn *link = try_connect(target);
    if (link == NULL) {
        bench_fail("postgresql: no connection: %s", target->endpoint);
    }
    return link;
}

/* Takes the result; ends the program when it is not of this kind. */
static PGresult *check(PGconn *link, PGresult *result, ExecStatusType wanted, const char *what)
{
    if (PQresultStatus(result) != wanted) {
        bench_fail("postgresql: %s: %s", what, PQerrorMessage(link));
    }
    return result;
}

static void execute(PGconn *link, const char *command)
{
    PQclear(check(link, PQexec(link, command), PGRES_COMMAND_OK, command));
}

static bool is_ready(const bench_target *target)
{
    PGconn *link = try_connect(target);
    PQfinish(link);
    return link != NULL;
}

static void prepare(const bench_target *target)
{
    PGconn *link = connect_to(target);
    execute(link,
            "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type text NOT NULL, "
            "body bytea NOT NULL)");
    execute(link, "CHECKPOINT");
    PQfinish(link);
}

static void *publisher_open(const bench_target *target, bench_publisher *owner)
{
    publisher *self = bench_new(1, sizeof *self);
    self->owner = owner;
    self->batches = strcmp(target->mode, "batch") == 0;
    self->link = connect_to(target);
    PQclear(
        check(self->link,
              PQprepare(self->link, "insert", "INSERT INTO events (type, body) VALUES ($1, $2)", 2, OID_NONE),
              PGRES_COMMAND_OK, "INSERT"));
    if (PQsetnonblocking(self->link, 1) != 0 || PQenterPipelineMode(self->link) == 0) {
        bench_fail("postgresql: no pipeline: %s", PQerrorMessage(self->link));
    }
    return self;
}

static void sync_transaction(publisher *self)
{
    if (self->unsynced > 0 && PQpipelineSync(self->link) == 0) {
        bench_fail("postgresql: sync: %s", PQerrorMessage(self->link));
    }
    self->unsynced = 0;
}

static void publish(void *handle, const bench_event *event)
{
    publisher *self = handle;
    const char *values[] = {event->type, event->bytes.at};
    const int sizes[] = {(int)strlen(event->type), (int)event->bytes.size}, formats[] = {0, 1};
    if (PQsendQueryPrepared(self->link, "insert", 2, values, sizes, formats, 0) == 0) {
        bench_fail("postgresql: INSERT: %s", PQerrorMessage(self->link));
    }
    self->unsynced++;
    if (!self->batches) {
        sync_transaction(self);
    }
}

/* A row is durable when the sync behind it is told: then its transaction has been committed. */
static void take_result(publisher *self, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK: self->inserted++; break;
    case PGRES_PIPELINE_SYNC:
        self->acked += self->inserted;
        self->inserted = 0;
        bench_acked_upto(self->owner, self->acked);
        break;
    default: bench_fail("postgresql: INSERT: %s", PQerrorMessage(self->link));
    }
    PQclear(result);
}

static void publisher_poll(void *handle, int timeout_ms)
{
    publisher *self = handle;
    sync_transaction(self);
    bool more = PQflush(self->link) == 1;
    struct pollfd socket = {.fd = PQsocket(self->link), .events = (short)(more ? POLLIN | POLLOUT : POLLIN)};
    if (poll(&socket, 1, timeout_ms) <= 0) {
        return;
    }
    if (PQconsumeInput(self->link) == 0 || PQflush(self->link) < 0) {
        bench_fail("postgresql: %s", PQerrorMessage(self->link));
    }
    /* One NULL ends the results of a command; two in a row end all. */
    for (int ends = 0; ends < 2 && PQisBusy(self->link) == 0;) {
        PGresult *result = PQgetResult(self->link);
        ends = result == NULL ? ends + 1 : 0;
        if (result != NULL) {
            take_result(self, result);
        }
    }
}

static void publisher_close(void *handle)
{
    publisher *self = handle;
    PQfinish(self->link);
    free(self);
}

static void *subscriber_open(const bench_target *target, bench_subscriber *owner,
                             const bench_interest *interest)
{
    static const char all[] = "SELECT id, body FROM events WHERE id > $1 ORDER BY id LIMIT 1000";
    static const char narrow[] =
        "SELECT id, body FROM events WHERE id > $1 AND type = '" BENCH_NARROW_TYPE "' ORDER BY id LIMIT 1000";
    subscriber *self = bench_new(1, sizeof *self);
    self->owner = owner;
    self->link = connect_to(target);
    PQclear(check(self->link, PQprepare(self->link, "read", interest->narrow ? narrow : all, 1, OID_NONE),
                  PGRES_COMMAND_OK, "SELECT"));
    if (!interest->from_start) {
        PGresult *newest = check(self->link, PQexec(self->link, "SELECT coalesce(max(id), 0) FROM events"),
                                 PGRES_TUPLES_OK, "max(id)");
        self->last = strtoull(PQgetvalue(newest, 0, 0), NULL, 10);
        PQclear(newest);
    }
    return self;
}

/* The events beyond the last; how many. */
static int fetch(subscriber *self)
{
    char last[24];
    const char *values[] = {last};
    snprintf(last, sizeof last, "%llu", (unsigned long long)self->last);
    PGresult *rows = check(self->link, PQexecPrepared(self->link, "read", 1, values, NULL, NULL, 1),
                           PGRES_TUPLES_OK, "SELECT");
    int count = PQntuples(rows);
    for (int i = 0; i < count; i++) {
        bench_received(self->owner, (ch_str){PQgetvalue(rows, i, 1), (size_t)PQgetlength(rows, i, 1)});
        self->last = ch_get_be64((const uint8_t *)PQgetvalue(rows, i, 0));
    }
    PQclear(rows);
    return count;
}

static void subscriber_poll(void *handle, int timeout_ms)
{
    subscriber *self = handle;
    uint64_t until = bench_now() + (uint64_t)timeout_ms * BENCH_MS;
    while (fetch(self) == 0 && bench_now() < until) {
        bench_sleep(PAUSE_NS);
    }
}

static void subscriber_close(void *handle)
{
    subscriber *self = handle;
    PQfinish(self->link);
    free(self);
}

const bench_peer bench_postgresql = {.name = "postgresql",
                                     .is_ready = is_ready,
                                     .prepare = prepare,
                                     .publisher_open = publisher_open,
                                     .publish = publish,
                                     .publisher_poll = publisher_poll,
                                     .publisher_close = publisher_close,
                                     .subscriber_open = subscriber_open,
                                     .subscriber_poll = subscriber_poll,
                                     .subscriber_close = subscriber_close};
