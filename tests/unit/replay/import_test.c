/* import: an archive into an empty folder, and into a store that holds the beginning of it. */
#include "tests/unit/replay/rig.h"

#include "hub/store/store_format.h"

#define RECORDS 40
#define TEXT "the lamp is out"

typedef struct paths {
    rig_path archive, keys, into;
} paths;

/* A log of RECORDS records and one that is sealed, stopped; its archive, a copy of its keys, and a place to import to. */
static paths prepare(rig *self)
{
    paths of;
    rig_path name;
    rig_fill(self, RECORDS);
    rig_seal(self, TEXT, "Wang");
    rig_keep(of.archive, in_folder(self->base, "archive"));
    rig_keep(of.into, in_folder(self->base, "into"));
    rig_keep(of.keys, in_folder(self->base, "keys"));
    rig_run(self, "export", "--store", self->dir, "--output", of.archive, "--sealed");
    assert_code(self, 0);
    assert_ok(ch_dir_make(of.keys, &self->error), &self->error);
    rig_keep(name, in_folder(of.keys, "cases.slots"));
    file_copy(in_folder(self->dir, "keys/cases.slots"), name);
    rig_keep(name, in_folder(of.keys, "deadletters.slots"));
    file_copy(in_folder(self->dir, "keys/deadletters.slots"), name);
    return of;
}

static void import_it(rig *self, const paths *of)
{
    rig_run(self, "import", "--file", (char *)of->archive, "--store", (char *)of->into, "--key",
            self->key_file, "--keys", (char *)of->keys, "--json");
}

static void a_damaged_archive_changes_nothing(void **state)
{
    rig *self = *state;
    paths of = prepare(self);
    file_flip(of.archive, file_size(of.archive) / 2, 1);
    size_t entries = rig_entries(self->base);
    import_it(self, &of);
    assert_code(self, 65);
    assert_string_equal(rig_field(self, "ok"), "false");
    assert_int_equal(rig_entries(self->base), entries);
}

static void what_cannot_be_imported_says_what_to_do(void **state)
{
    rig *self = *state;
    paths of = prepare(self);
    rig_run(self, "export", "--store", self->dir, "--output", of.archive);
    import_it(self, &of);
    assert_code(self, 64);
    assert_says(self->err, "export it again with --sealed");
    rig_run(self, "export", "--store", self->dir, "--output", of.archive, "--format", "jsonl");
    import_it(self, &of);
    assert_code(self, 64);
    assert_says(self->err, "only an archive");
    rig_run(self, "export", "--store", self->dir, "--output", of.archive, "--sealed", "--from", "11");
    import_it(self, &of);
    assert_code(self, 65);
    assert_says(self->err, "ends at record 0, and the archive begins at 11");
}

static void another_hub_key_exits_77(void **state)
{
    rig *self = *state;
    rig_path other;
    uint8_t key[CH_KEY_SIZE];
    paths of = prepare(self);
    rig_keep(other, in_folder(self->base, "other.key"));
    assert_ok(ch_hub_key_make(other, &self->seeded.random, key, &self->error), &self->error);
    rig_run(self, "import", "--file", of.archive, "--store", of.into, "--key", other, "--keys", of.keys);
    assert_code(self, 77);
}

static void a_store_that_is_open_exits_75(void **state)
{
    rig *self = *state;
    paths of = prepare(self);
    rig_keep(of.into, self->dir);
    import_it(self, &of);
    assert_code(self, 75);
}

static void a_new_store_has_the_same_chain_and_state_and_opens_what_was_sealed(void **state)
{
    rig *self = *state;
    char chain[256], hash[256];
    paths of = prepare(self);
    rig_run(self, "verify", "--store", self->dir, "--json");
    memcpy(chain, rig_field(self, "chain"), sizeof chain);
    memcpy(hash, rig_field(self, "state_hash"), sizeof hash);
    import_it(self, &of);
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "imported"), "41");
    assert_string_equal(rig_field(self, "chain"), chain);
    assert_string_equal(rig_field(self, "state_hash"), hash);
    rig_run(self, "rebuild", "--store", of.into, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "equal"), "true");
    assert_string_equal(rig_field(self, "state_hash"), hash);
    rig_run(self, "cat", "--store", of.into, "--from", "41", "--key", self->key_file);
    assert_code(self, 0);
    assert_says(self->out, TEXT);
    rig_run(self, "diff", self->dir, of.into);
    assert_code(self, 0);
}

