/* SPDX-License-Identifier: MIT
 *
 * Parses the text form of docs/form.md through the ordinary builders, which check every rule. A
 * repetition is read once for each layer. Text may be hostile: values, repetitions, and the text
 * that repetitions amount to, are limited; nothing recurses. */
#include "graph/form_parse.h"
#include "graph/dim.h"
#include "graph/op_def.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

static const int64_t expanded_max = (int64_t)64 << 20; /* bytes read in repetitions */
static const int64_t item_cost = 32;                   /* as many as one item of a formula */

_Static_assert(OGI_MAX_SRC == 12, "the message about too many operands");

typedef ogi_form_parser parser;

og_status ogi_form_define(parser *p, ogi_sv name, og_tensor *t)
{
    int64_t i = ogi_map_get(&p->names, name, -1);
    if (i >= 0) {
        if (p->x.loop < 0 || p->value[i].place != name.p) {
            p->x.p = name.p;
            return ogi_lex_fail(&p->x, "a new name (this one is defined above)");
        }
        p->value[i].tensor = t;
        return OG_OK;
    }
    OG_TRY(ogi_grow(p->x.ctx, &p->value, &p->value_cap, p->n_value + 1, sizeof *p->value));
    p->value[p->n_value] = (ogi_form_value){ t, name.p };
    return ogi_map_put(&p->names, name, p->n_value++);
}

og_status ogi_form_expand(parser *p, int64_t n)
{
    p->expanded += n;
    if (p->expanded <= expanded_max) return OG_OK;
    OG_FAIL(p->x.ctx, OG_E_LIMIT, "graph text, line %d: repetitions of more than 64 MB", p->x.line);
}

static og_status check_room(parser *p)
{
    if (p->g->n_node < OGI_FORM_NODE_MAX) return OG_OK;
    OG_FAIL(p->x.ctx, OG_E_LIMIT, "graph text, line %d: more than %d values", p->x.line,
            OGI_FORM_NODE_MAX);
}

/* ---- operands ------------------------------------------------------------------------------ */

static og_status named_leaf(parser *p, og_op op, og_tensor **out)
{
    char name[OGI_FORM_NAME_MAX + 1];
    bool is_absent;
    const char *begin = p->x.p++;
    OG_TRY(ogi_lex_name(&p->x, true, name));
    *out = ogi_form_leaf_find(p, op, name, &is_absent);
    if (*out || is_absent || p->g->status != OG_OK) return p->g->status;
    p->x.p = begin;
    return ogi_lex_fail(&p->x, "a leaf declared above");
}

og_status ogi_form_operand(parser *p, og_tensor **out)
{
    ogi_lex_blank(&p->x);
    char c = p->x.p < p->x.end ? *p->x.p : 0;
    if (c == '$') return named_leaf(p, OG_OP_INPUT, out);
    if (c == '@') return named_leaf(p, OG_OP_WEIGHT, out);
    if (c == '&') return named_leaf(p, OG_OP_STATE, out);
    if (c != '%') return ogi_lex_fail(&p->x, "an operand ($input, @weight, &state or %value)");
    ogi_sv name;
    const char *begin = p->x.p++;
    OG_TRY(ogi_lex_word(&p->x, "the name of a value", &name));
    int64_t i = ogi_map_get(&p->names, name, -1);
    if (i < 0) {
        p->x.p = begin;
        return ogi_lex_fail(&p->x, "a value defined above");
    }
    *out = p->value[i].tensor;
    return OG_OK;
}

/* A value where there must be one. */
static og_status present(parser *p, og_tensor **out)
{
    const char *begin = p->x.p;
    OG_TRY(ogi_form_operand(p, out));
    if (*out) return OG_OK;
    p->x.p = begin;
    return ogi_lex_fail(&p->x, "a value that is there");
}

og_status ogi_form_operands(parser *p, int *n, og_tensor **src, int *n_absent)
{
    int absent = 0;
    *n = 0;
    OG_TRY(ogi_lex_expect(&p->x, "("));
    while (!ogi_lex_accept(&p->x, ")")) {
        if (*n) OG_TRY(ogi_lex_expect(&p->x, ","));
        if (*n == OGI_MAX_SRC) return ogi_lex_fail(&p->x, "at most 12 operands");
        src[*n] = NULL;
        if (!ogi_lex_accept(&p->x, "_")) {
            OG_TRY(ogi_form_operand(p, &src[*n]));
            absent += !src[*n];
        }
        ++*n;
    }
    if (n_absent) *n_absent = absent;
    return OG_OK;
}

