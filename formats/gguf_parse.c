/* SPDX-License-Identifier: MIT
 *
 * Parsing of GGUF: one forward pass with a cursor that cannot leave the map. A part is
 *
 *   "GGUF"  version u32  n_tensor u64  n_kv u64
 *   n_kv     x (key str, type u32, value)           str: length u64, bytes
 *   n_tensor x (name str, rank u32, rank x dim u64, type u32, offset u64)
 *   padding to general.alignment, then the tensors' data at their offsets from here
 *
 * Counts are compared with the bytes that follow before anything is allocated for them. */
#include "formats/gguf_impl.h"

#include <stdlib.h>

#include "graph/dtype.h"

enum {
    MAX_KV = 1 << 16,     /* keys are distinct, so real files stay far below */
    MAX_TENSOR = 1 << 17, /* of all parts */
    MIN_KV_SIZE = 13,     /* empty key, one byte */
    MIN_TENSOR_SIZE = 24, /* empty name, rank 0 */
    MIN_ARRAY_SIZE = 12,  /* element type, no elements */
    MAX_NESTING = 8,      /* arrays in arrays */
    MAX_KEY_NAME = 1024,  /* bytes; real ones have some tens */
    MAX_TENSOR_NAME = 255,
    DEFAULT_ALIGNMENT = 32,
};

/* A place in a part. `what` names what is being read for the message about its end. */
typedef struct cursor {
    ogi_gguf *f;
    int part;
    const char *path;
    const unsigned char *data;
    int64_t size, at;
} cursor;

static og_status need(cursor *c, int64_t n, const char *what, ogi_sv name)
{
    if (n <= c->size - c->at) return OG_OK;
    OG_FAIL(c->f->ctx, OG_E_FORMAT,
            "%s: the file ends at byte %lld, but %s%s%.*s%s at byte %lld needs %lld bytes more",
            c->path, (long long)c->size, what, name.n ? " '" : "", OGI_GGUF_NAME(name),
            name.n ? "'" : "", (long long)c->at, (long long)n);
}

static og_status read_uint(cursor *c, int n, const char *what, ogi_sv name, uint64_t *out)
{
    OG_TRY(need(c, n, what, name));
    *out = 0;
    memcpy(out, c->data + c->at, (size_t)n);
    c->at += n;
    return OG_OK;
}

/* A length or count: one beyond int64 cannot fit into any file. */
static og_status read_count(cursor *c, const char *what, ogi_sv name, int64_t *out)
{
    uint64_t n;
    OG_TRY(read_uint(c, 8, what, name, &n));
    *out = (int64_t)OGI_MIN(n, (uint64_t)INT64_MAX);
    return OG_OK;
}

static og_status read_str(cursor *c, const char *what, ogi_sv name, ogi_sv *out)
{
    int64_t n;
    OG_TRY(read_count(c, what, name, &n));
    OG_TRY(need(c, n, what, name));
    *out = (ogi_sv){ (const char *)c->data + c->at, (size_t)n };
    c->at += n;
    return OG_OK;
}

static og_status check_bools(cursor *c, const ogi_gguf_kv *kv)
{
    for (int64_t i = 0; i < kv->n; i++)
        if (kv->data[i] > 1)
            OG_FAIL(c->f->ctx, OG_E_FORMAT, "%s: key '%.*s': %d is no bool, expected 0 or 1",
                    c->path, OGI_GGUF_NAME(kv->key), kv->data[i]);
    return OG_OK;
}

static og_status read_type(cursor *c, const ogi_gguf_kv *kv, const char *what, ogi_gguf_type *out)
{
    uint64_t type;
    OG_TRY(read_uint(c, 4, what, kv->key, &type));
    if (type >= OGI_GGUF_TYPE_COUNT)
        OG_FAIL(c->f->ctx, OG_E_FORMAT, "%s: key '%.*s' has value type %llu, expected 0 to %d",
                c->path, OGI_GGUF_NAME(kv->key), (unsigned long long)type, OGI_GGUF_TYPE_COUNT - 1);
    *out = (ogi_gguf_type)type;
    return OG_OK;
}

/* A key's or tensor's name: some bytes, no NUL among them. */
static og_status read_name(cursor *c, const char *what, size_t most, ogi_sv *out)
{
    OG_TRY(read_str(c, what, (ogi_sv){ 0 }, out));
    if (!out->n)
        OG_FAIL(c->f->ctx, OG_E_FORMAT, "%s: %s at byte %lld is empty: it has no name", c->path,
                what, (long long)c->at);
    if (out->n > most)
        OG_FAIL(c->f->ctx, OG_E_LIMIT, "%s: %s, '%.*s...', has %zu bytes, expected at most %zu",
                c->path, what, 40, out->p, out->n, most);
    if (memchr(out->p, 0, out->n))
        OG_FAIL(c->f->ctx, OG_E_FORMAT, "%s: %s, '%.*s', has a NUL byte in it", c->path, what,
                OGI_GGUF_NAME(*out));
    return OG_OK;
}

