/* SPDX-License-Identifier: MIT
 *
 * rope_table: cosines and signed sines for rope, [T, 2, head_dim], from pos [T] and freq
 * [n_rot / 2]. For pair i, all in F32:
 *
 *     extrapolated = pos * freq[i],  interpolated = extrapolated * freq_scale
 *     mix  = ext_factor * (1 - clamp((i - yarn_low) / max(0.001, yarn_high - yarn_low), 0, 1))
 *     theta = interpolated * (1 - mix) + extrapolated * mix          (YaRN; Peng et al., 2023)
 *
 * pos may be a grid [4, T], time, height, width and a fourth, of which each section of pairs takes
 * its own (Wang et al., 2024).
 *
 * cos = mscale cos(theta), sin = -mscale sin(theta) for the first of a pair, + for the second. */
#include <math.h>

#include "ops/op.h"

static const ogi_attr attr[] = {
    { "head_dim", OGI_ATTR_INT, offsetof(og_rope_args, head_dim), 0 },
    { "n_rot", OGI_ATTR_INT, offsetof(og_rope_args, n_rot), 0 },
    { "interleaved", OGI_ATTR_BOOL, offsetof(og_rope_args, is_interleaved), 0 },
    { "freq_scale", OGI_ATTR_FLOAT, offsetof(og_rope_args, freq_scale), 1 },
    { "mscale", OGI_ATTR_FLOAT, offsetof(og_rope_args, mscale), 1 },
    { "ext_factor", OGI_ATTR_FLOAT, offsetof(og_rope_args, ext_factor), 0 },
    { "yarn_low", OGI_ATTR_FLOAT, offsetof(og_rope_args, yarn_low), 0 },
    { "yarn_high", OGI_ATTR_FLOAT, offsetof(og_rope_args, yarn_high), 0 },
    { "section_0", OGI_ATTR_INT, offsetof(og_rope_args, section[0]), 0 },
    { "section_1", OGI_ATTR_INT, offsetof(og_rope_args, section[1]), 0 },
    { "section_2", OGI_ATTR_INT, offsetof(og_rope_args, section[2]), 0 },
    { "section_3", OGI_ATTR_INT, offsetof(og_rope_args, section[3]), 0 },
    { "mixed_sections", OGI_ATTR_BOOL, offsetof(og_rope_args, has_mixed_sections), 0 },
};

og_tensor *og_rope_table(og_graph *g, og_tensor *pos, og_tensor *freq, const og_rope_args *rope)
{
    static const og_rope_args none; /* no rotation: refused as such */
    og_rope_args p;
    if (!rope) rope = &none;
    memset(&p, 0, sizeof p); /* padding too: params may be compared as bytes */
    p.head_dim = rope->head_dim;
    p.n_rot = rope->n_rot;
    p.is_interleaved = rope->is_interleaved;
    p.freq_scale = rope->freq_scale == 0 ? 1 : rope->freq_scale;
    p.mscale = rope->mscale == 0 ? 1 : rope->mscale;
    p.ext_factor = rope->ext_factor;
    p.yarn_low = rope->yarn_low;
    p.yarn_high = rope->yarn_high;
    memcpy(p.section, rope->section, sizeof p.section);
    p.has_mixed_sections = rope->has_mixed_sections;
    return ogi_node(g, OG_OP_ROPE_TABLE, &p, 2, (og_tensor *[]){ pos, freq });
}

static bool has_grid(const og_tensor *n)
{
    return n->src[0]->shape.rank == 2;
}

static og_status infer_sections(const og_tensor *n)
{
    const og_rope_args *p = n->params;
    int64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        if (p->section[i] < 0) OGI_INFER_FAIL(n, "a section of %d pairs", p->section[i]);
        sum += p->section[i];
    }
    if (sum < 1 || sum > p->n_rot / 2)
        OGI_INFER_FAIL(n, "sections of %lld pairs, expected 1..%d", (long long)sum, p->n_rot / 2);
    return OG_OK;
}

/* The row of a grid of positions that turns a pair; see oxigraph/ops.h. */
static int row_of(const og_rope_args *p, int64_t pair)
{
    int64_t end = 0, sum = 0;
    for (int i = 0; i < 4; i++) sum += p->section[i];
    int64_t at = pair % sum;
    if (p->has_mixed_sections) return at < 3 * p->section[at % 3] ? (int)(at % 3) : 3;
    for (int i = 0; i < 3; i++)
        if (at < (end += p->section[i])) return i;
    return 3;
}

