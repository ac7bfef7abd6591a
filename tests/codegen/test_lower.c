/* SPDX-License-Identifier: MIT
 *
 * Lowering and vector programs together: every conformance case of every op that lowers, node by
 * node and fused, on every instruction set, against the scalar reference; and golden text of
 * lowered groups. */
#include "codegen/lower.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cpu/vprog.h"
#include "base/half.h"
#include "graph/dtype.h"

/* A graph with memory for its values. */
typedef struct world {
    og_graph *g;
    int64_t sym[OG_MAX_SYM];
    void **mem;            /* by node id */
    ogi_ref_tensor **leaf; /* for the reference */
    const ogi_cpu_kernels *kernels;
    uint64_t seed;
    double worst; /* NMSE of the reference comparison, relative to what is allowed */
    int n_compared;
} world;

static uint32_t next_random(world *w)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33);
}

static float random_float(world *w)
{
    return (float)((double)next_random(w) / 0x1p30 - 1.0) * 2.0f;
}

static int64_t count_of(const world *w, const og_tensor *x)
{
    int64_t n = 1;
    for (int i = 0; i < x->shape.rank; i++) n *= ogi_dim_value(x->shape.dim[i], w->sym);
    return n;
}

static void *aligned(int64_t size)
{
    size_t n = OGI_ALIGN((size_t)size + 64, 64);
    void *p = aligned_alloc(64, n);
    cr_assert(p != NULL);
    return memset(p, 0, n);
}

/* Small distinct integers; scales of Q4_0 and Q8_0 blocks are their first two bytes. */
static void fill_leaf(world *w, const og_tensor *x)
{
    int64_t n = count_of(w, x), size = ogi_value_size(x, w->sym);
    char *p = w->mem[x->id] = aligned(size);
    ogi_ref_tensor *t = w->leaf[x->id] = calloc(1, sizeof *t);
    *t = (ogi_ref_tensor){ .dtype = x->dtype, .rank = x->shape.rank, .n = n };
    for (int i = 0; i < t->rank; i++) t->dim[i] = ogi_dim_value(x->shape.dim[i], w->sym);
    t->f = malloc((size_t)n * 4 + 4);
    if (x->op == OG_OP_TABLE) {
        memcpy(p, ((const ogi_data *)x->params)->data, (size_t)size);
    } else if (x->dtype == OG_I32) {
        for (int64_t i = 0; i < n; i++) ((int32_t *)(void *)p)[i] = (int32_t)(i % 40);
    } else if (x->dtype == OG_F32) {
        for (int64_t i = 0; i < n; i++) ((float *)(void *)p)[i] = random_float(w);
    } else if (x->dtype == OG_F16 || x->dtype == OG_BF16) {
        for (int64_t i = 0; i < n; i++) {
            float v = random_float(w);
            ((uint16_t *)(void *)p)[i] =
                x->dtype == OG_F16 ? ogi_f16_of_f32(v) : ogi_bf16_of_f32(v);
        }
    } else {
        int bytes = ogi_dtype_info(x->dtype)->bytes;
        for (int64_t i = 0; i < size; i++) p[i] = (char)next_random(w);
        for (int64_t i = 0; i < size; i += bytes) memcpy(p + i, &(uint16_t){ 0x2e66 }, 2);
    }
    if (x->dtype == OG_I32) {
        t->i = malloc((size_t)n * 4 + 4);
        memcpy(t->i, p, (size_t)n * 4);
    } else if (x->dtype == OG_F32) {
        memcpy(t->f, p, (size_t)n * 4);
    } else {
        const uint16_t *h = (const uint16_t *)(void *)p;
        for (int64_t i = 0; i < n && x->dtype == OG_F16; i++) t->f[i] = ogi_f32_of_f16(h[i]);
        for (int64_t i = 0; i < n && x->dtype == OG_BF16; i++) t->f[i] = ogi_f32_of_bf16(h[i]);
        if (ogi_dtype_info(x->dtype)->is_quantized) {
            cr_assert_eq(ogi_dequantize(x->g->ctx, x->dtype, p, n, t->f), OG_OK);
        }
    }
}

