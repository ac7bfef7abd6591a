/* SPDX-License-Identifier: MIT
 *
 * Matmul groups on the CPU. A work item is a block of weight rows (whole heads, GLU pairs) times a
 * block of tokens: the kernels fill F32 panels in the thread's scratch, then the epilogue's vector
 * program runs on the panels while they are in cache.
 *
 *   thread's scratch:  operands | x (prologue) | x_row (grouped) | panels | kernels' and programs'
 * | the decoders'
 */
#include "backends/cpu/cpu.h"
#include "codegen/lower.h"
#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"

enum {
    MAX_TOK = 512,             /* tokens of one kernel call */
    PANEL_BYTES = 1024 * 1024, /* panels of one item: half of a usual L2 */
    ITEMS_PER_THREAD = 6,      /* enough to even out threads of unequal speed */
    MIN_TOK_BLOCK = 32,        /* splitting tokens unpacks weights again: only above this */
};

/* Offsets into the thread's scratch. */
typedef struct scratch_map {
    size_t operand, x, x_row, panel, work, decode, size;
} scratch_map;

typedef struct matmul {
    ogi_cpu_matmul pub;
    scratch_map at;
    int64_t n_rows, n_outer, inner; /* for the current symbols */
    int64_t tok_block, n_tok_block; /* in outer rows */
    const unsigned char *x_base;
    int64_t x_skip; /* bytes from the root's start to the first row */
    int max_operand;
    size_t decode_scratch;
} matmul;

static matmul *mm_of(const ogi_cpu_group *g)
{
    return (matmul *)(void *)g->mm;
}

static size_t align64(size_t n)
{
    return OGI_ALIGN(n, (size_t)64);
}

static int64_t gcd(int64_t a, int64_t b)
{
    return b ? gcd(b, a % b) : a;
}

/* ---- compile ------------------------------------------------------------------------------- */

/* What no kernel knows is decoded. */
static og_status compile_weight(ogi_exec *e, const og_tensor *linear, bool is_grouped,
                                ogi_cpu_weight *w, size_t *decode_scratch)
{
    ogi_layout l;
    const og_tensor *x = linear->src[1];
    const ogi_dtype *t = ogi_dtype_info(x->dtype);
    int r = x->shape.rank;
    if (!ogi_layout_of(x, &l) || !ogi_dim_eq(l.stride[r - 1], OG_N(1)))
        OG_FAIL(e->dev->ctx, OG_E_UNSUPPORTED, "cpu: rows of weight %s are not contiguous",
                ogi_root(x)->name);
    og_dtype input = linear->src[0]->dtype;
    bool is_known = e->dev->kernels->has_matmul(x->dtype);
    bool wants_a8 = ogi_type_activation(x->dtype) == OG_A8;
    /* The pass was skipped, or the graph is foreign. */
    if (wants_a8 != (input == OG_A8) || (wants_a8 && !is_known))
        OG_FAIL(e->dev->ctx, OG_E_UNSUPPORTED,
                "cpu: no kernel for linear of %s by %s (weight '%s'): quantize_activations makes "
                "the input %s",
                og_dtype_name(input), t->name, ogi_root(x)->name, wants_a8 ? "A8" : "F32");
    const int64_t *sym = e->plan->sym_max;
    *w = (ogi_cpu_weight){
        .root = l.root,
        .offset = ogi_dim_value(l.offset, sym) / t->block * t->bytes,
        .row_size = ogi_dim_value(l.stride[r - 2], sym) / t->block * t->bytes,
        .expert_size = is_grouped ? ogi_dim_value(l.stride[0], sym) / t->block * t->bytes : 0,
        .operand = -1,
    };
    if (is_known) return OG_OK;
    size_t scratch;
    OG_TRY(ogi_cpu_decode_new(&e->mem, x->dtype, &w->decode, &scratch));
    *decode_scratch = OGI_MAX(*decode_scratch, align64(scratch));
    return OG_OK;
}

static bool is_in(const og_tensor *x, const og_tensor *const *list, int n)
{
    for (int i = 0; i < n; i++)
        if (list[i] == x) return true;
    return false;
}

