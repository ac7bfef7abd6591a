/* SPDX-License-Identifier: MIT
 *
 * The text form from inside (docs/form.md): what its printer, its parser and the finder of equal
 * layers share. */
#ifndef OG_GRAPH_FORM_H
#define OG_GRAPH_FORM_H

#include "graph/graph.h"

enum {
    OGI_FORM_NAME_MAX = 255,      /* bytes of a name */
    OGI_FORM_NODE_MAX = 1 << 17,  /* values of a parsed graph */
    OGI_FORM_REPEAT_MAX = 1 << 16 /* iterations of a repetition */
};

/* Equal layers: n blocks of `length` nodes from node `first` on, of layers layer, layer + 1, ... */
typedef struct ogi_repeat {
    int64_t first, length;
    int n, layer;
} ogi_repeat;

/* The longest repetition that begins at node `first`; false if there are not two equal layers.
 * last_use: by node id, the last node that reads it; outputs: the number of nodes. */
bool ogi_repeat_find(const og_graph *g, int64_t first, const int64_t *last_use, ogi_repeat *out);

/* A source of a node of block 0 that is a value of the block before in all later blocks: that
 * value's place in its block, or -1. */
int64_t ogi_repeat_carried(const og_graph *g, const ogi_repeat *r, const og_tensor *n, int src);

/* Pieces of a name for which a and b agree, or that are the layer numbers la and lb: calls
 * piece(text, is_layer) for each. False if the names differ otherwise. */
typedef bool (*ogi_name_piece)(void *user, ogi_sv text, bool is_layer);
bool ogi_name_walk(const char *a, int la, const char *b, int lb, ogi_name_piece piece, void *user);

/* Leaves with names: $input, @weight, &state. 0 for other nodes. */
char ogi_form_sigil(og_op op);

/* The blocks of a model's file, over all its graphs. */
typedef struct ogi_form_blocks {
    ogi_buf text;  /* with a context; their statements */
    ogi_arena mem; /* likewise; of the bodies */
    ogi_map names; /* likewise; body -> number */
    int n;
} ogi_form_blocks;

/* The text form of a graph; or, with blocks, of one graph of a model's file: without symbols, and
 * with layers that are equal but not neighbours as calls of blocks, which are added. */
og_status ogi_form_print(const og_graph *g, ogi_form_blocks *blocks, ogi_buf *out);

/* A run of nodes of one layer, as the body of a block. */
typedef struct ogi_segment {
    int64_t first, length;
    int layer;
    bool is_block; /* it has one value that others read, and few that it reads */
    const og_tensor *param[OGI_MAX_SRC], *result;
    int n_param;
    const char *body;
    int n_alike, block; /* segments of this body; the block's number, or -1: it stands as it is */
    bool is_scattered;  /* others lie between them */
} ogi_segment;

/* The node as a line of a block's body: values by their place, {L} for the layer's number. */
void ogi_form_block_line(const og_graph *g, const ogi_segment *s, const og_tensor *n, ogi_buf *out);
/* All segments of g in order, those that are blocks with their numbers; *out in mem. */
og_status ogi_segments_find(const og_graph *g, const int64_t *last_use, ogi_form_blocks *blocks,
                            const ogi_segment **out, int64_t *n);

/* One node as a line of the text form, values numbered by node id; without the newline. */
void ogi_form_node(const og_graph *g, const og_tensor *n, ogi_buf *out);
void ogi_form_quote(ogi_buf *out, const char *s); /* in quotes, escaped */
/* " name=value" for each attribute that has not its default. */
void ogi_form_attrs(const og_graph *g, const og_tensor *n, ogi_buf *out);

void ogi_print_json(const og_graph *g, ogi_buf *out);
void ogi_print_dot(const og_graph *g, ogi_buf *out);

#endif