/* ---- attributes ---------------------------------------------------------------------------- */

/* Params being read; the largest struct of an op fits, infer tells if one does not. */
typedef struct params {
    _Alignas(16) char bytes[512];
    uint64_t seen; /* by attribute */
    int n_axes;    /* -1: no axes */
    double *data;  /* of a table; freed by the caller */
    int64_t n_data, data_cap;
} params;

static void set_default(const ogi_attr *t, char *at)
{
    int i = (int)(t->kind == OGI_ATTR_INT ? t->dflt : 0);
    int64_t l = (int64_t)(t->kind == OGI_ATTR_INT64 ? t->dflt : 0);
    float f = (float)t->dflt;
    bool b = t->dflt != 0;
    if (t->kind == OGI_ATTR_INT) memcpy(at, &i, sizeof i);
    if (t->kind == OGI_ATTR_INT64) memcpy(at, &l, sizeof l);
    if (t->kind == OGI_ATTR_FLOAT) memcpy(at, &f, sizeof f);
    if (t->kind == OGI_ATTR_BOOL) memcpy(at, &b, sizeof b);
}

static og_status axes(ogi_lex *x, char *at, int *n_axes)
{
    int axis[OG_MAX_RANK] = { 0 };
    *n_axes = 0;
    OG_TRY(ogi_lex_expect(x, "["));
    if (!ogi_lex_accept(x, "]")) {
        do {
            int64_t a;
            if (*n_axes == OG_MAX_RANK) return ogi_lex_fail(x, "at most 5 axes");
            OG_TRY(ogi_lex_int(x, 0, OG_MAX_RANK - 1, &a));
            axis[(*n_axes)++] = (int)a;
        } while (ogi_lex_accept(x, ","));
        OG_TRY(ogi_lex_expect(x, "]"));
    }
    memcpy(at, axis, sizeof axis);
    return OG_OK;
}

static og_status table_data(ogi_lex *x, params *q)
{
    OG_TRY(ogi_lex_expect(x, "["));
    do {
        OG_TRY(ogi_grow(x->ctx, &q->data, &q->data_cap, q->n_data + 1, sizeof *q->data));
        OG_TRY(ogi_lex_number(x, &q->data[q->n_data++]));
    } while (ogi_lex_accept(x, ","));
    return ogi_lex_expect(x, "]");
}

/* Does an expression stand here, and no number, true or false? */
static bool is_expression(const ogi_lex *x)
{
    const char *p = x->p;
    size_t n = 0;
    if (!x->contract) return false;
    while (p + n < x->end && !strchr(" \t\r\n:#", p[n])) n++;
    static const char *const word[] = { "inf", "-inf", "nan", "true", "false" };
    for (int i = 0; i < OGI_LEN(word); i++)
        if (strlen(word[i]) == n && !memcmp(word[i], p, n)) return false;
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)p[i]) && !strchr(i ? ".+-e" : ".-", p[i])) return true;
    return false;
}

/* The scalar kinds, as an expression's value. */
static og_status attr_expression(ogi_lex *x, const ogi_attr *t, char *at)
{
    static const char *const stops = " \t:";
    int64_t whole;
    double v;
    switch (t->kind) {
    case OGI_ATTR_INT:
        OG_TRY(ogi_lex_expr_int(x, stops, INT32_MIN, INT32_MAX, &whole));
        memcpy(at, &(int){ (int)whole }, sizeof(int));
        return OG_OK;
    case OGI_ATTR_INT64:
        OG_TRY(ogi_lex_expr_int(x, stops, -((int64_t)1 << 53), (int64_t)1 << 53, &whole));
        memcpy(at, &whole, sizeof whole);
        return OG_OK;
    case OGI_ATTR_FLOAT:
        OG_TRY(ogi_lex_expr(x, stops, NULL, &v));
        memcpy(at, &(float){ (float)v }, sizeof(float));
        return OG_OK;
    case OGI_ATTR_BOOL:
        OG_TRY(ogi_lex_expr(x, stops, NULL, &v));
        *at = v != 0;
        return OG_OK;
    case OGI_ATTR_AXES:
    case OGI_ATTR_SHAPE:
    case OGI_ATTR_DTYPE:
    case OGI_ATTR_DATA: break;
    }
    return ogi_lex_fail(x, "an attribute that is a number");
}

