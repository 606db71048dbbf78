#include "hub/model/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void ch_base64_encode(ch_buf *out, ch_str bytes)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t have = bytes.size - i < 3 ? bytes.size - i : 3;
        uint32_t group = 0;
        char text[4];
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (k < have ? (uint8_t)bytes.at[i + k] : 0);
        }
        for (size_t k = 0; k < 4; k++) {
            text[k] = k <= have ? letters[group >> (18 - 6 * k) & 0x3f] : '=';
        }
        ch_buf_append(out, text, sizeof text);
    }
}

/* 64 when it is none of the letters. */
static uint32_t number_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return (uint32_t)(letter - 'A');
    }
    if (letter >= 'a' && letter <= 'z') {
        return (uint32_t)(letter - 'a') + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return (uint32_t)(letter - '0') + 52;
    }
    return letter == '+' ? 62 : letter == '/' ? 63 : 64;
}

static size_t padding_of(ch_str text)
{
    return text.size == 0 || text.at[text.size - 1] != '=' ? 0 : text.at[text.size - 2] != '=' ? 1 : 2;
}

bool ch_base64_is_valid(ch_str text)
{
    if (text.size % 4 != 0) {
        return false;
    }
    size_t padding = padding_of(text);
    uint32_t number = 0;
    for (size_t i = 0; i < text.size - padding; i++) {
        number = number_of(text.at[i]);
        if (number == 64) {
            return false;
        }
    }
    uint32_t unused = padding == 0 ? 0 : padding == 1 ? 0x03 : 0x0f;
    return (number & unused) == 0;
}

void ch_base64_decode(ch_buf *out, ch_str text)
{
    size_t padding = padding_of(text);
    for (size_t i = 0; i < text.size; i += 4) {
        uint32_t group = 0;
        for (size_t k = 0; k < 4; k++) {
            group = group << 6 | (text.at[i + k] == '=' ? 0 : number_of(text.at[i + k]));
        }
        const uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
        ch_buf_append(out, bytes, i + 4 < text.size ? 3 : 3 - padding);
    }
}
