/* SPDX-License-Identifier: MIT
 *
 * The GGUF reader: what it gives back, and that no wrong file gets further than one clear line. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "formats/gguf.h"
#include "graph/dtype.h"
#include "tests/support/gguf_writer.h"

/* ---- a context that counts what is allocated ---- */

typedef struct heap {
    int64_t live, peak;
    int fail_at; /* the n-th allocation fails; 0: none */
    int n;
} heap;

static void *heap_realloc(void *user, void *p, size_t size)
{
    heap *h = user;
    size_t *old = p ? (size_t *)p - 2 : NULL;
    if (!size) {
        if (old) h->live -= (int64_t)*old;
        free(old);
        return NULL;
    }
    if (++h->n == h->fail_at) return NULL;
    size_t before = old ? *old : 0;
    if (size > (size_t)1 << 40) return NULL;
    size_t *q = realloc(old, size + 16);
    if (!q) return NULL;
    *q = size;
    h->live += (int64_t)size - (int64_t)before;
    h->peak = h->live > h->peak ? h->live : h->peak;
    return q + 2;
}

static heap mem;
static og_ctx *ctx;

static void begin(void)
{
    mem = (heap){ 0 };
    cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = heap_realloc, .user = &mem }, &ctx) ==
              OG_OK);
}

static void end(void)
{
    og_ctx_free(ctx);
    cr_assert(mem.live == 0, "%lld bytes are still allocated", (long long)mem.live);
}

TestSuite(gguf, .init = begin, .fini = end);

/* ---- files ---- */

enum { ALLOWED = 4 << 20 }; /* bytes a refusal may allocate beyond the file's size */

static const int64_t dim_8x2[] = { 8, 2 }, dim_32[] = { 32 };

/* A file with one of everything; its last byte is a tensor's. */
static unsigned char *small_file(uint32_t version, int64_t *size)
{
    ogt_gguf w = { .version = version };
    ogt_bytes strings = { 0 };
    static const int32_t ints[] = { -1, 0, 7 };
    static const unsigned char bools[] = { 1, 0 };
    static const double third = 1.0 / 3;
    static const uint64_t huge = UINT64_MAX;
    ogt_bytes_str(&strings, "one", 3);
    ogt_bytes_str(&strings, "", 0);
    ogt_bytes_str(&strings, "t\0o", 3);
    ogt_gguf_str(&w, "general.architecture", "test");
    ogt_gguf_u32(&w, "count", 42);
    ogt_gguf_f32(&w, "eps", 0.5f);
    ogt_gguf_bool(&w, "flag", true);
    ogt_gguf_kv(&w, "third", OGI_GGUF_F64, &third, 8);
    ogt_gguf_kv(&w, "huge", OGI_GGUF_U64, &huge, 8);
    ogt_gguf_kv(&w, "tiny", OGI_GGUF_I8, &(signed char){ -5 }, 1);
    ogt_gguf_array(&w, "ints", OGI_GGUF_I32, 3, ints, sizeof ints);
    ogt_gguf_array(&w, "bools", OGI_GGUF_BOOL, 2, bools, sizeof bools);
    ogt_gguf_array(&w, "strings", OGI_GGUF_STR, 3, strings.p, strings.n);
    ogt_gguf_array(&w, "nothing", OGI_GGUF_F32, 0, NULL, 0);
    ogt_gguf_tensor(&w, "a", OG_F32, 2, dim_8x2, NULL, 64);
    ogt_gguf_tensor(&w, "b", OG_Q8_0, 1, dim_32, NULL, 34);
    free(strings.p);
    return ogt_gguf_finish(&w, size);
}

static ogi_gguf *opened(const unsigned char *bytes, int64_t size)
{
    ogi_gguf *f = NULL;
    cr_assert(ogi_gguf_open_memory(ctx, "m.gguf", bytes, size, NULL, 0, &f) == OG_OK, "%s",
              og_error(ctx));
    return f;
}

