/* Lines, character sets and formats together: bytes in, records out. */
#include "connectors/formats/formats.h"
#include "connectors/host/charset.h"
#include "tests/unit/connectors/format_bench.h"

static bench csv_bench(void)
{
    bench b = {.format = &ch_format_csv, .record_most = 4096, .charset = "UTF-8"};
    b.values[0].text = ",";
    b.values[1].text = "\"";
    b.values[2].flag = true;
    b.values[4].number = 4;
    return b;
}

static bench json_bench(bool lines)
{
    bench b = {.format = &ch_format_json, .record_most = 4096, .charset = "UTF-8"};
    b.values[0].flag = lines;
    b.values[1].text = "rows";
    b.values[2].number = 4096;
    return b;
}

static bench form_bench(void)
{
    return (bench){.format = &ch_format_form, .record_most = 4096, .charset = "UTF-8"};
}

static void csv_refuses_a_ragged_row_and_reads_on(void **state)
{
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    bench_expect(
        &b, "a,b\n1,2,3\n4\n5,6\n",
        "2@4 !invalid 3 cells where there are 2 columns\n3@10 !invalid 1 cells where there are 2 columns\n"
        "4@12 {\"a\":\"5\",\"b\":\"6\"}\n");
}

static void csv_loses_one_line_to_an_open_quote_not_the_rest(void **state)
{
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    bench_expect(&b, "a,b\n1,\"x\n2,y\n3,z\n",
                 "2@4 !invalid a quote is opened and never closed\n3@9 {\"a\":\"2\",\"b\":\"y\"}\n"
                 "4@13 {\"a\":\"3\",\"b\":\"z\"}\n");
    bench_expect(
        &b, "a,b\n1,\"x\n2,y\n3,z\n4,z\n5,z\n6,z\n",
        "2@4 !invalid a quote is opened and not closed in time\n3@9 {\"a\":\"2\",\"b\":\"y\"}\n"
        "4@13 {\"a\":\"3\",\"b\":\"z\"}\n5@17 {\"a\":\"4\",\"b\":\"z\"}\n6@21 {\"a\":\"5\",\"b\":\"z\"}\n"
        "7@25 {\"a\":\"6\",\"b\":\"z\"}\n");
}

static void csv_refuses_a_quote_inside_a_value(void **state)
{
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    bench_expect(&b, "a,b\n1,x\"y\n2,z\n",
                 "2@4 !invalid a quote stands where none may stand\n3@10 {\"a\":\"2\",\"b\":\"z\"}\n");
}

static void csv_refuses_too_large_values_lines_and_zero_bytes(void **state)
{
    (void)state;
    char text[5200] = "a,b\n1,";
    bench b = csv_bench();
    bench_open(&b);
    memset(text + 6, 'x', 101);
    strcpy(text + 107, "\n2,y\n");
    bench_expect(&b, text,
                 "2@4 !too-large b: the value is larger than 100 bytes\n3@108 {\"a\":\"2\",\"b\":\"y\"}\n");
    memset(text + 6, 'x', 5000);
    strcpy(text + 5006, "\n2,y\n");
    bench_expect(&b, text,
                 "2@4 !too-large the line is longer than 4096 bytes\n3@5007 {\"a\":\"2\",\"b\":\"y\"}\n");
    bench_expect_bytes(&b, "a,b\n1,\0\n2,y\n", 12,
                       "2@4 !invalid the line holds a zero byte\n3@8 {\"a\":\"2\",\"b\":\"y\"}\n");
}

static void csv_rejects_a_unit_with_a_wrong_heading(void **state)
{
    static const char *const wanted[] = {"a", "c"};
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    bench_expect(&b, "a,a\n1,2\n", "rejected: heading row: two columns are called a\n");
    bench_expect(&b, "", "rejected: heading row: there is none\n");
    bench_expect(&b, "\xff,b\n1,2\n", "rejected: heading row: not UTF-8: byte 1 of the line\n");
    b.values[3].texts = wanted;
    b.values[3].text_count = 2;
    bench_expect(&b, "a,b\n1,2\n", "rejected: heading row: there is no column c\n");
}

