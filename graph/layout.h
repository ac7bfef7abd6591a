/* SPDX-License-Identifier: MIT
 *
 * Where the elements of a value lie: in the storage of root, at offset + sum stride[i] * index[i]
 * elements. Chains of views resolve to one of these, unless a reshape cuts across strides. */
#ifndef OG_GRAPH_LAYOUT_H
#define OG_GRAPH_LAYOUT_H

#include "graph/graph.h"

typedef struct ogi_layout {
    const og_tensor *root; /* not a view */
    og_shape shape;
    og_dim offset;
    og_dim stride[OG_MAX_RANK];
} ogi_layout;

bool ogi_layout_contiguous(const og_tensor *root, ogi_layout *out);
bool ogi_layout_of(const og_tensor *x, ogi_layout *out); /* through x's views */
/* The same elements seen through a shape that splits or merges axes; false if no strides do it. */
bool ogi_layout_reshape(const ogi_layout *l, const og_shape *shape, ogi_layout *out);
bool ogi_is_leaf(const og_tensor *x);
bool ogi_is_view(const og_tensor *x);
const og_tensor *ogi_root(const og_tensor *x);                  /* x without its views */
int64_t ogi_value_size(const og_tensor *x, const int64_t *sym); /* bytes of x's storage: rows of
                                        its dtype; A8 rows are padded to multiples of 64 */

#endif
