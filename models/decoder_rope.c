/* SPDX-License-Identifier: MIT
 *
 * Rotary embedding of a decoder: frequencies, scaling (linear, YaRN, LongRoPE), the table of
 * cosines and sines that the layers of one kind share. */
#include <math.h>

#include "models/arch_impl.h"

enum { LONGROPE_PAD = 256 }; /* contexts count as multiples of it */

static float base_of(const og_hparams *hp, bool is_local)
{
    return is_local && hp->rope_base_local > 0 ? hp->rope_base_local : hp->rope_base;
}

static float factor_of(const og_hparams *hp, bool is_local)
{
    if (hp->rope_scaling == OG_SCALING_NONE) return 1;
    return is_local && hp->rope_factor_local > 0 ? hp->rope_factor_local : hp->rope_factor;
}

/* The pair that turns `beta` times over the original context. */
static double pair_of(const og_hparams *hp, double base, double beta)
{
    return hp->n_rot * log(hp->rope_ctx_orig / (beta * 2 * 3.14159265358979323846)) /
           (2 * log(base));
}

static double yarn_scale(double factor, double weight)
{
    return factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1;
}

og_rope ogi_decoder_rope(const og_decoder *d, int il)
{
    const og_hparams *hp = d->hp;
    bool is_local = hp->is_local[il];
    float factor = factor_of(hp, is_local);
    og_rope r = { .head_dim = hp->head_k,
                  .n_rot = hp->n_rot,
                  .is_interleaved = d->arch->rope == OG_ROPE_PAIRS,
                  .freq_scale = 1 / factor,
                  .mscale = hp->rope_attn_factor };
    float ext = hp->yarn_ext >= 0 ? hp->yarn_ext : hp->rope_scaling == OG_SCALING_YARN;
    if (ext == 0) return r;
    double base = (double)base_of(hp, is_local);
    r.ext_factor = ext;
    r.yarn_low = (float)fmax(0, floor(pair_of(hp, base, (double)hp->yarn_beta_fast)));
    r.yarn_high = (float)fmin(hp->n_rot - 1, ceil(pair_of(hp, base, (double)hp->yarn_beta_slow)));
    double scale = yarn_scale((double)factor, 1);
    if (hp->yarn_log_mul > 0) scale /= yarn_scale((double)factor, (double)hp->yarn_log_mul);
    r.mscale = (float)((double)hp->rope_attn_factor * scale);
    return r;
}

/* Factors that divide the frequencies: of the file, or of LongRoPE by the context of the run. */
static og_floats factors_of(const og_decoder *d)
{
    const og_hparams *hp = d->hp;
    if (d->w->rope_freqs.data) return d->w->rope_freqs;
    int64_t n_ctx = OGI_ALIGN((int64_t)hp->n_ctx, LONGROPE_PAD);
    return n_ctx > hp->rope_ctx_orig ? d->w->rope_long : d->w->rope_short;
}

static og_tensor *frequencies(og_decoder *d, bool is_local)
{
    int n = d->hp->n_rot / 2;
    double base = (double)base_of(d->hp, is_local);
    og_floats factor = factors_of(d);
    float *freq = OGI_NEW_N(d->g->ctx, float, n);
    if (!freq) return d->g->status = OG_E_MEMORY, NULL;
    for (int i = 0; i < n; i++) {
        float by = 1;
        if (factor.data) memcpy(&by, (const char *)factor.data + 4 * (size_t)i, sizeof by);
        freq[i] = (float)(pow(base, -2.0 * i / d->hp->n_rot) / (double)by);
    }
    og_tensor *t = og_table(d->g, OG_F32, OG_SHAPE(OG_N(n)), freq);
    ogi_free(d->g->ctx, freq);
    return t;
}

og_tensor *ogi_decoder_rope_table(og_decoder *d, int il)
{
    bool is_local = d->hp->is_local[il];
    og_tensor **table = &d->own->rope_table[is_local];
    if (*table) return *table;
    og_rope r = ogi_decoder_rope(d, il);
    og_tensor *pos = og_decoder_input(d, OG_STEP_POS);
    og_graph_layer(d->g, -1); /* it belongs to all layers */
    *table = og_rope_table(d->g, pos, frequencies(d, is_local), &r);
    og_name(*table, is_local ? "rope.local" : "rope");
    og_graph_layer(d->g, d->own->il);
    return *table;
}
