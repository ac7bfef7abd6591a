/* SPDX-License-Identifier: MIT
 *
 * Hyperparameters: reads an architecture's table of keys from a file, checks ranges, derives what
 * follows from other values. Every error names file, key and what was expected. */
#include <math.h>
#include <stdio.h>

#include "models/arch_impl.h"

enum { KEY_MAX = 256 };

typedef struct reader {
    og_ctx *ctx;
    const ogi_gguf *file;
    const og_arch *arch;
    const og_hp_key *row;
    char key[KEY_MAX]; /* the alternative that was found, with the architecture's name */
    og_hparams *hp;
    int il; /* the element at hand */
} reader;

#define KEY_FAIL(r, code, ...)                                                                     \
    do {                                                                                           \
        char text_[160];                                                                           \
        snprintf(text_, sizeof text_, __VA_ARGS__);                                                \
        OG_FAIL((r)->ctx, code, "%s: key '%s' %s", ogi_gguf_path((r)->file), (r)->key, text_);     \
    } while (0)

/* Finds the first alternative that the file has; leaves the first one's name where none is there.
 */
static const ogi_gguf_kv *find_key(reader *r)
{
    char first[KEY_MAX] = "";
    for (const char *p = r->row->key; p && *p;) {
        int n = (int)strcspn(p, "|");
        if (*p == '/')
            snprintf(r->key, sizeof r->key, "%.*s", n - 1, p + 1);
        else
            snprintf(r->key, sizeof r->key, "%s.%.*s", r->arch->name, n, p);
        const ogi_gguf_kv *kv = ogi_gguf_find(r->file, r->key);
        if (kv) return kv;
        if (!first[0]) memcpy(first, r->key, sizeof first);
        p += n + (p[n] == '|');
    }
    memcpy(r->key, first, sizeof first);
    if (!r->row->key) snprintf(r->key, sizeof r->key, "%s.(%s)", r->arch->name, r->row->name);
    return NULL;
}

static char *element(const reader *r, const og_hp_key *row, int i)
{
    return (char *)r->hp + row->offset + (size_t)i * row->stride;
}

static double value_at(const og_hp_key *row, const char *p)
{
    switch (row->kind) {
    case OG_HP_INT:
    case OG_HP_NAME:
    case OG_HP_PERIOD: return *(const int *)(const void *)p;
    case OG_HP_FLOAT: return (double)*(const float *)(const void *)p;
    case OG_HP_BOOL: return *(const bool *)(const void *)p;
    }
    return NAN; /* every kind is above */
}

/* ---- values of expressions ----------------------------------------------------------------- */

static const og_hp_key *find_row(const og_arch *arch, ogi_sv name)
{
    for (int i = 0; i < arch->n_key; i++)
        if (ogi_sv_eq(name, ogi_sv_of(arch->key[i].name))) return &arch->key[i];
    return NULL;
}

static int length_of(const og_hp_key *row, const og_hparams *hp)
{
    return row->stride == 0 ? 1 : row->n > 0 ? row->n : hp->n_layer;
}

static bool value_of(void *user, ogi_sv name, int64_t index, double *out)
{
    const ogi_hp_view *v = user;
    if (ogi_sv_eq(name, OGI_SV("il")) && v->il >= 0 && index < 0) return *out = v->il, true;
    if (ogi_sv_eq(name, OGI_SV("n_ctx")) && index < 0) return *out = v->hp->n_ctx, true;
    const og_hp_key *row = find_row(v->arch, name);
    if (!row) return false;
    int n = length_of(row, v->hp);
    if (index >= n || (index >= 0 && row->stride == 0)) return false;
    const char *base = (const char *)v->hp + row->offset;
    bool is_of_layer = index < 0 && v->il >= 0 && v->il < n;
    int64_t i = index >= 0 ? index : is_of_layer ? v->il : 0;
    *out = value_at(row, base + (size_t)i * row->stride);
    for (int k = 1; index < 0 && !is_of_layer && k < n; k++) /* one for all */
        if (value_at(row, base + (size_t)k * row->stride) != *out) return false;
    return true;
}

static bool most_of(void *user, ogi_sv name, double *out)
{
    const ogi_hp_view *v = user;
    const og_hp_key *row = find_row(v->arch, name);
    int n = row ? length_of(row, v->hp) : 0;
    const char *base = n ? (const char *)v->hp + row->offset : NULL;
    for (int i = 0; i < n; i++) {
        double x = value_at(row, base + (size_t)i * row->stride);
        if (i == 0 || x > *out) *out = x;
    }
    return n > 0;
}

