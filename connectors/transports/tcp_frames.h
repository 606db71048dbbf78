/* tcp_frames.h - where one message ends and the next begins in a stream of bytes. Pure: no socket.
 *
 * | framing     | a message is |
 * | ---         | --- |
 * | line        | what stands before a LF, or a CR LF; empty lines are skipped |
 * | length32    | behind 4 bytes, big-endian, that say how many bytes it has |
 * | octet_count | behind its number of bytes in digits and a space (RFC 6587) |
 * | end         | up to a text that ends it, "</alert>", and with it; white space in front is skipped |
 *
 * Answers have the same framing as what they answer, but are lines where that is `end`.
 */
#ifndef CH_CONNECTORS_TCP_FRAMES_H
#define CH_CONNECTORS_TCP_FRAMES_H

#include "hub/base/bytes.h"

#define CH_FRAMING_HELP                                                                                      \
    "line, length32 (4 bytes, big-endian), octet_count (RFC 6587), or end (up to a text that ends it)"

typedef enum ch_framing {
    CH_FRAMING_LINE,
    CH_FRAMING_LENGTH32,
    CH_FRAMING_OCTET_COUNT,
    CH_FRAMING_END
} ch_framing;

/* end is wanted with "end", and only then. CH_INVALID. */
ch_status ch_framing_read(ch_framing *out_framing, const char *name, const char *end,
                          ch_error *error) CH_MUST_CHECK;
ch_framing ch_framing_of_answer(ch_framing framing);
/* Appends a frame. CH_INVALID: in this framing the text would be another number of frames, or none. CH_TOO_LARGE,
 * CH_NO_MEMORY. */
ch_status ch_frame_append(ch_buf *out, ch_framing framing, ch_str end, ch_str text) CH_MUST_CHECK;

/* Of one connection. */
typedef struct ch_frames {
    ch_framing framing;
    ch_str end;  /* must outlive it */
    size_t most; /* bytes of a frame's text */
    ch_buf bytes;
    size_t begin;   /* of what was not handed on yet */
    size_t scanned; /* from begin: no end before it */
} ch_frames;

void ch_frames_init(ch_frames *frames, ch_framing framing, ch_str end, size_t most);
void ch_frames_done(ch_frames *frames);
/* Room for at least one byte more, at most `most`; NULL: no memory. ch_frames_added says how much of it is used. */
void *ch_frames_room(ch_frames *frames, size_t *out_size);
void ch_frames_added(ch_frames *frames, size_t size);
/* CH_OK: *out_text is the next frame's text, valid until the next call of these functions. CH_END: there is no whole one.
 * CH_TOO_LARGE, CH_INVALID (no such framing): nothing more can be read from this stream. */
ch_status ch_frames_next(ch_frames *frames, ch_str *out_text) CH_MUST_CHECK;
/* True: a part of a frame is there. */
bool ch_frames_begun(const ch_frames *frames);

#endif
