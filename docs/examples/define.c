/* SPDX-License-Identifier: MIT
 * Defines an architecture from nothing and runs it:
 *   cc define.c $(pkg-config --cflags --libs oxigraph) && ./a.out MODEL.gguf
 *
 * It is a Llama-like decoder, spelled out: a table of hyperparameters, a table of weights, one
 * layer. Registered under the name that the file's general.architecture gives, it goes before the
 * built-in one. Change the block (another activation, a parallel feed-forward) and run again. */
#include <oxigraph/decoder.h>
#include <oxigraph/generate.h>
#include <stddef.h>
#include <stdio.h>

static const og_hp_key keys[] = {
    OG_KEYS_DECODER,
    OG_KEYS_ROPE,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES, /* token embedding, final norm, output */
    OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),
    OG_WL("blk.%d.attn_q.weight", wq, 0, "n_head * head_k, n_embd"),
    OG_WL("blk.%d.attn_k.weight", wk, 0, "n_head_kv * head_k, n_embd"),
    OG_WL("blk.%d.attn_v.weight", wv, 0, "n_head_kv * head_v, n_embd"),
    OG_WL("blk.%d.attn_output.weight", wo, 0, "n_embd, n_head * head_v"),
    OG_WL("blk.%d.ffn_norm.weight", ffn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ffn_gate.weight", gate, 0, "n_ff, n_embd"),
    OG_WL("blk.%d.ffn_up.weight", up, 0, "n_ff, n_embd"),
    OG_WL("blk.%d.ffn_down.weight", down, 0, "n_embd, n_ff"),
};

static og_tensor *block(og_decoder *d, int il, og_tensor *x) /* [T, E] -> [T, E] */
{
    og_graph *g = d->g;
    const og_layer *l = og_decoder_layer(d, il);
    og_tensor *h = og_mul(g, og_rms_norm(g, x, d->hp->eps), l->attn_norm);
    x = og_add(g, x, og_decoder_attend(d, il, h, NULL));
    h = og_mul(g, og_rms_norm(g, x, d->hp->eps), l->ffn_norm);
    h = og_mul(g, og_silu(g, og_linear(g, h, l->gate)), og_linear(g, h, l->up));
    return og_add(g, x, og_linear(g, h, l->down));
}

static const og_arch mine = {
    .name = "llama",
    .doc = "an example",
    OG_ARCH_TABLES,
    .rope = OG_ROPE_PAIRS,
    .block = block,
};

static bool print_best(void *user, int feed, int64_t i, const float *logits)
{
    int best = 0;
    for (int t = 1; t < *(int *)user; t++)
        if (logits[t] > logits[best]) best = t;
    return (void)feed, printf("after token %d the likeliest is %d\n", (int)i, best) > 0;
}

int main(int argc, char **argv)
{
    og_ctx *ctx;
    og_model *m;
    og_feed feed = { .token = (int32_t[]){ 34, 261, 804 }, .n = 3 };
    og_model_info info;
    if (og_ctx_new(NULL, &ctx) || og_arch_register(ctx, &mine) ||
        og_model_load(ctx, argc > 1 ? argv[1] : "model.gguf", NULL, &m) ||
        og_sequence_new(m, &feed.seq))
        return fprintf(stderr, "%s\n", og_error(ctx)), 1;
    og_model_get_info(m, &info);
    int n_vocab = (int)info.n_vocab;
    og_status st = og_model_feed(m, &feed, 1, OG_ROWS_ALL, print_best, &n_vocab);
    og_model_free(m);
    return og_ctx_free(ctx), st != OG_OK;
}
