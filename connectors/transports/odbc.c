#include "connectors/transports/odbc.h"

#include "connectors/transports/secret_file.h"

#include <sodium.h>
#include <sqlext.h>
#include <stdio.h>
#include <stdlib.h>

#define PASSWORD_MOST 500
#define CONNECTION_MOST ((size_t)8 * 1024)
#define PARAMETERS_MOST 64
#define CHUNK_SIZE ((size_t)16 * 1024)

struct ch_odbc {
    SQLHENV environment;
    SQLHDBC connection;
    SQLHSTMT statement; /* between run and finish */
    bool connected, sqlite;
    int64_t timeout_ms, changed;
    char quote[8];
    SQLLEN sizes[PARAMETERS_MOST];
    size_t column_count;
    char columns[CH_ODBC_COLUMNS_MOST][CH_ODBC_NAME_SIZE];
};

/* ---- Errors */

/* SQLSTATE classes and states after which the same may work later, on a new connection. */
static bool is_passing(const char *state)
{
    static const char *const beginnings[] = {"08", "25", "28", "3D",  "40", "53",
                                             "55", "57", "58", "HYT", "XX", "IM"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(state, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* sqliteodbc says HY000 to everything; the number is SQLite's own (sqlite.org/rescode.html): busy, locked, no memory,
 * interrupted, input or output, full, cannot open, protocol. */
static bool is_passing_in_sqlite(SQLINTEGER number)
{
    static const SQLINTEGER passing[] = {5, 6, 7, 9, 10, 13, 14, 15};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if ((number & 0xff) == passing[i]) {
            return true;
        }
    }
    return false;
}

static bool is_dead(const ch_odbc *odbc)
{
    SQLUINTEGER dead = SQL_CD_FALSE;
    return !odbc->connected ||
           (SQL_SUCCEEDED(SQLGetConnectAttr(odbc->connection, SQL_ATTR_CONNECTION_DEAD, &dead, 0, NULL)) &&
            dead == SQL_CD_TRUE);
}

static const char *meaning(const char *state, bool passing)
{
    static const struct {
        const char *beginning, *words;
    } meanings[] = {
        {"22", "a value does not fit its column"},
        {"23", "against a constraint of the table"},
        {"42", "the statement is wrong, or not allowed"},
        {"40", "it collided with another transaction"},
        {"HYT", "no answer in time"},
        {"57014", "no answer in time"},
        {"08", "the connection is lost"},
        {"57", "the database is stopping or starting"},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strncmp(state, meanings[i].beginning, strlen(meanings[i].beginning)) == 0) {
            return meanings[i].words;
        }
    }
    return passing ? "the database cannot do it now" : "the database refuses it";
}

/* On one line. */
static void flatten(char *text)
{
    for (; *text != '\0'; text++) {
        *text = (unsigned char)*text < ' ' ? ' ' : *text;
    }
}

/* with_words: the driver's may be repeated. */
static ch_status fail(ch_odbc *odbc, SQLSMALLINT kind, SQLHANDLE handle, bool with_words, ch_error *error)
{
    SQLCHAR state[6] = "HY000", words[200] = "";
    SQLINTEGER number = 0;
    SQLSMALLINT size;
    char place[24] = "";
    SQLGetDiagRec(kind, handle, 1, state, &number, words, sizeof words, &size);
    flatten((char *)words);
    bool passing = is_dead(odbc) || (odbc->sqlite ? is_passing_in_sqlite(number) : is_passing((char *)state));
    bool wrong = strncmp((char *)state, "42", 2) == 0 || (odbc->sqlite && number == 1);
    if (odbc->sqlite) {
        snprintf(place, sizeof place, " (%d)", (int)number);
    }
    return ch_error_set(
        error, passing ? CH_UNAVAILABLE : CH_INVALID, NULL, "SQLSTATE %s%s: %s", (char *)state, place,
        with_words && (wrong || !odbc->connected) ? (char *)words : meaning((char *)state, passing));
}

static ch_status fail_statement(ch_odbc *odbc, bool with_words, ch_error *error)
{
    return fail(odbc, SQL_HANDLE_STMT, odbc->statement, with_words, error);
}

/* ---- Connecting */

/* The value of one "key=value" of a connection string, braces and all. */
static ch_str next_pair(const char **at, ch_str *out_key)
{
    const char *begin = *at + strspn(*at, "; "), *value = begin + strcspn(begin, "=;");
    *out_key = (ch_str){begin, (size_t)(value - begin)};
    value += *value == '=';
    const char *end = value;
    if (*end == '{') {
        while (*end != '\0' && !(*end == '}' && end[1] != '}')) {
            end += *end == '}' ? 2 : 1;
        }
    }
    end += strcspn(end, ";");
    *at = end;
    return (ch_str){value, (size_t)(end - value)};
}

static bool is_key(ch_str key, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (key.size == strlen(*names) && strncasecmp(key.at, *names, key.size) == 0) {
            return true;
        }
    }
    return false;
}

