#include "tests/unit/connectors/stage.h"

#include "hub/model/event.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS INT64_C(1795521600000) /* 2026-11-24T12:00:00Z */

void stage_enter(stage *on)
{
    *on = (stage){.config = NULL};
    snprintf(on->folder, sizeof on->folder, "/tmp/casehub-connect-XXXXXX");
    assert_non_null(mkdtemp(on->folder));
    ch_clock_fake_init(&on->clock, NOW_MS);
}

static int remove_one(const char *path, const struct stat *of, int kind, struct FTW *at)
{
    (void)of, (void)kind, (void)at;
    return remove(path);
}

void stage_leave(stage *on)
{
    ch_connector_config_free(on->config);
    assert_int_equal(nftw(on->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int stage_set_up(void **state)
{
    static stage on;
    stage_enter(&on);
    *state = &on;
    return 0;
}

int stage_tear_down(void **state)
{
    stage_leave(*state);
    return 0;
}

const char *stage_path(const stage *on, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", on->folder, name);
    return path;
}

void stage_write_bytes(const stage *on, const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(stage_path(on, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void stage_write(const stage *on, const char *name, const char *text)
{
    stage_write_bytes(on, name, text, strlen(text));
}

bool stage_has(const stage *on, const char *name)
{
    struct stat of;
    return lstat(stage_path(on, name), &of) == 0;
}

void stage_read(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t got = fread(out, 1, size - 1, file);
    out[got] = '\0';
    assert_int_equal(fclose(file), 0);
}

void stage_configure(stage *on, const char *mapping, const char *more)
{
    char text[2048];
    ch_error error = {.status = CH_OK};
    stage_write(on, "map.jq", mapping);
    snprintf(text, sizeof text,
             "name = \"test\"; source = \"grid/test\"; transport = \"file_drop\"; mapping = \"map.jq\";\n"
             "file_drop = { folder = \"drop\"; };\n%s",
             more);
    stage_write(on, "test.cfg", text);
    ch_status status = ch_connector_config_read(&on->config, stage_path(on, "test.cfg"), NULL, &error);
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
}

static long read_memory(void *context, void *out, size_t most)
{
    memory_unit *memory = context;
    size_t size = memory->left < most ? memory->left : most;
    size = size < memory->piece ? size : memory->piece;
    memcpy(out, memory->at, size);
    memory->at += size;
    memory->left -= size;
    return (long)size;
}

void memory_unit_init(memory_unit *memory, const char *name, const char *identity, const void *bytes,
                      size_t size)
{
    *memory = (memory_unit){.at = bytes, .left = size, .piece = 7};
    memory->unit = (casehub_unit){CASEHUB_SIZED(casehub_unit), .name = name,        .identity = identity,
                                  .time_ms = NOW_MS,           .read = read_memory, .context = memory};
}

void stage_print(stage *on, const char *format, ...)
{
    size_t used = strlen(on->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(on->text + used, sizeof on->text - used, format, arguments);
    va_end(arguments);
}

ch_status stage_take(void *context, const ch_made *made, ch_error *error)
{
    stage *on = context;
    if (made->dead_letter) {
        stage_print(on, "%llu !%s %s: %s\n", (unsigned long long)made->row, made->code, made->place,
                    made->reason);
    }
    for (size_t i = 0; i < made->count; i++) {
        ch_event event;
        assert_status(ch_event_decode(made->events[i], CH_EVENT_PRODUCED, &event, error), CH_OK);
        if (!made->dead_letter) {
            stage_print(on, "%llu %.*s %.*s\n", (unsigned long long)made->row, CH_STR_ARG(event.id),
                        CH_STR_ARG(event.type));
        }
    }
    return CH_OK;
}
