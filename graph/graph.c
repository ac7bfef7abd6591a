/* SPDX-License-Identifier: MIT
 *
 * Building graphs: leaves, nodes, outputs. Every rule that holds for all ops is checked here (rank,
 * valid dimensions, size); what an op asks of its sources is its infer(). The first error stays in
 * the graph; from then on every builder returns NULL. */
#include "graph/form.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/op_def.h"

/* No value has more elements than this, whatever its symbols: sizes in bytes then fit easily. */
static const int64_t numel_max = (int64_t)1 << 44;

og_graph *og_graph_new(og_ctx *ctx, const char *name)
{
    og_graph *g = ctx ? OGI_NEW(ctx, og_graph) : NULL;
    if (!g) return NULL;
    g->ctx = g->arena.ctx = g->leaf.ctx = ctx;
    g->layer = -1;
    g->name =
        ogi_arena_strndup(&g->arena, name ? name : "", name ? strnlen(name, OGI_FORM_NAME_MAX) : 0);
    if (!g->name) {
        og_graph_free(g);
        return NULL;
    }
    return g;
}

void og_graph_free(og_graph *g)
{
    if (!g) return;
    ogi_map_free(&g->leaf);
    ogi_free(g->ctx, g->node);
    ogi_free(g->ctx, g->output);
    ogi_arena_free(&g->arena);
    ogi_free(g->ctx, g);
}

og_status og_graph_status(const og_graph *g)
{
    return g ? g->status : OG_E_INVALID;
}

og_graph *og_at(og_graph *g, const char *file, int line)
{
    if (g) g->file = file, g->line = line;
    return g;
}

void og_graph_layer(og_graph *g, int layer)
{
    if (g) g->layer = layer < 0 ? -1 : layer;
}

/* ---- errors -------------------------------------------------------------------------------- */

/* Puts " - at file:line" of the builder after the text. */
static void print_place(const og_graph *g, ogi_buf *out)
{
    if (g->file) ogi_buf_printf(out, " - at %s:%d", g->file, g->line);
}

/* Fails the graph: "what - at file:line". */
static void fail_graph(og_graph *g, og_status status, int at, const char *what)
{
    ogi_buf text = { .ctx = g->ctx };
    ogi_buf_puts(&text, what);
    print_place(g, &text);
    if (g->status == OG_OK)
        g->status = ogi_fail(g->ctx, status, __FILE__, at, "%s", ogi_buf_str(&text));
    ogi_buf_free(&text);
    g->file = NULL;
}

static void fail_leaf(og_graph *g, int at, const char *kind, const char *name, const char *what)
{
    ogi_buf text = { .ctx = g->ctx };
    ogi_buf_printf(&text, "%s \"%s\": %s", kind, name ? name : "", what);
    fail_graph(g, OG_E_INVALID, at, ogi_buf_str(&text));
    ogi_buf_free(&text);
}

/* "add(F32[T,64], F32[63])" */
static void print_call(const og_graph *g, og_op op, int n_src, og_tensor *const *src, ogi_buf *out)
{
    ogi_buf_printf(out, "%s(", ogi_op_name(op));
    for (int i = 0; i < n_src; i++) {
        if (i) ogi_buf_puts(out, ", ");
        if (!src[i]) {
            ogi_buf_putc(out, '_');
            continue;
        }
        ogi_buf_puts(out, og_dtype_name(src[i]->dtype));
        ogi_shape_print(g, &src[i]->shape, out);
    }
    ogi_buf_putc(out, ')');
}

/* Keeps what an infer() or a check said, with the op, its shapes and its source line. An error that
 * the context held before stays as it is. */
static void fail_node(og_graph *g, og_status status, const og_tensor *n, bool had_error)
{
    og_ctx *ctx = g->ctx;
    ogi_buf text = { .ctx = ctx };
    g->status = status;
    if (had_error) return;
    char file[96];
    snprintf(file, sizeof file, "%s", og_error_where(ctx));
    char *colon = strrchr(file, ':');
    int line = colon ? atoi(colon + 1) : 0;
    if (colon) *colon = 0;
    print_call(g, n->op, n->n_src, n->src, &text);
    ogi_buf_printf(&text, ": %s", og_error(ctx));
    print_place(g, &text);
    if (!text.failed) {
        og_error_clear(ctx);
        ogi_fail(ctx, status, file, line, "%s", ogi_buf_str(&text));
    }
    ogi_buf_free(&text);
    g->file = NULL;
}

/* ---- symbols ------------------------------------------------------------------------------- */

static bool is_identifier(const char *s)
{
    if (!isalpha((unsigned char)*s) && *s != '_') return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_') return false;
    return true;
}