/* The bytes are refused with a message that holds all of the words; few bytes were allocated. */
static void refused(unsigned char *bytes, int64_t size, const char *words)
{
    ogi_gguf *f = (ogi_gguf *)1;
    cr_assert(ogi_gguf_open_memory(ctx, "m.gguf", bytes, size, NULL, 0, &f) != OG_OK,
              "accepted, expected: %s", words);
    cr_assert(f == NULL);
    const char *text = og_error(ctx);
    cr_assert(strstr(text, "m.gguf") == text, "'%s' does not start with the file", text);
    char *copy = strdup(words), *rest = NULL;
    for (char *w = strtok_r(copy, "|", &rest); w; w = strtok_r(NULL, "|", &rest))
        cr_assert(strstr(text, w), "'%s' lacks '%s'", text, w);
    cr_assert(mem.peak <= size + ALLOWED, "%lld bytes were allocated", (long long)mem.peak);
    free(copy);
    free(bytes);
    og_error_clear(ctx);
}

static void refused_writer(ogt_gguf *w, const char *words)
{
    int64_t size;
    unsigned char *bytes = ogt_gguf_finish(w, &size);
    refused(bytes, size, words);
}

/* ---- whole files ---- */

Test(gguf, scalars_read_by_kind)
{
    for (uint32_t version = 2; version <= 3; version++) {
        int64_t size, count = 0, tiny = 0, flag = 0;
        double eps = 0, third = 0, as_float = 0;
        bool b = false;
        unsigned char *bytes = small_file(version, &size);
        ogi_gguf *f = opened(bytes, size);
        cr_assert(ogi_gguf_version(f) == (int)version && ogi_gguf_size(f) == size);
        cr_assert(ogi_gguf_int(f, "count", &count) == OG_OK && count == 42);
        cr_assert(ogi_gguf_int(f, "tiny", &tiny) == OG_OK && tiny == -5);
        cr_assert(ogi_gguf_int(f, "flag", &flag) == OG_OK && flag == 1);
        cr_assert(ogi_gguf_float(f, "eps", &eps) == OG_OK && eps == 0.5);
        cr_assert(ogi_gguf_float(f, "third", &third) == OG_OK && third == 1.0 / 3);
        cr_assert(ogi_gguf_float(f, "count", &as_float) == OG_OK && as_float == 42);
        cr_assert(ogi_gguf_bool(f, "flag", &b) == OG_OK && b);
        ogi_gguf_close(f);
        free(bytes);
    }
}

Test(gguf, arrays_keep_their_elements)
{
    int64_t size, at = 0;
    unsigned char *bytes = small_file(3, &size);
    ogi_gguf *f = opened(bytes, size);
    const ogi_gguf_kv *kv;
    cr_assert(ogi_gguf_array(f, "ints", OGI_GGUF_I32, &kv) == OG_OK && kv->n == 3);
    cr_assert(ogi_gguf_int_at(kv, 0) == -1 && ogi_gguf_int_at(kv, 2) == 7);
    cr_assert(ogi_gguf_float_at(kv, 0) == -1.0);
    cr_assert(ogi_gguf_array(f, "strings", OGI_GGUF_STR, &kv) == OG_OK && kv->n == 3);
    cr_assert(ogi_sv_eq(ogi_gguf_str_next(kv, &at), OGI_SV("one")));
    cr_assert(ogi_sv_eq(ogi_gguf_str_next(kv, &at), OGI_SV("")));
    cr_assert(ogi_sv_eq(ogi_gguf_str_next(kv, &at), OGI_SV("t\0o")) && at == kv->size);
    cr_assert(ogi_gguf_array(f, "nothing", OGI_GGUF_F32, &kv) == OG_OK && kv && kv->n == 0);
    cr_assert(ogi_gguf_array(f, "absent", OGI_GGUF_F32, &kv) == OG_OK && !kv);
    ogi_gguf_close(f);
    free(bytes);
}

