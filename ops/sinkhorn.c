/* SPDX-License-Identifier: MIT
 *
 * sinkhorn: matrices x [.., n, n] to nearly doubly stochastic ones (Sinkhorn and Knopp, 1967): the
 * softmax of each row plus eps, columns divided by their sums plus eps; then, iterations - 1 times,
 * rows and columns alike. What mixes the streams of hyper-connections. */
#include "ops/sinkhorn.h"

#include <math.h>

#include "ops/op.h"

static const ogi_attr attr[] = {
    { "iterations", OGI_ATTR_INT, offsetof(ogi_sinkhorn, iterations), 1 },
    { "eps", OGI_ATTR_FLOAT, offsetof(ogi_sinkhorn, eps), 0 },
};

og_tensor *og_sinkhorn(og_graph *g, og_tensor *x, int iterations, float eps)
{
    return ogi_node(g, OG_OP_SINKHORN, &(ogi_sinkhorn){ iterations, eps }, 1, &x);
}

static og_status infer(og_tensor *n)
{
    const ogi_sinkhorn *p = n->params;
    int64_t rows, columns;
    int rank = n->src[0]->shape.rank;
    OG_TRY(ogi_want_dtype(n, 0, "x", OG_F32));
    if (rank < 2) OGI_INFER_FAIL(n, "x has %d dimensions, expected 2 or more", rank);
    OG_TRY(ogi_want_const(n, 0, "x", rank - 2, &rows));
    OG_TRY(ogi_want_const(n, 0, "x", rank - 1, &columns));
    if (rows != columns || rows > OGI_SINKHORN_MAX)
        OGI_INFER_FAIL(n, "matrices are %lld by %lld, expected squares up to %d", (long long)rows,
                       (long long)columns, OGI_SINKHORN_MAX);
    if (p->iterations < 1 || p->iterations > 1000 || !(p->eps >= 0))
        OGI_INFER_FAIL(n, "iterations %d and eps %g, expected 1..1000 and 0 or more", p->iterations,
                       (double)p->eps);
    return ogi_infer_same(n, OG_F32);
}

/* Divides n numbers `step` apart by their sum plus eps. */
static void divide(double *m, int64_t n, int64_t step, double eps)
{
    double sum = eps;
    for (int64_t i = 0; i < n; i++) sum += m[i * step];
    for (int64_t i = 0; i < n; i++) m[i * step] /= sum;
}

static og_status ref(const ogi_ref_call *c)
{
    const ogi_sinkhorn *p = c->node->params;
    double m[OGI_SINKHORN_MAX * OGI_SINKHORN_MAX], eps = (double)p->eps;
    int64_t n = ogi_ref_last(c->dst);
    for (int64_t e = 0; e < c->dst->n; e += n * n) {
        for (int64_t r = 0; r < n; r++) {
            double most = -INFINITY;
            for (int64_t i = 0; i < n; i++) most = fmax(most, (double)c->src[0]->f[e + r * n + i]);
            for (int64_t i = 0; i < n; i++)
                m[r * n + i] = exp((double)c->src[0]->f[e + r * n + i] - most);
            divide(m + r * n, n, 1, 0);
            for (int64_t i = 0; i < n; i++) m[r * n + i] += eps;
        }
        for (int64_t i = 0; i < n; i++) divide(m + i, n, n, eps);
        for (int k = 1; k < p->iterations; k++) {
            for (int64_t r = 0; r < n; r++) divide(m + r * n, n, 1, eps);
            for (int64_t i = 0; i < n; i++) divide(m + i, n, n, eps);
        }
        for (int64_t i = 0; i < n * n; i++) c->dst->f[e + i] = (float)m[i];
    }
    return OG_OK;
}

static void cost(const og_tensor *n, ogi_cost *c)
{
    const ogi_sinkhorn *p = n->params;
    ogi_cost_numel(n, c->flops, 4.0 * p->iterations + 10);
    ogi_cost_io(n, c);
}

// clang-format off
static const char *const cases[] = {
    "graph \"sinkhorn\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,4,4]\n"
    "%0 = sinkhorn($x) iterations=20 eps=1e-06\n"
    "output \"y\" = %0\n",
    "graph \"sinkhorn\"\n"
    "sym T = 1..40\n"
    "input $x : F32[T,2,3,3]\n"
    "%0 = sinkhorn($x) eps=0.01\n"
    "output \"y\" = %0\n",
};
// clang-format on

const ogi_op_def ogi_op_sinkhorn = {
    .op_class = OGI_CLASS_KERNEL,
    .n_src_min = 1,
    .n_src_max = 1,
    .params_size = sizeof(ogi_sinkhorn),
    .attr = attr,
    .n_attr = OGI_LEN(attr),
    .infer = infer,
    .ref = ref,
    .cost = cost,
    .tol = 1e-10,
    OGI_CASES(cases),
};
