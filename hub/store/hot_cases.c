#include "hub/store/hot_cases.h"

#include <stdlib.h>

typedef struct hot_case {
    uint64_t number;
    ch_case *the_case;
    struct hot_case *next_in_bucket;
    struct hot_case *newer, *older; /* in the list of its kind */
    bool changed;
} hot_case;

typedef struct use_list {
    hot_case *newest, *oldest;
    size_t count;
} use_list;

struct ch_hot_cases {
    size_t limit, bucket_count; /* a power of two */
    hot_case **buckets;
    use_list unchanged, changed;
    hot_case *spare; /* keeps the memory of cases that went, linked by `older` */
    size_t spare_count;
};

#define SPARE_MAX 64

static hot_case **bucket_of(ch_hot_cases *hot, uint64_t number)
{
    return &hot->buckets[number & (hot->bucket_count - 1)];
}

static void link_newest(use_list *list, hot_case *entry)
{
    entry->newer = NULL;
    entry->older = list->newest;
    if (list->newest != NULL) {
        list->newest->newer = entry;
    } else {
        list->oldest = entry;
    }
    list->newest = entry;
    list->count++;
}

static void unlink_from(use_list *list, hot_case *entry)
{
    if (entry->newer != NULL) {
        entry->newer->older = entry->older;
    } else {
        list->newest = entry->older;
    }
    if (entry->older != NULL) {
        entry->older->newer = entry->newer;
    } else {
        list->oldest = entry->newer;
    }
    list->count--;
}

ch_status ch_hot_cases_new(ch_hot_cases **out_hot, size_t limit)
{
    ch_hot_cases *hot = calloc(1, sizeof *hot);
    if (hot == NULL) {
        return CH_NO_MEMORY;
    }
    hot->limit = limit == 0 ? 1 : limit;
    hot->bucket_count = 64;
    while (hot->bucket_count < hot->limit && hot->bucket_count < (size_t)1 << 24) {
        hot->bucket_count *= 2;
    }
    hot->buckets = calloc(hot->bucket_count, sizeof *hot->buckets);
    if (hot->buckets == NULL) {
        free(hot);
        return CH_NO_MEMORY;
    }
    *out_hot = hot;
    return CH_OK;
}

static void free_entry(hot_case *entry)
{
    ch_case_free(entry->the_case);
    free(entry);
}

void ch_hot_cases_free(ch_hot_cases *hot)
{
    if (hot == NULL) {
        return;
    }
    ch_hot_cases_forget(hot);
    while (hot->spare != NULL) {
        hot_case *entry = hot->spare;
        hot->spare = entry->older;
        free_entry(entry);
    }
    free(hot->buckets);
    free(hot);
}

static hot_case *find_entry(ch_hot_cases *hot, uint64_t number)
{
    hot_case *entry = *bucket_of(hot, number);
    while (entry != NULL && entry->number != number) {
        entry = entry->next_in_bucket;
    }
    return entry;
}

ch_case *ch_hot_cases_find(ch_hot_cases *hot, uint64_t number)
{
    hot_case *entry = find_entry(hot, number);
    if (entry == NULL) {
        return NULL;
    }
    if (!entry->changed && entry != hot->unchanged.newest) {
        unlink_from(&hot->unchanged, entry);
        link_newest(&hot->unchanged, entry);
    }
    return entry->the_case;
}

static hot_case *take_spare(ch_hot_cases *hot)
{
    hot_case *entry = hot->spare;
    if (entry != NULL) {
        hot->spare = entry->older;
        hot->spare_count--;
        ch_case_clear(entry->the_case);
        return entry;
    }
    entry = calloc(1, sizeof *entry);
    if (entry != NULL && ch_case_new(&entry->the_case) != CH_OK) {
        free(entry);
        entry = NULL;
    }
    return entry;
}

ch_status ch_hot_cases_add(ch_hot_cases *hot, uint64_t number, ch_case **out_case)
{
    hot_case *entry = take_spare(hot);
    if (entry == NULL) {
        return CH_NO_MEMORY;
    }
    hot_case **bucket = bucket_of(hot, number);
    entry->number = number;
    entry->changed = false;
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    link_newest(&hot->unchanged, entry);
    *out_case = entry->the_case;
    return CH_OK;
}

static void drop(ch_hot_cases *hot, hot_case *entry)
{
    hot_case **link = bucket_of(hot, entry->number);
    while (*link != entry) {
        link = &(*link)->next_in_bucket;
    }
    *link = entry->next_in_bucket;
    unlink_from(entry->changed ? &hot->changed : &hot->unchanged, entry);
    if (hot->spare_count == SPARE_MAX) {
        free_entry(entry);
        return;
    }
    entry->older = hot->spare;
    hot->spare = entry;
    hot->spare_count++;
}

void ch_hot_cases_remove(ch_hot_cases *hot, uint64_t number)
{
    hot_case *entry = find_entry(hot, number);
    if (entry != NULL) {
        drop(hot, entry);
    }
}

void ch_hot_cases_mark_changed(ch_hot_cases *hot, uint64_t number)
{
    hot_case *entry = find_entry(hot, number);
    if (entry != NULL && !entry->changed) {
        unlink_from(&hot->unchanged, entry);
        entry->changed = true;
        link_newest(&hot->changed, entry);
    }
}

size_t ch_hot_cases_changed(const ch_hot_cases *hot)
{
    return hot->changed.count;
}

bool ch_hot_cases_is_full(const ch_hot_cases *hot)
{
    return hot->changed.count >= hot->limit;
}

void ch_hot_cases_trim(ch_hot_cases *hot)
{
    while (hot->unchanged.count > 0 && hot->unchanged.count + hot->changed.count > hot->limit) {
        drop(hot, hot->unchanged.oldest);
    }
}

void ch_hot_cases_forget(ch_hot_cases *hot)
{
    while (hot->unchanged.newest != NULL) {
        drop(hot, hot->unchanged.newest);
    }
    while (hot->changed.newest != NULL) {
        drop(hot, hot->changed.newest);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t one = (*(hot_case *const *)a)->number, other = (*(hot_case *const *)b)->number;
    return one < other ? -1 : one > other;
}

static ch_status write_sorted(hot_case **sorted, size_t count, ch_hot_case_writer write, void *context)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        status = write(context, sorted[i]->the_case);
    }
    return status;
}

ch_status ch_hot_cases_write(ch_hot_cases *hot, ch_hot_case_writer write, void *context)
{
    size_t count = 0;
    if (hot->changed.count == 0) {
        return CH_OK;
    }
    hot_case **sorted = malloc(hot->changed.count * sizeof(hot_case *));
    if (sorted == NULL) {
        return CH_NO_MEMORY;
    }
    for (hot_case *entry = hot->changed.newest; entry != NULL; entry = entry->older) {
        sorted[count++] = entry;
    }
    qsort(sorted, count, sizeof *sorted, compare_numbers);
    ch_status status = write_sorted(sorted, count, write, context);
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        unlink_from(&hot->changed, sorted[i]);
        sorted[i]->changed = false;
        link_newest(&hot->unchanged, sorted[i]);
    }
    free(sorted);
    return status;
}
