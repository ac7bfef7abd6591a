/* SPDX-License-Identifier: MIT
 *
 * The engine's side of a model's graphs. A graph from a file is trusted with nothing: what it may
 * read and write, and how much, follows from here and from the marks of the ops
 * (graph/verify_addresses.c). */
#include "models/contract.h"

#include <stdio.h>

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/form.h"
#include "graph/layout.h"
#include "graph/op_def.h"
#include "graph/pass.h"
#include "graph/plan.h"
#include "ops/attention.h"
#include "ops/op.h"

enum {
    MAX_PAGES = 1 << 24, /* of a sequence, and of the pool */
    MAX_SLOTS = 1 << 16  /* of recurrent states */
};

static const double max_work = 0x1p46; /* operations for a token: larger models are none */

const ogi_kind ogi_kinds[OGI_N_KIND] = {
    { "encode", "hidden", OGI_OF_TOKENS }, { "step", "hidden", OGI_OF_TOKENS },
    { "head", "logits", OGI_OF_HIDDEN },   { "embed", "row", OGI_OF_HIDDEN },
    { "pool", "pooled", OGI_OF_ROWS },
};

const ogi_kind *ogi_kind_find(const char *name)
{
    for (int i = 0; i < OGI_N_KIND; i++)
        if (!strcmp(ogi_kinds[i].name, name)) return &ogi_kinds[i];
    return NULL;
}

void ogi_symbols_declare(const ogi_model *m, const ogi_kind *k, og_graph *g, ogi_symbols *out)
{
    const og_dim none = { .c = -1 }; /* of no graph */
    *out = (ogi_symbols){ none, none, none, none, none, none };
    if (k->of != OGI_OF_TOKENS) out->O = og_sym(g, "O", 1, OGI_HEAD_ROWS);
    int64_t n_tok = strcmp(k->name, "encode") ? m->step_tokens : m->encode_tokens;
    if (k->of != OGI_OF_ROWS) out->T = og_sym(g, "T", 1, n_tok);
    if (k->of != OGI_OF_TOKENS) return;
    out->S = og_sym(g, "S", 1, OGI_STEP_SEQS);
    out->P = og_sym(g, "P", 1, MAX_PAGES);
    out->N = og_sym(g, "N", 1, MAX_PAGES);
    out->M = og_sym(g, "M", 1, MAX_SLOTS);
}

const char *ogi_step_input(og_step_input which, const ogi_symbols *s, og_shape *shape)
{
    const struct {
        const char *name;
        og_shape shape;
    } input[OG_STEP_INPUT_COUNT] = {
        [OG_STEP_TOKEN] = { "token", OG_SHAPE(s->T) },
        [OG_STEP_POS] = { "pos", OG_SHAPE(s->T) },
        [OG_STEP_SEQ_START] = { "seq_start", OG_SHAPE(og_dim_add(s->S, OG_N(1))) },
        [OG_STEP_PAGE_TABLE] = { "page_table", OG_SHAPE(s->S, s->P) },
        [OG_STEP_KV_SLOT] = { "kv_slot", OG_SHAPE(s->T) },
        [OG_STEP_KV_LEN] = { "kv_len", OG_SHAPE(s->S) },
        [OG_STEP_STATE_SLOT] = { "state_slot", OG_SHAPE(s->S) },
        [OG_STEP_ENC_PAGE_TABLE] = { "enc_page_table", OG_SHAPE(s->S, s->P) },
        [OG_STEP_ENC_LEN] = { "enc_len", OG_SHAPE(s->S) },
    };
    *shape = input[which].shape;
    return input[which].name;
}

og_status ogi_model_note_width(ogi_model *m, const ogi_kind *k, const og_tensor *x)
{
    og_shape s = og_tensor_shape(x);
    int64_t width = s.rank == 2 && ogi_dim_is_const(s.dim[1]) ? s.dim[1].b : 0;
    if (width < 1)
        OG_FAIL(m->ctx, OG_E_INVALID, "architecture %s: output \"%s\" of \"%s\" is no matrix",
                m->arch, k->output, k->name);
    if (!strcmp(k->output, "logits") && width != m->n_vocab)
        OG_FAIL(m->ctx, OG_E_INVALID, "architecture %s: %lld logits for a vocabulary of %lld",
                m->arch, (long long)width, (long long)m->n_vocab);
    if (!strcmp(k->name, "step")) m->hidden = width;
    if (!strcmp(k->name, "embed")) m->n_row = width;
    if (!strcmp(k->name, "pool")) m->n_pooled = width;
    return OG_OK;
}

