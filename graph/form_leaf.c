/* SPDX-License-Identifier: MIT
 *
 * Leaves of the text form. In a model's file inputs are known without a line, a weight may have
 * alternatives, be optional and have the file's type, and a leaf may be declared again. */
#include <stdio.h>

#include "graph/dim.h"
#include "graph/form_parse.h"

static const char *kind_of(og_op op)
{
    return op == OG_OP_INPUT ? "input:" : op == OG_OP_WEIGHT ? "weight:" : "state:";
}

static int64_t declared(const ogi_form_parser *p, og_op op, const char *name)
{
    char key[OGI_FORM_NAME_MAX + 16];
    snprintf(key, sizeof key, "%s%s", kind_of(op), name);
    return ogi_map_get(&p->g->leaf, ogi_sv_of(key), -1);
}

/* An input belongs to no layer, wherever it is used first. */
static og_tensor *given_input(ogi_form_parser *p, const char *name)
{
    og_dtype type;
    og_shape shape;
    const ogi_form_contract *c = p->contract;
    int layer = p->g->layer;
    if (!c || !c->input || !c->input(c->user, name, &type, &shape)) return NULL;
    og_graph_layer(p->g, -1);
    og_tensor *x = og_input(p->g, name, type, shape);
    og_graph_layer(p->g, layer);
    return x;
}

og_tensor *ogi_form_leaf_find(ogi_form_parser *p, og_op op, const char *name, bool *is_absent)
{
    *is_absent = false;
    int64_t id = -1;
    if (op == OG_OP_WEIGHT && p->contract) id = ogi_map_get(&p->alias, ogi_sv_of(name), -1);
    *is_absent = id == OGI_FORM_ABSENT;
    if (id == -1) id = declared(p, op, name);
    if (id >= 0) return p->g->node[id];
    return op == OG_OP_INPUT ? given_input(p, name) : NULL;
}

static og_status alias(ogi_form_parser *p, const char *name, int64_t id)
{
    const char *kept = ogi_arena_strndup(&p->g->arena, name, strlen(name));
    return kept ? ogi_map_put(&p->alias, ogi_sv_of(kept), id) : OG_E_MEMORY;
}

static og_status declare(ogi_form_parser *p, og_op op, const char *name, og_dtype type,
                         const og_shape *shape, og_tensor **out)
{
    int64_t id = p->contract ? declared(p, op, name) : -1;
    const og_tensor *old = id >= 0 ? p->g->node[id] : NULL;
    *out = id >= 0 ? p->g->node[id] : NULL;
    if (old && old->dtype == type && ogi_shape_eq(&old->shape, shape)) return OG_OK;
    og_at(p->g, "graph text", p->x.line);
    *out = ogi_leaf(p->g, op, name, type, shape, NULL);
    return p->g->status;
}

typedef struct weight {
    char first[OGI_FORM_NAME_MAX + 1], found[OGI_FORM_NAME_MAX + 1];
    og_dtype file_type;
    bool exists, is_optional;
} weight;

/* "a|b|c?" to the first that the model's file has. */
static og_status weight_names(ogi_form_parser *p, weight *w)
{
    const ogi_form_contract *c = p->contract;
    char name[OGI_FORM_NAME_MAX + 1];
    int64_t rows;
    bool is_first = true;
    do {
        OG_TRY(ogi_lex_name(&p->x, true, name));
        if (is_first) memcpy(w->first, name, sizeof name);
        if (is_first) memcpy(w->found, name, sizeof name);
        is_first = false;
        if (w->exists || !c->weight(c->user, name, &w->file_type, &rows)) continue;
        w->exists = true;
        memcpy(w->found, name, sizeof name);
    } while (ogi_lex_accept(&p->x, "|"));
    w->is_optional = ogi_lex_accept(&p->x, "?");
    return OG_OK;
}

static og_status file_weight(ogi_form_parser *p)
{
    weight w = { .exists = false };
    og_shape shape;
    og_tensor *x;
    OG_TRY(weight_names(p, &w));
    OG_TRY(ogi_lex_expect(&p->x, ":"));
    og_dtype type = w.file_type;
    if (!ogi_lex_accept(&p->x, "?")) OG_TRY(ogi_lex_dtype(&p->x, &type));
    OG_TRY(ogi_lex_shape(&p->x, p->g, &shape));
    OG_TRY(ogi_lex_end_of_line(&p->x));
    if (!w.exists && w.is_optional) return alias(p, w.first, OGI_FORM_ABSENT);
    if (!w.exists)
        OG_FAIL(p->x.ctx, OG_E_FORMAT, "graph text, line %d: weight '%s' is no tensor of the model",
                p->x.line, w.first);
    OG_TRY(declare(p, OG_OP_WEIGHT, w.found, type, &shape, &x));
    return strcmp(w.first, w.found) ? alias(p, w.first, x->id) : OG_OK;
}

static og_status leaf_type(ogi_form_parser *p, og_op op, og_dtype *out)
{
    bool may_be_kv = p->contract && op == OG_OP_STATE;
    if (may_be_kv && ogi_lex_accept(&p->x, "kv")) return *out = p->contract->kv, OG_OK;
    if (may_be_kv && ogi_lex_accept(&p->x, "kv_v")) return *out = p->contract->kv_v, OG_OK;
    return ogi_lex_dtype(&p->x, out);
}

og_status ogi_form_leaf(ogi_form_parser *p, og_op op)
{
    char name[OGI_FORM_NAME_MAX + 1], sigil[2] = { ogi_form_sigil(op), 0 };
    og_dtype type;
    og_shape shape;
    og_tensor *x;
    OG_TRY(ogi_lex_expect(&p->x, sigil));
    if (op == OG_OP_WEIGHT && p->contract && p->contract->weight) return file_weight(p);
    OG_TRY(ogi_lex_name(&p->x, true, name));
    OG_TRY(ogi_lex_expect(&p->x, ":"));
    OG_TRY(leaf_type(p, op, &type));
    OG_TRY(ogi_lex_shape(&p->x, p->g, &shape));
    OG_TRY(ogi_lex_end_of_line(&p->x));
    return declare(p, op, name, type, &shape, &x);
}
