/* SPDX-License-Identifier: MIT
 *
 * Plans keep their rules, and a plan that breaks one is found. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "graph/plan.h"
#include "tests/support/random_graph.h"

static og_ctx *ctx;
static og_graph *g;
static ogi_plan *plan;

/* y = exp(x) * relu(x) + (relu(x) - exp(x)), every op a group of its own. */
static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    g = og_graph_new(ctx, "verify");
    og_dim T = og_sym(g, "T", 1, 8);
    og_tensor *x = og_input(g, "x", OG_F32, OG_SHAPE(T, OG_N(64)));
    og_tensor *a = og_relu(g, x), *b = og_exp(g, x);
    og_output(g, "y", og_add(g, og_mul(g, a, b), og_sub(g, a, b)));
    ogi_plan_options opt = { .no_fuse = true };
    cr_assert(ogi_plan_build(g, &opt, &plan) == OG_OK, "%s", og_error(ctx));
    cr_assert(plan->n_group == 5);
}

static void tear_down(void)
{
    ogi_plan_free(plan);
    og_graph_free(g);
    og_ctx_free(ctx);
}

TestSuite(plan_verify, .init = set_up, .fini = tear_down);

static void expect(const char *want)
{
    cr_assert(ogi_plan_verify(plan) == OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), want), "%s, expected %s", og_error(ctx), want);
}

Test(plan_verify, a_plan_as_built_is_sound)
{
    cr_assert(ogi_plan_verify(plan) == OG_OK, "%s", og_error(ctx));
}

Test(plan_verify, random_graphs_have_sound_plans)
{
    const char *cases = getenv("OXIGRAPH_TEST_CASES");
    int n = cases ? OGI_MIN(atoi(cases), 2000) : 400;
    for (int seed = 1; seed <= n; seed++)
        for (int no_fuse = 0; no_fuse < 2; no_fuse++) {
            og_graph *r = ogt_random_graph(ctx, (uint64_t)seed);
            ogi_plan_options opt = { .no_fuse = no_fuse, .prologue_max = 16 };
            ogi_plan *p;
            cr_assert(ogi_plan_build(r, &opt, &p) == OG_OK, "seed %d: %s", seed, og_error(ctx));
            cr_assert(ogi_plan_verify(p) == OG_OK, "seed %d: %s", seed, og_error(ctx));
            ogi_plan_free(p);
            og_graph_free(r);
        }
}

Test(plan_verify, finds_a_group_that_runs_before_its_source)
{
    ogi_group first = plan->group[0];
    plan->group[0] = plan->group[4];
    plan->group[4] = first;
    plan->group_of[plan->group[0].member[0]->id] = 0;
    plan->group_of[plan->group[4].member[0]->id] = 4;
    expect("which runs later");
}

Test(plan_verify, finds_a_node_in_two_groups)
{
    plan->group[2].member = plan->group[1].member;
    expect("is in two groups");
}

Test(plan_verify, finds_a_node_in_no_group)
{
    plan->n_group--; /* the last: nobody reads it */
    expect("4 of 5 nodes");
}

Test(plan_verify, finds_a_read_that_is_not_listed)
{
    plan->group[2].n_read = 0;
    expect("does not list it");
}

Test(plan_verify, finds_slots_that_overlap)
{
    int a = plan->slot_of[plan->group[0].member[0]->id];
    int b = plan->slot_of[plan->group[1].member[0]->id];
    plan->slot[a].offset = plan->slot[b].offset;
    expect("live at once in the same bytes");
}

Test(plan_verify, finds_a_slot_outside_the_arena)
{
    plan->arena_size -= 64;
    expect("does not lie in the arena");
}

Test(plan_verify, finds_a_value_that_dies_too_soon)
{
    ogi_slot *s = &plan->slot[plan->slot_of[plan->group[0].member[0]->id]];
    s->last = s->first;
    expect("is gone before group");
}

Test(plan_verify, finds_an_output_that_dies)
{
    ogi_slot *s = &plan->slot[plan->slot_of[plan->group[0].member[0]->id]];
    og_output(g, "early", g->node[s->value->id]);
    expect("does not live to the end");
}
