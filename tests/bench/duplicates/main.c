/* How many duplicates the sketches of hub/model find, and how often they mislead, on invented reports of known matters.
 *
 * A matter is a choice of place, source, nuisance, time and effect. A report tells it in one of three ways and in words of
 * the reporter's choice, leaves things out, and adds what people add. Two reports of one matter are duplicates; reports of
 * different matters of one category share words all the same. Everything comes from one seed.
 */
#include "hub/base/random.h"
#include "hub/model/sketch.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define MATTERS 2000
#define WORDS 3 /* for the same */
#define PARTS 5
#define REPORT_SIZE 1024

/* Each row is one thing, in three words for it. */
static const char *const places[][WORDS] = {
    {"虚构小区东门", "东门口", "小区东大门"},     {"三号楼后面", "3号楼背后", "三栋北侧"},
    {"菜市场旁", "菜场边上", "农贸市场旁边"},     {"示例路十二号", "示例路12号", "示例路上"},
    {"小学围墙外", "学校墙外", "小学旁边"},       {"地下车库入口", "车库门口", "地库入口处"},
    {"河边步道", "河岸小路", "沿河步行道"},       {"公交站后面", "车站背后", "公交站台后"},
    {"老年活动中心", "活动中心门口", "老年中心"}, {"西侧空地", "小区西边空地", "西面荒地"},
};
static const char *const sources[][WORDS] = {
    {"一家厂房", "厂子", "工厂车间"},   {"小作坊", "家庭作坊", "私人加工点"},
    {"餐馆后厨", "饭店厨房", "小饭馆"}, {"化粪池", "污水井", "下水道"},
    {"垃圾堆", "垃圾桶", "垃圾房"},     {"建筑工地", "施工现场", "工地"},
    {"养殖棚", "养鸡的棚子", "鸡舍"},   {"汽修店", "修车铺", "汽车修理厂"},
};
static const char *const nuisances[][WORDS] = {
    {"排放刺鼻气味", "有刺鼻的味道", "刺鼻异味很重"},
    {"飘出油漆味", "油漆味很大", "一股油漆味道"},
    {"烧塑料", "焚烧塑料", "有烧塑料的味道"},
    {"散发恶臭", "臭味很浓", "臭气熏天"},
    {"油烟直排", "油烟很大", "排油烟"},
    {"有煤气味", "像煤气泄漏", "闻到煤气味道"},
    {"冒黑烟", "黑烟滚滚", "有黑色浓烟"},
    {"发出酸臭味", "酸臭难闻", "一股酸味"},
};
static const char *const times[][WORDS] = {
    {"夜里", "晚上", "深夜"},
    {"每天早上", "一大早", "清晨"},
    {"中午前后", "午饭时间", "中午"},
    {"周末两天", "星期六日", "周末"},
    {"下雨以后", "一下雨", "雨天"},
    {"最近一周", "这个星期", "这几天"},
    {"从上月起", "一个月了", "上个月开始"},
    {"全天", "整天", "一天到晚"},
};
static const char *const effects[][WORDS] = {
    {"没法开窗", "窗户不敢开", "不能开窗"},       {"孩子咳嗽", "小孩一直咳", "孩子嗓子疼"},
    {"老人头晕", "家里老人发晕", "老人不舒服"},   {"睡不着觉", "没法睡觉", "影响休息"},
    {"衣服没法晾", "晾衣服都有味", "不能晒衣服"}, {"路人绕道走", "大家都绕路", "行人躲着走"},
    {"担心有毒", "怕有毒气", "怕对身体不好"},     {"店里没生意", "影响做生意", "客人都走了"},
};
static const char *const asides[] = {
    "您好，", "请尽快处理。",       "已经反映过多次。", "希望有关部门来看看。",
    "谢谢！", "再不管就要投诉了。", "居民意见很大。",   ""};

typedef struct matter {
    size_t part[PARTS];
} matter;

static const struct {
    const char *const (*rows)[WORDS];
    size_t count;
} parts[PARTS] = {{places, sizeof places / sizeof *places},
                  {sources, sizeof sources / sizeof *sources},
                  {nuisances, sizeof nuisances / sizeof *nuisances},
                  {times, sizeof times / sizeof *times},
                  {effects, sizeof effects / sizeof *effects}};

