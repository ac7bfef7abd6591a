/* SPDX-License-Identifier: MIT
 *
 * Rotary embedding of a decoder: frequencies, scaling (linear, YaRN, LongRoPE), sections, and the
 * tables of cosines and sines, each made once for all layers of one rule. */
#include <math.h>
#include <stdio.h>

#include "models/arch_impl.h"

enum { LONGROPE_PAD = 256 }; /* contexts count as multiples of it */

static bool is_scaled(const og_hparams *hp, int il)
{
    return hp->layer[il].has_scaling && hp->rope_scaling != OG_SCALING_NONE;
}

/* The pair that turns `beta` times over the original context. */
static double pair_of(const og_hparams *hp, int n_rot, double base, double beta)
{
    return n_rot * log(hp->rope_ctx_orig / (beta * 2 * 3.14159265358979323846)) / (2 * log(base));
}

static double yarn_scale(double factor, double weight)
{
    return factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1;
}

static og_rope_args rule_of(const og_decoder *d, int il, int head_dim)
{
    const og_hparams *hp = d->hp;
    const og_layer_hp *h = &hp->layer[il];
    double factor = is_scaled(hp, il) ? (double)h->rope_factor : 1, base = (double)h->rope_base;
    og_rope_args r;
    memset(&r, 0, sizeof r); /* padding too: rules are compared as bytes */
    r.head_dim = head_dim;
    r.n_rot = OGI_MIN(h->n_rot, head_dim);
    r.is_interleaved = d->arch->rope == OG_ROPE_PAIRS;
    r.freq_scale = 1 / (float)factor;
    r.mscale = h->has_scaling ? hp->rope_attn_factor : 1;
    float ext = hp->yarn_ext >= 0 ? hp->yarn_ext : hp->rope_scaling == OG_SCALING_YARN;
    if (ext == 0 || !h->has_scaling) return r;
    r.ext_factor = ext;
    r.yarn_low = (float)fmax(0, floor(pair_of(hp, r.n_rot, base, (double)hp->yarn_beta_fast)));
    r.yarn_high =
        (float)fmin(r.n_rot - 1, ceil(pair_of(hp, r.n_rot, base, (double)hp->yarn_beta_slow)));
    double scale = yarn_scale(factor, hp->yarn_mul > 0 ? (double)hp->yarn_mul : 1);
    if (hp->yarn_log_mul > 0) scale /= yarn_scale(factor, (double)hp->yarn_log_mul);
    r.mscale = (float)((double)hp->rope_attn_factor * scale);
    return r;
}

float ogi_decoder_yarn(const og_decoder *d, int il)
{
    og_rope_args r = rule_of(d, il, d->hp->layer[il].n_rot);
    double factor = (double)d->hp->layer[il].rope_factor;
    if (r.ext_factor == 0) return 1;
    return (float)((double)r.mscale * yarn_scale(factor, (double)d->hp->yarn_log_mul));
}

/* Factors that divide the frequencies: of the file, or of LongRoPE by the context of the run. */
static og_floats factors_of(const og_decoder *d, int il)
{
    const og_hparams *hp = d->hp;
    if (!hp->layer[il].has_factors) return (og_floats){ 0 };
    if (d->w->rope_freqs.data) return d->w->rope_freqs;
    int64_t n_ctx = OGI_ALIGN((int64_t)hp->n_ctx, LONGROPE_PAD);
    return n_ctx > hp->rope_ctx_orig ? d->w->rope_long : d->w->rope_short;
}

/* Does the pair turn by the fourth position, which text has not? */
static bool is_still(const og_hparams *hp, int pair)
{
    const int *s = hp->rope_sections;
    int sum = s[0] + s[1] + s[2] + s[3];
    if (sum == 0) return false;
    int at = pair % sum;
    if (!hp->rope_sections_interleaved) return at >= s[0] + s[1] + s[2];
    return at >= 3 * s[at % 3];
}

static og_tensor *frequencies(og_decoder *d, int il, int n_rot, bool is_back)
{
    int n = n_rot / 2;
    double base = (double)d->hp->layer[il].rope_base;
    og_floats factor = factors_of(d, il);
    float *freq = OGI_NEW_N(d->g->ctx, float, n);
    if (!freq) return d->g->status = OG_E_MEMORY, NULL;
    for (int i = 0; i < n; i++) {
        float by = 1;
        if (i < factor.n) memcpy(&by, (const char *)factor.data + 4 * (size_t)i, sizeof by);
        freq[i] = (float)(pow(base, -2.0 * i / n_rot) / (double)by);
        if (is_still(d->hp, i)) freq[i] = 0;
        if (is_back) freq[i] = -freq[i];
    }
    og_tensor *t = og_table(d->g, OG_F32, OG_SHAPE(OG_N(n)), freq);
    ogi_free(d->g->ctx, freq);
    return t;
}

static og_tensor *make_table(og_decoder *d, int il, const og_turn *spec, const og_rope_args *rule)
{
    og_tensor *pos = spec->pos ? spec->pos : og_decoder_input(d, OG_STEP_POS);
    og_graph_layer(d->g, -1); /* it belongs to all layers */
    og_tensor *freq = frequencies(d, il, rule->n_rot, spec->is_back);
    og_tensor *t = og_rope_table(d->g, pos, freq, rule);
    og_name(t, d->own->n_rope ? "rope.%d" : "rope", d->own->n_rope);
    og_graph_layer(d->g, d->own->il);
    return t;
}

og_tensor *ogi_decoder_rope_table(og_decoder *d, int il, int head_dim, const og_turn *spec,
                                  og_rope_args *rule)
{
    ogi_decoder_own *o = d->own;
    const og_layer_hp *h = &d->hp->layer[il];
    *rule = rule_of(d, il, head_dim);
    if (spec->kind != OG_ROPE_NONE) rule->is_interleaved = spec->kind == OG_ROPE_PAIRS;
    for (int i = 0; i < o->n_rope; i++) {
        const ogi_rope_table *t = &o->rope[i];
        if (!memcmp(&t->rule, rule, sizeof *rule) && t->base == h->rope_base &&
            t->has_factors == h->has_factors && t->is_back == spec->is_back && t->pos == spec->pos)
            return t->table;
    }
    og_tensor *t = make_table(d, il, spec, rule);
    if (o->n_rope < OGI_MAX_ROPE)
        o->rope[o->n_rope++] =
            (ogi_rope_table){ *rule, h->rope_base, h->has_factors, spec->is_back, spec->pos, t };
    return t;
}

og_tensor *og_decoder_turn(og_decoder *d, int il, og_tensor *x, const og_turn *spec)
{
    static const og_turn none;
    og_rope_args rule;
    if (!ogi_decoder_has_layer(d, il)) return NULL;
    if (!x || !d->hp->layer[il].has_rope) return x;
    int head_dim = (int)og_tensor_shape(x).dim[2].b;
    og_tensor *table = ogi_decoder_rope_table(d, il, head_dim, spec ? spec : &none, &rule);
    return og_rope(d->g, x, table, &rule);
}
