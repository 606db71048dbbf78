/* http_targets.h - the receivers that a configuration names, and for each the keys to sign with and the header fields that
 * let it in. */
#ifndef CH_CONNECTORS_HTTP_TARGETS_H
#define CH_CONNECTORS_HTTP_TARGETS_H

#include "connectors/transports/http_fields.h"
#include "connectors/transports/http_secrets.h"

typedef struct ch_http_target {
    char *name, *url;        /* name "": what names no target goes there */
    ch_http_secrets secrets; /* file NULL: nothing is signed */
    ch_http_fields fields;   /* count 0: none */
} ch_http_target;

/* What a target is made of. place: where it stands, for the error; files "": none. */
typedef struct ch_http_target_entry {
    const char *place, *name, *url, *secret_file, *header_file;
} ch_http_target_entry;

typedef struct ch_http_targets {
    ch_http_target *at;
    size_t count;
} ch_http_targets;

/* CH_INVALID, CH_NO_MEMORY, and what ch_http_secrets_open and ch_http_fields_read answer. */
ch_status ch_http_targets_add(ch_http_targets *targets, const ch_http_target_entry *entry,
                              ch_error *error) CH_MUST_CHECK;
/* A CSV table target,url,secret_file and, if it likes, header_file; the files relative to its folder. */
ch_status ch_http_targets_read(ch_http_targets *targets, const char *file, ch_error *error) CH_MUST_CHECK;
void ch_http_targets_done(ch_http_targets *targets);
/* NULL, or a name; NULL: there is none. */
ch_http_target *ch_http_target_find(ch_http_targets *targets, const char *name);

#endif
