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
#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"
#include "graph/ref.h"

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
static bool run_group(world *w, const ogi_lower_spec *spec, int cut)
{
    og_ctx *ctx = w->g->ctx;
    ogi_arena mem = { .ctx = ctx };
    og_shape space;
    if (!ogi_space_find(spec, &space)) return false;
    ogi_kprog *k;
    ogi_vprog *v;
    cr_assert_eq(ogi_lower(spec, &mem, &k), OG_OK, "%s", og_error(ctx));
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
        if (!is_lowered(x)) continue;
        ogi_lower_spec spec = { .g = w->g, .member = &x, .n_member = 1, .store = &x, .n_store = 1 };
        cr_assert(run_group(w, &spec, cut), "%s alone has no space", ogi_op_name(x->op));
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
    const ogi_dtype *t = ogi_dtype_info((int64_t)x->dtype);
    if (t->is_quantized) { /* pages of keys */
        float v[256];
        const char *block = p + i / t->block * t->bytes;
        cr_assert(ogi_dequantize(x->g->ctx, x->dtype, block, t->block, v) == OG_OK);
        return v[i % t->block];
    }
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

static const char symbolic_row_text[] = "graph \"rows\"\n"
                                        "sym T = 1..64\n"
                                        "input $x : F32[3,T]\n"
                                        "%0 = mean($x)\n"
                                        "%1 = sub($x, %0)\n"
                                        "%2 = softmax(%1)\n"
                                        "output \"m\" = %0\n"
                                        "output \"p\" = %2\n";

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

Test(lower, rows_of_symbolic_length_match)
{
    check_case(symbolic_row_text, 1, -1);
    check_case(symbolic_row_text, 50, 0);
}

Test(lower, cases_match_cut_along_the_last_axis)
{
    each_case(5, 1);
}

/* ---- fused groups ---------------------------------------------------------------------------- */
enum { MAX_MEMBER = 32 };

typedef struct group {
    const og_tensor *member[MAX_MEMBER], *panel[MAX_MEMBER], *store[MAX_MEMBER];
    int n_member, n_panel, n_store;
} group;

/* All nodes that lower are members, linears panels, outputs stored. */
static group group_of(const og_graph *g)
{
    group r = { .n_member = 0 };
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *x = g->node[i];
        if (is_lowered(x)) r.member[r.n_member++] = x;
        if (ogi_op_def_of(x->op)->op_class == OGI_CLASS_LINEAR) r.panel[r.n_panel++] = x;
    }
    for (int64_t i = 0; i < g->n_output; i++) r.store[r.n_store++] = g->output[i].value;
    return r;
}

static ogi_lower_spec spec_of(const og_graph *g, const group *r)
{
    return (ogi_lower_spec){ .g = g,
                             .member = r->member,
                             .n_member = r->n_member,
                             .store = r->store,
                             .n_store = r->n_store,
                             .panel = r->panel,
                             .n_panel = r->n_panel };
}

static void dump(const char *text, ogi_buf *out)
{
    og_ctx *ctx = out->ctx;
    og_graph *g = parse(ctx, text);
    group r = group_of(g);
    ogi_lower_spec spec = spec_of(g, &r);
    ogi_arena mem = { .ctx = ctx };
    ogi_kprog *k;
    cr_assert_eq(ogi_lower(&spec, &mem, &k), OG_OK, "%s", og_error(ctx));
    ogi_kprog_print(g, k, out);
    ogi_arena_free(&mem);
    og_graph_free(g);
}

static void expect_dump(const char *text, const char *want)
{
    og_ctx *ctx = new_ctx();
    ogi_buf out = { .ctx = ctx };
    dump(text, &out);
    cr_assert_str_eq(ogi_buf_str(&out), want, "lowered to\n%s", ogi_buf_str(&out));
    ogi_buf_free(&out);
    og_ctx_free(ctx);
}

static const char norm_text[] = "graph \"norm\"\n"
                                "sym T = 1..64\n"
                                "input $x : F32[T,96]\n"
                                "input $y : F32[T,96]\n"
                                "weight @w : F32[96]\n"
                                "%0 = add($x, $y)\n"
                                "%1 = rms_norm(%0) eps=1e-5\n"
                                "%2 = mul(%1, @w)\n"
                                "%3 = quantize(%2)\n"
                                "output \"sum\" = %0\n"
                                "output \"q\" = %3\n";