static og_status read_values(cursor *c, ogi_gguf_kv *kv, int depth);

/* kv->n arrays, each as "element type u32, n u64, values"; walked, not kept. */
static og_status read_arrays(cursor *c, const ogi_gguf_kv *kv, int depth)
{
    if (depth == MAX_NESTING)
        OG_FAIL(c->f->ctx, OG_E_LIMIT, "%s: key '%.*s' has arrays nested more than %d deep",
                c->path, OGI_GGUF_NAME(kv->key), MAX_NESTING);
    for (int64_t i = 0; i < kv->n; i++) {
        ogi_gguf_kv item = { .key = kv->key };
        OG_TRY(read_type(c, &item, "an element type of key", &item.elem));
        OG_TRY(read_count(c, "a length of key", kv->key, &item.n));
        OG_TRY(read_values(c, &item, depth + 1));
    }
    return OG_OK;
}

/* n values of type kv->elem (strings and arrays walked, not kept) from the cursor on. */
static og_status read_values(cursor *c, ogi_gguf_kv *kv, int depth)
{
    int64_t size, start = c->at;
    int each = ogi_gguf_type_size(kv->elem);
    int least = each ? each : kv->elem == OGI_GGUF_ARRAY ? MIN_ARRAY_SIZE : 8;
    ogi_sv skipped;
    if (!ogi_mul_size(kv->n, least, &size)) size = INT64_MAX;
    OG_TRY(need(c, size, "the value of key", kv->key));
    kv->data = c->data + c->at;
    if (each)
        c->at += size;
    else if (kv->elem == OGI_GGUF_ARRAY)
        OG_TRY(read_arrays(c, kv, depth));
    else
        for (int64_t i = 0; i < kv->n; i++)
            OG_TRY(read_str(c, "a string of key", kv->key, &skipped));
    kv->size = c->at - start;
    return kv->elem == OGI_GGUF_BOOL ? check_bools(c, kv) : OG_OK;
}

static og_status read_kv(cursor *c, ogi_gguf_kv *kv)
{
    *kv = (ogi_gguf_kv){ .n = 1 };
    OG_TRY(read_name(c, "the name of a key", MAX_KEY_NAME, &kv->key));
    OG_TRY(read_type(c, kv, "the type of key", &kv->type));
    kv->elem = kv->type;
    if (kv->type == OGI_GGUF_ARRAY) {
        OG_TRY(read_type(c, kv, "the element type of key", &kv->elem));
        OG_TRY(read_count(c, "the length of key", kv->key, &kv->n));
    }
    return read_values(c, kv, 0);
}

/* The keys of the first part are the file's; those of the others end up in a scratch file. */
static og_status read_kvs(cursor *c, ogi_gguf *f, int64_t n)
{
    if (n > (c->size - c->at) / MIN_KV_SIZE || n > MAX_KV)
        OG_FAIL(f->ctx, OG_E_FORMAT,
                "%s: the header says %lld keys, which the %lld bytes after it cannot hold (at "
                "most %d keys are allowed)",
                c->path, (long long)n, (long long)(c->size - c->at), MAX_KV);
    OG_TRY(ogi_grow(f->ctx, &f->kv, &f->kv_cap, n, sizeof *f->kv));
    OG_TRY(ogi_map_reserve(&f->kv_index, n));
    for (; f->n_kv < n; f->n_kv++) {
        ogi_gguf_kv *kv = &f->kv[f->n_kv];
        OG_TRY(read_kv(c, kv));
        if (ogi_map_get(&f->kv_index, kv->key, -1) >= 0)
            OG_FAIL(f->ctx, OG_E_FORMAT, "%s: key '%.*s' appears twice", c->path,
                    OGI_GGUF_NAME(kv->key));
        OG_TRY(ogi_map_put(&f->kv_index, kv->key, f->n_kv));
    }
    return OG_OK;
}

