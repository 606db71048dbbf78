#include "connectors/host/encoding.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define PIECE_SIZE 4096

struct ch_encoding {
    char name[40];
    bool as_it_is;
    iconv_t conversion;
};

ch_status ch_encoding_open(ch_encoding **out_encoding, const char *name, ch_error *error)
{
    ch_encoding *encoding = calloc(1, sizeof *encoding);
    if (encoding == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "outward.charset", "no memory");
    }
    ch_str_copy_cut(encoding->name, sizeof encoding->name, ch_str_of(name));
    encoding->as_it_is = strcasecmp(name, "UTF-8") == 0 || strcasecmp(name, "UTF8") == 0;
    encoding->conversion = (iconv_t)-1;
    /* "//TRANSLIT" and "//IGNORE" would hide what is lost. */
    if (!encoding->as_it_is && strchr(name, '/') == NULL) {
        encoding->conversion = iconv_open(name, "UTF-8");
    }
    if (!encoding->as_it_is && encoding->conversion == (iconv_t)-1) {
        free(encoding);
        return ch_error_set(error, CH_UNSUPPORTED, "outward.charset",
                            "the character set %.40s is not supported", name);
    }
    *out_encoding = encoding;
    return CH_OK;
}

void ch_encoding_close(ch_encoding *encoding)
{
    if (encoding != NULL) {
        if (encoding->conversion != (iconv_t)-1) {
            iconv_close(encoding->conversion);
        }
        free(encoding);
    }
}

static size_t characters_in(const char *from, const char *to)
{
    size_t count = 0;
    for (; from < to; from++) {
        count += ((unsigned char)*from & 0xc0) != 0x80;
    }
    return count;
}

ch_status ch_encoding_convert(ch_encoding *encoding, ch_str text, ch_buf *out, ch_error *error)
{
    char piece[PIECE_SIZE], *at = (char *)(uintptr_t)text.at;
    size_t left = text.size, result = 0;
    if (encoding->as_it_is) {
        ch_buf_append_str(out, text);
        return out->failed;
    }
    iconv(encoding->conversion, NULL, NULL, NULL, NULL);
    do {
        char *to = piece;
        size_t room = sizeof piece;
        /* At the end once more, without input: some sets close with a sequence of their own. */
        bool ending = left == 0;
        result = iconv(encoding->conversion, ending ? NULL : &at, ending ? NULL : &left, &to, &room);
        if (result == (size_t)-1 && errno != E2BIG) {
            return ch_error_set(error, CH_INVALID, NULL, "character %zu of the message is not in %s",
                                characters_in(text.at, at) + 1, encoding->name);
        }
        ch_buf_append(out, piece, sizeof piece - room);
        if (ending && result != (size_t)-1) {
            break;
        }
    } while (out->failed == CH_OK);
    return out->failed;
}
