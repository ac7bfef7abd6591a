/* SPDX-License-Identifier: MIT
 *
 * Prints graphs in the text form of docs/form.md. A value's number is its node's id, the same in
 * plans, kernels, DOT and JSON; equal layers are printed once (form_fold.c), with the numbers of
 * the first. What a repetition carries is no node: it is numbered behind all of them. */
#include "graph/dim.h"
#include "graph/form.h"
#include "graph/op_def.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

/* A value that a repetition hands from layer to layer: place in the block, value of the first. */
typedef struct carried {
    int64_t place;
    const og_tensor *init;
    int64_t number;
} carried;

typedef struct printer {
    const og_graph *g;
    ogi_buf *out;
    int64_t *number;   /* by node id: its own, or that of the layer printed; NULL: its own */
    int64_t *last_use; /* by node id */
    int64_t n_number;
    int layer;
    const ogi_repeat *repeat; /* being printed, or NULL */
    const ogi_segment *body;  /* being printed as a block's body, or NULL */
    carried *carry;
    int64_t n_carry, carry_cap;
    const ogi_segment *segment; /* of a model's file: those that are still to come */
    int64_t n_segment;
} printer;

/* ---- names --------------------------------------------------------------------------------- */

static void put_escaped(ogi_buf *out, ogi_sv s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (strchr("\"\\{}", c))
            ogi_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            ogi_buf_printf(out, "\\x%02x", c);
        else
            ogi_buf_putc(out, (char)c);
    }
}

void ogi_form_quote(ogi_buf *out, const char *s)
{
    ogi_buf_putc(out, '"');
    put_escaped(out, ogi_sv_of(s));
    ogi_buf_putc(out, '"');
}

static bool is_bare(const char *s)
{
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_.-/", *p)) return false;
    return *s != 0;
}

/* The layer's number between dots, or behind the last, as {L}. */
static void put_layered(const printer *p, const char *name)
{
    char number[16];
    size_t n = (size_t)snprintf(number, sizeof number, "%d", p->body->layer);
    for (const char *at = name; *at; at++) {
        bool is_dotted = at > name && at[-1] == '.' && !strncmp(at, number, n);
        if (is_dotted && (!at[n] || at[n] == '.')) {
            ogi_buf_puts(p->out, "{L}");
            at += n - 1;
        } else {
            put_escaped(p->out, (ogi_sv){ at, 1 });
        }
    }
}

static bool put_piece(void *user, ogi_sv text, bool is_layer)
{
    if (is_layer)
        ogi_buf_puts(user, "{L}");
    else
        put_escaped(user, text);
    return true;
}

/* A name; in a repetition the template of the names that block 0 and block 1 have. */
static void put_name(const printer *p, const char *name, const char *next, bool may_be_bare)
{
    bool in_quotes = !may_be_bare || !is_bare(name);
    if (in_quotes) ogi_buf_putc(p->out, '"');
    if (next)
        ogi_name_walk(name, p->repeat->layer, next, p->repeat->layer + 1, put_piece, p->out);
    else if (p->body)
        put_layered(p, name);
    else
        put_escaped(p->out, ogi_sv_of(name));
    if (in_quotes) ogi_buf_putc(p->out, '"');
}

/* ---- attributes ---------------------------------------------------------------------------- */

static void put_number(ogi_buf *out, double x)
{
    if (x != x)
        ogi_buf_puts(out, "nan");
    else
        ogi_buf_printf(out, "%.9g", x);
}

static void put_data(const og_tensor *n, const void *at, ogi_buf *out)
{
    ogi_data d;
    memcpy(&d, at, sizeof d);
    const float *f = d.data;
    const int32_t *v = d.data;
    ogi_buf_putc(out, '[');
    for (int64_t i = 0; i < d.size / 4; i++) {
        if (i) ogi_buf_putc(out, ',');
        if (n->dtype == OG_I32)
            ogi_buf_printf(out, "%" PRId32, v[i]);
        else
            put_number(out, (double)f[i]);
    }
    ogi_buf_putc(out, ']');
}

static void put_axes(const og_tensor *n, const void *at, ogi_buf *out)
{
    int axes[OG_MAX_RANK];
    memcpy(axes, at, sizeof axes);
    ogi_buf_putc(out, '[');
    for (int i = 0; i < n->shape.rank; i++) ogi_buf_printf(out, i ? ",%d" : "%d", axes[i]);
    ogi_buf_putc(out, ']');
}