og_dim og_sym(og_graph *g, const char *name, int64_t min, int64_t max)
{
    og_dim d = { .c = -1 };
    if (!g || g->status != OG_OK) return d;
    if (!name || strlen(name) > 63 || !is_identifier(name))
        return fail_leaf(g, __LINE__, "symbol", name, "the name must be an identifier"), d;
    if (min < 1 || max < min || max > INT32_MAX)
        return fail_leaf(g, __LINE__, "symbol", name, "the range must be 1 <= min <= max < 2^31"),
               d;
    int i = 0;
    while (i < g->n_sym && strcmp(g->sym[i].name, name) != 0) i++;
    if (i == OG_MAX_SYM)
        return fail_leaf(g, __LINE__, "symbol", name, "a graph has at most 8 symbols"), d;
    if (i < g->n_sym && (g->sym[i].min != min || g->sym[i].max != max))
        return fail_leaf(g, __LINE__, "symbol", name, "declared before with another range"), d;
    if (i == g->n_sym) {
        char *copy = ogi_arena_strndup(&g->arena, name, strlen(name));
        if (!copy) return g->status = OG_E_MEMORY, d;
        g->sym[g->n_sym++] = (ogi_sym){ copy, min, max };
    }
    d.a[i] = 1, d.c = 1;
    return d;
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* Brings a shape to lowest terms and checks what holds for every value. */
static og_status check_shape(const og_graph *g, og_dtype dtype, og_shape *s)
{
    const ogi_dtype *t = ogi_dtype_info((int64_t)dtype);
    if (!t || t->removed) OG_FAIL(g->ctx, OG_E_INVALID, "no such element type: %d", (int)dtype);
    if (s->rank < 0 || s->rank > OG_MAX_RANK)
        OG_FAIL(g->ctx, OG_E_INVALID, "rank %d, expected 0..%d", s->rank, OG_MAX_RANK);
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++) {
        if (!ogi_dim_is_valid(g, s->dim[i]))
            OG_FAIL(g->ctx, OG_E_INVALID,
                    "dimension %d is not a whole number >= 1 for every value of the symbols", i);
        s->dim[i] = ogi_dim_normalize(s->dim[i]);
        if (!ogi_mul_size(n, ogi_dim_max(g, s->dim[i]), &n) || n > numel_max)
            OG_FAIL(g->ctx, OG_E_LIMIT, "more than 2^44 elements");
    }
    for (int i = s->rank; i < OG_MAX_RANK; i++) s->dim[i] = (og_dim){ 0 };
    if (t->block == 1) return OG_OK;
    og_dim row = s->rank ? s->dim[s->rank - 1] : OG_N(1);
    if (!ogi_dim_is_const(row) || row.b % t->block)
        OG_FAIL(g->ctx, OG_E_INVALID, "rows of %s must be multiples of %d", t->name, t->block);
    return OG_OK;
}

/* Copies params into the graph's arena, with the data that they point to. */
static og_status copy_params(og_graph *g, const ogi_op_def *def, const void *params,
                             const void **out)
{
    *out = NULL;
    if (!def->params_size || !params) return OG_OK;
    char *p = ogi_arena_alloc(&g->arena, 1, def->params_size);
    if (!p) return OG_E_MEMORY;
    memcpy(p, params, def->params_size);
    *out = p;
    for (int i = 0; i < def->n_attr; i++) {
        if (def->attr[i].kind != OGI_ATTR_DATA) continue;
        ogi_data d;
        memcpy(&d, p + def->attr[i].offset, sizeof d);
        void *copy = ogi_arena_alloc(&g->arena, (size_t)d.size, 1);
        if (!copy) return OG_E_MEMORY;
        if (d.size) memcpy(copy, d.data, (size_t)d.size);
        d.data = copy;
        memcpy(p + def->attr[i].offset, &d, sizeof d);
    }
    return OG_OK;
}

static og_status append(og_graph *g, og_tensor *n)
{
    if (g->n_node >= INT32_MAX) OG_FAIL(g->ctx, OG_E_LIMIT, "more than 2^31 nodes");
    OG_TRY(ogi_grow(g->ctx, &g->node, &g->node_cap, g->n_node + 1, sizeof *g->node));
    n->id = (int)g->n_node;
    g->node[g->n_node++] = n;
    return OG_OK;
}

static og_tensor *new_tensor(og_graph *g, og_op op)
{
    og_tensor *n = ogi_arena_alloc(&g->arena, 1, sizeof *n);
    if (!n) {
        g->status = OG_E_MEMORY;
        return NULL;
    }
    n->g = g, n->op = op, n->layer = g->layer;
    n->file = g->file, n->line = g->line;
    return n;
}

