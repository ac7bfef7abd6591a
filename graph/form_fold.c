/* SPDX-License-Identifier: MIT
 *
 * Finds equal consecutive layers, so that the text form prints them once. Layers are equal if their
 * nodes are, one by one: op, params, type, and names but for the layer number. A source of a node
 * is then, in all layers alike,
 *   - a leaf, by its name,
 *   - a node at one place of the same layer,
 *   - a node at one place of the layer before (in the first layer: any earlier node), or
 *   - one node before the first layer. */
#include "graph/dim.h"
#include "graph/form.h"
#include "graph/pass.h"

#include <ctype.h>
#include <stdio.h>

char ogi_form_sigil(og_op op)
{
    return op == OG_OP_INPUT ? '$' : op == OG_OP_WEIGHT ? '@' : op == OG_OP_STATE ? '&' : 0;
}

/* ---- names --------------------------------------------------------------------------------- */

/* Cuts the next run of digits, or of other characters, off a name. */
static ogi_sv next_run(const char **p)
{
    ogi_sv run = { *p, 0 };
    bool is_digit = isdigit((unsigned char)**p) != 0;
    while (**p && (isdigit((unsigned char)**p) != 0) == is_digit) (*p)++;
    run.n = (size_t)(*p - run.p);
    return run;
}

static bool is_number(ogi_sv s, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    return ogi_sv_eq(s, ogi_sv_of(text));
}

bool ogi_name_walk(const char *a, int la, const char *b, int lb, ogi_name_piece piece, void *user)
{
    while (*a && *b) {
        ogi_sv x = next_run(&a), y = next_run(&b);
        bool is_layer = !ogi_sv_eq(x, y);
        if (is_layer && !(is_number(x, la) && is_number(y, lb))) return false;
        if (!piece(user, x, is_layer)) return false;
    }
    return !*a && !*b;
}

typedef struct name_check {
    const char *p; /* rest of the name that must fit */
    int layer;
} name_check;

static bool piece_fits(void *user, ogi_sv text, bool is_layer)
{
    name_check *c = user;
    char number[16];
    if (is_layer) {
        snprintf(number, sizeof number, "%d", c->layer);
        text = ogi_sv_of(number);
    }
    if (strncmp(c->p, text.p, text.n) != 0) return false;
    c->p += text.n;
    return true;
}

/* Is name what the template of a (layer la) and b (lb) gives for this layer? */
static bool name_fits(const char *a, int la, const char *b, int lb, const char *name, int layer)
{
    if (!a || !b || !name) return !a && !b && !name;
    name_check c = { name, layer };
    return ogi_name_walk(a, la, b, lb, piece_fits, &c) && !*c.p;
}

/* ---- layers -------------------------------------------------------------------------------- */

/* Nodes from first on that belong to one layer. */
static int64_t block_length(const og_graph *g, int64_t first)
{
    int64_t end = first;
    while (end < g->n_node && g->node[end]->layer == g->node[first]->layer) end++;
    return end - first;
}

static const og_tensor *at(const og_graph *g, const ogi_repeat *r, int block, int64_t place)
{
    return g->node[r->first + block * r->length + place];
}

/* Place of node id in a block, or -1. */
static int64_t place_in(const ogi_repeat *r, int block, int64_t id)
{
    int64_t place = id - (r->first + block * r->length);
    return place >= 0 && place < r->length ? place : -1;
}

/* Source i of the nodes at one place of the blocks 0, 1 and k. */
static bool source_fits(const og_graph *g, const ogi_repeat *r, int64_t place, int i, int k)
{
    const og_tensor *s0 = at(g, r, 0, place)->src[i], *s1 = at(g, r, 1, place)->src[i];
    const og_tensor *sk = at(g, r, k, place)->src[i];
    if (!s0 || !s1 || !sk) return !s0 && !s1 && !sk;
    if (ogi_form_sigil(s1->op))
        return s0->op == s1->op && sk->op == s1->op &&
               name_fits(s0->name, r->layer, s1->name, r->layer + 1, sk->name, r->layer + k);
    int64_t same = place_in(r, 1, s1->id), before = place_in(r, 0, s1->id);
    if (same >= 0) return place_in(r, 0, s0->id) == same && place_in(r, k, sk->id) == same;
    if (before >= 0) return s0->id < r->first && place_in(r, k - 1, sk->id) == before;
    return s0 == s1 && sk == s1 && s1->id < r->first;
}

static bool node_fits(const og_graph *g, const ogi_repeat *r, int64_t place, int k)
{
    const og_tensor *a = at(g, r, 0, place), *b = at(g, r, 1, place), *n = at(g, r, k, place);
    if (a->op != n->op || a->dtype != n->dtype || a->n_src != n->n_src) return false;
    if (a->n_src != b->n_src || !ogi_shape_eq(&a->shape, &n->shape) || !ogi_params_eq(a, n))
        return false;
    if (!name_fits(a->name, r->layer, b->name, r->layer + 1, n->name, r->layer + k)) return false;
    for (int i = 0; i < a->n_src; i++)
        if (!source_fits(g, r, place, i, k)) return false;
    return true;
}

/* Is block k there, and equal to blocks 0 and 1? */
static bool block_fits(const og_graph *g, const ogi_repeat *r, int k)
{
    int64_t first = r->first + k * r->length;
    if (first + r->length > g->n_node || g->node[first]->layer != r->layer + k) return false;
    if (block_length(g, first) != r->length) return false;
    for (int64_t p = 0; p < r->length; p++)
        if (!node_fits(g, r, p, k)) return false;
    return true;
}

/* Are the nodes of block k read in their own block and the next one alone? Leaves go by name. */
static bool is_inner(const og_graph *g, const ogi_repeat *r, const int64_t *last_use, int k)
{
    int64_t end = r->first + (k + 2) * r->length;
    for (int64_t p = 0; p < r->length; p++) {
        const og_tensor *n = at(g, r, k, p);
        if (!ogi_form_sigil(n->op) && last_use[n->id] >= end) return false;
    }
    return true;
}

bool ogi_repeat_find(const og_graph *g, int64_t first, const int64_t *last_use, ogi_repeat *out)
{
    int layer = g->node[first]->layer;
    if (layer < 0 || (first > 0 && g->node[first - 1]->layer == layer)) return false;
    ogi_repeat r = { .first = first, .length = block_length(g, first), .n = 1, .layer = layer };
    while (r.n < OGI_FORM_REPEAT_MAX && layer < INT32_MAX - r.n &&
           is_inner(g, &r, last_use, r.n - 1) && block_fits(g, &r, r.n))
        r.n++;
    *out = r;
    return r.n > 1;
}

int64_t ogi_repeat_carried(const og_graph *g, const ogi_repeat *r, const og_tensor *n, int src)
{
    const og_tensor *s = at(g, r, 1, n->id - r->first)->src[src];
    return s && !ogi_form_sigil(s->op) ? place_in(r, 0, s->id) : -1;
}