static bool is_scalar(ogi_attr_kind k)
{
    return k == OGI_ATTR_INT || k == OGI_ATTR_INT64 || k == OGI_ATTR_FLOAT || k == OGI_ATTR_BOOL;
}

static og_status attr_value(parser *p, const ogi_attr *t, params *q)
{
    ogi_lex *x = &p->x;
    char *at = q->bytes + t->offset;
    int64_t whole;
    double number;
    og_shape shape;
    og_dtype dtype;
    if (is_scalar(t->kind) && is_expression(x)) return attr_expression(x, t, at);
    switch (t->kind) {
    case OGI_ATTR_INT:
        OG_TRY(ogi_lex_int(x, INT32_MIN, INT32_MAX, &whole));
        memcpy(at, &(int){ (int)whole }, sizeof(int));
        break;
    case OGI_ATTR_INT64:
        OG_TRY(ogi_lex_int(x, INT64_MIN, INT64_MAX, &whole));
        memcpy(at, &whole, sizeof whole);
        break;
    case OGI_ATTR_FLOAT:
        OG_TRY(ogi_lex_number(x, &number));
        memcpy(at, &(float){ (float)number }, sizeof(float));
        break;
    case OGI_ATTR_BOOL:
        *at = ogi_lex_accept(x, "true");
        if (!*at && !ogi_lex_accept(x, "false")) return ogi_lex_fail(x, "true or false");
        break;
    case OGI_ATTR_AXES: return axes(x, at, &q->n_axes);
    case OGI_ATTR_SHAPE:
        OG_TRY(ogi_lex_shape(x, p->g, &shape));
        memcpy(at, &shape, sizeof shape);
        break;
    case OGI_ATTR_DTYPE:
        OG_TRY(ogi_lex_dtype(x, &dtype));
        memcpy(at, &dtype, sizeof dtype);
        break;
    case OGI_ATTR_DATA: return table_data(x, q);
    }
    return OG_OK;
}

/* "name=value" up to the type, the name or the end of the line. */
static og_status attributes(parser *p, const ogi_op_def *def, params *q)
{
    for (int i = 0; i < def->n_attr; i++)
        set_default(&def->attr[i], q->bytes + def->attr[i].offset);
    for (;;) {
        ogi_lex_blank(&p->x);
        if (p->x.p == p->x.end || *p->x.p == '\n' || *p->x.p == ':' || ogi_lex_is(&p->x, "as"))
            break;
        ogi_sv name;
        OG_TRY(ogi_lex_word(&p->x, "an attribute, \":\" or the end of the line", &name));
        int i = 0;
        while (i < def->n_attr && !ogi_sv_eq(name, ogi_sv_of(def->attr[i].name))) i++;
        if (i == def->n_attr || q->seen >> i & 1) {
            p->x.p = name.p;
            return ogi_lex_fail(&p->x, i == def->n_attr ? "an attribute of this op"
                                                        : "each attribute once");
        }
        q->seen |= (uint64_t)1 << i;
        OG_TRY(ogi_lex_expect(&p->x, "="));
        OG_TRY(attr_value(p, &def->attr[i], q));
    }
    for (int i = 0; i < def->n_attr; i++) {
        ogi_attr_kind k = def->attr[i].kind;
        bool has_default = k == OGI_ATTR_INT || k == OGI_ATTR_INT64 || k == OGI_ATTR_BOOL ||
                           (k == OGI_ATTR_FLOAT && !isnan(def->attr[i].dflt));
        if (has_default || q->seen >> i & 1) continue;
        char what[80];
        snprintf(what, sizeof what, "the attribute %s", def->attr[i].name);
        return ogi_lex_fail(&p->x, what);
    }
    return OG_OK;
}

/* ---- statements ---------------------------------------------------------------------------- */

static og_status type(parser *p, og_dtype *dtype, og_shape *shape)
{
    OG_TRY(ogi_lex_dtype(&p->x, dtype));
    return ogi_lex_shape(&p->x, p->g, shape);
}

