/* `case erase` and `case hold`: what is done to a case as a record. */
#include "hub/cli/desk.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"
#include "hub/cli/rows.h"
#include "hub/model/base64.h"
#include "hub/model/case.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define RAW_MAX ((size_t)1 << 20)
#define REF_LEAST 6 /* a shorter one stands in records of other cases by chance */
#define SETTLE_MS 10000
#define TURN_MS 50

static const char beyond_reach[] =
    "What is not reached: copies that others made of the disk (snapshots, images, copies of the keys that "
    "are not listed "
    "here), cells that a disk has put aside, and what a person has read or written down.";

/* ---- the cases that go along */

static ch_status append_merged(ch_cli *cli, json_t *rows, const json_t *row)
{
    size_t index;
    const json_t *link;
    ch_status status = CH_OK;
    json_array_foreach(json_object_get(row, "links"), index, link)
    {
        json_t *merged = NULL;
        const char *id = ch_row_text(link, "case");
        if (status != CH_OK || strcmp(ch_row_text(link, "relation"), "merged") != 0) {
            continue;
        }
        status = ch_cli_query_one(cli, "case", json_pack("{s:s}", "case", id), id, &merged);
        if (status == CH_OK && json_array_append_new(rows, merged) != 0) {
            status = ch_cli_no_memory(cli);
        }
    }
    return status;
}

/* Of the first row's case: merges make a tree. */
static ch_status gather_merged(ch_cli *cli, json_t *rows)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < json_array_size(rows) && status == CH_OK; i++) {
        status = append_merged(cli, rows, json_array_get(rows, i));
    }
    return status;
}

/* The hub would refuse it, too, but only when the case was cancelled. */
static ch_status check_holds(ch_cli *cli, const json_t *rows)
{
    size_t index;
    const json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (ch_row_bool(row, "held")) {
            return ch_error_set(&cli->error, CH_REFUSED, ch_row_text(row, "case"),
                                "it is under a legal hold");
        }
    }
    return CH_OK;
}

/* ---- it is at work no more */

static bool is_at_work(const json_t *row)
{
    ch_case_state state;
    return ch_case_state_from_name(ch_str_of(ch_row_text(row, "state")), &state) == CH_OK &&
           ch_case_state_is_active(state);
}

/* So that no department keeps a handoff whose text nobody can read. */
static ch_status cancel(ch_cli *cli, const char *case_id)
{
    json_t *event = NULL;
    ch_status status = ch_desk_event(cli, "case.cancelled", json_pack("{s:s}", "reason", "erased"), &event);
    if (status != CH_OK) {
        return status;
    }
    json_object_set_new(event, "subject", json_string(case_id));
    status = ch_cli_publish(cli, event);
    if (status == CH_OK) {
        ch_cli_note(cli, "Case %s was at work: it is cancelled first.", case_id);
    }
    return status;
}

/* ---- dead letters that hold what it said */

typedef struct search {
    ch_cli *cli;
    const json_t *rows; /* of the cases */
    const char *reason;
    int64_t dropped;
} search;

static bool holds(ch_str raw, const char *text)
{
    return memmem(raw.at, raw.size, text, strlen(text)) != NULL;
}

static bool tells_of_case(const json_t *row, ch_str raw)
{
    size_t index;
    const json_t *ref;
    if (holds(raw, ch_row_text(row, "case"))) {
        return true;
    }
    json_array_foreach(json_object_get(row, "refs"), index, ref)
    {
        const char *text = json_is_string(ref) ? json_string_value(ref) : ch_row_text(ref, "ref");
        if (strlen(text) >= REF_LEAST && holds(raw, text)) {
            return true;
        }
    }
    return false;
}

static bool tells_of_any(const search *of, ch_str raw)
{
    size_t index;
    const json_t *row;
    json_array_foreach(of->rows, index, row)
    {
        if (tells_of_case(row, raw)) {
            return true;
        }
    }
    return false;
}

static ch_status look_at_letter(search *of, int64_t number, bool *out_tells)
{
    json_t *row = NULL;
    ch_buf raw;
    ch_status status =
        ch_cli_query_one(of->cli, "deadletter", json_pack("{s:I}", "deadletter", (json_int_t)number),
                         "such dead letter", &row);
    *out_tells = false;
    if (status != CH_OK) {
        return status;
    }
    ch_str base64 = ch_str_of(ch_row_text(json_object_get(row, "raw"), "$base64"));
    ch_buf_init(&raw, RAW_MAX);
    if (base64.size > 0 && ch_base64_is_valid(base64)) {
        ch_base64_decode(&raw, base64);
        *out_tells = raw.failed == CH_OK && tells_of_any(of, ch_buf_str(&raw));
    }
    ch_buf_done(&raw);
    json_decref(row);
    return CH_OK;
}

