/* What plugins add, old ones too, and the settings that a way out may have. */
#include "connectors/host/registry.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>

static void a_plugin_that_lacks_a_function_is_refused(void **state)
{
    ch_registry registry;
    ch_error error;
    (void)state;
    assert_status(ch_registry_open(&registry, PLUGIN_FOLDER "/connector_plugin_broken.so", &error),
                  CH_UNSUPPORTED);
    assert_string_equal(error.text, "sender 1 lacks a name or a function");
}

static void a_plugin_cannot_take_a_built_in_name(void **state)
{
    ch_registry registry;
    ch_error error;
    (void)state;
    assert_status(ch_registry_open(&registry, PLUGIN_FOLDER "/connector_plugin_taken.so", &error),
                  CH_CONFLICT);
    assert_string_equal(error.text, "sender file_put is built in");
}

static void a_plugin_of_before_there_were_senders_still_works(void **state)
{
    ch_registry registry;
    ch_error error;
    ch_buf list;
    (void)state;
    assert_status(ch_registry_open(&registry, PLUGIN_FOLDER "/connector_plugin_old.so", &error), CH_OK);
    assert_non_null(ch_registry_transport(&registry, "pigeon_in"));
    assert_null(ch_registry_sender(&registry, "pigeon"));
    ch_buf_init(&list, 1000);
    ch_registry_list(&registry, CH_REGISTRY_WRITERS, &list);
    assert_true(ch_str_starts(ch_buf_str(&list), CH_STR("json, text, form, csv")));
    ch_buf_done(&list);
}

static void a_plugin_adds_senders_and_writers(void **state)
{
    ch_registry registry;
    ch_error error;
    (void)state;
    assert_status(ch_registry_open(&registry, PLUGIN_FOLDER "/connector_plugin_new.so", &error), CH_OK);
    assert_string_equal(ch_registry_sender(&registry, "pigeon")->writer, "pigeon_post");
    assert_string_equal(ch_registry_writer(&registry, "pigeon_post")->media_type, "text/x-pigeon");
    assert_non_null(ch_registry_sender(&registry, "file_put"));
}

#define NAMED "name = \"x\"; source = \"water/x\"; "
#define OUTWARD(more)                                                                                        \
    NAMED "outward = { sender = \"file_put\"; mapping = \"out.jq\"; topics = [\">\"]; " more " };"
#define FOLDER "file_put = { folder = \"out\"; };"

static void settings_of_the_way_out_are_checked(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {NAMED "outward = { };", "outward.sender \"\" is none of file_put"},
        {NAMED "outward = { sender = \"pigeon\"; };", "outward.sender \"pigeon\" is none of file_put"},
        {NAMED "outward = { sender = \"file_put\"; writer = \"runes\"; };",
         "outward.writer \"runes\" is none of json, text, form, csv"},
        {NAMED "outward = { sender = 7; };", "sender: a string is expected"},
        {NAMED "outward = 7;", "outward.sender \"\" is none of"},
        {NAMED "outward = { sender = \"file_put\"; topics = [\">\"]; " FOLDER " };", "outward.mapping"},
        {NAMED "outward = { sender = \"file_put\"; mapping = \"m\"; " FOLDER " };", "outward.topics"},
        {OUTWARD(""), "outward.file_put.folder"},
        {OUTWARD(FOLDER " http_post = { };"), "outward.http_post"},
        {OUTWARD(FOLDER " test_mode = \"yes\";"), "outward.test_mode: exclude, include or only"},
        {OUTWARD(FOLDER " retry_first = \"10m\";"), "outward.retry_first is longer than retry_most"},
        {OUTWARD(FOLDER) " mapping = \"in.jq\";", "mapping: nothing comes in without a transport"},
        {OUTWARD(FOLDER) " format = \"csv\";", "format: nothing comes in without a transport"},
        {OUTWARD(FOLDER " answers = true;"), "outward.answers: a format and a mapping are needed"},
        {OUTWARD(FOLDER " answers = true;") " format = \"csv\";",
         "outward.answers: a format and a mapping are needed"},
        {OUTWARD(FOLDER) " transport = \"file_drop\"; file_drop = { folder = \"d\"; };", "mapping"},
    };
    stage *on = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ch_connector_config *config = NULL;
        ch_error error;
        stage_write(on, "bad.cfg", cases[i].text);
        assert_status(ch_connector_config_read(&config, stage_path(on, "bad.cfg"), NULL, &error), CH_INVALID);
        if (strstr(error.text, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].says, error.text);
        }
    }
}

static void a_connector_may_have_a_way_out_only(void **state)
{
    stage *on = *state;
    ch_error error;
    char folder[600];
    stage_write(on, "out.cfg", OUTWARD("writer = \"csv\"; charset = \"GB18030\"; " FOLDER));
    assert_status(ch_connector_config_read(&on->config, stage_path(on, "out.cfg"), NULL, &error), CH_OK);
    const ch_outward_config *outward = &on->config->outward;
    assert_true(on->config->transport_table == NULL && on->config->format_table == NULL);
    assert_string_equal(outward->sender_table->name, "file_put");
    assert_string_equal(outward->writer_table->name, "csv");
    assert_int_equal(outward->retry_most, 300000);
    snprintf(folder, sizeof folder, "%s", stage_path(on, "out"));
    assert_string_equal(outward->sender_values[0].text, folder);
    assert_string_equal(outward->topics.at[0], ">");
}

static void a_connector_may_have_both(void **state)
{
    stage *on = *state;
    stage_configure(
        on, ".", "outward = { sender = \"file_put\"; mapping = \"out.jq\"; topics = [\">\"]; " FOLDER " };");
    assert_string_equal(on->config->transport_table->name, "file_drop");
    assert_string_equal(on->config->outward.writer_table->name, "json");
    assert_string_equal(on->config->transport_values[0].text, stage_path(on, "drop"));
    assert_string_equal(on->config->outward.sender_values[0].text, stage_path(on, "out"));
}

int main(void)
{
#define ON_STAGE(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_plugin_that_lacks_a_function_is_refused),
        TEST(a_plugin_cannot_take_a_built_in_name),
        TEST(a_plugin_of_before_there_were_senders_still_works),
        TEST(a_plugin_adds_senders_and_writers),
        ON_STAGE(settings_of_the_way_out_are_checked),
        ON_STAGE(a_connector_may_have_a_way_out_only),
        ON_STAGE(a_connector_may_have_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
