/* casehub_connector.h - what a connector plugin gives to the host, and what the host lends to it.
 *
 * A plugin adds transports (how records come in) and formats (how they are cut and read), senders (how messages go
 * out) and writers (what they look like). It is a shared object with one exported symbol, whose name carries the
 * major version of this header:
 *
 *     CASEHUB_CONNECTOR_EXPORT const casehub_plugin casehub_connector_v1 = {CASEHUB_SIZED(casehub_plugin), ...};
 *
 * The transports and formats that come with casehub are the same tables, compiled in. A plugin is never unloaded.
 * Structs begin with their size and only grow at their end: a host reads no further than the plugin's size, a plugin
 * no further than the host's. Everything happens on one thread; no call may block longer than it says.
 * Strings are UTF-8 and end with a zero unless a size stands beside them. Pointers handed to a call live until
 * it returns. No call may be made to exit, abort or change the process's signals, locale or time zone.
 */
#ifndef CASEHUB_CONNECTOR_H
#define CASEHUB_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CASEHUB_CONNECTOR_EXPORT __attribute__((visibility("default")))
#define CASEHUB_CONNECTOR_SYMBOL "casehub_connector_v1"
#define CASEHUB_SIZED(type) .size = sizeof(type)

/* ---- Options: one table parses, checks and documents them; what is unknown or out of range never gets here. */

typedef enum casehub_option_kind {
    CASEHUB_OPTION_TEXT, /* text */
    CASEHUB_OPTION_PATH, /* text; relative to the configuration file's folder */
    CASEHUB_OPTION_INT,  /* number */
    CASEHUB_OPTION_SIZE, /* number, bytes; written "64KiB" */
    CASEHUB_OPTION_TIME, /* number, milliseconds; written "20ms", "5s", "7d" */
    CASEHUB_OPTION_BOOL, /* flag */
    CASEHUB_OPTION_TEXTS /* texts */
} casehub_option_kind;

typedef struct casehub_option {
    const char *name; /* stands in the configuration as <group>.<name>, of a sender outward.<group>.<name> */
    casehub_option_kind kind;
    const char *fallback; /* as it would be written; NULL: the option is required */
    int64_t least, most;  /* of a number; of a text its bytes. 0, 0: no bound */
    const char *help;     /* one sentence */
} casehub_option;         /* fixed for this major version: it stands in arrays */

/* One a row of the option table, in its order. Lives as long as the plugin's state. */
typedef struct casehub_value {
    const char *text;
    int64_t number;
    bool flag;
    const char *const *texts;
    size_t text_count;
} casehub_value; /* fixed, too */

/* ---- What comes in */

typedef enum casehub_verdict {
    CASEHUB_DONE,  /* every record is in the hub, as events or as a dead letter */
    CASEHUB_RETRY, /* not now: the hub is away or this process is stopping; offer the unit again, unchanged */
    CASEHUB_REJECT /* the unit as a whole cannot be read, and nothing of it was taken; reason tells why */
} casehub_verdict;

/* One file, message or answer of a poll: bytes that hold any number of records. */
typedef struct casehub_unit {
    size_t size;
    const char *name;     /* in places that people read, "diary-20261123.csv"; 1..150 bytes */
    const char *identity; /* tells it from a later unit of that name, "<inode>:<size>:<mtime>"; 1..100 bytes.
                             * After a crash a unit with name and identity of the checkpoint goes on where it was. */
    int64_t time_ms;      /* when its system wrote it; 0: unknown, now is taken. The same at every retry. */
    /* The transport's own position once the unit is done, at most 3 KiB as a JSON string; NULL: as it was. */
    const char *position;
    /* Somebody waits for the outcome: no checkpoint moves, and a record that fails makes no dead letter but comes back
     * as CASEHUB_REJECT. Of what the host refused nothing is published; where the hub refused one event of several, the
     * others may be. */
    bool answered;
    /* Puts at most `most` bytes into out. 0: the end; -1: it cannot be read (the unit is retried). */
    long (*read)(void *context, void *out, size_t most);
    void *context;
    /* The same bytes at once, raw_size of them, where they would be gone: a unit that cannot be read as a whole then becomes
     * a dead letter with them and counts as done. NULL: it is rejected. An answered unit always is. */
    const char *raw;
    size_t raw_size;
} casehub_unit;

typedef struct casehub_outcome {
    size_t size; /* set by the caller */
    uint64_t records, events, dead_letters;
    /* Why: of REJECT and RETRY, and of the first dead letter. code is a status name such as "invalid", "denied",
     * "busy", "storage-full", "timeout", "unavailable"; "" when all went well. */
    char code[32], reason[320], place[200];
    /* Of the first event of an answered unit, which is durable by then; of a record that is none (events 0) nothing. */
    char case_id[64];
    uint64_t sequence;
    uint32_t case_version;
    bool duplicate; /* it was there before */
} casehub_outcome;

/* ---- What goes out */