/* Members and linears of the set that the group writes to memory. */
static int list_stores(const ogi_group *g, const ogi_panel_set *s, const og_tensor **out)
{
    int n = 0;
    for (int i = 0; i < g->n_write; i++)
        if (is_in(g->write[i], s->linear, s->n_linear) ||
            is_in(g->write[i], s->member, s->n_member))
            out[n++] = g->write[i];
    return n;
}

static og_status compile_epilogue(ogi_exec *e, const ogi_group *g, ogi_cpu_set *s)
{
    const og_tensor **store = ogi_arena_alloc(&e->mem, (size_t)g->n_write + 1, sizeof *store);
    if (!store) return OG_E_MEMORY;
    ogi_lower_spec spec = {
        .g = e->plan->graph,
        .member = s->set->member,
        .n_member = s->set->n_member,
        .store = store,
        .n_store = list_stores(g, s->set, store),
        .panel = s->set->linear,
        .n_panel = s->set->n_linear,
    };
    OG_TRY(ogi_cpu_prog_compile(e, &spec, &s->prog));
    for (int i = 0; i < s->prog.k->n_operand; i++)
        if (s->prog.k->operand[i].panel >= 0) s->weight[s->prog.k->operand[i].panel].operand = i;
    og_shape space = { .rank = s->prog.k->rank };
    memcpy(space.dim, s->prog.k->space, sizeof space.dim);
    ogi_axis_map map;
    const og_shape *shape = &s->set->linear[0]->shape;
    if (!ogi_space_map(&space, shape, &map))
        OG_FAIL(e->dev->ctx, OG_E_INVALID, "cpu: a panel does not map into its epilogue's space");
    s->feature_axis = map.first[shape->rank - 1];
    s->is_token_axis = shape->rank > 1 && map.first[0] == 0 && map.first[1] == 1;
    return OG_OK;
}

/* Rows of a work item: many items for the threads, panels within their budget, whole units. */
static void choose_block(ogi_cpu_set *s, int64_t total_rows, int64_t max_rows, int n_thread)
{
    int64_t unit = s->unit / gcd(s->unit, 16) * 16;
    if (s->set->n_row % unit) unit = s->unit;
    int64_t want = total_rows / ((int64_t)n_thread * ITEMS_PER_THREAD);
    int64_t most = PANEL_BYTES / 4 / s->set->n_linear / OGI_MAX(1, OGI_MIN(max_rows, MAX_TOK));
    int64_t block = OGI_MIN(OGI_MAX(want, 32), OGI_MAX(most, 32)) / unit * unit;
    s->block = OGI_MIN(OGI_MAX(block, unit), s->set->n_row);
    s->n_block = (s->set->n_row + s->block - 1) / s->block;
}

static og_status compile_set(ogi_exec *e, const ogi_group *g, const ogi_panel_set *set, matmul *m,
                             ogi_cpu_set *s)
{
    *s = (ogi_cpu_set){ .set = set, .unit = set->unit };
    s->weight = ogi_arena_alloc(&e->mem, (size_t)set->n_linear, sizeof *s->weight);
    if (!s->weight) return OG_E_MEMORY;
    for (int i = 0; i < set->n_linear; i++)
        OG_TRY(compile_weight(e, set->linear[i], m->pub.is_grouped, &s->weight[i],
                              &m->decode_scratch));
    return set->n_member || set->n_linear > 1 ? compile_epilogue(e, g, s) : OG_OK;
}

static og_status compile_prologue(ogi_exec *e, const ogi_group *g, matmul *m)
{
    const og_tensor *x = m->pub.x;
    ogi_lower_spec spec = {
        .g = e->plan->graph,
        .member = g->prologue,
        .n_member = g->n_prologue,
        .store = &x,
        .n_store = 1,
    };
    OG_TRY(ogi_cpu_prog_compile(e, &spec, &m->pub.prologue));
    m->pub.prologue_operand = -1;
    for (int i = 0; i < m->pub.prologue.k->n_operand; i++)
        if (m->pub.prologue.k->operand[i].is_written) m->pub.prologue_operand = i;
    return OG_OK;
}

