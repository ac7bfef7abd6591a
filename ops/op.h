/* SPDX-License-Identifier: MIT
 *
 * What the files of ops/ share: the definitions that ops.def lists, checks for infer, sums for
 * cost, indexing for ref. Builders called inside ops/ keep the source line of the caller. */
#ifndef OG_OPS_OP_H
#define OG_OPS_OP_H

#define OG_NO_SOURCE_LINES 1
#include "graph/dtype.h"
#include "graph/graph.h"
#include "graph/op_def.h"

// clang-format off
#define OG_OP(ENUM, name, args, doc) extern const ogi_op_def ogi_op_##name;
#include "oxigraph/ops.def"
#undef OG_OP
// clang-format on

/* ---- infer: each fails with what was expected of source i, called `name` in messages -------- */
bool ogi_is_real(og_dtype t); /* read as F32: F32, F16, BF16 and the quantized types of files */
og_status ogi_want_real(const og_tensor *n, int i, const char *name);
og_status ogi_want_dtype(const og_tensor *n, int i, const char *name, og_dtype t);
og_status ogi_want_rank(const og_tensor *n, int i, const char *name, int rank);
og_status ogi_want_axis(const og_tensor *n, int i, const char *name, int axis, og_dim want);
/* A dimension that must be known when the graph is built. */
og_status ogi_want_const(const og_tensor *n, int i, const char *name, int axis, int64_t *out);
og_status ogi_want_state(const og_tensor *n, int i, const char *name);
/* Pages [N, H, max(1, 64 / ratio), D] of keys or values: a state of a type of OGI_KV_TYPES. */
og_status ogi_want_pages(const og_tensor *n, int i, const char *name, int ratio);
/* Source 0 has the shape of the result; its last dimension exists. */
og_status ogi_infer_same(og_tensor *n, og_dtype result);
static inline og_dim ogi_last_dim(const og_tensor *x)
{
    return x->shape.dim[x->shape.rank - 1];
}

/* ---- cost ---------------------------------------------------------------------------------- */
void ogi_cost_dim(double *per_sym, og_dim d, double factor);             /* per_sym += factor * d */
void ogi_cost_numel(const og_tensor *x, double *per_sym, double factor); /* elements of x */
void ogi_cost_bytes(const og_tensor *x, ogi_cost *c);                    /* its storage, once */
void ogi_cost_io(const og_tensor *n, ogi_cost *c); /* the result and every source once */

/* ---- ref ----------------------------------------------------------------------------------- */
/* Place in src of the element of a broadcast result at flat index e. */
int64_t ogi_ref_index(const ogi_ref_tensor *dst, const ogi_ref_tensor *src, int64_t e);
/* A row of a head to a KV state, as the state's type would give it back. */
og_status ogi_ref_store_row(const ogi_ref_call *c, const float *x, int64_t dim, float *row);
static inline int64_t ogi_ref_last(const ogi_ref_tensor *t)
{
    return t->dim[t->rank - 1];
}

#define OGI_CASES(table)     .cases = (table), .n_cases = OGI_LEN(table)
#define OGI_ADDRESSES(table) .address = (table), .n_address = OGI_LEN(table)

/* ---- addresses ----------------------------------------------------------------------------- */
#define OGI_RANGE_ANY ((ogi_range){ INT32_MIN, INT32_MAX })
ogi_range ogi_range_of_first(const og_tensor *n, const ogi_range *src); /* moves: source 0's */

#endif