static og_status infer(og_tensor *n)
{
    const og_rope_args *p = n->params;
    if (p->n_rot < 2 || p->n_rot % 2 != 0 || p->n_rot > p->head_dim)
        OGI_INFER_FAIL(n, "n_rot is %d, expected an even number from 2 to head_dim, %d", p->n_rot,
                       p->head_dim);
    OG_TRY(ogi_want_dtype(n, 0, "pos", OG_I32));
    if (has_grid(n)) {
        OG_TRY(ogi_want_axis(n, 0, "pos", 0, OG_N(4)));
        OG_TRY(infer_sections(n));
    } else {
        OG_TRY(ogi_want_rank(n, 0, "pos", 1));
    }
    OG_TRY(ogi_want_real(n, 1, "freq"));
    OG_TRY(ogi_want_rank(n, 1, "freq", 1));
    OG_TRY(ogi_want_axis(n, 1, "freq", 0, OG_N(p->n_rot / 2)));
    n->dtype = OG_F32;
    n->shape = (og_shape){
        3, { n->src[0]->shape.dim[n->src[0]->shape.rank - 1], OG_N(2), OG_N(p->head_dim) }
    };
    return OG_OK;
}

/* The angle is part of the definition, rounding included: for a far position the sine of a more
 * exact angle would differ. */
static float angle(const og_rope_args *p, float pos, float freq, int64_t pair)
{
    float far = pos * freq, near = far * p->freq_scale;
    if (p->ext_factor == 0) return near;
    float ramp = ((float)pair - p->yarn_low) / fmaxf(0.001f, p->yarn_high - p->yarn_low);
    float mix = (1 - fminf(fmaxf(ramp, 0), 1)) * p->ext_factor;
    return near * (1 - mix) + far * mix;
}

static og_status ref(const ogi_ref_call *c)
{
    const og_rope_args *p = c->node->params;
    int64_t dim = p->head_dim, half = p->n_rot / 2;
    for (int64_t e = 0; e < c->dst->n; e++) {
        int64_t d = e % dim, is_sine = e / dim % 2, t = e / dim / 2;
        if (d >= p->n_rot) {
            c->dst->f[e] = is_sine ? 0 : 1;
            continue;
        }
        int64_t pair = p->is_interleaved ? d / 2 : d % half;
        bool is_first = p->is_interleaved ? d % 2 == 0 : d < half;
        if (has_grid(c->node)) t += row_of(p, pair) * c->dst->dim[0];
        double theta = (double)angle(p, (float)c->src[0]->i[t], c->src[1]->f[pair], pair);
        double v = is_sine ? (is_first ? -sin(theta) : sin(theta)) : cos(theta);
        c->dst->f[e] = (float)((double)p->mscale * v);
    }
    return OG_OK;
}

/* at % n, for at >= 0 */
static ogi_kx lower_mod(ogi_kb *b, ogi_kx at, int32_t n)
{
    ogi_kx size = ogi_kb_i32(b, n);
    return ogi_kb_sub(b, at, ogi_kb_mul(b, ogi_kb_div(b, at, size), size));
}

static ogi_kx lower_row(ogi_kb *b, const og_rope_args *p, ogi_kx pair)
{
    int32_t sum = p->section[0] + p->section[1] + p->section[2] + p->section[3];
    ogi_kx at = sum < p->n_rot / 2 ? lower_mod(b, pair, sum) : pair, row = ogi_kb_i32(b, 3);
    if (p->has_mixed_sections) {
        ogi_kx third = lower_mod(b, at, 3), size = ogi_kb_i32(b, 3 * p->section[2]);
        for (int i = 1; i >= 0; i--)
            size = ogi_kb_select(b, ogi_kb_eq(b, third, ogi_kb_i32(b, i)),
                                 ogi_kb_i32(b, 3 * p->section[i]), size);
        return ogi_kb_select(b, ogi_kb_lt(b, at, size), third, row);
    }
    int32_t end = p->section[0] + p->section[1] + p->section[2];
    for (int i = 2; i >= 0; i--) {
        row = ogi_kb_select(b, ogi_kb_lt(b, at, ogi_kb_i32(b, end)), ogi_kb_i32(b, i), row);
        end -= p->section[i];
    }
    return row;
}

