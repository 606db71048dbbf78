/* The real rules folder loads; the same folder with one mistake in it is refused at the mistake. */
#include "tests/unit/check.h"
#include "tests/unit/config/scratch.h"

#include "hub/config/rules_config.h"
#include "hub/config/text_file.h"

#include <stdio.h>
#include <sys/stat.h>

#define SCHEMAS CASEHUB_SOURCE_DIR "/schemas"
#define FILE_LIMIT ((size_t)1 << 20)

static const char *const files[] = {"events.cfg",       "lifecycle.cfg",       "city/areas.csv",
                                    "city/parties.csv", "city/categories.csv", "city/routing.cfg",
                                    "city/sla.cfg",     "city/calendar.csv"};

/* In `file`, the first `before` becomes `after`; what is said then, at the line where `after` begins plus
 * `further`. */
typedef struct mistake {
    const char *file, *before, *after, *said;
    int further;
} mistake;

static void read_source(ch_buf *out, const char *file)
{
    char path[PATH_MAX];
    ch_error error;
    snprintf(path, sizeof path, SCHEMAS "/%s", file);
    assert_ok(ch_text_file_read(out, path, &error), &error);
}

/* Copies the rules folder, with the mistake in its file; returns the mistake's line. */
static unsigned copy_rules(scratch *in, const mistake *one)
{
    char folder[PATH_MAX];
    unsigned line = 0;
    snprintf(folder, sizeof folder, "%s/city", in->folder);
    (void)mkdir(folder, 0700);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ch_buf text, changed;
        ch_buf_init(&text, FILE_LIMIT);
        ch_buf_init(&changed, FILE_LIMIT);
        read_source(&text, files[i]);
        ch_buf_append(&text, "", 1);
        const char *all = (const char *)text.at, *found = NULL;
        if (one != NULL && strcmp(one->file, files[i]) == 0) {
            found = strstr(all, one->before);
            if (found == NULL) {
                fail_msg("%s has no longer: %s", one->file, one->before);
            }
        }
        for (const char *at = all; found != NULL && at < found; at++) {
            line += *at == '\n';
        }
        if (found == NULL) {
            ch_buf_append_text(&changed, all);
        } else {
            ch_buf_append(&changed, all, (size_t)(found - all));
            ch_buf_append_text(&changed, one->after);
            ch_buf_append_text(&changed, found + strlen(one->before));
        }
        scratch_write(in, files[i], ch_buf_str(&changed));
        ch_buf_done(&text);
        ch_buf_done(&changed);
    }
    return line + 1;
}

static ch_status load(const scratch *in, ch_rules **out_rules, ch_error *error)
{
    char city[PATH_MAX];
    snprintf(city, sizeof city, "%s/city", in->folder);
    return ch_rules_load(out_rules, in->folder, city, error);
}

static void check_mistakes(scratch *in, const mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ch_rules *rules = NULL;
        ch_error error = {.status = CH_OK};
        char place[64];
        int line = (int)copy_rules(in, &mistakes[i]) + mistakes[i].further;
        assert_status(load(in, &rules, &error), CH_INVALID);
        assert_null(rules);
        assert_string_equal(error.text, mistakes[i].said);
        const char *slash = strrchr(mistakes[i].file, '/');
        snprintf(place, sizeof place, "%s:%d", slash == NULL ? mistakes[i].file : slash + 1, line);
        if (strstr(error.where, place) == NULL) {
            fail_msg("%s: said at %s, is at %s", error.text, error.where, place);
        }
    }
}

static void a_missing_file_is_named(void **state)
{
    scratch *in = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ch_rules *rules = NULL;
        ch_error error;
        char path[PATH_MAX];
        copy_rules(in, NULL);
        snprintf(path, sizeof path, "%s/%s", in->folder, files[i]);
        assert_int_equal(remove(path), 0);
        assert_status(load(in, &rules, &error), CH_NOT_FOUND);
        assert_string_equal(error.where, path);
        assert_null(rules);
    }
}