Test(gguf, tensors_point_into_the_file)
{
    int64_t size;
    unsigned char *bytes = small_file(3, &size);
    ogi_gguf *f = opened(bytes, size);
    const ogi_gguf_tensor *a = ogi_gguf_tensor_find(f, OGI_SV("a"));
    const ogi_gguf_tensor *b = ogi_gguf_tensor_find(f, OGI_SV("b"));
    cr_assert(ogi_gguf_tensor_count(f) == 2 && a == ogi_gguf_tensor_at(f, 0));
    cr_assert(a->rank == 2 && a->dim[0] == 8 && a->dim[1] == 2 && a->dim[2] == 1 && a->size == 64);
    cr_assert(b->type == OG_Q8_0 && b->size == 34 && b->data == bytes + b->file_offset);
    cr_assert(b->data + b->size == bytes + size && a->file_offset % 32 == 0);
    cr_assert(!ogi_gguf_tensor_find(f, OGI_SV("c")));
    ogi_gguf_close(f);
    free(bytes);
}

Test(gguf, absent_keys_leave_the_default)
{
    int64_t size, n = 17;
    unsigned char *bytes = small_file(3, &size);
    ogi_gguf *f = opened(bytes, size);
    ogi_sv s = OGI_SV("default");
    cr_assert(ogi_gguf_int(f, "absent", &n) == OG_OK && n == 17);
    cr_assert(ogi_gguf_str(f, "absent", &s) == OG_OK && ogi_sv_eq(s, OGI_SV("default")));
    ogi_gguf_close(f);
    free(bytes);
}

static void expect_error(og_status status, const char *text)
{
    cr_assert(status == OG_E_FORMAT);
    cr_assert(strcmp(og_error(ctx), text) == 0, "'%s', expected '%s'", og_error(ctx), text);
    og_error_clear(ctx);
}

Test(gguf, wrong_kinds_name_file_key_and_expectation)
{
    int64_t size, n;
    double x;
    bool b;
    ogi_sv s;
    const ogi_gguf_kv *kv;
    unsigned char *bytes = small_file(3, &size);
    ogi_gguf *f = opened(bytes, size);
    expect_error(ogi_gguf_int(f, "eps", &n),
                 "m.gguf: key 'eps' is of type f32, expected an integer");
    expect_error(ogi_gguf_int(f, "huge", &n),
                 "m.gguf: key 'huge' is 18446744073709551615, expected less than 2^63");
    expect_error(ogi_gguf_float(f, "strings", &x),
                 "m.gguf: key 'strings' is an array of str values, expected a number");
    expect_error(ogi_gguf_bool(f, "count", &b),
                 "m.gguf: key 'count' is of type u32, expected a bool");
    expect_error(ogi_gguf_str(f, "count", &s),
                 "m.gguf: key 'count' is of type u32, expected a string");
    expect_error(ogi_gguf_array(f, "ints", OGI_GGUF_STR, &kv),
                 "m.gguf: key 'ints' is an array of i32 values, expected an array of strings");
    expect_error(ogi_gguf_array(f, "count", OGI_GGUF_I32, &kv),
                 "m.gguf: key 'count' is of type u32, expected an array of integers");
    ogi_gguf_close(f);
    free(bytes);
}

/* ---- wrong files ---- */

Test(gguf, truncation_at_every_byte_is_refused)
{
    int64_t size;
    unsigned char *bytes = small_file(3, &size);
    for (int64_t n = 0; n < size; n++) {
        /* an allocation of just these bytes, so that a sanitizer sees any read beyond them */
        unsigned char *part = malloc((size_t)n + !n);
        memcpy(part, bytes, (size_t)n);
        refused(part, n, "m.gguf");
    }
    free(bytes);
}

Test(gguf, no_flipped_byte_crashes)
{
    int64_t size;
    unsigned char *bytes = small_file(3, &size);
    for (int64_t i = 0; i < size; i++)
        for (int k = 0; k < 3; k++) {
            unsigned char old = bytes[i];
            ogi_gguf *f = NULL;
            bytes[i] = (unsigned char[]){ 0xff, 0, (unsigned char)(old ^ 0x80) }[k];
            og_status status = ogi_gguf_open_memory(ctx, "m.gguf", bytes, size, NULL, 0, &f);
            cr_assert((status == OG_OK) == (f != NULL) && (f || og_error(ctx)[0]));
            cr_assert(mem.peak <= size + ALLOWED);
            ogi_gguf_close(f);
            og_error_clear(ctx);
            bytes[i] = old;
        }
    free(bytes);
}