static void csv_reads_quotes_lines_within_and_a_last_line_without_end(void **state)
{
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    bench_expect(&b, "a,b\r\n\"x \"\"y\"\",\",\"two\nlines\"\r\n\r\n3,",
                 "2@5 {\"a\":\"x \\\"y\\\",\",\"b\":\"two\\u000alines\"}\n5@31 {\"a\":\"3\",\"b\":\"\"}\n");
}

static void csv_keeps_a_record_so_that_it_can_be_read_again(void **state)
{
    (void)state;
    char again[200];
    bench b = csv_bench();
    bench_open(&b);
    b.with_raw = true;
    bench_expect(&b, "a,b\n1,2,3\n4,5\n",
                 "2@4 !invalid 3 cells where there are 2 columns\n[a,b\n1,2,3\n]\n3@10 "
                 "{\"a\":\"4\",\"b\":\"5\"}\n[a,b\n4,5\n]\n");
    b.with_raw = false;
    strcpy(again, "a,b\n4,5\n");
    bench_expect(&b, again, "2@4 {\"a\":\"4\",\"b\":\"5\"}\n");
}

static void csv_reads_other_separators_and_names_from_the_configuration(void **state)
{
    static const char *const names[] = {"a", "b"};
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    b.values[0].text = "tab";
    b.values[2].flag = false;
    b.values[3].texts = names;
    b.values[3].text_count = 2;
    bench_expect(&b, "1\t2,3\n", "1@0 {\"a\":\"1\",\"b\":\"2,3\"}\n");
}

static void a_broken_character_costs_one_line(void **state)
{
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    b.charset = "GB18030";
    bench_expect(&b, "a,b\n\xce\xf7,\xff\n\xce\xf7,2\n",
                 "2@4 !invalid not GB18030: byte 4 of the line\n3@9 {\"a\":\"西\",\"b\":\"2\"}\n");
    b.charset = "UTF-8";
    bench_expect(
        &b, "a,b\n1,\"\xff\n2\",3\n4,5\n",
        "2@4 !invalid not UTF-8: byte 4 of the line\n3@9 !invalid a quote stands where none may stand\n"
        "4@14 {\"a\":\"4\",\"b\":\"5\"}\n");
}

static void second_bytes_that_look_like_ascii_are_no_separators(void **state)
{
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    b.charset = "GB18030";
    b.values[0].text = "|";
    bench_expect(&b, "a|b\n\x81\x7c|\x81\x5c\n", "2@4 {\"a\":\"亅\",\"b\":\"乗\"}\n");
}

static void byte_order_marks_decide_or_refuse(void **state)
{
    (void)state;
    bench b = csv_bench();
    bench_open(&b);
    bench_expect(&b,
                 "\xef\xbb\xbf"
                 "a,b\n1,2\n",
                 "2@7 {\"a\":\"1\",\"b\":\"2\"}\n");
    bench_expect_bytes(
        &b,
        "\xff\xfe"
        "a\0,\0b\0\n\0",
        10, "refused: it begins with the byte order mark of UTF-16 (little-endian), but charset is UTF-8\n");
    b.charset = "GB18030";
    bench_expect(&b,
                 "\xef\xbb\xbf"
                 "a,b\n1,2\n",
                 "refused: it begins with the byte order mark of UTF-8, but charset is GB18030\n");
    b.charset = "UTF-16";
    bench_expect_bytes(&b,
                       "\xff\xfe"
                       "a\0,\0b\0\n\0"
                       "\x0a\x4e,\0\x31\0\n\0",
                       18, "2@10 {\"a\":\"上\",\"b\":\"1\"}\n");
    bench_expect_bytes(&b,
                       "\xfe\xff"
                       "\0a\0,\0b\0\n"
                       "\x4e\x0a\0,\0\x31\0\n",
                       18, "2@10 {\"a\":\"上\",\"b\":\"1\"}\n");
    bench_expect_bytes(&b, "a\0,\0b\0\n\0", 8,
                       "refused: it has no byte order mark: set charset to UTF-16LE or UTF-16BE\n");
}