static void make_world(world *w, og_graph *g, int64_t sym)
{
    *w = (world){ .g = g, .seed = 1 };
    for (int i = 0; i < OG_MAX_SYM; i++) w->sym[i] = sym;
    w->mem = calloc((size_t)g->n_node, sizeof *w->mem);
    w->leaf = calloc((size_t)g->n_node, sizeof *w->leaf);
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *x = g->node[i];
        if (ogi_is_leaf(x)) {
            fill_leaf(w, x);
        } else if (!ogi_is_view(x)) {
            w->mem[i] = aligned(ogi_value_size(x, w->sym));
        }
    }
}

static void free_world(world *w)
{
    for (int64_t i = 0; i < w->g->n_node; i++) {
        free(w->mem[i]);
        if (w->leaf[i]) free(w->leaf[i]->f), free(w->leaf[i]->i), free(w->leaf[i]);
    }
    free(w->mem);
    free(w->leaf);
}

/* ---- running programs ------------------------------------------------------------------------ */
/* Lowers and runs; the box is cut along axis `cut` (-1: whole). False if there is no common space.
 */
static bool run_group(world *w, const og_tensor *const *member, int n_member,
                      const og_tensor *const *store_list, int n_store, int cut)
{
    og_ctx *ctx = w->g->ctx;
    ogi_arena mem = { .ctx = ctx };
    ogi_lower_spec spec = {
        .g = w->g, .member = member, .n_member = n_member, .store = store_list, .n_store = n_store
    };
    og_shape space;
    if (!ogi_space_find(&spec, &space)) return false;
    ogi_kprog *k;
    ogi_vprog *v;
    cr_assert_eq(ogi_lower(&spec, &mem, &k), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(ogi_vprog_compile(ctx, k, w->sym, w->kernels, &v), OG_OK, "%s", og_error(ctx));
    ogi_voperand *operand = calloc((size_t)k->n_operand + 1, sizeof *operand);
    int64_t dim[OG_MAX_RANK], lo[OG_MAX_RANK] = { 0 }, hi[OG_MAX_RANK];
    ogi_vprog_bind(v, w->sym, dim, operand);
    for (int i = 0; i < k->n_operand; i++) operand[i].base = w->mem[k->operand[i].value->id];
    void *scratch = aligned((int64_t)ogi_vprog_scratch(v));
    memcpy(hi, dim, sizeof hi);
    if (cut >= k->rank || (cut == k->rank - 1 && k->has_row)) cut = -1;
    int64_t step = cut < 0 ? 1 : dim[cut] / 3 + 1;
    for (int64_t at = 0; cut < 0 ? at < 1 : at < dim[cut]; at += step) {
        if (cut >= 0) lo[cut] = at, hi[cut] = OGI_MIN(at + step, dim[cut]);
        ogi_vprog_run(v, operand, dim, lo, hi, scratch);
    }
    free(scratch);
    free(operand);
    ogi_vprog_free(v);
    ogi_arena_free(&mem);
    return true;
}

static bool is_lowered(const og_tensor *x)
{
    ogi_op_class c = ogi_op_def_of(x->op)->op_class;
    return c == OGI_CLASS_MAP || c == OGI_CLASS_INDEXED || c == OGI_CLASS_ROW ||
           c == OGI_CLASS_STORE;
}

static void run_unfused(world *w, int cut)
{
    for (int64_t i = 0; i < w->g->n_node; i++) {
        const og_tensor *x = w->g->node[i];
        if (is_lowered(x)) {
            cr_assert(run_group(w, &x, 1, &x, 1, cut), "%s alone has no space", ogi_op_name(x->op));
        }
    }
}

/* ---- against the reference ------------------------------------------------------------------- */
static ogi_ref_tensor *bind_leaf(void *user, const og_tensor *leaf, const int64_t *dim)
{
    (void)dim;
    return ((world *)user)->leaf[leaf->id];
}

static float element(const og_tensor *x, const char *p, int64_t i)
{
    if (x->dtype == OG_A8) {
        int64_t k = ogi_dim_value(x->shape.dim[x->shape.rank - 1], NULL);
        const char *row = p + i / k * OGI_ALIGN(k * 5 / 4, 64);
        float scale;
        memcpy(&scale, row + k + i % k / 32 * 4, sizeof scale);
        return scale * (float)(int8_t)row[i % k];
    }
    if (x->dtype == OG_F32) return ((const float *)(const void *)p)[i];
    if (x->dtype == OG_I32) return (float)((const int32_t *)(const void *)p)[i];
    uint16_t h = ((const uint16_t *)(const void *)p)[i];
    return x->dtype == OG_F16 ? ogi_f32_of_f16(h) : ogi_f32_of_bf16(h);
}

static void compare(void *user, const char *name, const ogi_ref_tensor *t)
{
    world *w = user;
    const og_tensor *x = NULL;
    for (int64_t i = 0; i < w->g->n_output; i++) {
        if (strcmp(w->g->output[i].name, name) == 0) x = w->g->output[i].value;
    }
    cr_assert(x && !ogi_is_view(x));
    const char *p = w->mem[ogi_storage(x)->id];
    double err = 0, power = 0;
    for (int64_t i = 0; i < t->n; i++) {
        double want = t->i ? (double)t->i[i] : (double)t->f[i], d = (double)element(x, p, i) - want;
        err += d * d;
        power += want * want;
    }
    double tol = ogi_op_def_of(x->op)->tol + 1e-11;
    for (int s = 0; s < x->n_src; s++) {
        if (x->src[s]) tol += ogi_op_def_of(x->src[s]->op)->tol;
    }
    w->worst = fmax(w->worst, power > 0 ? err / power / tol : err > 0 ? INFINITY : 0);
    w->n_compared++;
}

static og_ctx *new_ctx(void)
{
    og_ctx *ctx;
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    return ctx;
}

static og_graph *parse(og_ctx *ctx, const char *text)
{
    og_graph *g;
    cr_assert_eq(og_graph_parse(ctx, text, strlen(text), &g), OG_OK, "%s\n%s", og_error(ctx), text);
    return g;
}

static bool all_lowered(const og_graph *g)
{
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *x = g->node[i];
        if (!ogi_is_leaf(x) && !ogi_is_view(x) && !is_lowered(x)) return false;
    }
    for (int64_t i = 0; i < g->n_output; i++) {
        if (ogi_is_view(g->output[i].value)) return false;
    }
    return true;
}

