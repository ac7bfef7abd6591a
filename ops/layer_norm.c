/* SPDX-License-Identifier: MIT
 *
 * layer_norm: y = (x - mean) / sqrt(variance + eps), along each row. */
#include "ops/norm.h"

static void ref_row(const float *x, int64_t n, double eps, float *y)
{
    double sum = 0, var = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i];
    double mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
    double root = sqrt(var / (double)n + eps);
    for (int64_t i = 0; i < n; i++) y[i] = (float)(((double)x[i] - mean) / root);
}

static ogi_kx lower(ogi_kb *b)
{
    const ogi_norm *p = ogi_kb_params(b);
    ogi_kx x = ogi_kb_load(b, 0);
    ogi_kx d = ogi_kb_sub(b, x, ogi_kb_row_mean(b, x));
    ogi_kx var = ogi_kb_row_mean(b, ogi_kb_mul(b, d, d));
    return ogi_kb_mul(b, d, ogi_kb_rsqrt(b, ogi_kb_add(b, var, ogi_kb_f32(b, p->eps))));
}

static og_tensor *decompose(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    const ogi_norm *p = n->params;
    og_tensor *d = og_sub(g, src[0], og_mean(g, src[0]));
    og_tensor *var = og_mean(g, og_sqr(g, d));
    return og_mul(g, d, og_rsqrt(g, og_scale(g, var, 1, p->eps)));
}

OGI_NORM(LAYER_NORM, layer_norm, 6)