static ogi_kx lower_angle(ogi_kb *b, const og_rope_args *p, ogi_kx pair)
{
    ogi_kx t = ogi_kb_coord(b, 0), at[2] = { t };
    if (has_grid(b->node)) at[0] = lower_row(b, p, pair), at[1] = t;
    ogi_kx pos = ogi_kb_to_f32(b, ogi_kb_load_at(b, 0, at));
    ogi_kx freq = ogi_kb_load_at(b, 1, (ogi_kx[]){ pair });
    ogi_kx far = ogi_kb_mul(b, pos, freq);
    ogi_kx near = ogi_kb_mul(b, far, ogi_kb_f32(b, p->freq_scale));
    if (p->ext_factor == 0) return near;
    ogi_kx one = ogi_kb_f32(b, 1);
    ogi_kx range = ogi_kb_f32(b, fmaxf(0.001f, p->yarn_high - p->yarn_low));
    ogi_kx above = ogi_kb_sub(b, ogi_kb_to_f32(b, pair), ogi_kb_f32(b, p->yarn_low));
    ogi_kx ramp = ogi_kb_max(b, ogi_kb_div(b, above, range), ogi_kb_f32(b, 0));
    ogi_kx mix =
        ogi_kb_mul(b, ogi_kb_sub(b, one, ogi_kb_min(b, ramp, one)), ogi_kb_f32(b, p->ext_factor));
    return ogi_kb_add(b, ogi_kb_mul(b, near, ogi_kb_sub(b, one, mix)), ogi_kb_mul(b, far, mix));
}

static ogi_kx lower(ogi_kb *b)
{
    const og_rope_args *p = ogi_kb_params(b);
    ogi_kx d = ogi_kb_coord(b, 2), one = ogi_kb_i32(b, 1), zero = ogi_kb_i32(b, 0);
    ogi_kx half = ogi_kb_i32(b, p->n_rot / 2), n_rot = ogi_kb_i32(b, p->n_rot), pair, is_first;
    if (p->is_interleaved) {
        pair = ogi_kb_shr(b, d, one);
        is_first = ogi_kb_eq(b, ogi_kb_and(b, d, one), zero);
    } else {
        is_first = ogi_kb_lt(b, d, half);
        pair = ogi_kb_select(b, is_first, d, ogi_kb_sub(b, d, half));
    }
    bool is_whole = p->n_rot == p->head_dim;
    ogi_kx is_rotated = ogi_kb_lt(b, d, n_rot);
    if (!is_whole) pair = ogi_kb_select(b, is_rotated, pair, zero);

    ogi_kx theta = lower_angle(b, p, pair), mscale = ogi_kb_f32(b, p->mscale);
    ogi_kx cosine = ogi_kb_mul(b, mscale, ogi_kb_cos(b, theta));
    ogi_kx sine = ogi_kb_mul(b, mscale, ogi_kb_sin(b, theta));
    sine = ogi_kb_select(b, is_first, ogi_kb_neg(b, sine), sine);
    if (!is_whole) {
        cosine = ogi_kb_select(b, is_rotated, cosine, ogi_kb_f32(b, 1));
        sine = ogi_kb_select(b, is_rotated, sine, ogi_kb_f32(b, 0));
    }
    return ogi_kb_select(b, ogi_kb_eq(b, ogi_kb_coord(b, 1), zero), cosine, sine);
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    ogi_cost_numel(n, c->flops, 30);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"rope_table\"\n"
    "sym T = 1..40\n"
    "input $pos : I32[T]\n"
    "weight @freq : F32[16]\n"
    "%0 = rope_table($pos, @freq) head_dim=32 n_rot=32\n"
    "output \"y\" = %0\n",
    "graph \"rope_table\"\n"
    "sym T = 1..40\n"
    "input $pos : I32[T]\n"
    "weight @freq : F32[8]\n"
    "%0 = rope_table($pos, @freq) head_dim=24 n_rot=16 interleaved=true freq_scale=0.25 "
    "mscale=1.2 ext_factor=1 yarn_low=1 yarn_high=5\n"
    "output \"y\" = %0\n",
    "graph \"rope_table\"\n"
    "sym T = 1..40\n"
    "input $grid : I32[4,T]\n"
    "weight @freq : F32[16]\n"
    "%0 = rope_table($grid, @freq) head_dim=32 n_rot=32 section_0=4 section_1=6 section_2=5 "
    "section_3=1\n"
    "output \"y\" = %0\n",
    "graph \"rope_table\"\n"
    "sym T = 1..40\n"
    "input $grid : I32[4,T]\n"
    "weight @freq : F32[16]\n"
    "%0 = rope_table($grid, @freq) head_dim=32 n_rot=32 section_0=6 section_1=4 section_2=4 "
    "mixed_sections=true\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_rope_table = {
    .op_class = OGI_CLASS_INDEXED,
    .n_src_min = 2,
    .n_src_max = 2,
    .params_size = sizeof(og_rope_args),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .lower = lower,
    .cost = cost,
    .tol = 1e-10,
    OGI_CASES(cases),
};