static void check_case(const char *text, int64_t sym, int cut)
{
    og_ctx *ctx = new_ctx();
    og_graph *g = parse(ctx, text);
    for (int isa = 0; ogi_cpu_kernels_at(isa) && all_lowered(g); isa++) {
        world w;
        make_world(&w, g, sym);
        w.kernels = ogi_cpu_kernels_at(isa);
        run_unfused(&w, cut);
        cr_assert_eq(ogi_ref_run(g, w.sym, &(ogi_ref_io){ &w, bind_leaf, compare }), OG_OK,
                     "%s\n%s", og_error(ctx), text);
        cr_assert_gt(w.n_compared, 0);
        cr_assert(w.worst <= 1, "%s: error %g of what is allowed\n%s", w.kernels->name, w.worst,
                  text);
        free_world(&w);
    }
    og_graph_free(g);
    og_ctx_free(ctx);
}

static int each_case(int64_t sym, int cut)
{
    int n = 0;
    for (int op = 0; op < OG_OP_COUNT; op++) {
        const ogi_op_def *def = ogi_op_def_of((og_op)op);
        if (!def->lower) continue;
        for (int i = 0; i < def->n_cases; i++, n++) check_case(def->cases[i], sym, cut);
    }
    return n;
}

Test(lower, cases_of_all_ops_match_the_reference)
{
    int n = each_case(7, -1);
    printf("%d cases of lowered ops\n", n);
    cr_assert_gt(n, 30);
}

Test(lower, cases_match_at_one_token)
{
    each_case(1, -1);
}

Test(lower, cases_match_cut_along_the_first_axis)
{
    each_case(40, 0);
}

Test(lower, cases_match_cut_along_the_last_axis)
{
    each_case(5, 1);
}
