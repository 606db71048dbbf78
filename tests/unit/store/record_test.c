#include "tests/unit/check.h"

#include "hub/store/record.h"

static const uint8_t nonce_a[CH_NONCE_SIZE] = {1, 2, 3};
static const uint8_t key_a[CH_KEY_SIZE] = {1, 2, 3}, key_b[CH_KEY_SIZE] = {9, 8, 7};
static const ch_str case_a = {"ZJ-20261123-1", 13}, case_b = {"ZJ-20261123-2", 13};

static ch_record sample(uint64_t sequence)
{
    return (ch_record){.flags = CH_RECORD_OPENS_CASE | CH_RECORD_TAKES_REF,
                       .sequence = sequence,
                       .case_number = 7,
                       .recorded_ms = INT64_C(1795400820000),
                       .epoch = 3,
                       .case_version = 1,
                       .digest = {5, 6},
                       .public_part = CH_STR("the public part"),
                       .sealed = CH_STR("the sealed part")};
}

static void refuses_a_record_with_any_bit_turned(void **state)
{
    (void)state;
    uint8_t chain[CH_HASH_SIZE] = {0};
    ch_record record = sample(1), out;
    ch_buf buf;
    ch_buf_init(&buf, 65536);
    ch_record_encode(&buf, &record, chain);
    for (size_t bit = 0; bit < buf.size * 8; bit++) {
        buf.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_status(ch_record_decode(ch_buf_str(&buf), &out), CH_CORRUPT);
        buf.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_status(ch_record_decode(ch_buf_str(&buf), &out), CH_OK);
    ch_buf_done(&buf);
}

static void refuses_a_record_cut_or_lengthened(void **state)
{
    (void)state;
    uint8_t chain[CH_HASH_SIZE] = {0};
    ch_record record = sample(1), out;
    ch_buf buf;
    ch_buf_init(&buf, 65536);
    ch_record_encode(&buf, &record, chain);
    for (size_t size = 0; size < buf.size; size++) {
        assert_status(ch_record_decode((ch_str){(const char *)buf.at, size}, &out), CH_CORRUPT);
    }
    ch_buf_append(&buf, "x", 1);
    assert_status(ch_record_decode(ch_buf_str(&buf), &out), CH_CORRUPT);
    ch_buf_done(&buf);
}

/* The layout is a file format: these bytes must never come out differently. */
static void has_the_layout_of_format_1(void **state)
{
    (void)state;
    uint8_t chain[CH_HASH_SIZE] = {0};
    ch_record record = sample(0x0102030405060708);
    ch_buf buf;
    ch_buf_init(&buf, 65536);
    ch_record_encode(&buf, &record, chain);
    assert_int_equal(buf.size, CH_RECORD_HEAD_SIZE + 15 + 15);
    static const uint8_t fixed[] = {1, 0, 0, 8 | 16, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 7};
    assert_memory_equal(buf.at + 4, fixed, sizeof fixed);
    assert_int_equal(ch_get_be64(buf.at + 24), 1795400820000);
    assert_int_equal(ch_get_be32(buf.at + 32), 3);
    assert_int_equal(ch_get_be32(buf.at + 36), 1);
    assert_int_equal(ch_get_be32(buf.at + 40), 15);
    assert_int_equal(ch_get_be32(buf.at + 44), 15);
    assert_memory_equal(buf.at + 128, "the public partthe sealed part", 30);
    assert_memory_equal(buf.at + 96, chain, CH_HASH_SIZE);
    ch_buf_done(&buf);
}

static void tells_a_newer_format_from_damage(void **state)
{
    (void)state;
    /* Format 2 with a right crc32c; the crc is that of 124 zero bytes behind a 2. */
    uint8_t bytes[CH_RECORD_HEAD_SIZE] = {0};
    ch_record out;
    bytes[4] = 2;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 4; i < sizeof bytes; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    ch_put_be32(bytes, ~crc);
    assert_status(ch_record_decode((ch_str){(const char *)bytes, sizeof bytes}, &out), CH_UNSUPPORTED);
}

static void chain_holds_only_in_order(void **state)
{
    (void)state;
    uint8_t chain[CH_HASH_SIZE] = {0}, zeros[CH_HASH_SIZE] = {0}, after_one[CH_HASH_SIZE];
    ch_record one = sample(1), two = sample(2);
    ch_buf buf;
    ch_buf_init(&buf, 65536);
    ch_record_encode(&buf, &one, chain);
    memcpy(after_one, chain, CH_HASH_SIZE);
    ch_record_encode(&buf, &two, chain);
    assert_memory_equal(chain, two.chain, CH_HASH_SIZE);
    assert_true(ch_record_follows(&one, zeros));
    assert_true(ch_record_follows(&two, after_one));
    assert_false(ch_record_follows(&two, zeros));
    two.public_part = CH_STR("the public pa_t");
    assert_false(ch_record_follows(&two, after_one));
    ch_buf_done(&buf);
}

static void verifies_without_the_sealed_part_but_not_with_another(void **state)
{
    (void)state;
    uint8_t chain[CH_HASH_SIZE] = {0}, zeros[CH_HASH_SIZE] = {0};
    ch_record record = sample(1);
    ch_buf buf;
    ch_buf_init(&buf, 65536);
    ch_record_encode(&buf, &record, chain);
    record.sealed = (ch_str){NULL, record.sealed.size};
    assert_true(ch_record_follows(&record, zeros));
    record.sealed = CH_STR("the sealed p_rt");
    assert_false(ch_record_follows(&record, zeros));
    record.sealed = CH_STR_NONE;
    assert_false(ch_record_follows(&record, zeros));
    ch_buf_done(&buf);
}

static void sealed_text_of_one_case_does_not_open_under_another(void **state)
{
    (void)state;
    ch_buf sealed, plain;
    ch_buf_init(&sealed, 4096);
    ch_buf_init(&plain, 4096);
    ch_seal(&sealed, CH_STR("0571-5550123"), key_a, nonce_a, case_a, CH_STR("hotline/1"), CH_STR("x1"));
    assert_int_equal(sealed.failed, CH_OK);
    const struct {
        const uint8_t *key;
        ch_str case_id, source, id;
    } wrong[] = {{key_b, case_a, CH_STR("hotline/1"), CH_STR("x1")},
                 {key_a, case_b, CH_STR("hotline/1"), CH_STR("x1")},
                 {key_a, case_a, CH_STR("hotline/2"), CH_STR("x1")},
                 {key_a, case_a, CH_STR("hotline/1"), CH_STR("x2")}};
    for (size_t i = 0; i < 4; i++) {
        ch_status status = ch_unseal(&plain, ch_buf_str(&sealed), wrong[i].key, wrong[i].case_id,
                                     wrong[i].source, wrong[i].id);
        assert_status(status, CH_CORRUPT);
        assert_int_equal(plain.size, 0);
    }
    assert_status(ch_unseal(&plain, ch_buf_str(&sealed), key_a, case_a, CH_STR("hotline/1"), CH_STR("x1")),
                  CH_OK);
    assert_true(ch_str_is(ch_buf_str(&plain), "0571-5550123"));
    ch_buf_done(&sealed);
    ch_buf_done(&plain);
}

static void refuses_sealed_bytes_that_were_changed_or_cut(void **state)
{
    (void)state;
    ch_buf sealed, plain;
    ch_buf_init(&sealed, 4096);
    ch_buf_init(&plain, 4096);
    ch_seal(&sealed, CH_STR("abc"), key_a, nonce_a, case_a, CH_STR("s"), CH_STR("i"));
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.at[i] ^= 0x20;
        assert_status(ch_unseal(&plain, ch_buf_str(&sealed), key_a, case_a, CH_STR("s"), CH_STR("i")),
                      CH_CORRUPT);
        sealed.at[i] ^= 0x20;
        assert_status(
            ch_unseal(&plain, (ch_str){(const char *)sealed.at, i}, key_a, case_a, CH_STR("s"), CH_STR("i")),
            CH_CORRUPT);
    }
    ch_buf_done(&sealed);
    ch_buf_done(&plain);
}

