/* SPDX-License-Identifier: MIT
 *
 * rms_norm: y = x / sqrt(mean(x * x) + eps), the mean along each row. */
#include "ops/norm.h"

static void ref_row(const float *x, int64_t n, double eps, float *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    double root = sqrt(sum / (double)n + eps);
    for (int64_t i = 0; i < n; i++) y[i] = (float)((double)x[i] / root);
}

static ogi_kx lower(ogi_kb *b)
{
    const ogi_norm *p = ogi_kb_params(b);
    ogi_kx x = ogi_kb_load(b, 0);
    ogi_kx mean = ogi_kb_row_mean(b, ogi_kb_mul(b, x, x));
    return ogi_kb_mul(b, x, ogi_kb_rsqrt(b, ogi_kb_add(b, mean, ogi_kb_f32(b, p->eps))));
}

static og_tensor *decompose(og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    const ogi_norm *p = n->params;
    og_tensor *mean = og_mean(g, og_sqr(g, src[0]));
    return og_mul(g, src[0], og_rsqrt(g, og_scale(g, mean, 1, p->eps)));
}

OGI_NORM(RMS_NORM, rms_norm, 4)
