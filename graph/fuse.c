/* SPDX-License-Identifier: MIT
 *
 * Fuse: cuts the graph into groups, each one parallel region. It may assume a verified graph after
 * the passes; it guarantees that every computing node is in one group, that groups form no cycle,
 * and that each group's members fit one iteration space (space.h).
 *
 *   1. linears over one input share a group                       {q,k,v} {gate,up}
 *   2. a matmul group takes consumers as epilogue                 q -> bias -> rope; silu(gate)*up
 *   3. maps and rows join their producers                         norm -> mul -> quantize
 *   4. a group that only feeds one matmul group becomes its prologue while tokens are few
 *
 * What is saved: bytes not moved and barriers not paid. Nothing but prologues is recomputed. */
#include "graph/dim.h"
#include "graph/layout.h"
#include "graph/plan.h"
#include "graph/space.h"

#include <stdlib.h>

/* Reductions in an epilogue need whole rows in one panel. Heads are short and there are many of
 * them; a row that is the whole result would leave the matmul to one thread, unless it is short. */
enum { MAX_HEAD = 1024, MAX_WHOLE_ROW = 160 };

typedef struct ids {
    int *p;
    int64_t n, cap;
} ids;

typedef struct fset {
    ids linear, member;
} fset;

typedef struct fgroup {
    ogi_group_kind kind;
    ids node;  /* members in graph order */
    fset *set; /* MATMUL: one for each linear at first; emptied when merged */
    int n_set;
    int prologue; /* group that is this one's prologue, -1: none */
    bool is_dead; /* merged away, or a prologue */
} fgroup;

typedef struct fuser {
    ogi_plan *p;
    const og_graph *g;
    og_ctx *ctx;
    fgroup *group; /* by node id of its first member at the start; dead ones are skipped */
    int *of;       /* by node id: group, or -1 */
    int *use_at;   /* users of node i: use[use_at[i] .. use_at[i + 1] - 1] */
    int *use;
    int *stamp; /* by group: last search that saw it */
    int search;
    bool *is_output;
    const og_tensor **scratch; /* room for all nodes, twice */
    int *stack;
} fuser;

static bool computes(const og_tensor *x)
{
    return !ogi_is_leaf(x) && !ogi_is_view(x);
}

static og_status ids_add(fuser *f, ids *a, int id)
{
    OG_TRY(ogi_grow(f->ctx, &a->p, &a->cap, a->n + 1, sizeof *a->p));
    int64_t i = a->n++;
    for (; i > 0 && a->p[i - 1] > id; i--) a->p[i] = a->p[i - 1];
    a->p[i] = id;
    return OG_OK;
}

static og_status ids_append(fuser *f, ids *a, ids *b)
{
    for (int64_t i = 0; i < b->n; i++) OG_TRY(ids_add(f, a, b->p[i]));
    b->n = 0;
    return OG_OK;
}

/* Root that source s of x is computed by; NULL for leaves and absent sources. */
static const og_tensor *computed_src(const og_tensor *x, int s)
{
    if (!x->src[s]) return NULL;
    const og_tensor *r = ogi_root(x->src[s]);
    return computes(r) ? r : NULL;
}

static og_status find_users(fuser *f)
{
    int64_t n = f->g->n_node, total = 0;
    for (int64_t i = 0; i < n; i++)
        for (int s = 0; computes(f->g->node[i]) && s < f->g->node[i]->n_src; s++) {
            const og_tensor *r = computed_src(f->g->node[i], s);
            if (r) f->use_at[r->id + 1]++, total++;
        }
    for (int64_t i = 0; i < n; i++) f->use_at[i + 1] += f->use_at[i];
    f->use = ogi_arena_alloc(&f->p->mem, (size_t)total + 1, sizeof *f->use);
    int *fill = ogi_arena_alloc(&f->p->mem, (size_t)n + 1, sizeof *fill);
    if (!f->use || !fill) return OG_E_MEMORY;
    for (int64_t i = 0; i < n; i++)
        for (int s = 0; computes(f->g->node[i]) && s < f->g->node[i]->n_src; s++) {
            const og_tensor *r = computed_src(f->g->node[i], s);
            if (r) f->use[f->use_at[r->id] + fill[r->id]++] = (int)i;
        }
    return OG_OK;
}

/* ---- reachability -------------------------------------------------------------------------- */

