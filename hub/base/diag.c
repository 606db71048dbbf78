#include "hub/base/diag.h"

#include "hub/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    const char *program;
    ch_diag_level least;
} setup = {"casehub", CH_DIAG_INFO};

void ch_diag_setup(const char *program, ch_diag_level least)
{
    setup.program = program;
    setup.least = least;
}

void ch_diag_escape(ch_buf *out, ch_str s)
{
    while (s.size > 0) {
        unsigned char c = (unsigned char)s.at[0];
        size_t size = ch_str_utf8_size(s);
        if (size == 0) {
            ch_buf_append_text(out, "\xef\xbf\xbd");
            size = 1;
        } else if (c == '"' || c == '\\') {
            char pair[2] = {'\\', (char)c};
            ch_buf_append(out, pair, 2);
        } else if (c < 0x20) {
            ch_buf_append_format(out, "\\u%04x", c);
        } else {
            ch_buf_append(out, s.at, size);
        }
        s = (ch_str){s.at + size, s.size - size};
    }
}

void ch_diag(ch_diag_level level, const char *component, const char *format, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < setup.least) {
        return;
    }
    char text[1024] = "", time[CH_TIME_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ch_time_format(ch_clock_wall_ms(ch_clock_real()), 0, time);
    ch_buf line;
    ch_buf_init(&line, 8192);
    ch_buf_append_format(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",", time, names[level],
                         setup.program);
    ch_buf_append_format(&line, "\"component\":\"%s\",\"text\":\"", component);
    ch_diag_escape(&line, ch_str_of(text));
    ch_buf_append_text(&line, "\"}\n");
    /* One write keeps lines of several threads whole; there is nobody to tell if it fails. */
    ssize_t written = write(STDERR_FILENO, line.at, line.size);
    (void)written;
    ch_buf_done(&line);
}

void ch_diag_failure(const char *component, const ch_error *error, const char *what)
{
    ch_diag(CH_DIAG_ERROR, component, "%s: %s%s%s: %s", what, ch_status_name(error->status),
            error->where[0] == '\0' ? "" : " at ", error->where, error->text);
}
