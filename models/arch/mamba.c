/* SPDX-License-Identifier: MIT
 *
 * mamba: no attention; a short convolution and a selective state space (Gu and Dao, 2023). Falcon
 * Mamba normalises dt, B and C. */
#include "models/arch/arch.h"

static const og_hp_key keys[] = {
    OG_KEYS_MODEL,
    OG_KEY_EPS("attention.layer_norm_rms_epsilon"),
    OG_KEY("ssm.conv_kernel", INT, ssm_conv, 2, 64, NULL),
    OG_KEY("ssm.inner_size", INT, ssm_inner, 1, 1 << 20, NULL),
    OG_KEY("ssm.state_size", INT, ssm_state, 1, 1 << 12, NULL),
    OG_KEY("ssm.time_step_rank", INT, ssm_rank, 1, 1 << 16, NULL),
    OG_KEY("ssm.dt_b_c_rms", BOOL, ssm_norm, 0, 1, "0"),
};

static const og_weight_row weights[] = {
    OG_WEIGHTS_EDGES,
    OG_WL("blk.%d.attn_norm.weight", attn_norm, 0, "n_embd"),
    OG_WL("blk.%d.ssm_in.weight", ssm_in, 0, "2 * ssm_inner, n_embd"),
    OG_WL("blk.%d.ssm_conv1d.weight", ssm_conv, 0, "ssm_inner, ssm_conv"),
    OG_WL("blk.%d.ssm_conv1d.bias", ssm_conv_b, 0, "ssm_inner"),
    OG_WL("blk.%d.ssm_x.weight", ssm_x, 0, "ssm_rank + 2 * ssm_state, ssm_inner"),
    OG_WL("blk.%d.ssm_dt.weight", ssm_dt, 0, "ssm_inner, ssm_rank"),
    OG_WL("blk.%d.ssm_dt.bias", ssm_dt_b, 0, "ssm_inner"),
    OG_WL("blk.%d.ssm_a", ssm_a, 0, "ssm_inner, ssm_state"),
    OG_WL("blk.%d.ssm_d", ssm_d, 0, "ssm_inner"),
    OG_WL("blk.%d.ssm_out.weight", ssm_out, 0, "n_embd, ssm_inner"),
};

/* x times `size` rows of w from `begin` on, normalised where the model does so. */
static og_tensor *project(og_decoder *d, og_tensor *x, og_tensor *w, int begin, int size)
{
    og_tensor *y = og_linear(d->g, x, og_slice(d->g, w, 0, begin, size));
    return d->hp->ssm_norm ? og_decoder_norm(d, y, NULL, NULL) : y;
}

static og_tensor *block(og_decoder *d, int il, og_tensor *x)
{
    const og_layer *l = og_decoder_layer(d, il);
    const og_hparams *hp = d->hp;
    og_graph *g = d->g;
    og_scan_args a = { .pos = og_decoder_input(d, OG_STEP_POS),
                       .seq_start = og_decoder_input(d, OG_STEP_SEQ_START),
                       .state_slot = og_decoder_input(d, OG_STEP_STATE_SLOT) };
    og_tensor *h = og_decoder_norm(d, x, l->attn_norm, NULL);
    og_tensor *u = og_linear(g, h, og_slice(g, l->ssm_in, 0, 0, hp->ssm_inner));
    og_tensor *z = og_linear(g, h, og_slice(g, l->ssm_in, 0, hp->ssm_inner, hp->ssm_inner));

    a.state =
        og_decoder_state(d, "ssm.conv", il, OG_SHAPE(OG_N(hp->ssm_conv - 1), OG_N(hp->ssm_inner)));
    u = og_silu(g, og_add(g, og_ssm_conv(g, u, l->ssm_conv, &a), l->ssm_conv_b));

    int rank = hp->ssm_rank, n = hp->ssm_state;
    og_tensor *dt = project(d, u, l->ssm_x, 0, rank);
    og_tensor *B = project(d, u, l->ssm_x, rank, n), *C = project(d, u, l->ssm_x, rank + n, n);
    dt = og_softplus(g, og_decoder_linear(d, dt, l->ssm_dt, l->ssm_dt_b));
    a.state = og_decoder_state(d, "ssm.scan", il, OG_SHAPE(OG_N(hp->ssm_inner), OG_N(n)));
    og_tensor *y = og_ssm_scan(g, u, dt, l->ssm_a, B, C, &a);
    y = og_mul(g, og_add(g, y, og_mul(g, u, l->ssm_d)), og_silu(g, z));
    return og_add(g, x, og_linear(g, y, l->ssm_out));
}

const og_arch ogi_arch_mamba = {
    .name = "mamba", .doc = "Mamba, Falcon Mamba", OG_ARCH_TABLES, .block = block
};