static int first_id(const fgroup *a)
{
    return a->node.p[0];
}
static int last_id(const fgroup *a)
{
    return a->node.p[a->node.n - 1];
}

/* Does group `from` depend on group `on`, directly or not? Backward search; groups that end before
 * `on` begins cannot. */
static bool depends(fuser *f, int from, int on)
{
    if (from == on) return true;
    int n = 0, floor_id = first_id(&f->group[on]);
    f->search++;
    f->stack[n++] = from;
    f->stamp[from] = f->search;
    while (n) {
        const fgroup *a = &f->group[f->stack[--n]];
        for (int64_t i = 0; i < a->node.n; i++) {
            const og_tensor *x = f->g->node[a->node.p[i]];
            for (int s = 0; s < x->n_src; s++) {
                const og_tensor *r = computed_src(x, s);
                int b = r ? f->of[r->id] : -1;
                if (b < 0 || f->stamp[b] == f->search) continue;
                if (b == on) return true;
                f->stamp[b] = f->search;
                if (last_id(&f->group[b]) >= floor_id) f->stack[n++] = b;
            }
        }
    }
    return false;
}

/* Would joining producer a and consumer b close a cycle: a path from a to b through a third? */
static bool has_detour(fuser *f, int a, int b)
{
    const fgroup *gb = &f->group[b];
    for (int64_t i = 0; i < gb->node.n; i++) {
        const og_tensor *x = f->g->node[gb->node.p[i]];
        for (int s = 0; s < x->n_src; s++) {
            const og_tensor *r = computed_src(x, s);
            int y = r ? f->of[r->id] : -1;
            if (y >= 0 && y != a && y != b && depends(f, y, a)) return true;
        }
    }
    return false;
}

/* ---- matmul groups ------------------------------------------------------------------------- */

static bool is_linear(const og_tensor *x)
{
    return ogi_op_def_of(x->op)->op_class == OGI_CLASS_LINEAR;
}

/* Linears of one kind over the same input (and expert ids), with weights that are leaves. */
static bool share_input(const og_tensor *a, const og_tensor *b)
{
    if (a->op != b->op || a->src[0] != b->src[0] || a->n_src != b->n_src) return false;
    for (int s = 2; s < a->n_src; s++)
        if (a->src[s] != b->src[s]) return false;
    return ogi_is_leaf(ogi_root(a->src[1])) && ogi_is_leaf(ogi_root(b->src[1]));
}

static og_status absorb_group(fuser *f, int into, int from)
{
    fgroup *a = &f->group[into], *b = &f->group[from];
    for (int64_t i = 0; i < b->node.n; i++) f->of[b->node.p[i]] = into;
    OG_TRY(ids_append(f, &a->node, &b->node));
    if (b->n_set) {
        fset *set = ogi_arena_alloc(&f->p->mem, (size_t)(a->n_set + b->n_set), sizeof *set);
        if (!set) return OG_E_MEMORY;
        memcpy(set, a->set, (size_t)a->n_set * sizeof *set);
        memcpy(set + a->n_set, b->set, (size_t)b->n_set * sizeof *set);
        a->set = set;
        a->n_set += b->n_set;
    }
    b->is_dead = true;
    return OG_OK;
}

static og_status join_linears(fuser *f)
{
    for (int64_t i = 0; i < f->g->n_node; i++) {
        const og_tensor *x = f->g->node[i];
        if (!computes(x) || !is_linear(x) || f->of[i] != i) continue;
        /* Linears of one input are among the users of its root, or, for leaves, later nodes. */
        const og_tensor *r = ogi_root(x->src[0]);
        if (!computes(r)) continue;
        for (int u = f->use_at[r->id]; u < f->use_at[r->id + 1]; u++) {
            const og_tensor *y = f->g->node[f->use[u]];
            if (y->id <= i || f->of[y->id] != y->id || !is_linear(y)) continue;
            if (share_input(x, y)) OG_TRY(absorb_group(f, (int)i, y->id));
        }
    }
    return OG_OK;
}

static int64_t n_rows(const og_tensor *linear)
{
    og_dim d = linear->shape.dim[linear->shape.rank - 1];
    return ogi_dim_is_const(d) ? d.b / OGI_MAX(d.c, 1) : 0;
}

