#include "tests/unit/config/scratch.h"

#include "tests/unit/check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int scratch_setup(void **state)
{
    const char *top = getenv("TMPDIR");
    scratch *made = calloc(1, sizeof *made);
    assert_non_null(made);
    snprintf(made->folder, sizeof made->folder, "%s/casehub-config-XXXXXX", top == NULL ? "/tmp" : top);
    assert_non_null(mkdtemp(made->folder));
    *state = made;
    return 0;
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about, (void)type, (void)at;
    return remove(path);
}

int scratch_teardown(void **state)
{
    scratch *made = *state;
    int failed = nftw(made->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(made);
    return failed;
}

const char *scratch_write(scratch *in, const char *name, ch_str content)
{
    assert_true(snprintf(in->path, sizeof in->path, "%s/%s", in->folder, name) < (int)sizeof in->path);
    FILE *out = fopen(in->path, "wbe");
    assert_non_null(out);
    assert_int_equal(fwrite(content.at == NULL ? "" : content.at, 1, content.size, out), content.size);
    assert_int_equal(fclose(out), 0);
    return in->path;
}

const char *scratch_text(scratch *in, const char *name, const char *content)
{
    return scratch_write(in, name, ch_str_of(content));
}

void assert_place(const scratch *in, const char *where, unsigned line)
{
    char expected[PATH_MAX + 16];
    snprintf(expected, sizeof expected, line == 0 ? "%s" : "%s:%u", in->path, line);
    assert_string_equal(where, expected);
}
