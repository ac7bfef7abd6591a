/* SPDX-License-Identifier: MIT
 *
 * What the machine would allow. The limit of a phase is the sum over the groups it runs of
 *
 *   max(bytes / read bandwidth, operations / peak of the type computed in)
 *
 * Quantized linears compute in int8, everything else in F32. Bytes count each value once: weights
 * of experts only as far as some token uses them, keys and values once a sequence. */
#include <math.h>

#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/layout.h"
#include "models/model.h"
#include "ops/attention.h"
#include "runtime/program.h"
#include "tools/bench/bench.h"

/* ---- plans of a model ---------------------------------------------------------------------- */

static og_status add_plans(bench_account *a, const og_program *program)
{
    for (int i = 0; ogi_program_plan(program, i); i++) {
        if (a->n_plan == BENCH_MAX_PLAN)
            OG_FAIL(a->ctx, OG_E_LIMIT, "bench: more than %d plans", BENCH_MAX_PLAN);
        bench_plan *p = &a->plan[a->n_plan++];
        *p = (bench_plan){ .program = program, .plan = ogi_program_plan(program, i), .index = i };
        p->work = ogi_alloc(a->ctx, (size_t)p->plan->n_group + 1, sizeof *p->work);
        p->time.group = OGI_NEW_N(a->ctx, double, p->plan->n_group + 1);
        if (!p->work || !p->time.group) return OG_E_MEMORY;
    }
    return OG_OK;
}

og_status bench_account_init(og_ctx *ctx, const og_model *m, bench_account *out)
{
    *out = (bench_account){ .ctx = ctx };
    OG_TRY(add_plans(out, og_model_program(m, "step")));
    return add_plans(out, og_model_program(m, "head"));
}

void bench_account_free(bench_account *a)
{
    for (int i = 0; i < a->n_plan; i++) {
        ogi_free(a->ctx, a->plan[i].work);
        ogi_free(a->ctx, a->plan[i].time.group);
    }
}

og_status bench_account_time(bench_account *a, bool on)
{
    for (int i = 0; i < a->n_plan; i++) {
        bench_plan *p = &a->plan[i];
        OG_TRY(ogi_program_profile(p->program, p->index, on ? &p->time : NULL));
    }
    return OG_OK;
}

struct bench_work bench_account_total(const bench_account *a)
{
    struct bench_work sum = { 0 };
    for (int i = 0; i < a->n_plan; i++)
        for (int g = 0; g < a->plan[i].plan->n_group; g++) {
            const struct bench_work *w = &a->plan[i].work[g];
            sum.bytes += w->bytes;
            sum.flops += w->flops;
            sum.limit += w->limit;
        }
    return sum;
}

/* ---- one run of a plan --------------------------------------------------------------------- */

/* Sequences of a step: all have `context` tokens before it; their new tokens. */
typedef struct step {
    int64_t n_tok, n_seq;
    int64_t before[BENCH_MAX_BATCH], n[BENCH_MAX_BATCH];
} step;

/* Keys that the step's tokens see, each token's counted (pairs) or each once (keys). */
static void count_keys(const step *s, const ogi_attention *a, double *pairs, double *keys)
{
    *pairs = *keys = 0;
    for (int64_t q = 0; q < s->n_seq; q++) {
        int64_t end = s->before[q] + s->n[q], first = end;
        for (int64_t pos = s->before[q]; pos < end; pos++) {
            int64_t from = a->window > 0 ? OGI_MAX(0, pos + 1 - a->window) : 0;
            *pairs += (double)((a->is_bidirectional ? end : pos + 1) - from);
            first = OGI_MIN(first, from);
        }
        *keys += (double)(end - first);
    }
}

/* Bytes of expert weights that no token of the step uses, if the router spreads evenly. */
static double unused_experts(const ogi_group *g, const int64_t *sym)
{
    double bytes = 0;
    for (int i = 0; i < g->n_set; i++)
        for (int k = 0; k < g->set[i].n_linear; k++) {
            const og_tensor *x = g->set[i].linear[k];
            if (x->op != OG_OP_GROUPED_LINEAR) continue;
            double n = (double)ogi_dim_value(x->src[1]->shape.dim[0], sym);
            double used = (double)ogi_dim_value(x->shape.dim[1], sym);
            double tokens = (double)ogi_dim_value(x->shape.dim[0], sym);
            bytes += (double)ogi_value_size(x->src[1], sym) * pow(1 - used / n, tokens);
        }
    return bytes;
}

