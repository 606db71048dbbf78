#include "hub/model/person.h"

#include "hub/model/mp.h"

#include <stdio.h>

#define DIGITS_LEAST 5
#define CHINA "86"
#define MOBILE_DIGITS 11

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char capital(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Keeps digits, and with_letters capital ones too. 0: there are too few, or too many. */
static size_t gather(ch_str written, bool with_letters, char *out, size_t room)
{
    size_t size = 0, digits = 0;
    for (size_t i = 0; i < written.size; i++) {
        char c = capital(written.at[i]);
        if (!is_digit(c) && !(with_letters && c >= 'A' && c <= 'Z')) {
            continue;
        }
        if (size == room) {
            return 0;
        }
        digits += is_digit(c);
        out[size++] = c;
    }
    return digits < DIGITS_LEAST ? 0 : size;
}

/* The country's own code, as +86 or 0086, says nothing more about a mobile number. */
static ch_str without_country(ch_str digits)
{
    ch_str rest = digits;
    if (ch_str_starts(rest, CH_STR("00"))) {
        rest = (ch_str){rest.at + 2, rest.size - 2};
    }
    bool has_code = ch_str_starts(rest, CH_STR(CHINA)) && rest.size == sizeof CHINA - 1 + MOBILE_DIGITS;
    return has_code ? (ch_str){rest.at + 2, MOBILE_DIGITS} : digits;
}

bool ch_person_phone(ch_str written, ch_person_key *out_key)
{
    char digits[CH_PERSON_KEY_SIZE - sizeof "phone:"];
    size_t size = gather(written, false, digits, sizeof digits);
    ch_str plain = without_country((ch_str){digits, size});
    snprintf(out_key->text, sizeof out_key->text, "phone:%.*s", CH_STR_ARG(plain));
    return size > 0;
}

bool ch_person_id_number(ch_str written, ch_person_key *out_key)
{
    char plain[CH_PERSON_KEY_SIZE - sizeof "phone:"];
    size_t size = gather(written, true, plain, sizeof plain);
    snprintf(out_key->text, sizeof out_key->text, "id:%.*s", (int)size, plain);
    return size > 0;
}

size_t ch_person_keys(ch_str private_data, ch_person_key out_keys[CH_PERSON_KEYS_MOST])
{
    size_t count = 0;
    if (private_data.size == 0) {
        return 0;
    }
    count += ch_person_phone(ch_mp_find_str(private_data, "phone"), &out_keys[count]);
    count += ch_person_id_number(ch_mp_find_str(private_data, "id_number"), &out_keys[count]);
    return count;
}