static int set_of(const fgroup *a, int id)
{
    for (int k = 0; k < a->n_set; k++) {
        const fset *s = &a->set[k];
        for (int64_t i = 0; i < s->linear.n; i++)
            if (s->linear.p[i] == id) return k;
        for (int64_t i = 0; i < s->member.n; i++)
            if (s->member.p[i] == id) return k;
    }
    return -1;
}

static int list_nodes(const fuser *f, const ids *a, const ids *b, int extra, const og_tensor **out)
{
    int n = 0;
    int64_t i = 0, j = 0;
    while (i < a->n || (b && j < b->n)) {
        bool from_a = i < a->n && (!b || j >= b->n || a->p[i] < b->p[j]);
        int id = from_a ? a->p[i++] : b->p[j++];
        if (extra >= 0 && extra < id) out[n++] = f->g->node[extra], extra = -1;
        out[n++] = f->g->node[id];
    }
    if (extra >= 0) out[n++] = f->g->node[extra];
    return n;
}

static bool uses_rows(const og_tensor *x)
{
    ogi_op_class c = ogi_op_def_of(x->op)->op_class;
    return c == OGI_CLASS_ROW || c == OGI_CLASS_INDEXED || x->dtype == OG_A8;
}

/* Rows of the weights that one panel must hold together for these members; 0: does not fit. */
static int64_t panel_unit(const fuser *f, const ids *linear, const ids *member, int extra)
{
    const og_tensor **panel = f->scratch, **m = f->scratch + f->g->n_node;
    ogi_lower_spec spec = { .g = f->g, .panel = panel, .member = m };
    spec.n_panel = list_nodes(f, linear, NULL, -1, panel);
    spec.n_member = list_nodes(f, member, NULL, extra, m);
    og_shape space;
    ogi_axis_map map;
    if (!ogi_space_find(&spec, &space)) return 0;
    if (!ogi_space_map(&space, &panel[0]->shape, &map) || map.is_uniform) return 0;
    int64_t unit = 1;
    int last = panel[0]->shape.rank - 1, from = map.first[last];
    bool rows = false;
    for (int i = 0; i < spec.n_member; i++) {
        rows |= uses_rows(m[i]);
        if (m[i]->dtype == OG_A8) return 0; /* needs the whole row of all panels */
    }
    for (int a = from + (rows && from == space.rank - 1 ? 0 : 1); a < space.rank; a++) {
        if (!ogi_dim_is_const(space.dim[a])) return 0;
        unit *= space.dim[a].b / OGI_MAX(space.dim[a].c, 1);
    }
    return unit <= (unit == n_rows(panel[0]) && rows ? MAX_WHOLE_ROW : MAX_HEAD) ? unit : 0;
}

/* Tries to take node c into the epilogues of matmul group a. */
static og_status try_epilogue(fuser *f, int a, const og_tensor *c, bool *taken)
{
    *taken = false;
    fgroup *ga = &f->group[a];
    ogi_op_class cls = ogi_op_def_of(c->op)->op_class;
    if (f->of[c->id] != c->id || ga->is_dead) return OG_OK;
    if (cls != OGI_CLASS_MAP && cls != OGI_CLASS_ROW && cls != OGI_CLASS_INDEXED &&
        cls != OGI_CLASS_STORE)
        return OG_OK;
    int into = -1;
    ids linear = { 0 }, member = { 0 };
    og_status st = OG_OK;
    bool ok = true;
    for (int s = 0; s < c->n_src && ok && st == OG_OK; s++) {
        const og_tensor *r = computed_src(c, s);
        if (!r) continue;
        if (f->of[r->id] != a) {
            ok = !depends(f, f->of[r->id], a);
            continue;
        }
        int k = set_of(ga, r->id);
        if (k < 0 || k == into) continue;
        fset *set = &ga->set[k];
        if (into >= 0)
            ok = n_rows(f->g->node[set->linear.p[0]]) ==
                 n_rows(f->g->node[ga->set[into].linear.p[0]]);
        for (int64_t i = 0; ok && st == OG_OK && i < set->linear.n; i++)
            st = ids_add(f, &linear, set->linear.p[i]);
        for (int64_t i = 0; ok && st == OG_OK && i < set->member.n; i++)
            st = ids_add(f, &member, set->member.p[i]);
        if (into < 0) into = k;
    }
    if (st == OG_OK && ok && into >= 0 && linear.n <= OGI_MAX_SET_LINEAR &&
        panel_unit(f, &linear, &member, c->id) > 0) {
        for (int s = 0; s < c->n_src; s++) { /* empty the sets that were joined */
            const og_tensor *r = computed_src(c, s);
            int k = r && f->of[r->id] == a ? set_of(ga, r->id) : -1;
            if (k >= 0 && k != into) ga->set[k].linear.n = ga->set[k].member.n = 0;
        }
        ogi_free(f->ctx, ga->set[into].linear.p);
        ogi_free(f->ctx, ga->set[into].member.p);
        ga->set[into] = (fset){ linear, member };
        st = ids_add(f, &ga->set[into].member, c->id);
        if (st == OG_OK) st = absorb_group(f, a, c->id);
        *taken = true;
        return st;
    }
    ogi_free(f->ctx, linear.p);
    ogi_free(f->ctx, member.p);
    return st;
}