/* The table's numbers as dense F32 or I32, in place of the doubles. */
static og_status table(parser *p, params *q, og_dtype dtype, const og_shape *shape, og_tensor **out)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) {
        og_dim d = shape->dim[i];
        if (!ogi_dim_is_const(d) || d.c != 1 || d.b < 1 || !ogi_mul_size(n, d.b, &n)) n = -1;
        if (n < 0) return ogi_lex_fail(&p->x, "a table type of constant dimensions ahead of here");
    }
    if (n != q->n_data) return ogi_lex_fail(&p->x, "as many data as the type has elements");
    for (int64_t i = 0; i < n; i++) {
        double x = q->data[i];
        bool is_int = x >= INT32_MIN && x <= INT32_MAX && x == floor(x);
        if (dtype == OG_I32 && !is_int)
            return ogi_lex_fail(&p->x, "whole numbers of 32 bits as data of an I32 table");
        if (dtype == OG_I32)
            memcpy((char *)q->data + 4 * i, &(int32_t){ (int32_t)x }, 4);
        else
            memcpy((char *)q->data + 4 * i, &(float){ (float)x }, 4);
    }
    *out = og_table(p->g, dtype, *shape, q->data);
    return p->g->status;
}

static og_status check_type(parser *p, const og_tensor *t, og_dtype dtype, const og_shape *shape)
{
    if (t->dtype == dtype && ogi_shape_eq(&t->shape, shape)) return OG_OK;
    ogi_buf is = { .ctx = p->x.ctx };
    ogi_shape_print(p->g, &t->shape, &is);
    ogi_fail(p->x.ctx, OG_E_FORMAT, __FILE__, __LINE__,
             "graph text, line %d: the result of %s is %s%s, not what the line says", p->x.line,
             ogi_op_name(t->op), og_dtype_name(t->dtype), ogi_buf_str(&is));
    ogi_buf_free(&is);
    return OG_E_FORMAT;
}

/* "= EXPR : F32[n]": the expression once for each i. */
static og_status formula(parser *p, params *q, og_dtype *dtype, og_shape *shape)
{
    OG_TRY(ogi_lex_expect(&p->x, "="));
    ogi_lex begin = p->x;
    int64_t n = 1;
    OG_TRY(ogi_lex_expr(&p->x, ":", &(double){ 0 }, &(double){ 0 }));
    int64_t length = p->x.p - begin.p;
    OG_TRY(ogi_lex_expect(&p->x, ":"));
    OG_TRY(type(p, dtype, shape));
    for (int i = 0; i < shape->rank; i++) {
        bool is_size = ogi_dim_is_const(shape->dim[i]) && ogi_mul_size(n, shape->dim[i].b, &n);
        if (!is_size || n < 1 || n > 1 << 20)
            return ogi_lex_fail(&p->x, "a table of at most 2^20 elements ahead of here");
    }
    OG_TRY(ogi_form_expand(p, n * (length + item_cost)));
    OG_TRY(ogi_grow(p->x.ctx, &q->data, &q->data_cap, n, sizeof *q->data));
    for (; q->n_data < n; q->n_data++) {
        ogi_lex x = begin;
        double item = (double)q->n_data;
        OG_TRY(ogi_lex_expr(&x, ":", &item, &q->data[q->n_data]));
    }
    return OG_OK;
}

/* Adding or multiplying what is absent leaves the other operand; true if this is such a case. */
static bool passes_through(og_op op, int n_src, og_tensor *const *src, og_tensor **out)
{
    bool is_arithmetic = op == OG_OP_ADD || op == OG_OP_MUL || op == OG_OP_DIV;
    if (!is_arithmetic || n_src != 2 || (op == OG_OP_DIV && !src[0])) return false;
    *out = src[0] ? src[0] : src[1];
    return true;
}

