/* SPDX-License-Identifier: MIT
 *
 * Prints graphs for Graphviz: leaves as notes, ops as boxes, one cluster a layer. */
#include "graph/dim.h"
#include "graph/form.h"
#include "graph/layout.h"
#include "graph/op_def.h"

static void put_label(ogi_buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') ogi_buf_putc(out, '\\');
        if ((unsigned char)*s >= 0x20) ogi_buf_putc(out, *s);
    }
}

static void put_node(const og_graph *g, const og_tensor *n, ogi_buf *out)
{
    ogi_buf_printf(out, "  n%d [label=\"%s", n->id, ogi_op_name(n->op));
    if (n->op != OG_OP_TABLE) ogi_form_attrs(g, n, out);
    if (n->name) {
        ogi_buf_puts(out, "\\n");
        put_label(out, n->name);
    }
    ogi_buf_printf(out, "\\n%s", og_dtype_name(n->dtype));
    ogi_shape_print(g, &n->shape, out);
    ogi_buf_puts(out, ogi_is_leaf(n) ? "\", shape=note];\n" : "\"];\n");
}

/* Nodes of one layer that follow each other are one cluster. */
static void put_nodes(const og_graph *g, ogi_buf *out)
{
    int layer = -1;
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *n = g->node[i];
        if (n->layer != layer) {
            if (layer >= 0) ogi_buf_puts(out, "  }\n");
            layer = n->layer;
            if (layer >= 0)
                ogi_buf_printf(out, "  subgraph cluster_%d_%d {\n  label=\"layer %d\";\n", layer,
                               n->id, layer);
        }
        put_node(g, n, out);
    }
    if (layer >= 0) ogi_buf_puts(out, "  }\n");
}

void ogi_print_dot(const og_graph *g, ogi_buf *out)
{
    ogi_buf_puts(out, "digraph \"");
    put_label(out, g->name);
    ogi_buf_puts(out, "\" {\n  node [shape=box, fontname=\"monospace\"];\n");
    put_nodes(g, out);
    for (int64_t i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i]->n_src; k++)
            if (g->node[i]->src[k])
                ogi_buf_printf(out, "  n%d -> n%d;\n", g->node[i]->src[k]->id, g->node[i]->id);
    for (int64_t i = 0; i < g->n_output; i++) {
        ogi_buf_printf(out, "  o%d [label=\"", (int)i);
        put_label(out, g->output[i].name);
        ogi_buf_printf(out, "\", shape=ellipse];\n  n%d -> o%d;\n", g->output[i].value->id, (int)i);
    }
    ogi_buf_puts(out, "}\n");
}