/* Consumers in graph order, so that chains are taken link by link. */
static og_status take_epilogues(fuser *f)
{
    for (int64_t i = 0; i < f->g->n_node; i++) {
        const og_tensor *c = f->g->node[i];
        if (!computes(c) || f->of[i] != i) continue;
        bool taken = false;
        for (int s = 0; s < c->n_src && !taken; s++) {
            const og_tensor *r = computed_src(c, s);
            if (r && f->group[f->of[r->id]].kind == OGI_GROUP_MATMUL)
                OG_TRY(try_epilogue(f, f->of[r->id], c, &taken));
        }
    }
    return OG_OK;
}

/* ---- maps ---------------------------------------------------------------------------------- */

static bool maps_fit(const fuser *f, const fgroup *a, const fgroup *b)
{
    ogi_lower_spec spec = { .g = f->g, .member = f->scratch };
    spec.n_member = list_nodes(f, &a->node, &b->node, -1, f->scratch);
    og_shape space;
    return ogi_space_find(&spec, &space);
}

static og_status join_maps(fuser *f)
{
    for (int64_t i = 0; i < f->g->n_node; i++) {
        const og_tensor *c = f->g->node[i];
        if (!computes(c)) continue;
        for (int s = 0; s < c->n_src; s++) {
            const og_tensor *r = computed_src(c, s);
            int b = f->of[i], a = r ? f->of[r->id] : b;
            if (a == b || f->group[a].kind != OGI_GROUP_MAP || f->group[b].kind != OGI_GROUP_MAP)
                continue;
            if (!maps_fit(f, &f->group[a], &f->group[b])) continue;
            if (has_detour(f, a, b)) continue;
            OG_TRY(absorb_group(f, a, b));
        }
    }
    return OG_OK;
}

/* Is every value of group a used by matmul group b alone, as its input? */
static bool feeds_only(const fuser *f, int a, int b)
{
    const fgroup *ga = &f->group[a];
    for (int64_t i = 0; i < ga->node.n; i++) {
        int id = ga->node.p[i];
        const og_tensor *x = f->g->node[id];
        if (f->is_output[id] || ogi_op_def_of(x->op)->op_class == OGI_CLASS_STORE) return false;
        for (int u = f->use_at[id]; u < f->use_at[id + 1]; u++) {
            const og_tensor *y = f->g->node[f->use[u]];
            if (f->of[y->id] == a) continue;
            if (f->of[y->id] != b || !is_linear(y) || ogi_root(y->src[0]) != x) return false;
            for (int s = 1; s < y->n_src; s++)
                if (y->src[s] && ogi_root(y->src[s]) == x) return false;
        }
    }
    return true;
}

static int64_t max_tokens(const ogi_plan *p, const og_tensor *x)
{
    og_dim rows = OG_N(1);
    for (int i = 0; i + 1 < x->shape.rank; i++)
        if (!ogi_dim_product(rows, x->shape.dim[i], &rows)) return INT64_MAX;
    return ogi_dim_value(rows, p->sym_max);
}

