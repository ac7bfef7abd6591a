/* SPDX-License-Identifier: MIT
 *
 * GGUF values once the file is known to be whole: typed reads and --override-kv. */
#include <errno.h>
#include <stdlib.h>

#include "formats/gguf_impl.h"

static const struct value_type {
    const char *name;
    int size;
    enum kind { INTEGER = 1, REAL = 2, TEXT = 4, NESTED = 8 } kind;
} types[OGI_GGUF_TYPE_COUNT] = {
    [OGI_GGUF_U8] = { "u8", 1, INTEGER },   [OGI_GGUF_I8] = { "i8", 1, INTEGER },
    [OGI_GGUF_U16] = { "u16", 2, INTEGER }, [OGI_GGUF_I16] = { "i16", 2, INTEGER },
    [OGI_GGUF_U32] = { "u32", 4, INTEGER }, [OGI_GGUF_I32] = { "i32", 4, INTEGER },
    [OGI_GGUF_F32] = { "f32", 4, REAL },    [OGI_GGUF_BOOL] = { "bool", 1, INTEGER },
    [OGI_GGUF_STR] = { "str", 0, TEXT },    [OGI_GGUF_ARRAY] = { "array", 0, NESTED },
    [OGI_GGUF_U64] = { "u64", 8, INTEGER }, [OGI_GGUF_I64] = { "i64", 8, INTEGER },
    [OGI_GGUF_F64] = { "f64", 8, REAL },
};

int ogi_gguf_type_size(int64_t type)
{
    return type >= 0 && type < OGI_GGUF_TYPE_COUNT ? types[type].size : 0;
}

const char *ogi_gguf_type_name(ogi_gguf_type type)
{
    return (unsigned)type < OGI_GGUF_TYPE_COUNT ? types[type].name : "unknown";
}

static uint64_t bits_at(const ogi_gguf_kv *kv, int64_t i)
{
    uint64_t bits = 0;
    int size = types[kv->elem].size;
    memcpy(&bits, kv->data + i * size, (size_t)size);
    return bits;
}

int64_t ogi_gguf_int_at(const ogi_gguf_kv *kv, int64_t i)
{
    OGI_ASSERT(i >= 0 && i < kv->n && types[kv->elem].kind == INTEGER);
    uint64_t bits = bits_at(kv, i);
    switch (kv->elem) {
    case OGI_GGUF_I8: return (int8_t)bits;
    case OGI_GGUF_I16: return (int16_t)bits;
    case OGI_GGUF_I32: return (int32_t)bits;
    case OGI_GGUF_U64: return (int64_t)OGI_MIN(bits, (uint64_t)INT64_MAX);
    default: return (int64_t)bits;
    }
}

double ogi_gguf_float_at(const ogi_gguf_kv *kv, int64_t i)
{
    OGI_ASSERT(i >= 0 && i < kv->n && types[kv->elem].kind & (INTEGER | REAL));
    if (kv->elem == OGI_GGUF_F32) {
        float v;
        memcpy(&v, kv->data + i * 4, sizeof v);
        return (double)v;
    }
    if (kv->elem == OGI_GGUF_F64) {
        double v;
        memcpy(&v, kv->data + i * 8, sizeof v);
        return v;
    }
    if (kv->elem == OGI_GGUF_U64) return (double)bits_at(kv, i);
    return (double)ogi_gguf_int_at(kv, i);
}

ogi_sv ogi_gguf_str_next(const ogi_gguf_kv *kv, int64_t *at)
{
    OGI_ASSERT(kv->elem == OGI_GGUF_STR && *at < kv->size);
    uint64_t n;
    memcpy(&n, kv->data + *at, sizeof n);
    ogi_sv s = { (const char *)kv->data + *at + 8, (size_t)n };
    *at += 8 + (int64_t)n;
    return s;
}

uint64_t ogi_gguf_uint_at(const ogi_gguf_kv *kv, int64_t i)
{
    return kv->elem == OGI_GGUF_U64 ? bits_at(kv, i) : (uint64_t)ogi_gguf_int_at(kv, i);
}