Test(gguf, headers_are_checked)
{
    refused(calloc(64, 1), 64, "not a GGUF file");
    refused_writer(&(ogt_gguf){ .version = 1 }, "version 1|expected 2 or 3");
    refused_writer(&(ogt_gguf){ .version = 4 }, "version 4");
    refused_writer(&(ogt_gguf){ .version = 3u << 24 }, "big-endian");
}

Test(gguf, huge_counts_allocate_nothing)
{
    static const uint64_t counts[] = { 1,          1u << 16,   1ull << 31, 1ull << 32,
                                       1ull << 61, 1ull << 63, UINT64_MAX };
    for (int i = 0; i < OGI_LEN(counts); i++) {
        refused_writer(&(ogt_gguf){ .n_kv = counts[i] }, "keys");
        refused_writer(&(ogt_gguf){ .n_tensor = counts[i] }, "tensors");
        ogt_gguf w = { 0 };
        ogt_gguf_array(&w, "list", OGI_GGUF_STR, counts[i], NULL, 0);
        refused_writer(&w, "key 'list'");
        ogt_gguf_array(&w, "list", OGI_GGUF_U64, counts[i], NULL, 0);
        refused_writer(&w, "key 'list'");
        ogt_gguf_kv(&w, "text", OGI_GGUF_STR, &counts[i], 8);
        refused_writer(&w, "key 'text'");
    }
}

/* [[1, 2], ["ab"], [[3]]] */
static void nested(ogt_bytes *b)
{
    const struct {
        uint32_t elem;
        uint64_t n;
    } list[] = {
        { OGI_GGUF_U8, 2 }, { OGI_GGUF_STR, 1 }, { OGI_GGUF_ARRAY, 1 }, { OGI_GGUF_U64, 1 }
    };
    for (int i = 0; i < OGI_LEN(list); i++) {
        ogt_bytes_uint(b, list[i].elem, 4);
        ogt_bytes_uint(b, list[i].n, 8);
        if (i == 0) ogt_bytes_add(b, "\1\2", 2);
        if (i == 1) ogt_bytes_str(b, "ab", 2);
        if (i == 3) ogt_bytes_uint(b, UINT64_MAX, 8);
    }
}

Test(gguf, arrays_of_arrays_are_read)
{
    ogt_gguf w = { 0 };
    ogt_bytes b = { 0 };
    nested(&b);
    ogt_gguf_array(&w, "k", OGI_GGUF_ARRAY, 3, b.p, b.n);
    ogt_gguf_u32(&w, "after", 7);
    int64_t size;
    unsigned char *bytes = ogt_gguf_finish(&w, &size);
    ogi_gguf *f = opened(bytes, size);
    const ogi_gguf_kv *kv = ogi_gguf_find(f, "k");
    int64_t at = 0, in = 0, after = 0;
    ogi_gguf_kv a = ogi_gguf_array_next(kv, &at);
    cr_assert(a.elem == OGI_GGUF_U8 && a.n == 2 && ogi_gguf_int_at(&a, 1) == 2);
    a = ogi_gguf_array_next(kv, &at);
    cr_assert(a.n == 1 && ogi_sv_eq(ogi_gguf_str_next(&a, &in), OGI_SV("ab")));
    a = ogi_gguf_array_next(kv, &at);
    in = 0;
    cr_assert(a.elem == OGI_GGUF_ARRAY && a.n == 1);
    a = ogi_gguf_array_next(&a, &in);
    cr_assert(a.n == 1 && ogi_gguf_uint_at(&a, 0) == UINT64_MAX);
    cr_assert_eq(at, kv->size);
    cr_assert_eq(ogi_gguf_int(f, "after", &after), OG_OK);
    cr_assert_eq(after, 7);
    cr_assert_eq(ogi_gguf_int(f, "k", &after), OG_E_FORMAT);
    ogi_gguf_close(f);
    free(bytes);
    free(b.p);
}

