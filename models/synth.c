/* SPDX-License-Identifier: MIT
 *
 * Synthetic models as GGUF v3: header and tensor list are made at once, data while writing. */
#include "models/synth.h"

#include <math.h>
#include <stdio.h>

#include "models/synth_impl.h"

enum {
    ALIGNMENT = 32,
    CHUNK = 1 << 18, /* bytes of data made at a time: they stay in L2 */
    MAX_FILLER = 64, /* pairs of type and spread in one model */
    VERSION = 3,
    QUANT_VERSION = 2, /* general.quantization_version of today's block layouts */
};

struct ogi_synth {
    og_ctx *ctx;
    ogi_synth_options opt;
    ogi_synth_type type;
    int64_t n_vocab;
    ogi_synth_tensor *tensor;
    int64_t n_tensor;
    ogi_buf header; /* all bytes before the data, padded */
    int64_t data_size;
    ogi_synth_filler filler[MAX_FILLER];
    int n_filler;
    unsigned char *chunk;
};

/* ---- header -------------------------------------------------------------------------------- */

static void put_uint(ogi_buf *b, uint64_t v, size_t n)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(v >> 8 * i);
    ogi_buf_add(b, bytes, n);
}

static void put_str(ogi_buf *b, ogi_sv s)
{
    put_uint(b, s.n, 8);
    ogi_buf_add(b, s.p, s.n);
}

/* Keys, counted. */
typedef struct keys {
    ogi_buf *b;
    const char *arch;
    uint64_t n;
} keys;

static void put_key(keys *k, const char *key, ogi_gguf_type type)
{
    char name[96]; /* a leading '.' stands for the architecture's prefix */
    snprintf(name, sizeof name, "%s%s", key[0] == '.' ? k->arch : "", key);
    put_str(k->b, ogi_sv_of(name));
    put_uint(k->b, (uint64_t)type, 4);
    k->n++;
}

static void key_uint(keys *k, const char *key, int64_t v)
{
    put_key(k, key, OGI_GGUF_U32);
    put_uint(k->b, (uint64_t)v, 4);
}

static void key_float(keys *k, const char *key, double v)
{
    float f = (float)v;
    put_key(k, key, OGI_GGUF_F32);
    ogi_buf_add(k->b, &f, 4);
}

static void key_str(keys *k, const char *key, const char *v)
{
    put_key(k, key, OGI_GGUF_STR);
    put_str(k->b, ogi_sv_of(v));
}

static void model_keys(const ogi_synth *s, keys *k)
{
    const ogi_synth_shape *shape = s->opt.shape;
    char name[128];
    snprintf(name, sizeof name, "random %s %s", shape->name, s->opt.type);
    key_str(k, "general.architecture", shape->arch);
    key_str(k, "general.name", name);
    key_uint(k, "general.alignment", ALIGNMENT);
    key_uint(k, "general.quantization_version", QUANT_VERSION);
    if (s->type.file_type >= 0) key_uint(k, "general.file_type", s->type.file_type);
    key_uint(k, ".block_count", shape->n_layer);
    key_uint(k, ".context_length", shape->n_ctx);
    key_uint(k, ".embedding_length", shape->n_embd);
    key_uint(k, ".feed_forward_length", shape->n_ff);
    key_uint(k, ".attention.head_count", shape->n_head);
    key_uint(k, ".attention.head_count_kv", shape->n_head_kv);
    key_uint(k, ".attention.key_length", shape->head_dim);
    key_uint(k, ".attention.value_length", shape->head_dim);
    key_float(k, ".attention.layer_norm_rms_epsilon", shape->rms_eps);
    key_uint(k, ".rope.dimension_count", shape->head_dim);
    key_float(k, ".rope.freq_base", shape->rope_base);
    key_uint(k, ".vocab_size", s->n_vocab);
    if (shape->n_expert) {
        key_uint(k, ".expert_count", shape->n_expert);
        key_uint(k, ".expert_used_count", shape->n_expert_used);
    }
}

