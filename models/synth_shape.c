/* SPDX-License-Identifier: MIT
 *
 * The built-in shapes, and the list of tensors that a shape has. */
#include <stdio.h>

#include "models/synth_impl.h"

static const ogi_synth_shape shapes[] = {
    { .name = "llama-1b",
      .arch = "llama",
      .doc = "1.2 billion parameters, grouped-query attention",
      .n_layer = 16,
      .n_embd = 2048,
      .n_ff = 8192,
      .n_head = 32,
      .n_head_kv = 8,
      .head_dim = 64,
      .n_vocab = 50257,
      .n_ctx = 8192,
      .rope_base = 500000,
      .rms_eps = 1e-5 },
    { .name = "llama-8b",
      .arch = "llama",
      .doc = "8 billion parameters",
      .n_layer = 32,
      .n_embd = 4096,
      .n_ff = 14336,
      .n_head = 32,
      .n_head_kv = 8,
      .head_dim = 128,
      .n_vocab = 128256,
      .n_ctx = 8192,
      .rope_base = 500000,
      .rms_eps = 1e-5 },
    { .name = "qwen3-0.6b",
      .arch = "qwen3",
      .doc = "0.75 billion parameters, normed queries and keys, a large vocabulary",
      .n_layer = 28,
      .n_embd = 1024,
      .n_ff = 3072,
      .n_head = 16,
      .n_head_kv = 8,
      .head_dim = 128,
      .n_vocab = 151936,
      .n_ctx = 40960,
      .rope_base = 1000000,
      .rms_eps = 1e-6,
      .has_qk_norm = true },
    { .name = "moe-8x1b",
      .arch = "llama",
      .doc = "llama-1b with 8 experts of which each token uses 2",
      .n_layer = 16,
      .n_embd = 2048,
      .n_ff = 8192,
      .n_head = 32,
      .n_head_kv = 8,
      .head_dim = 64,
      .n_vocab = 50257,
      .n_ctx = 8192,
      .n_expert = 8,
      .n_expert_used = 2,
      .rope_base = 500000,
      .rms_eps = 1e-5 },
    { .name = "tiny",
      .arch = "llama",
      .doc = "1.3 million parameters: for tests",
      .n_layer = 2,
      .n_embd = 256,
      .n_ff = 512,
      .n_head = 4,
      .n_head_kv = 2,
      .head_dim = 64,
      .n_vocab = 512,
      .n_ctx = 2048,
      .rope_base = 10000,
      .rms_eps = 1e-5 },
    { .name = "tiny-moe",
      .arch = "llama",
      .doc = "tiny with 4 experts of which each token uses 2",
      .n_layer = 2,
      .n_embd = 256,
      .n_ff = 512,
      .n_head = 4,
      .n_head_kv = 2,
      .head_dim = 64,
      .n_vocab = 512,
      .n_ctx = 2048,
      .n_expert = 4,
      .n_expert_used = 2,
      .rope_base = 10000,
      .rms_eps = 1e-5 },
};

const ogi_synth_shape *ogi_synth_shape_at(int i)
{
    return i >= 0 && i < OGI_LEN(shapes) ? &shapes[i] : NULL;
}

const ogi_synth_shape *ogi_synth_shape_find(const char *name)
{
    for (int i = 0; i < OGI_LEN(shapes); i++)
        if (!strcmp(shapes[i].name, name)) return &shapes[i];
    return NULL;
}

/* ---- tensors ------------------------------------------------------------------------------- */

/* A dimension by what it counts. */
typedef enum extent { NONE, EMBD, VOCAB, QUERY, KEY, HEAD, FF, EXPERT } extent;
typedef enum when { ALWAYS, DENSE, SPARSE, QK_NORM } when;

typedef struct row {
    const char *name; /* of a layer's tensor: behind "blk.N." */
    ogi_synth_role role;
    extent dim[3];
    when when;
} row;

