#include "tests/bench/core/town.h"

#include "hub/config/rules_config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CATEGORIES 14
#define ITEMS_EACH (TOWN_ITEMS / CATEGORIES)
#define DEPARTMENTS 56
#define STREETS 59
#define GRIDS_EACH (TOWN_GRIDS / STREETS)
#define COUNTIES 4

static void put_item(char out[TOWN_ITEM_SIZE], unsigned item)
{
    snprintf(out, TOWN_ITEM_SIZE, "c%02u.i%02u", item / ITEMS_EACH, item % ITEMS_EACH);
}

/* 33 09 02 007 012: a grid; its first nine digits are its street. */
static void put_grid(char out[TOWN_GRID_SIZE], unsigned grid)
{
    unsigned street = grid / GRIDS_EACH;
    snprintf(out, TOWN_GRID_SIZE, "3309%02u%03u%03u", 1 + street % COUNTIES, 1 + street,
             1 + grid % GRIDS_EACH);
}

static void write_areas(FILE *file)
{
    char grid[TOWN_GRID_SIZE];
    fprintf(file, "code,name\n33,province\n3309,city\n");
    for (unsigned i = 0; i < COUNTIES; i++) {
        fprintf(file, "3309%02u,county %u\n", 1 + i, i);
    }
    for (unsigned i = 0; i < TOWN_GRIDS; i++) {
        put_grid(grid, i);
        if (i % GRIDS_EACH == 0) {
            fprintf(file, "%.9s,street\n", grid);
        }
        fprintf(file, "%s,grid\n", grid);
    }
}

static void write_categories(FILE *file)
{
    char item[TOWN_ITEM_SIZE];
    fprintf(file, "code,parent,name\n");
    for (unsigned i = 0; i < CATEGORIES; i++) {
        fprintf(file, "c%02u,,category\n", i);
    }
    for (unsigned i = 0; i < TOWN_ITEMS; i++) {
        put_item(item, i);
        fprintf(file, "%s,%.3s,item\n", item, item);
    }
}

static void write_parties(FILE *file)
{
    fprintf(file, "code,name,kind,supervisor,areas,reach\nmayor,mayor,department,,33,bus\n");
    for (unsigned i = 0; i < DEPARTMENTS; i++) {
        fprintf(file, "department-%u,department,department,mayor,33,bus\n", i);
    }
    for (unsigned i = 0; i < STREETS; i++) {
        fprintf(file, "street-%u,street,team,mayor,33,bus\n", i);
    }
}

/* What the grid reports is the street's own; the rest goes to the department that owns the item. */
static void write_routing(FILE *file)
{
    char text[TOWN_ITEM_SIZE], grid[TOWN_GRID_SIZE];
    fprintf(file, "hub_code = \"BENCH\";\nutc_offset_minutes = 480;\nroutes = (\n");
    for (unsigned i = 0; i < TOWN_GRIDS; i++) {
        put_grid(grid, i);
        fprintf(file, "{ name = \"grid-%u\"; system = \"grid\"; area = \"%s\"; party = \"street-%u\"; },\n",
                i, grid, i / GRIDS_EACH);
    }
    for (unsigned i = 0; i < TOWN_ITEMS; i++) {
        put_item(text, i);
        fprintf(file, "{ name = \"item-%u\"; category = \"%s\"; party = \"department-%u\"; },\n", i, text,
                i % DEPARTMENTS);
    }
    fprintf(file, "{ name = \"else\"; party = \"mayor\"; }\n);\n");
}

/* Of every case: that it is taken up, and that it is done. */
static void write_clocks(FILE *file)
{
    fprintf(file,
            "clocks = (\n"
            "{ name = \"accepted\"; within = \"3h\"; starts = ( \"handoff.offered\" );\n"
            "  ends = ( \"handoff.accepted\", \"handoff.rejected\" ); escalate = ( \"supervisor\" ); },\n"
            "{ name = \"resolved\"; within = \"168h\"; warn = \"80%%\"; starts = ( \"case.opened\" );\n"
            "  ends = ( \"case.resolved\" ); escalate = ( \"mayor\" ); }\n);\n");
}

static const struct {
    const char *name;
    void (*write)(FILE *file);
} tables[] = {{"areas.csv", write_areas},
              {"categories.csv", write_categories},
              {"parties.csv", write_parties},
              {"routing.cfg", write_routing},
              {"sla.cfg", write_clocks}};
#define TABLE_COUNT (sizeof tables / sizeof *tables)

static bool write_table(const char *folder, size_t index)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, tables[index].name);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    tables[index].write(file);
    bool good = !ferror(file);
    return fclose(file) == 0 && good;
}

static void remove_tables(const char *folder)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, tables[i].name);
        unlink(path);
    }
    rmdir(folder);
}

ch_status town_make(ch_rules **out_rules, const char *schemas_dir, ch_error *error)
{
    char folder[] = "/tmp/casehub-town-XXXXXX";
    if (mkdtemp(folder) == NULL) {
        return ch_error_set(error, CH_IO, folder, "%s", strerror(errno));
    }
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < TABLE_COUNT; i++) {
        status = write_table(folder, i) ? CH_OK : ch_error_set(error, CH_IO, folder, "%s", strerror(errno));
    }
    if (status == CH_OK) {
        status = ch_rules_load(out_rules, schemas_dir, folder, error);
    }
    remove_tables(folder);
    return status;
}

town_case town_random_case(ch_random_seeded *random)
{
    town_case made = {.system = ch_random_below(random, 2) == 0 ? "hotline" : "grid"};
    put_item(made.category, (unsigned)ch_random_below(random, TOWN_ITEMS));
    put_grid(made.area, (unsigned)ch_random_below(random, TOWN_GRIDS));
    return made;
}

ch_route_question town_question(const town_case *of)
{
    return (ch_route_question){.system = ch_str_of(of->system),
                               .kind = CH_STR("matter"),
                               .category = ch_str_of(of->category),
                               .area = ch_str_of(of->area),
                               .priority = 3};
}