/* Rows must be whole blocks of a type that exists; gives the size of the data. */
static og_status size_tensor(cursor *c, ogi_gguf_tensor *t, int64_t n_value)
{
    og_ctx *ctx = c->f->ctx;
    const ogi_dtype *type = ogi_dtype_info(t->type);
    if (!type || t->type > OGI_DTYPE_FILE_MAX)
        OG_FAIL(ctx, OG_E_UNSUPPORTED,
                "%s: tensor '%.*s' has unknown type %d, expected 0 to %d: a fork's own type? "
                "convert the model anew, to a type that GGUF has",
                c->path, OGI_GGUF_NAME(t->name), t->type, OGI_DTYPE_FILE_MAX);
    if (type->removed)
        OG_FAIL(ctx, OG_E_UNSUPPORTED,
                "%s: tensor '%.*s' has type %s (%d), which GGUF no longer has; convert the "
                "model anew",
                c->path, OGI_GGUF_NAME(t->name), type->name, t->type);
    if (t->dim[0] % type->block)
        OG_FAIL(ctx, OG_E_FORMAT,
                "%s: tensor '%.*s' has rows of %lld values, expected whole blocks of %d (%s)",
                c->path, OGI_GGUF_NAME(t->name), (long long)t->dim[0], type->block, type->name);
    if (!ogi_dtype_bytes(t->type, n_value, &t->size))
        OG_FAIL(ctx, OG_E_FORMAT, "%s: tensor '%.*s' is too large", c->path,
                OGI_GGUF_NAME(t->name));
    return OG_OK;
}

static og_status read_dims(cursor *c, ogi_gguf_tensor *t, int64_t *n_value)
{
    uint64_t rank;
    OG_TRY(read_uint(c, 4, "the rank of tensor", t->name, &rank));
    if (rank > OGI_GGUF_MAX_RANK)
        OG_FAIL(c->f->ctx, OG_E_FORMAT, "%s: tensor '%.*s' has %llu dimensions, expected 0 to %d",
                c->path, OGI_GGUF_NAME(t->name), (unsigned long long)rank, OGI_GGUF_MAX_RANK);
    t->rank = (int)rank;
    for (int i = 0; i < OGI_GGUF_MAX_RANK; i++) {
        t->dim[i] = 1;
        if (i >= t->rank) continue;
        OG_TRY(read_count(c, "a dimension of tensor", t->name, &t->dim[i]));
        if (t->dim[i] == 0)
            OG_FAIL(c->f->ctx, OG_E_FORMAT,
                    "%s: tensor '%.*s': dimension %d is 0, expected at least 1", c->path,
                    OGI_GGUF_NAME(t->name), i);
        if (!ogi_mul_size(*n_value, t->dim[i], n_value))
            OG_FAIL(c->f->ctx, OG_E_FORMAT, "%s: tensor '%.*s' is too large: more than 2^63 values",
                    c->path, OGI_GGUF_NAME(t->name));
    }
    return OG_OK;
}

static og_status read_tensor(cursor *c, ogi_gguf_tensor *t)
{
    uint64_t type;
    int64_t n_value = 1;
    *t = (ogi_gguf_tensor){ .part = c->part };
    OG_TRY(read_name(c, "the name of a tensor", MAX_TENSOR_NAME, &t->name));
    OG_TRY(read_dims(c, t, &n_value));
    OG_TRY(read_uint(c, 4, "the type of tensor", t->name, &type));
    t->type = (int)OGI_MIN(type, (uint64_t)INT32_MAX);
    OG_TRY(size_tensor(c, t, n_value));
    return read_count(c, "the offset of tensor", t->name, &t->file_offset);
}

static og_status find_alignment(const ogi_gguf *f, int64_t *alignment)
{
    *alignment = DEFAULT_ALIGNMENT;
    OG_TRY(ogi_gguf_int(f, "general.alignment", alignment));
    int64_t a = *alignment;
    if (a < 8 || a > 1 << 30 || (a & (a - 1)))
        OG_FAIL(f->ctx, OG_E_FORMAT,
                "%s: key 'general.alignment' is %lld, expected a power of two from 8 to 2^30",
                ogi_gguf_path(f), (long long)a);
    return OG_OK;
}

static int by_offset(const void *a, const void *b)
{
    const ogi_gguf_tensor *x = *(const ogi_gguf_tensor *const *)a;
    const ogi_gguf_tensor *y = *(const ogi_gguf_tensor *const *)b;
    return (x->file_offset > y->file_offset) - (x->file_offset < y->file_offset);
}

static og_status check_overlap(cursor *c, const ogi_gguf_tensor **sorted, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const ogi_gguf_tensor *a = sorted[i - 1], *b = sorted[i];
        if (b->file_offset - a->file_offset < a->size)
            OG_FAIL(c->f->ctx, OG_E_FORMAT, "%s: tensors '%.*s' and '%.*s' overlap at byte %lld",
                    c->path, OGI_GGUF_NAME(a->name), OGI_GGUF_NAME(b->name),
                    (long long)b->file_offset);
    }
    return OG_OK;
}

/* Turns the offsets of the part's tensors into pointers, once they are known to lie apart inside
 * the data section that starts at the cursor. */