ch_status ch_odbc_address(const char *connection, char out[CH_ODBC_ADDRESS_SIZE], ch_error *error)
{
    static const char *const secret[] = {"pwd", "password", NULL};
    static const char *const public[] = {"driver", "dsn", "server", "servername", "port", "database", NULL};
    ch_buf text;
    ch_str key;
    ch_buf_init(&text, CONNECTION_MOST);
    for (const char *at = connection; *at != '\0';) {
        ch_str value = next_pair(&at, &key);
        if (is_key(key, secret)) {
            ch_buf_done(&text);
            return ch_error_set(error, CH_INVALID, "connection", "a password belongs into password_file");
        }
        if (is_key(key, public)) {
            ch_buf_append_format(&text, "%s%.*s=%.*s", text.size == 0 ? "" : ";", CH_STR_ARG(key),
                                 CH_STR_ARG(value));
        }
    }
    ch_str_copy_cut(out, CH_ODBC_ADDRESS_SIZE, ch_buf_str(&text));
    ch_buf_done(&text);
    return CH_OK;
}

static ch_status take_password(const ch_secret_file *file, const char *path, char out[PASSWORD_MOST + 1],
                               ch_error *error)
{
    ch_str line = {file->text, strcspn(file->text, "\r\n")};
    return ch_str_copy(out, PASSWORD_MOST + 1, line) == CH_OK
               ? CH_OK
               : ch_error_set(error, CH_INVALID, path, "a password of at most %d bytes is expected",
                              PASSWORD_MOST);
}

static ch_status read_password(const char *path, char out[PASSWORD_MOST + 1], ch_error *error)
{
    ch_secret_file file;
    ch_status status = ch_secret_file_read(&file, path, error);
    if (status == CH_OK) {
        status = take_password(&file, path, out, error);
    }
    ch_secret_file_wipe(&file);
    if (status != CH_OK) {
        error->status = CH_INVALID;
    }
    return status == CH_OK ? CH_OK : CH_INVALID;
}

/* The whole string with the password, which is wiped when it was used. */
static ch_status complete(const char *connection, const char *password_file, ch_buf *out, ch_error *error)
{
    char password[PASSWORD_MOST + 1];
    ch_buf_append_text(out, connection);
    if (password_file[0] != '\0') {
        ch_status status = read_password(password_file, password, error);
        if (status != CH_OK) {
            return status;
        }
        ch_buf_append_text(out, ";PWD={");
        for (const char *at = password; *at != '\0'; at++) {
            ch_buf_append(out, at, 1);
            ch_buf_append_text(out, *at == '}' ? "}" : "");
        }
        ch_buf_append_text(out, "}");
        sodium_memzero(password, sizeof password);
    }
    ch_buf_append(out, "", 1);
    return out->failed == CH_OK ? CH_OK : ch_error_set(error, out->failed, "connection", "no room for it");
}

static ch_status connect_with(ch_odbc *odbc, const ch_buf *text, ch_error *error)
{
    SQLRETURN result = SQLDriverConnect(odbc->connection, NULL, (SQLCHAR *)text->at, SQL_NTS, NULL, 0, NULL,
                                        SQL_DRIVER_NOPROMPT);
    if (!SQL_SUCCEEDED(result)) {
        return fail(odbc, SQL_HANDLE_DBC, odbc->connection, true, error);
    }
    odbc->connected = true;
    return CH_OK;
}

static SQLPOINTER seconds(int64_t ms)
{
    return (SQLPOINTER)(uintptr_t)((ms + 999) / 1000);
}