Test(gguf, arrays_of_arrays_are_checked)
{
    ogt_gguf w = { 0 };
    ogt_bytes b = { 0 }, deep = { 0 };
    nested(&b);
    for (size_t n = 0; n < b.n; n++) { /* cut anywhere */
        ogt_gguf_array(&w, "k", OGI_GGUF_ARRAY, 3, b.p, n);
        refused_writer(&w, "key 'k'");
    }
    for (int i = 0; i < 1000; i++) {
        ogt_bytes_uint(&deep, OGI_GGUF_ARRAY, 4);
        ogt_bytes_uint(&deep, 1, 8);
    }
    ogt_gguf_array(&w, "k", OGI_GGUF_ARRAY, 1, deep.p, deep.n);
    refused_writer(&w, "key 'k'|nested");
    free(b.p);
    free(deep.p);
}

Test(gguf, names_are_short_and_hold_no_nul)
{
    ogt_gguf w = { 0 };
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    ogt_gguf_u32(&w, name, 1);
    refused_writer(&w, "name of a key|nnnnnnnnnn|1999 bytes");
    ogt_gguf_tensor(&w, name, 0, 1, (int64_t[]){ 4 }, NULL, 16);
    refused_writer(&w, "name of a tensor|nnnnnnnnnn|1999 bytes");
    ogt_bytes b = { 0 }; /* a key with a NUL: what follows a pair without a value */
    ogt_bytes_str(&b, "a\0b", 3);
    ogt_bytes_uint(&b, OGI_GGUF_U8, 4);
    ogt_bytes_uint(&b, 1, 1);
    ogt_bytes_add(&w.kv, b.p, b.n);
    w.n_kv = 1;
    refused_writer(&w, "name of a key|NUL");
    free(b.p);
}

Test(gguf, wrong_values_are_refused)
{
    ogt_gguf w = { 0 };
    ogt_gguf_kv(&w, "k", 13, NULL, 8);
    refused_writer(&w, "key 'k'|type 13|0 to 12");
    ogt_gguf_array(&w, "k", 99, 1, NULL, 64);
    refused_writer(&w, "key 'k'|type 99");
    ogt_gguf_kv(&w, "k", OGI_GGUF_BOOL, "\2", 1);
    refused_writer(&w, "key 'k'|bool");
    ogt_gguf_u32(&w, "", 1);
    refused_writer(&w, "no name");
    ogt_gguf_u32(&w, "k", 1);
    ogt_gguf_u32(&w, "k", 1);
    refused_writer(&w, "key 'k'|twice");
    ogt_gguf_u32(&w, "a\033[2J\n", 1);
    ogt_gguf_u32(&w, "a\033[2J\n", 1);
    refused_writer(&w, "'a\\x1b[2J\\x0a'|twice");
}

Test(gguf, alignment_is_a_power_of_two)
{
    static const uint32_t wrong[] = { 0, 1, 4, 24, 33, 1u << 31, UINT32_MAX };
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        ogt_gguf w = { 0 };
        ogt_gguf_u32(&w, "general.alignment", wrong[i]);
        refused_writer(&w, "general.alignment|power of two");
    }
    ogt_gguf w = { 0 };
    ogt_gguf_str(&w, "general.alignment", "32");
    refused_writer(&w, "general.alignment|integer");
}

Test(gguf, other_alignments_are_followed)
{
    static const uint32_t right[] = { 8, 64, 4096 };
    for (int i = 0; i < OGI_LEN(right); i++) {
        ogt_gguf w = { .alignment = right[i] };
        int64_t size;
        ogt_gguf_u32(&w, "general.alignment", right[i]);
        ogt_gguf_tensor(&w, "a", OG_F32, 2, dim_8x2, NULL, 64);
        ogt_gguf_tensor(&w, "b", OG_Q8_0, 1, dim_32, NULL, 34);
        unsigned char *bytes = ogt_gguf_finish(&w, &size);
        ogi_gguf *f = opened(bytes, size);
        const ogi_gguf_tensor *b = ogi_gguf_tensor_find(f, OGI_SV("b"));
        cr_assert(b->file_offset % right[i] == 0 && b->file_offset + b->size == size);
        ogi_gguf_close(f);
        free(bytes);
    }
}