static const char rope_text[] = "graph \"rope\"\n"
                                "sym T = 1..64\n"
                                "input $x : F32[T,64]\n"
                                "input $table : F32[T,2,32]\n"
                                "input $slot : I32[T]\n"
                                "weight @w : F32[96,64]\n"
                                "weight @b : F32[96]\n"
                                "state &k : F16[4,3,64,32]\n"
                                "%0 = linear($x, @w)\n"
                                "%1 = add(%0, @b)\n"
                                "%2 = reshape(%1) shape=[T,3,32]\n"
                                "%3 = rope(%2, $table) n_rot=32\n"
                                "%4 = kv_store(&k, %3, $slot)\n"
                                "output \"k\" = %4\n";

static const char rope_panel_text[] = "graph \"rope\"\n"
                                      "sym T = 1..64\n"
                                      "input $x : F32[T,64]\n"
                                      "input $table : F32[T,2,32]\n"
                                      "weight @w : F32[96,64]\n"
                                      "%0 = linear($x, @w)\n"
                                      "%1 = reshape(%0) shape=[T,3,32]\n"
                                      "%2 = rope(%1, $table) n_rot=32\n"
                                      "output \"q\" = %2\n";

static const char glu_text[] = "graph \"glu\"\n"
                               "sym T = 1..64\n"
                               "input $x : F32[T,64]\n"
                               "weight @g : F32[96,64]\n"
                               "weight @u : F32[96,64]\n"
                               "%0 = linear($x, @g)\n"
                               "%1 = linear($x, @u)\n"
                               "%2 = silu(%0)\n"
                               "%3 = mul(%2, %1)\n"
                               "output \"y\" = %3\n";

static const char softmax_text[] = "graph \"softmax\"\n"
                                   "sym T = 1..64\n"
                                   "input $x : F32[T,600]\n"
                                   "input $i : I32[T,600]\n"
                                   "%0 = max($x)\n"
                                   "%1 = sub($x, %0)\n"
                                   "%2 = exp(%1)\n"
                                   "%3 = sum(%2)\n"
                                   "%4 = div(%2, %3)\n"
                                   "%5 = take_last(%4, $i)\n"
                                   "%6 = cast(%5) dtype=F16\n"
                                   "%7 = layer_norm(%6) eps=1e-5\n"
                                   "%8 = sqrt(%3)\n"
                                   "output \"p\" = %4\n"
                                   "output \"s\" = %3\n"
                                   "output \"r\" = %8\n"
                                   "output \"h\" = %6\n"
                                   "output \"n\" = %7\n";

Test(lower, norm_group_reads_as_expected)
{
    expect_dump(norm_text, "space [T,96] rows\n"
                           "  x0 = F32[T,96] %0 \"x\" at 0 stride [96,1]\n"
                           "  x1 = F32[T,96] %1 \"y\" at 0 stride [96,1]\n"
                           "  x2 = F32[T,96] %3 written at 0 stride [96,1]\n"
                           "  x3 = F32[96] %2 \"w\" at 0 stride [0,1]\n"
                           "  x4 = A8[T,96] %6 written at 0 stride [96,1]\n"
                           "  v0 = load x0\n"
                           "  v1 = load x1\n"
                           "  v2 = + v0 v1\n"
                           "  store x2 v2\n"
                           "  v4 = * v2 v2\n"
                           "  v5 = row_sum v4\n"
                           "  v6 = const 96\n"
                           "  v7 = / v5 v6\n"
                           "  v8 = const 9.99999975e-06\n"
                           "  v9 = + v7 v8\n"
                           "  v10 = rsqrt v9\n"
                           "  v11 = * v2 v10\n"
                           "  v12 = load x3\n"
                           "  v13 = * v11 v12\n"
                           "  store x4 v13\n");
}

