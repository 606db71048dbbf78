#include "hub/cli/config_files.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROWS_MOST 1000 /* that the hub gives at once */
#define HASH_SHOWN 12
#define SEQUENCE_DIGITS 15 /* more digits than that are a hash */

/* For people the names, and as much of the hash as tells it from others. */
static void shorten(json_t *row)
{
    size_t index;
    const json_t *file;
    char hash[HASH_SHOWN + 1];
    json_t *names = json_array();
    json_array_foreach(json_object_get(row, "files"), index, file)
    {
        json_array_append(names, json_object_get(file, "name"));
    }
    json_object_set_new(row, "files", names);
    snprintf(hash, sizeof hash, "%s", ch_row_text(row, "hash"));
    json_object_set_new(row, "hash", json_string(hash));
}

static ch_status list(ch_cli *cli)
{
    static const ch_column columns[] = {
        {.field = "sequence", .heading = "SEQUENCE", .kind = CH_CELL_NUMBER},
        {.field = "recorded", .heading = "FROM", .kind = CH_CELL_TIME},
        {.field = "code", .heading = "BY"},
        {.field = "hash", .heading = "HASH"},
        {.field = "files", .heading = "FILES"},
    };
    size_t index;
    json_t *row, *rows = NULL;
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        json_t *arguments = json_pack(
            "{s:I}", "limit", (json_int_t)ch_argument_number(cli->arguments, "limit", CH_LIST_DEFAULT));
        status = ch_cli_query(cli, "configs", arguments, &rows, NULL);
    }
    if (status != CH_OK) {
        return status;
    }
    json_array_foreach(rows, index, row)
    {
        if (!cli->arguments->json) {
            shorten(row);
        }
    }
    status = ch_list_rows(cli, rows, columns, CH_COUNT_OF(columns));
    json_decref(rows);
    return status;
}

/* ---- which one */

static bool is_sequence(const char *word)
{
    return word[0] != '\0' && strspn(word, "0123456789") == strlen(word) && strlen(word) <= SEQUENCE_DIGITS;
}

static bool is_hash(const char *word)
{
    return word[0] != '\0' && strspn(word, "0123456789abcdef") == strlen(word);
}

/* The first of the rows, if any. */
static ch_status take_first(ch_cli *cli, ch_status status, json_t *rows, const char *what, json_t **out_row)
{
    json_t *row = status == CH_OK ? json_array_get(rows, 0) : NULL;
    if (row != NULL) {
        *out_row = json_incref(row);
    } else if (status == CH_OK) {
        status = ch_error_set(&cli->error, CH_NOT_FOUND, NULL, "there are no recorded rules %s", what);
    }
    json_decref(rows);
    return status;
}

/* Those in force when that event came. */
static ch_status find_at(ch_cli *cli, int64_t sequence, json_t **out_row)
{
    char what[64];
    json_t *rows = NULL;
    snprintf(what, sizeof what, "at %" PRId64, sequence);
    json_t *arguments = json_pack("{s:i, s:I}", "limit", 1, "after", (json_int_t)sequence + 1);
    ch_status status = ch_cli_query(cli, "configs", arguments, &rows, NULL);
    return take_first(cli, status, rows, what, out_row);
}

static ch_status find_newest(ch_cli *cli, json_t **out_row)
{
    json_t *rows = NULL;
    ch_status status = ch_cli_query(cli, "configs", json_pack("{s:i}", "limit", 1), &rows, NULL);
    return take_first(cli, status, rows, "yet", out_row);
}

/* The newest with such a hash: *out_row stays NULL when none of these rows has one. */
static ch_status match(ch_cli *cli, const json_t *rows, const char *prefix, json_t **out_row)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        const char *hash = ch_row_text(row, "hash");
        if (strncmp(hash, prefix, strlen(prefix)) != 0) {
            continue;
        }
        if (*out_row != NULL && strcmp(ch_row_text(*out_row, "hash"), hash) != 0) {
            return ch_error_set(&cli->error, CH_CONFLICT, NULL, "the hashes of several begin with %s",
                                prefix);
        }
        *out_row = *out_row == NULL ? json_incref(row) : *out_row;
    }
    return CH_OK;
}

static ch_status find_hash(ch_cli *cli, const char *prefix, json_t **out_row)
{
    char *next = NULL;
    ch_status status;
    do {
        json_t *rows = NULL, *arguments = json_pack("{s:i, s:s*}", "limit", ROWS_MOST, "after", next);
        free(next);
        next = NULL;
        status = ch_cli_query(cli, "configs", arguments, &rows, &next);
        if (status == CH_OK) {
            status = match(cli, rows, prefix, out_row);
        }
        json_decref(rows);
    } while (status == CH_OK && next != NULL);
    free(next);
    return status == CH_OK && *out_row == NULL
               ? ch_error_set(&cli->error, CH_NOT_FOUND, NULL,
                              "no recorded rules have a hash that begins with %s", prefix)
               : status;
}

