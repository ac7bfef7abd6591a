/* SPDX-License-Identifier: MIT
 *
 * The kernel-IR builder: sharing, types, failure, the dump. */
#include <criterion/criterion.h>

#include "graph/kx.h"

static og_ctx *ctx;
static ogi_kb b;

/* Source 0 is operand 0; coordinates and row lengths are what they say. */
static ogi_kx load(ogi_kb *kb, int src, const ogi_kx *idx)
{
    (void)idx;
    ogi_kx_ins ins = { .op = OGI_KX_LOAD, .type = OGI_KX_F32, .arg = (int16_t)src };
    ins.a = ins.b = ins.c = OGI_KX_NONE;
    for (int i = 0; i < OG_MAX_RANK; i++) ins.src[i] = OGI_KX_NONE;
    return ogi_kb_emit(kb, &ins);
}

static const ogi_kb_env env = { .load = load };

static void set_up(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    b = (ogi_kb){ .ctx = ctx, .env = &env };
}

static void tear_down(void)
{
    ogi_kb_free(&b);
    og_ctx_free(ctx);
}

TestSuite(kx, .init = set_up, .fini = tear_down);

Test(kx, equal_instructions_are_one)
{
    ogi_kx x = ogi_kb_load(&b, 0);
    cr_assert(ogi_kb_load(&b, 0) == x);
    cr_assert(ogi_kb_mul(&b, x, x) == ogi_kb_mul(&b, x, x));
    cr_assert(ogi_kb_f32(&b, 0) != ogi_kb_f32(&b, -0.0f), "the zeros differ");
    cr_assert(ogi_kb_f32(&b, 1) != ogi_kb_i32(&b, 0x3f800000), "so do the types");
    cr_assert(b.n_ins == 6);
}

Test(kx, types_follow_operands)
{
    ogi_kx f = ogi_kb_f32(&b, 1), i = ogi_kb_i32(&b, 1);
    cr_assert(b.ins[ogi_kb_add(&b, f, f)].type == OGI_KX_F32);
    cr_assert(b.ins[ogi_kb_add(&b, i, i)].type == OGI_KX_I32);
    cr_assert(b.ins[ogi_kb_lt(&b, f, f)].type == OGI_KX_I32);
    cr_assert(b.ins[ogi_kb_select(&b, i, f, f)].type == OGI_KX_F32);
    cr_assert(b.ins[ogi_kb_to_i32(&b, f)].type == OGI_KX_I32);
    cr_assert(b.ins[ogi_kb_bits_f32(&b, i)].type == OGI_KX_F32);
    cr_assert(!b.failed);
}

Test(kx, mixed_types_fail_for_good)
{
    ogi_kx f = ogi_kb_f32(&b, 1), i = ogi_kb_i32(&b, 1);
    cr_assert(ogi_kb_add(&b, f, i) == OGI_KX_NONE);
    cr_assert(b.failed && strstr(og_error(ctx), "+: operands of the wrong type"), "%s",
              og_error(ctx));
    cr_assert(ogi_kb_add(&b, f, f) == OGI_KX_NONE);
}

Test(kx, none_is_passed_on)
{
    ogi_kx f = ogi_kb_f32(&b, 1);
    cr_assert(ogi_kb_fma(&b, f, OGI_KX_NONE, f) == OGI_KX_NONE);
    cr_assert(!b.failed);
}

Test(kx, each_op_has_a_name_and_arity)
{
    for (int op = 0; op < OGI_KX_OP_COUNT; op++) {
        cr_assert(*ogi_kx_op_name((ogi_kx_op)op));
        cr_assert(ogi_kx_op_arity((ogi_kx_op)op) >= 0 && ogi_kx_op_arity((ogi_kx_op)op) <= 3);
    }
}

Test(kx, a_program_prints)
{
    og_graph *g = og_graph_new(ctx, "p");
    og_dim T = og_sym(g, "T", 1, 8);
    og_tensor *t = og_input(g, "x", OG_F32, OG_SHAPE(T, OG_N(64)));
    ogi_kx x = ogi_kb_load(&b, 0);
    ogi_kb_mul(&b, x, ogi_kb_f32(&b, 0.5f));
    ogi_koperand o = { .value = t, .dtype = OG_F32, .panel = -1, .stride = { OG_N(64), OG_N(1) } };
    ogi_kprog p = { .rank = 2, .space = { T, OG_N(64) }, .operand = &o, .n_operand = 1 };
    p.ins = b.ins, p.n_ins = (int)b.n_ins;
    ogi_buf out = { .ctx = ctx };
    ogi_kprog_print(g, &p, &out);
    const char *want = "space [T,64]\n"
                       "  x0 = F32[T,64] %0 \"x\" at 0 stride [64,1]\n"
                       "  v0 = load x0\n"
                       "  v1 = const 0.5\n"
                       "  v2 = * v0 v1\n";
    cr_assert(!strcmp(ogi_buf_str(&out), want), "%s", ogi_buf_str(&out));
    ogi_buf_free(&out);
    og_graph_free(g);
}