static og_status infer_node(og_graph *g, const ogi_op_def *def, const void *params, og_tensor *n)
{
    if (n->n_src < def->n_src_min || n->n_src > def->n_src_max)
        OG_FAIL(g->ctx, OG_E_INVALID, "%d operands, expected %d..%d", n->n_src, def->n_src_min,
                def->n_src_max);
    for (int i = 0; i < n->n_src; i++)
        if (n->src[i] && n->src[i]->g != g)
            OG_FAIL(g->ctx, OG_E_INVALID, "operand %d belongs to another graph", i);
    if (!def->infer) OG_FAIL(g->ctx, OG_E_INVALID, "leaves are not built from operands");
    OG_TRY(copy_params(g, def, params, &n->params));
    OG_TRY(def->infer(n));
    OG_TRY(check_shape(g, n->dtype, &n->shape));
    return append(g, n);
}

og_tensor *ogi_node(og_graph *g, og_op op, const void *params, int n_src, og_tensor *const *src)
{
    if (!g || g->status != OG_OK) return NULL;
    const ogi_op_def *def = ogi_op_def_of(op);
    while (n_src > def->n_src_min && !src[n_src - 1]) n_src--; /* absent ones at the end */
    bool is_missing = n_src < 0 || n_src > OGI_MAX_SRC;
    for (int i = 0; !is_missing && i < n_src && i < def->n_src_min; i++) is_missing = !src[i];
    if (is_missing) { /* no earlier error, or we would not be here */
        ogi_buf text = { .ctx = g->ctx };
        ogi_buf_printf(&text, "%s: an operand is missing (NULL)", ogi_op_name(op));
        fail_graph(g, OG_E_INVALID, __LINE__, ogi_buf_str(&text));
        ogi_buf_free(&text);
        return NULL;
    }
    og_tensor *n = new_tensor(g, op);
    if (!n) return NULL;
    n->n_src = n_src;
    for (int i = 0; i < n_src; i++) n->src[i] = src[i];
    bool had_error = *og_error(g->ctx);
    og_status s = infer_node(g, def, params, n);
    if (s != OG_OK) {
        fail_node(g, s, n, had_error);
        return NULL;
    }
    g->file = NULL; /* the line was this node's alone */
    return n;
}

const og_shape *ogi_space_of(const og_tensor *x)
{
    switch (ogi_op_def_of(x->op)->op_class) {
    case OGI_CLASS_ROW: return &x->src[0]->shape;
    case OGI_CLASS_STORE: return &x->src[1]->shape;
    case OGI_CLASS_LEAF:
    case OGI_CLASS_VIEW:
    case OGI_CLASS_MAP:
    case OGI_CLASS_INDEXED:
    case OGI_CLASS_LINEAR:
    case OGI_CLASS_KERNEL: break;
    }
    return &x->shape;
}

/* ---- leaves -------------------------------------------------------------------------------- */

/* "input:x" in the arena: leaves and outputs are found by it. NULL when memory is out. */
static const char *leaf_key(og_graph *g, const char *kind, const char *name)
{
    size_t nk = strlen(kind), nn = strlen(name);
    char *key = ogi_arena_alloc(&g->arena, nk + nn + 2, 1);
    if (!key) return NULL;
    memcpy(key, kind, nk);
    key[nk] = ':';
    memcpy(key + nk + 1, name, nn);
    return key;
}

/* Takes a name for a kind; fails the graph if it is taken. Returns the stored name. */
static const char *claim_name(og_graph *g, const char *kind, const char *name, int64_t id)
{
    if (name && strlen(name) > OGI_FORM_NAME_MAX)
        return fail_leaf(g, __LINE__, kind, "", "the name is longer than 255 bytes"), NULL;
    if (!name || !*name) return fail_leaf(g, __LINE__, kind, "", "the name is empty"), NULL;
    const char *key = leaf_key(g, kind, name);
    if (!key) return g->status = OG_E_MEMORY, NULL;
    if (ogi_map_get(&g->leaf, ogi_sv_of(key), -1) >= 0)
        return fail_leaf(g, __LINE__, kind, name, "the name is taken"), NULL;
    if (ogi_map_put(&g->leaf, ogi_sv_of(key), id) != OG_OK) return g->status = OG_E_MEMORY, NULL;
    return key + strlen(kind) + 1;
}

