#include "tests/unit/replay/rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/wait.h>

#define MAP ((size_t)64 << 20)

static ch_store_options options_of(rig *self)
{
    return (ch_store_options){.dir = self->dir,
                              .hub_key_file = self->key_file,
                              .hub_code = "ZJ",
                              .log_map_bytes = MAP,
                              .state_map_bytes = MAP,
                              .hot_cases = 64,
                              .random = &self->seeded.random};
}

int rig_setup(void **state)
{
    rig *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->out = calloc(1, RIG_OUTPUT_MAX);
    self->err = calloc(1, RIG_OUTPUT_MAX);
    assert_non_null(self->out);
    assert_non_null(self->err);
    unsetenv("CASEHUB_STORE");
    unsetenv("TMPDIR");
    folder_make(self->base);
    setenv("TMPDIR", self->base, 1);
    snprintf(self->dir, sizeof self->dir, "%s/data", self->base);
    snprintf(self->key_file, sizeof self->key_file, "%s/hub.key", self->base);
    ch_random_seeded_init(&self->seeded, 5);
    rig_start(self);
    *state = self;
    return 0;
}

void rig_keep(rig_path out, const char *path)
{
    assert_status(ch_str_copy(out, sizeof(rig_path), ch_str_of(path)), CH_OK);
}

void rig_stop(rig *self)
{
    ch_store_close(self->store);
    self->store = NULL;
}

void rig_start(rig *self)
{
    const ch_store_options options = options_of(self);
    ledger_point point = self->ledger.now;
    ledger_done(&self->ledger);
    assert_ok(ch_store_open(&self->store, &options, &self->error), &self->error);
    ledger_init(&self->ledger, self->store->log, self->store->state);
    if (point.sequence > 0) {
        self->ledger.now = point;
    }
}

int rig_teardown(void **state)
{
    rig *self = *state;
    rig_stop(self);
    ledger_done(&self->ledger);
    folder_remove(self->base);
    free(self->out);
    free(self->err);
    free(self);
    return 0;
}

static void write_one(ledger *of, uint64_t step)
{
    uint64_t number = step % RIG_CASES + 1;
    uint32_t handoffs = of->now.handoffs[number];
    switch (step / RIG_CASES % 3) {
    case 0: ledger_note(of, number); return;
    case 1:
        ledger_offer(of, number, step % 2 == 0 ? "grid" : "water-rescue", LEDGER_START_MS + 1000000);
        return;
    default: ledger_move(of, number, handoffs, "handoff.accepted", 0); return;
    }
}

void rig_fill(rig *self, uint64_t last)
{
    ledger *of = &self->ledger;
    while (of->now.sequence < last) {
        char ref[32];
        if (of->now.case_count < RIG_CASES) {
            snprintf(ref, sizeof ref, "R-%" PRIu64, of->now.case_count + 1);
            ledger_open(of, "hotline/81890", ref);
        } else {
            write_one(of, of->now.sequence);
        }
    }
}

static void put_secret(ch_buf *out, const char *text, const char *name)
{
    ch_mp_put_map(out, 2);
    ch_mp_put_text(out, "text");
    ch_mp_put_map(out, 1);
    ch_mp_put_text(out, "text");
    ch_mp_put_text(out, text);
    ch_mp_put_text(out, "private");
    ch_mp_put_map(out, 1);
    ch_mp_put_text(out, "name");
    ch_mp_put_text(out, name);
}

