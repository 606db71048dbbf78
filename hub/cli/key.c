#include "hub/cli/desk.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/client/key_file.h"
#include "hub/model/grant.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_TEXT_SIZE (CH_KEY_TEXT_SIZE - 1)

static bool is_key_text(const char *text)
{
    /* The alphabet of https://rfc.zeromq.org/spec/32/, Z85. */
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   ".-:+=^!/*?&<>()[]{}@%$#";
    return strlen(text) == KEY_TEXT_SIZE && strspn(text, alphabet) == KEY_TEXT_SIZE;
}

static ch_status fail_with_errno(ch_cli *cli, const char *file)
{
    ch_status status = errno == ENOENT                     ? CH_NOT_FOUND
                       : errno == EACCES || errno == EPERM ? CH_DENIED
                       : errno == EINVAL                   ? CH_INVALID
                       : errno == EEXIST                   ? CH_CONFLICT
                                                           : CH_IO;
    return ch_error_set(&cli->error, status, file, "%s",
                        errno == EPERM    ? "others may read this secret key: chmod 600"
                        : errno == EINVAL ? "is no key file"
                        : errno == EEXIST ? "is there already; a key is never overwritten"
                                          : strerror(errno));
}

/* A key itself, or the file that holds it: a path of 40 characters looks like a key. */
static ch_status read_public(ch_cli *cli, const char *operand, char out_key[CH_KEY_TEXT_SIZE])
{
    if (is_key_text(operand) && access(operand, F_OK) != 0) {
        return ch_str_copy(out_key, CH_KEY_TEXT_SIZE, ch_str_of(operand));
    }
    return casehub_key_public(operand, out_key) == 0 ? CH_OK : fail_with_errno(cli, operand);
}

/* --server, or the hub that the key in use belongs to. */
static ch_status find_server(ch_cli *cli, char out_key[CH_KEY_TEXT_SIZE])
{
    ch_key_file keys;
    const char *server = ch_argument_text(cli->arguments, "server");
    const char *mine =
        cli->arguments->key != NULL ? cli->arguments->key : cli->world->variable("CASEHUB_KEY");
    if (server != NULL) {
        return read_public(cli, server, out_key);
    }
    if (mine == NULL) {
        return ch_cli_misuse(cli,
                             "the key of which hub? Say --server KEY, or name a key file of that hub with "
                             "--key or CASEHUB_KEY");
    }
    if (!ch_key_file_read(mine, &keys)) {
        return fail_with_errno(cli, mine);
    }
    ch_status status = ch_str_copy(out_key, CH_KEY_TEXT_SIZE, ch_str_of(keys.server_key));
    ch_key_file_wipe(&keys);
    return status == CH_OK && out_key[0] != '\0'
               ? CH_OK
               : ch_error_set(&cli->error, CH_INVALID, mine, "names no hub; say --server KEY");
}

static ch_status new_key(ch_cli *cli)
{
    char server[CH_KEY_TEXT_SIZE] = "", made[CH_KEY_TEXT_SIZE];
    const char *file = cli->arguments->operands[0];
    ch_status status = find_server(cli, server);
    if (status != CH_OK) {
        return status;
    }
    if (casehub_key_new(file, server, made) != 0) {
        return fail_with_errno(cli, file);
    }
    if (!cli->arguments->json) {
        fprintf(cli->world->out, "%s\n", made);
        ch_cli_note(cli, "Secret key in %s, public key in %s.pub; it can do nothing until it is granted.",
                    file, file);
        return CH_OK;
    }
    json_t *row = json_pack("{s:s, s:s}", "key", made, "file", file);
    status = row == NULL ? CH_NO_MEMORY : ch_row_print_json(cli->world->out, row);
    json_decref(row);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

static const ch_column columns[] = {
    {.field = "name", .heading = "NAME"},       {.field = "role", .heading = "ROLE"},
    {.field = "parties", .heading = "PARTIES"}, {.field = "sources", .heading = "SOURCES"},
    {.field = "areas", .heading = "AREAS"},     {.field = "private", .heading = "PRIVATE"},
    {.field = "revoked", .heading = "REVOKED"}, {.field = "key", .heading = "KEY"},
};

static ch_status list(ch_cli *cli)
{
    const ch_listing listing = {.query = "grants",
                                .arguments = json_object(),
                                .columns = columns,
                                .column_count = CH_COUNT_OF(columns),
                                .nothing = "There is no grant."};
    return ch_list(cli, &listing);
}

/* The grant as it is once it holds; takes data. */
static ch_status publish_grant(ch_cli *cli, json_t *data)
{
    json_t *shown = json_deep_copy(data);
    json_t *rows = NULL;
    ch_status status = ch_desk_report(cli, "hub.grant", data);
    if (status == CH_OK && shown != NULL) {
        json_object_set_new(shown, "sequence", json_integer((json_int_t)cli->answer.sequence));
        rows = json_pack("[O]", shown);
    }
    if (status == CH_OK) {
        status =
            rows == NULL ? ch_cli_no_memory(cli) : ch_list_rows(cli, rows, columns, CH_COUNT_OF(columns));
    }
    json_decref(rows);
    json_decref(shown);
    return status;
}

/* A person's commands are of source desk/<name>. Whoever is bound to sources must have that one too, to work here;
 * operators and supervisors without any are not bound. */
static void add_desk_source(ch_cli *cli, json_t *data)
{
    const char *role = ch_argument_text(cli->arguments, "role");
    json_t *sources = json_object_get(data, "sources");
    bool is_department = strcmp(role, "department") == 0;
    bool is_bound = sources != NULL && (strcmp(role, "operator") == 0 || strcmp(role, "supervisor") == 0);
    if (!is_department && !is_bound) {
        return;
    }
    if (sources == NULL) {
        sources = json_array();
        json_object_set_new(data, "sources", sources);
    }
    json_array_append_new(sources, json_sprintf("desk/%s", ch_argument_text(cli->arguments, "name")));
}

static ch_status grant(ch_cli *cli)
{
    char key[CH_KEY_TEXT_SIZE];
    ch_status status = read_public(cli, cli->arguments->operands[0], key);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status != CH_OK) {
        return status;
    }
    json_t *data = ch_cli_fields(cli->arguments);
    json_object_set_new(data, "key", json_string(key));
    if (!ch_argument_given(cli->arguments, "private")) {
        json_object_set_new(data, "private", json_string("none"));
    }
    json_object_set_new(data, "revoked", json_false());
    add_desk_source(cli, data);
    return publish_grant(cli, data);
}

