/* SPDX-License-Identifier: MIT
 *
 * Looks for values that are no finite numbers in what a group has stored: the way to the node that
 * spoils a step's logits. Slow and only asked for when they are spoiled; the values are those of
 * the step, dense in their slots. */
#include <string.h>

#include "backends/cpu/cpu.h"
#include "base/half.h"
#include "graph/dim.h"
#include "graph/dtype.h"

/* n stored values. Blocks of keys and values (Q8_0, Q4_0) tell by their scale, an F16 in front. */
static bool is_finite(og_dtype type, const unsigned char *p, int64_t n)
{
    const ogi_dtype *info = ogi_dtype_info(type);
    bool is_single = type == OG_F32;
    uint32_t exponent = is_single ? 0x7f800000 : type == OG_BF16 ? 0x7f80 : 0x7c00, bits = 0;
    for (int64_t i = 0; i < n / info->block; i++) {
        memcpy(&bits, p + i * info->bytes, is_single ? 4 : 2);
        if ((bits & exponent) == exponent) return false;
    }
    return true;
}

static bool rows_are_finite(const ogi_exec *e, const og_tensor *x)
{
    const unsigned char *p = ogi_cpu_memory_of(e, x);
    int64_t n = 1, rows = 1;
    int last = x->shape.rank - 1;
    for (int i = 0; i <= last; i++) {
        int64_t d = ogi_dim_value(x->shape.dim[i], e->sym);
        if (i == last)
            n = d;
        else
            rows *= d;
    }
    if (!p || x->dtype == OG_I32) return true;
    if (x->dtype != OG_A8) return is_finite(x->dtype, p, n * rows);
    for (int64_t r = 0; r < rows; r++) /* n codes, then a scale for each 32 of them */
        if (!is_finite(OG_F32, p + r * ogi_cpu_row_size(OG_A8, n) + n, n / 32)) return false;
    return true;
}

/* The rows [H, D] of pages [N, H, 64, D] that a step's slots name. */
static bool stored_keys_are_finite(const ogi_exec *e, const og_tensor *store)
{
    const og_shape *s = &store->shape;
    int64_t n_head = ogi_dim_value(s->dim[1], e->sym), n_row = ogi_dim_value(s->dim[2], e->sym);
    int64_t n = ogi_dim_value(s->dim[3], e->sym);
    int64_t n_tok = ogi_dim_value(store->src[2]->shape.dim[0], e->sym);
    const int32_t *slot = ogi_cpu_memory_of(e, store->src[2]);
    const unsigned char *p = ogi_cpu_memory_of(e, store);
    for (int64_t t = 0; p && slot && t < n_tok; t++)
        for (int64_t h = 0; h < n_head; h++) {
            int64_t row = (slot[t] / n_row * n_head + h) * n_row + slot[t] % n_row;
            if (!is_finite(store->dtype, p + row * ogi_cpu_row_size(store->dtype, n), n))
                return false;
        }
    return true;
}

const og_tensor *ogi_cpu_find_wrong(const ogi_exec *e, const ogi_group *g)
{
    for (int i = 0; i < g->n_member; i++) {
        const og_tensor *x = g->member[i];
        if (x->op == OG_OP_KV_STORE && !stored_keys_are_finite(e, x)) return x;
    }
    for (int i = 0; i < g->n_write; i++) {
        const og_tensor *x = g->write[i];
        bool is_state = ogi_op_def_of(x->op)->op_class == OGI_CLASS_STORE;
        if (!is_state && !rows_are_finite(e, x)) return x;
    }
    return NULL;
}