/* Bytes of n values of type elem at p, which is known to be whole. */
static int64_t size_of_values(ogi_gguf_type elem, int64_t n, const unsigned char *p)
{
    int64_t at = 0;
    if (types[elem].size) return n * types[elem].size;
    ogi_gguf_kv list = { .type = OGI_GGUF_ARRAY, .elem = elem, .n = n, .data = p };
    list.size = INT64_MAX; /* not known here: what is asked for */
    for (int64_t i = 0; i < n; i++)
        if (elem == OGI_GGUF_STR)
            ogi_gguf_str_next(&list, &at);
        else
            ogi_gguf_array_next(&list, &at);
    return at;
}

ogi_gguf_kv ogi_gguf_array_next(const ogi_gguf_kv *kv, int64_t *at)
{
    OGI_ASSERT(kv->elem == OGI_GGUF_ARRAY && *at < kv->size);
    uint32_t elem;
    uint64_t n;
    const unsigned char *p = kv->data + *at;
    memcpy(&elem, p, sizeof elem);
    memcpy(&n, p + sizeof elem, sizeof n);
    ogi_gguf_kv item = { .key = kv->key,
                         .type = OGI_GGUF_ARRAY,
                         .elem = (ogi_gguf_type)elem,
                         .n = (int64_t)n,
                         .data = p + sizeof elem + sizeof n };
    item.size = size_of_values(item.elem, item.n, item.data);
    *at += (int64_t)(sizeof elem + sizeof n) + item.size;
    return item;
}

static og_status wrong_type(const ogi_gguf *f, const ogi_gguf_kv *kv, const char *expected)
{
    bool is_array = kv->type == OGI_GGUF_ARRAY;
    OG_FAIL(f->ctx, OG_E_FORMAT, "%s: key '%.*s' is %s%s%s, expected %s", ogi_gguf_path(f),
            OGI_GGUF_NAME(kv->key), is_array ? "an array of " : "of type ", types[kv->elem].name,
            is_array ? " values" : "", expected);
}

/* The pair under key if it is a scalar whose kind is in kinds; *out NULL if absent. */
static og_status scalar(const ogi_gguf *f, const char *key, int kinds, const char *expected,
                        const ogi_gguf_kv **out)
{
    const ogi_gguf_kv *kv = ogi_gguf_find(f, key);
    *out = kv;
    if (kv && !(types[kv->type].kind & kinds)) return wrong_type(f, kv, expected);
    return OG_OK;
}

og_status ogi_gguf_int(const ogi_gguf *f, const char *key, int64_t *out)
{
    const ogi_gguf_kv *kv;
    OG_TRY(scalar(f, key, INTEGER, "an integer", &kv));
    if (!kv) return OG_OK;
    if (kv->type == OGI_GGUF_U64 && bits_at(kv, 0) > INT64_MAX)
        OG_FAIL(f->ctx, OG_E_FORMAT, "%s: key '%s' is %llu, expected less than 2^63",
                ogi_gguf_path(f), key, (unsigned long long)bits_at(kv, 0));
    *out = ogi_gguf_int_at(kv, 0);
    return OG_OK;
}

og_status ogi_gguf_float(const ogi_gguf *f, const char *key, double *out)
{
    const ogi_gguf_kv *kv;
    OG_TRY(scalar(f, key, INTEGER | REAL, "a number", &kv));
    if (kv) *out = ogi_gguf_float_at(kv, 0);
    return OG_OK;
}

og_status ogi_gguf_bool(const ogi_gguf *f, const char *key, bool *out)
{
    const ogi_gguf_kv *kv = ogi_gguf_find(f, key);
    if (kv && kv->type != OGI_GGUF_BOOL) return wrong_type(f, kv, "a bool");
    if (kv) *out = ogi_gguf_int_at(kv, 0) != 0;
    return OG_OK;
}

og_status ogi_gguf_str(const ogi_gguf *f, const char *key, ogi_sv *out)
{
    const ogi_gguf_kv *kv;
    OG_TRY(scalar(f, key, TEXT, "a string", &kv));
    int64_t at = 0;
    if (kv) *out = ogi_gguf_str_next(kv, &at);
    return OG_OK;
}