/* The input's rows: [.., E] with one stride from row to row. */
static og_status compile_input(ogi_exec *e, const og_tensor *linear, matmul *m)
{
    const og_tensor *x = linear->src[0];
    ogi_layout l;
    int r = x->shape.rank;
    if (!ogi_layout_of(x, &l))
        OG_FAIL(e->dev->ctx, OG_E_INVALID, "cpu: the input of a linear has no layout");
    int64_t k = ogi_dim_value(x->shape.dim[r - 1], e->plan->sym_max);
    int64_t stride = r > 1 ? ogi_dim_value(l.stride[r - 2], e->plan->sym_max) : k;
    m->pub.x = l.root;
    m->pub.k = k;
    m->pub.x_stride = ogi_cpu_row_size(x->dtype, x->dtype == OG_A8 ? k : stride);
    m->pub.x_offset = l.offset;
    m->pub.rows = OG_N(1);
    const og_shape *out = &linear->shape;
    for (int i = 0; i + 1 < out->rank; i++)
        if (!ogi_dim_product(m->pub.rows, out->dim[i], &m->pub.rows))
            OG_FAIL(e->dev->ctx, OG_E_UNSUPPORTED, "cpu: rows of a linear multiply two symbols");
    m->pub.outer = out->rank > 1 ? out->dim[0] : OG_N(1);
    return OG_OK;
}

static void compile_grouped(const ogi_exec *e, const og_tensor *linear, ogi_cpu_matmul *m)
{
    m->is_grouped = true;
    m->ids = linear->src[2];
    m->groups = linear->src[3];
    m->n_expert = ogi_dim_value(linear->src[1]->shape.dim[0], e->plan->sym_max);
    m->n_used = ogi_dim_value(linear->shape.dim[1], e->plan->sym_max);
    m->x_used = ogi_dim_value(linear->src[0]->shape.dim[1], e->plan->sym_max);
}

static void map_scratch(matmul *m, int64_t max_rows)
{
    size_t panel = 0, work = ogi_matmul_scratch(MAX_TOK);
    if (m->pub.is_prologue) {
        m->max_operand = m->pub.prologue.k->n_operand;
        work = OGI_MAX(work, ogi_vprog_scratch(m->pub.prologue.v));
    }
    for (int i = 0; i < m->pub.n_set; i++) {
        const ogi_cpu_set *s = &m->pub.set[i];
        if (s->prog.k) {
            m->max_operand = OGI_MAX(m->max_operand, s->prog.k->n_operand);
            work = OGI_MAX(work, ogi_vprog_scratch(s->prog.v));
        }
        if (s->prog.k || m->pub.is_grouped)
            panel = OGI_MAX(panel, (size_t)(max_rows * s->block * s->set->n_linear) * 4);
    }
    m->at.x = align64((size_t)m->max_operand * sizeof(ogi_voperand));
    m->at.x_row =
        m->at.x + (m->pub.is_prologue ? align64((size_t)(max_rows * m->pub.x_stride)) : 0);
    m->at.panel = m->at.x_row + (m->pub.is_grouped ? align64((size_t)max_rows * 4) : 0);
    m->at.work = m->at.panel + align64(panel);
    m->at.decode = m->at.work + align64(work);
    m->at.size = m->at.decode + m->decode_scratch;
}