static void mistakes_in_events_cfg_are_refused(void **state)
{
    static const mistake mistakes[] = {
        {"events.cfg", "types = (", "kinds = (", "there is no setting kinds", 0},
        {"events.cfg", "types = (\n", "types = 5; x = (\n", "there is no setting x", 0},
        {"events.cfg", "{ name = \"case.opened\";", "{ nmae = \"case.opened\";", "there is no setting nmae",
         0},
        {"events.cfg", "{ name = \"case.opened\";", "{ name = 5;", "name: a string is expected", 0},
        {"events.cfg", "{ name = \"case.opened\";", "7, { name = \"case.opened\";",
         "a group { ... } is expected here", 0},
        {"events.cfg", "{ name = \"case.opened\";", "{ name = \"case.opened\"; like = \"case.open\";",
         "like: no type case.open stands above", 0},
        {"events.cfg", "{ name = \"case.opened\";", "{ name = \"case.opened\"; producible = 1;",
         "producible: true or false is expected", 0},
        {"events.cfg", "{ name = \"title\";       kind = \"string\";", "{ name = \"title\"; kind = \"text\";",
         "kind: text is none of the known ones", 0},
        {"events.cfg", "{ name = \"title\";       kind = \"string\";", "{ name = \"title\";",
         "a field needs a name and a kind", 0},
        {"events.cfg", "{ name = \"title\";       kind = \"string\";", "{ kind = \"string\";",
         "a field needs a name and a kind", 0},
        {"events.cfg", "{ name = \"title\"; ", "{ name = \"kind\"; ", "field kind is there twice", 0},
        {"events.cfg", "{ name = \"title\"; ", "{ name = \"kind_local\"; ", "field kind_local is there twice",
         0},
        {"events.cfg", "class = \"text\";   most = 1000;", "class = \"secret\"; most = 1000;",
         "class: secret is none of the known ones", 0},
        {"events.cfg", "class = \"text\";   most = 1000;", "class = \"text\"; least = 2; most = 1;",
         "field title: least is above most", 0},
        {"events.cfg", "class = \"text\";   most = 1000;", "class = \"text\"; most = \"1000\";",
         "most: an integer is expected", 0},
        {"events.cfg", "class = \"text\";   most = 1000;", "class = \"text\"; most = 99999999999;",
         "99999999999 does not fit: put an L behind it, or write it as a string", 0},
        {"events.cfg", "class = \"text\";   most = 1000;", "class = \"text\"; values = ( \"a\" );",
         "values: only codes are chosen from a list", 0},
        {"events.cfg", "values = ( \"request\",", "values = ( 7,", "values: a list of codes is expected", 0},
    };
    check_mistakes(*state, mistakes, sizeof mistakes / sizeof *mistakes);
}