/* ---- states -------------------------------------------------------------------------------- */

/* Bytes of a page or slot. */
static og_status unit_size(ogi_model *m, const og_tensor *x, int64_t *out)
{
    int64_t n = 1;
    bool fits = true;
    for (int i = 1; i < x->shape.rank && fits; i++) fits = ogi_mul_size(n, x->shape.dim[i].b, &n);
    if (fits && ogi_dtype_bytes((int64_t)x->dtype, n, out)) return OG_OK;
    OG_FAIL(m->ctx, OG_E_LIMIT, "state '%s' is too large, or no whole blocks of its type", x->name);
}

og_status ogi_model_add_state(ogi_model *m, const og_tensor *x, bool is_paged)
{
    ogi_state_info info = { x->name, x->dtype, is_paged, 0 };
    OG_TRY(unit_size(m, x, &info.unit_size));
    for (int i = 0; i < m->n_state; i++) {
        const ogi_state_info *s = &m->state[i];
        if (strcmp(s->name, x->name) != 0) continue;
        if (s->is_paged == is_paged && s->unit_size == info.unit_size && s->type == info.type)
            return OG_OK;
        OG_FAIL(m->ctx, OG_E_INVALID, "state '%s' has two shapes or types", x->name);
    }
    OG_TRY(ogi_grow(m->ctx, &m->state, &m->state_cap, m->n_state + 1, sizeof *m->state));
    info.name = ogi_arena_strndup(&m->mem, x->name, strlen(x->name));
    if (!info.name) return OG_E_MEMORY;
    m->state[m->n_state++] = info;
    m->has_kv |= is_paged;
    m->has_recurrent |= !is_paged;
    return OG_OK;
}

/* ---- dead nodes ---------------------------------------------------------------------------- */

static og_tensor *keep_live(void *user, og_graph *g, const og_tensor *n, og_tensor *const *src)
{
    const bool *is_live = user;
    return is_live[n->id] ? ogi_node_copy(g, n, src) : NULL;
}

og_status ogi_graph_drop_dead(og_graph **g)
{
    og_graph *all = *g, *live;
    OG_TRY(all->status);
    bool *is_live = OGI_NEW_N(all->ctx, bool, all->n_node + 1);
    if (!is_live) return OG_E_MEMORY;
    for (int64_t i = 0; i < all->n_output; i++) is_live[all->output[i].value->id] = true;
    for (int64_t i = all->n_node - 1; i >= 0; i--) {
        const og_tensor *n = all->node[i];
        is_live[i] |= ogi_has_effect(n);
        for (int k = 0; is_live[i] && k < n->n_src; k++)
            if (n->src[k]) is_live[n->src[k]->id] = true;
    }
    og_status s = ogi_graph_rewrite(all, keep_live, is_live, &live);
    ogi_free(all->ctx, is_live);
    if (s != OG_OK) return s;
    og_graph_free(all);
    *g = live;
    return OG_OK;
}

/* ---- graphs of others ---------------------------------------------------------------------- */

typedef struct check {
    ogi_model *m;
    const ogi_kind *kind;
    const ogi_symbols *sym;
} check;

/* "graph "step": input "pos" ..." and what is wrong with it. */
#define LEAF_FAIL(c, x, ...)                                                                       \
    do {                                                                                           \
        char text_[200];                                                                           \
        snprintf(text_, sizeof text_, __VA_ARGS__);                                                \
        OG_FAIL((c)->m->ctx, OG_E_FORMAT, "graph \"%s\": %s '%s' %s", (c)->kind->name,             \
                ogi_op_name((x)->op), (x)->name, text_);                                           \
    } while (0)

