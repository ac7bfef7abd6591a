/* SPDX-License-Identifier: MIT
 *
 * Leaves: input, weight, state, table. The graph makes them with their dtype and shape; what is
 * left to define is that they have no sources and that a table carries its constants. */
#include "ops/op.h"

static og_status infer_leaf(og_tensor *n)
{
    (void)n;
    return OG_OK;
}

/* Constants are known; other leaves may hold anything. */
static ogi_range range_of_table(const og_tensor *n, const ogi_range *src)
{
    (void)src;
    const ogi_data *d = n->params;
    const int32_t *v = d->data;
    if (n->dtype != OG_I32 || d->size < 4) return OGI_RANGE_ANY;
    ogi_range r = { v[0], v[0] };
    for (int64_t i = 0; i < d->size / 4; i++) {
        r.lo = OGI_MIN(r.lo, v[i]);
        r.hi = OGI_MAX(r.hi, v[i]);
    }
    return r;
}

static const ogi_attr table_attr[] = { { "data", OGI_ATTR_DATA, 0, 0 } };

const ogi_op_def ogi_op_input = { .op_class = OGI_CLASS_LEAF, .infer = infer_leaf };
const ogi_op_def ogi_op_weight = { .op_class = OGI_CLASS_LEAF, .infer = infer_leaf };
const ogi_op_def ogi_op_state = { .op_class = OGI_CLASS_LEAF, .infer = infer_leaf };
const ogi_op_def ogi_op_table = {
    .op_class = OGI_CLASS_LEAF,
    .infer = infer_leaf,
    .range = range_of_table,
    .params_size = sizeof(ogi_data),
    .attr = table_attr,
    .n_attr = OGI_LEN(table_attr),
};
