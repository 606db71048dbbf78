#include "hub/cli/page.h"

#include "hub/cli/text_width.h"
#include "hub/cli/times.h"

#include <inttypes.h>
#include <stdarg.h>

#define NAME_COLUMNS 16
#define VALUE_BYTES_MAX ((size_t)1 << 20)

/* A case's text has paragraphs; they stay, aligned. */
void ch_page_text(FILE *out, const char *name, const char *text)
{
    ch_buf line;
    ch_buf_init(&line, VALUE_BYTES_MAX);
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        ch_buf_clear(&line);
        ch_text_append(&line, (ch_str){text, size > 0 && text[size - 1] == '\r' ? size - 1 : size}, 0);
        fprintf(out, "%-*s%.*s\n", NAME_COLUMNS, name, CH_STR_ARG(ch_buf_str(&line)));
        name = "";
        text += size + (text[size] == '\n');
    }
    ch_buf_done(&line);
}

void ch_page_line(FILE *out, const char *name, const char *format, ...)
{
    va_list arguments;
    ch_buf value;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ch_buf_init(&value, VALUE_BYTES_MAX);
    ch_text_append(&value, ch_str_of(text), 0);
    fprintf(out, "%-*s%.*s\n", NAME_COLUMNS, name, CH_STR_ARG(ch_buf_str(&value)));
    ch_buf_done(&value);
}

static void print_bytes(FILE *out, const char *name, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit < CH_COUNT_OF(units) - 1; unit++) {
        value /= 1024;
    }
    ch_page_line(out, name, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void print_plain(FILE *out, const char *name, const json_t *value)
{
    if (json_is_string(value)) {
        ch_page_text(out, name, json_string_value(value));
    } else if (json_is_boolean(value)) {
        ch_page_line(out, name, "%s", json_is_true(value) ? "yes" : "no");
    } else if (json_is_integer(value)) {
        ch_page_line(out, name, "%" PRId64, (int64_t)json_integer_value(value));
    } else if (json_is_real(value)) {
        ch_page_line(out, name, "%g", json_real_value(value));
    } else if (json_is_array(value)) {
        size_t index;
        const json_t *item;
        json_array_foreach(value, index, item)
        {
            print_plain(out, index == 0 ? name : "", item);
        }
    }
}

static void print_field(FILE *out, const json_t *row, const ch_page_field *field)
{
    char text[CH_LOCAL_TIME_SIZE];
    int64_t number = ch_row_int(row, field->field, 0);
    const json_t *value = json_object_get(row, field->field);
    if (value == NULL) {
        return;
    }
    switch (field->kind) {
    case CH_PAGE_PLAIN: print_plain(out, field->name, value); break;
    case CH_PAGE_BYTES: print_bytes(out, field->name, number); break;
    case CH_PAGE_DURATION:
        ch_duration(number, text);
        ch_page_text(out, field->name, text);
        break;
    case CH_PAGE_TIME:
        if (ch_row_time(row, field->field, &number)) {
            ch_local_time(number, text);
            ch_page_text(out, field->name, text);
        }
        break;
    }
}

ch_status ch_page_row(ch_cli *cli, json_t *row, const ch_page_field *fields, size_t count)
{
    if (cli->arguments->json) {
        return ch_row_print_json(cli->world->out, row) == CH_OK ? CH_OK : ch_cli_no_memory(cli);
    }
    for (size_t i = 0; i < count; i++) {
        print_field(cli->world->out, row, &fields[i]);
    }
    return CH_OK;
}
