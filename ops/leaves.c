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

static const ogi_attr table_attr[] = { { "data", OGI_ATTR_DATA, 0, 0 } };

const ogi_op_def ogi_op_input = { .op_class = OGI_CLASS_LEAF, .infer = infer_leaf };
const ogi_op_def ogi_op_weight = { .op_class = OGI_CLASS_LEAF, .infer = infer_leaf };
const ogi_op_def ogi_op_state = { .op_class = OGI_CLASS_LEAF, .infer = infer_leaf };
const ogi_op_def ogi_op_table = {
    .op_class = OGI_CLASS_LEAF,
    .infer = infer_leaf,
    .params_size = sizeof(ogi_data),
    .attr = table_attr,
    .n_attr = OGI_LEN(table_attr),
};