static void never_gives_a_nonce_twice(void **state)
{
    (void)state;
    ch_random_seeded seeded;
    ch_nonces one, other;
    uint8_t first[CH_NONCE_SIZE], second[CH_NONCE_SIZE], of_other[CH_NONCE_SIZE];
    ch_random_seeded_init(&seeded, 1);
    assert_status(ch_nonces_init(&one, &seeded.random), CH_OK);
    assert_status(ch_nonces_init(&other, &seeded.random), CH_OK);
    ch_nonces_take(&one, first);
    ch_nonces_take(&one, second);
    ch_nonces_take(&other, of_other);
    assert_memory_equal(first, second, CH_NONCE_SIZE - 8);
    assert_true(memcmp(first, second, CH_NONCE_SIZE) < 0);
    assert_memory_not_equal(first, of_other, CH_NONCE_SIZE - 8);
}

static void digest_depends_on_key_and_content(void **state)
{
    (void)state;
    uint8_t one[8], other_key[8], other_text[8], again[8];
    ch_digest(one, 8, CH_STR("text"), key_a);
    ch_digest(other_key, 8, CH_STR("text"), key_b);
    ch_digest(other_text, 8, CH_STR("texu"), key_a);
    ch_digest(again, 8, CH_STR("text"), key_a);
    assert_memory_not_equal(one, other_key, 8);
    assert_memory_not_equal(one, other_text, 8);
    assert_memory_equal(one, again, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_record_with_any_bit_turned),
        cmocka_unit_test(refuses_a_record_cut_or_lengthened),
        cmocka_unit_test(has_the_layout_of_format_1),
        cmocka_unit_test(tells_a_newer_format_from_damage),
        cmocka_unit_test(chain_holds_only_in_order),
        cmocka_unit_test(verifies_without_the_sealed_part_but_not_with_another),
        cmocka_unit_test(sealed_text_of_one_case_does_not_open_under_another),
        cmocka_unit_test(refuses_sealed_bytes_that_were_changed_or_cut),
        cmocka_unit_test(never_gives_a_nonce_twice),
        cmocka_unit_test(digest_depends_on_key_and_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