static void mistakes_in_lifecycle_cfg_are_refused(void **state)
{
    static const mistake mistakes[] = {
        {"lifecycle.cfg", "hops = 8;", "hops = 0;", "hops: 0 is outside 1 to 256", 0},
        {"lifecycle.cfg", "similar = 30;", "similar = 0;", "similar: 0 is outside 1 to 100", 0},
        {"lifecycle.cfg", "similar = 30;", "", "duplicates needs within (up to 32d) and similar (percent)",
         0},
        {"lifecycle.cfg", "within = \"7d\";", "within = \"33d\";",
         "duplicates needs within (up to 32d) and similar (percent)", 0},
        {"lifecycle.cfg", "within =", "window =", "there is no setting window", 0},
        {"lifecycle.cfg", "hops = 8;", "hop = 8;", "there is no setting hop", 0},
        {"lifecycle.cfg", "rejections = 5;", "rejections = 257;", "rejections: 257 is outside 1 to 256", 0},
        {"lifecycle.cfg", "cases = (\n", "cases = { };\nothers = (\n", "there is no setting others", 1},
        {"lifecycle.cfg", "{ type = \"case.opened\"; ", "{ type = \"case.openend\"; ",
         "there is no event type case.openend", 0},
        {"lifecycle.cfg", "{ type = \"case.opened\"; ", "{ ",
         "a transition needs a type, and `to` or `back` but not both", 0},
        {"lifecycle.cfg", "to = \"received\"; routes = true;", "to = \"recieved\"; routes = true;",
         "to: there is no state recieved", 0},
        {"lifecycle.cfg", "from = [ \"none\" ];        to = \"received\"",
         "from = [ \"nothing\" ]; to = \"received\"", "from: there is no state nothing", 0},
        {"lifecycle.cfg", "from = [ \"none\" ];        to = \"received\"",
         "from = \"none\"; to = \"received\"", "from: a list is expected", 0},
        {"lifecycle.cfg", "from = [ \"none\" ];        to = \"received\"", "from = [ 5 ]; to = \"received\"",
         "from: a list of states is expected", 0},
        {"lifecycle.cfg", "from = [ \"none\" ];        to = \"received\"", "to = \"received\"",
         "case.opened is legal in no state", 0},
        {"lifecycle.cfg", "back = true;", "back = true; to = \"received\";",
         "a transition needs a type, and `to` or `back` but not both", 0},
        {"lifecycle.cfg", "back = true;", "back = \"yes\";", "back: true or false is expected", 0},
        {"lifecycle.cfg", "then = \"case.closed\";", "then = \"case.close\";",
         "case.feedback: then names case.close, which has no transition", 0},
        {"lifecycle.cfg", "{ type = \"case.accepted\"; ", "{ kind = \"matters\"; type = \"case.accepted\"; ",
         "there is no kind matters of cases", 0},
        {"lifecycle.cfg", "by = \"hub\";      from = [ \"offered\" ];",
         "by = \"clerk\"; from = [ \"offered\" ];", "by: receiver, offerer or hub is expected", 0},
        {"lifecycle.cfg", "leads_to = \"assigned\";", "leads_to = \"assign\";",
         "leads_to: there is no state assign", 0},
        {"lifecycle.cfg", "to = \"delivered\";", "to = \"accepted\";",
         "handoff.delivered cannot lead to accepted", 0},
    };
    check_mistakes(*state, mistakes, sizeof mistakes / sizeof *mistakes);
}

static void mistakes_in_the_tables_are_refused(void **state)
{
    static const mistake mistakes[] = {
        {"city/areas.csv", "330203,", "3302031,", "area 3302031 is not 2, 4, 6, 9, 12 or 15 digits", 0},
        {"city/areas.csv", "3302,", "3302031234567890,", "code: an area has 2 to 15 digits", 0},
        {"city/areas.csv", "3302,宁波", "3302,宁波,x", "3 cells where the heading has 2", 0},
        {"city/categories.csv", "power.trip,power,", "power.trip,powr,",
         "category power.trip: there is no parent powr", 0},
        {"city/categories.csv", "power.trip,", "Power.trip,", "code: a code of a-z, 0-9, _ and - is expected",
         0},
        {"city/categories.csv", "power,,", "power,power.trip,", "category power: its parents form a cycle",
         0},
        {"city/parties.csv", "power-supply,供电局,department,city-supervision,",
         "power-supply,供电局,department,city-supervisor,",
         "party power-supply: there is no supervisor city-supervisor", 0},
        {"city/parties.csv", "power-supply,供电局,department,", "power-supply,供电局,bureau,",
         "kind: department, firm, organisation, team or unit is expected", 0},
        {"city/parties.csv", "power-supply,供电局,", ",供电局,",
         "code: a code of a-z, 0-9, _ and - is expected", 0},
        {"city/parties.csv", "city-supervision,33,bus,\nurban", "city-supervision,34,bus,\nurban",
         "party power-supply: there is no area 34", 0},
        {"city/parties.csv", "city-supervision,33,bus,\nurban",
         "city-supervision,1 2 3 4 5 6 7 8 9,bus,\nurban", "areas: at most 8 prefixes, separated by spaces",
         0},
        {"city/parties.csv", "city-supervision,33,bus,\nurban",
         "city-supervision,3302031234567890,bus,\nurban", "areas: an area has at most 15 digits", 0},
        {"city/parties.csv", "radio,24h", "radio,25h",
         "duty: 24h, or days and times such as 1-5 08:30-17:30, are expected, several with ;", 0},
        {"city/parties.csv", "1-7 08:00-20:00\nfirm-repair-b", "6-2 08:00-20:00\nfirm-repair-b",
         "duty: 24h, or days and times such as 1-5 08:30-17:30, are expected, several with ;", 0},
        {"city/parties.csv", "reach,duty", "reach,hours", "there are 7 columns where 6 are known", 0},
        {"city/parties.csv", ",reach,", ",how,", "there is no column reach", 0},
    };
    check_mistakes(*state, mistakes, sizeof mistakes / sizeof *mistakes);
}