static void without_keys_what_was_sealed_counts_as_erased(void **state)
{
    rig *self = *state;
    paths of = prepare(self);
    rig_run(self, "import", "--file", of.archive, "--store", of.into, "--key", self->key_file, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "keys"), "\"lost\"");
    rig_run(self, "cat", "--store", of.into, "--key", self->key_file);
    assert_code(self, 0);
    assert_says(self->err, "of 1 events the sealed part is erased");
    assert_null(strstr(self->out, TEXT));
}

static void who_serves_from_it_begins_the_next_epoch(void **state)
{
    rig *self = *state;
    paths of = prepare(self);
    import_it(self, &of);
    assert_code(self, 0);
    rig_stop(self);
    rig_keep(self->dir, of.into);
    rig_start(self);
    assert_int_equal(self->store->epoch, 2);
    assert_int_equal(ch_state_position(self->store->state), RECORDS + 1);
}

static void a_store_with_the_beginning_gets_what_is_new(void **state)
{
    rig *self = *state;
    paths of = prepare(self);
    import_it(self, &of);
    assert_code(self, 0);
    rig_fill(self, RECORDS + 30);
    rig_seal(self, "and out again", "Wang");
    rig_run(self, "export", "--store", self->dir, "--output", of.archive, "--sealed", "--from", "20");
    assert_code(self, 0);
    rig_run(self, "import", "--file", of.archive, "--store", of.into, "--key", self->key_file);
    assert_code(self, 64);
    assert_says(self->err, "--keys");
    import_it(self, &of);
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "before"), "41");
    assert_string_equal(rig_field(self, "imported"), "30");
    rig_run(self, "diff", self->dir, of.into);
    assert_code(self, 0);
    rig_run(self, "rebuild", "--store", of.into, "--json");
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "equal"), "true");
    import_it(self, &of);
    assert_code(self, 0);
    assert_string_equal(rig_field(self, "imported"), "0");
}

/* The key is gone in the store, but still in the copy. */
static void what_is_erased_in_the_store_stays_erased(void **state)
{
    rig *self = *state;
    ch_slots *slots;
    uint8_t hub_key[CH_KEY_SIZE];
    rig_path path;
    paths of = prepare(self);
    import_it(self, &of);
    assert_code(self, 0);
    rig_keep(path, in_folder(of.into, "keys/cases.slots"));
    assert_ok(ch_hub_key_read(self->key_file, hub_key, &self->error), &self->error);
    assert_ok(ch_slots_open(&slots, path, hub_key, &self->seeded.random, &self->error), &self->error);
    assert_ok(ch_slots_erase(slots, 1, &self->error), &self->error);
    ch_slots_close(slots);
    rig_fill(self, RECORDS + 30);
    rig_run(self, "export", "--store", self->dir, "--output", of.archive, "--sealed");
    import_it(self, &of);
    assert_code(self, 0);
    rig_run(self, "cat", "--store", of.into, "--key", self->key_file);
    assert_code(self, 0);
    assert_null(strstr(self->out, TEXT));
}

static void a_store_that_went_its_own_way_is_refused_at_the_record(void **state)
{
    rig *self = *state;
    paths of = prepare(self);
    import_it(self, &of);
    assert_code(self, 0);
    ledger_point point = self->ledger.now;
    ledger_hub(&self->ledger, "hub.alert", "code", "one", NULL);
    rig_run(self, "export", "--store", self->dir, "--output", of.archive, "--sealed");
    assert_code(self, 0);
    rig_stop(self);
    rig_keep(self->dir, of.into);
    self->ledger.now = point;
    rig_start(self);
    ledger_hub(&self->ledger, "hub.alert", "code", "two", NULL);
    rig_stop(self);
    import_it(self, &of);
    assert_code(self, 65);
    assert_says(self->err, "record 42 is another one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(a_damaged_archive_changes_nothing),
        TEST(what_cannot_be_imported_says_what_to_do),
        TEST(another_hub_key_exits_77),
        TEST(a_store_that_is_open_exits_75),
        TEST(a_store_that_went_its_own_way_is_refused_at_the_record),
        TEST(a_new_store_has_the_same_chain_and_state_and_opens_what_was_sealed),
        TEST(without_keys_what_was_sealed_counts_as_erased),
        TEST(who_serves_from_it_begins_the_next_epoch),
        TEST(a_store_with_the_beginning_gets_what_is_new),
        TEST(what_is_erased_in_the_store_stays_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