/* A field without a row is a weight that no model of the architecture has: tables share rows. */
static const ogi_gguf_tensor *weight_of(const ogi_hp_view *v, ogi_sv name)
{
    for (int i = 0; i < v->arch->n_weight; i++) {
        if (!ogi_sv_eq(name, ogi_sv_of(v->arch->weight[i].field))) continue;
        int il = ogi_own_layer(v->hp, v->il);
        const ogi_gguf_tensor *t = ogi_weight_find(v->file, &v->arch->weight[i], il, NULL);
        if (t) return t;
    }
    return NULL;
}

static bool has_weight(void *user, ogi_sv name, double *out)
{
    *out = weight_of(user, name) != NULL;
    return true;
}

static bool rows_of(void *user, ogi_sv name, double *out)
{
    const ogi_gguf_tensor *t = weight_of(user, name);
    *out = !t ? 0 : t->rank < 2 ? 1 : (double)t->dim[t->rank - 1];
    return true;
}

og_status ogi_hp_eval(og_ctx *ctx, const ogi_hp_view *v, const char **at, double *out)
{
    const ogi_expr_env env = { (void *)(uintptr_t)v, value_of, most_of, has_weight, rows_of };
    return ogi_expr_eval(ctx, &env, at, out);
}

/* ---- reading ------------------------------------------------------------------------------- */

static og_status store(const reader *r, double v, void *into)
{
    const og_hp_key *row = r->row;
    switch (row->kind) {
    case OG_HP_INT:
    case OG_HP_PERIOD:
    case OG_HP_NAME:
        if (v != floor(v) || fabs(v) > INT32_MAX)
            KEY_FAIL(r, OG_E_FORMAT, "is %.10g, expected a whole number", v);
        *(int *)into = (int)v;
        return OG_OK;
    case OG_HP_FLOAT: *(float *)into = (float)v; return OG_OK;
    case OG_HP_BOOL: *(bool *)into = v != 0; return OG_OK;
    }
    return OG_OK;
}

static og_status set_default(const reader *r, int i)
{
    ogi_hp_view view = { r->file, r->arch, r->hp, r->row->stride ? i : -1 };
    const char *at = r->row->dflt;
    double v;
    if (ogi_hp_eval(r->ctx, &view, &at, &v) != OG_OK) return OG_E_INVALID;
    if (r->row->kind != OG_HP_FLOAT && r->row->kind != OG_HP_BOOL && v != floor(v))
        KEY_FAIL(r, OG_E_FORMAT, "is missing, and %s is %.10g, expected a whole number",
                 r->row->dflt, v);
    if (!r->row->key && !(v >= r->row->min && v <= r->row->max))
        KEY_FAIL(r, OG_E_FORMAT, "is %s = %.10g, expected %.10g..%.10g", r->row->dflt, v,
                 r->row->min, r->row->max);
    return store(r, v, element(r, r->row, i));
}

static og_status read_name(const reader *r, int *out)
{
    ogi_sv name = { 0 };
    OG_TRY(ogi_gguf_str(r->file, r->key, &name));
    const char *p = r->row->names;
    for (int i = 0; *p; i++) {
        size_t n = strcspn(p, "|");
        if (ogi_sv_eq(name, (ogi_sv){ p, n })) return *out = i, OG_OK;
        p += n + (p[n] == '|');
    }
    KEY_FAIL(r, OG_E_UNSUPPORTED, "is '%.*s', expected one of %s", (int)OGI_MIN(name.n, 64), name.p,
             r->row->names);
}

/* Whole numbers or real ones, by the row's kind. */
static og_status check_kind(const reader *r, const ogi_gguf_kv *kv)
{
    int64_t whole;
    double real;
    const ogi_gguf_kv *array;
    bool is_real = r->row->kind == OG_HP_FLOAT;
    if (kv->type == OGI_GGUF_ARRAY)
        return ogi_gguf_array(r->file, r->key, is_real ? OGI_GGUF_F64 : OGI_GGUF_I64, &array);
    return is_real ? ogi_gguf_float(r->file, r->key, &real) : ogi_gguf_int(r->file, r->key, &whole);
}

static og_status read_element(const reader *r, const ogi_gguf_kv *kv, int64_t from, int to)
{
    bool is_real = r->row->kind == OG_HP_FLOAT;
    double v = is_real ? ogi_gguf_float_at(kv, from) : (double)ogi_gguf_int_at(kv, from);
    if (!(v >= r->row->min && v <= r->row->max))
        KEY_FAIL(r, OG_E_FORMAT, "is %.10g, expected %.10g..%.10g", v, r->row->min, r->row->max);
    return store(r, v, element(r, r->row, to));
}