/* *which_file: what is left of the operands, NULL for nothing. */
static ch_status find(ch_cli *cli, const char **which_file, json_t **out_row)
{
    const ch_arguments *arguments = cli->arguments;
    size_t count = arguments->operand_count;
    const char *word = count > 0 ? arguments->operands[0] : "";
    bool says_which = is_sequence(word) || is_hash(word);
    if (count > 1 && !says_which) {
        return ch_cli_misuse(cli, "`%.80s` is neither a sequence nor the beginning of a hash", word);
    }
    *which_file = count > 1 ? arguments->operands[1] : count > 0 && !says_which ? word : NULL;
    ch_status status = ch_cli_connect(cli);
    if (status != CH_OK) {
        return status;
    }
    return is_sequence(word) ? find_at(cli, strtoll(word, NULL, 10), out_row)
           : says_which      ? find_hash(cli, word, out_row)
                             : find_newest(cli, out_row);
}

/* ---- what becomes of the files */

typedef struct wanted {
    ch_cli *cli;
    const char *file, *folder;
    bool seen;
    ch_status status;
} wanted;

static bool is_it(const char *name, const char *asked)
{
    const char *slash = strrchr(name, '/');
    return strcmp(name, asked) == 0 || (slash != NULL && strcmp(slash + 1, asked) == 0);
}

static void print_file(void *context, const char *name, ch_str content)
{
    wanted *of = context;
    if (!of->seen && is_it(name, of->file)) {
        of->seen = true;
        fwrite(content.at, 1, content.size, of->cli->world->out);
    }
}

static ch_status fail_file(ch_cli *cli, const char *path)
{
    return ch_error_set(&cli->error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, path, "%s", strerror(errno));
}

static ch_status make_folder(ch_cli *cli, const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? CH_OK : fail_file(cli, path);
}

/* As the hub names them: a file, or one of the city's. */
static bool is_name(const char *name)
{
    const char *rest = strncmp(name, "city/", 5) == 0 ? name + 5 : name;
    return rest[0] != '\0' && rest[0] != '.' && strchr(rest, '/') == NULL;
}

static void write_file(void *context, const char *name, ch_str content)
{
    wanted *of = context;
    char path[1024];
    if (of->status != CH_OK) {
        return;
    }
    if (!is_name(name) || snprintf(path, sizeof path, "%s/%s", of->folder, name) >= (int)sizeof path) {
        of->status =
            ch_error_set(&of->cli->error, CH_INVALID, of->folder, "%.100s: no name for a file", name);
        return;
    }
    FILE *file = fopen(path, "wbe");
    bool good = file != NULL && fwrite(content.at, 1, content.size, file) == content.size;
    if (file != NULL && fclose(file) != 0) {
        good = false;
    }
    of->status = good ? CH_OK : fail_file(of->cli, path);
}

static ch_status write_files(ch_cli *cli, const json_t *row, const char *folder)
{
    char city[1024];
    wanted of = {.cli = cli, .folder = folder};
    snprintf(city, sizeof city, "%s/city", folder);
    ch_status status = make_folder(cli, folder);
    if (status == CH_OK) {
        status = make_folder(cli, city);
    }
    if (status == CH_OK) {
        status = ch_config_files(cli, row, write_file, &of);
    }
    return status == CH_OK ? of.status : status;
}

static ch_status print_one(ch_cli *cli, const json_t *row, const char *name)
{
    wanted of = {.cli = cli, .file = name};
    ch_status status = ch_config_files(cli, row, print_file, &of);
    return status == CH_OK && !of.seen
               ? ch_error_set(&cli->error, CH_NOT_FOUND, NULL, "they have no file %.100s", name)
               : status;
}

static ch_status print_row(ch_cli *cli, json_t *row)
{
    static const ch_page_field fields[] = {
        {"sequence", "sequence", CH_PAGE_PLAIN},
        {"recorded", "from", CH_PAGE_TIME},
        {"code", "by", CH_PAGE_PLAIN},
        {"hash", "hash", CH_PAGE_PLAIN},
    };
    static const ch_column columns[] = {
        {.field = "name", .heading = "FILE"},
        {.field = "size", .heading = "BYTES", .kind = CH_CELL_NUMBER},
        {.field = "hash", .heading = "HASH"},
    };
    ch_status status = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    if (status != CH_OK || cli->arguments->json) {
        return status;
    }
    fprintf(cli->world->out, "\n");
    return ch_list_rows(cli, json_object_get(row, "files"), columns, CH_COUNT_OF(columns));
}

static ch_status show(ch_cli *cli)
{
    const char *file = NULL, *folder = ch_argument_text(cli->arguments, "output");
    json_t *row = NULL;
    ch_status status = find(cli, &file, &row);
    if (status == CH_OK && folder != NULL) {
        status = write_files(cli, row, folder);
    }
    if (status == CH_OK) {
        status = file != NULL ? print_one(cli, row, file) : print_row(cli, row);
    }
    json_decref(row);
    return status;
}

static const ch_argument list_arguments[] = {
    CH_TAKES_NUMBER("limit", "N", 1, ROWS_MOST, NULL, "rows at most (100)")};
static const ch_argument show_arguments[] = {
    CH_TAKES_TEXT("output", "DIR", NULL, "write the files into this folder, as they were")};

static const ch_verb verbs[] = {
    {.name = "list",
     CH_ARGUMENTS(list_arguments),
     .help = "the tables and rules that were in force, newest first",
     .run = list},
    {.name = "show",
     .operands = "[SEQUENCE|HASH] [FILE]",
     .operands_most = 2,
     CH_ARGUMENTS(show_arguments),
     .help = "those in force when that event came (default: now), or with such a hash; or one of their files",
     .run = show},
};

const ch_noun ch_noun_config = {
    .name = "config", .help = "the tables and rules in force, now and at any time before", CH_VERBS(verbs)};