/* Reads the scalar kinds; false for the others. */
static bool scalar_value(const ogi_attr *t, const void *at, double *out)
{
    int i;
    int64_t l;
    float f;
    bool b;
    switch (t->kind) {
    case OGI_ATTR_INT: memcpy(&i, at, sizeof i); return *out = i, true;
    case OGI_ATTR_INT64: memcpy(&l, at, sizeof l); return *out = (double)l, true;
    case OGI_ATTR_FLOAT: memcpy(&f, at, sizeof f); return *out = (double)f, true;
    case OGI_ATTR_BOOL: memcpy(&b, at, sizeof b); return *out = b, true;
    case OGI_ATTR_AXES:
    case OGI_ATTR_SHAPE:
    case OGI_ATTR_DTYPE:
    case OGI_ATTR_DATA: break;
    }
    return false;
}

static void put_attr(const og_graph *g, const og_tensor *n, const ogi_attr *t, ogi_buf *out)
{
    const char *at = (const char *)n->params + t->offset;
    double value = 0;
    int64_t whole;
    og_shape shape;
    og_dtype dtype;
    if (scalar_value(t, at, &value) && value == (double)(float)t->dflt) return;
    ogi_buf_printf(out, " %s=", t->name);
    switch (t->kind) {
    case OGI_ATTR_INT: ogi_buf_printf(out, "%d", (int)value); break;
    case OGI_ATTR_INT64:
        memcpy(&whole, at, sizeof whole);
        ogi_buf_printf(out, "%" PRId64, whole);
        break;
    case OGI_ATTR_FLOAT: put_number(out, value); break;
    case OGI_ATTR_BOOL: ogi_buf_puts(out, value != 0 ? "true" : "false"); break;
    case OGI_ATTR_AXES: put_axes(n, at, out); break;
    case OGI_ATTR_SHAPE:
        memcpy(&shape, at, sizeof shape);
        ogi_shape_print(g, &shape, out);
        break;
    case OGI_ATTR_DTYPE:
        memcpy(&dtype, at, sizeof dtype);
        ogi_buf_puts(out, og_dtype_name(dtype));
        break;
    case OGI_ATTR_DATA: put_data(n, at, out); break;
    }
}

void ogi_form_attrs(const og_graph *g, const og_tensor *n, ogi_buf *out)
{
    const ogi_op_def *def = ogi_op_def_of(n->op);
    for (int i = 0; n->params && i < def->n_attr; i++) put_attr(g, n, &def->attr[i], out);
}

/* ---- nodes --------------------------------------------------------------------------------- */

static int64_t number_of(const printer *p, const og_tensor *n)
{
    if (p->body) return n->id - p->body->first;
    return p->number ? p->number[n->id] : n->id;
}

static void put_value(const printer *p, const og_tensor *n)
{
    char sigil = ogi_form_sigil(n->op);
    if (!sigil) {
        int i = 0;
        while (p->body && i < p->body->n_param && p->body->param[i] != n) i++;
        bool is_param = p->body && i < p->body->n_param;
        ogi_buf_printf(p->out, is_param ? "%%p%" PRId64 : "%%%" PRId64,
                       is_param ? i : number_of(p, n));
        return;
    }
    ogi_buf_putc(p->out, sigil);
    put_name(p, n->name, NULL, true);
}

/* The node of the next block at n's place, in a repetition. */
static const og_tensor *next_of(const printer *p, const og_tensor *n)
{
    return p->repeat ? p->g->node[n->id + p->repeat->length] : NULL;
}

static const carried *find_carried(const printer *p, int64_t place, const og_tensor *init)
{
    for (int64_t i = 0; i < p->n_carry; i++)
        if (p->carry[i].place == place && p->carry[i].init == init) return &p->carry[i];
    return NULL;
}

static void put_operand(const printer *p, const og_tensor *n, int i)
{
    const og_tensor *s = n->src[i], *next = p->repeat ? next_of(p, n)->src[i] : NULL;
    if (!s) {
        ogi_buf_putc(p->out, '_');
        return;
    }
    int64_t place = p->repeat ? ogi_repeat_carried(p->g, p->repeat, n, i) : -1;
    const carried *c = place >= 0 ? find_carried(p, place, s) : NULL;
    if (c) {
        ogi_buf_printf(p->out, "%%%" PRId64, c->number);
    } else if (next && ogi_form_sigil(s->op)) {
        ogi_buf_putc(p->out, ogi_form_sigil(s->op));
        put_name(p, s->name, next->name, true);
    } else {
        put_value(p, s);
    }
}