/* Which layers are local, one by one. */
static og_status read_pattern(const reader *r, const ogi_gguf_kv *kv)
{
    for (int i = 0; i < r->hp->n_layer; i++) r->hp->layer[i].is_local = ogi_gguf_int_at(kv, i) != 0;
    r->hp->window_period = -1;
    return OG_OK;
}

/* One element a layer, also for those behind the last that predict further tokens; or equal ones
 * where the model has one number. */
static og_status check_length(const reader *r, const ogi_gguf_kv *kv)
{
    const og_hp_key *row = r->row;
    if (row->stride && row->n > 0) {
        if (kv->n <= row->n) return OG_OK;
        KEY_FAIL(r, OG_E_FORMAT, "has %lld entries, expected at most %d", (long long)kv->n, row->n);
    }
    if (row->stride || row->kind == OG_HP_PERIOD) {
        if (kv->n == r->hp->n_layer || kv->n == r->hp->n_block) return OG_OK;
        KEY_FAIL(r, OG_E_FORMAT, "has %lld entries, expected %d, one a layer", (long long)kv->n,
                 r->hp->n_layer);
    }
    if (kv->n == 0) KEY_FAIL(r, OG_E_FORMAT, "is an empty array, expected a number");
    for (int64_t i = 1; i < kv->n; i++)
        if (ogi_gguf_float_at(kv, i) != ogi_gguf_float_at(kv, 0))
            KEY_FAIL(r, OG_E_UNSUPPORTED, "differs from layer to layer, expected one number");
    return OG_OK;
}

static og_status read_numbers(const reader *r, const ogi_gguf_kv *kv)
{
    const og_hp_key *row = r->row;
    OG_TRY(check_kind(r, kv));
    bool is_array = kv->type == OGI_GGUF_ARRAY;
    if (is_array) OG_TRY(check_length(r, kv));
    if (is_array && row->kind == OG_HP_PERIOD) return read_pattern(r, kv);
    int n = length_of(row, r->hp);
    for (int i = 0; i < n; i++) {
        int64_t from = row->stride && (is_array || row->n > 0) ? i : 0;
        if (from < kv->n)
            OG_TRY(read_element(r, kv, from, i));
        else
            OG_TRY(set_default(r, i));
    }
    return OG_OK;
}

static og_status read_key(reader *r)
{
    const og_hp_key *row = r->row;
    const ogi_gguf_kv *kv = find_key(r);
    if (kv && row->kind == OG_HP_NAME) return read_name(r, (int *)(void *)element(r, row, 0));
    if (kv && row->kind == OG_HP_BOOL && kv->type != OGI_GGUF_ARRAY) {
        bool v = false;
        OG_TRY(ogi_gguf_bool(r->file, r->key, &v));
        for (int i = 0; i < length_of(row, r->hp); i++) OG_TRY(store(r, v, element(r, row, i)));
        return OG_OK;
    }
    if (kv) return read_numbers(r, kv);
    if (!row->dflt && row->key)
        KEY_FAIL(r, OG_E_FORMAT, "is missing, expected a number from %.10g to %.10g", row->min,
                 row->max);
    for (int i = 0; row->dflt && i < length_of(row, r->hp); i++) OG_TRY(set_default(r, i));
    return OG_OK;
}

/* ---- what follows -------------------------------------------------------------------------- */

#define LATER_FAIL(r, key, ...)                                                                    \
    OG_FAIL((r)->ctx, OG_E_FORMAT, "%s: key '%s." key, ogi_gguf_path((r)->file), (r)->arch->name,  \
            __VA_ARGS__)

/* The vocabulary is as large as the embedding has rows. */
static og_status derive_vocab(const reader *r)
{
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(r->file, OGI_SV("token_embd.weight"));
    if (!t || t->rank != 2)
        OG_FAIL(r->ctx, OG_E_FORMAT, "%s: tensor 'token_embd.weight' is %s", ogi_gguf_path(r->file),
                t ? "not a matrix" : "missing");
    if (t->dim[1] < 1 || t->dim[1] > 1 << 24)
        OG_FAIL(r->ctx, OG_E_FORMAT, "%s: tensor 'token_embd.weight' has %lld rows, expected 1..%d",
                ogi_gguf_path(r->file), (long long)t->dim[1], 1 << 24);
    r->hp->n_vocab = (int)t->dim[1];
    return OG_OK;
}

