/* SPDX-License-Identifier: MIT
 *
 * Iteration spaces of groups: may these nodes be one program, and over which space? Fusion asks
 * before it merges; lowering (codegen/lower.h) maps members into the space by the same rules. */
#ifndef OG_GRAPH_SPACE_H
#define OG_GRAPH_SPACE_H

#include "graph/graph.h"

/* A program to be: nodes to compute in graph order, which of them to store, and results of linears
 * that are read from matmul panels instead of memory. */
typedef struct ogi_lower_spec {
    const og_graph *g;
    const og_tensor *const *member;
    int n_member;
    const og_tensor *const *store; /* members, or panels, whose values are stored to memory */
    int n_store;
    const og_tensor *const *panel;
    int n_panel;
} ogi_lower_spec;

/* How the axes of a shape lie in a space. Axis j of the shape is the product of the space's axes
 * first[j] .. first[j + 1] - 1 (row-major); a row-uniform shape has a last axis of size 1 that
 * stands for the whole row. */
typedef struct ogi_axis_map {
    int first[OG_MAX_RANK + 1];
    bool is_uniform;
} ogi_axis_map;

/* Maps shape into space; false if it does not split so. Equal shapes map to themselves. */
bool ogi_space_map(const og_shape *space, const og_shape *shape, ogi_axis_map *out);

/* The common iteration space, or false. Rules:
 *  - the space is the members' finest own space (ogi_space_of; panels count as [.., F]);
 *  - MAP members and panels: any shape that maps into it;
 *  - ROW members: map into it with the last axis whole (or uniform results of another row op);
 *  - INDEXED and STORE members: own space equal to it;
 *  - between members: views that resolve to a split or merge of axes (any contiguous reshape);
 *    a broadcast of a row-uniform value along the row; nothing else;
 *  - INDEXED members that load a member at explicit coordinates: along the last axis only. */
bool ogi_space_find(const ogi_lower_spec *spec, og_shape *space);

/* The leaf or node in whose memory x lies: through views, and from a store op to its state. */
const og_tensor *ogi_storage(const og_tensor *x);

#endif