/* On the page behind *next, which becomes the page after; NULL: there is none. CH_OK with *out_grant NULL: not there. */
static ch_status find_on_page(ch_cli *cli, const char *key, char **next, json_t **out_grant)
{
    size_t index;
    json_t *rows = NULL, *row;
    json_t *arguments = *next == NULL ? NULL : json_pack("{s:s}", "after", *next);
    free(*next);
    *next = NULL;
    ch_status status = ch_cli_query(cli, "grants", arguments, &rows, next);
    if (status != CH_OK) {
        return status;
    }
    json_array_foreach(rows, index, row)
    {
        if (strcmp(ch_row_text(row, "key"), key) == 0) {
            *out_grant = json_deep_copy(row);
            status = *out_grant == NULL ? ch_cli_no_memory(cli) : CH_OK;
            break;
        }
    }
    json_decref(rows);
    return status;
}

/* Its grant as the hub has it; the caller's. */
static ch_status find_grant(ch_cli *cli, const char *key, json_t **out_grant)
{
    char *next = NULL;
    ch_status status;
    do {
        status = find_on_page(cli, key, &next, out_grant);
    } while (status == CH_OK && *out_grant == NULL && next != NULL);
    free(next);
    return status != CH_OK || *out_grant != NULL
               ? status
               : ch_error_set(&cli->error, CH_NOT_FOUND, NULL, "no grant holds the key %s", key);
}

static ch_status revoke_key(ch_cli *cli)
{
    static const char *const fields[] = {"key", "name", "role", "sources", "parties", "areas", "private"};
    char key[CH_KEY_TEXT_SIZE];
    json_t *held = NULL, *data = json_object();
    ch_status status = read_public(cli, cli->arguments->operands[0], key);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status == CH_OK) {
        status = find_grant(cli, key, &held);
    }
    if (status != CH_OK) {
        json_decref(data);
        return status;
    }
    for (size_t i = 0; i < CH_COUNT_OF(fields); i++) {
        json_t *value = json_object_get(held, fields[i]);
        if (value != NULL) {
            json_object_set(data, fields[i], value);
        }
    }
    json_decref(held);
    json_object_set_new(data, "revoked", json_true());
    return publish_grant(cli, data);
}

static const char *const roles[] = {"connector", "department", "supervisor", "operator",
                                    "read-only", "auditor",    NULL};
static const char *const private_rights[] = {"none", "own", "all", NULL};

static const ch_argument new_arguments[] = {
    CH_TAKES_TEXT("server", "KEY|FILE.pub", NULL,
                  "public key of the hub (else the one in the key file of --key or $CASEHUB_KEY)")};
static const ch_argument grant_arguments[] = {
    CH_NEEDS_TEXT("name", "NAME", "name", "of the holder; it is recorded with everything done with this key"),
    {.name = "role",
     .kind = CH_ARGUMENT_WORD,
     .value = "ROLE",
     .words = roles,
     .required = true,
     .field = "role",
     .help = "connector, department, supervisor, operator, read-only or auditor"},
    CH_TAKES_TEXTS("source", "SOURCE", "sources",
                   "may speak as this source, and those below it; who works at a desk also gets desk/NAME"),
    CH_TAKES_TEXTS("party", "PARTY", "parties", "may act for this party; * for all"),
    CH_TAKES_TEXTS("area", "AREA", "areas", "only in this area (everywhere)"),
    CH_TAKES_WORD("private", "none|own|all", private_rights, "private",
                  "whose names and phones it may read (none)"),
};

#define KEY .operands = "PUBLIC|FILE.pub", .operands_least = 1, .operands_most = 1
static const ch_verb verbs[] = {
    {.name = "new",
     .operands = "FILE",
     .operands_least = 1,
     .operands_most = 1,
     CH_ARGUMENTS(new_arguments),
     .help = "make a key pair: FILE and FILE.pub; needs no hub",
     .run = new_key},
    {.name = "list", .help = "who may do what", .run = list},
    {.name = "grant",
     KEY,
     CH_ARGUMENTS(grant_arguments),
     .help = "say what the holder of this key may do; replaces what it could do before",
     .run = grant},
    {.name = "revoke", KEY, .help = "the holder of this key may do nothing any more", .run = revoke_key},
};

const ch_noun ch_noun_key = {.name = "key", .help = "who may do what", CH_VERBS(verbs)};