static matter some_matter(ch_random_seeded *random)
{
    matter of;
    for (size_t i = 0; i < PARTS; i++) {
        of.part[i] = ch_random_below(random, parts[i].count);
    }
    return of;
}

/* rewording: percent of words that the reporter chooses anew instead of the usual one; leaves out an eighth. */
static void tell(ch_random_seeded *random, const matter *of, unsigned rewording, char out[REPORT_SIZE])
{
    static const size_t orders[][PARTS] = {{0, 1, 3, 2, 4}, {3, 0, 1, 2, 4}, {0, 3, 1, 2, 4}};
    const size_t *order = orders[ch_random_below(random, 3)];
    size_t at = (size_t)snprintf(out, REPORT_SIZE, "%s", asides[ch_random_below(random, 8)]);
    for (size_t i = 0; i < PARTS; i++) {
        size_t word = ch_random_below(random, 100) < rewording ? ch_random_below(random, WORDS) : 0;
        if (ch_random_below(random, 8) > 0) {
            at += (size_t)snprintf(out + at, REPORT_SIZE - at, "%s%s", i == PARTS - 1 ? "，" : "",
                                   parts[order[i]].rows[of->part[order[i]]][word]);
        }
    }
    snprintf(out + at, REPORT_SIZE - at, "。%s", asides[ch_random_below(random, 8)]);
}

/* Without a key: only equality matters here. */
static uint64_t hash_of(ch_str gram)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < gram.size; i++) {
        hash = (hash ^ (uint8_t)gram.at[i]) * UINT64_C(0x100000001b3);
    }
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 32;
}

static void sketch_of(const char *text, uint8_t out[CH_SKETCH_SIZE])
{
    static ch_sketch_grams grams;
    uint64_t hashes[CH_SKETCH_GRAMS_MAX];
    ch_sketch_grams_of(&grams, CH_STR_NONE, ch_str_of(text));
    for (size_t i = 0; i < grams.count; i++) {
        hashes[i] = hash_of(grams.at[i]);
    }
    ch_sketch_make(out, hashes, grams.count);
}

static bool is_same(const matter *a, const matter *b)
{
    return memcmp(a->part, b->part, sizeof a->part) == 0;
}

/* Each matter is reported twice; every second report meets its first and one of another matter. */
static void measure(unsigned rewording)
{
    static uint8_t first[MATTERS][CH_SKETCH_SIZE], second[MATTERS][CH_SKETCH_SIZE];
    static matter matters[MATTERS];
    char report[REPORT_SIZE];
    ch_random_seeded random;
    ch_random_seeded_init(&random, 7);
    for (size_t i = 0; i < MATTERS; i++) {
        matters[i] = some_matter(&random);
        tell(&random, &matters[i], rewording, report);
        sketch_of(report, first[i]);
        tell(&random, &matters[i], rewording, report);
        sketch_of(report, second[i]);
    }
    for (unsigned similar = 15; similar <= 50; similar += 5) {
        size_t found = 0, misled = 0, pairs = 0;
        for (size_t i = 0; i < MATTERS; i++) {
            found += ch_sketch_similarity(first[i], second[i]) >= similar;
            for (size_t k = i + 1; k < MATTERS && k <= i + 64; k++) {
                if (!is_same(&matters[i], &matters[k])) {
                    misled += ch_sketch_similarity(second[i], first[k]) >= similar;
                    pairs++;
                }
            }
        }
        printf("%9u %9u %9.1f%% %11.3f%%\n", rewording, similar, 100.0 * (double)found / MATTERS,
               100.0 * (double)misled / (double)pairs);
    }
}

static double microseconds(const struct timespec *from, const struct timespec *to)
{
    return (double)(to->tv_sec - from->tv_sec) * 1e6 + (double)(to->tv_nsec - from->tv_nsec) / 1e3;
}

static void time_one(void)
{
    char report[REPORT_SIZE];
    uint8_t sketch[CH_SKETCH_SIZE];
    struct timespec from, to;
    ch_random_seeded random;
    ch_random_seeded_init(&random, 7);
    const matter of = some_matter(&random);
    tell(&random, &of, 100, report);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 20000; i++) {
        sketch_of(report, sketch);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("\na sketch of %zu bytes of text: %.1f us\n", strlen(report), microseconds(&from, &to) / 20000);
}

int main(void)
{
    printf("rewording   similar     found false alarms\n");
    measure(0);
    measure(40);
    measure(100);
    time_one();
    return 0;
}
