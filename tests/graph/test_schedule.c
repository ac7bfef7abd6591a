/* SPDX-License-Identifier: MIT
 *
 * The order of groups: sources before users, and among those that are ready the author's order. */
#include <criterion/criterion.h>

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

TestSuite(schedule, .init = set_up, .fini = tear_down);

static ogi_plan *plan_of(const og_graph *g)
{
    ogi_plan *p;
    cr_assert(ogi_plan_build(g, &(ogi_plan_options){ .no_fuse = true }, &p) == OG_OK, "%s",
              og_error(ctx));
    return p;
}

Test(schedule, single_ops_keep_the_order_in_which_they_were_built)
{
    for (uint64_t seed = 1; seed < 100; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed);
        ogi_plan *p = plan_of(g);
        for (int b = 1; b < p->n_group; b++)
            cr_assert(p->group[b - 1].member[0]->id < p->group[b].member[0]->id, "seed %d",
                      (int)seed);
        ogi_plan_free(p);
        og_graph_free(g);
    }
}

/* Groups shuffled before scheduling come out in the same order. */
Test(schedule, does_not_depend_on_the_order_of_the_groups)
{
    for (uint64_t seed = 1; seed < 100; seed++) {
        og_graph *g = ogt_random_graph(ctx, seed);
        ogi_plan *p = plan_of(g);
        ogi_plan other = *p;
        other.group = ogi_arena_alloc(&p->mem, (size_t)p->n_group + 1, sizeof *other.group);
        for (int b = 0; b < p->n_group; b++) other.group[b] = p->group[p->n_group - 1 - b];
        other.mem = (ogi_arena){ .ctx = ctx };
        cr_assert(ogi_plan_schedule(&other) == OG_OK);
        for (int b = 0; b < p->n_group; b++) {
            cr_assert(other.group[b].member[0] == p->group[b].member[0], "seed %d", (int)seed);
            cr_assert(other.group_of[p->group[b].member[0]->id] == b);
        }
        ogi_arena_free(&other.mem);
        ogi_plan_free(p);
        og_graph_free(g);
    }
}

Test(schedule, groups_that_wait_for_each_other_are_refused)
{
    og_graph *g = og_graph_new(ctx, "circle");
    og_tensor *x = og_input(g, "x", OG_F32, OG_SHAPE(OG_N(4)));
    og_output(g, "y", og_exp(g, og_relu(g, x)));
    ogi_plan *p = plan_of(g);
    const og_tensor *relu = p->group[0].member[0], *exp = p->group[1].member[0];
    cr_assert(relu->op == OG_OP_RELU && exp->op == OG_OP_EXP);
    p->group[0].read[0] = exp;
    cr_assert(ogi_plan_schedule(p) == OG_E_INVALID);
    cr_assert(strstr(og_error(ctx), "wait for each other"));
    ogi_plan_free(p);
    og_graph_free(g);
}