static ch_status drop_letter(search *of, int64_t number)
{
    ch_status status = ch_desk_report(
        of->cli, "hub.deadletter",
        json_pack("{s:s, s:I, s:s}", "action", "drop", "number", (json_int_t)number, "reason", of->reason));
    of->dropped += status == CH_OK;
    return status == CH_CONFLICT ? CH_OK : status; /* somebody was faster */
}

static ch_status look_at_letters(search *of, const json_t *rows)
{
    size_t index;
    const json_t *row;
    ch_status status = CH_OK;
    json_array_foreach(rows, index, row)
    {
        bool tells = false;
        int64_t number = ch_row_int(row, "deadletter", 0);
        status = status == CH_OK ? look_at_letter(of, number, &tells) : status;
        status = status == CH_OK && tells ? drop_letter(of, number) : status;
    }
    return status;
}

/* Their raw bytes are sealed under keys of their own. */
static ch_status drop_letters(search *of)
{
    char *after = NULL;
    ch_status status = CH_OK;
    do {
        json_t *rows = NULL, *arguments = json_object();
        if (after != NULL) {
            json_object_set_new(arguments, "after", json_string(after));
        }
        free(after);
        after = NULL;
        status = ch_cli_query(of->cli, "deadletters", arguments, &rows, &after);
        status = status == CH_OK ? look_at_letters(of, rows) : status;
        json_decref(rows);
    } while (status == CH_OK && after != NULL);
    free(after);
    return status;
}

/* ---- the certificate */

/* Copies of the keys may take a moment. What is not settled then is told as it is. */
static ch_status await_copies(ch_cli *cli, const char *case_id, json_t **out_row)
{
    int64_t until_ms = ch_clock_monotonic_ms(cli->world->clock) + SETTLE_MS;
    for (;;) {
        json_t *row = NULL;
        json_t *arguments =
            json_pack("{s:s, s:I}", "case", case_id, "sequence", (json_int_t)cli->answer.sequence);
        ch_status status = ch_cli_query_one(cli, "erasure", arguments, "such erasure", &row);
        if (status != CH_OK) {
            return status;
        }
        if (ch_row_bool(row, "settled") || ch_clock_monotonic_ms(cli->world->clock) >= until_ms) {
            *out_row = row;
            return CH_OK;
        }
        json_decref(row);
        if (casehub_poll(cli->hub, TURN_MS) != 0) {
            return ch_cli_fail(cli);
        }
    }
}