/* One message that the outward mapping made of an event. Lives until it is settled. */
typedef struct casehub_message {
    size_t size;
    /* The same at every attempt, "<hub>/<sequence>/<n>", 1..100 bytes: what a receiver knows a repeat by. */
    const char *id;
    const char *body; /* as the writer made it */
    size_t body_size;
    const char *media_type; /* the writer's, "application/json" */
    /* What the mapping says besides, each NULL when it does not: which of the sender's targets ("water"), and a name for
     * it ("order-17.xml"). Both may come from a case: a sender looks a target up and never takes it for an address. */
    const char *target, *name;
    /* The mapping's "parameters", a JSON object: header fields, columns; NULL when there are none. */
    const char *parameters;
    unsigned attempt; /* from 1 */
} casehub_message;

typedef enum casehub_sent {
    CASEHUB_SENT,  /* the receiver has taken it durably */
    CASEHUB_LATER, /* not now: it comes again after a growing pause, and what follows of its case waits */
    CASEHUB_UNDELIVERABLE /* never in this form: it becomes a dead letter with the reason */
} casehub_sent;

/* ---- Services, lent for as long as the state lives */

typedef enum casehub_level { CASEHUB_DEBUG, CASEHUB_INFO, CASEHUB_WARN, CASEHUB_ERROR } casehub_level;

typedef struct casehub_host casehub_host;
struct casehub_host {
    size_t size;
    void *context;         /* the host's own */
    const char *connector; /* name of this connector */
    const char *source;    /* source of its events, "grid/zhoushan" */
    const char *system;    /* the first part of it, "grid" */

    /* One line in the diagnostic log. Never a case text, a name, a phone number, a raw byte. */
    void (*log)(const casehub_host *host, casehub_level level, const char *text);
    int64_t (*wall_ms)(const casehub_host *host);
    int64_t (*monotonic_ms)(const casehub_host *host);
    /* True once the process should end: return from what you do. */
    bool (*stopping)(const casehub_host *host);
    /* A descriptor that is readable from then on, for a poll of your own. */
    int (*stop_fd)(const casehub_host *host);

    /* Where the legacy system connects: a folder, a URL. Call it from open, and when it changes. */
    void (*set_address)(const casehub_host *host, const char *address);
    /* In words, why open or step failed. Cut at 320 bytes. */
    void (*fail)(const casehub_host *host, const char *reason);

    /* For a transport, as is take: its own position of the last unit that is done; "" at first. */
    const char *(*position)(const casehub_host *host);
    /* Reads the unit to its end, and returns when all of it is durable in the hub (or when it cannot be). Waits while
     * the hub is away, unless the unit is answered: then at most `answer_timeout`, and RETRY. *outcome is filled in
     * each case. */
    casehub_verdict (*take)(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome);

    /* Asks the hub (names and rows: QUERIES.md). arguments: a JSON object or NULL. 0: *out_json is a JSON array,
     * *out_next what to give as "after", or NULL at the end (out_next NULL is fine); give both back with release.
     * -1: code and text of outcome tell why. Waits at most timeout_ms. */
    int (*query)(const casehub_host *host, const char *name, const char *arguments, int timeout_ms,
                 char **out_json, char **out_next, casehub_outcome *outcome);
    void (*release)(const casehub_host *host, char *text); /* NULL is fine */
    /* True while the hub is connected and has welcomed this connector. */
    bool (*connected)(const casehub_host *host);

    /* For a sender: how the message that send was given ended; it is gone then. Also from inside send. reason: in words,
     * without a case text or personal data; NULL or "" when sent. wait_ms: of LATER, what the receiver asked for
     * (Retry-After); -1: the usual pause. answer: what the receiver said, answer_size bytes, 64 KiB at most, NULL: nothing;
     * where the configuration says so it is read as records of the connector. */
    void (*settle)(const casehub_host *host, casehub_sent sent, const char *reason, int64_t wait_ms,
                   const char *answer, size_t answer_size);
};

/* ---- Transports */

/* What step answers besides a time. */
#define CASEHUB_STEP_WAIT (-1)   /* nothing to do until the descriptor is readable */
#define CASEHUB_STEP_FAILED (-2) /* it cannot go on; fail() has told why. The process ends as "failed". */

typedef struct casehub_transport {
    size_t size;
    const char *name; /* [a-z0-9_]; also the configuration's group */
    const char *help; /* one sentence */
    const casehub_option *options;
    size_t option_count;
    const char *format; /* the format if the configuration names none; NULL: it must */
    size_t state_size;  /* zeroed memory that the host gives to open */
    /* 0, or -1 after fail(); then close is called too. host and values live as long as state. */
    int (*open)(void *state, const casehub_host *host, const casehub_value *values);
    void (*close)(void *state);
    /* Readable (level-triggered) when step has something to do; -1: none, only the time counts. */
    int (*fd)(void *state);
    /* Does what there is to do, in slices of some 100 ms where take does not wait. Milliseconds until it wants to
     * be called again at the latest (>= 0), or one of the two above. Not called while the connector is paused. */
    int (*step)(void *state);
    /* NULL: nothing is served while the connector is paused. Else it is called then instead of step, and takes nothing: so
     * that a server can say "not now". */
    int (*step_paused)(void *state);
} casehub_transport;

