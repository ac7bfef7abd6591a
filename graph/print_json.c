/* SPDX-License-Identifier: MIT
 *
 * Prints graphs as JSON, for reading by other programs: symbols, nodes in order, outputs. Types and
 * attributes are strings as in the text form. */
#include "graph/dim.h"
#include "graph/form.h"
#include "graph/op_def.h"

#include <inttypes.h>

static void put_string(ogi_buf *out, ogi_sv s)
{
    ogi_buf_putc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            ogi_buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            ogi_buf_printf(out, "\\u%04x", c);
        else
            ogi_buf_putc(out, (char)c);
    }
    ogi_buf_putc(out, '"');
}

static void put_field(ogi_buf *out, const char *name, const char *value)
{
    ogi_buf_printf(out, ", \"%s\": ", name);
    put_string(out, ogi_sv_of(value));
}

static void put_shape(const og_graph *g, const og_shape *s, ogi_buf *out)
{
    ogi_buf dim = { .ctx = g->ctx };
    ogi_buf_puts(out, ", \"shape\": [");
    for (int i = 0; i < s->rank; i++) {
        dim.n = 0;
        ogi_dim_print(g, s->dim[i], &dim);
        if (i) ogi_buf_puts(out, ", ");
        if (ogi_dim_is_const(s->dim[i]))
            ogi_buf_puts(out, ogi_buf_str(&dim));
        else
            put_string(out, (ogi_sv){ ogi_buf_str(&dim), dim.n });
    }
    ogi_buf_putc(out, ']');
    out->failed |= dim.failed;
    ogi_buf_free(&dim);
}

/* Constants of a table stay out: they are in the text form. */
static void put_attrs(const og_graph *g, const og_tensor *n, ogi_buf *out)
{
    ogi_buf text = { .ctx = g->ctx };
    if (n->op != OG_OP_TABLE) ogi_form_attrs(g, n, &text);
    const char *p = ogi_buf_str(&text);
    ogi_buf_puts(out, ", \"attributes\": {");
    for (bool is_first = true; *p; is_first = false) { /* " name=value" again and again */
        size_t name = strcspn(++p, "=");
        ogi_sv key = { p, name };
        p += name + 1;
        ogi_sv value = { p, strcspn(p, " ") };
        p += value.n;
        if (!is_first) ogi_buf_puts(out, ", ");
        put_string(out, key);
        ogi_buf_puts(out, ": ");
        put_string(out, value);
    }
    ogi_buf_putc(out, '}');
    out->failed |= text.failed;
    ogi_buf_free(&text);
}

static void put_node(const og_graph *g, const og_tensor *n, ogi_buf *out)
{
    ogi_buf_printf(out, "{\"id\": %d, \"op\": \"%s\"", n->id, ogi_op_name(n->op));
    if (n->name) put_field(out, "name", n->name);
    put_field(out, "dtype", og_dtype_name(n->dtype));
    put_shape(g, &n->shape, out);
    ogi_buf_puts(out, ", \"sources\": [");
    for (int i = 0; i < n->n_src; i++) {
        if (i) ogi_buf_puts(out, ", ");
        if (n->src[i])
            ogi_buf_printf(out, "%d", n->src[i]->id);
        else
            ogi_buf_puts(out, "null");
    }
    ogi_buf_putc(out, ']');
    put_attrs(g, n, out);
    if (n->layer >= 0) ogi_buf_printf(out, ", \"layer\": %d", n->layer);
    ogi_buf_putc(out, '}');
}

void ogi_print_json(const og_graph *g, ogi_buf *out)
{
    ogi_buf_puts(out, "{\"graph\": ");
    put_string(out, ogi_sv_of(g->name));
    ogi_buf_puts(out, ",\n \"symbols\": [");
    for (int i = 0; i < g->n_sym; i++)
        ogi_buf_printf(out, "%s{\"name\": \"%s\", \"min\": %" PRId64 ", \"max\": %" PRId64 "}",
                       i ? ", " : "", g->sym[i].name, g->sym[i].min, g->sym[i].max);
    ogi_buf_puts(out, "],\n \"nodes\": [");
    for (int64_t i = 0; i < g->n_node; i++) {
        ogi_buf_puts(out, i ? ",\n  " : "\n  ");
        put_node(g, g->node[i], out);
    }
    ogi_buf_puts(out, "],\n \"outputs\": [");
    for (int64_t i = 0; i < g->n_output; i++) {
        ogi_buf_puts(out, i ? ", {\"name\": " : "{\"name\": ");
        put_string(out, ogi_sv_of(g->output[i].name));
        ogi_buf_printf(out, ", \"value\": %d}", g->output[i].value->id);
    }
    ogi_buf_puts(out, "]}\n");
}