static void put_type(const printer *p, const og_tensor *n)
{
    ogi_buf_printf(p->out, " : %s", og_dtype_name(n->dtype));
    ogi_shape_print(p->g, &n->shape, p->out);
}

static void put_node(const printer *p, const og_tensor *n)
{
    const og_tensor *next = next_of(p, n);
    char sigil = ogi_form_sigil(n->op);
    if (sigil) {
        ogi_buf_printf(p->out, "%s %c", ogi_op_name(n->op), sigil);
        put_name(p, n->name, next ? next->name : NULL, true);
        put_type(p, n);
        return;
    }
    ogi_buf_printf(p->out, "%%%" PRId64 " = %s", number_of(p, n), ogi_op_name(n->op));
    if (n->op != OG_OP_TABLE) {
        ogi_buf_putc(p->out, '(');
        for (int i = 0; i < n->n_src; i++) {
            if (i) ogi_buf_puts(p->out, ", ");
            put_operand(p, n, i);
        }
        ogi_buf_putc(p->out, ')');
    }
    ogi_form_attrs(p->g, n, p->out);
    put_type(p, n);
    if (n->name) {
        ogi_buf_puts(p->out, " as ");
        put_name(p, n->name, next ? next->name : NULL, false);
    }
}

void ogi_form_node(const og_graph *g, const og_tensor *n, ogi_buf *out)
{
    put_node(&(printer){ .g = g, .out = out }, n);
}

void ogi_form_block_line(const og_graph *g, const ogi_segment *s, const og_tensor *n, ogi_buf *out)
{
    put_node(&(printer){ .g = g, .out = out, .body = s }, n);
    ogi_buf_putc(out, '\n');
}

static void put_statement(printer *p, const og_tensor *n)
{
    p->number[n->id] = n->id;
    put_node(p, n);
    ogi_buf_putc(p->out, '\n');
}

/* ---- repetitions --------------------------------------------------------------------------- */

static og_status collect_carried(printer *p, const ogi_repeat *r)
{
    p->n_carry = 0;
    for (int64_t k = 0; k < r->length; k++) {
        const og_tensor *n = p->g->node[r->first + k];
        for (int i = 0; i < n->n_src; i++) {
            int64_t place = ogi_repeat_carried(p->g, r, n, i);
            if (place < 0 || find_carried(p, place, n->src[i])) continue;
            OG_TRY(ogi_grow(p->g->ctx, &p->carry, &p->carry_cap, p->n_carry + 1, sizeof *p->carry));
            p->carry[p->n_carry++] = (carried){ place, n->src[i], p->n_number++ };
        }
    }
    return OG_OK;
}

static og_status put_repeat(printer *p, const ogi_repeat *r)
{
    OG_TRY(collect_carried(p, r));
    ogi_buf_printf(p->out, "repeat L = %d..%d", r->layer, r->layer + r->n - 1);
    for (int64_t i = 0; i < p->n_carry; i++) {
        ogi_buf_printf(p->out, "%s%%%" PRId64 " <- ", i ? ", " : " (", p->carry[i].number);
        put_value(p, p->carry[i].init);
    }
    ogi_buf_puts(p->out, p->n_carry ? ") {\n" : " {\n");
    p->repeat = r;
    for (int64_t k = 0; k < r->length; k++) put_statement(p, p->g->node[r->first + k]);
    p->repeat = NULL;
    for (int64_t i = 0; i < p->n_carry; i++) {
        ogi_buf_puts(p->out, i ? ", " : "next ");
        put_value(p, p->g->node[r->first + p->carry[i].place]);
    }
    ogi_buf_puts(p->out, p->n_carry ? "\n}\n" : "}\n");
    int64_t last = r->first + (r->n - 1) * r->length;
    for (int64_t k = 0; k < r->length; k++) p->number[last + k] = p->number[r->first + k];
    p->layer = r->layer + r->n - 1;
    return OG_OK;
}

/* ---- the whole graph ----------------------------------------------------------------------- */