static const row head_rows[] = {
    { "token_embd.weight", OGI_SYNTH_EMBD, { EMBD, VOCAB }, ALWAYS },
    { "output_norm.weight", OGI_SYNTH_VECTOR, { EMBD }, ALWAYS },
    { "output.weight", OGI_SYNTH_OUTPUT, { EMBD, VOCAB }, ALWAYS },
};
static const row layer_rows[] = {
    { "attn_norm.weight", OGI_SYNTH_VECTOR, { EMBD }, ALWAYS },
    { "attn_q.weight", OGI_SYNTH_Q, { EMBD, QUERY }, ALWAYS },
    { "attn_q_norm.weight", OGI_SYNTH_VECTOR, { HEAD }, QK_NORM },
    { "attn_k.weight", OGI_SYNTH_K, { EMBD, KEY }, ALWAYS },
    { "attn_k_norm.weight", OGI_SYNTH_VECTOR, { HEAD }, QK_NORM },
    { "attn_v.weight", OGI_SYNTH_V, { EMBD, KEY }, ALWAYS },
    { "attn_output.weight", OGI_SYNTH_O, { QUERY, EMBD }, ALWAYS },
    { "ffn_norm.weight", OGI_SYNTH_VECTOR, { EMBD }, ALWAYS },
    { "ffn_gate.weight", OGI_SYNTH_GATE, { EMBD, FF }, DENSE },
    { "ffn_up.weight", OGI_SYNTH_UP, { EMBD, FF }, DENSE },
    { "ffn_down.weight", OGI_SYNTH_DOWN, { FF, EMBD }, DENSE },
    { "ffn_gate_inp.weight", OGI_SYNTH_ROUTER, { EMBD, EXPERT }, SPARSE },
    { "ffn_gate_exps.weight", OGI_SYNTH_GATE, { EMBD, FF, EXPERT }, SPARSE },
    { "ffn_up_exps.weight", OGI_SYNTH_UP, { EMBD, FF, EXPERT }, SPARSE },
    { "ffn_down_exps.weight", OGI_SYNTH_DOWN, { FF, EMBD, EXPERT }, SPARSE },
};

static bool has_row(const ogi_synth_shape *s, const row *r)
{
    switch (r->when) {
    case ALWAYS: return true;
    case DENSE: return s->n_expert == 0;
    case SPARSE: return s->n_expert > 0;
    case QK_NORM: return s->has_qk_norm;
    }
    return false;
}

static int64_t extent_of(const ogi_synth_shape *s, int64_t n_vocab, extent e)
{
    switch (e) {
    case NONE: return 0;
    case EMBD: return s->n_embd;
    case VOCAB: return n_vocab;
    case QUERY: return s->n_head * s->head_dim;
    case KEY: return s->n_head_kv * s->head_dim;
    case HEAD: return s->head_dim;
    case FF: return s->n_ff;
    case EXPERT: return s->n_expert;
    }
    return 0;
}

/* The k-th of a layer's tensors that the shape has; NULL behind the last. */
static const row *layer_row(const ogi_synth_shape *s, int64_t k)
{
    for (int i = 0; i < OGI_LEN(layer_rows); i++)
        if (has_row(s, &layer_rows[i]) && k-- == 0) return &layer_rows[i];
    return NULL;
}

static int64_t layer_row_count(const ogi_synth_shape *s)
{
    int64_t n = 0;
    while (layer_row(s, n)) n++;
    return n;
}

int64_t ogi_synth_tensor_count(const ogi_synth_shape *s)
{
    return OGI_LEN(head_rows) + s->n_layer * layer_row_count(s);
}

void ogi_synth_tensor_at(const ogi_synth_shape *s, int64_t n_vocab, int64_t i,
                         ogi_synth_tensor *out)
{
    *out = (ogi_synth_tensor){ .layer = -1 };
    const row *r = i < OGI_LEN(head_rows) ? &head_rows[i] : NULL;
    if (r) {
        snprintf(out->name, sizeof out->name, "%s", r->name);
    } else {
        int64_t each = layer_row_count(s);
        i -= OGI_LEN(head_rows);
        r = layer_row(s, i % each);
        out->layer = (int)(i / each);
        snprintf(out->name, sizeof out->name, "blk.%d.%s", out->layer, r->name);
    }
    out->role = r->role;
    while (out->rank < OGI_LEN(r->dim) && r->dim[out->rank] != NONE) {
        out->dim[out->rank] = extent_of(s, n_vocab, r->dim[out->rank]);
        out->rank++;
    }
}
