/* SPDX-License-Identifier: MIT
 *
 * Hyperparameters: reads an architecture's table of keys from a file, checks ranges, derives what
 * follows from other values. Every error names file, key and what was expected. */
#include <math.h>
#include <stdio.h>

#include "models/arch_impl.h"

enum { KEY_MAX = 256 };

static const char *const scaling_name[] = {
    [OG_SCALING_LINEAR] = "linear",
    [OG_SCALING_NONE] = "none",
    [OG_SCALING_YARN] = "yarn",
    [OG_SCALING_LONGROPE] = "longrope",
};

typedef struct reader {
    og_ctx *ctx;
    const ogi_gguf *file;
    const og_arch *arch;
    const og_hp_key *row;
    char key[KEY_MAX]; /* the alternative that was found, with the architecture's name */
    og_hparams *hp;
} reader;

/* Finds the first alternative that the file has; leaves the first one's name where none is there.
 */
static const ogi_gguf_kv *find_key(reader *r)
{
    char first[KEY_MAX] = "";
    for (const char *p = r->row->key; *p;) {
        int n = (int)strcspn(p, "|");
        snprintf(r->key, sizeof r->key, "%s.%.*s", r->arch->name, n, p);
        const ogi_gguf_kv *kv = ogi_gguf_find(r->file, r->key);
        if (kv) return kv;
        if (!first[0]) memcpy(first, r->key, sizeof first);
        p += n + (p[n] == '|');
    }
    memcpy(r->key, first, sizeof first);
    return NULL;
}

static og_status out_of_range(const reader *r, double have)
{
    OG_FAIL(r->ctx, OG_E_FORMAT, "%s: key '%s' is %.10g, expected %.10g..%.10g",
            ogi_gguf_path(r->file), r->key, have, r->row->min, r->row->max);
}

/* A number, or an array of equal ones, as some files give for each layer. */
static og_status read_int(const reader *r, const ogi_gguf_kv *kv, int64_t *out)
{
    if (kv->type != OGI_GGUF_ARRAY) return ogi_gguf_int(r->file, r->key, out);
    OG_TRY(ogi_gguf_array(r->file, r->key, OGI_GGUF_I64, &kv));
    for (int64_t i = 0; i < kv->n; i++)
        if (ogi_gguf_int_at(kv, i) != ogi_gguf_int_at(kv, 0))
            OG_FAIL(r->ctx, OG_E_UNSUPPORTED, "%s: key '%s' differs from layer to layer",
                    ogi_gguf_path(r->file), r->key);
    if (kv->n == 0)
        OG_FAIL(r->ctx, OG_E_FORMAT, "%s: key '%s' is an empty array, expected an integer",
                ogi_gguf_path(r->file), r->key);
    *out = ogi_gguf_int_at(kv, 0);
    return OG_OK;
}

static og_status read_scaling(const reader *r, int *out)
{
    ogi_sv name = { 0 };
    OG_TRY(ogi_gguf_str(r->file, r->key, &name));
    for (int i = 0; i < OGI_LEN(scaling_name); i++)
        if (ogi_sv_eq(name, ogi_sv_of(scaling_name[i]))) {
            *out = i;
            return OG_OK;
        }
    OG_FAIL(r->ctx, OG_E_UNSUPPORTED,
            "%s: key '%s' is '%.*s', expected none, linear, yarn or longrope",
            ogi_gguf_path(r->file), r->key, (int)OGI_MIN(name.n, 64), name.p);
}

/* Which layers are local, one by one. */
static og_status read_pattern(const reader *r, int *period)
{
    const ogi_gguf_kv *kv;
    OG_TRY(ogi_gguf_array(r->file, r->key, OGI_GGUF_I64, &kv));
    if (kv->n < r->hp->n_layer)
        OG_FAIL(r->ctx, OG_E_FORMAT, "%s: key '%s' has %lld entries, expected %d, one a layer",
                ogi_gguf_path(r->file), r->key, (long long)kv->n, r->hp->n_layer);
    for (int i = 0; i < r->hp->n_layer; i++) r->hp->is_local[i] = ogi_gguf_int_at(kv, i) != 0;
    *period = -1;
    return OG_OK;
}

static og_status read_value(const reader *r, const ogi_gguf_kv *kv, void *into)
{
    switch (r->row->kind) {
    case OG_HP_PERIOD:
        if (kv->type == OGI_GGUF_ARRAY) return read_pattern(r, into);
        __attribute__((fallthrough));
    case OG_HP_INT: {
        int64_t v = 0;
        OG_TRY(read_int(r, kv, &v));
        if ((double)v < r->row->min || (double)v > r->row->max) return out_of_range(r, (double)v);
        *(int *)into = (int)v;
        return OG_OK;
    }
    case OG_HP_FLOAT: {
        double v = 0;
        OG_TRY(ogi_gguf_float(r->file, r->key, &v));
        if (!(v >= r->row->min && v <= r->row->max)) return out_of_range(r, v);
        *(float *)into = (float)v;
        return OG_OK;
    }
    case OG_HP_BOOL: return ogi_gguf_bool(r->file, r->key, into);
    case OG_HP_SCALING: return read_scaling(r, into);
    }
    return OG_OK;
}