static og_status build_op(parser *p, og_op op, params *q, og_tensor **out)
{
    const ogi_op_def *def = ogi_op_def_of(op);
    og_tensor *src[OGI_MAX_SRC];
    og_dtype dtype = OG_F32;
    og_shape shape;
    int n_src = 0, n_absent = 0;
    if (def->params_size > sizeof q->bytes)
        OG_FAIL(p->x.ctx, OG_E_LIMIT, "the params of %s are too large", ogi_op_name(op));
    if (op != OG_OP_TABLE) OG_TRY(ogi_form_operands(p, &n_src, src, &n_absent));
    if (op == OG_OP_TABLE && p->contract && ogi_lex_accept(&p->x, "i")) {
        OG_TRY(formula(p, q, &dtype, &shape));
        og_at(p->g, "graph text", p->x.line);
        return table(p, q, dtype, &shape, out);
    }
    OG_TRY(attributes(p, def, q));
    bool has_type = ogi_lex_accept(&p->x, ":");
    if (has_type)
        OG_TRY(type(p, &dtype, &shape));
    else if (op == OG_OP_TABLE)
        return ogi_lex_fail(&p->x, "\":\" and the type of the table");
    og_at(p->g, "graph text", p->x.line);
    if (op == OG_OP_TABLE) return table(p, q, dtype, &shape, out);
    if (n_absent && passes_through(op, n_src, src, out)) return OG_OK;
    for (int i = 0; n_absent && i < def->n_src_min && i < n_src; i++)
        if (!src[i]) return ogi_lex_fail(&p->x, "operands that are there, ahead of here");
    *out = ogi_node(p->g, op, q->bytes, n_src, src);
    if (!*out) return p->g->status;
    if (q->n_axes >= 0 && q->n_axes != (*out)->shape.rank)
        return ogi_lex_fail(&p->x, "as many axes as the result has dimensions");
    return has_type ? check_type(p, *out, dtype, &shape) : OG_OK;
}

/* "%v = op(..) attributes : type as "name"" */
static og_status definition(parser *p)
{
    ogi_sv name, word;
    char label[OGI_FORM_NAME_MAX + 1];
    OG_TRY(ogi_lex_word(&p->x, "the name of a value", &name));
    OG_TRY(ogi_lex_expect(&p->x, "="));
    OG_TRY(ogi_lex_word(&p->x, "an op", &word));
    int op = ogi_op_find(word);
    const ogi_form_block *block = op < 0 ? ogi_form_block_find(p, word) : NULL;
    if (block) {
        og_tensor *result = NULL;
        OG_TRY(ogi_form_call(p, block, &result));
        return ogi_form_define(p, name, result);
    }
    if (op < 0 || op == OG_OP_INPUT || op == OG_OP_WEIGHT || op == OG_OP_STATE) {
        p->x.p = word.p;
        return ogi_lex_fail(&p->x, "an op");
    }
    og_tensor *t = NULL;
    params q = { .n_axes = -1 };
    og_status s = build_op(p, (og_op)op, &q, &t);
    ogi_free(p->x.ctx, q.data);
    OG_TRY(s);
    if (ogi_lex_accept(&p->x, "as")) {
        OG_TRY(ogi_lex_name(&p->x, false, label));
        if (t) og_name(t, "%s", label);
    }
    OG_TRY(ogi_lex_end_of_line(&p->x));
    return ogi_form_define(p, name, t);
}

static og_status symbol(parser *p)
{
    ogi_sv name;
    int64_t min, max;
    char text[OGI_FORM_NAME_MAX + 1] = { 0 };
    OG_TRY(ogi_lex_word(&p->x, "the name of a symbol", &name));
    OG_TRY(ogi_lex_expect(&p->x, "="));
    OG_TRY(ogi_lex_int(&p->x, 1, INT32_MAX, &min));
    OG_TRY(ogi_lex_expect(&p->x, ".."));
    OG_TRY(ogi_lex_int(&p->x, min, INT32_MAX, &max));
    OG_TRY(ogi_lex_end_of_line(&p->x));
    memcpy(text, name.p, name.n);
    for (int i = 0; i < p->g->n_sym; i++) {
        if (strcmp(p->g->sym[i].name, text) != 0) continue;
        p->x.p = name.p;
        return ogi_lex_fail(&p->x, "a new symbol");
    }
    og_at(p->g, "graph text", p->x.line);
    og_sym(p->g, text, min, max);
    return p->g->status;
}

static og_status layer(parser *p)
{
    int64_t n = -1;
    if (!ogi_lex_accept(&p->x, "-")) OG_TRY(ogi_lex_int(&p->x, 0, INT32_MAX, &n));
    og_graph_layer(p->g, (int)n);
    if (p->contract) p->x.loop = (int)n; /* of the blocks that are called from here on */
    return ogi_lex_end_of_line(&p->x);
}

