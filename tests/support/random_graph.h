/* SPDX-License-Identifier: MIT
 *
 * Random graphs over all ops, valid by construction, and data for their leaves. Equal seeds give
 * equal graphs and data. Values stay moderate and free of NaN; ops that jump (less, top_k, casts to
 * I32) see only values that every correct backend computes to the same bit, so that results may be
 * compared with the reference by mean squared error. */
#ifndef OGT_RANDOM_GRAPH_H
#define OGT_RANDOM_GRAPH_H

#include "base/random.h"
#include "graph/graph.h"
#include "graph/op_def.h"

/* 3 to about 20 ops, with outputs; fails the running test if it cannot be built. Symbols: T tokens
 * (1..40), S sequences (1..3, S <= T). */
og_graph *ogt_random_graph(og_ctx *ctx, uint64_t seed);

/* Values of the graph's symbols, S <= T. */
void ogt_random_syms(const og_graph *g, uint64_t seed, int64_t *sym);

typedef struct ogt_leaf {
    og_op op; /* INPUT, WEIGHT or STATE */
    char name[64];
    void *bytes; /* dense, in the leaf's element type: for a backend */
    int64_t size;
    ogi_ref_tensor ref; /* the same values: for ogi_ref_run, which writes to states */
} ogt_leaf;

/* Data of all named leaves of a graph. Indexes lie in range; positions, slots, page tables and
 * lengths belong together; quantized weights are random blocks with moderate scales. Depends on
 * seed, sym, and the leaf's kind, name and type alone: a graph after passes gets the same. */
typedef struct ogt_data {
    ogt_leaf *leaf;
    int n_leaf;
} ogt_data;

ogt_data *ogt_data_new(const og_graph *g, uint64_t seed, const int64_t *sym);
void ogt_data_free(ogt_data *d);
const ogt_leaf *ogt_data_find(const ogt_data *d, const og_tensor *leaf); /* NULL: none */

/* Where page `page` of the first sequence lies, as its page table in ogt_data says. */
int32_t ogt_page_of(const og_graph *g, int64_t page);

/* bind of ogi_ref_io with an ogt_data as user. */
ogi_ref_tensor *ogt_data_bind(void *user, const og_tensor *leaf, const int64_t *dim);

#endif
