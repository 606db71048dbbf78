/* The table of everybody who may come in, and how long a grant lives. */
#include "tests/unit/check.h"

#include "hub/run/actor.h"

#include <stdio.h>

#define MANY 1000 /* several growths */

static int setup(void **state)
{
    ch_actors *actors;
    assert_status(ch_actors_new(&actors), CH_OK);
    *state = actors;
    return 0;
}

static int teardown(void **state)
{
    ch_actors_free(*state);
    return 0;
}

static ch_grant grant_of(unsigned number, const char *name)
{
    ch_grant grant = {.role = CH_ROLE_DEPARTMENT};
    snprintf(grant.key, sizeof grant.key, "key-%u", number);
    snprintf(grant.name, sizeof grant.name, "%s", name);
    return grant;
}

static void put(ch_actors *actors, unsigned number, const char *name)
{
    const ch_grant grant = grant_of(number, name);
    assert_status(ch_actors_put(actors, &grant), CH_OK);
}

static void revoke(ch_actors *actors, unsigned number)
{
    ch_grant grant = grant_of(number, "gone");
    grant.revoked = true;
    assert_status(ch_actors_put(actors, &grant), CH_OK);
}

static ch_actor *find(const ch_actors *actors, unsigned number)
{
    const ch_grant grant = grant_of(number, "");
    return ch_actors_find(actors, grant.key);
}

static void a_key_that_nobody_was_given_is_nobodys(void **state)
{
    ch_actors *actors = *state;
    assert_null(find(actors, 1));
    put(actors, 1, "water");
    assert_null(find(actors, 2));
    assert_null(ch_actors_find(actors, ""));
    assert_null(ch_actors_find(actors, "key-"));
    assert_null(ch_actors_find(actors, "key-11"));
}

static void revoking_what_was_never_granted_changes_nothing(void **state)
{
    ch_actors *actors = *state;
    put(actors, 1, "water");
    revoke(actors, 2);
    assert_null(find(actors, 2));
    assert_string_equal(find(actors, 1)->grant.name, "water");
}

static void a_revoked_key_is_nobodys_until_it_is_granted_again(void **state)
{
    ch_actors *actors = *state;
    put(actors, 1, "water");
    revoke(actors, 1);
    assert_null(find(actors, 1));
    revoke(actors, 1);
    put(actors, 1, "health");
    assert_string_equal(find(actors, 1)->grant.name, "health");
}

static void a_new_grant_of_a_key_takes_the_place_of_the_old_one(void **state)
{
    ch_actors *actors = *state;
    put(actors, 1, "water");
    put(actors, 1, "health");
    assert_string_equal(find(actors, 1)->grant.name, "health");
    revoke(actors, 1);
    assert_null(find(actors, 1));
}

static void the_grant_is_a_copy(void **state)
{
    ch_actors *actors = *state;
    ch_grant grant = grant_of(1, "water");
    assert_status(ch_actors_put(actors, &grant), CH_OK);
    memset(&grant, 0, sizeof grant);
    assert_string_equal(find(actors, 1)->grant.name, "water");
    assert_int_equal(find(actors, 1)->grant.role, CH_ROLE_DEPARTMENT);
}

static void everybody_is_found_however_many_there_are(void **state)
{
    ch_actors *actors = *state;
    char name[32];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "client-%u", i);
        put(actors, i, name);
    }
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "client-%u", i);
        assert_string_equal(find(actors, i)->grant.name, name);
    }
}

/* Keys collide in a table of any size: who stands behind a removed one must still be found. */
static void the_others_are_found_after_each_that_goes(void **state)
{
    ch_actors *actors = *state;
    for (unsigned i = 0; i < MANY; i++) {
        put(actors, i, "client");
    }
    for (unsigned gone = 0; gone < MANY; gone += 3) {
        revoke(actors, gone);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(find(actors, i) == NULL, i % 3 == 0);
    }
    for (unsigned i = 0; i < MANY; i++) {
        revoke(actors, i);
        assert_null(find(actors, i));
    }
}

static void who_holds_a_grant_keeps_it_as_it_was(void **state)
{
    ch_actors *actors = *state;
    put(actors, 1, "water");
    ch_actor *held = ch_actor_ref(find(actors, 1));
    put(actors, 1, "health");
    assert_string_equal(held->grant.name, "water");
    assert_string_equal(find(actors, 1)->grant.name, "health");
    revoke(actors, 1);
    assert_string_equal(held->grant.name, "water");
    ch_actor_unref(held);
}

static void the_last_reference_frees(void **state)
{
    (void)state;
    ch_actor *actor;
    const ch_grant grant = grant_of(1, "water");
    assert_status(ch_actor_new(&actor, &grant), CH_OK);
    assert_ptr_equal(ch_actor_ref(actor), actor);
    ch_actor_unref(actor);
    assert_string_equal(actor->grant.name, "water");
    ch_actor_unref(actor);
    ch_actor_unref(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_that_nobody_was_given_is_nobodys),
        TEST(revoking_what_was_never_granted_changes_nothing),
        TEST(a_revoked_key_is_nobodys_until_it_is_granted_again),
        TEST(a_new_grant_of_a_key_takes_the_place_of_the_old_one),
        TEST(the_grant_is_a_copy),
        TEST(everybody_is_found_however_many_there_are),
        TEST(the_others_are_found_after_each_that_goes),
        TEST(who_holds_a_grant_keeps_it_as_it_was),
        TEST(the_last_reference_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