static bool is_int8(const ogi_group *g)
{
    return g->n_set && g->set[0].linear[0]->src[0]->dtype == OG_A8;
}

static void add_group(const ogi_group *g, const int64_t *sym, const step *s,
                      const ogi_roofline *roof, struct bench_work *w)
{
    double bytes = ogi_cost_eval(g->cost.bytes, sym) - unused_experts(g, sym);
    double flops = ogi_cost_eval(g->cost.flops, sym);
    for (int i = 0; s && i < g->n_member; i++) {
        if (g->member[i]->op != OG_OP_ATTENTION) continue;
        double pairs, keys;
        count_keys(s, g->member[i]->params, &pairs, &keys);
        flops += pairs * g->cost.flops_per_key;
        bytes += keys * g->cost.bytes_per_key;
    }
    double peak = is_int8(g) ? roof->int8_gop_s : roof->f32_gflop_s;
    w->n_run++;
    w->bytes += bytes;
    w->flops += flops;
    w->limit += OGI_MAX(bytes / (roof->read_gb_s * 1e9), flops / (peak * 1e9));
}

/* The plan that a run with n of the first symbol takes. */
static bench_plan *plan_for(bench_account *a, const og_program *program, int64_t n)
{
    bench_plan *last = NULL;
    for (int i = 0; i < a->n_plan; i++) {
        if (a->plan[i].program != program) continue;
        last = &a->plan[i];
        if (n <= last->plan->sym_max[0]) break;
    }
    return last;
}

static void add_run(bench_plan *p, const int64_t *value, int n_value, const step *s,
                    const ogi_roofline *roof)
{
    int64_t sym[OG_MAX_SYM] = { 0 };
    memcpy(sym, value, (size_t)n_value * sizeof *sym);
    for (int g = 0; g < p->plan->n_group; g++)
        add_group(&p->plan->group[g], sym, s, roof, &p->work[g]);
}

/* ---- a phase ------------------------------------------------------------------------------- */

/* One step and its rows of logits. */
static void add_step(bench_account *a, const og_model *m, const step *s, int64_t n_row,
                     const ogi_roofline *roof)
{
    og_model_info info;
    og_model_get_info(m, &info);
    const og_program *program = og_model_program(m, "step");
    const og_program *head = og_model_program(m, "head");
    int64_t pages = (info.n_ctx + OGI_PAGE - 1) / OGI_PAGE;
    int64_t sym[] = { s->n_tok, s->n_seq, pages, pages * s->n_seq, s->n_seq };
    add_run(plan_for(a, program, s->n_tok), sym, OGI_LEN(sym), s, roof);
    for (; n_row > 0; n_row -= OGI_HEAD_ROWS) {
        int64_t rows[] = { OGI_MIN(n_row, OGI_HEAD_ROWS), s->n_tok };
        add_run(plan_for(a, head, rows[0]), rows, OGI_LEN(rows), NULL, roof);
    }
}

/* Tokens are cut into steps as the engine does. */
void bench_account_phase(bench_account *a, const og_model *m, const bench_phase *p,
                         const ogi_roofline *roof)
{
    int64_t done[BENCH_MAX_BATCH] = { 0 }, most = p->is_decode ? 1 : OGI_STEP_TOKENS;
    for (;;) {
        step s = { 0 };
        int64_t n_row = 0;
        for (int64_t q = 0; q < p->batch; q++) {
            int64_t n = OGI_MIN(OGI_MIN(p->tokens - done[q], most), OGI_STEP_TOKENS - s.n_tok);
            if (n <= 0) continue;
            s.before[s.n_seq] = p->context + done[q];
            s.n[s.n_seq++] = n;
            s.n_tok += n;
            done[q] += n;
            n_row += p->is_decode || done[q] == p->tokens;
        }
        if (!s.n_tok) break;
        add_step(a, m, &s, n_row, roof);
    }
    for (int i = 0; i < a->n_plan; i++)
        for (int g = 0; g < a->plan[i].plan->n_group; g++)
            a->plan[i].work[g].seconds = a->plan[i].time.group[g] / OGI_MAX(p->n_rep, 1);
}
