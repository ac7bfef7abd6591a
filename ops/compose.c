/* SPDX-License-Identifier: MIT
 *
 * Compositions: values that simpler ops make in a few lines, for those who build graphs. They fuse
 * and run everywhere; what needs a kernel is an op of its own. */
#include "ops/op.h"

og_tensor *og_attention_merge(og_graph *g, og_tensor *a, og_tensor *b, og_tensor *sink)
{
    if (!a || !b) return og_add(g, a, b);
    if (a->shape.rank != 3) return og_slice(g, a, OG_MAX_RANK, 0, 1); /* refused */
    int64_t dim = ogi_last_dim(a).b - 2;
    og_tensor *sum_a = og_slice(g, a, 2, 0, dim), *sum_b = og_slice(g, b, 2, 0, dim);
    og_tensor *max_a = og_slice(g, a, 2, dim, 1), *max_b = og_slice(g, b, 2, dim, 1);
    og_tensor *z_a = og_slice(g, a, 2, dim + 1, 1), *z_b = og_slice(g, b, 2, dim + 1, 1);
    og_tensor *max = og_maximum(g, max_a, max_b); /* [T, H, 1] */
    if (sink) {
        sink = og_reshape(g, sink, OG_SHAPE(a->shape.dim[1], OG_N(1)));
        max = og_maximum(g, max, sink);
    }
    og_tensor *w_a = og_exp(g, og_sub(g, max_a, max)), *w_b = og_exp(g, og_sub(g, max_b, max));
    og_tensor *z = og_add(g, og_mul(g, z_a, w_a), og_mul(g, z_b, w_b));
    if (sink) z = og_add(g, z, og_exp(g, og_sub(g, sink, max)));
    og_tensor *sum = og_add(g, og_mul(g, sum_a, w_a), og_mul(g, sum_b, w_b));
    return og_div(g, sum, z); /* [T, H, dim] */
}

og_tensor *og_conv1d(og_graph *g, og_tensor *x, og_tensor *w, og_tensor *seq_start)
{
    if (!x || !w || w->shape.rank < 2) return og_linear(g, x, w); /* refused */
    const og_dim *dim = w->shape.dim;
    og_dim taps = dim[w->shape.rank - 1], n_channel = x->shape.dim[1];
    og_tensor *y = og_unfold(g, x, seq_start, (int)taps.b); /* [T, C, K] */
    if (w->shape.rank == 2) return og_reshape(g, og_sum(g, og_mul(g, y, w)), x->shape);
    og_dim n = og_dim_mul(n_channel, taps.b);
    y = og_reshape(g, y, OG_SHAPE(x->shape.dim[0], n));
    return og_linear(g, y, og_reshape(g, w, OG_SHAPE(dim[0], n)));
}