bool ogi_contract_input(const ogi_model *m, const ogi_kind *k, const ogi_symbols *s,
                        const char *name, og_dtype *type, og_shape *shape)
{
    *type = OG_I32;
    if (k->of == OGI_OF_TOKENS) {
        for (int i = 0; i < OG_STEP_INPUT_COUNT; i++)
            if (!strcmp(ogi_step_input((og_step_input)i, s, shape), name)) return true;
        return false;
    }
    if (k->of == OGI_OF_HIDDEN && !strcmp(name, "out_row")) return *shape = OG_SHAPE(s->O), true;
    *type = OG_F32;
    if (k->of == OGI_OF_HIDDEN && !strcmp(name, "hidden"))
        return *shape = OG_SHAPE(s->T, OG_N(m->hidden)), true;
    if (k->of == OGI_OF_ROWS && !strcmp(name, "row"))
        return *shape = OG_SHAPE(s->O, OG_N(m->n_row)), true;
    return false;
}

static og_status check_input(const check *c, const og_tensor *x)
{
    og_dtype type;
    og_shape shape;
    if (!ogi_contract_input(c->m, c->kind, c->sym, x->name, &type, &shape))
        LEAF_FAIL(c, x, "is none that the engine fills in this graph");
    if (x->dtype == type && ogi_shape_eq(&x->shape, &shape)) return OG_OK;
    ogi_buf want = { .ctx = c->m->ctx };
    ogi_shape_print(x->g, &shape, &want);
    og_status st = ogi_fail(c->m->ctx, OG_E_FORMAT, __FILE__, __LINE__,
                            "graph \"%s\": input '%s' is not %s%s, as the engine has it",
                            c->kind->name, x->name, og_dtype_name(type), ogi_buf_str(&want));
    ogi_buf_free(&want);
    return st;
}

/* [N, ..] in a type of keys and values, or [M, ..] of F32, where tokens pass. */
static og_status check_state(const check *c, const og_tensor *x)
{
    bool is_of_tokens = c->kind->of == OGI_OF_TOKENS && x->shape.rank > 0;
    bool is_paged = is_of_tokens && ogi_dim_eq(x->shape.dim[0], c->sym->N);
    bool is_slot = is_of_tokens && ogi_dim_eq(x->shape.dim[0], c->sym->M);
    if (!is_paged && !is_slot)
        LEAF_FAIL(c, x, "has no pages [N,..] or slots [M,..] of a graph that reads tokens");
    for (int i = 1; i < x->shape.rank; i++)
        if (!ogi_dim_is_const(x->shape.dim[i]))
            LEAF_FAIL(c, x, "has more than one symbol as a dimension");
    if (is_slot && x->dtype != OG_F32)
        LEAF_FAIL(c, x, "has slots of %s, expected F32", og_dtype_name(x->dtype));
    if (is_paged && !ogi_is_kv_type(x->dtype))
        LEAF_FAIL(c, x, "has pages of %s, expected " OGI_KV_EXPECTED, og_dtype_name(x->dtype));
    return ogi_model_add_state(c->m, x, is_paged);
}

/* Axes of size 1 may be left out in front, as in the tables of architectures. */
static bool is_shape_of(const ogi_gguf_tensor *t, const og_shape *s)
{
    for (int i = 0; i < OGI_MAX(t->rank, s->rank); i++) {
        int64_t have = i < t->rank ? t->dim[i] : 1, want = 1;
        if (i < s->rank) {
            if (!ogi_dim_is_const(s->dim[s->rank - 1 - i])) return false;
            want = s->dim[s->rank - 1 - i].b;
        }
        if (have != want) return false;
    }
    return true;
}

static og_status add_binding(ogi_model *m, const og_tensor *x, const ogi_gguf_tensor *t)
{
    for (int i = 0; i < m->n_weight; i++)
        if (m->weight[i].data == t->data && !strcmp(m->weight[i].name, x->name)) return OG_OK;
    OG_TRY(ogi_grow(m->ctx, &m->weight, &m->weight_cap, m->n_weight + 1, sizeof *m->weight));
    const char *kept = ogi_arena_strndup(&m->mem, x->name, strlen(x->name));
    if (!kept) return OG_E_MEMORY;
    m->weight[m->n_weight++] = (ogi_binding){ kept, t->data, t->size };
    return OG_OK;
}