og_status ogi_cpu_matmul_compile(ogi_exec *e, ogi_cpu_group *g, size_t *scratch)
{
    matmul *m = ogi_arena_alloc(&e->mem, 1, sizeof *m);
    if (!m) return OG_E_MEMORY;
    g->mm = &m->pub;
    const ogi_group *gr = g->g;
    const og_tensor *linear = gr->set[0].linear[0];
    OG_TRY(compile_input(e, linear, m));
    if (linear->op == OG_OP_GROUPED_LINEAR) compile_grouped(e, linear, &m->pub);
    m->pub.is_prologue = gr->n_prologue > 0;
    if (m->pub.is_prologue) OG_TRY(compile_prologue(e, gr, m));
    m->pub.set = ogi_arena_alloc(&e->mem, (size_t)gr->n_set, sizeof *m->pub.set);
    if (!m->pub.set) return OG_E_MEMORY;
    int64_t max_rows = ogi_dim_value(m->pub.rows, e->plan->sym_max), total = 0;
    for (int i = 0; i < gr->n_set; i++) total += gr->set[i].n_row * gr->set[i].n_linear;
    if (m->pub.is_grouped) total *= OGI_MIN(m->pub.n_expert, max_rows);
    for (int i = 0; i < gr->n_set; i++) {
        ogi_cpu_set *s = &m->pub.set[m->pub.n_set];
        og_status st = compile_set(e, gr, &gr->set[i], m, s);
        m->pub.n_set++; /* counted even if it failed, so that free sees its program */
        OG_TRY(st);
        choose_block(s, total, max_rows, e->dev->n_thread);
        s->first_item = m->pub.n_item;
        m->pub.n_item += (int)s->n_block;
    }
    map_scratch(m, max_rows);
    *scratch = m->at.size;
    return OG_OK;
}

void ogi_cpu_matmul_free(ogi_cpu_group *g)
{
    if (!g->mm) return;
    ogi_cpu_prog_free(&g->mm->prologue);
    for (int i = 0; i < g->mm->n_set; i++) ogi_cpu_prog_free(&g->mm->set[i].prog);
}

/* ---- bind ---------------------------------------------------------------------------------- */

/* Panels are [rows, block] where the program's strides speak of [rows, F]. */
static void bind_panels(ogi_cpu_set *s)
{
    for (int i = 0; i < s->set->n_linear; i++) {
        if (s->weight[i].operand < 0) continue;
        ogi_voperand *o = &s->prog.operand[s->weight[i].operand];
        for (int a = 0; a < s->feature_axis; a++)
            o->stride[a] = o->stride[a] / s->set->n_row * s->block;
    }
}

void ogi_cpu_matmul_bind(ogi_exec *e, ogi_cpu_group *g)
{
    matmul *m = mm_of(g);
    if (m->pub.is_prologue) ogi_cpu_prog_bind(e, &m->pub.prologue);
    for (int i = 0; i < m->pub.n_set; i++)
        if (m->pub.set[i].prog.k) {
            ogi_cpu_prog_bind(e, &m->pub.set[i].prog);
            bind_panels(&m->pub.set[i]);
        }
    m->n_rows = ogi_dim_value(m->pub.rows, e->sym);
    m->n_outer = ogi_dim_value(m->pub.outer, e->sym);
    m->inner = m->n_rows / OGI_MAX(m->n_outer, 1);
    const ogi_dtype *t = ogi_dtype_info(m->pub.x->dtype);
    const unsigned char *x = e->ptr[m->pub.x->id];
    m->x_skip = ogi_dim_value(m->pub.x_offset, e->sym) / t->block * t->bytes;
    m->x_base = x ? x + m->x_skip : NULL;
    /* Few blocks of rows for many threads: split the tokens too. */
    bool can_split = !m->pub.is_grouped;
    for (int i = 0; i < m->pub.n_set; i++)
        if (m->pub.set[i].prog.k && !m->pub.set[i].is_token_axis) can_split = false;
    int64_t want = 1;
    if (can_split && m->n_rows >= 2 * MIN_TOK_BLOCK)
        want = OGI_MIN((2 * e->dev->n_thread + m->pub.n_item - 1) / m->pub.n_item,
                       m->n_rows / MIN_TOK_BLOCK);
    m->tok_block = (m->n_outer + want - 1) / OGI_MAX(want, 1);
    m->n_tok_block = m->tok_block ? (m->n_outer + m->tok_block - 1) / m->tok_block : 0;
}

/* ---- run ----------------------------------------------------------------------------------- */

