#include "connectors/formats/percent.h"

#include <ctype.h>

static int hex_of(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

void ch_percent_decode(ch_buf *out, ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i] == '+' ? ' ' : text.at[i];
        if (c == '%' && i + 2 < text.size && hex_of(text.at[i + 1]) >= 0 && hex_of(text.at[i + 2]) >= 0) {
            c = (char)(hex_of(text.at[i + 1]) * 16 + hex_of(text.at[i + 2]));
            i += 2;
        }
        ch_buf_append(out, &c, 1);
    }
}

static void encode(ch_buf *out, ch_str bytes, const char *plain, bool space_as_plus)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        if (byte != 0 && byte < 0x80 && (isalnum(byte) || strchr(plain, byte) != NULL)) {
            ch_buf_append(out, &byte, 1);
        } else if (byte == ' ' && space_as_plus) {
            ch_buf_append_text(out, "+");
        } else {
            ch_buf_append_format(out, "%%%02X", byte);
        }
    }
}

void ch_percent_encode(ch_buf *out, ch_str bytes)
{
    encode(out, bytes, "-._~", false);
}

void ch_percent_encode_form(ch_buf *out, ch_str bytes)
{
    encode(out, bytes, "*-._", true);
}
