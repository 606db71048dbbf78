#include "tests/unit/model/schema_fixture.h"

#include "hub/model/json.h"

static char states[][CH_CODE_MAX + 1] = {"open", "shut"};

static ch_field fields[] = {
    {.name = "title", .kind = CH_FIELD_STRING, .class = CH_FIELD_TEXT, .least = 2, .most = 8},
    {.name = "category", .kind = CH_FIELD_CODE, .class = CH_FIELD_PUBLIC, NO_BOUNDS},
    {.name = "state", .kind = CH_FIELD_CODE, .values = states, .value_count = 2, NO_BOUNDS},
    {.name = "score",
     .kind = CH_FIELD_INT,
     .class = CH_FIELD_PUBLIC,
     .required = true,
     .least = 1,
     .most = 5},
    {.name = "count", .kind = CH_FIELD_INT, .class = CH_FIELD_PUBLIC, .least = 0, .most = INT64_MAX},
    {.name = "lon", .kind = CH_FIELD_NUMBER, .class = CH_FIELD_TEXT, .least = -180, .most = 180},
    {.name = "lead", .kind = CH_FIELD_BOOL, .class = CH_FIELD_PUBLIC, NO_BOUNDS},
    {.name = "due", .kind = CH_FIELD_TIME, .class = CH_FIELD_PUBLIC, NO_BOUNDS},
    {.name = "tags", .kind = CH_FIELD_LIST, .class = CH_FIELD_TEXT, .least = 1, .most = 2},
    {.name = "place", .kind = CH_FIELD_MAP, .class = CH_FIELD_PERSONAL, .least = INT64_MIN, .most = 1},
};
static ch_field private_fields[] = {
    {.name = "phone",
     .kind = CH_FIELD_STRING,
     .class = CH_FIELD_PERSONAL,
     .required = true,
     .least = 0,
     .most = 5},
    {.name = "born", .kind = CH_FIELD_TIME, .class = CH_FIELD_PERSONAL, NO_BOUNDS},
};
const ch_type schema_full_type = {.name = "test.full",
                                  .fields = fields,
                                  .field_count = sizeof fields / sizeof *fields,
                                  .private_fields = private_fields,
                                  .private_count = 2,
                                  .producible = true};

int schema_set_up(void **state)
{
    static schema_fixture of;
    static const ch_type plain = {.name = "test.plain", .producible = true};
    static const ch_type own = {.name = "test.own"};
    const ch_type *const types[] = {&schema_full_type, &plain, &own};
    of = (schema_fixture){.error = {.status = CH_OK}};
    ch_buf *const all[] = {&of.data, &of.private_data, &of.public_part, &of.secret, &of.joined};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ch_buf_init(all[i], 1 << 20);
    }
    assert_status(ch_schema_new(&of.schema), CH_OK);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_status(ch_schema_add(of.schema, types[i], &of.error), CH_OK);
    }
    *state = &of;
    return 0;
}

int schema_tear_down(void **state)
{
    schema_fixture *of = *state;
    ch_buf *const all[] = {&of->data, &of->private_data, &of->public_part, &of->secret, &of->joined};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ch_buf_done(all[i]);
    }
    ch_schema_free(of->schema);
    return 0;
}

ch_str schema_json(ch_buf *out, const char *text)
{
    ch_error error;
    ch_buf_clear(out);
    if (text == NULL) {
        return CH_STR_NONE;
    }
    assert_status(ch_json_to_mp(out, ch_str_of(text), &ch_mp_limits_event, &error), CH_OK);
    return ch_buf_str(out);
}

ch_event schema_event(schema_fixture *of, const char *type, const char *data, const char *private_data)
{
    return (ch_event){.id = CH_STR("7"),
                      .source = CH_STR("hotline/1"),
                      .type = ch_str_of(type),
                      .expected_version = -1,
                      .data = schema_json(&of->data, data),
                      .private_data = schema_json(&of->private_data, private_data)};
}