static ch_status prepare(ch_odbc *odbc, ch_error *error)
{
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &odbc->environment)) ||
        !SQL_SUCCEEDED(
            SQLSetEnvAttr(odbc->environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0)) ||
        !SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, odbc->environment, &odbc->connection))) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory to connect");
    }
    SQLSetConnectAttr(odbc->connection, SQL_ATTR_LOGIN_TIMEOUT, seconds(odbc->timeout_ms), 0);
    return CH_OK;
}

static void learn_dialect(ch_odbc *odbc)
{
    char name[40] = "";
    SQLGetInfo(odbc->connection, SQL_DBMS_NAME, name, sizeof name, NULL);
    SQLGetInfo(odbc->connection, SQL_IDENTIFIER_QUOTE_CHAR, odbc->quote, sizeof odbc->quote, NULL);
    odbc->sqlite = strncasecmp(name, "SQLite", 6) == 0;
}

ch_status ch_odbc_open(ch_odbc **out_odbc, const char *connection, const char *password_file,
                       int64_t timeout_ms, ch_error *error)
{
    ch_buf text;
    ch_odbc *odbc = calloc(1, sizeof *odbc);
    if (odbc == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory to connect");
    }
    odbc->timeout_ms = timeout_ms;
    ch_buf_init(&text, CONNECTION_MOST);
    ch_status status = complete(connection, password_file, &text, error);
    if (status == CH_OK) {
        status = prepare(odbc, error);
    }
    if (status == CH_OK) {
        status = connect_with(odbc, &text, error);
    }
    sodium_memzero(text.at, text.size);
    ch_buf_done(&text);
    if (status != CH_OK) {
        ch_odbc_close(odbc);
        return status;
    }
    learn_dialect(odbc);
    *out_odbc = odbc;
    return CH_OK;
}

void ch_odbc_close(ch_odbc *odbc)
{
    if (odbc == NULL) {
        return;
    }
    ch_odbc_finish(odbc);
    if (odbc->connected) {
        SQLDisconnect(odbc->connection);
    }
    if (odbc->connection != NULL) {
        SQLFreeHandle(SQL_HANDLE_DBC, odbc->connection);
    }
    if (odbc->environment != NULL) {
        SQLFreeHandle(SQL_HANDLE_ENV, odbc->environment);
    }
    free(odbc);
}

/* ---- A statement */

void ch_odbc_quote(const ch_odbc *odbc, const char *name, ch_buf *out)
{
    ch_buf_append_text(out, odbc->quote);
    for (; *name != '\0'; name++) {
        ch_buf_append(out, name, 1);
        ch_buf_append_text(out, *name == odbc->quote[0] ? odbc->quote : "");
    }
    ch_buf_append_text(out, odbc->quote);
}

static ch_status bind(ch_odbc *odbc, const ch_str *parameters, size_t count, ch_error *error)
{
    static char nothing[] = "";
    if (count > PARAMETERS_MOST) {
        return ch_error_set(error, CH_INVALID, NULL, "more than %d parameters", PARAMETERS_MOST);
    }
    for (size_t i = 0; i < count; i++) {
        SQLPOINTER text = parameters[i].size == 0 ? nothing : (SQLPOINTER)(uintptr_t)parameters[i].at;
        SQLLEN size = (SQLLEN)parameters[i].size;
        odbc->sizes[i] = parameters[i].at == NULL ? SQL_NULL_DATA : size;
        if (!SQL_SUCCEEDED(SQLBindParameter(odbc->statement, (SQLUSMALLINT)(i + 1), SQL_PARAM_INPUT,
                                            SQL_C_CHAR, SQL_VARCHAR, (SQLULEN)(size > 0 ? size : 1), 0, text,
                                            size, &odbc->sizes[i]))) {
            return fail_statement(odbc, false, error);
        }
    }
    return CH_OK;
}

