/* SPDX-License-Identifier: MIT
 *
 * reshape, permute, slice, broadcast: index maps of source 0 that copy nothing. Types that keep
 * their values in blocks (quantized weights, A8) do not let a view touch their last axis. */
#include "graph/views.h"

#include <inttypes.h>

#include "graph/dim.h"
#include "graph/dtype.h"
#include "ops/op.h"

/* The last axis of a block type stays what it was. */
static bool keeps_blocks(const og_tensor *n)
{
    const og_shape *from = &n->src[0]->shape, *to = &n->shape;
    if (ogi_dtype_info((int64_t)n->src[0]->dtype)->block == 1) return true;
    return to->rank > 0 && ogi_dim_eq(from->dim[from->rank - 1], to->dim[to->rank - 1]);
}

#define CHECK_BLOCKS(n)                                                                            \
    do {                                                                                           \
        if (!keeps_blocks(n))                                                                      \
            OGI_INFER_FAIL(n, "the last dimension of %s holds blocks and cannot change",           \
                           og_dtype_name((n)->src[0]->dtype));                                     \
    } while (0)

/* Moves every element: at(c, source coordinates, result coordinates) tells where one comes from. */
static void copy_by(const ogi_ref_call *c,
                    void (*at)(const ogi_ref_call *c, const int64_t *to, int64_t *from))
{
    const ogi_ref_tensor *src = c->src[0];
    ogi_ref_tensor *dst = c->dst;
    for (int64_t e = 0; e < dst->n; e++) {
        int64_t to[OG_MAX_RANK] = { 0 }, from[OG_MAX_RANK] = { 0 }, place = 0, rest = e;
        for (int i = dst->rank; i-- > 0; rest /= dst->dim[i]) to[i] = rest % dst->dim[i];
        at(c, to, from);
        for (int i = 0; i < src->rank; i++) place = place * src->dim[i] + from[i];
        if (dst->dtype == OG_I32)
            dst->i[e] = src->i[place];
        else
            dst->f[e] = src->f[place];
    }
}

/* ---- reshape ------------------------------------------------------------------------------- */

/* Equal products; equal factors are crossed out first, since a product of symbols is no dim. */
static bool same_numel(const og_shape *a, const og_shape *b)
{
    og_shape x = *a, y = *b;
    for (int i = 0; i < x.rank; i++)
        for (int j = 0; j < y.rank; j++)
            if (!ogi_dim_is_const(x.dim[i]) && ogi_dim_eq(x.dim[i], y.dim[j]))
                x.dim[i] = y.dim[j] = OG_N(1);
    og_dim nx, ny;
    return ogi_shape_numel(&x, &nx) && ogi_shape_numel(&y, &ny) && ogi_dim_eq(nx, ny);
}

static og_status infer_reshape(og_tensor *n)
{
    const ogi_reshape_params *p = n->params;
    n->dtype = n->src[0]->dtype;
    n->shape = p->shape;
    if (n->shape.rank < 0 || n->shape.rank > OG_MAX_RANK)
        OGI_INFER_FAIL(n, "rank %d, expected 0..%d", n->shape.rank, OG_MAX_RANK);
    if (!same_numel(&n->src[0]->shape, &n->shape)) {
        ogi_buf to = { .ctx = n->g->ctx };
        ogi_shape_print(n->g, &n->shape, &to);
        ogi_fail(n->g->ctx, OG_E_INVALID, __FILE__, __LINE__,
                 "no reshape to %s: other element count", ogi_buf_str(&to));
        ogi_buf_free(&to);
        return OG_E_INVALID;
    }
    CHECK_BLOCKS(n);
    return OG_OK;
}

static og_status ref_reshape(const ogi_ref_call *c)
{
    size_t size = (size_t)c->dst->n * 4;
    if (c->dst->dtype == OG_I32)
        memcpy(c->dst->i, c->src[0]->i, size);
    else
        memcpy(c->dst->f, c->src[0]->f, size);
    return OG_OK;
}

