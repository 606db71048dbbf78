/* http_targets.h - the receivers that a configuration names, and the keys to sign with for each. */
#ifndef CH_CONNECTORS_HTTP_TARGETS_H
#define CH_CONNECTORS_HTTP_TARGETS_H

#include "connectors/transports/http_secrets.h"

#define CH_HTTP_TARGETS_MOST 1000

typedef struct ch_http_target {
    char *name, *url;        /* name "": what names no target goes there */
    ch_http_secrets secrets; /* file NULL: nothing is signed */
} ch_http_target;

typedef struct ch_http_targets {
    ch_http_target *at;
    size_t count;
} ch_http_targets;

/* secret_file "": none. place: for the error. CH_INVALID, CH_NO_MEMORY, and what ch_http_secrets_open answers. */
ch_status ch_http_targets_add(ch_http_targets *targets, const char *name, const char *url,
                              const char *secret_file, const char *place, ch_error *error) CH_MUST_CHECK;
/* A CSV table target,url,secret_file; the files relative to its folder. */
ch_status ch_http_targets_read(ch_http_targets *targets, const char *file, ch_error *error) CH_MUST_CHECK;
void ch_http_targets_done(ch_http_targets *targets);
/* NULL, or a name; NULL: there is none. */
ch_http_target *ch_http_target_find(ch_http_targets *targets, const char *name);

#endif