static bool leaf_dtype_is_valid(og_op op, og_dtype t)
{
    if (t == OG_F32 || t == OG_I32) return true;
    if (op == OG_OP_TABLE) return false;
    if (t == OG_F16 || t == OG_BF16) return true;
    const ogi_dtype *info = ogi_dtype_info((int64_t)t);
    return (op == OG_OP_WEIGHT || op == OG_OP_STATE) && info && info->is_quantized &&
           !info->removed && t != OG_A8;
}

og_tensor *ogi_leaf(og_graph *g, og_op op, const char *name, og_dtype dtype, const og_shape *shape,
                    const ogi_data *data)
{
    if (!g || g->status != OG_OK) return NULL;
    const char *kind = ogi_op_name(op);
    og_tensor *n = new_tensor(g, op);
    if (!n) return NULL;
    n->dtype = dtype, n->shape = *shape;
    bool had_error = *og_error(g->ctx);
    og_status s = check_shape(g, dtype, &n->shape);
    if (s != OG_OK) {
        char why[256];
        snprintf(why, sizeof why, "%s", og_error(g->ctx));
        if (!had_error) og_error_clear(g->ctx);
        return fail_leaf(g, __LINE__, kind, name, why), NULL;
    }
    char unfit[80];
    snprintf(unfit, sizeof unfit, "%s is not an element type for this kind of leaf",
             og_dtype_name(dtype));
    if (!leaf_dtype_is_valid(op, dtype)) return fail_leaf(g, __LINE__, kind, name, unfit), NULL;
    if (op == OG_OP_TABLE)
        s = copy_params(g, ogi_op_def_of(op), data, &n->params);
    else if (!(n->name = claim_name(g, kind, name, g->n_node)))
        return NULL;
    if (s == OG_OK) s = append(g, n);
    g->status = s;
    g->file = NULL;
    return s == OG_OK ? n : NULL;
}

og_tensor *og_input(og_graph *g, const char *name, og_dtype dtype, og_shape shape)
{
    return ogi_leaf(g, OG_OP_INPUT, name, dtype, &shape, NULL);
}

og_tensor *og_weight(og_graph *g, const char *name, og_dtype dtype, og_shape shape)
{
    return ogi_leaf(g, OG_OP_WEIGHT, name, dtype, &shape, NULL);
}

og_tensor *og_state(og_graph *g, const char *name, og_dtype dtype, og_shape shape)
{
    return ogi_leaf(g, OG_OP_STATE, name, dtype, &shape, NULL);
}

og_tensor *og_table(og_graph *g, og_dtype dtype, og_shape shape, const void *data)
{
    if (!g) return NULL;
    ogi_data d = { data, 4 }; /* F32 and I32 alike */
    for (int i = 0; i < shape.rank && i < OG_MAX_RANK; i++) {
        og_dim n = ogi_dim_normalize(shape.dim[i]);
        if (!ogi_dim_is_const(n) || n.c != 1 || n.b < 1 || !ogi_mul_size(d.size, n.b, &d.size)) {
            if (g->status == OG_OK)
                fail_leaf(g, __LINE__, "table", "", "the dimensions must be constants");
            return NULL;
        }
    }
    if (!data && g->status == OG_OK) fail_leaf(g, __LINE__, "table", "", "there is no data");
    return ogi_leaf(g, OG_OP_TABLE, NULL, dtype, &shape, &d);
}

og_tensor *og_scalar(og_graph *g, float value)
{
    return og_table(g, OG_F32, (og_shape){ 0 }, &value);
}

/* ---- outputs and names --------------------------------------------------------------------- */

void og_output(og_graph *g, const char *name, og_tensor *x)
{
    if (!g || g->status != OG_OK) return;
    if (!x || x->g != g) {
        fail_leaf(g, __LINE__, "output", name, "not a value of this graph");
        return;
    }
    const char *stored = claim_name(g, "output", name, g->n_output);
    if (!stored) return;
    g->status = ogi_grow(g->ctx, &g->output, &g->output_cap, g->n_output + 1, sizeof *g->output);
    if (g->status == OG_OK) g->output[g->n_output++] = (ogi_output){ stored, x };
}

og_tensor *og_name(og_tensor *x, const char *fmt, ...)
{
    if (!x || x->g->status != OG_OK || ogi_op_def_of(x->op)->op_class == OGI_CLASS_LEAF) return x;
    char small[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    x->name = small[0] ? ogi_arena_strndup(&x->g->arena, small, strlen(small)) : NULL;
    return x;
}

og_shape og_tensor_shape(const og_tensor *x)
{
    return x ? x->shape : (og_shape){ 0 };
}
og_dtype og_tensor_dtype(const og_tensor *x)
{
    return x ? x->dtype : OG_F32;
}