og_tensor *(og_reshape)(og_graph *g, og_tensor *x, og_shape shape)
{
    return ogi_node(g, OG_OP_RESHAPE, &(ogi_reshape_params){ shape }, 1, &x);
}

/* ---- permute ------------------------------------------------------------------------------- */

static og_status infer_permute(og_tensor *n)
{
    const ogi_permute_params *p = n->params;
    const og_shape *s = &n->src[0]->shape;
    bool seen[OG_MAX_RANK] = { false };
    n->dtype = n->src[0]->dtype;
    n->shape.rank = s->rank;
    for (int i = 0; i < s->rank; i++) {
        int a = p->axes[i];
        if (a < 0 || a >= s->rank || seen[a])
            OGI_INFER_FAIL(n, "axes are not a permutation of 0..%d", s->rank - 1);
        seen[a] = true;
        n->shape.dim[i] = s->dim[a];
    }
    CHECK_BLOCKS(n);
    if (ogi_dtype_info((int64_t)n->dtype)->block > 1 && p->axes[s->rank - 1] != s->rank - 1)
        OGI_INFER_FAIL(n, "the last axis of %s holds blocks and cannot move",
                       og_dtype_name(n->dtype));
    return OG_OK;
}

static void at_permute(const ogi_ref_call *c, const int64_t *to, int64_t *from)
{
    const ogi_permute_params *p = c->node->params;
    for (int i = 0; i < c->dst->rank; i++) from[p->axes[i]] = to[i];
}

static og_status ref_permute(const ogi_ref_call *c)
{
    copy_by(c, at_permute);
    return OG_OK;
}

og_tensor *(og_permute)(og_graph *g, og_tensor *x, const int *axes)
{
    ogi_permute_params p = { 0 };
    for (int i = 0; x && i < x->shape.rank; i++) p.axes[i] = axes ? axes[i] : -1;
    return ogi_node(g, OG_OP_PERMUTE, &p, 1, &x);
}

/* ---- slice --------------------------------------------------------------------------------- */

static og_status infer_slice(og_tensor *n)
{
    const ogi_slice_params *p = n->params;
    n->dtype = n->src[0]->dtype;
    n->shape = n->src[0]->shape;
    if (p->axis < 0 || p->axis >= n->shape.rank)
        OGI_INFER_FAIL(n, "axis %d, expected 0..%d", p->axis, n->shape.rank - 1);
    int64_t length = ogi_dim_min(n->g, n->shape.dim[p->axis]), end;
    if (p->begin < 0 || p->size < 1 || !ogi_add_size(p->begin, p->size, &end) || end > length)
        OGI_INFER_FAIL(n,
                       "slice of %" PRId64 " from %" PRId64 ", but axis %d may have only %" PRId64,
                       p->size, p->begin, p->axis, length);
    n->shape.dim[p->axis] = OG_N(p->size);
    CHECK_BLOCKS(n);
    return OG_OK;
}

static void at_slice(const ogi_ref_call *c, const int64_t *to, int64_t *from)
{
    const ogi_slice_params *p = c->node->params;
    memcpy(from, to, OG_MAX_RANK * sizeof *from);
    from[p->axis] += p->begin;
}

static og_status ref_slice(const ogi_ref_call *c)
{
    copy_by(c, at_slice);
    return OG_OK;
}

og_tensor *(og_slice)(og_graph *g, og_tensor *x, int axis, int64_t begin, int64_t size)
{
    return ogi_node(g, OG_OP_SLICE, &(ogi_slice_params){ axis, begin, size }, 1, &x);
}

/* ---- broadcast ----------------------------------------------------------------------------- */

static og_status infer_broadcast(og_tensor *n)
{
    const ogi_broadcast_params *p = n->params;
    const og_shape *s = &n->src[0]->shape;
    og_shape both;
    n->dtype = n->src[0]->dtype;
    n->shape = p->shape;
    if (n->shape.rank < 0 || n->shape.rank > OG_MAX_RANK)
        OGI_INFER_FAIL(n, "rank %d, expected 0..%d", n->shape.rank, OG_MAX_RANK);
    if (!ogi_shape_broadcast(s, &n->shape, &both) || !ogi_shape_eq(&both, &n->shape))
        OGI_INFER_FAIL(n, "only dimensions of size 1 (or missing in front) can be repeated");
    CHECK_BLOCKS(n);
    return OG_OK;
}