static og_status output(parser *p)
{
    char name[OGI_FORM_NAME_MAX + 1];
    og_tensor *t;
    OG_TRY(ogi_lex_name(&p->x, false, name));
    OG_TRY(ogi_lex_expect(&p->x, "="));
    OG_TRY(present(p, &t));
    OG_TRY(ogi_lex_end_of_line(&p->x));
    og_at(p->g, "graph text", p->x.line);
    og_output(p->g, name, t);
    return p->g->status;
}

/* What may stand anywhere; *is_known is false if the line is none of these. */
og_status ogi_form_common(parser *p, bool *is_known)
{
    *is_known = true;
    OG_TRY(check_room(p));
    if (ogi_lex_accept(&p->x, "%")) return definition(p);
    if (ogi_lex_accept(&p->x, "input")) return ogi_form_leaf(p, OG_OP_INPUT);
    if (ogi_lex_accept(&p->x, "weight")) return ogi_form_leaf(p, OG_OP_WEIGHT);
    if (ogi_lex_accept(&p->x, "state")) return ogi_form_leaf(p, OG_OP_STATE);
    *is_known = false;
    return OG_OK;
}

/* ---- repetitions --------------------------------------------------------------------------- */

/* Values from layer to layer: names in order. */
typedef struct carry {
    ogi_sv *name;
    int64_t n, cap;
} carry;

static og_status carry_list(parser *p, carry *c)
{
    if (!ogi_lex_accept(&p->x, "(")) return OG_OK;
    do {
        og_tensor *init;
        ogi_sv name;
        OG_TRY(ogi_lex_expect(&p->x, "%"));
        OG_TRY(ogi_lex_word(&p->x, "the name of a value", &name));
        OG_TRY(ogi_lex_expect(&p->x, "<-"));
        OG_TRY(present(p, &init));
        OG_TRY(ogi_grow(p->x.ctx, &c->name, &c->cap, c->n + 1, sizeof *c->name));
        c->name[c->n++] = name;
        OG_TRY(ogi_grow(p->x.ctx, &p->next, &p->next_cap, c->n, sizeof *p->next));
        p->next[c->n - 1] = init;
    } while (ogi_lex_accept(&p->x, ","));
    return ogi_lex_expect(&p->x, ")");
}

static og_status next(parser *p, const carry *c)
{
    for (int64_t i = 0; i < c->n; i++) {
        if (i) OG_TRY(ogi_lex_expect(&p->x, ","));
        OG_TRY(present(p, &p->next[i]));
    }
    return ogi_lex_end_of_line(&p->x);
}

/* The body once, up to the closing brace. */
static og_status iteration(parser *p, const carry *c)
{
    bool has_next = c->n == 0, is_known;
    for (int64_t i = 0; i < c->n; i++) OG_TRY(ogi_form_define(p, c->name[i], p->next[i]));
    while (ogi_lex_line(&p->x)) {
        if (ogi_lex_is(&p->x, "}")) {
            if (!has_next) return ogi_lex_fail(&p->x, "\"next\" ahead of the end of the body");
            p->x.p++;
            return ogi_lex_end_of_line(&p->x);
        }
        if (has_next && c->n) return ogi_lex_fail(&p->x, "\"}\" after \"next\"");
        if (c->n && ogi_lex_accept(&p->x, "next")) {
            OG_TRY(next(p, c));
            has_next = true;
            continue;
        }
        OG_TRY(ogi_form_common(p, &is_known));
        if (!is_known) return ogi_lex_fail(&p->x, "a value, a leaf, \"next\" or \"}\"");
    }
    return ogi_lex_fail(&p->x, "\"}\"");
}

static og_status iterate(parser *p, int64_t first, int64_t last, const carry *c)
{
    ogi_lex body = p->x;
    for (int64_t layer_no = first; layer_no <= last; layer_no++) {
        if (layer_no > first) OG_TRY(ogi_form_expand(p, p->x.p - body.p));
        p->x = body;
        p->x.loop = (int)layer_no;
        og_graph_layer(p->g, (int)layer_no);
        OG_TRY(iteration(p, c));
    }
    p->x.loop = -1;
    return OG_OK;
}

