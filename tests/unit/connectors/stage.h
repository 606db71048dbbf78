/* stage.h - what the tests of the connectors share: folders, units in memory, and lists of what came out. */
#ifndef TESTS_UNIT_CONNECTORS_STAGE_H
#define TESTS_UNIT_CONNECTORS_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connectors/host/pipeline.h"

#define TEST(name) cmocka_unit_test(name)
#define assert_status(got, wanted) assert_string_equal(ch_status_name(got), ch_status_name(wanted))

typedef struct stage {
    char folder[64];
    ch_connector_config *config;
    ch_clock_fake clock;
    char text[64 * 1024]; /* what came out, a line each */
} stage;

/* A temporary folder; leave removes it and what is in it. */
void stage_enter(stage *on);
void stage_leave(stage *on);
/* The two as cmocka's: the state is a stage. */
int stage_set_up(void **state);
int stage_tear_down(void **state);
/* folder/name, in one of four buffers used in turn. */
const char *stage_path(const stage *on, const char *name);
void stage_write(const stage *on, const char *name, const char *text);
void stage_write_bytes(const stage *on, const char *name, const void *bytes, size_t size);
bool stage_has(const stage *on, const char *name);
void stage_read(const char *path, char *out, size_t size);

/* A connector with this mapping; more: further settings. */
void stage_configure(stage *on, const char *mapping, const char *more);

/* A unit that gives its bytes in pieces. */
typedef struct memory_unit {
    const char *at;
    size_t left, piece;
    casehub_unit unit;
} memory_unit;
void memory_unit_init(memory_unit *memory, const char *name, const char *identity, const void *bytes,
                      size_t size);

/* A ch_made_fn: writes "row id type", or "row !code place: reason", and a failure's raw as "  raw" when with_raw. */
ch_status stage_take(void *on, const ch_made *made, ch_error *error);
void stage_print(stage *on, const char *format, ...) CH_PRINTF(2, 3);

#endif
