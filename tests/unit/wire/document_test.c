/* CHP1.md is what other people write clients from: its tables must say what the code does. */
#include "tests/unit/wire/check.h"

#include "hub/wire/chp_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static char *document;
static const char *read_so_far;

static int load(void **state)
{
    (void)state;
    FILE *file = fopen(CASEHUB_SOURCE_DIR "/hub/wire/CHP1.md", "r");
    if (file == NULL) {
        return -1;
    }
    static char text[256 * 1024];
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    document = text;
    return fclose(file);
}

static int rewind_document(void **state)
{
    (void)state;
    read_so_far = document;
    return 0;
}

/* The line stands in the document, behind the one before. */
static void assert_line(const char *line)
{
    const char *at = strstr(read_so_far, line);
    if (at == NULL) {
        fail_msg("CHP1.md lacks, here or at all: %s", line);
        return;
    }
    read_so_far = at + strlen(line);
}

static void put_number(ch_buf *out, int64_t number)
{
    if (number == CH_CHP_NUMBER_MAX) {
        ch_buf_append_text(out, "2^53");
    } else if (number == UINT32_MAX) {
        ch_buf_append_text(out, "2^32-1");
    } else {
        ch_buf_append_format(out, "%" PRId64, number);
    }
}

static void put_bounds(ch_buf *out, const ch_chp_argument *argument, const char *unit)
{
    put_number(out, argument->least);
    ch_buf_append_text(out, "..");
    put_number(out, argument->most);
    ch_buf_append_text(out, unit);
    ch_buf_append_text(out, " | ");
}

static void put_kind(ch_buf *out, const ch_chp_argument *argument)
{
    static const char *const names[] = {[CH_ARG_INT] = "integer",
                                        [CH_ARG_INT32] = "integer",
                                        [CH_ARG_BOOL] = "bool",
                                        [CH_ARG_TEXT] = "text",
                                        [CH_ARG_NAME] = "name",
                                        [CH_ARG_FROM] = "from",
                                        [CH_ARG_TEST_MODE] = "test mode",
                                        [CH_ARG_PATTERNS] = "array of patterns",
                                        [CH_ARG_FIELDS] = "map",
                                        [CH_ARG_MAP] = "map",
                                        [CH_ARG_SEQUENCES] = "array of sequences",
                                        [CH_ARG_ATTEMPTS] = "array of `[sequence, attempt]`",
                                        [CH_ARG_ANSWERS] = "array of answers"};
    ch_buf_append_format(out, "%s | ", names[argument->kind]);
    switch (argument->kind) {
    case CH_ARG_INT:
    case CH_ARG_INT32: put_bounds(out, argument, ""); break;
    case CH_ARG_TEXT:
    case CH_ARG_NAME: put_bounds(out, argument, " bytes"); break;
    case CH_ARG_PATTERNS:
    case CH_ARG_SEQUENCES:
    case CH_ARG_ATTEMPTS:
    case CH_ARG_ANSWERS: put_bounds(out, argument, " items"); break;
    case CH_ARG_BOOL:
    case CH_ARG_FROM:
    case CH_ARG_TEST_MODE:
    case CH_ARG_FIELDS:
    case CH_ARG_MAP: ch_buf_append_text(out, "| "); break;
    }
}

static void put_absence(ch_buf *out, const ch_chp_argument *argument)
{
    if (argument->required) {
        ch_buf_append_text(out, "required |\n");
        return;
    }
    switch (argument->kind) {
    case CH_ARG_INT: ch_buf_append_format(out, "%" PRId64, argument->otherwise); break;
    case CH_ARG_INT32: ch_buf_append_text(out, "0"); break;
    case CH_ARG_BOOL: ch_buf_append_text(out, "false"); break;
    case CH_ARG_FROM: ch_buf_append_text(out, "new"); break;
    case CH_ARG_TEST_MODE: ch_buf_append_text(out, "exclude"); break;
    case CH_ARG_PATTERNS: ch_buf_append_text(out, "all events"); break;
    case CH_ARG_TEXT:
    case CH_ARG_NAME:
    case CH_ARG_FIELDS:
    case CH_ARG_MAP:
    case CH_ARG_SEQUENCES:
    case CH_ARG_ATTEMPTS:
    case CH_ARG_ANSWERS: ch_buf_append_text(out, "none"); break;
    }
    ch_buf_append_text(out, " |\n");
}

static void assert_row(const char *of, const char *place, const char *prefix, const ch_chp_argument *argument)
{
    ch_buf line;
    ch_buf_init(&line, 1024);
    ch_buf_append_format(&line, "| `%s` | %s | `%s%s` | ", of, place, prefix, argument->name);
    put_kind(&line, argument);
    put_absence(&line, argument);
    ch_buf_append(&line, "", 1);
    assert_status(line.failed, CH_OK);
    assert_line((const char *)line.at);
    ch_buf_done(&line);
}

static void assert_rows(const char *of, size_t first, const ch_chp_argument *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char place[24], prefix[CH_CODE_MAX];
        snprintf(place, sizeof place, "%zu", first + i);
        assert_row(of, place, "", &arguments[i]);
        snprintf(prefix, sizeof prefix, "%s.", arguments[i].name);
        for (size_t k = 0; k < arguments[i].field_count; k++) {
            assert_row(of, "", prefix, &arguments[i].fields[k]);
        }
    }
}

static void names_every_verb_its_sender_and_its_frames(void **state)
{
    (void)state;
    for (unsigned verb = 1; ch_chp_form_of(verb) != NULL; verb++) {
        char line[160];
        char sender = ch_chp_verb_sender(verb);
        snprintf(line, sizeof line, "| %u | `%s` | %s | %s | %s | ", verb, ch_chp_verb_name(verb),
                 sender == 'c'   ? "client"
                 : sender == 'h' ? "hub"
                                 : "both",
                 ch_chp_form_of(verb)->numbered ? "1..2^53" : "0..2^53",
                 ch_chp_verb_bodies(verb) == 1 ? "header, body" : "header");
        assert_line(line);
    }
}

static void lists_every_argument_in_order_with_its_bounds(void **state)
{
    (void)state;
    for (unsigned verb = 1; ch_chp_form_of(verb) != NULL; verb++) {
        assert_rows(ch_chp_verb_name(verb), 3, ch_chp_form_of(verb)->arguments, ch_chp_form_of(verb)->count);
    }
    assert_rows("accepted", 1, ch_chp_accepted, ch_chp_accepted_count);
    assert_rows("refused", 1, ch_chp_refused, ch_chp_refused_count);
}

static void explains_every_code(void **state)
{
    (void)state;
    for (ch_status status = CH_OK + 1; status < CH_STATUS_COUNT; status++) {
        char line[240];
        if (status == CH_END) {
            continue;
        }
        snprintf(line, sizeof line, "| `%s` | %s | %s |", ch_status_name(status),
                 ch_status_is_temporary(status) ? "yes" : "no", ch_status_text(status));
        assert_line(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names_every_verb_its_sender_and_its_frames, rewind_document),
        cmocka_unit_test_setup(lists_every_argument_in_order_with_its_bounds, rewind_document),
        cmocka_unit_test_setup(explains_every_code, rewind_document),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