static void vocab_keys(const ogi_synth *s, keys *k)
{
    const ogi_gguf *v = s->opt.vocab;
    if (!v) key_str(k, "tokenizer.ggml.model", "no_vocab");
    for (int64_t i = 0; v && i < ogi_gguf_kv_count(v); i++) {
        const ogi_gguf_kv *kv = ogi_gguf_kv_at(v, i);
        if (!ogi_sv_starts(kv->key, OGI_SV("tokenizer."))) continue;
        put_str(k->b, kv->key);
        put_uint(k->b, (uint64_t)kv->type, 4);
        if (kv->type == OGI_GGUF_ARRAY) {
            put_uint(k->b, (uint64_t)kv->elem, 4);
            put_uint(k->b, (uint64_t)kv->n, 8);
        }
        ogi_buf_add(k->b, kv->data, (size_t)kv->size);
        k->n++;
    }
}

static og_status make_header(ogi_synth *s)
{
    ogi_buf body = { .ctx = s->ctx };
    keys k = { .b = &body, .arch = s->opt.shape->arch };
    model_keys(s, &k);
    vocab_keys(s, &k);
    ogi_buf *h = &s->header;
    ogi_buf_add(h, "GGUF", 4);
    put_uint(h, VERSION, 4);
    put_uint(h, (uint64_t)s->n_tensor, 8);
    put_uint(h, k.n, 8);
    ogi_buf_add(h, body.p, body.n);
    bool failed = body.failed;
    ogi_buf_free(&body);
    for (int64_t i = 0; i < s->n_tensor; i++) {
        const ogi_synth_tensor *t = &s->tensor[i];
        put_str(h, ogi_sv_of(t->name));
        put_uint(h, (uint64_t)t->rank, 4);
        for (int d = 0; d < t->rank; d++) put_uint(h, (uint64_t)t->dim[d], 8);
        put_uint(h, (uint64_t)t->type, 4);
        put_uint(h, (uint64_t)t->offset, 8);
    }
    while (h->n % ALIGNMENT && !h->failed) ogi_buf_putc(h, 0);
    return failed || h->failed ? OG_E_MEMORY : OG_OK;
}

/* ---- layout -------------------------------------------------------------------------------- */

static og_status count_vocab(ogi_synth *s)
{
    const ogi_gguf_kv *tokens = NULL;
    s->n_vocab = s->opt.shape->n_vocab;
    if (!s->opt.vocab) return OG_OK;
    OG_TRY(ogi_gguf_array(s->opt.vocab, "tokenizer.ggml.tokens", OGI_GGUF_STR, &tokens));
    if (!tokens || !tokens->n)
        OG_FAIL(s->ctx, OG_E_FORMAT, "%s: has no tokens: key 'tokenizer.ggml.tokens' is missing",
                ogi_gguf_path(s->opt.vocab));
    s->n_vocab = tokens->n;
    return OG_OK;
}

/* Weights keep the size of what goes through them; norms multiply by about 1. */
static float spread_of(const ogi_synth_tensor *t)
{
    return t->role == OGI_SYNTH_EMBD ? 1 : 1 / sqrtf((float)t->dim[0]);
}

static const ogi_synth_filler *find_filler(const ogi_synth *s, const ogi_synth_tensor *t)
{
    for (int i = 0; i < s->n_filler; i++)
        if (s->filler[i].type == t->type && s->filler[i].spread == spread_of(t))
            return &s->filler[i];
    return NULL;
}

static og_status place_tensors(ogi_synth *s)
{
    s->n_tensor = ogi_synth_tensor_count(s->opt.shape);
    s->tensor = OGI_NEW_N(s->ctx, ogi_synth_tensor, s->n_tensor);
    if (!s->tensor) return OG_E_MEMORY;
    for (int64_t i = 0; i < s->n_tensor; i++) {
        ogi_synth_tensor *t = &s->tensor[i];
        ogi_synth_tensor_at(s->opt.shape, s->n_vocab, i, t);
        t->type = ogi_synth_type_of(&s->type, s->opt.shape, t);
        int64_t n = 1;
        for (int d = 0; d < t->rank; d++)
            if (!ogi_mul_size(n, t->dim[d], &n)) n = -1;
        if (!ogi_dtype_bytes((int64_t)t->type, n, &t->size))
            OG_FAIL(s->ctx, OG_E_INVALID, "%s of shape %s has no size as %s", t->name,
                    s->opt.shape->name, og_dtype_name(t->type));
        t->offset = s->data_size;
        s->data_size = OGI_ALIGN(t->offset + t->size, ALIGNMENT);
        if (find_filler(s, t)) continue;
        if (s->n_filler == MAX_FILLER)
            OG_FAIL(s->ctx, OG_E_LIMIT, "a shape with more than %d kinds of matrices", MAX_FILLER);
        OG_TRY(ogi_synth_filler_init(s->ctx, t->type, spread_of(t), &s->filler[s->n_filler]));
        s->n_filler++;
    }
    return OG_OK;
}

