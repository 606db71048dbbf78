#include "tests/unit/connectors/format_bench.h"

#include "connectors/host/charset.h"

#include <stdlib.h>

static bool take_record(const casehub_sink *sink, const casehub_parsed *parsed)
{
    bench *b = sink->context;
    if (parsed->json != NULL) {
        stage_print(&b->on, "%llu@%llu %.*s\n", (unsigned long long)parsed->line,
                    (unsigned long long)parsed->offset, (int)parsed->json_size, parsed->json);
    } else {
        stage_print(&b->on, "%llu@%llu !%s %s%s%s\n", (unsigned long long)parsed->line,
                    (unsigned long long)parsed->offset, parsed->code,
                    parsed->field == NULL ? "" : parsed->field, parsed->field == NULL ? "" : ": ",
                    parsed->reason);
    }
    if (b->with_raw) {
        stage_print(&b->on, "[%.*s]\n", (int)parsed->raw_size, parsed->raw);
    }
    return true;
}

static void reject(const casehub_sink *sink, const char *reason)
{
    stage_print(&((bench *)sink->context)->on, "rejected: %s\n", reason);
}

static bool take_line(void *context, const casehub_line *line)
{
    bench *b = context;
    b->result = b->format->line(b->state, line, &b->sink);
    return b->result == CASEHUB_FORMAT_OK;
}

/* Leaves what came out in on.text. */
static void read_in_pieces(bench *b, const char *bytes, size_t size, size_t piece)
{
    ch_charset *charset = NULL;
    ch_lines *lines = NULL;
    ch_error error = {.status = CH_OK};
    b->on.text[0] = '\0';
    b->state = calloc(1, b->format->state_size);
    assert_status(ch_charset_open(&charset, b->charset, &error), CH_OK);
    assert_status(ch_lines_new(&lines, charset, b->record_most), CH_OK);
    assert_int_equal(b->format->open(b->state, b->values, b->record_most, 100), 0);
    ch_status status = CH_OK;
    for (size_t at = 0; at < size && status == CH_OK; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        status = ch_lines_feed(lines, bytes + at, part, take_line, b, &error);
    }
    if (status == CH_OK) {
        status = ch_lines_end(lines, take_line, b, &error);
    }
    if (status == CH_OK) {
        b->format->end(b->state, &b->sink);
    } else if (status != CH_END) {
        stage_print(&b->on, "refused: %s\n", error.text);
    }
    b->format->close(b->state);
    free(b->state);
    ch_lines_free(lines);
    ch_charset_close(charset);
}

void bench_expect_bytes(bench *b, const char *bytes, size_t size, const char *wanted)
{
    static const size_t pieces[] = {1, 2, 3, 64, 100000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        read_in_pieces(b, bytes, size, pieces[i]);
        assert_string_equal(b->on.text, wanted);
    }
}

void bench_expect(bench *b, const char *bytes, const char *wanted)
{
    bench_expect_bytes(b, bytes, strlen(bytes), wanted);
}

void bench_open(bench *b)
{
    b->sink = (casehub_sink){CASEHUB_SIZED(casehub_sink), b, take_record, reject};
}