/* One block of work: rows f0..f1 of the weights, outer token rows t0..t1. */
typedef struct item {
    const ogi_cpu_set *set;
    int64_t f0, f1, t0, t1;
} item;

static void call_kernel(const ogi_exec *e, const ogi_mm_args *all)
{
    for (int64_t t = 0; t < all->n_tok; t += MAX_TOK) {
        ogi_mm_args a = *all;
        a.n_tok = OGI_MIN(MAX_TOK, all->n_tok - t);
        a.out += t * a.out_stride;
        if (a.x_row)
            a.x_row += t;
        else
            a.x = (const unsigned char *)a.x + t * a.x_stride;
        e->dev->kernels->matmul(&a);
    }
}

static ogi_mm_args kernel_args(const ogi_exec *e, const matmul *m, const item *it, int linear,
                               const unsigned char *x, unsigned char *scratch)
{
    const ogi_cpu_weight *w = &it->set->weight[linear];
    return (ogi_mm_args){
        .type = w->root->dtype,
        .w = (const unsigned char *)e->ptr[w->root->id] + w->offset + it->f0 * w->row_size,
        .w_stride = w->row_size,
        .n_row = it->f1 - it->f0,
        .k = m->pub.k,
        .decode = w->decode,
        .decode_scratch = scratch + m->at.decode,
        .x = x,
        .x_stride = m->pub.x_stride,
        .out_stride = it->set->block,
        .scratch = scratch + m->at.work,
    };
}

/* Runs the epilogue on the box of an item: lo and hi are set where it is less than the space, but
 * for the weight's rows. Panels begin at row `row` of the whole matrix. */
static void run_epilogue(const matmul *m, const item *it, int64_t *lo, int64_t *hi, int64_t row,
                         float *const *panel, unsigned char *scratch)
{
    const ogi_cpu_set *s = it->set;
    const ogi_cpu_prog *p = &s->prog;
    ogi_voperand *o = (ogi_voperand *)(void *)scratch;
    int64_t inner = 1;
    memcpy(o, p->operand, (size_t)p->k->n_operand * sizeof *o);
    for (int i = 0; i < s->set->n_linear; i++) {
        if (s->weight[i].operand < 0) continue;
        ogi_voperand *a = &o[s->weight[i].operand];
        a->base = panel[i];
        a->offset -= row * s->block + it->f0;
    }
    for (int a = s->feature_axis + 1; a < p->k->rank; a++) inner *= p->space[a];
    lo[s->feature_axis] = it->f0 / inner;
    hi[s->feature_axis] = it->f1 / inner;
    ogi_vprog_run(p->v, o, p->space, lo, hi, scratch + m->at.work);
}

static void run_item(const ogi_exec *e, const matmul *m, const item *it, const unsigned char *x,
                     unsigned char *scratch)
{
    const ogi_cpu_set *s = it->set;
    int64_t row = it->t0 * m->inner, n_tok = (it->t1 - it->t0) * m->inner;
    float *panel[OGI_MAX_SET_LINEAR];
    for (int i = 0; i < s->set->n_linear; i++) {
        ogi_mm_args a = kernel_args(e, m, it, i, x + row * m->pub.x_stride, scratch);
        a.n_tok = n_tok;
        panel[i] = (float *)(void *)(scratch + m->at.panel) + i * n_tok * s->block;
        a.out = panel[i];
        if (!s->prog.k) {
            a.out = (float *)e->ptr[s->set->linear[i]->id] + row * s->set->n_row + it->f0;
            a.out_stride = s->set->n_row;
        }
        call_kernel(e, &a);
    }
    if (!s->prog.k) return;
    int64_t lo[OG_MAX_RANK] = { 0 }, hi[OG_MAX_RANK];
    memcpy(hi, s->prog.space, sizeof hi);
    if (s->is_token_axis) lo[0] = it->t0, hi[0] = it->t1;
    run_epilogue(m, it, lo, hi, row, panel, scratch);
}

