/* http_places.h - the connections of a server, and how long each client may take for what is its turn.
 *
 * libmicrohttpd times silence only: a client that sends a byte now and then would hold its place for ever. And its epoll
 * misses an end that comes together with the last bytes. Both are cut off from here. One thread; the caller tells the
 * time, in milliseconds of a monotonic clock.
 */
#ifndef CH_CONNECTORS_HTTP_PLACES_H
#define CH_CONNECTORS_HTTP_PLACES_H

#include "hub/base/status.h"

typedef enum ch_http_turn {
    CH_HTTP_ASKING,  /* the client sends its request, or has none at the moment */
    CH_HTTP_WAITING, /* the server works */
    CH_HTTP_READING  /* the client takes its answer */
} ch_http_turn;

typedef struct ch_http_place {
    int fd; /* -1: free */
    ch_http_turn turn;
    int64_t until_ms; /* INT64_MAX: for ever */
} ch_http_place;

typedef struct ch_http_places {
    ch_http_place *at;
    size_t count;
    int64_t patience_ms, look_at_ms;
} ch_http_places;

/* CH_NO_MEMORY. */
ch_status ch_http_places_init(ch_http_places *places, size_t count, int64_t patience_ms) CH_MUST_CHECK;
void ch_http_places_done(ch_http_places *places);
/* NULL: none is free. Its address stays until leave. */
ch_http_place *ch_http_places_enter(ch_http_places *places, int fd, int64_t now_ms);
void ch_http_place_leave(ch_http_place *place);
void ch_http_place_turn(const ch_http_places *places, ch_http_place *place, ch_http_turn turn,
                        int64_t now_ms);
/* Shuts the sockets of those down whose time is up, or who are gone. */
void ch_http_places_cut_off(ch_http_places *places, int64_t now_ms);
/* Until there may be somebody to cut off; INT64_MAX: nobody is there. */
int64_t ch_http_places_wait_ms(const ch_http_places *places, int64_t now_ms);

#endif