static void at_broadcast(const ogi_ref_call *c, const int64_t *to, int64_t *from)
{
    const ogi_ref_tensor *src = c->src[0];
    int ahead = c->dst->rank - src->rank;
    for (int i = 0; i < src->rank; i++) from[i] = src->dim[i] == 1 ? 0 : to[i + ahead];
}

static og_status ref_broadcast(const ogi_ref_call *c)
{
    copy_by(c, at_broadcast);
    return OG_OK;
}

og_tensor *(og_broadcast)(og_graph *g, og_tensor *x, og_shape shape)
{
    return ogi_node(g, OG_OP_BROADCAST, &(ogi_broadcast_params){ shape }, 1, &x);
}

/* ---- definitions --------------------------------------------------------------------------- */

static const ogi_attr reshape_attrs[] = {
    { "shape", OGI_ATTR_SHAPE, offsetof(ogi_reshape_params, shape), 0 },
};
static const ogi_attr permute_attrs[] = {
    { "axes", OGI_ATTR_AXES, offsetof(ogi_permute_params, axes), 0 },
};
static const ogi_attr slice_attrs[] = {
    { "axis", OGI_ATTR_INT, offsetof(ogi_slice_params, axis), 0 },
    { "begin", OGI_ATTR_INT64, offsetof(ogi_slice_params, begin), 0 },
    { "size", OGI_ATTR_INT64, offsetof(ogi_slice_params, size), 0 },
};
static const ogi_attr broadcast_attrs[] = {
    { "shape", OGI_ATTR_SHAPE, offsetof(ogi_broadcast_params, shape), 0 },
};

static const char *const reshape_cases[] = {
    "graph \"reshape\"\nsym T = 1..40\ninput $x : F32[T,6,8]\n"
    "%0 = reshape($x) shape=[T,3,16] : F32[T,3,16]\noutput \"y\" = %0\n",
    "graph \"reshape\"\nsym T = 1..40\ninput $x : I32[T,6]\n"
    "%0 = reshape($x) shape=[2*T,3] : I32[2*T,3]\noutput \"y\" = %0\n",
};
static const char *const permute_cases[] = {
    "graph \"permute\"\nsym T = 1..40\ninput $x : F32[T,3,17]\n"
    "%0 = permute($x) axes=[1,2,0] : F32[3,17,T]\noutput \"y\" = %0\n",
};
static const char *const slice_cases[] = {
    "graph \"slice\"\nsym T = 1..40\ninput $x : F32[T,48]\n"
    "%0 = slice($x) axis=1 begin=16 size=17 : F32[T,17]\noutput \"y\" = %0\n",
};
static const char *const broadcast_cases[] = {
    "graph \"broadcast\"\nsym T = 1..40\ninput $x : F32[3,1]\n"
    "%0 = broadcast($x) shape=[T,3,5] : F32[T,3,5]\noutput \"y\" = %0\n",
};

#define VIEW(name)                                                                                 \
    const ogi_op_def ogi_op_##name = { .op_class = OGI_CLASS_VIEW,                                 \
                                       .n_src_min = 1,                                             \
                                       .n_src_max = 1,                                             \
                                       .params_size = sizeof(ogi_##name##_params),                 \
                                       .attr = name##_attrs,                                       \
                                       .n_attr = OGI_LEN(name##_attrs),                            \
                                       .infer = infer_##name,                                      \
                                       .ref = ref_##name,                                          \
                                       .range = ogi_range_of_first,                                \
                                       .cases = name##_cases,                                      \
                                       .n_cases = OGI_LEN(name##_cases) }

VIEW(reshape);
VIEW(permute);
VIEW(slice);
VIEW(broadcast);