/* Made before the case is touched: what is erased cannot be erased again for its certificate. */
static ch_status open_certificate(ch_cli *cli, FILE **out_file)
{
    const char *path = ch_argument_text(cli->arguments, "certificate");
    if (path == NULL) {
        return CH_OK;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    *out_file = fd < 0 ? NULL : fdopen(fd, "w");
    if (*out_file != NULL) {
        return CH_OK;
    }
    int code = errno;
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    return ch_error_set(&cli->error, CH_IO, path,
                        "nothing was erased, because the certificate cannot be made: %s", strerror(code));
}

static ch_status write_certificate(ch_cli *cli, FILE *file, const json_t *row)
{
    char *text = json_dumps(row, JSON_INDENT(2));
    bool written =
        text != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int code = errno;
    free(text);
    return written ? CH_OK
                   : ch_error_set(&cli->error, CH_IO, ch_argument_text(cli->arguments, "certificate"),
                                  "the case is erased, but the certificate cannot be written: %s",
                                  strerror(code));
}

static void print_copies(FILE *out, const json_t *row)
{
    size_t index;
    const json_t *copy;
    json_array_foreach(json_object_get(row, "copies"), index, copy)
    {
        const char *text = ch_row_text(copy, "text");
        ch_page_line(out, index == 0 ? "copies" : "", "%s: %s%s", ch_row_text(copy, "copy"),
                     ch_row_bool(copy, "erased") ? "erased there, too" : "NOT REACHED: ", text);
    }
}

static void print_text(ch_cli *cli, const json_t *row)
{
    size_t index;
    const json_t *id;
    FILE *out = cli->world->out;
    ch_page_text(out, "erased", ch_row_text(row, "case"));
    json_array_foreach(json_object_get(row, "cases"), index, id)
    {
        if (index > 0) {
            ch_page_text(out, index == 1 ? "merged into it" : "", json_string_value(id));
        }
    }
    ch_page_line(out, "sequence", "%" PRId64, ch_row_int(row, "sequence", 0));
    ch_page_text(out, "by", ch_row_text(row, "actor"));
    ch_page_text(out, "reason", ch_row_text(row, "reason"));
    if (ch_row_int(row, "dead_letters", 0) > 0) {
        ch_page_line(out, "dead letters", "%" PRId64 " dropped", ch_row_int(row, "dead_letters", 0));
    }
    print_copies(out, row);
    if (!ch_row_bool(row, "settled")) {
        ch_page_text(out, "copies", "not all looked at yet: the hub goes on, and tells in its log");
    }
    ch_page_text(out, "note", beyond_reach);
}

static ch_status certify(ch_cli *cli, FILE *file, json_t *row, int64_t dropped)
{
    ch_row_show_times(row);
    json_object_set_new(row, "hub", json_string(casehub_hub_code(cli->hub)));
    json_object_set_new(row, "dead_letters", json_integer(dropped));
    json_object_set_new(row, "note", json_string(beyond_reach));
    ch_status status = file == NULL ? CH_OK : write_certificate(cli, file, row);
    if (status != CH_OK) {
        return status;
    }
    if (!cli->arguments->json) {
        print_text(cli, row);
        return CH_OK;
    }
    return ch_row_print_json(cli->world->out, row) == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

static ch_status erase(ch_cli *cli, const char *case_id, const json_t *rows, FILE *file)
{
    json_t *certificate = NULL;
    const char *reason = ch_argument_text(cli->arguments, "reason");
    search of = {.cli = cli, .rows = rows, .reason = reason};
    ch_status status = CH_OK;
    if (is_at_work(json_array_get(rows, 0))) {
        status = cancel(cli, case_id);
    }
    if (status == CH_OK) {
        status = drop_letters(&of);
    }
    if (status == CH_OK) {
        status =
            ch_desk_report(cli, "hub.erased", json_pack("{s:s, s:s}", "case", case_id, "reason", reason));
    }
    if (status == CH_OK) {
        status = await_copies(cli, case_id, &certificate);
    }
    if (status == CH_OK) {
        status = certify(cli, file, certificate, of.dropped);
    }
    json_decref(certificate);
    return status;
}

/* Without an erasure there is no certificate. */
static ch_status erase_with_certificate(ch_cli *cli, const char *case_id, const json_t *rows)
{
    FILE *file = NULL;
    ch_status status = open_certificate(cli, &file);
    if (status != CH_OK) {
        return status;
    }
    status = erase(cli, case_id, rows, file);
    if (file != NULL) {
        fclose(file);
    }
    if (file != NULL && status != CH_OK) {
        unlink(ch_argument_text(cli->arguments, "certificate"));
    }
    return status;
}

static ch_status with_case(ch_cli *cli, char case_id[64], json_t **out_row)
{
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_desk_find_case(cli, cli->arguments->operands[0], case_id);
    }
    return status == CH_OK
               ? ch_cli_query_one(cli, "case", json_pack("{s:s}", "case", case_id), case_id, out_row)
               : status;
}

ch_status ch_case_erase(ch_cli *cli)
{
    char case_id[64];
    json_t *row = NULL;
    ch_status status = with_case(cli, case_id, &row);
    if (status != CH_OK) {
        return status;
    }
    json_t *rows = json_pack("[o]", row);
    status = rows == NULL ? ch_cli_no_memory(cli) : gather_merged(cli, rows);
    if (status == CH_OK) {
        status = check_holds(cli, rows);
    }
    if (status == CH_OK) {
        status = erase_with_certificate(cli, case_id, rows);
    }
    json_decref(rows);
    return status;
}

ch_status ch_case_hold(ch_cli *cli)
{
    char case_id[64];
    json_t *row = NULL;
    bool lift = ch_argument_given(cli->arguments, "lift");
    ch_status status = with_case(cli, case_id, &row);
    json_decref(row);
    if (status == CH_OK) {
        status =
            ch_desk_report(cli, "hub.hold",
                           json_pack("{s:s, s:s, s:s}", "case", case_id, "action", lift ? "lift" : "place",
                                     "reason", ch_argument_text(cli->arguments, "reason")));
    }
    if (status != CH_OK) {
        return status;
    }
    if (cli->arguments->json) {
        fprintf(cli->world->out, "{\"sequence\":%" PRIu64 ",\"case\":\"%s\",\"held\":%s}\n",
                cli->answer.sequence, case_id, lift ? "false" : "true");
    } else {
        fprintf(cli->world->out, "sequence %" PRIu64 "  case %s  %s\n", cli->answer.sequence, case_id,
                lift ? "no longer held" : "held");
    }
    return CH_OK;
}