static void tables_with_other_columns_are_refused(void **state)
{
    scratch *in = *state;
    static const struct {
        const char *before, *after, *said;
    } headings[] = {
        {"code,name\n", "code,title\n", "there is no column name"},
        {"code,name\n33,浙江省\n", "code,name,x\n33,浙江省,\n", "there are 3 columns where 2 are known"},
    };
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) {
        ch_rules *rules = NULL;
        ch_error error;
        copy_rules(in, NULL);
        ch_buf text;
        ch_buf_init(&text, FILE_LIMIT);
        ch_buf_append_text(&text, headings[i].after);
        scratch_write(in, "city/areas.csv", ch_buf_str(&text));
        ch_buf_done(&text);
        assert_status(load(in, &rules, &error), CH_INVALID);
        assert_string_equal(error.text, headings[i].said);
        assert_non_null(strstr(error.where, "areas.csv"));
    }
}

/* Whom the route for a person in the river names, from the line where the route begins. */
#define RIVER                                                                                                \
    "\n  parties = ( \"water-rescue\", \"police-patrol\", \"ambulance\" ); form = \"parallel\"; need = "     \
    "\"all\";"

static void mistakes_in_routing_cfg_are_refused(void **state)
{
    static const mistake mistakes[] = {
        {"city/routing.cfg", "utc_offset_minutes = 480;", "utc_offset_minutes = 900;",
         "utc_offset_minutes: 900 is outside -840 to 840", 0},
        {"city/routing.cfg", "hub_code = \"ZJ\";", "hub_code = \"ZJ345678901234567\";",
         "hub_code: longer than 16 bytes", 0},
        {"city/routing.cfg", "hub_code = ", "hubcode = ", "there is no setting hubcode", 0},
        {"city/routing.cfg", "party = \"fire-brigade\"; ", "party = \"fire-brigate\"; ",
         "route fire: there is no party fire-brigate", 0},
        {"city/routing.cfg", "party = \"fire-brigade\"; ", "party = \"fire-brigade\"; on_duty = \"night\"; ",
         "on_duty: true or false is expected", 0},
        {"city/routing.cfg", "party = \"fire-brigade\"; ", "", "a route needs a name and a party, or parties",
         0},
        {"city/routing.cfg", RIVER, "parties = ( \"water-resque\", \"ambulance\" ); form = \"parallel\";",
         "route person-in-river: there is no party water-resque", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"ambulance\", \"ambulance\" ); form = \"parallel\";",
         "route person-in-river: party ambulance is there twice", 0},
        {"city/routing.cfg", RIVER, "parties = ( 7 );", "parties: a code is expected", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"Ambulance\" );", "parties: a code is expected", 0},
        {"city/routing.cfg", RIVER, "parties = ( );",
         "parties: 1 to 32 codes are expected, and no party beside them", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"ambulance\" ); party = \"water\";",
         "parties: 1 to 32 codes are expected, and no party beside them", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"ambulance\", \"water\" );",
         "route person-in-river: several parties need a form: sequence, parallel, joint or cc", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"ambulance\", \"water\" ); form = \"cc\";",
         "route person-in-river: form cc informs, and gives the case to nobody", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"ambulance\", \"water\" ); form = \"heap\";",
         "form: there is no form heap", 0},
        {"city/routing.cfg", RIVER, "party = \"ambulance\"; form = \"sequence\";",
         "route person-in-river: form sequence needs a list of at least two parties", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"ambulance\", \"water\" ); form = \"parallel\"; need = 3;",
         "route person-in-river: need is 3 of only 2 parties", 0},
        {"city/routing.cfg", RIVER, "parties = ( \"ambulance\", \"water\" ); form = \"parallel\"; need = 0;",
         "need: 0 is outside 1 to 32", 0},
        {"city/routing.cfg", RIVER,
         "parties = ( \"ambulance\", \"water\" ); form = \"parallel\"; need = \"most\";",
         "need: all, any or a number is expected", 0},
        {"city/routing.cfg", RIVER,
         "parties = ( \"ambulance\", \"water\" ); form = \"joint\"; lead = \"fire-brigade\";",
         "route person-in-river: lead fire-brigade is none of the parties", 0},
        {"city/routing.cfg", RIVER,
         "parties = ( \"ambulance\", \"water\" ); form = \"joint\"; need = \"any\";",
         "route person-in-river: need belongs to form parallel, not to form joint", 0},
        {"city/routing.cfg", RIVER, "party = \"ambulance\"; lead = \"ambulance\";",
         "route person-in-river: lead belongs to form joint, not to form single", 0},
        {"city/routing.cfg", "name = \"person-in-river\"; ", "name = \"Person\"; ",
         "name: a code is expected", 0},
        {"city/routing.cfg", "name = \"ambulance\"; ", "name = \"person-in-river\"; ",
         "route person-in-river is there twice", 0},
        {"city/routing.cfg", "category = \"river\";", "category = \"rivers\";",
         "route person-in-river: there is no category rivers", 0},
        {"city/routing.cfg", "category = \"river\";", "category = \"river\"; area = \"44\"; ",
         "route person-in-river: there is no area 44", 0},
        {"city/routing.cfg", "category = \"river\";", "category = \"river\"; kind = \"rescue\"; ",
         "there is no kind rescue of cases", 0},
        {"city/routing.cfg", "category = \"river\";", "category = \"river\"; priority = 6; ",
         "priority: 6 is outside 1 to 5", 0},
        {"city/routing.cfg", "due = \"5m\";", "due = \"5 minutes\";",
         "due: a time such as \"20ms\", \"5s\", \"10m\", \"3h\" is expected", 0},
        {"city/routing.cfg", "due = \"5m\";", "until = \"5m\";", "there is no setting until", 0},
    };
    check_mistakes(*state, mistakes, sizeof mistakes / sizeof *mistakes);
}