Test(gguf, tensor_descriptions_are_checked)
{
    static const struct {
        uint32_t type, rank;
        int64_t dim[5];
        const char *words;
    } wrong[] = {
        { OG_F32, 5, { 1, 1, 1, 1, 1 }, "tensor 't'|5 dimensions" },
        { OG_F32, UINT32_MAX, { 1 }, "tensor 't'|dimensions" },
        { OG_F32, 2, { 8, 0 }, "tensor 't'|dimension 1 is 0" },
        { OG_F32, 1, { -1 }, "tensor 't'|too large" },
        { OG_F32, 2, { 1ll << 32, 1ll << 31 }, "tensor 't'|too large" },
        { OG_F32, 2, { 1ll << 31, 1ll << 31 }, "tensor 't'|too large" },
        { OG_I8, 1, { INT64_MAX }, "tensor 't'|outside the file" },
        { OG_F32, 1, { 1ll << 40 }, "tensor 't'|outside the file" },
        { OG_Q4_K, 1, { 128 }, "tensor 't'|128 values|256 (Q4_K)" },
        { OG_Q4_0, 2, { 16, 2 }, "tensor 't'|16 values|32 (Q4_0)" },
        { 4, 1, { 32 }, "tensor 't'|type Q4_2|no longer" },
        { 36, 1, { 32 }, "tensor 't'|type IQ4_NL_4_4|no longer" },
        { 43, 1, { 32 }, "tensor 't'|unknown type 43" },
        { OG_A8, 1, { 32 }, "tensor 't'|unknown type 1000" },
        { UINT32_MAX, 1, { 32 }, "tensor 't'|unknown type" },
    };
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        ogt_gguf w = { 0 };
        ogt_gguf_tensor_info(&w, "t", wrong[i].type, OGI_MIN(wrong[i].rank, 5u), wrong[i].dim, 0);
        if (wrong[i].rank > 5) memset(w.info.p + 9, 0xff, 4);
        ogt_bytes_add(&w.data, NULL, 4096);
        refused_writer(&w, wrong[i].words);
    }
}

Test(gguf, misplaced_tensors_are_refused)
{
    static const struct {
        uint64_t offset_a, offset_b;
        const char *words;
    } wrong[] = {
        { 0, 32, "'a' and 'b' overlap" },
        { 64, 0, NULL }, /* any order is fine as long as they lie apart */
        { 32, 0, NULL },
        { 0, 0, "overlap" },
        { 0, 68, "'b'|misaligned|multiple of 32" },
        { 0, 96, "'b'|outside the file" },
        { 0, 1ull << 62, "'b'|outside the file" },
        { UINT64_MAX - 31, 64, "'a'" },
    };
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        ogt_gguf w = { 0 };
        int64_t size;
        ogt_gguf_tensor_info(&w, "a", OG_F32, 2, dim_8x2, wrong[i].offset_a);
        ogt_gguf_tensor_info(&w, "b", OG_I8, 1, dim_32, wrong[i].offset_b);
        ogt_bytes_add(&w.data, NULL, 128 - 32 * (wrong[i].words != NULL));
        unsigned char *bytes = ogt_gguf_finish(&w, &size);
        if (wrong[i].words) {
            refused(bytes, size, wrong[i].words);
            continue;
        }
        ogi_gguf_close(opened(bytes, size));
        free(bytes);
    }
}

Test(gguf, a_tensor_appears_once)
{
    ogt_gguf w = { 0 };
    ogt_gguf_tensor(&w, "a", OG_F32, 2, dim_8x2, NULL, 64);
    ogt_gguf_tensor(&w, "a", OG_F32, 2, dim_8x2, NULL, 64);
    refused_writer(&w, "tensor 'a' appears twice");
}