static og_status place_tensors(cursor *c, ogi_gguf_tensor *t, int64_t n, int64_t alignment)
{
    og_ctx *ctx = c->f->ctx;
    int64_t start = OGI_ALIGN(c->at, alignment);
    const ogi_gguf_tensor **sorted = OGI_NEW_N(ctx, const ogi_gguf_tensor *, n);
    if (!sorted) return OG_E_MEMORY;
    og_status status = OG_OK;
    for (int64_t i = 0; i < n && status == OG_OK; i++) {
        int64_t offset = t[i].file_offset;
        sorted[i] = &t[i];
        if (offset % alignment)
            status = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__,
                              "%s: tensor '%.*s' is misaligned: offset %lld, expected a multiple "
                              "of %lld",
                              c->path, OGI_GGUF_NAME(t[i].name), (long long)offset,
                              (long long)alignment);
        else if (start > c->size || offset > c->size - start ||
                 t[i].size > c->size - start - offset)
            status = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__,
                              "%s: tensor '%.*s' lies outside the file: %lld bytes at offset %lld "
                              "of the data, which has %lld",
                              c->path, OGI_GGUF_NAME(t[i].name), (long long)t[i].size,
                              (long long)offset, (long long)OGI_MAX(c->size - start, 0));
        else
            t[i].file_offset += start;
    }
    if (status == OG_OK) {
        qsort(sorted, (size_t)n, sizeof *sorted, by_offset);
        status = check_overlap(c, sorted, n);
    }
    ogi_free(ctx, sorted);
    if (status != OG_OK) return status;
    for (int64_t i = 0; i < n; i++) t[i].data = c->data + t[i].file_offset;
    return OG_OK;
}

static og_status read_tensors(cursor *c, int64_t n)
{
    ogi_gguf *f = c->f;
    if (n > (c->size - c->at) / MIN_TENSOR_SIZE || n > MAX_TENSOR - f->n_tensor)
        OG_FAIL(f->ctx, OG_E_FORMAT,
                "%s: the header says %lld tensors, which the %lld bytes after the keys cannot "
                "hold (at most %d tensors are allowed)",
                c->path, (long long)n, (long long)(c->size - c->at), MAX_TENSOR);
    int64_t first = f->n_tensor, end = first + n;
    OG_TRY(ogi_grow(f->ctx, &f->tensor, &f->tensor_cap, end, sizeof *f->tensor));
    OG_TRY(ogi_map_reserve(&f->tensor_index, end));
    for (; f->n_tensor < end; f->n_tensor++) {
        ogi_gguf_tensor *t = &f->tensor[f->n_tensor];
        OG_TRY(read_tensor(c, t));
        if (ogi_map_get(&f->tensor_index, t->name, -1) >= 0)
            OG_FAIL(f->ctx, OG_E_FORMAT, "%s: tensor '%.*s' appears twice", c->path,
                    OGI_GGUF_NAME(t->name));
        OG_TRY(ogi_map_put(&f->tensor_index, t->name, f->n_tensor));
    }
    return OG_OK;
}

static og_status read_header(cursor *c, int *version, int64_t *n_tensor, int64_t *n_kv)
{
    og_ctx *ctx = c->f->ctx;
    const ogi_sv header = OGI_SV("the header");
    if (c->size < 4 || memcmp(c->data, "GGUF", 4) != 0)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: not a GGUF file: expected it to start with 'GGUF'", c->path);
    c->at = 4;
    uint64_t v;
    OG_TRY(read_uint(c, 4, header.p, (ogi_sv){ 0 }, &v));
    if (v && !(v & 0xffff))
        OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: a big-endian GGUF file, expected little-endian",
                c->path);
    if (v != 2 && v != 3)
        OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: GGUF version %llu, expected 2 or 3", c->path,
                (unsigned long long)v);
    *version = (int)v;
    OG_TRY(read_count(c, header.p, (ogi_sv){ 0 }, n_tensor));
    return read_count(c, header.p, (ogi_sv){ 0 }, n_kv);
}

og_status ogi_gguf_read_part(ogi_gguf *f, int i, ogi_gguf *keys)
{
    const ogi_gguf_part *p = &f->part[i];
    cursor c = { f, i, p->path, p->map.data, p->map.size, 0 };
    int64_t n_tensor, n_kv, alignment, first = f->n_tensor;
    OG_TRY(read_header(&c, &keys->version, &n_tensor, &n_kv));
    OG_TRY(read_kvs(&c, keys, n_kv));
    OG_TRY(read_tensors(&c, n_tensor));
    OG_TRY(find_alignment(keys, &alignment));
    return n_tensor ? place_tensors(&c, f->tensor + first, n_tensor, alignment) : OG_OK;
}