/* The first clock of the city, which is one of handoffs and runs around the clock. */
#define FIRST "{ name = \"unit-answers\"; system = \"emergency\"; within = \"1m\";"
#define FIRST_ENDS "ends = ( \"handoff.accepted\", \"handoff.rejected\" );"
#define CITY "{ name = \"city\"; days = \"calendar.csv\"; from = 2026; until = 2027;"

static void mistakes_in_sla_cfg_are_refused(void **state)
{
    static const mistake mistakes[] = {
        {"city/sla.cfg", "clocks = (", "clock = (", "there is no setting clock", 0},
        {"city/sla.cfg", FIRST, "{ system = \"emergency\"; within = \"1m\";", "a clock needs a name", 0},
        {"city/sla.cfg", FIRST, "{ name = \"Unit\"; within = \"1m\";", "name: a code is expected", 0},
        {"city/sla.cfg", FIRST, "{ name = \"unit-arrives\"; within = \"1m\";",
         "clock unit-arrives: it is there twice", 3},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; systems = \"emergency\";", "there is no setting systems", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\";", "a clock needs one of within, working and days", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; days = 3;",
         "a clock needs one of within, working and days", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"0m\";", "clock a: it has no time", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; days = 1001;", "days: 1001 is outside 1 to 1000", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; working = \"1h\";", "clock a: working time needs a calendar",
         0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; days = 1; calendar = \"town\";",
         "clock a: there is no calendar town", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; calendar = \"city\";",
         "clock a: it runs around the clock, without a calendar", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; warn = \"1m\";",
         "clock a: it would warn before it starts", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; warn = \"100%\";",
         "warn: 1% to 99%, or a time before it is due", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; category = \"rivers\";",
         "clock a: there is no category rivers", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; area = \"44\";",
         "clock a: there is no area 44", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; kind = \"rescue\";",
         "there is no kind rescue of cases", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; priority = 6;",
         "priority: 6 is outside 1 to 5", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; pauses = ( \"case.waiting\" );",
         "clock a: nothing resumes it", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; resumes = ( \"case.resumed\" );",
         "clock a: nothing pauses it", 0},
        {"city/sla.cfg", FIRST, "{ name = \"a\"; within = \"1m\"; pauses = ( \"case.waiting:\" );",
         "pauses: event types are expected, as in \"case.waiting\" or \"case.waiting:citizen\"", 0},
        {"city/sla.cfg", "starts = ( \"handoff.offered\" );", "", "clock unit-answers: nothing starts it",
         -1},
        {"city/sla.cfg", "starts = ( \"handoff.offered\" );",
         "starts = ( \"handoff.offered\", \"case.opened\" );",
         "clock unit-answers: it starts with events of handoffs or of cases, not with both", -1},
        {"city/sla.cfg", FIRST_ENDS, "", "clock unit-answers: nothing ends it", -1},
        {"city/sla.cfg", FIRST_ENDS, "ends = ( );", "clock unit-answers: nothing ends it", -1},
        {"city/sla.cfg", FIRST_ENDS, "ends = ( \"handoff.taken\" );",
         "clock unit-answers: there is no event of cases or handoffs handoff.taken", -1},
        {"city/sla.cfg", FIRST_ENDS, "ends = ( \"hub.alert\" );",
         "clock unit-answers: there is no event of cases or handoffs hub.alert", -1},
        {"city/sla.cfg", "escalate = ( \"supervisor\" );", "escalate = ( \"mayor\" );",
         "clock unit-answers: there is no party mayor", -2},
        {"city/sla.cfg", "escalate = ( \"supervisor\" );", "escalate = ( 7 );",
         "escalate: parties, or \"supervisor\", are expected", 0},
        {"city/sla.cfg", "escalate = ( \"supervisor\" );", "escalate = ( \"supervisor\", \"water\" );",
         "clock unit-answers: every: the time between two levels is needed", -2},
    };
    check_mistakes(*state, mistakes, sizeof mistakes / sizeof *mistakes);
}

static void mistakes_in_calendars_are_refused(void **state)
{
    static const mistake mistakes[] = {
        {"city/sla.cfg", CITY, "{ name = \"city\"; name2 = 1;", "there is no setting name2", 0},
        {"city/sla.cfg", CITY, "{ name = \"City\"; from = 2026; until = 2027;", "name: a code is expected",
         0},
        {"city/sla.cfg", CITY, "{ name = \"city\"; until = 2027;", "from, until: 1 to 50 years are expected",
         0},
        {"city/sla.cfg", CITY, "{ name = \"city\"; from = 2028; until = 2027;",
         "from, until: 1 to 50 years are expected", 0},
        {"city/sla.cfg", CITY, "{ name = \"city\"; from = 2026; until = 2076;",
         "from, until: 1 to 50 years are expected", 0},
        {"city/sla.cfg", CITY, "{ name = \"city\"; days = \"../calendar.csv\"; from = 2026; until = 2027;",
         "days: a file of the same folder is expected", 0},
        {"city/sla.cfg", CITY, "{ name = \"city\"; zone = \"Zhejiang/Ningbo\"; from = 2026; until = 2027;",
         "zone: there is no time zone Zhejiang/Ningbo", 0},
        {"city/sla.cfg", "calendars = (",
         "calendars = ( { name = \"city\"; from = 2026; until = 2026; hours = ( \"08:00-09:00\" ); },",
         "calendar city is there twice", 1},
        {"city/sla.cfg", "\"08:30-12:00\"", "\"8:30-12:00\"",
         "hours: at most 8 periods as in \"08:30-12:00\"", 0},
        {"city/sla.cfg", "\"08:30-12:00\"", "\"08:30-14:00\"",
         "calendar city: periods of work lie within a day, one after another", 0},
        {"city/calendar.csv", "date,kind,name\n", "date,kind,name\n2026-13-01,holiday,x\n",
         "date: a day as in 2026-10-01 is expected", 1},
        {"city/calendar.csv", "date,kind,name\n", "date,kind,name\n2028-01-01,holiday,x\n",
         "date: calendar city covers 2026 to 2027", 1},
        {"city/calendar.csv", "date,kind,name\n", "date,kind,name\n2026-01-01,holiday,x\n",
         "date: 2026-01-01 is there twice", 2},
        {"city/calendar.csv", "date,kind,name\n", "date,kind,name\n2026-11-23,workday,x\n",
         "date: 2026-11-23 is no Saturday or Sunday, and works anyway", 1},
        {"city/calendar.csv", "2026-01-01,holiday", "2026-01-01,free", "kind: holiday or workday is expected",
         0},
    };
    check_mistakes(*state, mistakes, sizeof mistakes / sizeof *mistakes);
}

static void the_real_clocks_count_by_the_real_calendar(void **state)
{
    (void)state;
    ch_rules *rules;
    ch_error error;
    int64_t due,
        start = INT64_C(1790769600000); /* 2026-09-30T20:00:00+08:00, before the holidays of October */
    assert_ok(ch_rules_load(&rules, SCHEMAS, SCHEMAS "/city", &error), &error);
    const ch_clock_rule *answered = ch_rules_clock(rules, CH_STR("post-answered"));
    assert_non_null(answered);
    assert_status(ch_clock_rule_due_again(answered, start, answered->amount, &due), CH_OK);
    assert_int_equal(due, INT64_C(1791648000000)); /* 2026-10-11T00:00:00+08:00: Saturday the 10th works */
    assert_false(ch_clock_rule_is_of_handoff(answered));
    assert_string_equal(answered->pauses.at[0].type, "case.waiting");
    assert_string_equal(answered->pauses.at[0].code, "citizen");
    const ch_clock_rule *accepted = ch_rules_clock(rules, CH_STR("post-accepted"));
    assert_true(ch_clock_rule_is_of_handoff(accepted));
    assert_status(ch_clock_rule_due_again(accepted, start, accepted->amount, &due), CH_OK);
    assert_int_equal(due, start + INT64_C(10800000));
    assert_int_equal(ch_clock_rule_warn_ms(accepted, start, due), due - INT64_C(1800000));
    assert_null(ch_rules_clock(rules, CH_STR("post")));
    ch_rules_unref(rules);
}

static void a_hub_without_a_code_is_refused(void **state)
{
    scratch *in = *state;
    static const mistake one = {.file = "city/routing.cfg", .before = "hub_code = \"ZJ\";", .after = ""};
    ch_rules *rules = NULL;
    ch_error error;
    copy_rules(in, &one);
    assert_status(load(in, &rules, &error), CH_INVALID);
    assert_string_equal(error.where, "hub_code");
}

static void the_real_rules_load_and_route(void **state)
{
    (void)state;
    ch_rules *rules;
    ch_error error;
    assert_ok(ch_rules_load(&rules, SCHEMAS, SCHEMAS "/city", &error), &error);
    assert_string_equal(rules->hub_code, "ZJ");
    assert_int_equal(rules->utc_offset_minutes, 480);
    const ch_party *party = ch_rules_party(rules, CH_STR("power-supply"));
    assert_non_null(party);
    assert_string_equal(party->name, "供电局");
    assert_string_equal(party->supervisor, "city-supervision");
    assert_string_equal(party->place, "parties.csv:3");
    assert_string_equal(ch_rules_area(rules, CH_STR("3302"))->name, "宁波");
    assert_string_equal(ch_rules_category(rules, CH_STR("power.trip"))->parent, "power");
    const ch_route_question question = {.system = CH_STR("grid"), .category = CH_STR("power.trip")};
    assert_string_equal(ch_route_choose(rules, &question, NULL)->party, "power-supply");
    const ch_route_question river = {.system = CH_STR("emergency"), .category = CH_STR("river.person")};
    const ch_route *rescue = ch_route_choose(rules, &river, NULL);
    assert_int_equal(rescue->form, CH_FORM_PARALLEL);
    assert_int_equal(rescue->more_count, 2);
    assert_string_equal(rescue->more[1], "ambulance");
    ch_rules_unref(rules);
}

/* One name that each field of the type is known by, or NULL. */
static const ch_field *field_of(const ch_rules *rules, const char *type, const char *name)
{
    const ch_type *found = ch_schema_find(rules->schema, ch_str_of(type));
    assert_non_null(found);
    for (size_t i = 0; i < found->field_count; i++) {
        if (strcmp(found->fields[i].name, name) == 0) {
            return &found->fields[i];
        }
    }
    return NULL;
}

static void the_real_schema_says_what_each_field_is(void **state)
{
    (void)state;
    ch_rules *rules;
    ch_error error;
    assert_ok(ch_rules_load(&rules, SCHEMAS, SCHEMAS "/city", &error), &error);
    const ch_field *priority = field_of(rules, "case.opened", "priority");
    assert_non_null(priority);
    assert_int_equal(priority->kind, CH_FIELD_INT);
    assert_int_equal(priority->class, CH_FIELD_PUBLIC);
    assert_true(priority->least == 1 && priority->most == 5 && !priority->required);
    const ch_field *kind = field_of(rules, "case.opened", "kind");
    assert_int_equal(kind->value_count, 7);
    assert_string_equal(kind->values[6], "post");
    const ch_field *local = field_of(rules, "case.opened", "category_local");
    assert_non_null(local);
    assert_int_equal(local->kind, CH_FIELD_STRING);
    assert_null(field_of(rules, "case.opened", "title_local"));
    const ch_type *opened = ch_schema_find(rules->schema, CH_STR("case.opened"));
    assert_true(opened->private_count > 0);
    assert_int_equal(opened->private_fields[0].class, CH_FIELD_PERSONAL);
    ch_rules_unref(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(mistakes_in_events_cfg_are_refused),
        cmocka_unit_test(mistakes_in_lifecycle_cfg_are_refused),
        cmocka_unit_test(mistakes_in_the_tables_are_refused),
        cmocka_unit_test(tables_with_other_columns_are_refused),
        cmocka_unit_test(mistakes_in_routing_cfg_are_refused),
        cmocka_unit_test(mistakes_in_sla_cfg_are_refused),
        cmocka_unit_test(mistakes_in_calendars_are_refused),
        cmocka_unit_test(the_real_clocks_count_by_the_real_calendar),
        cmocka_unit_test(a_hub_without_a_code_is_refused),
        cmocka_unit_test(the_real_rules_load_and_route),
        cmocka_unit_test(the_real_schema_says_what_each_field_is),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
