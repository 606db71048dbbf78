/* play_hub_inside.h - what the files of play_hub share. */
#ifndef CH_REPLAY_PLAY_HUB_INSIDE_H
#define CH_REPLAY_PLAY_HUB_INSIDE_H

#include "hub/client/casehub.h"
#include "replay/case_map.h"
#include "replay/play.h"
#include "replay/play_point.h"

#define CH_PLAY_WINDOW 512 /* events under way, over both lines */
#define CH_PLAY_PATIENCE_MS 60000

/* One connection. Reports go over one of their own, if there is one: the role of its grant makes them reports. */
typedef struct ch_play_line {
    ch_play_hub *owner;
    casehub *hub; /* NULL: none */
    int fd;
    bool connected;
} ch_play_line;

typedef struct ch_play_entry {
    uint64_t sequence, case_number;
    uint8_t mark[CH_HASH_SIZE];
    const ch_play_line *line;
    bool answered;
} ch_play_entry;

struct ch_play_hub {
    const ch_replay *replay;
    const ch_place *place;
    ch_tape *tape;
    ch_play_line commands, reports;
    ch_case_map map;
    ch_play_point point;   /* of what is answered */
    ch_play_point resumed; /* as it was at the beginning */
    bool checked;          /* the log is that of `resumed` */
    bool learning;         /* of the last answer something more is to be found out, before it counts */
    uint64_t saved, saved_head;
    int64_t saved_ms;
    ch_play_entry entries[CH_PLAY_WINDOW]; /* by token */
    uint64_t head, tail;                   /* tokens: the oldest unanswered; of the next event */
    uint64_t answer_sequence;              /* of the last answer that was an acceptance, else 0 */
    int64_t progress_ms;                   /* when an answer came last */
    int64_t turned_ms;                     /* when the hub was listened to last */
    ch_play_counts counts;
    bool told_reports;
    ch_error failure; /* in a callback */
    char mark[CH_CODE_MAX + 32];
    ch_buf encoded, room;
};

/* play_lines.c: connecting, and what comes back. CH_BUSY, CH_DENIED ... */
ch_status ch_play_lines_open(ch_play_hub *hub, ch_error *error) CH_MUST_CHECK;
void ch_play_lines_close(ch_play_hub *hub);
/* On standard error, as long as there are not too many; counted. */
void ch_play_tell_refusal(ch_play_hub *hub, uint64_t sequence, ch_status status, const char *where,
                          const char *text);
/* What the library says of itself after a call that failed. */
ch_status ch_play_line_fail(const ch_play_line *line, ch_error *error) CH_MUST_CHECK;

#endif