static void take_prologues(fuser *f, int64_t max_rows)
{
    for (int64_t b = 0; b < f->g->n_node; b++) {
        fgroup *gb = &f->group[b];
        if (gb->is_dead || gb->kind != OGI_GROUP_MATMUL) continue;
        const og_tensor *lin = NULL;
        for (int k = 0; k < gb->n_set && !lin; k++)
            if (gb->set[k].linear.n) lin = f->g->node[gb->set[k].linear.p[0]];
        if (!lin || lin->op != OG_OP_LINEAR) continue;
        const og_tensor *r = computed_src(lin, 0);
        int a = r ? f->of[r->id] : -1;
        if (a < 0 || f->group[a].kind != OGI_GROUP_MAP || max_tokens(f->p, lin) > max_rows)
            continue;
        if (!feeds_only(f, a, (int)b)) continue;
        gb->prologue = a;
        f->group[a].is_dead = true;
    }
}

/* ---- result -------------------------------------------------------------------------------- */

static const og_tensor **nodes_of(fuser *f, const ids *a, int *n)
{
    const og_tensor **out = ogi_arena_alloc(&f->p->mem, (size_t)a->n + 1, sizeof *out);
    *n = out ? list_nodes(f, a, NULL, -1, out) : 0;
    return out;
}

/* Adds root r to a group's reads once. */
static void add_read(ogi_group *g, const og_tensor *r)
{
    for (int i = 0; i < g->n_read; i++)
        if (g->read[i] == r) return;
    g->read[g->n_read++] = r;
}

static bool is_written(const fuser *f, int group, int id)
{
    if (f->is_output[id] || ogi_op_def_of(f->g->node[id]->op)->op_class == OGI_CLASS_STORE)
        return true;
    for (int u = f->use_at[id]; u < f->use_at[id + 1]; u++)
        if (f->of[f->use[u]] != group) return true;
    return false;
}

static og_status emit_sets(fuser *f, const fgroup *a, ogi_group *out)
{
    out->set = ogi_arena_alloc(&f->p->mem, (size_t)a->n_set + 1, sizeof *out->set);
    if (!out->set) return OG_E_MEMORY;
    for (int k = 0; k < a->n_set; k++) {
        if (!a->set[k].linear.n) continue;
        ogi_panel_set *s = &out->set[out->n_set++];
        s->linear = nodes_of(f, &a->set[k].linear, &s->n_linear);
        s->member = nodes_of(f, &a->set[k].member, &s->n_member);
        if (!s->linear || !s->member) return OG_E_MEMORY;
        s->n_row = n_rows(s->linear[0]);
        s->unit = s->n_member ? panel_unit(f, &a->set[k].linear, &a->set[k].member, -1) : 1;
        if (s->unit < 1)
            OG_FAIL(f->ctx, OG_E_INVALID, "fuse: an epilogue of %s does not fit its panel",
                    ogi_op_name(s->linear[0]->op));
    }
    return OG_OK;
}

/* The group's members, those of its prologue included, in graph order. */
static og_status emit_members(fuser *f, int id, ogi_group *out)
{
    const fgroup *a = &f->group[id];
    const ids *pro = a->prologue >= 0 ? &f->group[a->prologue].node : NULL;
    int64_t n = a->node.n + (pro ? pro->n : 0);
    out->member = ogi_arena_alloc(&f->p->mem, (size_t)n + 1, sizeof *out->member);
    if (!out->member) return OG_E_MEMORY;
    out->n_member = list_nodes(f, &a->node, pro, -1, out->member);
    if (!pro) return OG_OK;
    out->prologue = nodes_of(f, pro, &out->n_prologue);
    if (!out->prologue) return OG_E_MEMORY;
    for (int64_t i = 0; i < pro->n; i++) f->of[pro->p[i]] = id;
    return OG_OK;
}

static og_status emit_group(fuser *f, int id, ogi_group *out)
{
    const fgroup *a = &f->group[id];
    *out = (ogi_group){ .kind = a->kind };
    OG_TRY(emit_members(f, id, out));
    int n = out->n_member;
    out->read = ogi_arena_alloc(&f->p->mem, (size_t)n * OGI_MAX_SRC + 1, sizeof *out->read);
    out->write = ogi_arena_alloc(&f->p->mem, (size_t)n + 1, sizeof *out->write);
    if (!out->read || !out->write) return OG_E_MEMORY;
    for (int i = 0; i < n; i++) {
        const og_tensor *x = out->member[i];
        for (int s = 0; s < x->n_src; s++) {
            const og_tensor *r = x->src[s] ? ogi_root(x->src[s]) : NULL;
            if (r && f->of[r->id] != id) add_read(out, r);
        }
        if (is_written(f, id, x->id)) out->write[out->n_write++] = x;
        out->layer = x->layer;
    }
    return a->kind == OGI_GROUP_MATMUL ? emit_sets(f, a, out) : OG_OK;
}