Test(gguf, every_failing_allocation_is_reported)
{
    int64_t size;
    unsigned char *bytes = small_file(3, &size);
    const char *over[] = { "new.key=str:value" };
    og_status status = OG_E_MEMORY;
    for (int n = 1; status != OG_OK && n < 100; n++) {
        ogi_gguf *f = NULL;
        mem.n = 0, mem.fail_at = n;
        status = ogi_gguf_open_memory(ctx, "m.gguf", bytes, size, over, 1, &f);
        cr_assert(status == OG_OK || (status == OG_E_MEMORY && !f), "allocation %d", n);
        ogi_gguf_close(f);
        og_error_clear(ctx);
    }
    mem.fail_at = 0;
    cr_assert(status == OG_OK);
    free(bytes);
}

/* ---- overrides ---- */

Test(gguf, overrides_replace_and_add)
{
    const char *over[] = { "count=int:-7", "eps=float:1e-3", "flag=bool:false",
                           "general.architecture=str:a=b:c", "new=str:" };
    int64_t size, count, n_kv;
    double eps;
    bool flag = true;
    ogi_sv arch, added = OGI_SV("x");
    unsigned char *bytes = small_file(3, &size);
    ogi_gguf *f = opened(bytes, size);
    n_kv = ogi_gguf_kv_count(f);
    ogi_gguf_close(f);
    cr_assert(ogi_gguf_open_memory(ctx, "m", bytes, size, over, OGI_LEN(over), &f) == OG_OK);
    cr_assert(ogi_gguf_int(f, "count", &count) == OG_OK && count == -7);
    cr_assert(ogi_gguf_float(f, "eps", &eps) == OG_OK && eps == 1e-3);
    cr_assert(ogi_gguf_bool(f, "flag", &flag) == OG_OK && !flag);
    cr_assert(ogi_gguf_str(f, "general.architecture", &arch) == OG_OK);
    cr_assert(ogi_sv_eq(arch, OGI_SV("a=b:c")));
    cr_assert(ogi_gguf_str(f, "new", &added) == OG_OK && added.n == 0);
    cr_assert(ogi_gguf_kv_count(f) == n_kv + 1);
    ogi_gguf_close(f);
    free(bytes);
}

Test(gguf, wrong_overrides_are_refused)
{
    static const char *const wrong[] = { "",
                                         "k",
                                         "k=int",
                                         "=int:1",
                                         "k=int:",
                                         "k=int:1.5",
                                         "k=int:x",
                                         "k=float:",
                                         "k=float:1x",
                                         "k=bool:True",
                                         "k=uint:1",
                                         "k=:1",
                                         "k=int:99999999999999999999" };
    int64_t size;
    unsigned char *bytes = small_file(3, &size);
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        ogi_gguf *f = NULL;
        og_status status = ogi_gguf_open_memory(ctx, "m", bytes, size, &wrong[i], 1, &f);
        cr_assert(status == OG_E_INVALID && !f && strstr(og_error(ctx), "override"), "'%s'",
                  wrong[i]);
        og_error_clear(ctx);
    }
    free(bytes);
}

/* ---- split files ---- */

static char dir[] = "/tmp/ogt_gguf_XXXXXX";

static void part_path(char *path, size_t n, int no, int count)
{
    snprintf(path, n, "%s/m-%05d-of-%05d.gguf", dir, no + 1, count);
}

/* Part no of count, which says that it is part no_says, with one tensor named tN. */
static void write_part(int no, int count, int no_says, int n_tensor)
{
    ogt_gguf w = { 0 };
    char path[128], name[16];
    int64_t size;
    snprintf(name, sizeof name, "t%d", no_says);
    if (no == 0) ogt_gguf_str(&w, "general.architecture", "test");
    ogt_gguf_kv(&w, "split.no", OGI_GGUF_U16, &(uint16_t){ (uint16_t)no_says }, 2);
    ogt_gguf_kv(&w, "split.count", OGI_GGUF_U16, &(uint16_t){ (uint16_t)count }, 2);
    ogt_gguf_kv(&w, "split.tensors.count", OGI_GGUF_I32, &n_tensor, 4);
    ogt_gguf_tensor(&w, name, OG_F32, 2, dim_8x2, NULL, 64);
    unsigned char *bytes = ogt_gguf_finish(&w, &size);
    part_path(path, sizeof path, no, count);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, (size_t)size, file) == (size_t)size && !fclose(file));
    free(bytes);
}

