/* SPDX-License-Identifier: MIT
 *
 * From a golden case to a model file: metadata as the case lists them, weights from its seed
 * (spec_model.h has the formula). */
#include "tests/support/spec_model.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/half.h"
#include "graph/dtype.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/golden.h"

/* ---- metadata ---- */

static int type_of(const char *name, size_t n)
{
    for (int t = 0; t < OGI_GGUF_TYPE_COUNT; t++) {
        const char *s = ogi_gguf_type_name((ogi_gguf_type)t);
        if (strlen(s) == n && memcmp(s, name, n) == 0) return t;
    }
    return -1;
}

static bool add_value(ogt_bytes *b, int type, const json_t *v)
{
    switch (type) {
    case OGI_GGUF_STR:
        if (!json_is_string(v)) return false;
        ogt_bytes_str(b, json_string_value(v), json_string_length(v));
        return true;
    case OGI_GGUF_BOOL: ogt_bytes_uint(b, json_is_true(v), 1); return json_is_boolean(v);
    case OGI_GGUF_F32: {
        float f = (float)json_number_value(v);
        ogt_bytes_add(b, &f, sizeof f);
        return json_is_number(v);
    }
    case OGI_GGUF_U32:
    case OGI_GGUF_I32:
        ogt_bytes_uint(b, (uint64_t)json_integer_value(v), 4);
        return json_is_integer(v);
    default: return false;
    }
}

static bool add_kv(ogt_gguf *w, const char *key, const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "type"));
    const json_t *value = json_object_get(entry, "value");
    ogt_bytes b = { 0 };
    if (!name || !value) return false;
    bool is_array = strncmp(name, "arr[", 4) == 0, ok;
    int type = is_array ? type_of(name + 4, strcspn(name + 4, "]")) : type_of(name, strlen(name));
    ok = type >= 0 && json_is_array(value) == is_array;
    if (!is_array) {
        ok = ok && add_value(&b, type, value);
        ogt_gguf_kv(w, key, (uint32_t)type, b.p, b.n);
    } else {
        for (size_t i = 0; ok && i < json_array_size(value); i++)
            ok = add_value(&b, type, json_array_get(value, i));
        ogt_gguf_array(w, key, (uint32_t)type, json_array_size(value), b.p, b.n);
    }
    free(b.p);
    return ok;
}

/* ---- tensors ---- */

static uint64_t fnv1a64(const char *s)
{
    uint64_t h = 0xcbf29ce484222325;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3;
    return h;
}

/* The i-th random integer below 2^24 of a tensor. */
static uint32_t random24(uint64_t state, int64_t i)
{
    uint64_t z = state + ((uint64_t)i + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (uint32_t)((z ^ z >> 31) >> 40);
}

static void fill(ogt_bytes *out, int type, int64_t n, uint64_t state, const json_t *t)
{
    float base = (float)json_number_value(json_object_get(t, "base"));
    float scale = (float)json_number_value(json_object_get(t, "scale"));
    uint32_t modulus = (uint32_t)json_integer_value(json_object_get(t, "modulus"));
    for (int64_t i = 0; i < n; i++) {
        uint32_t k = random24(state, i);
        float u = (float)k * 0x1p-24f * 2 - 1, value = base + scale * u;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (type == OG_I32)
            ogt_bytes_uint(out, modulus ? k % modulus : 0, 4);
        else
            ogt_bytes_uint(out, type == OG_F16 ? ogi_f16_of_f32(value) : bits,
                           type == OG_F16 ? 2 : 4);
    }
}

static bool add_tensor(ogt_gguf *w, uint64_t seed, const json_t *t)
{
    const char *name = json_string_value(json_object_get(t, "name"));
    const char *type_name = json_string_value(json_object_get(t, "type"));
    const json_t *shape = json_object_get(t, "shape");
    const ogi_dtype *type = type_name ? ogi_dtype_find(ogi_sv_of(type_name)) : NULL;
    int64_t dim[OGI_GGUF_MAX_RANK], n = 1;
    int rank = (int)json_array_size(shape);
    if (!name || !type || rank < 1 || rank > OGI_GGUF_MAX_RANK) return false;
    if (type->id != OG_F32 && type->id != OG_F16 && type->id != OG_I32) return false;
    for (int i = 0; i < rank; i++)
        n *= dim[i] = json_integer_value(json_array_get(shape, (size_t)i));
    if (n < 1 || n > 1 << 26) return false;
    ogt_bytes data = { 0 };
    fill(&data, type->id, n, fnv1a64(name) ^ seed, t);
    ogt_gguf_tensor(w, name, (uint32_t)type->id, rank, dim, data.p, data.n);
    free(data.p);
    return true;
}

static bool build(ogt_spec *s)
{
    ogt_gguf w = { 0 };
    bool ok = true;
    const char *key;
    json_t *entry;
    size_t i;
    json_object_foreach(json_object_get(s->json, "metadata"), key, entry) ok =
        ok && add_kv(&w, key, entry);
    uint64_t seed = (uint64_t)json_integer_value(json_object_get(s->json, "seed"));
    json_array_foreach(json_object_get(s->json, "tensors"), i, entry) ok =
        ok && add_tensor(&w, seed, entry);
    s->gguf = ogt_gguf_finish(&w, &s->gguf_size);
    return ok;
}

/* ---- runs ---- */

static int32_t *ids(const json_t *list, int *n)
{
    *n = (int)json_array_size(list);
    int32_t *out = calloc((size_t)*n + 1, sizeof *out);
    for (int i = 0; out && i < *n; i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, (size_t)i));
    return out;
}