static og_status bound(parser *p, const char *stops, int64_t min, int64_t max, int64_t *out)
{
    ogi_lex *x = &p->x;
    ogi_lex_blank(x);
    bool is_digit = x->p < x->end && isdigit((unsigned char)*x->p);
    if (!x->contract || is_digit) return ogi_lex_int(x, min, max, out);
    return ogi_lex_expr_int(x, stops, min, max, out);
}

static og_status repeat(parser *p)
{
    int64_t first, last;
    carry c = { 0 };
    OG_TRY(ogi_lex_expect(&p->x, "L"));
    OG_TRY(ogi_lex_expect(&p->x, "="));
    OG_TRY(bound(p, ".", 0, INT32_MAX - OGI_FORM_REPEAT_MAX, &first));
    OG_TRY(ogi_lex_expect(&p->x, ".."));
    OG_TRY(bound(p, " \t{", first, first + OGI_FORM_REPEAT_MAX - 1, &last));
    og_status s = carry_list(p, &c);
    if (s == OG_OK) s = ogi_lex_expect(&p->x, "{");
    if (s == OG_OK) s = ogi_lex_end_of_line(&p->x);
    if (s == OG_OK) s = iterate(p, first, last, &c);
    ogi_free(p->x.ctx, c.name);
    return s;
}

/* ---- the whole text ------------------------------------------------------------------------ */

static og_status statement(parser *p)
{
    bool is_known;
    OG_TRY(ogi_form_common(p, &is_known));
    if (is_known) return OG_OK;
    if (!p->contract && ogi_lex_accept(&p->x, "sym")) return symbol(p);
    if (ogi_lex_accept(&p->x, "layer")) return layer(p);
    if (ogi_lex_accept(&p->x, "output")) return output(p);
    if (ogi_lex_accept(&p->x, "repeat")) return repeat(p);
    if (p->contract)
        return ogi_lex_fail(&p->x, "a statement (input, weight, state, %value, layer, repeat, "
                                   "output; symbols are given)");
    return ogi_lex_fail(&p->x,
                        "a statement (sym, input, weight, state, %value, layer, repeat, output)");
}

static og_status parse_graph(parser *p)
{
    char name[OGI_FORM_NAME_MAX + 1];
    ogi_lex_line(&p->x);
    OG_TRY(ogi_lex_expect(&p->x, "graph"));
    OG_TRY(ogi_lex_name(&p->x, false, name));
    OG_TRY(ogi_lex_end_of_line(&p->x));
    p->g = og_graph_new(p->x.ctx, name);
    if (!p->g) return OG_E_MEMORY;
    if (p->contract) OG_TRY(p->contract->begin(p->contract->user, p->g));
    while (ogi_lex_line(&p->x)) {
        if (p->contract && ogi_lex_is(&p->x, "graph")) break;
        OG_TRY(statement(p));
    }
    og_graph_layer(p->g, -1);
    return p->g->status;
}

og_status ogi_form_parse(ogi_lex *x, const ogi_form_contract *contract, og_graph **out)
{
    parser p = { .x = *x, .names = { .ctx = x->ctx }, .contract = contract };
    p.alias.ctx = x->ctx;
    p.n_callable = contract ? contract->n_block : 0;
    p.x.contract = contract;
    og_status s = parse_graph(&p);
    *x = p.x;
    *out = s == OG_OK ? p.g : NULL;
    if (s != OG_OK) og_graph_free(p.g);
    ogi_map_free(&p.names);
    ogi_map_free(&p.alias);
    ogi_free(x->ctx, p.value);
    ogi_free(x->ctx, p.next);
    return s;
}

ogi_lex ogi_lex_of(og_ctx *ctx, ogi_sv text)
{
    text = ogi_sv_skip_bom(text);
    return (ogi_lex){ ctx, text.p, text.p + text.n, text.p, 1, -1, NULL };
}

og_status og_graph_parse(og_ctx *ctx, const char *text, size_t n, og_graph **out)
{
    OGI_NEEDS(ctx, ctx && out);
    *out = NULL;
    OGI_NEEDS(ctx, text || !n);
    ogi_lex x = ogi_lex_of(ctx, (ogi_sv){ text ? text : "", n });
    return ogi_form_parse(&x, NULL, out);
}