static void remove_parts(int count)
{
    char path[128];
    for (int i = 0; i < count; i++) {
        part_path(path, sizeof path, i, count);
        remove(path);
    }
    rmdir(dir);
}

Test(gguf, any_part_opens_the_whole_split_file)
{
    char path[128];
    cr_assert(mkdtemp(dir));
    for (int i = 0; i < 3; i++) write_part(i, 3, i, 3);
    for (int i = 0; i < 3; i++) {
        ogi_gguf *f = NULL;
        part_path(path, sizeof path, i, 3);
        cr_assert(ogi_gguf_open(ctx, path, NULL, 0, &f) == OG_OK, "%s", og_error(ctx));
        cr_assert(ogi_gguf_tensor_count(f) == 3 && ogi_gguf_find(f, "general.architecture"));
        for (int k = 0; k < 3; k++) {
            char name[2] = { 't', (char)('0' + k) };
            const ogi_gguf_tensor *t = ogi_gguf_tensor_find(f, (ogi_sv){ name, 2 });
            cr_assert(t && t->part == k && t->data[0] == 0 && t->data[63] == 0);
        }
        ogi_gguf_close(f);
    }
    remove_parts(3);
}

static void split_refused(const char *words)
{
    char path[128];
    ogi_gguf *f = NULL;
    part_path(path, sizeof path, 0, 2);
    cr_assert(ogi_gguf_open(ctx, path, NULL, 0, &f) != OG_OK && !f);
    cr_assert(strstr(og_error(ctx), words), "'%s' lacks '%s'", og_error(ctx), words);
    og_error_clear(ctx);
}

Test(gguf, incomplete_split_files_are_refused)
{
    char path[128];
    cr_assert(mkdtemp(dir));
    write_part(0, 2, 0, 2);
    split_refused("m-00002-of-00002.gguf: No such file");
    write_part(1, 2, 0, 2);
    split_refused("appears twice");
    write_part(1, 2, 1, 3);
    write_part(0, 2, 0, 3);
    split_refused("split.tensors.count is 3, but the 2 parts have 2");
    part_path(path, sizeof path, 1, 2);
    char renamed[160];
    snprintf(renamed, sizeof renamed, "%s/other.gguf", dir);
    cr_assert(rename(path, renamed) == 0);
    ogi_gguf *f = NULL;
    cr_assert(ogi_gguf_open(ctx, renamed, NULL, 0, &f) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "must end in -00002-of-00002.gguf"), "%s", og_error(ctx));
    remove(renamed);
    remove_parts(2);
}

Test(gguf, wrong_split_keys_are_refused)
{
    ogt_gguf w = { 0 };
    ogt_gguf_u32(&w, "split.count", 70000);
    refused_writer(&w, "split.count 70000");
    ogt_gguf_u32(&w, "split.no", 2);
    ogt_gguf_u32(&w, "split.count", 2);
    refused_writer(&w, "split.no is 2");
    ogt_gguf_u32(&w, "split.count", 2);
    refused_writer(&w, "only opens from disk");
}

Test(gguf, missing_files_and_folders_are_refused)
{
    ogi_gguf *f = NULL;
    cr_assert(ogi_gguf_open(ctx, "/nonexistent/m.gguf", NULL, 0, &f) == OG_E_IO && !f);
    cr_assert(strstr(og_error(ctx), "/nonexistent/m.gguf"));
    og_error_clear(ctx);
    cr_assert(ogi_gguf_open(ctx, "/tmp", NULL, 0, &f) == OG_E_IO && !f);
}