static og_status check_heads(const reader *r)
{
    for (int i = 0; i < r->hp->n_layer; i++) {
        const og_layer_hp *h = &r->hp->layer[i];
        if (h->n_head_kv > 0 && h->n_head % h->n_head_kv != 0)
            LATER_FAIL(r, "attention.head_count_kv' is %d, expected a divisor of head_count, %d",
                       h->n_head_kv, h->n_head);
        if (h->has_rope && h->n_head > 0 && (h->n_rot > h->head_k || h->n_rot % 2 != 0))
            LATER_FAIL(r,
                       "rope.dimension_count' is %d, expected an even number of at most %d, a head",
                       h->n_rot, h->head_k);
    }
    return OG_OK;
}

static og_status check_experts(const reader *r)
{
    og_hparams *hp = r->hp;
    if (hp->n_expert == 0) return OG_OK;
    if (hp->n_expert_used < 1 || hp->n_expert_used > hp->n_expert)
        LATER_FAIL(r, "expert_used_count' is %d, expected 1..%d, the expert_count",
                   hp->n_expert_used, hp->n_expert);
    if (hp->n_group > 0 && (hp->n_expert % hp->n_group != 0 || hp->n_group_used > hp->n_group))
        LATER_FAIL(r, "expert_group_count' is %d, expected a divisor of %d experts, at least %d",
                   hp->n_group, hp->n_expert, hp->n_group_used);
    return OG_OK;
}

void og_hparams_pattern(og_hparams *hp, int period, bool is_first_global)
{
    if (!hp || period < 0) return;
    int global = is_first_global ? 0 : period - 1;
    for (int i = 0; i < hp->n_layer; i++)
        hp->layer[i].is_local = period == 0 || i % period != global;
}

/* What follows from keys and from derive is marked as unset. */
static void prepare_layers(og_hparams *hp, const og_arch *arch)
{
    for (int i = 0; i < OG_MAX_LAYER; i++) {
        og_layer_hp *h = &hp->layer[i];
        h->window = -1;
        h->has_rope = arch->rope != OG_ROPE_NONE;
        h->has_scaling = h->has_factors = true;
    }
}

static void finish_layers(og_hparams *hp)
{
    for (int i = 0; i < hp->n_layer; i++) {
        og_layer_hp *h = &hp->layer[i];
        bool has_base = h->is_local && hp->rope_base_local > 0;
        bool has_factor = h->is_local && hp->rope_factor_local > 0;
        if (h->window < 0) h->window = h->is_local ? hp->window : 0;
        if (h->rope_base == 0) h->rope_base = has_base ? hp->rope_base_local : hp->rope_base;
        if (h->rope_factor == 0)
            h->rope_factor = has_factor ? hp->rope_factor_local : hp->rope_factor;
    }
}

static og_status read_all(reader *r, int64_t n_ctx)
{
    og_hparams *hp = r->hp;
    for (int i = 0; i < r->arch->n_key; i++) {
        r->row = &r->arch->key[i];
        OGI_ASSERT(r->row->stride == 0 || r->row->n > 0 || hp->n_layer > 0);
        OG_TRY(read_key(r));
    }
    OG_TRY(derive_vocab(r));
    if (hp->rope_ctx_orig == 0) hp->rope_ctx_orig = hp->n_ctx_train;
    if (n_ctx < 0 || n_ctx > 1 << 30)
        OG_FAIL(r->ctx, OG_E_INVALID, "a context of %lld tokens, expected at most %d",
                (long long)n_ctx, 1 << 30);
    hp->n_ctx = n_ctx > 0 ? (int)n_ctx : hp->n_ctx_train;
    if (hp->rope_factor == 0) hp->rope_factor = 1;
    if (hp->window > 0 && hp->window_period >= 0) og_hparams_pattern(hp, hp->window_period, false);
    if (r->arch->derive) r->arch->derive(hp);
    finish_layers(hp);
    OG_TRY(check_heads(r));
    return check_experts(r);
}

og_status ogi_hparams_read(og_ctx *ctx, const ogi_gguf *f, const og_arch *arch, int64_t n_ctx,
                           og_hparams *out)
{
    out->window_period = 1;
    out->pooling = -1;
    prepare_layers(out, arch);
    reader r = { .ctx = ctx, .file = f, .arch = arch, .hp = out };
    return read_all(&r, n_ctx);
}