static void character_sets_that_hide_mistakes_are_not_supported(void **state)
{
    static const char *const names[] = {"GB18030//IGNORE", "UTF-8//TRANSLIT", "UTF-32",
                                        "EBCDIC-US",       "nonsense",        "UTF-7"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ch_charset *charset = NULL;
        ch_error error;
        assert_status(ch_charset_open(&charset, names[i], &error), CH_UNSUPPORTED);
    }
}

static void json_lines_refuse_what_is_no_object(void **state)
{
    (void)state;
    bench b = json_bench(true);
    bench_open(&b);
    bench_expect(&b, "{\"a\":1}\n[1]\n{\"a\":\n{\"a\":1,\"a\":2}\n\n{\"a\":2}\n",
                 "1@0 {\"a\":1}\n2@8 !invalid an object is expected\n3@12 !invalid no JSON: column 5\n"
                 "4@18 !invalid no JSON: column 10\n6@33 {\"a\":2}\n");
}

static void json_keeps_the_digits_of_large_integers(void **state)
{
    (void)state;
    bench b = json_bench(true);
    bench_open(&b);
    bench_expect(
        &b,
        "{\"id\":330902199001011234,\"s\":\"330902199001011234\",\"n\":-1234567890123456,\"f\":1.5,\"k\":42}"
        "\n",
        "1@0 "
        "{\"id\":\"330902199001011234\",\"s\":\"330902199001011234\",\"n\":\"-1234567890123456\",\"f\":1.5,"
        "\"k\":42}\n");
}

static void json_documents_give_their_items(void **state)
{
    (void)state;
    bench b = json_bench(false);
    bench_open(&b);
    bench_expect(&b, "[{\"a\":\n1}, 2, {\"a\":3}]",
                 "1@0 {\"a\":1}\n2@0 !invalid an object is expected\n3@0 {\"a\":3}\n");
    bench_expect(&b, "{\"rows\":[{\"a\":1}]}", "1@0 {\"a\":1}\n");
    bench_expect(&b, "{\"a\":1}", "1@0 {\"a\":1}\n");
    bench_expect(&b, "{\"rows\":1}", "rejected: an array of objects is expected\n");
    bench_expect(&b, "17", "rejected: no JSON: line 1, column 2\n");
    bench_expect(&b, "[{\"a\":1}] x", "rejected: no JSON: line 1, column 11\n");
}

static void forms_are_decoded_and_checked(void **state)
{
    (void)state;
    bench b = form_bench();
    bench_open(&b);
    bench_expect(&b, "description=a+b%26c%E8%B7%AF&tag[]=1&tag[]=2&x=%zz\r\n",
                 "1@0 {\"description\":\"a b&c路\",\"tag\":[\"1\",\"2\"],\"x\":\"%zz\"}\n");
    bench_expect(&b, "a=1&a=2&a=3", "1@0 {\"a\":[\"1\",\"2\",\"3\"]}\n");
    bench_expect(&b, "a=%ff", "1@0 !invalid a value is not UTF-8\n");
    bench_expect(&b, "a=%00", "1@0 !invalid a value is not UTF-8\n");
    bench_expect(&b, "=1", "1@0 !invalid a name is empty or too long\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(csv_refuses_a_ragged_row_and_reads_on),
        TEST(csv_loses_one_line_to_an_open_quote_not_the_rest),
        TEST(csv_refuses_a_quote_inside_a_value),
        TEST(csv_refuses_too_large_values_lines_and_zero_bytes),
        TEST(csv_rejects_a_unit_with_a_wrong_heading),
        TEST(csv_reads_quotes_lines_within_and_a_last_line_without_end),
        TEST(csv_keeps_a_record_so_that_it_can_be_read_again),
        TEST(csv_reads_other_separators_and_names_from_the_configuration),
        TEST(a_broken_character_costs_one_line),
        TEST(second_bytes_that_look_like_ascii_are_no_separators),
        TEST(byte_order_marks_decide_or_refuse),
        TEST(character_sets_that_hide_mistakes_are_not_supported),
        TEST(json_lines_refuse_what_is_no_object),
        TEST(json_keeps_the_digits_of_large_integers),
        TEST(json_documents_give_their_items),
        TEST(forms_are_decoded_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