/* ---- Formats: lines of UTF-8 in, records (JSON objects) out */

/* The host cuts the bytes into lines, converts each from the character set, and takes a byte order mark away. */
typedef struct casehub_line {
    size_t size;
    const char *text; /* UTF-8 with its line end; NULL when the line is broken */
    size_t text_size;
    const char *raw; /* the same in the bytes of the source, perhaps cut when broken */
    size_t raw_size;
    uint64_t number;  /* from 1 */
    uint64_t offset;  /* of its first byte in the unit */
    const char *code; /* NULL, or why the line is broken: "invalid" (character set), "too-large" */
    const char *reason;
    const char *charset; /* that the raw is in, as iconv calls it; NULL: not known */
} casehub_line;

typedef struct casehub_parsed {
    size_t size;
    const char *json; /* one JSON object; numbers beyond 2^53 as strings. NULL when it failed */
    size_t json_size;
    const char *raw; /* a unit of its own that holds just this record (with a heading row in front, if the
                             * format has one): what a dead letter keeps, and a retry reads again */
    size_t raw_size;
    uint64_t line, offset; /* where the record begins; of a document its number in it from 1, and 0 */
    const char *code, *reason, *field; /* of a failure; field may be NULL */
} casehub_parsed;

typedef struct casehub_sink casehub_sink;
struct casehub_sink {
    size_t size;
    void *context;
    /* One record, or one failure. False: return CASEHUB_FORMAT_STOP from what you do. */
    bool (*record)(const casehub_sink *sink, const casehub_parsed *parsed);
    /* In words, why the unit as a whole cannot be read; then return CASEHUB_FORMAT_REJECT. */
    void (*reject)(const casehub_sink *sink, const char *reason);
};

#define CASEHUB_FORMAT_OK 0
#define CASEHUB_FORMAT_STOP (-1)
#define CASEHUB_FORMAT_REJECT (-2)

typedef struct casehub_format {
    size_t size;
    const char *name;
    const char *help;
    const casehub_option *options;
    size_t option_count;
    size_t state_size; /* zeroed */
    /* Once a unit. record_most: bytes of one record at most, field_most: of one value. 0, or -1: no memory. */
    int (*open)(void *state, const casehub_value *values, size_t record_most, size_t field_most);
    void (*close)(void *state);
    /* A line; broken ones too: the record that they belong to has failed. */
    int (*line)(void *state, const casehub_line *line, const casehub_sink *sink);
    /* The unit is at its end: what is open is a record or a failure. */
    int (*end)(void *state, const casehub_sink *sink);
} casehub_format;

/* ---- Senders: messages to a system that does not speak CHP/1 */

typedef struct casehub_sender {
    size_t size;
    const char *name; /* [a-z0-9_]; also the configuration's group, in the group `outward` */
    const char *help; /* one sentence */
    const casehub_option *options;
    size_t option_count;
    const char *writer; /* the writer if the configuration names none; NULL: it must */
    size_t state_size;  /* zeroed memory that the host gives to open */
    /* As those of a transport. A receiver that is away is no failure of open. */
    int (*open)(void *state, const casehub_host *host, const casehub_value *values);
    void (*close)(void *state);
    int (*fd)(void *state);
    int (*step)(void *state);
    /* Begins to hand the message over; one at a time. It ends in settle, now or in a later step, within a time that the
     * sender's own options bound. close while one is under way drops it: it comes again. */
    void (*send)(void *state, const casehub_message *message);
} casehub_sender;

/* ---- Writers: what the outward mapping made, as bytes */

typedef struct casehub_output casehub_output;
struct casehub_output {
    size_t size;
    void *context;
    /* False: there is no room or no memory; return -1. */
    bool (*append)(const casehub_output *output, const void *bytes, size_t size);
    /* In words, why this cannot be written, and of which field (NULL: of none); then return -1. */
    void (*fail)(const casehub_output *output, const char *field, const char *reason);
};

typedef struct casehub_writer {
    size_t size;
    const char *name; /* as the format of the same bytes is called: "json", "xml" */
    const char *help;
    const char *media_type; /* "application/xml" */
    /* json: the message's body as the mapping gave it, any JSON value. 0, or -1. */
    int (*write)(const char *json, size_t json_size, const casehub_output *output);
} casehub_writer;

typedef struct casehub_plugin {
    size_t size;
    const char *name, *version;
    const casehub_transport *const *transports;
    size_t transport_count;
    const casehub_format *const *formats;
    size_t format_count;
    const casehub_sender *const *senders;
    size_t sender_count;
    const casehub_writer *const *writers;
    size_t writer_count;
} casehub_plugin;

#ifdef __cplusplus
}
#endif
#endif
