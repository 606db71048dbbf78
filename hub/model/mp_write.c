#include "hub/model/mp_inside.h"

#include <assert.h>
#include <msgpack/pack.h>

enum { HEAD16_SIZE = 3 }; /* bytes of a map16 or array16 head */

/* A failed append is kept in the buffer; the packer need not know. */
static int write_to_buf(void *context, const char *bytes, size_t size)
{
    ch_buf_append(context, bytes, size);
    return 0;
}

static msgpack_packer packer_of(ch_buf *out)
{
    return (msgpack_packer){.data = out, .callback = write_to_buf};
}

void ch_mp_put_nil(ch_buf *out)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_nil(&packer);
}

void ch_mp_put_bool(ch_buf *out, bool value)
{
    msgpack_packer packer = packer_of(out);
    if (value) {
        msgpack_pack_true(&packer);
    } else {
        msgpack_pack_false(&packer);
    }
}

void ch_mp_put_uint(ch_buf *out, uint64_t value)
{
    assert(value <= INT64_MAX);
    if (value < 0x80) { /* most are, and are their own encoding */
        uint8_t byte = (uint8_t)value;
        ch_buf_append(out, &byte, 1);
        return;
    }
    msgpack_packer packer = packer_of(out);
    msgpack_pack_uint64(&packer, value);
}

void ch_mp_put_int(ch_buf *out, int64_t value)
{
    if (value >= 0) {
        ch_mp_put_uint(out, (uint64_t)value);
        return;
    }
    msgpack_packer packer = packer_of(out);
    msgpack_pack_int64(&packer, value);
}

void ch_mp_put_float(ch_buf *out, double value)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_double(&packer, value);
}

/* Most texts are short, and a state or a record is made of many: those need no packer. */
void ch_mp_put_str(ch_buf *out, ch_str value)
{
    if (value.size < 32) {
        uint8_t *at = ch_buf_extend(out, 1 + value.size);
        if (at != NULL) {
            at[0] = (uint8_t)(0xa0 | value.size);
            memcpy(at + 1, value.size == 0 ? "" : value.at, value.size);
        }
        return;
    }
    msgpack_packer packer = packer_of(out);
    msgpack_pack_str(&packer, value.size);
    ch_buf_append_str(out, value);
}

void ch_mp_put_text(ch_buf *out, const char *value)
{
    ch_mp_put_str(out, ch_str_of(value));
}

void ch_mp_put_bin(ch_buf *out, ch_str value)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_bin(&packer, value.size);
    ch_buf_append_str(out, value);
}

void ch_mp_put_array(ch_buf *out, uint32_t count)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_array(&packer, count);
}

void ch_mp_put_map(ch_buf *out, uint32_t count)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_map(&packer, count);
}

void ch_mp_put_raw(ch_buf *out, ch_str bytes)
{
    ch_buf_append_str(out, bytes);
}

static size_t begin(ch_buf *out, uint8_t lead)
{
    const uint8_t head[HEAD16_SIZE] = {lead};
    size_t begun_at = out->size;
    ch_buf_append(out, head, sizeof head);
    return begun_at;
}

static void end(ch_buf *out, size_t begun_at, uint32_t count)
{
    if (out->failed != CH_OK) {
        return;
    }
    assert(begun_at + HEAD16_SIZE <= out->size);
    if (count > UINT16_MAX) {
        out->failed = CH_TOO_LARGE;
        return;
    }
    ch_put_be16(out->at + begun_at + 1, (uint16_t)count);
}

size_t ch_mp_begin_map(ch_buf *out)
{
    return begin(out, 0xde);
}

void ch_mp_end_map(ch_buf *out, size_t begun_at, uint32_t count)
{
    end(out, begun_at, count);
}

size_t ch_mp_begin_array(ch_buf *out)
{
    return begin(out, 0xdc);
}

void ch_mp_end_array(ch_buf *out, size_t begun_at, uint32_t count)
{
    end(out, begun_at, count);
}