static og_status start_groups(fuser *f)
{
    for (int64_t i = 0; i < f->g->n_node; i++) {
        const og_tensor *x = f->g->node[i];
        fgroup *a = &f->group[i];
        *a = (fgroup){ .prologue = -1, .is_dead = !computes(x) };
        f->of[i] = computes(x) ? (int)i : -1;
        if (!computes(x)) continue;
        OG_TRY(ids_add(f, &a->node, (int)i));
        switch (ogi_op_def_of(x->op)->op_class) {
        case OGI_CLASS_LINEAR:
            a->kind = OGI_GROUP_MATMUL;
            a->set = ogi_arena_alloc(&f->p->mem, 1, sizeof *a->set);
            if (!a->set) return OG_E_MEMORY;
            a->n_set = 1;
            OG_TRY(ids_add(f, &a->set[0].linear, (int)i));
            break;
        case OGI_CLASS_KERNEL: a->kind = OGI_GROUP_KERNEL; break;
        case OGI_CLASS_LEAF:
        case OGI_CLASS_VIEW:
        case OGI_CLASS_MAP:
        case OGI_CLASS_INDEXED:
        case OGI_CLASS_ROW:
        case OGI_CLASS_STORE: a->kind = OGI_GROUP_MAP; break;
        }
    }
    return OG_OK;
}

static og_status fuse_all(fuser *f, const ogi_plan_options *opt)
{
    OG_TRY(find_users(f));
    OG_TRY(start_groups(f));
    if (!opt->no_fuse) {
        OG_TRY(join_linears(f));
        OG_TRY(take_epilogues(f));
        OG_TRY(join_maps(f));
        take_prologues(f, opt->prologue_max);
    }
    int n = 0;
    for (int64_t i = 0; i < f->g->n_node; i++) n += !f->group[i].is_dead;
    f->p->group = ogi_arena_alloc(&f->p->mem, (size_t)n + 1, sizeof *f->p->group);
    if (!f->p->group) return OG_E_MEMORY;
    for (int64_t i = 0; i < f->g->n_node; i++)
        if (!f->group[i].is_dead) OG_TRY(emit_group(f, (int)i, &f->p->group[f->p->n_group++]));
    return OG_OK;
}

og_status ogi_plan_fuse(ogi_plan *p, const ogi_plan_options *opt)
{
    size_t n = (size_t)p->graph->n_node + 1;
    fuser f = { .p = p, .g = p->graph, .ctx = p->ctx };
    f.group = OGI_NEW_N(p->ctx, fgroup, n);
    f.of = OGI_NEW_N(p->ctx, int, n);
    f.use_at = OGI_NEW_N(p->ctx, int, n + 1);
    f.stamp = OGI_NEW_N(p->ctx, int, n);
    f.stack = OGI_NEW_N(p->ctx, int, n);
    f.is_output = OGI_NEW_N(p->ctx, bool, n);
    f.scratch = OGI_NEW_N(p->ctx, const og_tensor *, n * 2);
    og_status st = OG_E_MEMORY;
    if (f.group && f.of && f.use_at && f.stamp && f.stack && f.is_output && f.scratch) {
        for (int64_t i = 0; i < p->graph->n_output; i++)
            f.is_output[ogi_root(p->graph->output[i].value)->id] = true;
        st = fuse_all(&f, opt);
    }
    for (size_t i = 0; f.group && i < n; i++) {
        ogi_free(p->ctx, f.group[i].node.p);
        for (int k = 0; k < f.group[i].n_set && !f.group[i].is_dead; k++) {
            ogi_free(p->ctx, f.group[i].set[k].linear.p);
            ogi_free(p->ctx, f.group[i].set[k].member.p);
        }
    }
    ogi_free(p->ctx, f.group), ogi_free(p->ctx, f.of), ogi_free(p->ctx, f.use_at);
    ogi_free(p->ctx, f.stamp), ogi_free(p->ctx, f.stack), ogi_free(p->ctx, f.is_output);
    ogi_free(p->ctx, f.scratch);
    return st;
}
