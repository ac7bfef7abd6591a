/* SPDX-License-Identifier: MIT
 *
 * Graphs in text form evaluated by the reference with values given by hand. G(body) is a graph
 * whose value %y is compared; T is its first symbol. */
#ifndef OGT_OP_VALUES_H
#define OGT_OP_VALUES_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "graph/op_def.h"
#include "graph/ref.h"

enum { MAX_BOUND = 12, MAX_VALUES = 4096 };

/* Values of the leaves by name, as doubles; what is missing is zero. */
typedef struct bound {
    const char *name;
    const double *v;
    int n;
} bound;

typedef struct run {
    const bound *leaf;
    int n_leaf;
    ogi_ref_tensor tensor[MAX_BOUND];
    int n_tensor;
    double out[MAX_VALUES];
    int n_out;
} run;

#define V(name, ...)                                                                               \
    {                                                                                              \
        name, (const double[]){ __VA_ARGS__ }, OGI_LEN(((const double[]){ __VA_ARGS__ }))          \
    }

static inline ogi_ref_tensor *bind(void *user, const og_tensor *leaf, const int64_t *dim)
{
    run *r = user;
    ogi_ref_tensor *t = &r->tensor[r->n_tensor++];
    *t = (ogi_ref_tensor){ .dtype = leaf->dtype, .rank = leaf->shape.rank, .n = 1 };
    for (int i = 0; i < t->rank; i++) t->n *= t->dim[i] = dim[i];
    bool is_int = leaf->dtype == OG_I32;
    if (is_int)
        t->i = calloc((size_t)t->n, sizeof *t->i);
    else
        t->f = calloc((size_t)t->n, sizeof *t->f);
    for (int k = 0; k < r->n_leaf; k++) {
        if (strcmp(r->leaf[k].name, leaf->name)) continue;
        cr_assert(r->leaf[k].n == t->n, "%s has %d values, expected %d", leaf->name, r->leaf[k].n,
                  (int)t->n);
        for (int64_t i = 0; i < t->n; i++) {
            if (is_int)
                t->i[i] = (int32_t)r->leaf[k].v[i];
            else
                t->f[i] = (float)r->leaf[k].v[i];
        }
    }
    return t;
}

static inline void emit(void *user, const char *name, const ogi_ref_tensor *t)
{
    run *r = user;
    (void)name;
    cr_assert(t->n <= MAX_VALUES);
    r->n_out = (int)t->n;
    for (int64_t i = 0; i < t->n; i++) r->out[i] = t->i ? t->i[i] : (double)t->f[i];
}

static inline og_graph *parse(og_ctx *ctx, const char *text)
{
    og_graph *g = NULL;
    cr_assert(og_graph_parse(ctx, text, strlen(text), &g) == OG_OK, "%s\n%s", og_error(ctx), text);
    return g;
}

/* Runs the text with T (the first symbol) = n and compares the last output. */
static inline void expect(const char *text, int64_t n, const bound *leaf, int n_leaf,
                          const double *want, int n_want)
{
    static run r;
    memset(&r, 0, sizeof r);
    r.leaf = leaf;
    r.n_leaf = n_leaf;
    og_ctx *ctx = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_graph *g = parse(ctx, text);
    int64_t sym[OG_MAX_SYM] = { n, 1 };
    ogi_ref_io io = { &r, bind, emit };
    cr_assert(ogi_ref_run(g, sym, &io) == OG_OK, "%s", og_error(ctx));
    cr_assert(r.n_out == n_want, "%d values, expected %d", r.n_out, n_want);
    for (int i = 0; i < n_want; i++)
        cr_assert(fabs(r.out[i] - want[i]) <= 1e-6 * fmax(1, fabs(want[i])),
                  "value %d is %.9g, expected %.9g", i, r.out[i], want[i]);
    for (int i = 0; i < r.n_tensor; i++) free(r.tensor[i].f), free(r.tensor[i].i);
    og_graph_free(g);
    og_ctx_free(ctx);
}

#define LEAVES(...) (const bound[]){ __VA_ARGS__ }, OGI_LEN(((const bound[]){ __VA_ARGS__ }))
#define WANT(...)   (const double[]){ __VA_ARGS__ }, OGI_LEN(((const double[]){ __VA_ARGS__ }))
#define G(body)     "graph \"t\"\nsym T = 1..64\n" body "\noutput \"y\" = %y\n"

/* The message of a graph that must not build contains part. */
static inline void refuse(const char *text, const char *part)
{
    og_ctx *ctx = NULL;
    og_graph *g = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(og_graph_parse(ctx, text, strlen(text), &g) != OG_OK, "built: %s", text);
    cr_assert(strstr(og_error(ctx), part), "\"%s\" does not say \"%s\"", og_error(ctx), part);
    og_graph_free(g);
    og_ctx_free(ctx);
}

/* Whether the reference evaluates the text. */
static inline og_status evaluate_text(const char *text, int64_t n, const bound *leaf, int n_leaf)
{
    static run r;
    memset(&r, 0, sizeof r);
    r.leaf = leaf;
    r.n_leaf = n_leaf;
    og_ctx *ctx = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    og_graph *g = parse(ctx, text);
    og_status s = ogi_ref_run(g, (int64_t[OG_MAX_SYM]){ n, 1 }, &(ogi_ref_io){ &r, bind, emit });
    for (int i = 0; i < r.n_tensor; i++) free(r.tensor[i].f), free(r.tensor[i].i);
    og_graph_free(g);
    og_ctx_free(ctx);
    return s;
}

#endif