static bool read_runs(ogt_spec *s)
{
    const json_t *runs = json_object_get(s->json, "runs");
    int64_t at = 0;
    s->n_run = (int)json_array_size(runs);
    s->run = calloc((size_t)s->n_run + 1, sizeof *s->run);
    if (!s->run) return false;
    for (int i = 0; i < s->n_run; i++) {
        const json_t *j = json_array_get(runs, (size_t)i);
        const json_t *tokens = json_object_get(j, "tokens");
        ogt_run *r = &s->run[i];
        r->name = json_string_value(json_object_get(j, "name"));
        r->tokens = ids(tokens ? tokens : json_object_get(j, "prefix"), &r->n_tokens);
        r->then = ids(json_object_get(j, "then"), &r->n_then);
        r->encode = ids(json_object_get(j, "encode"), &r->n_encode);
        r->rows = json_integer_value(json_object_get(j, "rows"));
        r->cols = json_integer_value(json_object_get(j, "cols"));
        r->want = s->want + at;
        at += r->rows * r->cols;
        if (r->rows != (tokens ? r->n_tokens : 1 + r->n_then) || at > s->n_want) return false;
    }
    return at == s->n_want;
}

/* Pooled and embedding runs are another command's. */
static bool only_logits(const json_t *spec)
{
    const json_t *run;
    const char *output = json_string_value(json_object_get(spec, "output"));
    size_t i;
    if (!output || strcmp(output, "logits") != 0) return false;
    json_array_foreach(json_object_get(spec, "runs"), i,
                       run) if (json_object_get(run, "pooling")) return false;
    return true;
}

static bool load(const char *dir, const char *name, ogt_spec *s, char *error)
{
    char path[4096];
    json_error_t why;
    snprintf(path, sizeof path, "%s/%s.json", dir, name);
    s->json = json_load_file(path, 0, &why);
    if (!s->json) return snprintf(error, 200, "%s:%d: %s", name, why.line, why.text), false;
    s->name = json_string_value(json_object_get(s->json, "case"));
    s->arch = json_string_value(json_object_get(s->json, "arch"));
    s->n_ctx = json_integer_value(json_object_get(s->json, "n_ctx"));
    s->tolerance = json_number_value(json_object_get(s->json, "tolerance_nmse"));
    s->is_logits = only_logits(s->json);
    const char *logits = json_string_value(json_object_get(s->json, "logits"));
    snprintf(path, sizeof path, "%s/%s", dir, logits ? logits : "");
    s->want = ogt_read(path, &s->n_want);
    if (!s->want) return snprintf(error, 200, "%s: no outputs", name), false;
    s->n_want /= (int64_t)sizeof *s->want;
    if (!s->name || !s->arch || (s->is_logits && !read_runs(s)))
        return snprintf(error, 200, "%s: the runs do not fit the outputs", name), false;
    if (!build(s)) return snprintf(error, 200, "%s: cannot build the model", name), false;
    return true;
}

bool ogt_spec_open(const char *dir, const char *name, ogt_spec *out, char *error)
{
    *out = (ogt_spec){ 0 };
    if (load(dir, name, out, error)) return true;
    ogt_spec_free(out);
    return false;
}

void ogt_spec_free(ogt_spec *s)
{
    for (int i = 0; s->run && i < s->n_run; i++)
        free(s->run[i].tokens), free(s->run[i].then), free(s->run[i].encode);
    free(s->run);
    free(s->want);
    free(s->gguf);
    json_decref(s->json);
    *s = (ogt_spec){ 0 };
}