static void set_default(const og_hp_key *row, void *into)
{
    switch (row->kind) {
    case OG_HP_INT:
    case OG_HP_SCALING:
    case OG_HP_PERIOD: *(int *)into = (int)row->dflt; break;
    case OG_HP_FLOAT: *(float *)into = (float)row->dflt; break;
    case OG_HP_BOOL: *(bool *)into = row->dflt != 0; break;
    }
}

static og_status read_key(reader *r)
{
    const ogi_gguf_kv *kv = find_key(r);
    void *into = (char *)r->hp + r->row->offset;
    if (kv) return read_value(r, kv, into);
    if (r->row->is_required)
        OG_FAIL(r->ctx, OG_E_FORMAT,
                "%s: key '%s' is missing, expected a number from %.10g to %.10g",
                ogi_gguf_path(r->file), r->key, r->row->min, r->row->max);
    set_default(r->row, into);
    return OG_OK;
}

/* ---- what follows -------------------------------------------------------------------------- */

#define KEY_FAIL(r, key, ...)                                                                      \
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

static og_status derive_heads(const reader *r)
{
    og_hparams *hp = r->hp;
    if (hp->n_head_kv == 0) hp->n_head_kv = hp->n_head;
    if (hp->n_head % hp->n_head_kv != 0)
        KEY_FAIL(r, "attention.head_count_kv' is %d, expected a divisor of head_count, %d",
                 hp->n_head_kv, hp->n_head);
    if ((hp->head_k == 0 || hp->head_v == 0) && hp->n_embd % hp->n_head != 0)
        KEY_FAIL(r, "attention.head_count' is %d, expected a divisor of embedding_length, %d",
                 hp->n_head, hp->n_embd);
    if (hp->head_k == 0) hp->head_k = hp->n_embd / hp->n_head;
    if (hp->head_v == 0) hp->head_v = hp->n_embd / hp->n_head;
    if (hp->n_rot == 0) hp->n_rot = hp->head_k;
    if (r->arch->rope != OG_ROPE_NONE && (hp->n_rot > hp->head_k || hp->n_rot % 2 != 0))
        KEY_FAIL(r, "rope.dimension_count' is %d, expected an even number of at most %d, a head",
                 hp->n_rot, hp->head_k);
    return OG_OK;
}

static og_status derive_experts(const reader *r)
{
    og_hparams *hp = r->hp;
    if (hp->n_expert == 0) return OG_OK;
    if (hp->n_expert_used < 1 || hp->n_expert_used > hp->n_expert)
        KEY_FAIL(r, "expert_used_count' is %d, expected 1..%d, the expert_count", hp->n_expert_used,
                 hp->n_expert);
    return OG_OK;
}

static void derive_layers(og_hparams *hp)
{
    if (hp->window_period < 0) return; /* the file says it layer by layer */
    int p = hp->window_period;
    for (int i = 0; i < hp->n_layer; i++)
        hp->is_local[i] = hp->window > 0 && (p == 0 || i % p < p - 1);
}

og_status ogi_hparams_read(og_ctx *ctx, const ogi_gguf *f, const og_arch *arch, int64_t n_ctx,
                           og_hparams *out)
{
    memset(out, 0, sizeof *out);
    out->window_period = 1;
    reader r = { .ctx = ctx, .file = f, .arch = arch, .hp = out };
    for (int i = 0; i < arch->n_key; i++) {
        r.row = &arch->key[i];
        OG_TRY(read_key(&r));
    }
    OG_TRY(derive_vocab(&r));
    if (out->n_head > 0) OG_TRY(derive_heads(&r));
    OG_TRY(derive_experts(&r));
    if (out->rope_ctx_orig == 0) out->rope_ctx_orig = out->n_ctx_train;
    if (n_ctx < 0 || n_ctx > 1 << 30)
        OG_FAIL(ctx, OG_E_INVALID, "a context of %lld tokens, expected at most %d",
                (long long)n_ctx, 1 << 30);
    out->n_ctx = n_ctx > 0 ? (int)n_ctx : out->n_ctx_train;
    if (out->rope_factor == 0) out->rope_factor = 1;
    if (arch->derive) arch->derive(out);
    if (out->n_ff_exp == 0) out->n_ff_exp = out->n_ff;
    derive_layers(out);
    return OG_OK;
}