/* Grouped: rows f0..f1 of one expert times the (token, place) pairs routed to it. */
static void run_expert(const ogi_exec *e, const matmul *m, const item *it, int64_t expert,
                       const unsigned char *x, unsigned char *scratch)
{
    const ogi_cpu_set *s = it->set;
    const int32_t *order = e->ptr[ogi_root(m->pub.groups)->id], *first = order + m->n_rows;
    int64_t n = first[expert + 1] - first[expert];
    const int32_t *pair = order + first[expert];
    int32_t *x_row = (int32_t *)(void *)(scratch + m->at.x_row);
    float *panel[OGI_MAX_SET_LINEAR];
    if (n <= 0) return;
    for (int64_t i = 0; i < n; i++)
        x_row[i] = (int32_t)(m->pub.x_used == 1 ? pair[i] / m->pub.n_used : pair[i]);
    for (int i = 0; i < s->set->n_linear; i++) {
        ogi_mm_args a = kernel_args(e, m, it, i, x, scratch);
        a.w = (const unsigned char *)a.w + expert * s->weight[i].expert_size;
        a.n_tok = n;
        a.x_row = x_row;
        panel[i] = a.out = (float *)(void *)(scratch + m->at.panel) + i * n * s->block;
        call_kernel(e, &a);
    }
    for (int64_t i = 0; i < n; i++) {
        if (s->prog.k) { /* one pair: whatever axes of the space token and place are split into */
            int64_t lo[OG_MAX_RANK] = { 0 }, hi[OG_MAX_RANK], rest = pair[i];
            memcpy(hi, s->prog.space, sizeof hi);
            for (int a = s->feature_axis - 1; a >= 0; a--) {
                lo[a] = rest % s->prog.space[a];
                hi[a] = lo[a] + 1;
                rest /= s->prog.space[a];
            }
            run_epilogue(m, it, lo, hi, pair[i] - i, panel, scratch);
        } else {
            float *out = (float *)e->ptr[s->set->linear[0]->id] + pair[i] * s->set->n_row + it->f0;
            memcpy(out, panel[0] + i * s->block, (size_t)(it->f1 - it->f0) * sizeof *out);
        }
    }
}

static item item_at(const matmul *m, int64_t i)
{
    int k = m->pub.n_set - 1;
    while (k > 0 && i < m->pub.set[k].first_item) k--;
    const ogi_cpu_set *s = &m->pub.set[k];
    int64_t f0 = (i - s->first_item) * s->block;
    return (item){ .set = s, .f0 = f0, .f1 = OGI_MIN(f0 + s->block, s->set->n_row) };
}

static const unsigned char *run_prologue(const matmul *m, unsigned char *scratch)
{
    const ogi_cpu_prog *p = &m->pub.prologue;
    ogi_voperand *o = (ogi_voperand *)(void *)scratch;
    int64_t lo[OG_MAX_RANK] = { 0 };
    memcpy(o, p->operand, (size_t)p->k->n_operand * sizeof *o);
    o[m->pub.prologue_operand].base = scratch + m->at.x;
    ogi_vprog_run(p->v, o, p->space, lo, p->space, scratch + m->at.work);
    return scratch + m->at.x + m->x_skip;
}

void ogi_cpu_matmul_run(ogi_exec *e, ogi_cpu_group *g, int thread)
{
    const matmul *m = mm_of(g);
    unsigned char *scratch = ogi_cpu_scratch(e, thread);
    const unsigned char *x = m->pub.is_prologue ? NULL : m->x_base;
    int64_t n_batch = m->pub.is_grouped ? m->pub.n_expert : m->n_tok_block;
    int64_t total = n_batch * m->pub.n_item;
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed);
        if (i >= total) return;
        if (!x) x = run_prologue(m, scratch);
        item it = item_at(m, i % m->pub.n_item);
        int64_t batch = i / m->pub.n_item;
        if (m->pub.is_grouped) {
            run_expert(e, m, &it, batch, x, scratch);
            continue;
        }
        it.t0 = batch * m->tok_block;
        it.t1 = OGI_MIN(it.t0 + m->tok_block, m->n_outer);
        run_item(e, m, &it, x, scratch);
    }
}
