/* SPDX-License-Identifier: MIT
 *
 * linear_scan of one head: a strip of columns of S stays in the nearest cache through all tokens,
 * its sums in registers. A column's result depends on nothing beside it: full strips, narrow ones
 * and single columns add in the same order. */
#include "backends/cpu/isa/scan.h"
#include "backends/cpu/isa/unpack.h"
#include "backends/cpu/isa/vmath.h"

enum { WIDE = OGI_VN >= 8 ? 2 : 1 /* v16 of a strip; more would spill u, v and y */ };

/* The rows of one token. */
typedef struct token {
    const float *r, *w, *k, *v, *a, *b;
    float *out;
} token;

OGI_INLINE token token_of(const ogi_linear_scan_kernel_args *p, int64_t t)
{
    return (token){ .r = p->r + t * p->r_stride,
                    .w = p->w + t * p->w_stride,
                    .k = p->k + t * p->k_stride,
                    .v = p->v + t * p->v_stride,
                    .a = p->a ? p->a + t * p->a_stride : NULL,
                    .b = p->b ? p->b + t * p->b_stride : NULL,
                    .out = p->out + t * p->v_stride };
}

OGI_INLINE v16 scaled(float w, v16 s)
{
    for (int i = 0; i < OGI_NV; i++) s.v[i] = vf_mul(vf_set1(w), s.v[i]);
    return s;
}

/* n (1 or WIDE) times 16 columns from c on; has_a, by_head and before are constants. */
OGI_INLINE void step_strip(bool has_a, bool by_head, bool before,
                           const ogi_linear_scan_kernel_args *p, const token *x, int64_t c, int n)
{
    v16 u[WIDE], y[WIDE], v[WIDE];
    for (int j = 0; j < n; j++) {
        u[j] = y[j] = v16_zero();
        v[j] = v16_load(x->v + c + 16 * j);
    }
    for (int64_t i = 0; has_a && i < p->dim_k; i++)
        for (int j = 0; j < n; j++)
            u[j] = v16_fma(v16_set1(x->a[i]), v16_load(p->state + i * p->dim_v + c + 16 * j), u[j]);
    for (int64_t i = 0; i < p->dim_k; i++) {
        float *row = p->state + i * p->dim_v + c;
        for (int j = 0; j < n; j++) {
            v16 old = v16_load(row + 16 * j), s = scaled(x->w[by_head ? 0 : i], old);
            if (has_a) s = v16_fma(v16_set1(x->b[i]), u[j], s);
            s = v16_fma(v16_set1(x->k[i]), v[j], s);
            y[j] = v16_fma(v16_set1(x->r[i]), before ? old : s, y[j]);
            v16_store(row + 16 * j, s);
        }
    }
    for (int j = 0; j < n; j++) v16_store(x->out + c + 16 * j, y[j]);
}

static void step_column(const ogi_linear_scan_kernel_args *p, const token *x, int64_t c)
{
    float u = 0, y = 0, v = x->v[c];
    for (int64_t i = 0; x->a && i < p->dim_k; i++)
        u = OGI_FMA(x->a[i], p->state[i * p->dim_v + c], u);
    for (int64_t i = 0; i < p->dim_k; i++) {
        float *at = p->state + i * p->dim_v + c, old = *at, s = x->w[p->w_by_head ? 0 : i] * old;
        if (x->a) s = OGI_FMA(x->b[i], u, s);
        s = OGI_FMA(x->k[i], v, s);
        y = OGI_FMA(x->r[i], p->reads_before ? old : s, y);
        *at = s;
    }
    x->out[c] = y;
}

OGI_INLINE void scan_strip(bool has_a, bool by_head, bool before,
                           const ogi_linear_scan_kernel_args *p, int64_t c, int n)
{
    for (int64_t t = 0; t < p->n_tok; t++) {
        token x = token_of(p, t);
        step_strip(has_a, by_head, before, p, &x, c, n);
    }
}

OGI_INLINE void scan_columns(bool has_a, bool by_head, bool before,
                             const ogi_linear_scan_kernel_args *p, int64_t c0, int64_t c1)
{
    for (; c0 + 16 * WIDE <= c1; c0 += 16 * WIDE) scan_strip(has_a, by_head, before, p, c0, WIDE);
    for (; c0 + 16 <= c1; c0 += 16) scan_strip(has_a, by_head, before, p, c0, 1);
    for (; c0 < c1; c0++)
        for (int64_t t = 0; t < p->n_tok; t++) {
            token x = token_of(p, t);
            step_column(p, &x, c0);
        }
}

OGI_INLINE void scan_reading(bool before, const ogi_linear_scan_kernel_args *p, int64_t c0,
                             int64_t c1)
{
    if (p->a && p->w_by_head)
        scan_columns(true, true, before, p, c0, c1);
    else if (p->a)
        scan_columns(true, false, before, p, c0, c1);
    else if (p->w_by_head)
        scan_columns(false, true, before, p, c0, c1);
    else
        scan_columns(false, false, before, p, c0, c1);
}

void OGI_ISA(ogi_linear_scan)(const ogi_linear_scan_kernel_args *p, int64_t c0, int64_t c1)
{
    for (int64_t i = 0; p->is_fresh && i < p->dim_k; i++)
        memset(p->state + i * p->dim_v + c0, 0, (size_t)(c1 - c0) * sizeof *p->state);
    if (p->reads_before)
        scan_reading(true, p, c0, c1);
    else
        scan_reading(false, p, c0, c1);
}