static og_status prepare(ogi_synth *s)
{
    OG_TRY(ogi_synth_type_parse(s->ctx, s->opt.type, &s->type));
    OG_TRY(count_vocab(s));
    OG_TRY(place_tensors(s));
    OG_TRY(make_header(s));
    s->chunk = OGI_NEW_N(s->ctx, unsigned char, CHUNK);
    return s->chunk ? OG_OK : OG_E_MEMORY;
}

og_status ogi_synth_new(og_ctx *ctx, const ogi_synth_options *opt, ogi_synth **out)
{
    *out = NULL;
    ogi_synth *s = OGI_NEW(ctx, ogi_synth);
    if (!s) return OG_E_MEMORY;
    s->ctx = s->header.ctx = ctx;
    s->opt = *opt;
    og_status st = prepare(s);
    if (st != OG_OK) {
        ogi_synth_free(s);
        return st;
    }
    *out = s;
    return OG_OK;
}

void ogi_synth_free(ogi_synth *s)
{
    if (!s) return;
    ogi_buf_free(&s->header);
    ogi_free(s->ctx, s->tensor);
    ogi_free(s->ctx, s->chunk);
    ogi_free(s->ctx, s);
}

int64_t ogi_synth_size(const ogi_synth *s)
{
    return (int64_t)s->header.n + s->data_size;
}

/* ---- data ---------------------------------------------------------------------------------- */

/* Each tensor's values depend on its name and the seed alone (FNV-1a). */
static uint64_t seed_of(const ogi_synth *s, const ogi_synth_tensor *t)
{
    uint64_t h = 0xcbf29ce484222325 ^ s->opt.seed;
    for (const char *p = t->name; *p; p++) h = (h ^ (unsigned char)*p) * 0x100000001b3;
    return h;
}

static void shift_to_one(unsigned char *p, int64_t n)
{
    for (int64_t i = 0; i < n; i += 4) {
        float x;
        memcpy(&x, p + i, 4);
        x = 1 + x;
        memcpy(p + i, &x, 4);
    }
}

static og_status write_tensor(ogi_synth *s, const ogi_synth_tensor *t, ogi_synth_sink sink,
                              void *user)
{
    const ogi_synth_filler *f = find_filler(s, t);
    int bytes = ogi_dtype_info((int64_t)t->type)->bytes;
    int64_t piece = CHUNK / bytes * bytes;
    uint64_t seed = seed_of(s, t);
    for (int64_t at = 0; at < t->size; at += piece) {
        int64_t n = OGI_MIN(piece, t->size - at);
        ogi_synth_fill(f, &seed, s->chunk, n);
        if (t->role == OGI_SYNTH_VECTOR) shift_to_one(s->chunk, n);
        if (!sink(user, s->chunk, n)) OG_FAIL(s->ctx, OG_E_CANCELLED, "cancelled");
    }
    static const unsigned char zeros[ALIGNMENT];
    int64_t pad = OGI_ALIGN(t->size, ALIGNMENT) - t->size;
    if (pad && !sink(user, zeros, pad)) OG_FAIL(s->ctx, OG_E_CANCELLED, "cancelled");
    return OG_OK;
}

og_status ogi_synth_write(ogi_synth *s, ogi_synth_sink sink, void *user)
{
    if (!sink(user, s->header.p, (int64_t)s->header.n))
        OG_FAIL(s->ctx, OG_E_CANCELLED, "cancelled");
    for (int64_t i = 0; i < s->n_tensor; i++) OG_TRY(write_tensor(s, &s->tensor[i], sink, user));
    return OG_OK;
}