static og_status check_weight(const check *c, const og_tensor *x)
{
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(c->m->file, ogi_sv_of(x->name));
    if (!t) LEAF_FAIL(c, x, "is no tensor of %.120s", ogi_gguf_path(c->m->file));
    if (t->type != (int)x->dtype)
        LEAF_FAIL(c, x, "is declared as %s, but the file has %s", og_dtype_name(x->dtype),
                  og_dtype_name((og_dtype)t->type));
    if (!is_shape_of(t, &x->shape))
        LEAF_FAIL(c, x, "has another shape in the file, [%lld,%lld,%lld,%lld] innermost first",
                  (long long)t->dim[0], (long long)t->dim[1], (long long)t->dim[2],
                  (long long)t->dim[3]);
    return add_binding(c->m, x, t);
}

/* Work of one token alone, in a sequence of its own. */
static og_status check_work(const check *c, const og_graph *g)
{
    int64_t one[OG_MAX_SYM];
    double sum = 0;
    for (int i = 0; i < OG_MAX_SYM; i++) one[i] = 1;
    for (int64_t i = 0; i < g->n_node; i++) {
        ogi_cost cost = { 0 };
        const ogi_op_def *def = ogi_op_def_of(g->node[i]->op);
        if (def->op_class == OGI_CLASS_LEAF) continue;
        if (def->cost)
            def->cost(g->node[i], &cost);
        else
            ogi_cost_numel(g->node[i], cost.flops, 1);
        sum += ogi_cost_eval(cost.flops, one);
    }
    if (sum <= max_work) return OG_OK;
    OG_FAIL(c->m->ctx, OG_E_LIMIT, "graph \"%s\": %.3g operations for a token, at most %.3g",
            c->kind->name, sum, max_work);
}

/* Positions that are looked up in a table end where it ends. */
static void note_positions(const check *c, const og_tensor *x)
{
    if (x->op != OG_OP_TAKE_ROWS || !ogi_dim_is_const(x->src[0]->shape.dim[0])) return;
    const og_tensor *index = ogi_root(x->src[1]);
    if (index->op == OG_OP_INPUT && !strcmp(index->name, "pos"))
        c->m->n_ctx = OGI_MIN(c->m->n_ctx, x->src[0]->shape.dim[0].b);
}

static og_status check_leaf(const check *c, const og_tensor *x)
{
    switch (x->op) {
    case OG_OP_INPUT: return check_input(c, x);
    case OG_OP_STATE: return check_state(c, x);
    case OG_OP_WEIGHT: return check_weight(c, x);
    default: return OG_OK; /* of values there is nothing to bind */
    }
}

static og_status check_output(const check *c, const og_graph *g)
{
    const ogi_kind *k = c->kind;
    const og_tensor *x = g->n_output == 1 ? g->output[0].value : NULL;
    if (!x || strcmp(g->output[0].name, k->output) != 0)
        OG_FAIL(c->m->ctx, OG_E_FORMAT, "graph \"%s\": expected one output, \"%s\"", k->name,
                k->output);
    og_dim rows = k->of == OGI_OF_TOKENS ? c->sym->T : c->sym->O;
    if (x->dtype != OG_F32 || x->shape.rank != 2 || !ogi_dim_eq(x->shape.dim[0], rows))
        OG_FAIL(c->m->ctx, OG_E_FORMAT, "graph \"%s\": output \"%s\" is not F32[%s, width]",
                k->name, k->output, k->of == OGI_OF_TOKENS ? "T" : "O");
    return ogi_model_note_width(c->m, k, x);
}

og_status ogi_contract_check(ogi_model *m, const ogi_kind *k, const ogi_symbols *s,
                             const og_graph *g)
{
    check c = { m, k, s };
    OG_TRY(ogi_verify(g));
    OG_TRY(ogi_verify_addresses(g));
    for (int64_t i = 0; i < g->n_node; i++) {
        OG_TRY(check_leaf(&c, g->node[i]));
        note_positions(&c, g->node[i]);
    }
    OG_TRY(check_work(&c, g));
    return check_output(&c, g);
}