Test(lower, rope_group_reads_as_expected)
{
    expect_dump(rope_text,
                "space [T,3,32] rows\n"
                "  x0 = F32[T,96] %6 panel 0 at 0 stride [96,32,1]\n"
                "  x1 = F32[96] %4 \"b\" at 0 stride [0,32,1]\n"
                "  x2 = F32[T,2,32] %1 \"table\" at 0 stride [64,0,1] own [0,32,0]\n"
                "  x3 = I32[T] %2 \"slot\" at 0 stride [0,0,0] own [1]\n"
                "  x4 = F16[4,3,64,32] %5 \"k\" written at 0 stride [0,0,1] own [6144,2048,32,0]\n"
                "  v0 = load x0\n"
                "  v1 = load x1\n"
                "  v2 = + v0 v1\n"
                "  v3 = const.i 0\n"
                "  v4 = load x2 at 1:v3\n"
                "  v5 = * v2 v4\n"
                "  v6 = coord.i 2\n"
                "  v7 = const.i 16\n"
                "  v8 = <.i v6 v7\n"
                "  v9 = +.i v6 v7\n"
                "  v10 = -.i v6 v7\n"
                "  v11 = select.i v8 v9 v10\n"
                "  v12 = row_at v2 v11\n"
                "  v13 = const.i 1\n"
                "  v14 = load x2 at 1:v13\n"
                "  v15 = * v12 v14\n"
                "  v16 = + v5 v15\n"
                "  v17 = coord.i 0\n"
                "  v18 = load.i x3 at 0:v17\n"
                "  v19 = const.i 6\n"
                "  v20 = >>.i v18 v19\n"
                "  v21 = coord.i 1\n"
                "  v22 = const.i 63\n"
                "  v23 = &.i v18 v22\n"
                "  store x4 v16 at 0:v20 1:v21 2:v23\n");
}

Test(lower, glu_group_reads_as_expected)
{
    expect_dump(glu_text, "space [T,96]\n"
                          "  x0 = F32[T,96] %3 panel 0 at 0 stride [96,1]\n"
                          "  x1 = F32[T,96] %4 panel 1 at 0 stride [96,1]\n"
                          "  x2 = F32[T,96] %6 written at 0 stride [96,1]\n"
                          "  v0 = load x0\n"
                          "  v1 = const 1\n"
                          "  v2 = neg v0\n"
                          "  v3 = exp v2\n"
                          "  v4 = + v1 v3\n"
                          "  v5 = / v0 v4\n"
                          "  v6 = load x1\n"
                          "  v7 = * v5 v6\n"
                          "  store x2 v7\n");
}

/* Panels are filled with numbers, as if the linears had run. */
static void fill_panels(world *w)
{
    for (int64_t i = 0; i < w->g->n_node; i++) {
        const og_tensor *x = w->g->node[i];
        if (ogi_op_def_of(x->op)->op_class != OGI_CLASS_LINEAR) continue;
        for (int64_t e = 0; e < count_of(w, x); e++) ((float *)w->mem[i])[e] = random_float(w);
    }
}

static void check_fused(const char *text, int64_t sym, int cut)
{
    og_ctx *ctx = new_ctx();
    og_graph *g = parse(ctx, text);
    group r = group_of(g);
    for (int isa = 0; ogi_cpu_kernels_at(isa); isa++) {
        world one, two;
        make_world(&one, g, sym);
        make_world(&two, g, sym);
        one.kernels = two.kernels = ogi_cpu_kernels_at(isa);
        fill_panels(&one);
        fill_panels(&two);
        run_unfused(&one, -1);
        ogi_lower_spec spec = spec_of(g, &r);
        cr_assert(run_group(&two, &spec, cut));
        for (int i = 0; i < r.n_store; i++) {
            const og_tensor *x = ogi_storage(r.store[i]);
            cr_assert_arr_eq(one.mem[x->id], two.mem[x->id], (size_t)ogi_value_size(x, one.sym),
                             "%s: output %d of\n%s", one.kernels->name, i, text);
        }
        free_world(&one);
        free_world(&two);
    }
    og_graph_free(g);
    og_ctx_free(ctx);
}

Test(lower, fused_groups_equal_their_nodes_bit_for_bit)
{
    static const char *const text[] = { norm_text, rope_text,    rope_panel_text,
                                        glu_text,  softmax_text, symbolic_row_text };
    for (int i = 0; i < OGI_LEN(text); i++) {
        check_fused(text[i], 1, -1);
        check_fused(text[i], 9, -1);
        check_fused(text[i], 9, 0);
        check_fused(text[i], 9, 1);
    }
}