uint64_t rig_seal(rig *self, const char *text, const char *name)
{
    ledger *of = &self->ledger;
    uint8_t key[CH_KEY_SIZE], nonce[CH_NONCE_SIZE];
    char id[CH_CASE_ID_SIZE], name_of[32] = "sealed";
    ch_buf plain, sealed, encoded;
    ch_event decoded;
    uint32_t size;
    int64_t now_ms = LEDGER_START_MS + (int64_t)of->now.sequence * 1000;
    ch_case_id_format(id, "ZJ", LEDGER_START_MS, 480, 1, false);
    ch_buf_init(&plain, 65536);
    ch_buf_init(&sealed, 65536);
    ch_buf_init(&encoded, 65536);
    assert_ok(ch_slots_prepare(self->store->case_slots, 1, &self->error), &self->error);
    assert_status(ch_slots_key(self->store->case_slots, 1, key), CH_OK);
    put_secret(&plain, text, name);
    if (self->sealed++ > 0) {
        snprintf(name_of, sizeof name_of, "sealed-%u", self->sealed);
    }
    ch_nonces_take(&self->store->nonces, nonce);
    ch_seal(&sealed, ch_buf_str(&plain), key, nonce, ch_str_of(id), CH_STR("hotline/1"), ch_str_of(name_of));
    const ch_event event = {.id = ch_str_of(name_of),
                            .source = CH_STR("hotline/1"),
                            .type = CH_STR("case.noted"),
                            .time_ms = now_ms,
                            .recorded_ms = now_ms,
                            .subject = ch_str_of(id),
                            .expected_version = -1,
                            .sequence = of->now.sequence + 1,
                            .epoch = 1,
                            .topic = CH_STR("case.noted.hotline._._"),
                            .case_version = of->now.versions[1] + 1,
                            .case_state = CH_CASE_RECEIVED,
                            .cycle = 1,
                            .actor = CH_STR("tester")};
    ch_event_store(&encoded, &event);
    ch_record record = {.sequence = event.sequence,
                        .case_number = 1,
                        .recorded_ms = now_ms,
                        .epoch = 1,
                        .case_version = event.case_version,
                        .public_part = ch_buf_str(&encoded),
                        .sealed = ch_buf_str(&sealed)};
    ch_buf_clear(&plain);
    ch_record_encode(&plain, &record, of->now.chain);
    size = (uint32_t)plain.size;
    assert_int_equal(ch_record_event(&record, &decoded), CH_OK);
    assert_ok(ch_event_log_append(self->store->log, record.sequence, ch_buf_str(&plain), &size, 1,
                                  of->now.chain, now_ms, &self->error),
              &self->error);
    assert_ok(ch_state_fold(self->store->state, &record, &decoded, &self->error), &self->error);
    of->now.sequence++;
    of->now.versions[1]++;
    ch_buf_done(&plain);
    ch_buf_done(&sealed);
    ch_buf_done(&encoded);
    return record.sequence;
}

char *rig_copy(rig *self, const char *name)
{
    char *dir = self->copies[self->copy_count++ % 2];
    rig_keep(dir, in_folder(self->base, name));
    assert_ok(ch_dir_make(dir, &self->error), &self->error);
    assert_ok(ch_dir_make(in_folder(dir, "log"), &self->error), &self->error);
    assert_ok(ch_event_log_copy(self->store->log, in_folder(dir, "log"), &self->error), &self->error);
    file_copy(in_folder(self->dir, "FORMAT"), in_folder(dir, "FORMAT"));
    return dir;
}

long rig_find(rig *self, const char *copy, uint64_t sequence, size_t *out_size)
{
    ch_log_reader *reader;
    ch_record record;
    uint8_t head[12];
    assert_ok(ch_log_reader_open(&reader, self->store->log, &self->error), &self->error);
    assert_ok(ch_log_reader_seek(reader, sequence, &record, &self->error), &self->error);
    *out_size = CH_RECORD_HEAD_SIZE + record.public_part.size + record.sealed.size;
    /* From the format on; flags and sequence tell the record from all others. */
    head[0] = CH_RECORD_FORMAT;
    head[1] = 0;
    ch_put_be16(head + 2, record.flags);
    ch_put_be64(head + 4, record.sequence);
    ch_log_reader_close(reader);
    long at = file_find(in_folder(copy, "log/data.mdb"), head, sizeof head, 0);
    assert_true(at > 4);
    return at - 4;
}

static void read_whole(const char *path, char *out)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(out, 1, RIG_OUTPUT_MAX - 1, file);
    out[size] = '\0';
    fclose(file);
    unlink(path);
}

void rig_run_words(rig *self, char **words)
{
    char out[FOLDER_PATH_SIZE * 2], err[FOLDER_PATH_SIZE * 2];
    int how;
    snprintf(out, sizeof out, "%s", in_folder(self->base, ".out"));
    snprintf(err, sizeof err, "%s", in_folder(self->base, ".err"));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out_fd, STDOUT_FILENO);
        dup2(err_fd, STDERR_FILENO);
        execv(CASEHUB_REPLAY, words);
        _exit(126);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    read_whole(out, self->out);
    read_whole(err, self->err);
    self->code = WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

const char *rig_field(const rig *self, const char *name)
{
    static char values[4][256];
    static unsigned next;
    char *value = values[next++ % 4], key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(self->out, key);
    if (at == NULL) {
        fail_msg("no %s in %s", name, self->out);
        return NULL;
    }
    at += strlen(key);
    size_t size = strcspn(at, ",}\n");
    assert_true(size < sizeof values[0]);
    memcpy(value, at, size);
    value[size] = '\0';
    return value;
}

size_t rig_lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

size_t rig_entries(const char *dir)
{
    size_t count = 0;
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}
