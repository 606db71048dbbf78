/* What a client may send to the hub and get from it, as an AsyncAPI 3 document. One channel a type: its address is the
 * topic, of which the hub fills in the rest. Events are in their JSON form. */
#include "hub/cli/schema_tables.h"

#include <stdio.h>

#define NAME_SIZE (CH_CODE_MAX + sizeof ".recorded")
#define REFERENCE_SIZE (NAME_SIZE + 64)

/* "#/components/messages/case.opened", the place of something named here. */
static json_t *reference(const char *place, const char *name)
{
    char text[REFERENCE_SIZE];
    snprintf(text, sizeof text, "#/%s/%s", place, name);
    return json_pack("{s:s}", "$ref", text);
}

static const char *recorded_name(const char *type, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%s.recorded", type);
    return out;
}

static json_t *message(const char *name, const ch_type *type, ch_event_form form)
{
    return json_pack("{s:s, s:s, s:o}", "name", name, "contentType", "application/json", "payload",
                     ch_schema_json(type, form));
}

static json_t *channel(const ch_type *type)
{
    char address[CH_CODE_MAX + 32], recorded[NAME_SIZE];
    snprintf(address, sizeof address, "%s.{system}.{party}.{area}", type->name);
    json_t *messages = json_object();
    if (type->producible) {
        json_object_set_new(messages, type->name, reference("components/messages", type->name));
    }
    recorded_name(type->name, recorded);
    json_object_set_new(messages, recorded, reference("components/messages", recorded));
    return json_pack("{s:s, s:{s:o, s:o, s:o}, s:o}", "address", address, "parameters", "system",
                     reference("components/parameters", "system"), "party",
                     reference("components/parameters", "party"), "area",
                     reference("components/parameters", "area"), "messages", messages);
}

static json_t *operation(const char *action, const ch_type *type, const char *name, const char *summary)
{
    char place[REFERENCE_SIZE];
    snprintf(place, sizeof place, "channels/%s/messages", type->name);
    return json_pack("{s:s, s:o, s:s, s:[o]}", "action", action, "channel", reference("channels", type->name),
                     "summary", summary, "messages", reference(place, name));
}

static void add_operations(json_t *operations, const ch_type *type)
{
    char name[NAME_SIZE + 16], recorded[NAME_SIZE];
    if (type->producible) {
        snprintf(name, sizeof name, "publish.%s", type->name);
        json_object_set_new(operations, name,
                            operation("send", type, type->name,
                                      "Publish; the hub makes the topic from the case that it belongs to."));
    }
    snprintf(name, sizeof name, "subscribe.%s", type->name);
    json_object_set_new(operations, name,
                        operation("receive", type, recorded_name(type->name, recorded),
                                  "Subscribe with patterns: * is one word of the topic, > the rest of it."));
}

static json_t *parameters(void)
{
    return json_pack("{s:{s:s}, s:{s:s}, s:{s:s}}", "system", "description",
                     "Where the case began: its source before the slash.", "party", "description",
                     "The receiver of the handoff, or who has the case; _ is nobody.", "area", "description",
                     "The area in up to six levels with dots between: 330702001 is 33.07.02.001; _ is none.");
}

json_t *ch_schema_asyncapi(const ch_schema *schema)
{
    char recorded[NAME_SIZE];
    json_t *channels = json_object(), *operations = json_object(), *messages = json_object();
    for (size_t i = 0; i < ch_schema_count(schema); i++) {
        const ch_type *type = ch_schema_at(schema, i);
        json_object_set_new(channels, type->name, channel(type));
        add_operations(operations, type);
        if (type->producible) {
            json_object_set_new(messages, type->name, message(type->name, type, CH_EVENT_PRODUCED));
        }
        recorded_name(type->name, recorded);
        json_object_set_new(messages, recorded, message(recorded, type, CH_EVENT_RECORDED));
    }
    return json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:s, s:o, s:o, s:{s:o, s:o}}", "asyncapi", "3.0.0", "info", "title",
        "casehub", "version", CASEHUB_VERSION, "description",
        "Events of a city's cases. The wire carries the same values as MessagePack, with times as "
        "integer milliseconds (CHP/1); files and the command line carry this JSON.",
        "defaultContentType", "application/json", "channels", channels, "operations", operations,
        "components", "messages", messages, "parameters", parameters());
}
