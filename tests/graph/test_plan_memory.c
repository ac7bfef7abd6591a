/* SPDX-License-Identifier: MIT
 *
 * Places in the arena: the peak is near the lower bound, memory is used again, sizes are those at
 * the end of the plan's range. */
#include <criterion/criterion.h>

#include "graph/layout.h"
#include "graph/plan.h"
#include "tests/support/random_graph.h"

static og_ctx *ctx;

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}

static void tear_down(void)
{
    og_ctx_free(ctx);
}

TestSuite(plan_memory, .init = set_up, .fini = tear_down);

/* x -> relu -> relu -> ... n times, every op a group. */
static og_graph *chain(int n)
{
    og_graph *g = og_graph_new(ctx, "chain");
    og_dim T = og_sym(g, "T", 1, 100);
    og_tensor *x = og_input(g, "x", OG_F32, OG_SHAPE(T, OG_N(32)));
    for (int i = 0; i < n; i++) x = i % 2 ? og_exp(g, x) : og_relu(g, x);
    og_output(g, "y", x);
    return g;
}

static ogi_plan *plan_of(const og_graph *g, int64_t most)
{
    ogi_plan *p;
    ogi_plan_options opt = { .no_fuse = true, .sym_max = { most } };
    cr_assert(ogi_plan_build(g, &opt, &p) == OG_OK, "%s", og_error(ctx));
    return p;
}

Test(plan_memory, a_chain_of_any_length_takes_two_places)
{
    for (int n = 2; n < 40; n += 7) {
        og_graph *g = chain(n);
        ogi_plan *p = plan_of(g, 0);
        cr_assert(p->n_slot == n);
        cr_assert(p->arena_size == 2 * 100 * 32 * 4, "%d ops: %lld", n, (long long)p->arena_size);
        cr_assert(p->lower_bound == p->arena_size);
        ogi_plan_free(p);
        og_graph_free(g);
    }
}

Test(plan_memory, places_have_the_size_of_the_range_s_end)
{
    og_graph *g = chain(5);
    for (int64_t most = 1; most <= 100; most += 33) {
        ogi_plan *p = plan_of(g, most);
        for (int s = 0; s < p->n_slot; s++)
            cr_assert(p->slot[s].size == OGI_ALIGN(most * 32 * 4, 64), "T <= %d", (int)most);
        ogi_plan_free(p);
    }
    og_graph_free(g);
}

Test(plan_memory, outputs_live_to_the_end_wherever_they_are_made)
{
    og_graph *g = chain(9);
    for (int64_t i = 0; i < g->n_node; i++)
        if (g->node[i]->op == OG_OP_EXP && i == 2) og_output(g, "early", g->node[i]);
    ogi_plan *p = plan_of(g, 0);
    int s = p->slot_of[2];
    cr_assert(g->n_output == 2 && s >= 0 && p->slot[s].last == p->n_group - 1);
    cr_assert(p->arena_size == 3 * 100 * 32 * 4);
    ogi_plan_free(p);
    og_graph_free(g);
}

Test(plan_memory, the_peak_of_random_graphs_is_near_the_bound)
{
    double sum = 0;
    int n = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed);
        ogi_plan *p = plan_of(g, 0);
        if (p->lower_bound) {
            double ratio = (double)p->arena_size / (double)p->lower_bound;
            cr_assert(ratio >= 1 && ratio < 1.5, "seed %d: %g", (int)seed, ratio);
            sum += ratio;
            n++;
        }
        ogi_plan_free(p);
        og_graph_free(g);
    }
    cr_assert(n > 200 && sum / n < 1.02, "mean %g of %d", sum / n, n);
}