static ch_status name_columns(ch_odbc *odbc, ch_error *error)
{
    SQLSMALLINT count = 0;
    SQLNumResultCols(odbc->statement, &count);
    if (count > CH_ODBC_COLUMNS_MOST) {
        return ch_error_set(error, CH_INVALID, NULL, "more than %d columns", CH_ODBC_COLUMNS_MOST);
    }
    for (SQLSMALLINT i = 0; i < count; i++) {
        SQLSMALLINT size = 0, type, digits, nullable;
        SQLULEN width;
        if (!SQL_SUCCEEDED(SQLDescribeCol(odbc->statement, (SQLUSMALLINT)(i + 1), (SQLCHAR *)odbc->columns[i],
                                          CH_ODBC_NAME_SIZE, &size, &type, &width, &digits, &nullable))) {
            return fail_statement(odbc, false, error);
        }
        if (size >= CH_ODBC_NAME_SIZE) {
            return ch_error_set(error, CH_INVALID, NULL, "the name of column %d is too long", i + 1);
        }
    }
    odbc->column_count = (size_t)count;
    return CH_OK;
}

static ch_status execute(ch_odbc *odbc, const char *sql, const ch_str *parameters, size_t count,
                         ch_error *error)
{
    SQLLEN changed = -1;
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, odbc->connection, &odbc->statement))) {
        odbc->statement = NULL;
        return fail(odbc, SQL_HANDLE_DBC, odbc->connection, false, error);
    }
    SQLSetStmtAttr(odbc->statement, SQL_ATTR_QUERY_TIMEOUT, seconds(odbc->timeout_ms), 0);
    ch_status status = bind(odbc, parameters, count, error);
    if (status != CH_OK) {
        return status;
    }
    SQLRETURN result = SQLExecDirect(odbc->statement, (SQLCHAR *)(uintptr_t)sql, SQL_NTS);
    if (!SQL_SUCCEEDED(result) && result != SQL_NO_DATA) {
        return fail_statement(odbc, count == 0, error);
    }
    if (result != SQL_NO_DATA) {
        SQLRowCount(odbc->statement, &changed);
    }
    odbc->changed = result == SQL_NO_DATA ? 0 : changed;
    return name_columns(odbc, error);
}

ch_status ch_odbc_run(ch_odbc *odbc, const char *sql, const ch_str *parameters, size_t count, ch_error *error)
{
    ch_odbc_finish(odbc);
    ch_status status = execute(odbc, sql, parameters, count, error);
    if (status != CH_OK) {
        ch_odbc_finish(odbc);
    }
    return status;
}

void ch_odbc_finish(ch_odbc *odbc)
{
    if (odbc->statement != NULL) {
        SQLFreeHandle(SQL_HANDLE_STMT, odbc->statement);
        odbc->statement = NULL;
        odbc->column_count = 0;
    }
}

int64_t ch_odbc_changed(const ch_odbc *odbc)
{
    return odbc->changed;
}

size_t ch_odbc_column_count(const ch_odbc *odbc)
{
    return odbc->column_count;
}

const char *ch_odbc_column(const ch_odbc *odbc, size_t index)
{
    return odbc->columns[index];
}

ch_status ch_odbc_fetch(ch_odbc *odbc, ch_error *error)
{
    SQLRETURN result = SQLFetch(odbc->statement);
    return result == SQL_NO_DATA   ? CH_END
           : SQL_SUCCEEDED(result) ? CH_OK
                                   : fail_statement(odbc, false, error);
}

ch_status ch_odbc_cell(ch_odbc *odbc, size_t index, size_t most, ch_buf *out, bool *out_null, ch_error *error)
{
    char chunk[CHUNK_SIZE];
    size_t got = 0;
    SQLRETURN result = SQL_SUCCESS_WITH_INFO;
    *out_null = false;
    while (result == SQL_SUCCESS_WITH_INFO) {
        SQLLEN left = 0;
        result =
            SQLGetData(odbc->statement, (SQLUSMALLINT)(index + 1), SQL_C_CHAR, chunk, sizeof chunk, &left);
        if (result == SQL_NO_DATA) {
            break;
        }
        if (!SQL_SUCCEEDED(result)) {
            return fail_statement(odbc, false, error);
        }
        if (left == SQL_NULL_DATA) {
            *out_null = true;
            return CH_OK;
        }
        bool whole = left != SQL_NO_TOTAL && left < (SQLLEN)sizeof chunk;
        size_t size = whole ? (size_t)left : sizeof chunk - 1;
        if (got + size > most) {
            return CH_TOO_LARGE;
        }
        got += size;
        ch_buf_append(out, chunk, size);
        result = whole ? SQL_SUCCESS : SQL_SUCCESS_WITH_INFO;
    }
    return out->failed;
}
