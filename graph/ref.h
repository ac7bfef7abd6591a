/* SPDX-License-Identifier: MIT
 *
 * The scalar reference: evaluates the whole graph node by node with ref(), views included. It is
 * the oracle of every backend, slow and plain on purpose. */
#ifndef OG_GRAPH_REF_H
#define OG_GRAPH_REF_H

#include "graph/op_def.h"

typedef struct ogi_ref_io {
    void *user;
    /* The tensor for an input, weight or state, owned by user, living through the call. */
    ogi_ref_tensor *(*bind)(void *user, const og_tensor *leaf, const int64_t *dim);
    void (*emit)(void *user, const char *name, const ogi_ref_tensor *t); /* each output */
} ogi_ref_io;
og_status ogi_ref_run(const og_graph *g, const int64_t *sym, const ogi_ref_io *io);

#endif
