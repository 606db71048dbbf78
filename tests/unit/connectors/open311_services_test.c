/* The tables of services, and what clients are told of them. */
#include "connectors/transports/open311_services.h"
#include "tests/unit/connectors/stage.h"

#include <stdio.h>

#define SERVICES "service_code,category,name,description,group,keywords\n"
#define ATTRIBUTES                                                                                           \
    "service_code,code,order,required,variable,datatype,description,datatype_description,values\n"

static void expect_refusal(const char *services_text, const char *attributes_text, const char *where,
                           const char *why)
{
    stage on;
    ch_open311_services services;
    ch_error error = {.status = CH_OK};
    stage_enter(&on);
    stage_write(&on, "services.csv", services_text);
    stage_write(&on, "attributes.csv", attributes_text);
    assert_status(ch_open311_services_read(&services, stage_path(&on, "services.csv"),
                                           stage_path(&on, "attributes.csv"), &error),
                  CH_INVALID);
    if (strstr(error.where, where) == NULL || strstr(error.text, why) == NULL) {
        fail_msg("%s: %s", error.where, error.text);
    }
    ch_open311_services_done(&services);
    stage_leave(&on);
}

static void faulty_services_are_refused_with_their_line(void **state)
{
    (void)state;
    expect_refusal("service_code,category\n", ATTRIBUTES, "services.csv", "no column name");
    expect_refusal(SERVICES, ATTRIBUTES, "services.csv", "no service");
    expect_refusal(SERVICES "a,b,c,,,\n\"a b\",b,c,,,\n", ATTRIBUTES, "services.csv:3", "service_code");
    expect_refusal(SERVICES "a,,c,,,\n", ATTRIBUTES, "services.csv:2", "category");
    expect_refusal(SERVICES "a,b,,,,\n", ATTRIBUTES, "services.csv:2", "name");
    expect_refusal(SERVICES "a,b,c,,,\na,b,c,,,\n", ATTRIBUTES, "services.csv:3", "there already");
}

static void a_long_path_does_not_hide_the_file_and_its_line(void **state)
{
    stage on;
    char file[200];
    ch_open311_services services;
    ch_error error = {.status = CH_OK};
    (void)state;
    snprintf(file, sizeof file, "%0130d-services.csv", 0);
    stage_enter(&on);
    stage_write(&on, file, SERVICES "a,,c,,,\n");
    assert_status(ch_open311_services_read(&services, stage_path(&on, file), "", &error), CH_INVALID);
    assert_non_null(strstr(error.where, "-services.csv:2"));
    ch_open311_services_done(&services);
    stage_leave(&on);
}

static void faulty_attributes_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *row, *why;
    } rows[] = {
        {"b,X,1,true,true,string,d,,\n", "no such service"},
        {"a,X Y,1,true,true,string,d,,\n", "code"},
        {"a,X,first,true,true,string,d,,\n", "order"},
        {"a,X,1,yes,true,string,d,,\n", "required"},
        {"a,X,1,true,TRUE,string,d,,\n", "variable"},
        {"a,X,1,true,false,string,d,,\n", "not variable"},
        {"a,X,1,true,true,boolean,d,,\n", "datatype"},
        {"a,X,1,true,true,string,d,,k=v\n", "only a list"},
        {"a,X,1,true,true,singlevaluelist,d,,\n", "needs values"},
        {"a,X,1,true,true,singlevaluelist,d,,k\n", "key=name"},
        {"a,X,1,true,true,singlevaluelist,d,,=v\n", "key=name"},
        {"a,X,1,true,true,singlevaluelist,d,,k=\n", "key=name"},
        {"a,X,1,true,true,singlevaluelist,d,,k=v|k=w\n", "twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", ATTRIBUTES, rows[i].row);
        expect_refusal(SERVICES "a,b,c,,,\n", text, "attributes.csv:2", rows[i].why);
    }
    expect_refusal(SERVICES "a,b,c,,,\n",
                   ATTRIBUTES "a,X,1,true,true,string,d,,\na,X,2,true,true,string,d,,\n", "attributes.csv:3",
                   "already");
}

static void read_tables(stage *on, ch_open311_services *services)
{
    ch_error error = {.status = CH_OK};
    stage_enter(on);
    stage_write(on, "services.csv",
                SERVICES "lamp,lamp.out,路灯,坏了,市政,\"灯,杆\"\nadvice,advice,咨询,,,\n");
    stage_write(on, "attributes.csv",
                ATTRIBUTES "lamp,NOTE,2,false,false,string,说明,,\nlamp,EXTENT,1,true,true,singlevaluelist,"
                           "几盏,选,one=一|row=排\n");
    ch_status status = ch_open311_services_read(services, stage_path(on, "services.csv"),
                                                stage_path(on, "attributes.csv"), &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
}

static void expect_json(json_t *document, const char *wanted)
{
    char text[2048];
    size_t size = json_dumpb(document, text, sizeof text - 1, JSON_COMPACT);
    assert_in_range(size, 1, sizeof text - 1);
    text[size] = '\0';
    json_decref(document);
    assert_string_equal(text, wanted);
}

static void services_are_told_with_what_they_want_to_know(void **state)
{
    stage on;
    ch_open311_services services;
    (void)state;
    read_tables(&on, &services);
    expect_json(
        ch_open311_services_document(&services),
        "[{\"service_code\":\"lamp\",\"service_name\":\"路灯\",\"description\":\"坏了\",\"metadata\":true,"
        "\"type\":\"realtime\",\"keywords\":\"灯,杆\",\"group\":\"市政\"},"
        "{\"service_code\":\"advice\",\"service_name\":\"咨询\",\"description\":\"\",\"metadata\":false,"
        "\"type\":\"realtime\",\"keywords\":\"\",\"group\":\"\"}]");
    expect_json(
        ch_open311_service_document(ch_open311_service_find(&services, CH_STR("lamp"))),
        "{\"service_code\":\"lamp\",\"attributes\":[{\"variable\":true,\"code\":\"EXTENT\","
        "\"datatype\":\"singlevaluelist\",\"required\":true,\"datatype_description\":\"选\",\"order\":1,"
        "\"description\":\"几盏\",\"values\":[{\"key\":\"one\",\"name\":\"一\"},{\"key\":\"row\",\"name\":"
        "\"排\"}]},"
        "{\"variable\":false,\"code\":\"NOTE\",\"datatype\":\"string\",\"required\":false,"
        "\"datatype_description\":\"\",\"order\":2,\"description\":\"说明\"}]}");
    expect_json(ch_open311_service_document(ch_open311_service_find(&services, CH_STR("advice"))),
                "{\"service_code\":\"advice\",\"attributes\":[]}");
    assert_null(ch_open311_service_find(&services, CH_STR("lam")));
    assert_null(ch_open311_service_of_category(&services, CH_STR("lamp")));
    assert_string_equal(ch_open311_service_of_category(&services, CH_STR("lamp.out"))->code.at, "lamp");
    ch_open311_services_done(&services);
    stage_leave(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(faulty_services_are_refused_with_their_line),
        TEST(a_long_path_does_not_hide_the_file_and_its_line),
        TEST(faulty_attributes_are_refused_with_their_line),
        TEST(services_are_told_with_what_they_want_to_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
