#include "connectors/transports/http_places.h"

#include <stdlib.h>
#include <sys/socket.h>

#define LOOK_EVERY_MS 1000 /* for clients that are gone */

ch_status ch_http_places_init(ch_http_places *places, size_t count, int64_t patience_ms)
{
    *places =
        (ch_http_places){.at = calloc(count, sizeof *places->at), .count = count, .patience_ms = patience_ms};
    if (places->at == NULL) {
        return CH_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        places->at[i].fd = -1;
    }
    return CH_OK;
}

void ch_http_places_done(ch_http_places *places)
{
    free(places->at);
    *places = (ch_http_places){.at = NULL};
}

ch_http_place *ch_http_places_enter(ch_http_places *places, int fd, int64_t now_ms)
{
    for (size_t i = 0; i < places->count; i++) {
        ch_http_place *place = &places->at[i];
        if (place->fd == -1) {
            place->fd = fd;
            ch_http_place_turn(places, place, CH_HTTP_ASKING, now_ms);
            return place;
        }
    }
    return NULL;
}

void ch_http_place_leave(ch_http_place *place)
{
    place->fd = -1;
}

void ch_http_place_turn(const ch_http_places *places, ch_http_place *place, ch_http_turn turn, int64_t now_ms)
{
    place->turn = turn;
    place->until_ms = turn == CH_HTTP_WAITING ? INT64_MAX : now_ms + places->patience_ms;
}

static bool is_gone(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void ch_http_places_cut_off(ch_http_places *places, int64_t now_ms)
{
    bool look = now_ms >= places->look_at_ms;
    for (size_t i = 0; i < places->count; i++) {
        ch_http_place *place = &places->at[i];
        /* Who has sent the whole request may well have closed that way, and still wants the answer. */
        bool gone = look && place->fd != -1 && place->turn == CH_HTTP_ASKING && is_gone(place->fd);
        if (place->fd != -1 && (gone || now_ms >= place->until_ms)) {
            shutdown(place->fd, SHUT_RDWR);
            place->until_ms = INT64_MAX;
        }
    }
    places->look_at_ms = look ? now_ms + LOOK_EVERY_MS : places->look_at_ms;
}

int64_t ch_http_places_wait_ms(const ch_http_places *places, int64_t now_ms)
{
    int64_t at_ms = INT64_MAX;
    for (size_t i = 0; i < places->count; i++) {
        const ch_http_place *place = &places->at[i];
        if (place->fd != -1 && place->turn == CH_HTTP_ASKING && places->look_at_ms < at_ms) {
            at_ms = places->look_at_ms;
        }
        if (place->fd != -1 && place->until_ms < at_ms) {
            at_ms = place->until_ms;
        }
    }
    return at_ms == INT64_MAX ? INT64_MAX : at_ms > now_ms ? at_ms - now_ms : 0;
}