static void put_call(printer *p, const ogi_segment *s)
{
    ogi_buf_printf(p->out, "layer %d\n%%%d = layer%d(", s->layer, s->result->id, s->block);
    for (int i = 0; i < s->n_param; i++) {
        if (i) ogi_buf_puts(p->out, ", ");
        put_value(p, s->param[i]);
    }
    ogi_buf_puts(p->out, ")\n");
    p->layer = s->layer;
    p->number[s->result->id] = s->result->id;
}

/* The segment that begins at a node; asked for in the order of nodes. */
static const ogi_segment *segment_at(printer *p, int64_t first)
{
    while (p->n_segment > 0 && p->segment->first < first) {
        p->segment++;
        p->n_segment--;
    }
    return p->n_segment > 0 && p->segment->first == first ? p->segment : NULL;
}

static og_status put_nodes(printer *p)
{
    const og_graph *g = p->g;
    for (int64_t i = 0; i < g->n_node;) {
        ogi_repeat r;
        const ogi_segment *s = segment_at(p, i);
        if (s && s->block >= 0) {
            put_call(p, s);
            i += s->length;
            continue;
        }
        if (ogi_repeat_find(g, i, p->last_use, &r)) {
            OG_TRY(put_repeat(p, &r));
            i += r.length * r.n;
            continue;
        }
        const og_tensor *n = g->node[i++];
        if (n->layer != p->layer) {
            if (n->layer < 0)
                ogi_buf_puts(p->out, "layer -\n");
            else
                ogi_buf_printf(p->out, "layer %d\n", n->layer);
            p->layer = n->layer;
        }
        put_statement(p, n);
    }
    return OG_OK;
}

static void find_last_uses(const og_graph *g, int64_t *last_use)
{
    for (int64_t i = 0; i < g->n_node; i++) {
        last_use[i] = -1;
        for (int k = 0; k < g->node[i]->n_src; k++)
            if (g->node[i]->src[k]) last_use[g->node[i]->src[k]->id] = i;
    }
    for (int64_t i = 0; i < g->n_output; i++) last_use[g->output[i].value->id] = g->n_node;
}

og_status ogi_form_print(const og_graph *g, ogi_form_blocks *blocks, ogi_buf *out)
{
    printer p = { .g = g, .out = out, .n_number = g->n_node, .layer = -1 };
    p.number = OGI_NEW_N(g->ctx, int64_t, g->n_node + 1);
    p.last_use = OGI_NEW_N(g->ctx, int64_t, g->n_node + 1);
    og_status s = p.number && p.last_use ? OG_OK : OG_E_MEMORY;
    if (s == OG_OK) {
        find_last_uses(g, p.last_use);
        if (blocks) s = ogi_segments_find(g, p.last_use, blocks, &p.segment, &p.n_segment);
    }
    if (s == OG_OK) {
        ogi_buf_puts(out, "graph ");
        ogi_form_quote(out, g->name);
        ogi_buf_putc(out, '\n');
        for (int i = 0; !blocks && i < g->n_sym; i++)
            ogi_buf_printf(out, "sym %s = %" PRId64 "..%" PRId64 "\n", g->sym[i].name,
                           g->sym[i].min, g->sym[i].max);
        s = put_nodes(&p);
    }
    for (int64_t i = 0; s == OG_OK && i < g->n_output; i++) {
        ogi_buf_puts(out, "output ");
        ogi_form_quote(out, g->output[i].name);
        ogi_buf_puts(out, " = ");
        put_value(&p, g->output[i].value);
        ogi_buf_putc(out, '\n');
    }
    ogi_free(g->ctx, p.number);
    ogi_free(g->ctx, p.last_use);
    ogi_free(g->ctx, p.carry);
    return s;
}

og_status og_graph_print(const og_graph *g, og_format format, char **out)
{
    OGI_NEEDS(g ? g->ctx : NULL, g && out);
    ogi_buf text = { .ctx = g->ctx };
    og_status s = g->status;
    *out = NULL;
    if (s == OG_OK && format == OG_TEXT)
        s = ogi_form_print(g, NULL, &text);
    else if (s == OG_OK && format == OG_JSON)
        ogi_print_json(g, &text);
    else if (s == OG_OK && format == OG_DOT)
        ogi_print_dot(g, &text);
    else if (s == OG_OK)
        OG_FAIL(g->ctx, OG_E_INVALID, "no such format: %d", (int)format);
    if (s == OG_OK && text.failed) s = OG_E_MEMORY;
    if (s == OG_OK)
        *out = text.p;
    else
        ogi_buf_free(&text);
    return s;
}