og_status ogi_gguf_array(const ogi_gguf *f, const char *key, ogi_gguf_type elem,
                         const ogi_gguf_kv **out)
{
    *out = NULL;
    const ogi_gguf_kv *kv = ogi_gguf_find(f, key);
    if (!kv) return OG_OK;
    enum kind want = types[elem].kind, is = types[kv->elem].kind;
    if (kv->type != OGI_GGUF_ARRAY || (is != want && !(is == INTEGER && want == REAL)))
        return wrong_type(f, kv,
                          want == TEXT      ? "an array of strings"
                          : want == INTEGER ? "an array of integers"
                                            : "an array of numbers");
    *out = kv;
    return OG_OK;
}

/* ---- overrides ---- */

/* The value in little-endian, as a file would hold it: at most 8 bytes, or 8 and a string. */
static og_status parse_value(ogi_gguf *f, const char *text, ogi_sv type, const char *value,
                             ogi_gguf_kv *kv)
{
    unsigned char bytes[8] = { 0 };
    uint64_t n_text = strlen(value);
    bool ok = true;
    char *end;
    errno = 0;
    if (ogi_sv_eq(type, OGI_SV("int"))) {
        long long v = strtoll(value, &end, 10);
        ok = *value && !*end && !errno;
        memcpy(bytes, &v, sizeof bytes);
        kv->type = OGI_GGUF_I64;
    } else if (ogi_sv_eq(type, OGI_SV("float"))) {
        double v = strtod(value, &end);
        ok = *value && !*end;
        memcpy(bytes, &v, sizeof bytes);
        kv->type = OGI_GGUF_F64;
    } else if (ogi_sv_eq(type, OGI_SV("bool"))) {
        bytes[0] = strcmp(value, "true") == 0;
        ok = bytes[0] || strcmp(value, "false") == 0;
        kv->type = OGI_GGUF_BOOL;
    } else if (ogi_sv_eq(type, OGI_SV("str"))) {
        memcpy(bytes, &n_text, sizeof bytes);
        kv->type = OGI_GGUF_STR;
    } else {
        OG_FAIL(f->ctx, OG_E_INVALID,
                "override '%s': no type '%.*s', expected int, float, bool or str", text,
                OGI_GGUF_NAME(type));
    }
    if (!ok)
        OG_FAIL(f->ctx, OG_E_INVALID, "override '%s': '%s' is no %.*s", text, value,
                OGI_GGUF_NAME(type));
    bool is_text = kv->type == OGI_GGUF_STR;
    kv->elem = kv->type;
    kv->n = 1;
    kv->size = is_text ? 8 + (int64_t)n_text : types[kv->type].size;
    unsigned char *data = ogi_arena_alloc(&f->arena, (size_t)kv->size + 8, 1);
    if (!data) return OG_E_MEMORY;
    memcpy(data, bytes, sizeof bytes);
    if (is_text && n_text) memcpy(data + 8, value, n_text);
    kv->data = data;
    return OG_OK;
}

og_status ogi_gguf_override(ogi_gguf *f, const char *text)
{
    const char *eq = strchr(text, '='), *colon = eq ? strchr(eq, ':') : NULL;
    if (!colon || eq == text)
        OG_FAIL(f->ctx, OG_E_INVALID, "override '%s': expected KEY=TYPE:VALUE", text);
    ogi_gguf_kv kv = { 0 };
    ogi_sv key = { text, (size_t)(eq - text) }, type = { eq + 1, (size_t)(colon - eq - 1) };
    OG_TRY(parse_value(f, text, type, colon + 1, &kv));
    int64_t i = ogi_map_get(&f->kv_index, key, -1);
    if (i >= 0) {
        kv.key = f->kv[i].key;
        f->kv[i] = kv;
        return OG_OK;
    }
    char *copy = ogi_arena_strndup(&f->arena, key.p, key.n);
    if (!copy) return OG_E_MEMORY;
    kv.key = (ogi_sv){ copy, key.n };
    OG_TRY(ogi_grow(f->ctx, &f->kv, &f->kv_cap, f->n_kv + 1, sizeof *f->kv));
    f->kv[f->n_kv] = kv;
    return ogi_map_put(&f->kv_index, kv.key, f->n_kv++);
}
